"""One Cloud Tasks emulator for the whole folder, on free ports, reset before each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emulator.cloud_tasks import World, queue, serve
from tests.emulator.cloud_tasks.client import QUEUE, cloud_tasks, target_server

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.cloud_tasks import Emulator
    from tests.emulator.cloud_tasks.client import CloudTasks, Target


@pytest.fixture(scope="session")
def running_tasks() -> Iterator[Emulator]:
    """Run one Cloud Tasks emulator for all tests."""
    with serve(World([queue(QUEUE)])) as emulator:
        yield emulator


@pytest.fixture
def tasks(running_tasks: Emulator) -> Iterator[CloudTasks]:
    """Return a client of a Cloud Tasks emulator in which nothing has happened yet."""
    with cloud_tasks(running_tasks) as connected:
        yield connected


@pytest.fixture
def target(tasks: CloudTasks) -> Iterator[Target]:
    """Return a target; what is still on its way to it at the end of a test is forgotten first."""
    with target_server() as serving:
        yield serving
        tasks.control("reset")
