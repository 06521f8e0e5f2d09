"""One local suite for each process of the run: every emulator, the functions, the page."""

import os
from collections.abc import Iterator

import pytest

from emulator.suite.ports import Ports
from emulator.suite.suite import Suite
from tests.e2e import canary


@pytest.fixture(scope="session")
def suite() -> Iterator[Suite]:
    """Start the local suite on free ports, and end it with the run; its functions must log no secret."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    with Suite(ports=Ports.free(), directory=f"tests{worker}") as running:
        os.environ.update(running.environment)
        yield running
        log = running.logs / "firebase.log"
        canary.check_log("a function of the suite", log.read_text(encoding="utf-8", errors="replace"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the numbers that tests have recorded (``record_property``), whichever process they ran in."""
    for report in terminalreporter.getreports("passed"):
        for name, number in report.user_properties if report.when == "call" else ():
            terminalreporter.write_line(f"{report.nodeid.rpartition('::')[2]}: {number} {name}")
