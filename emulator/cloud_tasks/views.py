"""A task as callers see it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from emulator.cloud_tasks.messages import Task as TaskMessage
from emulator.cloud_tasks.messages import View

if TYPE_CHECKING:
    from emulator.cloud_tasks.model import Attempt, Task

#: ``google.rpc.Code`` of an HTTP status: the mapping that google/rpc/code.proto documents.
_CODES = {
    400: (3, "INVALID_ARGUMENT"),
    401: (16, "UNAUTHENTICATED"),
    403: (7, "PERMISSION_DENIED"),
    404: (5, "NOT_FOUND"),
    409: (10, "ABORTED"),
    429: (8, "RESOURCE_EXHAUSTED"),
    499: (1, "CANCELLED"),
    500: (13, "INTERNAL"),
    501: (12, "UNIMPLEMENTED"),
    503: (14, "UNAVAILABLE"),
    504: (4, "DEADLINE_EXCEEDED"),
}
_UNKNOWN = (2, "UNKNOWN")


def view(task: Task, wanted: int) -> Any:
    """Return a task's message: the BASIC view leaves the body out."""
    message = TaskMessage()
    message.CopyFrom(task.message)
    message.schedule_time.FromDatetime(task.due)
    message.view = View.FULL if wanted == View.FULL else View.BASIC
    if message.view == View.BASIC:
        message.http_request.ClearField("body")
    message.dispatch_count = task.dispatched
    message.response_count = task.answered
    if task.first_dispatched_at is not None:
        message.first_attempt.dispatch_time.FromDatetime(task.first_dispatched_at)
    if task.last is not None:
        _fill(message.last_attempt, task.last)
    return message


def _fill(message: Any, attempt: Attempt) -> None:
    message.schedule_time.FromDatetime(attempt.scheduled_at)
    message.dispatch_time.FromDatetime(attempt.dispatched_at)
    if attempt.answered_at is not None:
        message.response_time.FromDatetime(attempt.answered_at)
    code, name = _CODES.get(attempt.status, _UNKNOWN)
    message.response_status.code = code
    # Seen in the console and in the logs.
    message.response_status.message = f"{name}({code}): HTTP status code {attempt.status}"


def is_success(status: int | None) -> bool:
    """Tell whether an answer ends a task well."""
    return status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES
