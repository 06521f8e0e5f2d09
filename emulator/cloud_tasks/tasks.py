"""What can be done with tasks: the rules behind the calls of the protocol. Called under the lock.

Source: the reference of ``google.cloud.tasks.v2.CloudTasks``.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from google.cloud.tasks_v2 import types

from emulator.cloud_tasks import errors, names, queues
from emulator.cloud_tasks.checks import check_task
from emulator.cloud_tasks.messages import Empty, Method, moment
from emulator.cloud_tasks.messages import Task as TaskMessage
from emulator.cloud_tasks.model import Queue, Task
from emulator.cloud_tasks.paging import page
from emulator.cloud_tasks.views import view

if TYPE_CHECKING:
    from datetime import datetime

    from emulator.cloud_tasks.world import World

ListTasksResponse: Any = types.ListTasksResponse.pb()

#: ``ListTasksRequest.page_size``.
LARGEST_PAGE = 1_000
#: ``Task.dispatch_deadline``, for HTTP targets.
DEFAULT_DEADLINE_SECONDS = 600


def create(world: World, request: Any) -> Any:
    """CreateTask."""
    queue = queues.find(world, request.parent)
    now = world.now()
    name = request.task.name and _name_in(queue, request.task.name)
    check_task(request.task, now)
    world.forget_old_names(queue)
    if name in queue.tasks or name in queue.ended:
        raise errors.task_exists()
    message = _completed(request.task, name or f"{queue.name}/tasks/{_new_id()}", now)
    task = Task(message, world.new_number(), now, moment(message.schedule_time))
    queue.tasks[task.name] = task
    queue.plan(task, task.due)
    return view(task, request.response_view)


def get(world: World, request: Any) -> Any:
    """GetTask."""
    _, task = find(world, request.name)
    return view(task, request.response_view)


def list_all(world: World, request: Any) -> Any:
    """ListTasks."""
    queue = queues.find(world, request.parent)
    numbered = ((task.number, task) for task in queue.tasks.values())
    shown, token = page(numbered, request.page_size, LARGEST_PAGE, request.page_token)
    return ListTasksResponse(
        tasks=[view(task, request.response_view) for task in shown], next_page_token=token
    )


def delete(world: World, request: Any) -> Any:
    """DeleteTask: what has begun goes on, but there will be no other attempt."""
    queue, task = find(world, request.name)
    queue.end(task, world.now())
    return Empty()


def run(world: World, request: Any) -> Any:
    """RunTask: dispatches a task now, whatever its schedule, the queue's limits and state say."""
    queue, task = find(world, request.name)
    force(world, queue, task)
    return view(task, request.response_view)


def force(world: World, queue: Queue, task: Task) -> None:
    """Dispatch a task next, unless an attempt is being made."""
    if not task.running and task not in queue.forced:
        queue.withdraw(task)
        task.due = world.now()
        queue.forced.append(task)


def find(world: World, name: str) -> tuple[Queue, Task]:
    """Return a task that has not ended, and its queue, or raise Refused."""
    queue = queues.find(world, names.queue_of(names.task(name)))
    task = queue.tasks.get(name)
    if task is None:
        world.forget_old_names(queue)
        raise errors.task_ended() if name in queue.ended else errors.no_task()
    return queue, task


def _name_in(queue: Queue, name: str) -> str:
    if names.queue_of(names.task(name)) != queue.name:
        raise errors.invalid(f'The task "{name}" is not in the queue "{queue.name}".')
    return name


def _completed(given: Any, name: str, now: datetime) -> Any:
    """Return a task's message with the defaults, without what only the service says."""
    message = TaskMessage(name=name, http_request=given.http_request)
    message.http_request.http_method = given.http_request.http_method or Method.POST
    if given.HasField("retry_config"):
        message.retry_config.CopyFrom(given.retry_config)
    message.dispatch_deadline.seconds = DEFAULT_DEADLINE_SECONDS
    if given.HasField("dispatch_deadline"):
        message.dispatch_deadline.CopyFrom(given.dispatch_deadline)
    # Google: a time that is not set or past becomes the current one.
    due = max(moment(given.schedule_time), now) if given.HasField("schedule_time") else now
    message.schedule_time.FromDatetime(due)
    message.create_time.FromDatetime(now.replace(microsecond=0))
    return message


def _new_id() -> str:
    """Return an id as the service makes them: a number of 19 digits."""
    return str(10**18 + secrets.randbelow(9 * 10**18))
