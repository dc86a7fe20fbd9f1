import json
import os
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync.health.published import STALE, read_units
from unit.factories import NOW

UNIT = {"name": "bandcamp-sync.timer", "active_state": "active", "sub_state": "waiting", "main_pid": 7}


def publish(folder: Path, value: Any, age_s: float = 0.0) -> None:
    path = folder / "host.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    os.utime(path, (NOW.timestamp() - age_s,) * 2)


@pytest.mark.parametrize("value", [[UNIT], {"units": [UNIT]}])
def test_units_come_as_a_list_or_inside_an_object(tmp_path: Path, value: Any) -> None:
    publish(tmp_path, value)
    [unit] = read_units(tmp_path, NOW)
    assert (unit["name"], unit["active_state"], unit["sub_state"]) == ("bandcamp-sync.timer", "active", "waiting")
    assert unit["restarts"] == 0


def test_a_source_that_went_silent_is_unknown(tmp_path: Path) -> None:
    publish(tmp_path, [UNIT], STALE.total_seconds() + 1)
    [unit] = read_units(tmp_path, NOW)
    assert (unit["active_state"], unit["sub_state"], unit["main_pid"]) == ("unknown", "stale", None)


def test_a_source_from_the_future_is_no_news_either(tmp_path: Path) -> None:
    publish(tmp_path, [UNIT], -3600)
    assert read_units(tmp_path, NOW)[0]["sub_state"] == "stale"


@pytest.mark.parametrize("value", ["", "{", "7", "null", [1, None, {}, {"name": ""}], {"units": "x"}])
def test_what_is_no_unit_is_left_out(tmp_path: Path, value: Any) -> None:
    publish(tmp_path, value)
    assert read_units(tmp_path, NOW) == []


def test_no_folder_means_no_units(tmp_path: Path) -> None:
    assert read_units(tmp_path / "nowhere", NOW) == []


@pytest.mark.parametrize("field", ["source", "description", "active_state", "since", "main_pid", "restarts", "service"])
@pytest.mark.parametrize("value", [None, 5, "x", [], {}, True, 1.5])
def test_a_field_of_the_wrong_kind_says_nothing(tmp_path: Path, field: str, value: Any) -> None:
    publish(tmp_path, [{**UNIT, field: value}, UNIT])
    told, _ = read_units(tmp_path, NOW)
    kind = int if field in ("main_pid", "restarts") else str
    assert told[field] is None or type(told[field]) is kind


def test_a_file_that_is_nested_without_end_tells_nothing(tmp_path: Path) -> None:
    publish(tmp_path, "[" * 200_000)
    assert read_units(tmp_path, NOW) == []
