"""The scraper: `python -m services.scraper.start`."""

import sys

from bandcamp_sync.loops.scraper import scraper_loop
from bandcamp_sync.loops.service import serve

if __name__ == "__main__":
    sys.exit(serve(scraper_loop))
