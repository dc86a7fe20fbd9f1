import errno
import os
from pathlib import Path

import pytest
import requests
from bandcamp_sync.errors import ItemTrouble, Reason
from bandcamp_sync.machine import as_trouble, local_cause
from urllib3.exceptions import NewConnectionError


def os_error(number: int, path: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), path) if path else OSError(number, os.strerror(number))


def chained(inner: Exception) -> Exception:
    """A failure of this machine as the HTTP client passes it on."""
    try:
        try:
            try:
                raise inner
            except OSError as error:
                raise NewConnectionError(None, "no socket") from error  # type: ignore[arg-type]
        except NewConnectionError as error:
            raise requests.ConnectionError(error)  # noqa: B904 - as requests does it
    except requests.ConnectionError as error:
        return error


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOSPC, errno.EROFS])
def test_what_this_machine_refuses_is_found_behind_a_failed_connection(number: int) -> None:
    found = local_cause(chained(os_error(number)))
    assert found is not None and found.errno == number


def test_a_connection_that_the_other_side_refuses_is_no_trouble_of_this_machine() -> None:
    assert local_cause(chained(os_error(errno.ECONNREFUSED))) is None
    assert local_cause(ItemTrouble(Reason.OTHER, "odd")) is None


def test_what_was_caught_and_judged_already_is_left_alone() -> None:
    try:
        try:
            raise os_error(errno.EIO)
        except OSError:
            raise ItemTrouble(Reason.AUDIO, "it does not decode") from None
    except ItemTrouble as trouble:
        assert local_cause(trouble) is None


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.ENOSPC, "make room"),
        (errno.EMFILE, "LimitNOFILE"),
        (errno.EROFS, "mount it writable"),
        (errno.EACCES, f"chown -R {os.getuid()}:{os.getgid()}"),
    ],
)
def test_each_says_what_to_do(number: int, remedy: str, tmp_path: Path) -> None:
    assert remedy in str(as_trouble(os_error(number, str(tmp_path / "a" / "b.flac")), tmp_path))


def test_one_folders_trouble_is_one_sentence_whichever_file_met_it(tmp_path: Path) -> None:
    told = {str(as_trouble(os_error(errno.EROFS, str(tmp_path / name)), tmp_path)) for name in ("a.flac", "b.flac")}
    assert len(told) == 1 and str(tmp_path) in told.pop()
