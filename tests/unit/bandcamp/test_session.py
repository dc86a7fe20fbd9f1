import json
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
from bandcamp_sync.bandcamp.fans import Fan
from bandcamp_sync.bandcamp.session import (
    FoundFan,
    SessionState,
    exposure,
    find_fan,
    hold_base_s,
    load_cookies,
    publish_session,
    read_session,
    remember_fan,
)
from bandcamp_sync.errors import CookiesExpired, CookiesInvalid, CookiesMissing, LoggedOut
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings
from unit.factories import DAY, NOW, client, page, served

SUMMARY = json.dumps(
    {"fan_id": 7654321, "collection_summary": {"username": "a_listener", "tralbum_lookup": {"a1": {}}}}
)
MUST_LOG_IN = '{"error": true, "error_message": "must be logged in"}'
HOME = page({"pageContext": {"identity": {"fanId": 7654321, "fanUsername": "a_listener"}}}, "HomepageApp")
NOBODY = page({"pageContext": {"identity": None}}, "HomepageApp")
API = "/api/fan/2/collection_summary"


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    made = DataFolder(tmp_path / "data")
    made.config.mkdir(parents=True)
    return made


def find(data: DataFolder, api: str = SUMMARY, home: str = HOME, **environ: str) -> FoundFan:
    with served({API: [(200, api)], "/": [(200, home)]}) as (base, _), client(base, data.root) as bandcamp:
        return find_fan(bandcamp, Settings.from_environment(environ), data)


def by_hand(data: DataFolder, text: str, encoding: str = "utf-8") -> FoundFan:
    data.fan_id.write_bytes(text.encode(encoding))
    return find(data)


# --- the fan id -----------------------------------------------------------------------------------------------------


def test_the_api_tells_whose_session_it_is(data: DataFolder) -> None:
    fan = Fan(7654321, "a_listener", frozenset({"a1"}))
    assert find(data) == FoundFan(fan, "API", said=fan)


def test_where_the_api_changed_the_page_tells(data: DataFolder) -> None:
    fan = Fan(7654321, "a_listener")
    assert find(data, api="{}") == FoundFan(fan, "page", said=fan)


def test_an_api_that_says_logged_out_is_not_believed_against_the_page(data: DataFolder) -> None:
    assert find(data, api=MUST_LOG_IN).way == "page"


def test_what_api_and_page_say_is_believed(data: DataFolder) -> None:
    with pytest.raises(LoggedOut):
        find(data, api=MUST_LOG_IN, home=NOBODY)


@pytest.mark.parametrize(
    "text", ["4242", "\ufeff4242\r\nsomeone\r\n", "# my id\n\n 4242 \n", "someone 4242", "4242\n5555\n"]
)
def test_an_id_written_by_hand_wins_over_the_one_that_is_found(data: DataFolder, text: str) -> None:
    found = by_hand(data, text)
    assert (found.fan.fan_id, found.fan.owned, found.way) == (4242, frozenset({"a1"}), "config/fan_id.txt")


def test_a_name_written_by_hand_wins_and_else_the_one_that_is_found_is_used(data: DataFolder) -> None:
    assert by_hand(data, "4242\nsomeone\n").fan.username == "someone"
    assert by_hand(data, "4242\n").fan.username == "a_listener"


def test_the_setting_wins_over_the_file(data: DataFolder) -> None:
    data.fan_id.write_text("4242")
    found = find(data, BANDCAMP_FAN_ID="5555", BANDCAMP_USERNAME="me")
    assert (found.fan.fan_id, found.fan.username, found.way) == (5555, "me", "BANDCAMP_FAN_ID")


@pytest.mark.parametrize("text", ["", "me\n", "# 4242\n", "fan-42", "-7", "9" * 21])
def test_a_file_without_a_whole_number_is_not_used(data: DataFolder, text: str) -> None:
    assert by_hand(data, text).way == "API"


def test_an_id_that_we_wrote_ourselves_is_no_ones_word(data: DataFolder) -> None:
    remember_fan(data, FoundFan(Fan(1, "old"), "API"))
    assert find(data).fan.fan_id == 7654321


def test_without_our_mark_the_id_is_the_users(data: DataFolder) -> None:
    remember_fan(data, FoundFan(Fan(1, "old"), "page"))
    data.fan_id.write_text("\n".join(data.fan_id.read_text().splitlines()[1:]))
    assert find(data).fan == Fan(1, "old", frozenset({"a1"}))


@pytest.mark.parametrize("way", ["config/fan_id.txt", "BANDCAMP_FAN_ID"])
def test_what_came_from_a_person_is_not_written_over(data: DataFolder, way: str) -> None:
    data.fan_id.write_text("4242\n# mine\n")
    remember_fan(data, FoundFan(Fan(1), way))
    assert data.fan_id.read_text() == "4242\n# mine\n"


def test_a_folder_that_cannot_be_written_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "config").write_text("a file in the way")
    remember_fan(DataFolder(tmp_path), FoundFan(Fan(1), "API"))


def test_a_file_in_another_encoding_does_not_end_the_scrape(data: DataFolder) -> None:
    found = by_hand(data, "4242\n", "utf-16")
    remember_fan(data, found)


# --- the cookies file -----------------------------------------------------------------------------------------------


def cookies_settings(folder: Path, text: str | None, mode: int = 0o600) -> Settings:
    path = folder / "cookies.txt"
    if text is not None:
        path.write_text(text)
        path.chmod(mode)
    return Settings.from_environment({"COOKIES_FILE": str(path)})


