import logging
import re
import sys
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from bandcamp_sync.logs.redact import register_secret
from bandcamp_sync.logs.setup import LineFormatter, log_context, set_up_logging

SIGNATURE = "fedcba9876543210fedcba9876543210"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG|INFO |WARN |ERROR|FATAL) worker (\S+) (.*)")
log = logging.getLogger("bandcamp_sync.test")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    level = root.level
    yield
    for handler in [handler for handler in root.handlers if getattr(handler, "is_ours", False)]:
        root.removeHandler(handler)
        handler.close()
    root.setLevel(level)
    logging.captureWarnings(False)


def lines(folder: Path, service: str = "worker") -> list[str]:
    return (folder / f"{service}.log").read_text(encoding="utf-8").splitlines()


def test_a_record_is_one_line_with_its_time_level_service_and_key(tmp_path: Path) -> None:
    set_up_logging("worker", "info", tmp_path / "logs", console=False)
    with log_context(key="p500000003", attempt=2):
        log.info("placed %s", "Los Faros")
    log.warning("no job")
    log.debug("not shown")
    first, second = lines(tmp_path / "logs")
    assert re.fullmatch(LINE, first) and first.endswith("INFO  worker p500000003 attempt=2 placed Los Faros")
    assert second.endswith("WARN  worker - no job")


def test_contexts_nest_and_end_and_belong_to_their_thread(tmp_path: Path) -> None:
    set_up_logging("worker", "INFO", tmp_path, console=False)
    with log_context(key="p1"):
        with log_context(attempt=3):
            log.info("inner")
        thread = threading.Thread(target=log.info, args=("elsewhere",))
        thread.start()
        thread.join()
    log.info("outside")
    assert [line.split("worker ")[1] for line in lines(tmp_path)] == ["p1 attempt=3 inner", "- elsewhere", "- outside"]


def test_a_title_with_line_breaks_and_escapes_stays_on_its_line(tmp_path: Path) -> None:
    set_up_logging("worker", "INFO", tmp_path, console=False)
    with log_context(key="p1\n2026-11-23T12:00:00.000Z FAKE"):
        log.info("title %s", "a\nb\r\x1b[2J\u202e\u2028c é 日本")
    [line] = lines(tmp_path)
    assert r"title a\nb\r\x1b[2J\u202e\u2028c é 日本" in line
    assert LineFormatter("worker").format(logging.makeLogRecord({"msg": "\ud800"})).endswith(r"\ud800")


def test_messages_arguments_and_tracebacks_lose_their_secrets(tmp_path: Path) -> None:
    set_up_logging("worker", "DEBUG", tmp_path, console=False)
    register_secret("run-time-secret-value")
    url = f"https://popplers5.bandcamp.com/download/album?id=1&sig={SIGNATURE}&sitem_id=5"
    log.info("plain %s" % url)  # noqa: UP031
    log.info("argument %s %r", url, {"sig": SIGNATURE})
    try:
        raise ValueError(f"{url} run-time-secret-value")
    except ValueError:
        log.exception("failed")
    log.info("with %(token)s", {"token": "run-time-secret-value"})
    with log_context(key="run-time-secret-value"):
        log.info("context")
    content = "\n".join(lines(tmp_path))
    assert len(lines(tmp_path)) == 5
    assert SIGNATURE not in content and "run-time-secret-value" not in content
    assert "ValueError" in content and "sitem_id=5" in content


def test_arguments_that_do_not_fit_leak_nothing_and_stop_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    set_up_logging("worker", "INFO", tmp_path, console=True)
    record = log.makeRecord("x", logging.INFO, "x", 1, "one %s %s", (f"sig={SIGNATURE}",), None)
    for handler in [handler for handler in logging.getLogger().handlers if getattr(handler, "is_ours", False)]:
        handler.handle(record)
    assert "do not fit" in lines(tmp_path)[0]
    seen = capfd.readouterr().err + "".join(lines(tmp_path))
    assert SIGNATURE not in seen and "Traceback" not in seen


def test_the_console_is_stderr_and_shows_the_same_line(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    set_up_logging("worker", "INFO", tmp_path, console=True)
    log.info("hello")
    out, err = capfd.readouterr()
    assert out == "" and err.splitlines() == lines(tmp_path)


def test_setting_up_again_replaces_the_handlers(tmp_path: Path) -> None:
    for _ in range(3):
        set_up_logging("worker", "INFO", tmp_path, console=False)
    log.info("once")
    assert len(lines(tmp_path)) == 1


def test_without_folder_and_console_nothing_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    set_up_logging("worker", "INFO", None, console=False)
    log.error("nowhere")
    assert capfd.readouterr() == ("", "")


def test_an_unknown_level_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'loud' is not one of DEBUG"):
        set_up_logging("worker", "loud", tmp_path, console=False)


def test_a_warning_of_a_library_is_logged(tmp_path: Path) -> None:
    set_up_logging("worker", "INFO", tmp_path, console=False)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(True)
        warnings.warn("look out", UserWarning, stacklevel=1)
    assert "look out" in lines(tmp_path)[0]


def test_a_huge_message_is_cut(tmp_path: Path) -> None:
    set_up_logging("worker", "INFO", tmp_path, console=False)
    log.info("x" * 1_000_000)
    assert len(lines(tmp_path)[0]) == 16 * 1024


def test_a_closed_console_is_survived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = (tmp_path / "closed").open("w")
    monkeypatch.setattr(sys, "stderr", closed)
    set_up_logging("worker", "INFO", tmp_path, console=True)
    closed.close()
    log.info("still here")
    assert lines(tmp_path)[0].endswith("still here")
