"""`backup` and `restore`: the books as one archive, made while everything runs, put back by renames."""