def row(expires: int = 1_900_000_000) -> str:
    return f"#HttpOnly_.bandcamp.com\tTRUE\t/\tTRUE\t{expires}\tidentity\t7%09SECRETtoken%09%7B%22id%22%3A1%7D\n"


def test_the_login_is_read(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert [cookie.name for cookie in load_cookies(cookies_settings(tmp_path, row()), NOW)] == ["identity"]
    assert caplog.records == []


def test_a_file_that_others_can_read_is_told_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    load_cookies(cookies_settings(tmp_path, row(), 0o644), NOW)
    assert "chmod 600" in caplog.text and "SECRET" not in caplog.text


@pytest.mark.parametrize(
    ("file", "folder", "command"),
    [
        (0o600, 0o755, None),
        (0o600, 0o1777, None),
        (0o640, 0o700, "chmod 600"),
        (0o604, 0o700, "chmod 600"),
        (0o620, 0o700, "chmod 600"),
        (0o600, 0o777, "chmod 700"),
    ],
)
def test_how_others_get_at_the_cookies_is_told_with_the_command_that_ends_it(
    tmp_path: Path, file: int, folder: int, command: str | None
) -> None:
    place = tmp_path / "it's here"
    place.mkdir()
    cookies_settings(place, row(), file)
    place.chmod(folder)
    sentence = exposure(place / "cookies.txt")
    assert (sentence is None) == (command is None)
    if sentence is not None and command is not None:
        done = subprocess.run(["sh", "-c", sentence.partition("run: ")[2]], check=True)
        assert done.returncode == 0 and command in sentence
        assert exposure(place / "cookies.txt") is None, "the command does what it says"


def test_a_session_that_is_opened_often_says_it_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = cookies_settings(tmp_path, row(), 0o640)
    for _ in range(3):
        load_cookies(settings, NOW)
    assert len(caplog.records) == 1


def test_what_is_wrong_with_the_cookies_is_told_apart(tmp_path: Path) -> None:
    with pytest.raises(CookiesMissing):
        load_cookies(cookies_settings(tmp_path, None), NOW)
    with pytest.raises(CookiesInvalid):
        load_cookies(cookies_settings(tmp_path, "hello\n"), NOW)
    with pytest.raises(CookiesExpired):
        load_cookies(cookies_settings(tmp_path, row(1_600_000_000)), NOW)
    (tmp_path / "cookies.txt").unlink()
    (tmp_path / "cookies.txt").mkdir()
    with pytest.raises(CookiesInvalid, match="folder"):
        load_cookies(cookies_settings(tmp_path, None), NOW)


# --- what is known of the session -----------------------------------------------------------------------------------


def test_a_session_reads_back_as_it_was_published(data: DataFolder) -> None:
    written = publish_session(data, NOW, Fan(7654321, "a_listener"), NOW + 40 * DAY, None)
    assert read_session(data.session) == written
    assert (written.logged_in, written.expires, written.checked_at) == (
        True,
        "2027-01-02T12:00:00Z",
        "2026-11-23T12:00:00Z",
    )


def test_a_session_that_is_lost_says_why(data: DataFolder) -> None:
    publish_session(data, NOW, None, None, "not logged in")
    assert read_session(data.session) == SessionState(False, checked_at="2026-11-23T12:00:00Z", problem="not logged in")


@pytest.mark.parametrize("content", [None, "", "[]", "5", "{}", '{"fan_id": 1}'])
def test_where_nothing_is_known_nobody_is_logged_in(data: DataFolder, content: str | None) -> None:
    if content is not None:
        data.state.mkdir()
        data.session.write_text(content)
    assert read_session(data.session) == SessionState(False, problem="not checked yet")


def test_what_a_later_version_adds_is_passed_over(data: DataFolder) -> None:
    data.state.mkdir()
    data.session.write_text('{"logged_in": true, "later": 1}')
    assert read_session(data.session) == SessionState(True)


@pytest.mark.parametrize(
    ("left", "word"),
    [
        (timedelta(days=200), "valid"),
        (timedelta(days=1), "about to expire"),
        (-timedelta(seconds=1), "expired"),
        (None, "unknown"),
    ],
)
def test_a_session_says_how_long_it_lasts(data: DataFolder, left: timedelta | None, word: str) -> None:
    assert publish_session(data, NOW, Fan(1), NOW + left if left else None, None).expiry(NOW) == word


@pytest.mark.parametrize("expires", ["soon", 7, "", "9999-12-31T23:59:59-14:00"])
def test_an_end_that_is_no_time_is_unknown(data: DataFolder, expires: object) -> None:
    data.state.mkdir()
    data.session.write_text(json.dumps({"logged_in": True, "expires": expires}))
    assert read_session(data.session).expiry(NOW) == "unknown"


def test_the_first_wait_after_a_429_is_ten_seconds_or_what_the_user_wants_sooner() -> None:
    assert hold_base_s(Settings.from_environment({})) == 10
    assert hold_base_s(Settings.from_environment({"RETRY_BASE": "1s"})) == 1
    assert hold_base_s(Settings.from_environment({"RETRY_BASE": "1ms"})) == 0.1


def test_an_id_by_hand_does_not_make_up_for_a_lost_login(data: DataFolder) -> None:
    data.fan_id.write_text("4242")
    with pytest.raises(LoggedOut):
        find(data, api=MUST_LOG_IN, home=NOBODY)
