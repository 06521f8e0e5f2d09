"""Queues: created, read, listed, changed, paused, purged and deleted as the real service does it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from google.api_core import exceptions
from google.cloud.tasks_v2 import Queue

from tests.emulator.cloud_tasks import LOCATION, QUEUE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulator.cloud_tasks import CloudTasks, Target

OTHER = f"{LOCATION}/queues/other"


def test_a_created_queue_has_the_defaults_of_the_service(tasks: CloudTasks) -> None:
    """What is not set is what gcloud shows of a queue that was created without flags."""
    created = tasks.client.create_queue(parent=LOCATION, queue={"name": OTHER})
    assert tasks.client.get_queue(name=OTHER) == created
    assert created.state == Queue.State.RUNNING
    assert created.rate_limits.max_dispatches_per_second == 500
    assert created.rate_limits.max_concurrent_dispatches == 1000
    assert created.rate_limits.max_burst_size >= 500
    retry = created.retry_config
    assert (retry.max_attempts, retry.max_doublings) == (100, 16)
    assert (retry.min_backoff, retry.max_backoff) == (timedelta(milliseconds=100), timedelta(hours=1))
    assert retry.max_retry_duration == timedelta()


def test_a_queue_is_created_once(tasks: CloudTasks) -> None:
    """A second CreateQueue is ALREADY_EXISTS."""
    with pytest.raises(exceptions.AlreadyExists):
        tasks.client.create_queue(parent=LOCATION, queue={"name": QUEUE})


def test_a_deleted_queues_name_is_not_free_for_a_week(tasks: CloudTasks, target: Target) -> None:
    """Its tasks are gone at once, its name comes back after seven days."""
    tasks.freeze()
    tasks.create(target, schedule_time=tasks.see("clock", "now"))
    tasks.client.pause_queue(name=QUEUE)
    tasks.client.delete_queue(name=QUEUE)
    with pytest.raises(exceptions.NotFound, match="Queue does not exist"):
        tasks.client.get_queue(name=QUEUE)
    tasks.advance(7 * 86_400 - 1)
    with pytest.raises(exceptions.FailedPrecondition, match="existed too recently"):
        tasks.client.create_queue(parent=LOCATION, queue={"name": QUEUE})
    tasks.advance(1)
    tasks.client.create_queue(parent=LOCATION, queue={"name": QUEUE})
    assert list(tasks.client.list_tasks(parent=QUEUE)) == []


def test_queues_are_listed_page_by_page(tasks: CloudTasks) -> None:
    """Only those of the location, in pages of the size that was asked for."""
    names = [f"{LOCATION}/queues/q{number}" for number in range(5)]
    for name in names:
        tasks.client.create_queue(parent=LOCATION, queue={"name": name})
    elsewhere = "projects/other/locations/us-central1"
    tasks.client.create_queue(parent=elsewhere, queue={"name": f"{elsewhere}/queues/q"})
    pages = list(tasks.client.list_queues(request={"parent": LOCATION, "page_size": 2}).pages)
    assert [len(page.queues) for page in pages] == [2, 2, 2]
    assert [queue.name for page in pages for queue in page.queues] == [QUEUE, *names]


def test_an_update_changes_what_its_mask_names(tasks: CloudTasks) -> None:
    """Other limits stay, and a zero that the mask names is a zero."""
    tasks.configure(max_attempts=7, max_doublings=0)
    tasks.configure(max_dispatches_per_second=3)
    queue = tasks.client.get_queue(name=QUEUE)
    assert (queue.retry_config.max_attempts, queue.retry_config.max_doublings) == (7, 0)
    assert queue.rate_limits.max_dispatches_per_second == 3
    assert queue.rate_limits.max_burst_size == 3
    assert queue.retry_config.max_backoff == timedelta(hours=1)


def test_an_update_without_a_mask_changes_everything(tasks: CloudTasks) -> None:
    """What is not set goes back to the defaults; state and name cannot be changed so."""
    tasks.configure(max_attempts=7)
    tasks.client.pause_queue(name=QUEUE)
    updated = tasks.client.update_queue(queue={"name": QUEUE, "retry_config": {"max_doublings": 2}})
    assert (updated.retry_config.max_attempts, updated.retry_config.max_doublings) == (100, 2)
    assert updated.state == Queue.State.PAUSED


def test_an_update_creates_a_queue_that_does_not_exist(tasks: CloudTasks) -> None:
    """As the reference says."""
    tasks.client.update_queue(queue={"name": OTHER, "rate_limits": {"max_dispatches_per_second": 1}})
    assert tasks.client.get_queue(name=OTHER).rate_limits.max_dispatches_per_second == 1


def test_a_paused_queue_takes_tasks_and_dispatches_none(tasks: CloudTasks, target: Target) -> None:
    """Until it is resumed."""
    assert tasks.client.pause_queue(name=QUEUE).state == Queue.State.PAUSED
    tasks.create(target)
    tasks.settle()
    assert target.received == []
    assert tasks.client.resume_queue(name=QUEUE).state == Queue.State.RUNNING
    tasks.settle()
    assert len(target.received) == 1


def test_a_purge_removes_every_task(tasks: CloudTasks, target: Target) -> None:
    """What comes afterwards is dispatched."""
    tasks.client.pause_queue(name=QUEUE)
    for _ in range(3):
        tasks.create(target)
    assert "purge_time" in tasks.client.purge_queue(name=QUEUE)
    assert list(tasks.client.list_tasks(parent=QUEUE)) == []
    name = tasks.create(target)
    tasks.client.resume_queue(name=QUEUE)
    tasks.settle()
    assert target.names() == [name.rpartition("/")[2]]


@pytest.mark.parametrize("call", ["get_queue", "delete_queue", "purge_queue", "pause_queue", "resume_queue"])
def test_a_missing_queue_is_not_found(tasks: CloudTasks, call: str) -> None:
    """Each call says it in the service's words."""
    with pytest.raises(exceptions.NotFound, match=r"Queue does not exist\. If you just created the queue"):
        getattr(tasks.client, call)(name=OTHER)


