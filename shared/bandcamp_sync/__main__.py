"""`python -m bandcamp_sync` is the command `bandcampsync`."""

from bandcamp_sync.cli import main

if __name__ == "__main__":
    main(prog_name="bandcampsync")
