"""Images that are built once, and stacks that are gone after their test."""

import secrets
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from bandcamp_sync import __version__
from standin import World

from .stack import SERVICES, Stack, docker, launched

Launch = Callable[..., Stack]


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Builds the images under names of their own (yours stay as they are); what those names begin with."""
    prefix = f"bcs-test-{secrets.token_hex(4)}"
    with launched(prefix, tmp_path_factory.mktemp("images"), World.build(1), VERSION=__version__) as stack:
        stack.compose("build", timeout=800)
    yield prefix
    docker("image", "rm", *(f"{prefix}-{service}" for service in SERVICES), check=False)


@pytest.fixture
def launch(images: str, tmp_path: Path) -> Iterator[Launch]:
    """Makes a test's own stack over a world, not up yet: `launch(world, WORKERS="1")`."""
    with ExitStack() as running:

        def start(world: World, **settings: str) -> Stack:
            return running.enter_context(launched(images, tmp_path, world, **settings))

        yield start


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: Any) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What failed comes with the state of the containers."""
    report = yield
    if report.failed:
        report.sections += [(f"stack {stack.project}", stack.describe()) for stack in Stack.running]
    return report
