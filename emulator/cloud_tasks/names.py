"""The names of queues and tasks.

Source: the reference of ``google.cloud.tasks.v2``, ``Queue.name`` and ``Task.name``.
"""

from __future__ import annotations

import re

from emulator.cloud_tasks.errors import invalid

_QUEUE = r"projects/[A-Za-z0-9:.-]+/locations/[A-Za-z0-9-]+/queues/[A-Za-z0-9-]{1,100}"
_TASK = _QUEUE + r"/tasks/[A-Za-z0-9_-]{1,500}"


def queue(name: str) -> str:
    """Return the name of a queue. Raises Refused if it is malformed."""
    return _checked(_QUEUE, name, "projects/PROJECT_ID/locations/LOCATION_ID/queues/QUEUE_ID")


def task(name: str) -> str:
    """Return the name of a task. Raises Refused if it is malformed."""
    return _checked(_TASK, name, "projects/PROJECT_ID/locations/LOCATION_ID/queues/QUEUE_ID/tasks/TASK_ID")


def queue_of(task_name: str) -> str:
    """Return the name of a task's queue."""
    return task_name.rpartition("/tasks/")[0]


def short(name: str) -> str:
    """Return the id at the end of a name."""
    return name.rpartition("/")[2]


def _checked(pattern: str, name: str, form: str) -> str:
    if not re.fullmatch(pattern, name):
        raise invalid(f'"{name}" does not have the form {form}.')
    return name
