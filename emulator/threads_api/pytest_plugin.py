"""A pytest plugin: the fixture ``threads_emulator``, an emulator on which nothing has happened yet.

Override ``threads_emulator_app`` in your ``conftest.py`` to register your own app.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from emulator.threads_api.model import App
from emulator.threads_api.server import serve
from emulator.threads_api.world import World

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.threads_api.face import Emulator


@pytest.fixture(scope="session")
def threads_emulator_app() -> App:
    """Return the app that is registered with Threads."""
    return App("1000000000000001", "emulator-secret", ("http://localhost/callback",))


@pytest.fixture(scope="session")
def _threads_emulator(threads_emulator_app: App) -> Iterator[Emulator]:
    """Run one emulator for the whole session."""
    with serve(World([threads_emulator_app])) as emulator:
        yield emulator


@pytest.fixture
def threads_emulator(_threads_emulator: Emulator) -> Emulator:
    """Return the running emulator, as it is at its start."""
    _threads_emulator.reset()
    return _threads_emulator
