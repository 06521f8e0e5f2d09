"""One Threads emulator for the whole folder, on a free port, reset before each test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from emulator.threads_api import Settings, World, serve
from tests.emulator.threads_api.client import APP, Client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.threads_api import Emulator


@pytest.fixture(scope="session")
def running() -> Iterator[Emulator]:
    """Run one emulator for all tests. It takes only what is documented, unless a test says otherwise."""
    with serve(World([APP], Settings(strict=True))) as emulator:
        yield emulator


@pytest.fixture
def client(running: Emulator) -> Iterator[Client]:
    """Return a client of an emulator in which nothing has happened yet."""
    with requests.Session() as http:
        client = Client(running.url, http)
        client.control("reset")
        yield client
