"""How the stand-in behaves as a whole, as against the rules, which are faults of single answers."""

from dataclasses import dataclass, field, fields
from typing import Any

from standin.archive import ZipStyle

POPPLERS = ("direct", "open", "bcbits")
LOGGED_OUT = ("error", "401", "403", "302")


@dataclass
class Settings:
    """Modes that hold until changed. Each has a value that the real site was seen with."""

    #: popplers' file address: bytes with cookies and a redirect to a page without (`direct`),
    #: bytes for anybody (`open`), a redirect to the file host (`bcbits`).
    popplers: str = "direct"
    #: what the API says to somebody who is not logged in.
    logged_out: str = "error"
    #: bytes per second for files and streams; None sends as fast as it goes.
    rate: int | None = None
    #: a second listing call within this many milliseconds gets a false `more_available: false`.
    fast_call_ms: int = 0
    #: seconds for which a stream address stays good.
    stream_life: int = 86400
    zip_style: ZipStyle = field(default_factory=ZipStyle)

    def update(self, changes: dict[str, Any]) -> None:
        """Apply changes that came as JSON; a name or a mode that does not exist is a ValueError."""
        known = {entry.name for entry in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"no setting {name!r}; there are {sorted(known)}")
            if name == "popplers" and value not in POPPLERS:
                raise ValueError(f"popplers is one of {POPPLERS}")
            if name == "logged_out" and value not in LOGGED_OUT:
                raise ValueError(f"logged_out is one of {LOGGED_OUT}")
            setattr(self, name, ZipStyle(**value) if name == "zip_style" else value)
