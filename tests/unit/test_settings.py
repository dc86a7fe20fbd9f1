from datetime import timedelta
from pathlib import Path

import pytest
from bandcamp_sync.bandcamp.formats import FORMATS
from bandcamp_sync.errors import SettingInvalid
from bandcamp_sync.settings import Settings, parse_duration
from hypothesis import given
from hypothesis import strategies as st

#: Every variable that the contract promises.
PROMISED = [
    "BANDCAMP_BASE_URL",
    "BANDCAMP_FAN_ID",
    "BANDCAMP_USERNAME",
    "COOKIES_FILE",
    "DATA_DIR",
    "MUSIC_DIR",
    "FORMAT",
    "STREAM_FALLBACK",
    "INCLUDE_HIDDEN",
    "LAYOUT",
    "WORKERS",
    "SCRAPE_INTERVAL",
    "RETRY_BASE",
    "RETRY_MAX",
    "MAX_ATTEMPTS",
    "REQUEST_INTERVAL",
    "MIN_FREE_SPACE",
    "DASHBOARD_BIND",
    "DASHBOARD_HOSTS",
    "DASHBOARD_PASSWORD",
    "NOTIFY_URLS",
    "PUID",
    "PGID",
    "UMASK",
    "TZ",
    "LOG_LEVEL",
]
#: These take any text or any path.
FREE = {"BANDCAMP_USERNAME", "COOKIES_FILE", "DATA_DIR", "MUSIC_DIR", "DASHBOARD_PASSWORD"}
#: Of a wrong one nothing is shown.
SECRET = {"NOTIFY_URLS"}
WRONG_DURATIONS = ["soon", "-5m", "5 minutes", "m", "1h30", "5m!", "h5", "1.2.3s"]
WRONG = {
    "BANDCAMP_BASE_URL": [
        "bandcamp.com",
        "ftp://bandcamp.com",
        "https://bandcamp.com/music",
        "https://bandcamp.com?a=b",
        "https://someone@bandcamp.com",
        "https://",
        "http://[::1",
    ],
    "BANDCAMP_FAN_ID": ["me", "0", "-7", "1.5"],
    "FORMAT": ["mp3", "flac,mp3", ",", "flac;mp3-320"],
    "STREAM_FALLBACK": ["maybe", "2"],
    "INCLUDE_HIDDEN": ["maybe", "ja"],
    "LAYOUT": ["{artist}", "/{album}", "{album}/..", "{title}", "{album", "{album!r}", "a:{album}"],
    "WORKERS": ["0", "17", "two", "1.5", "-1"],
    "SCRAPE_INTERVAL": WRONG_DURATIONS,
    "RETRY_BASE": WRONG_DURATIONS,
    "RETRY_MAX": WRONG_DURATIONS,
    "MAX_ATTEMPTS": ["0", "-1", "many", "2.5"],
    "REQUEST_INTERVAL": WRONG_DURATIONS,
    "MIN_FREE_SPACE": ["much", "-1", "2 apples", "G"],
    "LEASE": WRONG_DURATIONS,
    "STALL_TIMEOUT": WRONG_DURATIONS,
    "DASHBOARD_HOSTS": [
        ",",
        "https://music.example.org",
        "music.example.org:443",
        "*.example.org",
        "a b",
        "-a.example",
        "a..b",
        "a/b",
        "x" * 64,
        "é" * 60,
    ],
    "DASHBOARD_BIND": ["5000", "localhost", ":5000", "localhost:http", "::1:5000", "a b:1", "x:123456"],
    "PUID": ["-1", "root", "1.5"],
    "PGID": ["-1", "users"],
    "UMASK": ["9", "1000", "-1", "rwx"],
    "TZ": ["Europe/Atlantis", "../etc/passwd"],
    "LOG_LEVEL": ["loud", "TRACE", "10"],
}
CASES = [(name, value) for name, values in WRONG.items() for value in values]


def settings(**environ: str) -> Settings:
    return Settings.from_environment(environ)


def refused(name: str, value: str) -> SettingInvalid:
    with pytest.raises(SettingInvalid) as caught:
        settings(**{name: value})
    return caught.value


