"""The calls: creating and deleting tasks, names that are taken, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import requests
from google.api_core import exceptions
from google.cloud.tasks_v2 import Task
from google.protobuf.duration_pb2 import Duration  # type: ignore[import-untyped]

from tests.emulator.cloud_tasks.client import LOCATION, OTHER_QUEUE, QUEUE

if TYPE_CHECKING:
    from tests.emulator.cloud_tasks.client import CloudTasks, Target

URL = "http://127.0.0.1:9/"


@pytest.fixture(autouse=True)
def _frozen(tasks: CloudTasks) -> None:
    tasks.freeze()


def test_a_task_without_a_name_gets_one(tasks: CloudTasks) -> None:
    """A number that no other task has. The answer has the service's defaults, and not the body."""
    task = tasks.client.create_task(parent=QUEUE, task={"http_request": {"url": URL, "body": b"x"}})
    assert task.name.startswith(f"{QUEUE}/tasks/")
    assert task.name.rpartition("/")[2].isdecimal()
    assert task.name != tasks.create(URL)
    now = datetime.fromisoformat(tasks.see("clock", "now"))
    assert (task.schedule_time, task.create_time) == (now, now.replace(microsecond=0))
    assert task.dispatch_deadline == timedelta(minutes=10)
    assert task.http_request.http_method.name == "POST"
    assert (task.view, task.http_request.body) == (Task.View.BASIC, b"")


def test_a_name_is_taken_by_a_task_that_waits(tasks: CloudTasks) -> None:
    """ALREADY_EXISTS, in the service's words."""
    assert tasks.create(URL, "once") == f"{QUEUE}/tasks/once"
    with pytest.raises(exceptions.AlreadyExists, match="Requested entity already exists"):
        tasks.create(URL, "once")


@pytest.mark.parametrize("ended_by", ["success", "deletion", "giving up"])
def test_a_name_stays_taken_for_an_hour_after_the_end(
    tasks: CloudTasks, target: Target, ended_by: str
) -> None:
    """However the task ended: a message that is sent twice does not make two tasks."""
    tasks.configure(max_attempts=1)
    target.will_answer(200 if ended_by == "success" else 500)
    due = tasks.in_seconds(1 if ended_by == "deletion" else 0)
    name = tasks.create(target, "once", schedule_time=due)
    if ended_by == "deletion":
        tasks.client.delete_task(name=name)
    tasks.settle()
    tasks.advance(3599)
    with pytest.raises(exceptions.AlreadyExists, match="Requested entity already exists"):
        tasks.create(target, "once")
    tasks.advance(1)
    assert tasks.create(target, "once") == name


def test_how_long_a_name_stays_taken_can_be_chosen(tasks: CloudTasks) -> None:
    """Google only says "up to 24 hours"."""
    tasks.control("settings", name_taken_seconds=86_400)
    tasks.client.delete_task(name=tasks.create(URL, "once"))
    tasks.advance(86_399)
    with pytest.raises(exceptions.AlreadyExists):
        tasks.create(URL, "once")
    tasks.control("settings", name_taken_seconds=0)
    tasks.create(URL, "once")


def test_a_deleted_task_is_never_dispatched(tasks: CloudTasks, target: Target) -> None:
    """Deleting it again is NOT_FOUND."""
    name = tasks.create(target, schedule_time=tasks.in_seconds(1))
    tasks.client.delete_task(name=name)
    tasks.advance(1)
    assert target.received == []
    with pytest.raises(exceptions.NotFound, match="a task with this name existed recently"):
        tasks.client.delete_task(name=name)


def test_a_task_that_never_was_is_not_found(tasks: CloudTasks) -> None:
    """The text differs from that for a task that has ended."""
    with pytest.raises(exceptions.NotFound, match="Requested entity was not found"):
        tasks.client.delete_task(name=f"{QUEUE}/tasks/unknown")


def test_a_missing_queue_is_not_found(tasks: CloudTasks) -> None:
    """Both calls say so, in the service's words."""
    words = "wait at least a minute for the queue to initialize"
    with pytest.raises(exceptions.NotFound, match=words):
        tasks.client.create_task(parent=OTHER_QUEUE, task={"http_request": {"url": URL}})
    with pytest.raises(exceptions.NotFound, match=words):
        tasks.client.delete_task(name=f"{OTHER_QUEUE}/tasks/x")


def test_thirty_days_ahead_is_as_far_as_it_goes(tasks: CloudTasks) -> None:
    """By the emulator's clock; a time that is past becomes now."""
    days = 30 * 86_400
    tasks.create(URL, schedule_time=tasks.in_seconds(days))
    with pytest.raises(exceptions.InvalidArgument, match="30 days"):
        tasks.create(URL, schedule_time=tasks.in_seconds(days + 1))
    past = tasks.client.create_task(
        parent=QUEUE, task={"http_request": {"url": URL}, "schedule_time": datetime(2000, 1, 1, tzinfo=UTC)}
    )
    assert past.schedule_time == tasks.in_seconds(0)


