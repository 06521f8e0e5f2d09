"""The clock that several machines share: Firestore's."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.firestore.client import Client
from tests.firestore.database import Database
from threads.cloud.clock import ServerClock
from threads.posts.repository import PostRepository

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


class Machine:
    """A clock that a test sets."""

    def __init__(self) -> None:
        """Begin at noon."""
        self.time = NOON

    def __call__(self) -> datetime:
        """Return the time."""
        return self.time


@pytest.mark.parametrize("wrong", [8, 250, -250, 86_400])
def test_a_wrong_clock_is_corrected_by_the_first_document(wrong: int) -> None:
    """Whatever the machine believes, from the first read on the time is Firestore's."""
    machine = Machine()
    clock = ServerClock(machine)
    database = Database(lambda: NOON)
    machine.time = NOON + wrong * SECOND
    PostRepository(Client(database, project="demo-threads").provide, clock).read("ada", "post")
    assert clock.now() == NOON
    machine.time += 5 * SECOND
    assert clock.now() == NOON + 5 * SECOND


def test_a_right_clock_is_left_alone() -> None:
    """What Firestore says is somewhere between question and answer: a clock that agrees is not moved."""
    machine = Machine()
    clock = ServerClock(machine)
    for took, said in ((3, 0), (3, 1.5), (3, 3), (9, 9), (9, 0)):
        asked_at = machine.time
        machine.time += took * SECOND
        clock.hear(asked_at, asked_at + said * SECOND)
        assert clock.now() == machine.time


def test_a_slow_answer_moves_a_clock_no_further_than_it_proves() -> None:
    """A time that was said nine seconds ago does not set the clock back by nine seconds."""
    machine = Machine()
    clock = ServerClock(machine)
    machine.time += 9 * SECOND
    clock.hear(NOON, NOON + 20 * SECOND)
    assert clock.now() == NOON + 20 * SECOND
    clock.hear(NOON, NOON + 15 * SECOND)
    assert clock.now() == NOON + 20 * SECOND
    clock.hear(NOON, None)
    assert clock.now() == NOON + 20 * SECOND
