import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from services.local import dotenv
from services.local.dotenv import parse, with_file


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("FORMAT=flac", {"FORMAT": "flac"}),
        ("export FORMAT = flac ", {"FORMAT": "flac"}),
        ("FORMAT=flac # the best", {"FORMAT": "flac"}),
        ('LAYOUT="{artist}/{album} # {year}"', {"LAYOUT": "{artist}/{album} # {year}"}),
        ("DASHBOARD_PASSWORD='a b#c'", {"DASHBOARD_PASSWORD": "a b#c"}),
        ("DASHBOARD_PASSWORD=a#c", {"DASHBOARD_PASSWORD": "a#c"}),
        ("FORMAT=", {"FORMAT": ""}),
        ("FORMAT=# none", {"FORMAT": ""}),
        ("# FORMAT=wav", {}),
        ("nonsense", {}),
        ("\ufeffTZ=UTC", {"TZ": "UTC"}),
    ],
)
def test_a_line_is_read_as_compose_reads_it(line: str, expected: dict[str, str]) -> None:
    assert parse(line) == expected


def test_what_is_set_already_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("FORMAT=wav\nTZ=UTC\n")
    assert with_file({"FORMAT": "flac"}, tmp_path / ".env") == {"FORMAT": "flac", "TZ": "UTC"}
    assert with_file({"A": "b"}, tmp_path / "nowhere") == {"A": "b"}


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_as_a_program_it_prints_one_value_and_needs_no_package(tmp_path: Path, end: bytes) -> None:
    program = tmp_path / "services/local/dotenv.py"
    program.parent.mkdir(parents=True)
    shutil.copy(dotenv.__file__, program)

    def printed(name: str) -> bytes:
        # -S leaves the standard library alone; the encoding is a bad terminal's.
        command = [sys.executable, "-S", str(program), name]
        return subprocess.run(command, env={"PYTHONIOENCODING": "ascii"}, capture_output=True, check=True).stdout

    assert printed("DATA_DIR") == b"\n", "there is no file"
    (tmp_path / ".env").write_bytes(end.join([b"TZ=x", 'DATA_DIR="/tmp/mé data"  # comment'.encode(), b""]))
    assert printed("DATA_DIR") == "/tmp/mé data\n".encode()
    assert printed("FORMAT") == b"\n"
