"""When a failed task is tried again, and when no more."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest

from emulator.cloud_tasks.retries import RetryRules, read_retry_after

if TYPE_CHECKING:
    from tests.emulator.cloud_tasks.client import CloudTasks, Target


def seconds(number: float) -> timedelta:
    """Return a span."""
    return timedelta(seconds=number)


def waits(tasks: CloudTasks, count: int) -> list[float]:
    """Return the waits before the next retries of the only task, by letting each pass exactly."""
    found = []
    for _ in range(count):
        tasks.settle()
        [task] = tasks.see("tasks")
        left = datetime.fromisoformat(task["next_try"]) - datetime.fromisoformat(tasks.see("clock", "now"))
        found.append(left.total_seconds())
        tasks.advance(found[-1] - 0.001)
        assert tasks.see("tasks")[0]["attempts"] == task["attempts"], "tried too early"
        tasks.advance(0.001)
    return found


@pytest.mark.parametrize(
    ("least", "most", "doublings", "expected"),
    [
        (10, 300, 3, [10, 20, 40, 80, 160, 240, 300, 300]),  # Google's own example
        (2, 300, 6, [2, 4, 8, 16, 32, 64, 128, 256, 300, 300]),  # queue.yaml
        (1, 3600, 16, [1, 2, 4, 8, 16, 32]),
        (5, 60, 0, [5, 10, 15, 20]),
        (10, 10, 5, [10, 10, 10]),
        (60, 10, 5, [10, 10]),
    ],
)
def test_waits_double_then_grow_evenly_then_stay(
    tasks: CloudTasks, target: Target, least: int, most: int, doublings: int, expected: list[int]
) -> None:
    """Doubled ``max_doublings`` times, then linear, never longer than the longest; to the millisecond."""
    tasks.freeze()
    tasks.configure(
        min_backoff=seconds(least),
        max_backoff=seconds(most),
        max_doublings=doublings,
        max_attempts="unlimited",
    )
    target.usual = 500
    tasks.create(target)
    assert waits(tasks, len(expected)) == expected


def test_attempts_are_counted_with_the_first(tasks: CloudTasks, target: Target) -> None:
    """Three attempts are one and two retries; then the task is gone."""
    tasks.freeze()
    tasks.configure(max_attempts=3)
    target.usual = 500
    tasks.create(target)
    tasks.settle()
    tasks.advance(3600)
    assert len(tasks.see("tasks")) == 1
    tasks.advance(3600)
    assert len(target.received) == 3
    assert tasks.see("tasks") == []


def test_both_limits_must_be_used_up(tasks: CloudTasks, target: Target) -> None:
    """Two attempts are used up long before the minute, so the retries go on until then."""
    tasks.freeze()
    tasks.configure(
        max_attempts=2, max_retry_duration=seconds(60), min_backoff=seconds(10), max_backoff=seconds(10)
    )
    target.usual = 500
    tasks.create(target)
    tasks.settle()
    for _ in range(10):
        tasks.advance(10)
    assert len(target.received) == 7
    assert tasks.see("tasks") == []


@pytest.mark.parametrize(
    ("attempts", "duration", "given_up"),
    [
        # attempts so far and seconds since the first: what each limit says
        (3, 0, {(2, 1e9): False, (3, 0): True}),
        (-1, 0, {(10**6, 1e9): False}),
        (-1, 60, {(10**6, 59): False, (1, 60): True}),
        (3, 60, {(3, 59): False, (2, 60): False, (3, 60): True}),
    ],
)
def test_a_limit_that_is_not_set_ends_nothing(
    attempts: int, duration: int, given_up: dict[tuple[int, float], bool]
) -> None:
    """Without any limit it goes on; with one, that one decides; with two, both do."""
    rules = RetryRules(attempts, seconds(duration), seconds(1), seconds(1), 0)
    assert {given: rules.exhausted(given[0], seconds(given[1])) for given in given_up} == given_up


def test_many_doublings_are_no_overflow() -> None:
    """The longest wait is all that comes of them."""
    rules = RetryRules(-1, seconds(0), seconds(1), seconds(3600), 10**9)
    assert rules.wait(10**9) == seconds(3600)


def test_a_task_is_kept_for_31_days(tasks: CloudTasks, target: Target) -> None:
    """An unlimited task that never succeeds is not tried for ever."""
    tasks.freeze()
    tasks.configure(max_attempts="unlimited", min_backoff=timedelta(days=10), max_backoff=timedelta(days=10))
    target.usual = 500
    tasks.create(target)
    tasks.settle()
    for _ in range(5):
        tasks.advance(10 * 86_400)
    assert len(target.received) == 4
    assert tasks.see("tasks") == []


@pytest.mark.parametrize("status", [429, 500, 503])
def test_retry_after_delays_the_next_try(tasks: CloudTasks, target: Target, status: int) -> None:
    """At least that long, however short the queue's own wait is."""
    tasks.freeze()
    target.will_answer(status, Retry_After="120")
    tasks.create(target)
    assert waits(tasks, 1) == [120]
    assert len(target.received) == 2


def test_retry_after_may_be_a_date(tasks: CloudTasks, target: Target) -> None:
    """The date is in real time, which the target knows."""
    tasks.freeze()
    target.will_answer(503, Retry_After=format_datetime(datetime.now(UTC) + seconds(120), usegmt=True))
    tasks.create(target)
    assert waits(tasks, 1) == [pytest.approx(120, abs=10)]


def test_a_short_retry_after_changes_nothing(tasks: CloudTasks, target: Target) -> None:
    """The queue's wait is the longer one."""
    tasks.freeze()
    tasks.configure(min_backoff=seconds(60))
    target.will_answer(503, Retry_After="1")
    tasks.create(target)
    assert waits(tasks, 1) == [60]


def test_a_far_date_in_retry_after_gives_the_task_up(tasks: CloudTasks, target: Target) -> None:
    """It would be tried after its retention."""
    target.will_answer(503, Retry_After="Fri, 31 Dec 9999 23:59:59 GMT")
    tasks.create(target)
    tasks.settle()
    assert (len(target.received), tasks.see("tasks")) == (1, [])


@pytest.mark.parametrize("value", [None, "", "soon", "-5", "1.5", "\u0663", "Fri, 99 Foo 2026", "0"])
def test_nonsense_in_retry_after_is_passed_over(value: str | None) -> None:
    """As if it were not there."""
    assert read_retry_after(value) == timedelta()


def test_a_huge_retry_after_is_no_overflow() -> None:
    """No task lives longer than its retention."""
    assert read_retry_after("9" * 400) == timedelta(days=31)
