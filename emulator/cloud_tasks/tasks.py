"""The rules for creating and deleting tasks, and for dispatching one at once. Called under the lock.

Source: the reference of ``google.cloud.tasks.v2.CloudTasks``.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from emulator.cloud_tasks import errors, names
from emulator.cloud_tasks.checks import check_task
from emulator.cloud_tasks.messages import Empty, Method, View, moment
from emulator.cloud_tasks.messages import Task as TaskMessage
from emulator.cloud_tasks.model import Task

if TYPE_CHECKING:
    from datetime import datetime

    from emulator.cloud_tasks.model import Queue
    from emulator.cloud_tasks.world import World

#: ``Task.dispatch_deadline``, for HTTP targets.
DEFAULT_DEADLINE_SECONDS = 600


def create(world: World, request: Any) -> Any:
    """Serve CreateTask. Like the service, answer without the body (the BASIC view)."""
    queue = _find_queue(world, request.parent)
    now = world.now()
    if request.response_view == View.FULL:
        raise errors.unsupported("the FULL view")
    name = request.task.name and _name_in(queue, request.task.name)
    check_task(request.task, now)
    world.forget_old_names(queue)
    if name in queue.tasks or name in queue.ended:
        raise errors.task_exists()
    message = _completed(request.task, name or f"{queue.name}/tasks/{_new_id()}", now)
    task = Task(message, world.new_number(), now, moment(message.schedule_time))
    queue.tasks[task.name] = task
    queue.plan(task, task.due)
    return _basic_view(message)


def delete(world: World, request: Any) -> Any:
    """Serve DeleteTask. An attempt that has begun goes on, but there will be no other."""
    queue, task = find(world, request.name)
    queue.end(task, world.now())
    return Empty()


def force(world: World, queue: Queue, task: Task) -> None:
    """Dispatch a task at once, against its schedule and the limits of its queue, unless it is running."""
    if not task.running and task not in queue.forced:
        queue.withdraw(task)
        task.due = world.now()
        queue.forced.append(task)


def find(world: World, name: str) -> tuple[Queue, Task]:
    """Return a task that has not ended, and its queue. Raises Refused if there is none."""
    queue = _find_queue(world, names.queue_of(names.task(name)))
    task = queue.tasks.get(name)
    if task is None:
        world.forget_old_names(queue)
        raise errors.task_ended() if name in queue.ended else errors.no_task()
    return queue, task


def _find_queue(world: World, name: str) -> Queue:
    queue = world.queues.get(names.queue(name))
    if queue is None:
        raise errors.no_queue()
    return queue


def _name_in(queue: Queue, name: str) -> str:
    if names.queue_of(names.task(name)) != queue.name:
        raise errors.invalid(f'The task "{name}" is not in the queue "{queue.name}".')
    return name


def _completed(given: Any, name: str, now: datetime) -> Any:
    """Return the message of a new task, with defaults, and without fields that only the service sets."""
    message = TaskMessage(name=name, http_request=given.http_request)
    message.http_request.http_method = given.http_request.http_method or Method.POST
    message.dispatch_deadline.seconds = DEFAULT_DEADLINE_SECONDS
    if given.HasField("dispatch_deadline"):
        message.dispatch_deadline.CopyFrom(given.dispatch_deadline)
    # Google: a time that is missing or in the past becomes the current one.
    due = max(moment(given.schedule_time), now) if given.HasField("schedule_time") else now
    message.schedule_time.FromDatetime(due)
    message.create_time.FromDatetime(now.replace(microsecond=0))
    return message


def _basic_view(message: Any) -> Any:
    view = TaskMessage()
    view.CopyFrom(message)
    view.view = View.BASIC
    view.http_request.ClearField("body")
    return view


def _new_id() -> str:
    """Return an id as the service makes them: a number of 19 digits."""
    return str(10**18 + secrets.randbelow(9 * 10**18))
