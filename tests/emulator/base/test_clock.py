"""The clock: real time, put forward, frozen, and set back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Thread

from emulator.base.clock import Clock

A_SECOND = timedelta(seconds=1)
A_DAY = timedelta(days=1)


def about(shown: datetime, expected: datetime) -> bool:
    """Return whether two moments are less than a second apart."""
    return abs(shown - expected) < A_SECOND


def test_a_new_clock_shows_real_time() -> None:
    """In aware UTC."""
    assert about(Clock().now(), datetime.now(UTC))
    assert Clock().now().tzinfo is UTC


def test_a_clock_can_be_put_forward_and_back() -> None:
    """It runs on from there, until the reset."""
    clock = Clock()
    clock.advance(A_DAY)
    assert about(clock.now(), datetime.now(UTC) + A_DAY)
    clock.advance(-2 * A_DAY)
    assert about(clock.now(), datetime.now(UTC) - A_DAY)
    clock.reset()
    assert about(clock.now(), datetime.now(UTC))


def test_only_advance_moves_a_frozen_clock() -> None:
    """It runs on from the time that it shows."""
    clock = Clock()
    clock.freeze()
    frozen_at = clock.now()
    assert clock.frozen
    assert clock.now() == frozen_at
    clock.advance(A_DAY)
    assert clock.now() == frozen_at + A_DAY
    clock.thaw()
    assert not clock.frozen
    assert frozen_at + A_DAY < clock.now() < frozen_at + A_DAY + A_SECOND


def test_one_thread_can_see_another_time() -> None:
    """Other threads see the clock as it is."""
    clock, seen = Clock(), []
    with clock.standing_at(datetime.now(UTC) - A_DAY):
        other = Thread(target=lambda: seen.append(clock.now()))
        other.start()
        other.join()
        assert about(clock.now(), datetime.now(UTC) - A_DAY)
    assert about(clock.now(), datetime.now(UTC))
    assert about(seen[0], datetime.now(UTC))
