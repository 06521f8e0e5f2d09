"""What can be done with queues: the rules behind the calls of the protocol. Called under the lock.

Source: the reference of ``google.cloud.tasks.v2.CloudTasks``.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from google.cloud.tasks_v2 import types

from emulator.cloud_tasks import errors, names
from emulator.cloud_tasks.messages import OUTPUT_ONLY, Empty, State, updated, with_defaults
from emulator.cloud_tasks.messages import Queue as QueueMessage
from emulator.cloud_tasks.model import Queue
from emulator.cloud_tasks.paging import page

if TYPE_CHECKING:
    from emulator.cloud_tasks.world import World

ListQueuesResponse: Any = types.ListQueuesResponse.pb()

#: ``ListQueuesRequest.page_size``.
LARGEST_PAGE = 9_800


def find(world: World, name: str) -> Queue:
    """Return a queue, or raise Refused."""
    queue = world.queues.get(names.queue(name))
    if queue is None:
        raise errors.no_queue()
    return queue


def create(world: World, request: Any) -> Any:
    """CreateQueue."""
    parent, name = names.location(request.parent), names.queue(request.queue.name)
    if names.location_of(name) != parent:
        raise errors.invalid(f'The queue "{name}" is not in the location "{parent}".')
    if name in world.queues:
        raise errors.queue_exists()
    return _add(world, request.queue).message


def get(world: World, request: Any) -> Any:
    """GetQueue."""
    return find(world, request.name).message


def list_all(world: World, request: Any) -> Any:
    """ListQueues."""
    parent = names.location(request.parent)
    if request.filter:
        raise errors.unsupported("filters of queues")
    numbered = ((queue.number, queue) for queue in world.queues.values() if _is_in(queue, parent))
    shown, token = page(numbered, request.page_size, LARGEST_PAGE, request.page_token)
    return ListQueuesResponse(queues=[queue.message for queue in shown], next_page_token=token)


def update(world: World, request: Any) -> Any:
    """UpdateQueue, which creates a queue that does not exist."""
    queue = world.queues.get(names.queue(request.queue.name))
    if queue is None:
        return _add(world, request.queue).message
    queue.configure(updated(queue.message, request.queue, request.update_mask))
    return queue.message


def delete(world: World, request: Any) -> Any:
    """DeleteQueue: its tasks are gone with it."""
    queue = find(world, request.name)
    for task in queue.tasks.values():
        queue.withdraw(task)
    del world.queues[queue.name]
    world.deleted_queues[queue.name] = world.now()
    return Empty()


def purge(world: World, request: Any) -> Any:
    """PurgeQueue: every task that was created before now is gone."""
    queue = find(world, request.name)
    for task in list(queue.tasks.values()):
        queue.end(task, world.now())
    queue.message.purge_time.FromDatetime(world.now())
    return queue.message


def pause(world: World, request: Any) -> Any:
    """PauseQueue: tasks can be added, but are not dispatched."""
    return _in_state(find(world, request.name), State.PAUSED)


def resume(world: World, request: Any) -> Any:
    """ResumeQueue."""
    return _in_state(find(world, request.name), State.RUNNING)


def _in_state(queue: Queue, state: Any) -> Any:
    queue.message.state = state
    return queue.message


def _is_in(queue: Queue, location: str) -> bool:
    return names.location_of(queue.name) == location


def _add(world: World, given: Any) -> Queue:
    taken_for = timedelta(seconds=world.settings.queue_name_taken_seconds)
    deleted_at = world.deleted_queues.get(given.name)
    if deleted_at is not None and world.now() < deleted_at + taken_for:
        raise errors.queue_existed()
    message = QueueMessage()
    message.CopyFrom(given)
    for field in set(OUTPUT_ONLY) - {"name"}:
        message.ClearField(field)
    queue = world.queues[given.name] = Queue(with_defaults(message), world.new_number())
    return queue