@pytest.mark.parametrize("seconds", [15, 1800])
def test_deadlines_within_bounds_are_accepted(tasks: CloudTasks, seconds: int) -> None:
    """Both ends of the documented interval."""
    tasks.create(URL, dispatch_deadline=timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("task", "complaint"),
    [
        ({"name": "x"}, "does not have the form"),
        ({"name": f"{QUEUE}/tasks/a.b"}, "does not have the form"),
        ({"name": f"{QUEUE}/tasks/{'x' * 501}"}, "does not have the form"),
        ({"name": f"{QUEUE}/tasks/x\n"}, "does not have the form"),
        ({"name": f"{LOCATION}/queues/another/tasks/x"}, "is not in the queue"),
        ({"dispatch_deadline": timedelta(seconds=14.9)}, "dispatch_deadline"),
        ({"dispatch_deadline": timedelta(seconds=1800.1)}, "dispatch_deadline"),
        ({"http_request": {"url": ""}}, "must begin with"),
        ({"http_request": {"url": "ftp://a.example/"}}, "must begin with"),
        ({"http_request": {"url": "http://"}}, "must begin with"),
        ({"http_request": {"url": "http://a.example:x/"}}, "must begin with"),
        ({"http_request": {"url": f"http://a.example/{'ü' * 400}"}}, "2083"),
        ({"http_request": {"url": URL, "body": b"x" * 1024 * 1024}}, "too large"),
        ({"http_request": {"url": URL, "http_method": "GET", "body": b"x"}}, "POST, PUT and PATCH"),
        ({"http_request": {"url": URL, "headers": {"a b": "x"}}}, "is not a header"),
        ({"http_request": {"url": URL, "headers": {"a": "x\r\nb: y"}}}, "is not a header"),
        ({"http_request": {"url": URL, "headers": {"a": "x" * 81920}}}, "smaller than"),
        ({"http_request": {"url": URL, "oidc_token": {"audience": "x"}}}, "service_account_email"),
        ({"http_request": None}, "needs an http_request"),
        ({"dispatch_deadline": Duration(seconds=10**18)}, "out of its bounds"),
    ],
)
def test_what_breaks_a_rule_is_refused(tasks: CloudTasks, task: dict[str, Any], complaint: str) -> None:
    """INVALID_ARGUMENT that names the rule, and no task."""
    whole = {"http_request": {"url": URL}} | task
    with pytest.raises(exceptions.InvalidArgument, match=complaint):
        tasks.client.create_task(parent=QUEUE, task=whole)
    assert tasks.see("tasks") == []


def test_nearly_a_megabyte_is_accepted(tasks: CloudTasks, target: Target) -> None:
    """And arrives whole."""
    body = bytes(range(256)) * 4000
    tasks.create(target, http={"body": body})
    tasks.settle()
    assert target.received[0].body == body


def test_a_parent_that_is_no_queue_is_refused(tasks: CloudTasks) -> None:
    """INVALID_ARGUMENT, not NOT_FOUND."""
    for parent in ("", LOCATION, f"{QUEUE}/"):
        with pytest.raises(exceptions.InvalidArgument):
            tasks.client.create_task(parent=parent, task={"http_request": {"url": URL}})


@pytest.mark.parametrize(
    "task",
    [
        {"app_engine_http_request": {"relative_uri": "/"}},
        {"http_request": {"url": URL, "oauth_token": {"service_account_email": "a@b.example"}}},
        {"http_request": {"url": URL}, "retry_config": {"max_attempts": 3}},
    ],
)
def test_a_task_that_the_emulator_cannot_handle_is_refused(tasks: CloudTasks, task: dict[str, Any]) -> None:
    """UNIMPLEMENTED, with a sentence: nothing is silently ignored."""
    with pytest.raises(exceptions.MethodNotImplemented, match="The emulator does not support"):
        tasks.client.create_task(parent=QUEUE, task=task)


def test_the_full_view_is_refused(tasks: CloudTasks) -> None:
    """UNIMPLEMENTED, and no task is created."""
    whole = {"parent": QUEUE, "task": {"http_request": {"url": URL}}, "response_view": "FULL"}
    with pytest.raises(exceptions.MethodNotImplemented, match="The emulator does not support the FULL view"):
        tasks.client.create_task(request=whole)
    assert tasks.see("tasks") == []


def test_every_other_call_is_unimplemented(tasks: CloudTasks) -> None:
    """Calls that the service does not use, such as GetTask and PauseQueue."""
    for call in (tasks.client.get_task, tasks.client.get_queue, tasks.client.pause_queue):
        with pytest.raises(exceptions.MethodNotImplemented):
            call(name=QUEUE)


@pytest.mark.parametrize(
    "service", ["google.cloud.tasks.v2.CloudTasks", "google.cloud.tasks.v2beta3.CloudTasks"]
)
def test_what_is_not_served_says_what_is(tasks: CloudTasks, service: str) -> None:
    """Other calls and other versions are UNIMPLEMENTED, with a sentence that names those that are there."""
    with grpc.insecure_channel(tasks.see("health", "host")) as channel:
        call: Any = channel.unary_unary(f"/{service}/ListQueues")
        with pytest.raises(grpc.RpcError) as refused:
            call(b"", timeout=10)
    error: Any = refused.value
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    assert f"does not serve {service}.ListQueues, only CreateTask and DeleteTask" in error.details()


@pytest.mark.parametrize(
    ("path", "status", "name"),
    [
        ("/v2/projects/p/locations/l/queues/q/tasks", 501, "UNIMPLEMENTED"),
        ("/v2beta3/projects/p/locations/l/queues", 501, "UNIMPLEMENTED"),
        ("/projects/p/locations/l/queues/q/tasks", 501, "UNIMPLEMENTED"),
        ("/nonsense", 404, "NOT_FOUND"),
    ],
)
def test_rest_gets_googles_envelope(tasks: CloudTasks, path: str, status: int, name: str) -> None:
    """REST, with and without a version, is refused as Google's interfaces refuse, and told where gRPC is."""
    answer = requests.post(f"{tasks.see('health', 'url')}{path}", json={}, timeout=10)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["status"]) == (status, status, name)
    assert tasks.see("health", "host") in error["message"] or status == 404
