"""Settings: read once from the environment into a frozen value, and passed on.

Each field's `description` says what the variable does and what it may be; the same text makes the error message and
the README's table (`bandcampsync settings --markdown`).
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ByteSize, ConfigDict, Field, ValidationError, model_validator

from bandcamp_sync.bandcamp.formats import FORMATS
from bandcamp_sync.errors import SettingInvalid
from bandcamp_sync.library.names import validate_layout

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_ADDRESS = r"[A-Za-z0-9][A-Za-z0-9+.-]*://"
_HOST = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")


def parse_duration(text: str) -> timedelta:
    """`90`, `1.5s`, `5m`, `6h`, `1h30m` or `7d` as a timedelta; a bare number counts seconds. Raises ValueError."""
    text = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        text += "s"
    if not text or _PART.sub("", text):
        raise ValueError("not a duration")
    seconds = sum(float(n) * _UNITS[unit] for n, unit in _PART.findall(text))
    if seconds > 3650 * _UNITS["d"]:
        raise ValueError("longer than ten years")
    return timedelta(seconds=seconds)


def _duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


def _formats(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    names = tuple(part.strip().lower() for part in value.split(",") if part.strip())
    if not names or any(name not in FORMATS for name in names):
        raise ValueError("unknown format")
    return names


def _base_url(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    parts = urlsplit(value.strip().rstrip("/"))
    if (
        parts.port == 0
        or parts.scheme not in ("http", "https")
        or not parts.hostname
        or parts.path
        or parts.query
        or parts.username
        or parts.password
    ):
        raise ValueError("not a base URL")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _layout(value: Any) -> Any:
    validate_layout(str(value))
    return str(value)


def _zone(value: Any) -> Any:
    name = str(value).removeprefix(":")
    if re.fullmatch(r"[A-Za-z]{3,}[-+]?\d.*", name):
        return value  # a POSIX rule, which the C library understands
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        raise ValueError("no such time zone") from None
    return value


def _umask(value: Any) -> Any:
    return int(value, 8) if isinstance(value, str) else value


def _bind(value: Any) -> Any:
    match = re.fullmatch(r"(?:\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})", str(value))
    if not match or not 0 < int(match[1]) < 65536:
        raise ValueError("not HOST:PORT")
    return str(value)


def _hosts(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    names = [part.strip().rstrip(".").lower() for part in value.split(",") if part.strip()]
    names = [name if name.isascii() else name.encode("idna").decode() for name in names]
    if not names or not all(_HOST.fullmatch(name) for name in names):
        raise ValueError("not host names")
    return tuple(dict.fromkeys(names))


def _addresses(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    found = _parted(value)
    if not all(re.match(_ADDRESS, address) for address in found):
        raise ValueError("not addresses")
    return tuple(dict.fromkeys(found))


def _parted(text: str) -> list[str]:
    """Addresses are parted by white space, and by a comma where another one begins: a comma may be part of one."""
    pieces = re.split(rf",(?={_ADDRESS})|\s+", text)
    return [piece.rstrip(",") for piece in pieces if piece.strip(",")]


def _masked(name: str, value: str) -> str:
    """What of a wrong value may be shown: of a secret one nothing, but which of several addresses is meant."""
    if name == "NOTIFY_URLS":
        found = _parted(value)
        wrong = next((n for n, one in enumerate(found, start=1) if not re.match(_ADDRESS, one)), None)
        return f"*** (address {wrong} of {len(found)})" if wrong and len(found) > 1 else "***"
    return "***" if name == "DASHBOARD_PASSWORD" else value


Duration = Annotated[timedelta, BeforeValidator(_duration)]
Span = Annotated[Duration, Field(gt=timedelta(0))]
LogLevel = Annotated[
    Literal["DEBUG", "INFO", "WARNING", "ERROR"],
    BeforeValidator(lambda v: v.upper() if isinstance(v, str) else v),
]


class Settings(BaseModel):
    """What the user can set. Field names are the variables' names in lower case, but for `base_url` and its kin."""

    model_config = ConfigDict(frozen=True, populate_by_name=True, validate_default=False)

    base_url: Annotated[str, BeforeValidator(_base_url)] = Field(
        "https://bandcamp.com",
        alias="BANDCAMP_BASE_URL",
        description="where Bandcamp is|a URL without a path",
    )
    fan_id: Annotated[int, Field(gt=0)] | None = Field(
        None,
        alias="BANDCAMP_FAN_ID",
        description="your fan id, when it cannot be found by itself|a whole number",
    )
    username: str | None = Field(
        None, alias="BANDCAMP_USERNAME", description="your Bandcamp user name, when it cannot be found|a name"
    )
    data_dir: Path = Field(
        Path("./volumes"), alias="DATA_DIR", description="the data folder: books, queue, logs|a folder"
    )
    music_dir: Path = Field(
        Path("./volumes/music"), alias="MUSIC_DIR", description="the music folder (`DATA_DIR/music`)|a folder"
    )
    cookies_file: Path = Field(
        Path("./volumes/config/cookies.txt"),
        alias="COOKIES_FILE",
        description="your Bandcamp cookies (`DATA_DIR/config/cookies.txt`)|a file",
    )
    format: Annotated[tuple[str, ...], BeforeValidator(_formats)] = Field(
        ("flac",),
        alias="FORMAT",
        description="the format, or several in order of preference|" + ", ".join(FORMATS) + ", separated by commas",
    )
    stream_fallback: bool = Field(
        False,
        alias="STREAM_FALLBACK",
        description="fetch the streams (V0 for owners, else 128 kbit/s) of what has no download|yes or no",
    )
    include_hidden: bool = Field(True, alias="INCLUDE_HIDDEN", description="sync hidden purchases too|yes or no")
    layout: Annotated[str, BeforeValidator(_layout)] = Field(
        "{artist}/{album}",
        alias="LAYOUT",
        description="where an album lies in the music folder|a path of {artist}, {album}, {key}, {year}, {performer}",
    )
    workers: int = Field(2, alias="WORKERS", ge=1, le=16, description="downloads at a time|a number from 1 to 16")
    scrape_interval: Span = Field(
        timedelta(hours=6),
        alias="SCRAPE_INTERVAL",
        description="how often purchases are listed|a duration, as 30m or 6h",
    )
    retry_base: Span = Field(
        timedelta(minutes=5),
        alias="RETRY_BASE",
        description="wait before the first retry; doubles|a duration, as 5m",
    )
    retry_max: Span = Field(
        timedelta(hours=24), alias="RETRY_MAX", description="longest wait between retries|a duration, as 24h"
    )
    max_attempts: int = Field(
        8, alias="MAX_ATTEMPTS", ge=1, description="attempts before an item is called failed|a number from 1"
    )
    request_interval: Duration = Field(
        timedelta(seconds=1),
        alias="REQUEST_INTERVAL",
        description="politeness between page requests|a duration, as 1s",
    )
    min_free_space: ByteSize = Field(
        ByteSize(2_000_000_000),
        alias="MIN_FREE_SPACE",
        description="room that stays free on the music disk|a size, as 2G",
    )
    lease: Span = Field(
        timedelta(minutes=2),
        alias="LEASE",
        description="how long a worker's claim holds without a sign of life|a duration, as 2m",
    )
    stall_timeout: Span = Field(
        timedelta(seconds=60),
        alias="STALL_TIMEOUT",
        description="a silent connection is given up after|a duration, as 60s",
    )
    dashboard_bind: Annotated[str, BeforeValidator(_bind)] = Field(
        "127.0.0.1:5000", alias="DASHBOARD_BIND", description="where the dashboard listens|HOST:PORT"
    )
    dashboard_hosts: Annotated[tuple[str, ...], BeforeValidator(_hosts)] = Field(
        (),
        alias="DASHBOARD_HOSTS",
        description="names that the dashboard goes by besides addresses and localhost, as behind a reverse proxy"
        "|host names separated by commas, as music.example.org",
    )
    dashboard_password: str | None = Field(
        None, alias="DASHBOARD_PASSWORD", description="asks for this password|a text", repr=False
    )
    notify_urls: Annotated[tuple[str, ...], BeforeValidator(_addresses)] = Field(
        (),
        alias="NOTIFY_URLS",
        description="where to tell you what needs you (Apprise)"
        "|addresses that Apprise knows, separated by spaces, as ntfy://example.org/topic",
        repr=False,
    )
    puid: int | None = Field(None, alias="PUID", ge=0, description="owner of the files (containers)|a user id")
    pgid: int | None = Field(None, alias="PGID", ge=0, description="group of the files (containers)|a group id")
    umask: Annotated[int, BeforeValidator(_umask)] | None = Field(
        None, alias="UMASK", ge=0, le=0o777, description="permissions taken from new files|octal, as 022"
    )
    tz: Annotated[str, BeforeValidator(_zone)] | None = Field(
        None, alias="TZ", description="time zone of what is shown|a name, as Europe/Berlin"
    )
    log_level: LogLevel = Field(
        "INFO", alias="LOG_LEVEL", description="how much is logged|DEBUG, INFO, WARNING or ERROR"
    )

    @model_validator(mode="before")
    @classmethod
    def _follow_data_dir(cls, values: Any) -> Any:
        if isinstance(values, dict) and "DATA_DIR" in values:
            data_dir = Path(values["DATA_DIR"])
            values.setdefault("MUSIC_DIR", data_dir / "music")
            values.setdefault("COOKIES_FILE", data_dir / "config" / "cookies.txt")
        return values

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> "Settings":
        """The settings in `environ`; an empty value counts as not set (Compose passes those).

        Raises SettingInvalid naming the first wrong variable, its value and what it may be.
        """
        names = {str(field.alias): field.description or "" for field in cls.model_fields.values()}
        given: dict[str, Any] = {n: environ[n].strip() for n in names if environ.get(n, "").strip()}
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            name = str(error.errors(include_url=False)[0]["loc"][0])
            raise SettingInvalid(
                name, _masked(name, str(given.get(name, ""))), names.get(name, "|").partition("|")[2]
            ) from None

    @classmethod
    def table(cls) -> list[tuple[str, str, str, str]]:
        """(variable, default, meaning, allowed) for each setting, in the order of this file."""
        rows = []
        for field in cls.model_fields.values():
            meaning, _, allowed = (field.description or "").partition("|")
            rows.append((str(field.alias), _shown(str(field.alias), field.default), meaning, allowed))
        return rows


def _shown(name: str, default: Any) -> str:
    if default is None:
        return ""
    if isinstance(default, timedelta):
        seconds = int(default.total_seconds())
        for unit, size in (("h", 3600), ("m", 60)):
            if seconds >= size and seconds % size == 0:
                return f"{seconds // size}{unit}"
        return f"{seconds}s"
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, tuple):
        return ",".join(default)
    if name == "MIN_FREE_SPACE":
        return "2G"
    if isinstance(default, Path):
        return {"DATA_DIR": "./volumes", "MUSIC_DIR": "DATA_DIR/music"}.get(name, "DATA_DIR/config/cookies.txt")
    return str(default)
