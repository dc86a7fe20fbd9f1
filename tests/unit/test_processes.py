import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from bandcamp_sync.processes import identity, is_gone, is_stamp_gone, stamp, started, this_boot


@pytest.fixture
def child() -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process
    process.kill()
    process.wait()


def test_a_process_is_there_until_it_is_gone(child: "subprocess.Popen[bytes]") -> None:
    name = identity(child.pid)
    assert not is_gone(name)
    child.kill()
    child.wait()
    assert is_gone(name)


def test_a_number_that_was_given_to_another_process_is_another_name(child: "subprocess.Popen[bytes]") -> None:
    place, pid, start = identity(child.pid).split(":")
    assert start.isdigit()
    assert is_gone(f"{place}:{pid}:{int(start) - 1}")
    assert not is_gone(f"{place}:{pid}")  # a name that does not say when it began is believed


@pytest.mark.parametrize("name", ["", "elsewhere-12345678:1:2", ":1:2", "x", f"{this_boot()}:none:3"])
def test_of_what_is_not_known_nothing_is_said(name: str) -> None:
    assert not is_gone(name)


def test_two_processes_have_two_names(child: "subprocess.Popen[bytes]") -> None:
    assert identity(os.getpid()) != identity(child.pid)
    assert started(2**30) is None


def test_a_stamp_fits_into_a_file_name_and_tells_of_its_process_alone() -> None:
    made = subprocess.run(
        [sys.executable, "-c", "from bandcamp_sync.processes import stamp; print(stamp())"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert made.replace("-", "").isalnum() and len(made) < 50
    assert made.partition("-")[0] == stamp().partition("-")[0]
    assert is_stamp_gone(made) and not is_stamp_gone(stamp())


@pytest.mark.parametrize("name", ["", "a", "--", "0123456789ab-1-2", "unknown-999999-1"])
def test_of_a_stamp_that_is_not_from_here_nothing_is_said(name: str) -> None:
    assert not is_stamp_gone(name)


def test_a_forked_process_has_a_stamp_of_its_own() -> None:
    reader, writer = os.pipe()
    mine, child = stamp(), os.fork()
    if child == 0:
        os.write(writer, stamp().encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 100).decode() != mine
    os.close(reader)
    os.close(writer)
