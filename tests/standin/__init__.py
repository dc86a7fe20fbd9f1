"""A stand-in Bandcamp: the pages, the API, the files and the faults, served from this machine.

Nothing here talks to the real site. Everything that it serves is invented or computed: names,
covers, tones. It exists so that the tests and the demo meet a Bandcamp that misbehaves on demand.
"""

from standin.archive import ZipStyle
from standin.rules import Rule, RuleBook
from standin.server import StandIn
from standin.settings import Settings
from standin.world import World

__all__ = ["Rule", "RuleBook", "Settings", "StandIn", "World", "ZipStyle"]
