"""Deliveries that happen more than once, because a test or a setting wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.emulator.cloud_tasks.client import eventually

if TYPE_CHECKING:
    from tests.emulator.cloud_tasks.client import CloudTasks, Target


def test_the_next_task_comes_twice(tasks: CloudTasks, target: Target) -> None:
    """Both deliveries look the same, at the same time; the one after it comes once."""
    tasks.control("duplicates")
    target.gate.clear()
    tasks.create(target, "twice")
    eventually(target, 2)
    assert target.most_at_once == 2
    target.gate.set()
    tasks.create(target, "once")
    tasks.settle()
    assert target.names() == ["twice", "twice", "once"]
    assert target.received[0].headers == target.received[1].headers
    assert [entry["duplicate"] for entry in tasks.see("dispatches")] == [False, True, False]
    assert tasks.see("duplicates") == []


def test_a_duplicate_comes_after_its_gap(tasks: CloudTasks, target: Target) -> None:
    """By the emulator's clock, also when the task has long ended."""
    tasks.freeze()
    tasks.control("duplicates", gap_seconds=3600, copies=2)
    tasks.create(target)
    tasks.settle()
    assert (len(target.received), tasks.see("tasks")) == (1, [])
    tasks.advance(3599)
    assert len(target.received) == 1
    tasks.advance(1)
    assert len(target.received) == 3


def test_a_gap_may_be_random(tasks: CloudTasks, target: Target) -> None:
    """Between the least and the most."""
    tasks.freeze()
    tasks.control("duplicates", gap_seconds=[10, 20], copies=20)
    tasks.create(target)
    tasks.advance(9)
    assert len(target.received) == 1
    tasks.advance(6)
    assert 1 < len(target.received) < 21
    tasks.advance(6)
    assert len(target.received) == 21


def test_what_a_duplicate_answers_changes_nothing(tasks: CloudTasks, target: Target) -> None:
    """The task's fate is the first delivery's: its failure is tried again, a duplicate's is not."""
    tasks.freeze()
    tasks.control("duplicates", gap_seconds=5)
    target.will_answer(200, 500)
    tasks.create(target)
    tasks.settle()
    tasks.advance(5)
    tasks.advance(3600)
    assert [entry["status"] for entry in tasks.see("dispatches")] == [200, 500]


def test_each_retry_can_be_duplicated_too(tasks: CloudTasks, target: Target) -> None:
    """``times: null`` never ends. A duplicate has the retry count of the delivery that it repeats."""
    tasks.freeze()
    tasks.control("duplicates", times=None)
    target.usual = 500
    tasks.configure(max_attempts=3)
    tasks.create(target)
    tasks.settle()
    for _ in range(3):
        tasks.advance(60)
    counts = [it.told()["Taskretrycount"] for it in target.received]
    assert counts == ["0", "0", "1", "1", "2", "2"]
    tasks.http.delete(f"{tasks.url}/_emulator/duplicates", timeout=10)
    assert tasks.see("duplicates") == []


def test_a_script_can_name_its_task(tasks: CloudTasks, target: Target) -> None:
    """Before it is created, by its id or its whole name."""
    tasks.control("duplicates", task="mine", times=1)
    tasks.create(target, "other")
    tasks.create(target, "mine")
    tasks.settle()
    assert sorted(target.names()) == ["mine", "mine", "other"]


def test_a_share_of_all_deliveries_can_be_duplicated(tasks: CloudTasks, target: Target) -> None:
    """None, some, or all of them, within the longest gap."""
    tasks.freeze()
    tasks.control("settings", duplicate_share=0.5, duplicate_gap_seconds=60)
    for _ in range(40):
        tasks.create(target)
    tasks.settle()  # the gaps begin with the deliveries
    tasks.advance(60)
    assert 45 < len(target.received) < 75
    before = len(target.received)
    tasks.control("settings", duplicate_share=1.0)
    tasks.create(target)
    tasks.settle()
    tasks.advance(60)
    assert len(target.received) == before + 2


def test_a_task_that_has_ended_can_be_delivered_again(tasks: CloudTasks, target: Target) -> None:
    """As long as its name is taken, with the headers of its last delivery."""
    tasks.freeze()
    target.will_answer(500)
    tasks.create(target, "late")
    tasks.settle()
    tasks.advance(60)
    tasks.control("deliveries", task="late")
    tasks.settle()
    counts = [(it.told()["Taskretrycount"], it.told().get("Taskpreviousresponse")) for it in target.received]
    assert counts == [("0", None), ("1", "500"), ("1", "500")]
    assert tasks.see("dispatches")[-1]["duplicate"] is True


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ({"times": 0}, "times must be a number from 1"),
        ({"copies": 0}, "copies must be a number from 1"),
        ({"gap_seconds": -1}, "gap_seconds must be"),
        ({"gap_seconds": [2, 1]}, "gap_seconds must be"),
        ({"gap_seconds": [1]}, "gap_seconds must be"),
        ({"gap_seconds": "1"}, "gap_seconds must be"),
        ({"task": 5}, "task must be text"),
        ({"tasks": "x"}, "unknown fields: tasks"),
    ],
)
def test_a_malformed_script_is_refused(tasks: CloudTasks, body: dict[str, object], complaint: str) -> None:
    """A 400 that says what is wrong."""
    answer = tasks.http.post(f"{tasks.url}/_emulator/duplicates", json=body, timeout=10)
    assert (answer.status_code, complaint in answer.json()["error"]) == (400, True)
