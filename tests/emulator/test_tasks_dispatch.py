"""What a target gets, what its answers mean, and what is told of earlier attempts."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from google.api_core import exceptions

from emulator import ports
from tests.emulator.cloud_tasks import QUEUE, json_body

if TYPE_CHECKING:
    from tests.emulator.cloud_tasks import CloudTasks, Target


def eventually(target: Target, count: int) -> None:
    """Wait until so many requests are at the target."""
    arrived = threading.Event()
    for _ in range(2000):
        if len(target.received) >= count:
            return
        arrived.wait(0.005)
    pytest.fail(f"{len(target.received)} of {count} requests arrived")


def test_a_task_arrives_as_it_was_created(tasks: CloudTasks, target: Target) -> None:
    """Method, path, query, headers and body are the task's; the user agent is Google's."""
    body = json_body(text="ä")
    headers = {"Content-Type": "application/json", "X-Mine": "ü"}
    url = f"{target.url}/a%20b/ö?x=1&y=ä"
    tasks.create(url, http={"http_method": "PUT", "headers": headers, "body": body})
    tasks.settle()
    [received] = target.received
    assert (received.method, received.body) == ("PUT", body)
    assert received.path == "/a b/ö?x=1&y=%C3%A4"
    assert received.headers["Content-Type"] == "application/json"
    assert received.headers["X-Mine"].encode("latin-1").decode() == "ü"
    assert received.headers["User-Agent"] == "Google-Cloud-Tasks"
    assert tasks.see("tasks") == []


def test_nothing_is_added_to_what_was_asked_for(tasks: CloudTasks, target: Target) -> None:
    """No content type, no accepted encodings, no authorization of its own."""
    tasks.create(target, http={"body": b"x"})
    tasks.create(target, http={"http_method": "GET"})
    tasks.settle()
    for received in target.received:
        names = {name for name in received.headers if not name.startswith("X-Cloudtasks-")}
        assert names <= {"Host", "User-Agent", "Content-Length"}


def test_headers_of_the_service_cannot_be_set(tasks: CloudTasks, target: Target) -> None:
    """They are replaced or left out, whatever their case."""
    headers = {
        "x-cloudtasks-taskretrycount": "99",
        "X-Google-Secret": "x",
        "X-AppEngine-Cron": "true",
        "user-agent": "me",
        "host": "elsewhere.example",
        "Content-length": "1000",
    }
    tasks.create(target, http={"headers": headers, "body": b"abc"})
    tasks.settle()
    [received] = target.received
    assert received.told()["Taskretrycount"] == "0"
    assert not [name for name in received.headers if name.startswith(("X-Google", "X-Appengine"))]
    assert received.headers["User-Agent"] == "Google-Cloud-Tasks"
    assert f"http://{received.headers['Host']}" == target.url
    assert received.body == b"abc"


def test_the_first_delivery_tells_of_no_other(tasks: CloudTasks, target: Target) -> None:
    """Short names, two zeros, the time it was due as seconds with a fraction, and no more."""
    tasks.freeze()
    tasks.create(target, "first")
    tasks.settle()
    [received] = target.received
    told = received.told()
    assert float(told.pop("Tasketa")) == pytest.approx(tasks.see("clock", "unix"), abs=1e-5)
    assert told == {
        "Queuename": "threads-publish",
        "Taskname": "first",
        "Taskretrycount": "0",
        "Taskexecutioncount": "0",
    }


def test_a_later_delivery_tells_of_the_one_before(tasks: CloudTasks, target: Target) -> None:
    """Tries, answers that were no 5xx, the last status, an empty reason, and its own time."""
    tasks.freeze()
    tasks.configure(min_backoff=timedelta(seconds=10), max_doublings=0)
    target.will_answer(500, 404, 429, 302)
    tasks.create(target)
    tasks.settle()
    start = tasks.see("clock", "unix")
    for retry in range(1, 5):
        tasks.advance(10 * retry)
    told = [it.told() for it in target.received]
    assert [it["Taskretrycount"] for it in told] == ["0", "1", "2", "3", "4"]
    assert [it["Taskexecutioncount"] for it in told] == ["0", "0", "1", "2", "3"]
    assert [it.get("Taskpreviousresponse") for it in told] == [None, "500", "404", "429", "302"]
    assert [it.get("Taskretryreason") for it in told] == [None, "", "", "", ""]
    assert [round(float(it["Tasketa"]) - start) for it in told] == [0, 10, 30, 60, 100]


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_2xx_ends_a_task(tasks: CloudTasks, target: Target, status: int) -> None:
    """It is delivered once, and gone."""
    target.usual = status
    name = tasks.create(target)
    tasks.settle()
    assert len(target.received) == 1
    with pytest.raises(exceptions.NotFound):
        tasks.client.get_task(name=name)


@pytest.mark.parametrize("status", [300, 302, 400, 401, 403, 404, 409, 410, 413, 422, 429, 500, 502, 503])
def test_anything_else_is_tried_again(tasks: CloudTasks, target: Target, status: int) -> None:
    """4xx too; a redirect is not followed."""
    tasks.freeze()
    target.will_answer(status, Location=f"{target.url}/elsewhere")
    tasks.create(target)
    tasks.settle()
    assert len(target.received) == 1
    tasks.advance(1)
    assert [it.path for it in target.received] == ["/?", "/?"]
    assert tasks.see("tasks") == []


def test_a_task_shows_its_attempts(tasks: CloudTasks, target: Target) -> None:
    """Counts, times and the last status, as the console shows them."""
    tasks.freeze()
    tasks.configure(min_backoff=timedelta(seconds=10))
    now = datetime.fromisoformat(tasks.see("clock", "now"))
    target.will_answer(503, 404)
    name = tasks.create(target)
    tasks.settle()
    tasks.advance(10)
    task = tasks.client.get_task(name=name)
    assert (task.dispatch_count, task.response_count) == (2, 2)
    assert task.first_attempt.dispatch_time == now
    assert "response_time" not in task.first_attempt
    later = now + timedelta(seconds=10)
    last = task.last_attempt
    assert (last.schedule_time, last.dispatch_time, last.response_time) == (later, later, later)
    assert (last.response_status.code, last.response_status.message) == (
        5,
        "NOT_FOUND(5): HTTP status code 404",
    )
    assert task.schedule_time == later + timedelta(seconds=20)


def test_a_late_answer_is_a_504(tasks: CloudTasks, target: Target) -> None:
    """The dispatch deadline is kept; the next delivery says so, and no response is counted."""
    tasks.freeze()
    tasks.control("settings", dispatch_deadline_seconds=0.05)
    target.gate.clear()
    name = tasks.create(target)
    tasks.settle()
    assert len(target.received) == 1
    [entry] = tasks.see("dispatches")
    assert (entry["status"], entry["error"]) == (None, "no answer within 0.05 s")
    task = tasks.client.get_task(name=name)
    assert (task.dispatch_count, task.response_count) == (1, 0)
    assert task.last_attempt.response_status.code == 4
    target.gate.set()
    tasks.control("settings", dispatch_deadline_seconds=0)
    tasks.advance(1)
    told = target.received[1].told()
    assert (told["Taskpreviousresponse"], told["Taskexecutioncount"]) == ("504", "0")


def test_a_target_that_is_not_there_is_tried_again(tasks: CloudTasks) -> None:
    """A refused connection is a failed attempt like others."""
    tasks.freeze()
    [port] = ports.free(1)
    tasks.create(f"http://127.0.0.1:{port}/")
    tasks.settle()
    [entry] = tasks.see("dispatches")
    assert (entry["status"], entry["error"].partition(":")[0]) == (None, "ConnectionRefusedError")
    assert tasks.see("tasks")[0]["attempts"] == 1
    tasks.advance(1)
    assert tasks.see("tasks")[0]["attempts"] == 2


def test_a_scheduled_task_waits_for_its_time(tasks: CloudTasks, target: Target) -> None:
    """Not a second early, by the emulator's clock: one due in three days comes at once when it is put on."""
    tasks.freeze()
    now = datetime.fromisoformat(tasks.see("clock", "now"))
    tasks.create(target, schedule_time=now + timedelta(days=3))
    tasks.advance(3 * 86_400 - 1)
    assert target.received == []
    tasks.advance(1)
    assert len(target.received) == 1


