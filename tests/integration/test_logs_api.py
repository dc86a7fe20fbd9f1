"""The logs over HTTP: their end and what is searched in it, a stream that goes on where it broke, whole files."""

import json
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests
from bandcamp_sync.paths import DataFolder
from bandcamp_sync.settings import Settings
from browser.served import Dashboard
from flask.testing import FlaskClient
from standin import World
from unit.factories import LINK

from integration.conftest import Home, Serve
from services.dashboard.web.app import create_app

HEX = "0123456789abcdef"


@pytest.fixture
def data(tmp_path: Path) -> DataFolder:
    data = DataFolder(tmp_path / "data")
    data.logs.mkdir(parents=True)
    write(data, "scraper", "INFO", "12:00:00", "began")
    write(data, "worker", "INFO", "12:00:01", f"got {LINK}")
    write(data, "worker", "WARN", "12:00:02", "Maren Holt - Moss: the archive is damaged")
    write(data, "scraper", "FATAL", "12:00:03", "Moss is damaged beyond repair")
    return data


def write(data: DataFolder, service: str, level: str, at: str, text: str) -> None:
    with (data.logs / f"{service}.log").open("a") as file:
        file.write(f"2026-11-23T{at}.000Z {level:<5} {service} - {text}\n")


def rotate(data: DataFolder, service: str = "worker") -> None:
    for number in range(5, 0, -1):
        path = data.logs / f"{service}.log{f'.{number - 1}' if number > 1 else ''}"
        if path.exists():
            path.rename(data.logs / f"{service}.log.{number}")


@pytest.fixture
def web(data: DataFolder) -> FlaskClient:
    return create_app(Settings.from_environment({"DATA_DIR": str(data.root)})).test_client()


def said(text: str) -> list[str]:
    """What the lines say, without time, level and service."""
    return [line.split(" - ", 1)[1] for line in text.splitlines()]


# --- the end of the logs --------------------------------------------------------------------------------------------


def test_a_level_means_that_one_and_the_graver_ones_and_fatal_is_an_error(web: FlaskClient) -> None:
    counts = {level: len(said(web.get(f"/api/logs?level={level}").get_json()["logs"])) for level in LEVELS}
    assert counts == {"DEBUG": 4, "INFO": 4, "WARN": 2, "ERROR": 1}
    assert "beyond repair" in web.get("/api/logs?level=ERROR").get_json()["logs"]


LEVELS = ("DEBUG", "INFO", "WARN", "ERROR")


def test_all_words_have_to_occur_in_any_case(web: FlaskClient) -> None:
    found = web.get("/api/logs?q=DAMAGED+moss").get_json()
    assert said(found["logs"]) == ["Maren Holt - Moss: the archive is damaged", "Moss is damaged beyond repair"]
    assert {name: len(lines) for name, lines in found["files"].items()} == {"scraper": 1, "worker": 1}
    assert web.get("/api/logs?q=damaged+tide").get_json()["logs"] == ""
    assert said(web.get("/api/logs?q=moss&file=worker&level=WARN").get_json()["logs"])[0].startswith("Maren Holt")


def test_a_secret_cannot_be_found_by_searching_for_it(web: FlaskClient) -> None:
    assert "got https" in web.get("/api/logs?q=got").get_json()["logs"]
    assert web.get(f"/api/logs?q={HEX}").get_json()["logs"] == ""


def test_the_end_goes_on_into_rotated_files_and_a_half_line_is_told(web: FlaskClient, data: DataFolder) -> None:
    rotate(data)
    write(data, "worker", "INFO", "12:00:04", "after")
    with (data.logs / "worker.log").open("a") as file:
        file.write("2026-11-23T12:00:05.000Z INFO  worker - half a li")
    found = web.get("/api/logs?file=worker").get_json()
    assert said(found["logs"])[1:] == ["Maren Holt - Moss: the archive is damaged", "after", "half a li"]
    assert said(web.get("/api/logs?file=worker&lines=1").get_json()["logs"]) == ["half a li"]
    assert found["complete"] and found["searched"] > 150


def test_a_search_that_was_given_up_says_so(web: FlaskClient, data: DataFolder) -> None:
    with (data.logs / "worker.log").open("r+b") as file:
        file.truncate(200 << 20)  # a hole without lines
        file.seek(0, os.SEEK_END)
        file.write(b"\nlast\n")
    found = web.get("/api/logs?q=holt&file=worker").get_json()
    assert (found["logs"], found["complete"], found["searched"]) == ("", False, 32 << 20)
    assert web.get("/api/logs?lines=1&file=worker").get_json()["complete"]