@pytest.mark.parametrize(("name", "value"), CASES)
def test_a_wrong_value_is_refused_by_naming_the_variable_the_value_and_what_it_may_be(name: str, value: str) -> None:
    error = refused(name, value)
    assert (error.name, error.value) == (name, value)
    assert error.allowed
    assert str(error).startswith(f"{name}={value!r}") and str(error).endswith(error.allowed)
    assert "\n" not in str(error)
    assert error.__cause__ is None and error.__suppress_context__


def test_every_variable_is_either_tried_with_wrong_values_or_takes_any_text() -> None:
    assert {row[0] for row in Settings.table()} == set(WRONG) | FREE | SECRET


def test_the_table_has_every_variable_of_the_contract_with_its_meaning_and_what_it_may_be() -> None:
    table = {name: (meaning, allowed) for name, _, meaning, allowed in Settings.table()}
    assert set(PROMISED) <= set(table)
    assert all(meaning and allowed for meaning, allowed in table.values())
    assert all(name in table["FORMAT"][1] for name in FORMATS)


def test_the_defaults_are_those_of_the_contract() -> None:
    shown = {name: default for name, default, _, _ in Settings.table()}
    promised = {
        "BANDCAMP_BASE_URL": "https://bandcamp.com",
        "DATA_DIR": "./volumes",
        "MUSIC_DIR": "DATA_DIR/music",
        "COOKIES_FILE": "DATA_DIR/config/cookies.txt",
        "FORMAT": "flac",
        "STREAM_FALLBACK": "no",
        "INCLUDE_HIDDEN": "yes",
        "LAYOUT": "{artist}/{album}",
        "WORKERS": "2",
        "SCRAPE_INTERVAL": "6h",
        "RETRY_BASE": "5m",
        "RETRY_MAX": "24h",
        "MAX_ATTEMPTS": "8",
        "MIN_FREE_SPACE": "2G",
        "DASHBOARD_BIND": "127.0.0.1:5000",
    }
    assert {name: shown[name] for name in promised} == promised


@pytest.mark.parametrize("row", Settings.table(), ids=lambda row: row[0])
def test_a_default_written_out_means_what_leaving_it_out_means(row: tuple[str, str, str, str]) -> None:
    name, default, _, _ = row
    if not default.startswith("DATA_DIR/"):
        assert settings(**{name: default}) == settings()


@given(st.sampled_from([row[0] for row in Settings.table()]), st.sampled_from(["", " ", "\t"]))
def test_an_empty_value_counts_as_not_set(name: str, value: str) -> None:
    assert settings(**{name: value}) == settings()


def test_music_and_cookies_lie_in_the_data_folder_unless_they_are_put_elsewhere() -> None:
    assert settings(DATA_DIR="/srv/bc").music_dir == Path("/srv/bc/music")
    assert settings(DATA_DIR="/srv/bc").cookies_file == Path("/srv/bc/config/cookies.txt")
    assert settings(DATA_DIR="/srv/bc", MUSIC_DIR="/mnt/music").music_dir == Path("/mnt/music")
    assert settings(DATA_DIR="/srv/bc", COOKIES_FILE="/run/c").cookies_file == Path("/run/c")


def test_a_password_and_the_notification_addresses_are_never_shown() -> None:
    made = settings(DASHBOARD_PASSWORD="hunter2-SECRET", NOTIFY_URLS="ntfy://SECRET@host")
    assert "SECRET" not in repr(made) and "SECRET" not in str(made)
    with pytest.raises(SettingInvalid) as caught:
        settings(DASHBOARD_PASSWORD="hunter2-SECRET", NOTIFY_URLS="ntfy://SECRET@host", WORKERS="0")
    assert "SECRET" not in str(caught.value) and "SECRET" not in repr(caught.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("json://localhost", ("json://localhost",)),
        ("46elks://a:b@+123", ("46elks://a:b@+123",)),
        ("ntfy://a/b?tags=x,y,json://c", ("ntfy://a/b?tags=x,y", "json://c")),
        ("ntfy://a/b,\n syslog://\tjson://c , ", ("ntfy://a/b", "syslog://", "json://c")),
        (",", ()),
    ],
)
def test_notification_addresses_are_parted_by_spaces_and_by_commas_before_the_next(
    text: str, found: tuple[str, ...]
) -> None:
    assert settings(NOTIFY_URLS=text).notify_urls == found


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("me@SECRET.org", "***"),
        ("SECRET", "***"),
        ("://SECRET", "***"),
        ("mailto:me:SECRET@example.org", "***"),
        ("ntfy://SECRET/x https:/SECRET json://SECRET", "*** (address 2 of 3)"),
    ],
)
def test_a_wrong_notification_address_is_refused_by_its_place_alone(value: str, shown: str) -> None:
    error = refused("NOTIFY_URLS", value)
    assert error.value == shown and "SECRET" not in str(error)
    assert str(error).startswith(f"NOTIFY_URLS={shown!r} is not valid: it may be addresses that Apprise knows")


