"""The request timeline of a storm: what the whole stack asks while Bandcamp refuses everything."""
