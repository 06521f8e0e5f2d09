"""How many and how fast: the limits of a queue, the brake, and a crowd of tasks of which none is lost."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from emulator.cloud_tasks.rates import Rate
from tests.emulator.cloud_tasks.client import OTHER_QUEUE, eventually

if TYPE_CHECKING:
    from tests.emulator.cloud_tasks.client import CloudTasks, Target

CROWD = 2_000


def create_many(tasks: CloudTasks, target: Target, count: int, **task: Any) -> set[str]:
    """Create tasks from several threads at once, and return their ids."""
    with ThreadPoolExecutor(8) as threads:
        names = threads.map(lambda _: tasks.create(target, **task), range(count))
        return {name.rpartition("/")[2] for name in names}


def test_a_crowd_is_delivered_exactly_once(tasks: CloudTasks, target: Target) -> None:
    """Two thousand tasks, created while they are being dispatched: each arrives, and none twice."""
    tasks.control("settings", rate_limits=False)
    created = create_many(tasks, target, CROWD)
    tasks.settle()
    assert len(target.received) == CROWD
    assert set(target.names()) == created
    assert tasks.see("tasks") == []


def test_failures_lose_no_task(tasks: CloudTasks, target: Target) -> None:
    """Every second answer is an error, but each task is retried until it succeeds."""
    tasks.control("settings", rate_limits=False, throttling=False)
    tasks.freeze()
    target.will_answer(*[500, 200] * 300)
    created = create_many(tasks, target, 200)
    tasks.settle()
    while tasks.see("tasks"):
        tasks.advance(60)
    assert set(target.names()) == created
    entries = tasks.see("dispatches")
    assert sum(entry["status"] == 200 for entry in entries) == 200
    assert len({(entry["task"], entry["retry_count"]) for entry in entries}) == len(entries)


def test_no_more_than_the_allowed_run_at_once(tasks: CloudTasks, target: Target) -> None:
    """Exactly as many as the queue's limit while there is enough to do."""
    tasks.configure(max_concurrent_dispatches=5)
    target.gate.clear()
    create_many(tasks, target, 20)
    eventually(target, 5)
    assert tasks.see("queues")[0]["running"] == 5
    target.gate.set()
    tasks.settle()
    assert (len(target.received), target.most_at_once) == (20, 5)


def test_dispatches_keep_to_the_rate(tasks: CloudTasks, target: Target) -> None:
    """A full bucket at once, the rest at the queue's rate."""
    tasks.configure(max_dispatches_per_second=20)
    tasks.freeze()
    create_many(tasks, target, 30, schedule_time=tasks.in_seconds(1))
    start = time.monotonic()
    tasks.advance(1)
    assert 0.45 < time.monotonic() - start < 3
    assert len(target.received) == 30


def test_the_rate_can_be_switched_off(tasks: CloudTasks, target: Target) -> None:
    """For tests that are about something else."""
    tasks.configure(max_dispatches_per_second=0.01)
    tasks.control("settings", rate_limits=False)
    create_many(tasks, target, 5)
    tasks.settle()
    assert len(target.received) == 5


def test_a_slow_queue_does_not_hold_up_another(tasks: CloudTasks, target: Target) -> None:
    """Limits are each queue's own."""
    tasks.configure(OTHER_QUEUE)
    tasks.configure(max_concurrent_dispatches=1)
    target.gate.clear()
    create_many(tasks, target, 2)
    tasks.client.create_task(parent=OTHER_QUEUE, task={"http_request": {"url": target.url}})
    eventually(target, 2)
    target.gate.set()
    tasks.settle()
    assert len(target.received) == 3


@pytest.mark.parametrize("status", [429, 503])
def test_too_much_slows_the_whole_queue_down(tasks: CloudTasks, target: Target, status: int) -> None:
    """Half the rate after one such answer; other errors do not brake."""
    tasks.freeze()
    target.will_answer(500, status)
    tasks.create(target)
    tasks.settle()
    assert tasks.see("queues")[0]["dispatches_per_second_now"] == 500
    tasks.advance(60)
    assert 250 <= tasks.see("queues")[0]["dispatches_per_second_now"] < 500


def test_the_brake_can_be_switched_off(tasks: CloudTasks, target: Target) -> None:
    """For tests that send many 503s."""
    tasks.freeze()
    tasks.control("settings", throttling=False)
    target.will_answer(503)
    tasks.create(target)
    tasks.settle()
    assert tasks.see("queues")[0]["dispatches_per_second_now"] == 500


def test_the_brake_is_let_go_slowly() -> None:
    """Halved at most once a second, never to nothing, back by a tenth of the full rate each second."""
    rate = Rate(100, 100, now=0)
    rate.brake(10)
    rate.brake(10.5)
    assert rate.per_second(10.5) == pytest.approx(55)
    rate.brake(11)
    assert rate.per_second(11) == pytest.approx(30)
    for moment in range(12, 100):
        rate.brake(moment)
    assert rate.per_second(99) > 1
    assert rate.per_second(111) == 100


def test_a_bucket_fills_at_its_rate_and_not_above_its_size() -> None:
    """Three at once, then one each tenth of a second."""
    rate = Rate(10, 3, now=0)
    for _ in range(3):
        assert rate.wait(100) == 0
        rate.take(100)
    assert rate.wait(100) == pytest.approx(0.1)
    assert rate.wait(100.1) == pytest.approx(0, abs=1e-9)
