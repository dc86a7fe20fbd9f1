"""The long-running forms of the stages: what the services' start files run."""

from bandcamp_sync.loops.reconciler import reconciler_loop
from bandcamp_sync.loops.scraper import scraper_loop
from bandcamp_sync.loops.worker import worker_loop

__all__ = ["reconciler_loop", "scraper_loop", "worker_loop"]
