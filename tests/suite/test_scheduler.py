"""The functions that have a schedule: how often they are called, and that they let the suite in."""

import time
from datetime import timedelta

import pytest

from emulator.suite.scheduler import Scheduler, read_schedules
from emulator.suite.suite import Suite


def test_the_schedules_are_those_of_the_deployment() -> None:
    """Cloud Scheduler and the suite read the same file."""
    assert read_schedules() == {
        "th_refresh_tokens": timedelta(hours=1),
        "th_upkeep": timedelta(minutes=3),
    }


@pytest.mark.parametrize("name", ["th_refresh_tokens", "th_upkeep"])
def test_a_function_with_a_schedule_lets_the_suite_in(suite: Suite, name: str) -> None:
    """Its token is verified as on Google Cloud, where it has a signature."""
    assert Scheduler(suite).call(name) == 200


def test_what_is_due_is_called_once(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each function is called when its interval is over, and not again before the next one is."""
    called: list[str] = []
    monkeypatch.setattr(Scheduler, "call", lambda _self, name: called.append(name))
    now, scheduler = time.monotonic(), Scheduler(suite)
    for minutes in (1, 4, 5, 7.1, 61):
        monkeypatch.setattr(time, "monotonic", lambda minutes=minutes: now + 60 * minutes)
        scheduler.call_due()
    ends = time.time() + 10
    while len(called) < 4 and time.time() < ends:
        time.sleep(0.01)
    assert sorted(called) == ["th_refresh_tokens", "th_upkeep", "th_upkeep", "th_upkeep"]
