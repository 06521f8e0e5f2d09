"""What is used up: for how long its request may be working on it."""

from datetime import timedelta

import pytest

from tests.unit.world import NOW
from threads.connections.states import CANCELLED, CONNECTED, EXCHANGE_TIME, FAILED, PENDING, End, Use

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("later", "is_running"),
    [
        (timedelta(0), True),
        (EXCHANGE_TIME - SECOND, True),
        (EXCHANGE_TIME, False),
        (timedelta(days=1), False),
    ],
)
def test_what_has_no_end_may_be_running_for_two_minutes(later: timedelta, *, is_running: bool) -> None:
    """After the time limit of the functions, the request that used it up has died."""
    assert Use(NOW).may_be_running(NOW + later) is is_running
    assert timedelta(minutes=2) == EXCHANGE_TIME


@pytest.mark.parametrize("status", [CONNECTED, CANCELLED, FAILED, PENDING])
def test_what_has_ended_is_not_running(status: str) -> None:
    """An end is told at once, in whichever way it has ended."""
    assert not Use(NOW, End(status)).may_be_running(NOW)
