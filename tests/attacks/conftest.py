"""One dashboard under gunicorn for each file of attacks, and a browser that knows it."""

from collections.abc import Iterator

import pytest
from bandcamp_sync.paths import DataFolder
from browser.served import Dashboard

from attacks.attacked import Browser, attacked


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dashboard]:
    with attacked(tmp_path_factory.mktemp("attacked")) as one:
        yield one


@pytest.fixture
def data(served: Dashboard) -> DataFolder:
    return served.data


@pytest.fixture
def session(served: Dashboard) -> Iterator[Browser]:
    with Browser(served) as one:
        yield one
