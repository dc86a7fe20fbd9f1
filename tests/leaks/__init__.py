"""What must be seen nowhere: the secrets of a run, in every spelling, and a search for them."""
