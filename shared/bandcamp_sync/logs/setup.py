"""Where log records go, and how a line looks.

    2026-11-23T12:00:00.123Z INFO  worker p500000003 message

One record is one line, whatever an album is called. Secrets are cut here, in the formatter, from the finished
text: message, arguments and traceback alike. Several processes may append to one file and rotate it.
"""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path

from bandcamp_sync.files.atomic import make_folder
from bandcamp_sync.logs.redact import redact
from bandcamp_sync.logs.rotation import SharedRotatingHandler

MAX_LINE_CHARS = 16 * 1024
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")

_SHORT = {"WARNING": "WARN", "CRITICAL": "FATAL"}
_NOISY = ("apprise", "asyncio", "charset_normalizer", "filelock", "PIL", "urllib3", "watchfiles", "werkzeug")
_context: ContextVar[dict[str, str]] = ContextVar("log_context", default={})  # noqa: B039 (never changed in place)


def set_up_logging(
    service: str, level: str, folder: Path | None, console: bool, console_level: str | None = None
) -> None:
    """Send every record from `level` up to `<folder>/<service>.log` (where there is a folder) and to stderr.

    `console_level`: stderr gets only what is at least so grave.

    May be called again; the handlers of the last call are replaced. Raises ValueError for an unknown level
    and OSError when the file cannot be written.
    """
    if level.upper() not in LEVELS:
        raise ValueError(f"{level!r} is not one of {', '.join(LEVELS)}")
    handlers: list[logging.Handler] = []
    if folder is not None:
        make_folder(folder)
        handlers.append(_FileHandler(folder / f"{service}.log"))
    if console:
        handlers.append(_ConsoleHandler(sys.stderr))
        if console_level is not None:
            handlers[-1].setLevel(console_level)
            # The command itself ends with the sentence of what went wrong; an alarm would say it twice.
            handlers[-1].addFilter(lambda record: record.name != "bandcamp_sync.alarms")
    for handler in handlers:
        handler.setFormatter(LineFormatter(service))
    _replace_handlers(handlers or [logging.NullHandler()])
    _set_levels(level.upper())


@contextmanager
def log_context(**fields: object) -> Iterator[None]:
    """Records of this thread or task inside the `with` carry these: `key` bare, others as `attempt=2`."""
    token = _context.set({**_context.get(), **{name: str(value) for name, value in fields.items()}})
    try:
        yield
    finally:
        _context.reset(token)


class LineFormatter(logging.Formatter):
    """One redacted line for a record, with its time in UTC, its level, the service and the context."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        """The line without its end; control characters are written as escapes."""
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        level = _SHORT.get(record.levelname, record.levelname)
        line = f"{_context_text()} {_one_line(redact(self._text(record)))}"
        return f"{moment.removesuffix('+00:00')}Z {level:<5} {self._service} {line}"[:MAX_LINE_CHARS]

    def _text(self, record: logging.LogRecord) -> str:
        parts = [_message(record)]
        if record.exc_info and record.exc_info[0] is not None:
            parts.append(self.formatException(record.exc_info))
        if record.stack_info:
            parts.append(record.stack_info)
        return "\n".join(parts)


class _FileHandler(SharedRotatingHandler):
    def handleError(self, record: logging.LogRecord) -> None:
        _report_lost(record)


class _ConsoleHandler(logging.StreamHandler):  # type: ignore[type-arg]
    def handleError(self, record: logging.LogRecord) -> None:
        """Nothing: there is nowhere left to write to."""


def _report_lost(record: logging.LogRecord) -> None:
    # logging's own report would print the record's arguments as they are.
    error = sys.exc_info()[0]
    if sys.stderr is not None:
        sys.stderr.write(f"a log line of {record.name} was lost ({error.__name__ if error else 'unknown'})\n")


def _replace_handlers(handlers: list[logging.Handler]) -> None:
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if getattr(handler, "is_ours", False)]:
        root.removeHandler(old)
        old.close()
    for handler in handlers:
        handler.is_ours = True  # type: ignore[attr-defined]
        root.addHandler(handler)


def _set_levels(level: str) -> None:
    logging.getLogger().setLevel(level)
    logging.captureWarnings(True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "DEBUG" else logging.WARNING)


def _context_text() -> str:
    fields = _context.get()
    others = [f"{name}={value}" for name, value in fields.items() if name != "key"]
    return _one_line(redact(" ".join([fields.get("key", "-"), *others])))


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # a record with wrong arguments must not end the work that it tells of
        return f"{record.msg!s} (its arguments do not fit: {type(error).__name__})"


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii") if char != "\xa0" else " "
