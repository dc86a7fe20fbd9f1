"""What every page and every part of the API is given."""

from dataclasses import dataclass

from bandcamp_sync.settings import Settings
from bandcamp_sync.views import Views

from services.dashboard.web.live import Live
from services.dashboard.web.streams import Streams


@dataclass(frozen=True)
class Site:
    """The settings, what may be shown of the data folder, and what keeps pages up to date."""

    settings: Settings
    views: Views
    streams: Streams
    live: Live
