from pathlib import Path

import pytest

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
