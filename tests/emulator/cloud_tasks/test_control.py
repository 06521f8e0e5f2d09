"""The controls: the clock, the settings, what they show, run now, the reset, and malformed requests."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from emulator.cloud_tasks import Settings
from emulator.cloud_tasks import tasks as task_rules
from tests.emulator.cloud_tasks.client import OTHER_QUEUE, QUEUE, eventually

if TYPE_CHECKING:
    from emulator.cloud_tasks import Emulator
    from tests.emulator.cloud_tasks.client import CloudTasks, Target


def test_health(tasks: CloudTasks) -> None:
    """The emulator answers with its addresses."""
    answer = tasks.http.get(f"{tasks.url}/_emulator/health", timeout=10).json()
    assert (answer["ok"], answer["url"], answer["issuer"]) == (True, tasks.url, tasks.url)
    assert answer["host"].startswith("127.0.0.1:")


def test_a_reset_brings_the_start_back(tasks: CloudTasks, target: Target) -> None:
    """The first queue with its first limits; no other queue, task, name, script, setting or attempt."""
    tasks.configure(OTHER_QUEUE)
    tasks.configure(max_attempts=1)
    tasks.create(target, "once")
    tasks.settle()
    tasks.create(target, "later", schedule_time=tasks.in_seconds(86_400))
    tasks.control("settings", throttling=False)
    tasks.control("duplicates", times=None)
    tasks.control("reset")
    [queue] = tasks.see("queues")
    assert (queue["name"], queue["max_attempts"], queue["tasks"]) == (QUEUE, 100, 0)
    assert tasks.see("settings", "throttling") is True
    assert tasks.see("dispatches") == tasks.see("duplicates") == tasks.see("tasks") == []
    tasks.create(target, "once")
    tasks.settle()
    assert target.names() == ["once", "once"]


def test_what_is_under_way_at_a_reset_changes_nothing_after_it(tasks: CloudTasks, target: Target) -> None:
    """Its answer belongs to a world that is gone."""
    target.gate.clear()
    target.will_answer(503)
    tasks.create(target, "old")
    eventually(target, 1)
    tasks.control("reset")
    target.gate.set()
    tasks.settle()
    [queue] = tasks.see("queues")
    assert (queue["tasks"], queue["running"], queue["dispatches_per_second_now"]) == (0, 0, 500)
    assert tasks.see("dispatches") == []


def test_waiting_tasks_are_shown(tasks: CloudTasks, target: Target) -> None:
    """With what they will send, when, and what became of earlier attempts."""
    tasks.freeze()
    target.will_answer(404)
    tasks.create(target, "first", http={"body": b"hello", "headers": {"X-Mine": "1"}})
    tasks.settle()
    tasks.create(target, "second", schedule_time=tasks.in_seconds(86_400))
    first, second = tasks.see("tasks")
    assert (first["name"], first["attempts"], first["last_status"]) == (f"{QUEUE}/tasks/first", 1, 404)
    assert (first["method"], first["body"], first["headers"]) == ("POST", "hello", {"X-Mine": "1"})
    assert first["running"] is False
    assert (second["attempts"], second["last_status"]) == (0, None)
    assert datetime.fromisoformat(second["next_try"]) == tasks.in_seconds(86_400)


def test_attempts_are_shown(tasks: CloudTasks, target: Target) -> None:
    """Which task, which try, what was answered, when and how long it took; until they are forgotten."""
    tasks.freeze()
    now = tasks.see("clock", "now")
    target.will_answer(500)
    name = tasks.create(target)
    tasks.settle()
    tasks.advance(60)
    first, second = tasks.see("dispatches")
    assert first["seconds"] > 0
    del first["seconds"]
    assert first == {
        "task": name,
        "url": target.url,
        "retry_count": 0,
        "time": now,
        "duplicate": False,
        "status": 500,
        "error": None,
        "body": "",
    }
    assert (second["retry_count"], second["status"]) == (1, 200)
    tasks.http.delete(f"{tasks.url}/_emulator/dispatches", timeout=10)
    assert tasks.see("dispatches") == []


def test_a_task_can_be_run_now(tasks: CloudTasks, target: Target) -> None:
    """By its id; the clock does not move, and the others wait on."""
    tasks.freeze()
    for name in ("one", "two"):
        tasks.create(target, name, schedule_time=tasks.in_seconds(86_400))
    tasks.control("run", task="one")
    tasks.settle()
    assert target.names() == ["one"]


def test_all_that_wait_can_be_run_now(tasks: CloudTasks, target: Target) -> None:
    """In running queues, one after the other in the order of their creation."""
    tasks.freeze()
    tasks.configure(max_concurrent_dispatches=1)
    names = [f"t{number}" for number in range(5)]
    for days, name in enumerate(names):
        tasks.create(target, name, schedule_time=tasks.in_seconds(86_400 * (5 - days)))
    assert len(tasks.control("run")["tasks"]) == 5
    tasks.settle()
    assert target.names() == names


def test_run_now_twice_is_one_delivery(tasks: CloudTasks, target: Target, running_tasks: Emulator) -> None:
    """Also when the dispatcher has had no moment in between."""
    name = tasks.create(target, schedule_time=tasks.in_seconds(86_400))
    world = running_tasks.world
    with world.changed:
        queue, task = task_rules.find(world, name)
        task_rules.force(world, queue, task)
        task_rules.force(world, queue, task)
        queue.plan(task, world.now())
        world.changed.notify_all()
    tasks.settle()
    assert len(target.received) == 1


def test_idle_waits_for_what_is_under_way(tasks: CloudTasks, target: Target) -> None:
    """And gives up when its time is over."""
    assert tasks.see("idle", "idle") is True
    target.gate.clear()
    tasks.create(target)
    assert tasks.see("idle?seconds=0.05", "idle") is False


@pytest.mark.parametrize(
    ("control", "body", "complaint"),
    [
        ("run", {"task": "unknown"}, "there is no task unknown"),
        ("run", {"name": "x"}, "unknown fields: name"),
        ("deliveries", {}, "the body needs task"),
        ("deliveries", {"task": f"{QUEUE}/tasks/unknown"}, "there is no task"),
    ],
)
def test_malformed_control_request(tasks: CloudTasks, control: str, body: Any, complaint: str) -> None:
    """A control request that is wrong is a 400 that says what is wrong."""
    answer = tasks.http.post(f"{tasks.url}/_emulator/{control}", json=body, timeout=10)
    assert answer.status_code == 400
    assert complaint in answer.json()["error"]


def test_an_idle_wait_has_bounds(tasks: CloudTasks) -> None:
    """Ten minutes at most."""
    answer = tasks.http.get(f"{tasks.url}/_emulator/idle?seconds=601", timeout=10)
    assert (answer.status_code, "from 0 to 600" in answer.json()["error"]) == (400, True)


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/x", 404), ("PUT", "/_emulator/clock", 405)])
def test_unknown_routes_are_errors(tasks: CloudTasks, method: str, path: str, status: int) -> None:
    """A control that does not exist is not mistaken for one that does."""
    assert tasks.http.request(method, tasks.url + path, timeout=10).status_code == status


def test_every_setting_is_described() -> None:
    """docs/tasks-emulator.md has each setting with its default."""
    document = (Path(__file__).parents[3] / "docs" / "tasks-emulator.md").read_text(encoding="utf-8")
    described = dict(re.findall(r"^\| `(\w+)` \| `([^`]*)` \|", document, re.MULTILINE))
    assert described == {name: json.dumps(value) for name, value in asdict(Settings()).items()}


def test_a_token_is_issued_as_a_task_carries_it(tasks: CloudTasks) -> None:
    """Whoever plays Cloud Scheduler gets a token that the emulator's own keys verify."""
    answer = tasks.control("tokens", service_account_email="a@b.example", audience="https://f.example")
    keys = jwt.PyJWKClient(f"{tasks.url}/certs")
    key = keys.get_signing_key_from_jwt(answer["token"])
    claims = jwt.decode(answer["token"], key.key, algorithms=["RS256"], audience="https://f.example")
    assert (claims["email"], claims["iss"]) == ("a@b.example", tasks.url)