@pytest.mark.parametrize(
    ("path", "code", "detail"),
    [
        ("/api/logs?level=LOUD", 400, "DEBUG, INFO, WARN, ERROR"),
        ("/api/logs?lines=5001", 400, "1 to 5000"),
        ("/api/logs?file=nobody", 404, "scraper, worker"),
        ("/api/logs?file=nobody.log", 404, "scraper, worker"),
        ("/api/logs/stream?level=LOUD", 400, "DEBUG, INFO, WARN, ERROR"),
        ("/api/logs/stream?lines=0", 400, "1 to 5000"),
        ("/api/logs/stream?file=../x", 400, "name of a log"),
        ("/api/logs/download", 400, "file must be given"),
        ("/api/logs/download?file=nobody", 404, "scraper, worker"),
        ("/api/logs/download?file=../config/cookies", 404, "no log of that name"),
        ("/api/logs/download?file=worker&level=LOUD", 400, "DEBUG, INFO, WARN, ERROR"),
    ],
)
def test_what_cannot_be_had_is_a_problem_that_says_what_can(
    web: FlaskClient, path: str, code: int, detail: str
) -> None:
    answer = web.get(path)
    assert (answer.status_code, answer.content_type) == (code, "application/problem+json")
    assert detail in answer.get_json(force=True)["detail"]


# --- whole files ----------------------------------------------------------------------------------------------------


def test_a_download_is_the_whole_log_the_oldest_line_first_without_secrets(web: FlaskClient, data: DataFolder) -> None:
    rotate(data)
    write(data, "worker", "INFO", "12:00:04", "after")
    answer = web.get("/api/logs/download?file=worker")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["Content-Disposition"] == "attachment; filename=worker.log"
    assert HEX not in answer.text and answer.text.endswith("after\n")
    assert len(said(answer.text)) == 3
    assert len(said(web.get("/api/logs/download?file=worker&level=WARN&q=moss").text)) == 1
    assert web.get("/api/logs/download?file=worker&q=nothing").text == ""


