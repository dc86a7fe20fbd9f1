"""The numbers for Prometheus, read as Prometheus reads them."""

import json

from bandcamp_sync.paths import DataFolder
from bandcamp_sync.spool.job import State
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from integration.dashboards import client, put

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(web: FlaskClient) -> Samples:
    answer = web.get("/metrics")
    assert answer.content_type == "text/plain; version=0.0.4; charset=utf-8"
    found: Samples = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            name = (sample.name, tuple(sorted(sample.labels.items())))
            assert name not in found
            found[name] = sample.value
    return found


def test_the_numbers_are_those_of_the_views(data: DataFolder) -> None:
    put(data, State.IN_PROGRESS, "p2")
    data.progress.mkdir(parents=True)
    (data.progress / "p2.json").write_text(json.dumps({"bytes_done": 10, "bytes_per_second": 2500}))
    found = samples(client(data))
    assert found["bandcampsync_purchases", (("state", "failed"),)] == 1
    assert found["bandcampsync_jobs", (("state", "done"),)] == 1
    assert found["bandcampsync_downloads", ()] == 1
    assert found["bandcampsync_download_bytes_per_second", ()] == 2500
    assert found["bandcampsync_logged_in", ()] == 0
    assert found["bandcampsync_streams", ()] == 0
    assert found["bandcampsync_fetched_bytes_last_day", ()] == 0
    assert sum(value for (name, _), value in found.items() if name == "bandcampsync_state") == 1
    assert any(name == "bandcampsync_info" for name, _ in found)
    assert found["process_resident_memory_bytes", ()] > 1_000_000


def test_each_unit_is_told_once_whatever_is_published_and_however_it_is_called(data: DataFolder) -> None:
    data.health.mkdir()
    units = [
        {"name": "a.service", "source": "host", "active_state": "active"},
        {"name": "a.service", "source": "host", "active_state": "failed"},
        {"name": "a.service", "source": "container", "active_state": "active"},
        {"name": 'b"\\\n.service', "source": "host", "active_state": "failed"},
    ]
    (data.health / "host.json").write_text(json.dumps(units))
    found = samples(client(data))
    told = {labels: value for (name, labels), value in found.items() if name == "bandcampsync_unit_active"}
    assert len(told) == 3
    assert told[("name", "a.service"), ("source", "container")] == 1
    assert told[("name", 'b"\\\n.service'), ("source", "host")] == 0


def test_a_worker_that_writes_nonsense_spoils_no_number(data: DataFolder) -> None:
    put(data, State.IN_PROGRESS, "p2")
    data.progress.mkdir(parents=True)
    (data.progress / "p2.json").write_text(json.dumps({"bytes_per_second": "quick"}))
    assert samples(client(data))["bandcampsync_download_bytes_per_second", ()] == 0


def test_how_long_answers_take_is_counted_by_endpoint_also_of_what_is_refused(data: DataFolder) -> None:
    web = client(data)
    for path, host in (("/api/queue", "localhost"), ("/api/queue", "localhost"), ("/api/queue", "evil.example")):
        web.get(path, headers={"Host": host})
    web.get("/api/nothing/at/all")
    found = samples(web)
    counted = "bandcampsync_request_seconds_count"
    good = (("endpoint", "api.queue"), ("method", "GET"), ("status", "2xx"))
    refused = (("endpoint", "api.queue"), ("method", "GET"), ("status", "4xx"))
    assert (found[counted, good], found[counted, refused]) == (2, 1)
    # What there is not is named by nobody: whoever asks for a million paths fills no memory.
    assert not any("nothing" in str(labels) for _, labels in found)


def test_whoever_listens_is_counted_until_he_leaves(data: DataFolder) -> None:
    web = client(data)
    with web.get("/api/events", buffered=False):
        assert samples(web)["bandcampsync_streams", ()] == 1
    assert samples(web)["bandcampsync_streams", ()] == 0
