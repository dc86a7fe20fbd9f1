"""A scrape if one is due, once: `python -m services.scraper.once`."""

import sys

from bandcamp_sync.loops.once import run_once
from bandcamp_sync.loops.scrape_tick import scrape_tick

if __name__ == "__main__":
    sys.exit(run_once("scraper", scrape_tick))
