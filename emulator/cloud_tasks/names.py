"""The names of locations, queues and tasks, and what they may be made of.

Source: the reference of ``google.cloud.tasks.v2``, ``Queue.name`` and ``Task.name``.
"""

from __future__ import annotations

import re

from emulator.cloud_tasks import errors

_LOCATION = r"projects/[A-Za-z0-9:.-]+/locations/[A-Za-z0-9-]+"
_QUEUE = _LOCATION + r"/queues/[A-Za-z0-9-]{1,100}"
_TASK = _QUEUE + r"/tasks/[A-Za-z0-9_-]{1,500}"


def location(name: str) -> str:
    """Return a location's name, or raise Refused."""
    return _checked(_LOCATION, name, "projects/PROJECT_ID/locations/LOCATION_ID")


def queue(name: str) -> str:
    """Return a queue's name, or raise Refused."""
    return _checked(_QUEUE, name, "projects/PROJECT_ID/locations/LOCATION_ID/queues/QUEUE_ID")


def task(name: str) -> str:
    """Return a task's name, or raise Refused."""
    return _checked(_TASK, name, "projects/PROJECT_ID/locations/LOCATION_ID/queues/QUEUE_ID/tasks/TASK_ID")


def queue_of(task_name: str) -> str:
    """Return the name of the queue that a task's name names."""
    return task_name.rpartition("/tasks/")[0]


def location_of(queue_name: str) -> str:
    """Return the name of the location that a queue's name names."""
    return queue_name.rpartition("/queues/")[0]


def short(name: str) -> str:
    """Return the id at the end of a name."""
    return name.rpartition("/")[2]


def _checked(pattern: str, name: str, form: str) -> str:
    if not re.fullmatch(pattern, name):
        raise errors.invalid(f'"{name}" does not have the form {form}.')
    return name