def resident_bytes(pid: int) -> int:
    """Of a process and its children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    pages = [int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in [str(pid), *children]]
    return sum(pages) * os.sysconf("SC_PAGE_SIZE")


def test_a_huge_log_does_not_go_through_memory(data: DataFolder, dashboard: Dashboard) -> None:
    block = b"2026-11-23T12:00:00.000Z INFO  worker p500000003 one of very many lines\n" * 20_000
    with (data.logs / "worker.log").open("wb") as file:
        for _ in range(150):
            file.write(block)
    for _ in range(2):
        requests.get(f"{dashboard.url}/api/logs?lines=5000", timeout=30)
    before = resident_bytes(dashboard.pid)
    began = time.monotonic()
    assert len(requests.get(f"{dashboard.url}/api/logs?lines=200", timeout=30).json()["logs"].splitlines()) == 200
    assert time.monotonic() - began < 2
    with requests.get(f"{dashboard.url}/api/logs/download?file=worker", stream=True, timeout=30) as response:
        came = 0
        for part in response.iter_content(1 << 16):
            came += len(part)
            if came > 24 << 20:
                break
    assert resident_bytes(dashboard.pid) - before < 24 << 20


def test_a_download_may_last_as_long_as_it_is_taken(data: DataFolder, dashboard: Dashboard) -> None:
    with (data.logs / "worker.log").open("w") as file:
        file.writelines(
            "2026-11-23T12:00:00.000Z INFO  worker p500000003 " + os.urandom(60).hex() + "\n" for _ in range(200_000)
        )

    def open_streams() -> str:
        text = requests.get(f"{dashboard.url}/metrics", timeout=30).text
        return next(line.split()[1] for line in text.splitlines() if line.startswith("bandcampsync_streams "))

    assert open_streams() == "0.0"
    with requests.get(f"{dashboard.url}/api/logs/download?file=worker", stream=True, timeout=30):
        # It is one of those whose client is watched, and no answer with a deadline.
        assert open_streams() == "1.0"
    deadline = time.monotonic() + 20
    while open_streams() != "0.0":
        assert time.monotonic() < deadline
        time.sleep(0.1)


# --- the stream -----------------------------------------------------------------------------------------------------


class Event(NamedTuple):
    name: str
    told: Any
    id: str

    @property
    def text(self) -> str:
        return str(self.told["line"]).rpartition(" - ")[2]


@pytest.fixture
def dashboard(data: DataFolder) -> Iterator[Dashboard]:
    one = Dashboard(data)
    yield one
    one.stop()


@contextmanager
def stream(dashboard: Dashboard, query: str = "", last_id: str | None = None) -> Iterator[Iterator[Event]]:
    """The events as they come; an id that comes without one is an event without a name."""
    headers = {"Last-Event-ID": last_id} if last_id is not None else {}
    url = f"{dashboard.url}/api/logs/stream{query}"
    with requests.get(url, headers=headers, stream=True, timeout=15) as response:
        assert response.status_code == 200
        yield _events(response)


def _events(response: requests.Response) -> Iterator[Event]:
    fields: dict[str, str] = {}
    for line in response.iter_lines(chunk_size=1, decode_unicode=True):
        name, _, value = line.partition(": ")
        if line:
            fields[name] = value
        elif fields.keys() & {"data", "id"}:
            yield Event(fields.get("event", ""), json.loads(fields.get("data", "null")), fields.get("id", ""))
            fields = {}
        else:
            fields = {}


def after_beginning(events: Iterator[Event]) -> Event:
    """Where the stream stands before the first line that is new."""
    return next(event for event in events if not event.name)


def lines_of(events: Iterator[Event], count: int) -> list[Event]:
    found: list[Event] = []
    while len(found) < count:
        event = next(events)
        if event.name == "line":
            found.append(event)
    return found


def test_a_log_of_somebody_elses_is_followed_too(dashboard: Dashboard, data: DataFolder) -> None:
    write(data, "my-hook", "INFO", "12:00:09", "from a hook")
    with stream(dashboard, "?file=my-hook&lines=5") as events:
        tail = next(event for event in events if event.name == "tail")
        assert "from a hook" in json.dumps(tail.told)


def test_every_event_has_an_id_and_any_of_them_resumes_right_behind_it(data: DataFolder, dashboard: Dashboard) -> None:
    with stream(dashboard) as events:
        start = after_beginning(events)
        for number in range(6):
            write(data, ("worker", "scraper")[number % 2], "INFO", f"12:01:{number:02d}", f"line {number}")
            if number == 2:
                rotate(data)
        seen = lines_of(events, 6)
    assert sorted(event.text for event in seen) == [f"line {number}" for number in range(6)]
    for position, event in enumerate([start, *seen]):
        expected = [later.text for later in seen[position:]]
        for given in ({"last_id": event.id}, {"query": f"?last_event_id={event.id}&lines=5"}):
            with stream(dashboard, **given) as events:
                assert sorted(one.text for one in lines_of(events, len(expected))) == sorted(expected)
                assert not after_beginning(events).name


def test_the_header_of_a_browser_that_comes_back_counts_before_the_address(
    data: DataFolder, dashboard: Dashboard
) -> None:
    with stream(dashboard) as events:
        old = after_beginning(events).id
        write(data, "worker", "INFO", "12:01:00", "seen")
        new = lines_of(events, 1)[0].id
    write(data, "worker", "INFO", "12:01:01", "not seen")
    with stream(dashboard, f"?last_event_id={old}", last_id=new) as events:
        assert lines_of(events, 1)[0].text == "not seen"


def test_a_restarted_server_goes_on_where_the_other_one_ended(data: DataFolder, dashboard: Dashboard) -> None:
    with stream(dashboard, "?file=worker") as events:
        after_beginning(events)
        write(data, "worker", "INFO", "12:01:00", "before")
        last = lines_of(events, 1)[0].id
    dashboard.stop()
    write(data, "worker", "INFO", "12:01:01", "meanwhile")
    rotate(data)
    write(data, "worker", "INFO", "12:01:02", "after the rotation")
    dashboard.start()
    with stream(dashboard, "?file=worker", last_id=last) as events:
        write(data, "worker", "INFO", "12:01:03", "now")
        assert [event.text for event in lines_of(events, 3)] == ["meanwhile", "after the rotation", "now"]


@pytest.mark.parametrize("bogus", ["nonsense", "~", "1~worker=1.2", "ffffffff~worker=1.1.1", "1~%00=zz.zz.zz"])
def test_a_bogus_id_is_ignored(data: DataFolder, dashboard: Dashboard, bogus: str) -> None:
    with stream(dashboard, "?lines=1", last_id=bogus) as events:
        after_beginning(events)
        write(data, "worker", "INFO", "12:01:00", "new")
        assert lines_of(events, 1)[0].text == "new"


def test_a_tail_comes_first_where_one_is_asked_for(data: DataFolder, dashboard: Dashboard) -> None:
    with stream(dashboard, "?lines=2&q=damaged") as events:
        tail = next(events)
        assert tail.name == "tail" and tail.id
        assert [line["file"] for line in tail.told["lines"]] == ["worker", "scraper"]
        assert tail.told["complete"] is True and tail.told["searched"] > 0
        write(data, "worker", "INFO", "12:01:00", "not this")
        write(data, "worker", "INFO", "12:01:01", "Damaged again")
        assert lines_of(events, 1)[0].text == "Damaged again"


def test_a_long_absence_is_bridged_by_the_newest_lines_and_a_count_of_what_is_left_out(
    data: DataFolder, dashboard: Dashboard
) -> None:
    with stream(dashboard, "?file=worker") as events:
        last = after_beginning(events).id
    with (data.logs / "worker.log").open("a") as file:
        file.writelines(f"2026-11-23T12:01:00.000Z INFO  worker - line {n:05d}\n" for n in range(8000))
    length = len("2026-11-23T12:01:00.000Z INFO  worker - line 00000\n")
    with stream(dashboard, "?file=worker", last_id=last) as events:
        gap = next(events)
        assert (gap.name, gap.told) == ("gap", {"bytes": 3000 * length})
        found = lines_of(events, 5000)
        assert (found[0].text, found[-1].text) == ("line 03000", "line 07999")


def test_a_reader_whose_lines_do_not_come_is_told_how_far_it_has_read(data: DataFolder, dashboard: Dashboard) -> None:
    with stream(dashboard, "?level=ERROR") as events:
        start = after_beginning(events)
        write(data, "worker", "INFO", "12:01:00", "nothing grave")
        event = next(events)
        assert event.name == "position" and event.id != start.id


def test_no_line_is_lost_or_doubled_while_a_writer_rotates_and_readers_come_and_go(
    data: DataFolder, dashboard: Dashboard
) -> None:
    with stream(dashboard, "?file=worker") as events:
        last = after_beginning(events).id

    def keep_writing() -> None:
        for number in range(1200):
            write(data, "worker", "INFO", "12:01:00", f"line {number}")
            if number % 300 == 299:
                rotate(data)
            time.sleep(0.002)

    writer = threading.Thread(target=keep_writing)
    writer.start()
    seen: list[str] = []
    while len(seen) < 1200:
        with stream(dashboard, "?file=worker", last_id=last) as events:
            for event in lines_of(events, min(137, 1200 - len(seen))):
                seen.append(event.text)
                last = event.id
    writer.join()
    assert seen == [f"line {number}" for number in range(1200)]


# --- what the stages say --------------------------------------------------------------------------------------------


def test_the_tools_output_waits_and_retries_and_cookie_trouble_are_in_the_logs(home: Home, serve: Serve) -> None:
    standin = serve(World.build(purchases=30))
    standin.rules.add("rate_limit", match={"class": "file"}, times=1, retry_after=1)
    standin.rules.add("status", match={"class": "page"}, times=1, code=502)
    assert home.run("sync", STREAM_FALLBACK="yes").code == 0
    cookies = home.cookies.read_text()
    home.cookies.unlink()
    assert home.run("sync").code == 3
    home.cookies.write_text(cookies)
    text = "".join(path.read_text() for path in (home.data / "logs").glob("*.log"))
    assert " INFO  " in next(line for line in text.splitlines() if "yt-dlp: [Bandcamp" in line)
    assert "yt-dlp: [download] Destination" in text
    assert "WARN" in next(line for line in text.splitlines() if "asks for patience (429)" in line)
    assert "(502); asking again in " in text
    assert "ALARM session: no cookies yet" in text
    assert "yt-dlp: [debug]" not in text


@pytest.mark.parametrize("service", ["scraper", "reconciler", "worker", "dashboard"])
@pytest.mark.parametrize("suffix", ["", ".log"])
def test_a_log_that_nobody_has_written_to_yet_has_no_lines(tmp_path: Path, service: str, suffix: str) -> None:
    web = create_app(Settings.from_environment({"DATA_DIR": str(tmp_path)})).test_client()
    answer = web.get(f"/api/logs?lines=200&file={service}{suffix}").get_json()
    assert (answer["logs"], answer["files"], answer["complete"]) == ("", {service: []}, True)
    download = web.get(f"/api/logs/download?file={service}")
    assert (download.status_code, download.text) == (200, "")
