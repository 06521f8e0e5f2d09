"""One local suite for the whole run: Firebase's emulators, the Threads emulator, the functions, the page."""

import os
from collections.abc import Iterator

import pytest

from emulator.ports import Ports
from emulator.suite import Suite


@pytest.fixture(scope="session")
def suite() -> Iterator[Suite]:
    """Start the local suite on free ports, and end it with the run."""
    with Suite(ports=Ports.free()) as running:
        os.environ.update(running.environment)
        yield running