def test_a_scheduled_task_comes_by_itself(tasks: CloudTasks, target: Target) -> None:
    """On a clock that runs nobody has to do anything."""
    now = datetime.fromisoformat(tasks.see("clock", "now"))
    tasks.create(target, schedule_time=now + timedelta(seconds=0.15))
    tasks.settle()
    assert target.received == []
    eventually(target, 1)


def test_tasks_come_in_the_order_of_their_times(tasks: CloudTasks, target: Target) -> None:
    """With one at a time the earlier one is first, whichever was created first."""
    tasks.freeze()
    tasks.configure(max_concurrent_dispatches=1)
    now = datetime.fromisoformat(tasks.see("clock", "now"))
    for seconds in (30, 10, 20):
        tasks.create(target, f"t{seconds}", schedule_time=now + timedelta(seconds=seconds))
    tasks.advance(30)
    assert target.names() == ["t10", "t20", "t30"]


def test_a_task_that_is_deleted_while_it_runs_is_not_tried_again(tasks: CloudTasks, target: Target) -> None:
    """The attempt goes on; whatever it answers, there is no other."""
    target.gate.clear()
    target.will_answer(500)
    name = tasks.create(target)
    eventually(target, 1)
    tasks.client.delete_task(name=name)
    target.gate.set()
    tasks.settle()
    assert tasks.see("tasks") == []
    tasks.advance(3600)
    assert len(target.received) == 1


def test_run_task_does_not_wait(tasks: CloudTasks, target: Target) -> None:
    """Not for the schedule, and not for a paused queue; a failure is tried again as usual."""
    tasks.freeze()
    tasks.client.pause_queue(name=QUEUE)
    now = datetime.fromisoformat(tasks.see("clock", "now"))
    target.will_answer(500)
    name = tasks.create(target, schedule_time=now + timedelta(days=3))
    tasks.client.run_task(name=name)
    tasks.settle()
    assert len(target.received) == 1
    assert tasks.client.get_task(name=name).schedule_time < now + timedelta(days=1)
    tasks.client.run_task(name=name)
    tasks.settle()
    assert len(target.received) == 2
    assert tasks.see("tasks") == []


def test_run_task_does_not_run_a_task_twice_at_once(tasks: CloudTasks, target: Target) -> None:
    """Asked for during an attempt, or twice in a row, it changes nothing."""
    target.gate.clear()
    name = tasks.create(target)
    eventually(target, 1)
    tasks.client.run_task(name=name)
    tasks.client.run_task(name=name)
    target.gate.set()
    tasks.settle()
    assert len(target.received) == 1
