"""What a target receives, what its answers mean, and what a delivery says about earlier attempts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from emulator.suite import ports
from tests.emulator.cloud_tasks.client import eventually, json_body

if TYPE_CHECKING:
    from tests.emulator.cloud_tasks.client import CloudTasks, Target


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
    """The emulator adds no content type, no accepted encodings and no authorization."""
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
    tasks.create(target)
    tasks.settle()
    assert (len(target.received), tasks.see("tasks")) == (1, [])


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


def test_a_late_answer_is_a_504(tasks: CloudTasks, target: Target) -> None:
    """The dispatch deadline ends the attempt. The next delivery says so, and counts no response."""
    tasks.freeze()
    tasks.control("settings", dispatch_deadline_seconds=0.05)
    target.gate.clear()
    tasks.create(target)
    tasks.settle()
    assert len(target.received) == 1
    [entry] = tasks.see("dispatches")
    assert (entry["status"], entry["error"]) == (None, "no answer within 0.05 s")
    assert tasks.see("tasks")[0]["last_status"] == 504
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
    """While the clock runs, a task is dispatched when it is due."""
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
