"""Tasks: created, read, listed and deleted; names that are taken, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from google.api_core import exceptions
from google.cloud.tasks_v2 import Task
from google.protobuf.duration_pb2 import Duration  # type: ignore[import-untyped]

from tests.emulator.cloud_tasks import LOCATION, QUEUE

if TYPE_CHECKING:
    from tests.emulator.cloud_tasks import CloudTasks, Target

URL = "http://127.0.0.1:9/"


def later(tasks: CloudTasks, seconds: float) -> datetime:
    """Return a moment of the emulator's time to come."""
    now = datetime.fromisoformat(tasks.see("clock", "now"))
    return now + timedelta(seconds=seconds)


@pytest.fixture(autouse=True)
def _paused(tasks: CloudTasks) -> None:
    tasks.client.pause_queue(name=QUEUE)
    tasks.freeze()


def test_a_task_without_a_name_gets_one(tasks: CloudTasks) -> None:
    """A number that no other task has; the defaults of the service are filled in."""
    task = tasks.client.create_task(parent=QUEUE, task={"http_request": {"url": URL}})
    assert task.name.startswith(f"{QUEUE}/tasks/")
    assert task.name.rpartition("/")[2].isdecimal()
    assert task.name != tasks.create(URL)
    now = datetime.fromisoformat(tasks.see("clock", "now"))
    assert (task.schedule_time, task.create_time) == (now, now.replace(microsecond=0))
    assert task.dispatch_deadline == timedelta(minutes=10)
    assert task.http_request.http_method.name == "POST"
    assert (task.dispatch_count, task.response_count, task.view) == (0, 0, Task.View.BASIC)


def test_the_basic_view_has_no_body(tasks: CloudTasks) -> None:
    """Creation, reading and listing leave it out unless the full view is asked for."""
    whole = {"http_request": {"url": URL, "body": b"secret"}}
    created = tasks.client.create_task(parent=QUEUE, task=whole)
    assert created.http_request.body == b""
    full = tasks.client.get_task(request={"name": created.name, "response_view": "FULL"})
    assert (full.http_request.body, full.view) == (b"secret", Task.View.FULL)
    [basic] = tasks.client.list_tasks(parent=QUEUE)
    assert basic == created
    [listed] = tasks.client.list_tasks(request={"parent": QUEUE, "response_view": "FULL"})
    assert listed == full
    also = tasks.client.create_task(request={"parent": QUEUE, "task": whole, "response_view": "FULL"})
    assert also.http_request.body == b"secret"


def test_tasks_are_listed_page_by_page(tasks: CloudTasks) -> None:
    """Each once, also when one of those that were shown is deleted in between."""
    names = [tasks.create(URL) for _ in range(5)]
    pages = tasks.client.list_tasks(request={"parent": QUEUE, "page_size": 2}).pages
    shown = [task.name for task in next(pages).tasks]
    tasks.client.delete_task(name=shown[-1])
    shown += [task.name for page in pages for task in page.tasks]
    assert shown == names


def test_a_foreign_page_token_is_refused(tasks: CloudTasks) -> None:
    """INVALID_ARGUMENT for a token that the service never gave, and for a negative size."""
    for request in ({"page_token": "x"}, {"page_token": "bm9uc2Vuc2U="}, {"page_size": -1}):
        with pytest.raises(exceptions.InvalidArgument):
            tasks.client.list_tasks(request={"parent": QUEUE, **request})


def test_a_name_is_taken_by_a_task_that_waits(tasks: CloudTasks) -> None:
    """ALREADY_EXISTS, in the service's words."""
    assert tasks.create(URL, "once") == f"{QUEUE}/tasks/once"
    with pytest.raises(exceptions.AlreadyExists, match="Requested entity already exists"):
        tasks.create(URL, "once")


@pytest.mark.parametrize("ended_by", ["success", "deletion", "purge", "giving up"])
def test_a_name_stays_taken_for_an_hour_after_the_end(
    tasks: CloudTasks, target: Target, ended_by: str
) -> None:
    """However the task ended: a message that is sent twice does not make two tasks."""
    name = tasks.create(target, "once")
    if ended_by == "deletion":
        tasks.client.delete_task(name=name)
    elif ended_by == "purge":
        tasks.client.purge_queue(name=QUEUE)
    else:
        tasks.configure(max_attempts=1)
        target.will_answer(200 if ended_by == "success" else 500)
        tasks.client.resume_queue(name=QUEUE)
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
    """And asking for it, or deleting it again, is NOT_FOUND."""
    name = tasks.create(target)
    tasks.client.delete_task(name=name)
    tasks.client.resume_queue(name=QUEUE)
    tasks.settle()
    assert target.received == []
    for call in (tasks.client.get_task, tasks.client.delete_task, tasks.client.run_task):
        with pytest.raises(exceptions.NotFound, match="a task with this name existed recently"):
            call(name=name)


def test_a_task_that_never_was_is_not_found(tasks: CloudTasks) -> None:
    """With another text than one that has ended."""
    for call in (tasks.client.get_task, tasks.client.delete_task, tasks.client.run_task):
        with pytest.raises(exceptions.NotFound, match="Requested entity was not found"):
            call(name=f"{QUEUE}/tasks/unknown")


def test_a_missing_queue_is_not_found(tasks: CloudTasks) -> None:
    """Creating in it, listing it and reading from it say the same."""
    missing = f"{LOCATION}/queues/missing"
    words = "wait at least a minute for the queue to initialize"
    with pytest.raises(exceptions.NotFound, match=words):
        tasks.client.create_task(parent=missing, task={"http_request": {"url": URL}})
    with pytest.raises(exceptions.NotFound, match=words):
        tasks.client.list_tasks(parent=missing)
    with pytest.raises(exceptions.NotFound, match=words):
        tasks.client.get_task(name=f"{missing}/tasks/x")


def test_thirty_days_ahead_is_as_far_as_it_goes(tasks: CloudTasks) -> None:
    """By the emulator's clock; a time that is past becomes now."""
    days = 30 * 86_400
    tasks.create(URL, schedule_time=later(tasks, days))
    with pytest.raises(exceptions.InvalidArgument, match="30 days"):
        tasks.create(URL, schedule_time=later(tasks, days + 1))
    past = tasks.client.create_task(
        parent=QUEUE, task={"http_request": {"url": URL}, "schedule_time": datetime(2000, 1, 1, tzinfo=UTC)}
    )
    assert past.schedule_time == later(tasks, 0)


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
        ({"retry_config": {"max_attempts": -2}}, "max_attempts"),
        ({"retry_config": {"min_backoff": Duration(seconds=10**15)}}, "out of its bounds"),
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
    tasks.client.resume_queue(name=QUEUE)
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
    ],
)
def test_app_engine_and_oauth_say_that_they_are_missing(tasks: CloudTasks, task: dict[str, Any]) -> None:
    """UNIMPLEMENTED, with a sentence."""
    with pytest.raises(exceptions.MethodNotImplemented, match="The emulator does not support"):
        tasks.client.create_task(parent=QUEUE, task=task)