@pytest.mark.parametrize(
    ("text", "size"),
    [("2G", 2 * 10**9), ("500M", 5 * 10**8), ("1.5T", 15 * 10**11), ("2GiB", 2 << 30), ("4096", 4096), ("0", 0)],
)
def test_a_size_is_read_with_its_unit(text: str, size: int) -> None:
    assert settings(MIN_FREE_SPACE=text).min_free_space == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90", 90),
        ("1.5s", 1.5),
        ("5m", 300),
        ("6h", 21600),
        ("1h30m", 5400),
        ("7d", 604800),
        ("10ms", 0.01),
        ("1w", 604800),
    ],
)
def test_a_duration_is_read_with_its_units(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_the_parts_of_a_duration_add_up(hours: int, minutes: int, seconds: int) -> None:
    assert parse_duration(f"{hours}h{minutes}m{seconds}s") == timedelta(hours=hours, minutes=minutes, seconds=seconds)


@given(st.text(max_size=20))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        assert parse_duration(text) >= timedelta(0)
    except ValueError:
        return


def test_formats_are_a_list_of_preference() -> None:
    assert settings(FORMAT=" FLAC , mp3-320 ").format == ("flac", "mp3-320")


@pytest.mark.parametrize(("text", "mask"), [("022", 0o22), ("0", 0), ("077", 0o77)])
def test_a_umask_is_octal(text: str, mask: int) -> None:
    assert settings(UMASK=text).umask == mask


@pytest.mark.parametrize("text", ["127.0.0.1:5000", "0.0.0.0:80", "[::1]:5000", "localhost:65535"])
def test_the_dashboard_binds_to_a_host_and_a_port(text: str) -> None:
    assert settings(DASHBOARD_BIND=text).dashboard_bind == text


def test_host_names_are_a_list_in_the_spelling_of_a_host_header() -> None:
    found = settings(DASHBOARD_HOSTS=" Music.Example.org., nas ,müsik.example,my_box,nas").dashboard_hosts
    assert found == ("music.example.org", "nas", "xn--msik-0ra.example", "my_box")


def test_a_base_url_loses_its_last_slash_and_its_capitals() -> None:
    assert settings(BANDCAMP_BASE_URL="HTTPS://Bandcamp.COM/").base_url == "https://bandcamp.com"


def test_settings_cannot_be_changed_afterwards() -> None:
    made = settings()
    with pytest.raises(ValueError, match="frozen"):
        setattr(made, "workers", 3)  # noqa: B010


@pytest.mark.parametrize("text", ["99999999999999d", "9" * 400])
def test_a_duration_without_end_is_refused_like_any_wrong_value(text: str) -> None:
    refused("SCRAPE_INTERVAL", text)


@pytest.mark.parametrize("url", ["http://localhost:abc", "http://localhost:99999"])
def test_a_base_url_with_an_impossible_port_is_refused(url: str) -> None:
    refused("BANDCAMP_BASE_URL", url)


def test_a_base_url_with_a_password_is_refused() -> None:
    refused("BANDCAMP_BASE_URL", "https://:pw@bandcamp.com")


@pytest.mark.parametrize("bind", ["127.0.0.1:99999", "127.0.0.1:65536"])
def test_a_port_that_does_not_exist_is_refused(bind: str) -> None:
    refused("DASHBOARD_BIND", bind)


@pytest.mark.parametrize("name", ["LEASE", "SCRAPE_INTERVAL", "RETRY_BASE", "RETRY_MAX", "STALL_TIMEOUT"])
def test_a_span_of_no_length_is_refused(name: str) -> None:
    refused(name, "0")


@pytest.mark.parametrize("name", ["Europe/Berlin", "UTC", "Etc/GMT+5"])
def test_a_time_zone_that_exists_is_taken(name: str) -> None:
    assert settings(TZ=name).tz == name