@pytest.mark.parametrize(
    "queue",
    [
        {"name": f"{LOCATION}/queues/under_score"},
        {"name": f"{LOCATION}/queues/{'x' * 101}"},
        {"name": "other"},
        {"name": "projects/p/locations/l/queues/elsewhere"},
        {"name": OTHER, "rate_limits": {"max_dispatches_per_second": 501}},
        {"name": OTHER, "rate_limits": {"max_dispatches_per_second": -1}},
        {"name": OTHER, "rate_limits": {"max_concurrent_dispatches": 5001}},
        {"name": OTHER, "retry_config": {"max_attempts": -2}},
        {"name": OTHER, "retry_config": {"max_doublings": -1}},
        {"name": OTHER, "retry_config": {"min_backoff": timedelta(seconds=-1)}},
    ],
)
def test_a_queue_out_of_bounds_is_refused(tasks: CloudTasks, queue: dict[str, Any]) -> None:
    """INVALID_ARGUMENT, and nothing is created."""
    with pytest.raises(exceptions.InvalidArgument):
        tasks.client.create_queue(parent=LOCATION, queue=queue)
    assert len(tasks.see("queues")) == 1


def test_what_the_emulator_cannot_do_says_so(tasks: CloudTasks) -> None:
    """Queue-level routing, filters and unknown methods are UNIMPLEMENTED, not passed over."""
    calls: list[Callable[[], Any]] = [
        lambda: tasks.client.create_queue(
            parent=LOCATION, queue={"name": OTHER, "http_target": {"http_method": "GET"}}
        ),
        lambda: tasks.client.list_queues(request={"parent": LOCATION, "filter": "state: PAUSED"}),
        lambda: tasks.client.get_iam_policy(request={"resource": QUEUE}),
    ]
    for call in calls:
        with pytest.raises(exceptions.MethodNotImplemented):
            call()
