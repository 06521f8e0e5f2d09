"""Every error that a call can end with, one function per case.

Texts that are marked "seen" are the real service's. The others are ours.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from grpc import StatusCode

#: The HTTP status for each gRPC status that the HTTP side answers (google.rpc.Code).
HTTP_STATUSES = {
    StatusCode.UNIMPLEMENTED: HTTPStatus.NOT_IMPLEMENTED,
    StatusCode.NOT_FOUND: HTTPStatus.NOT_FOUND,
}


class Refused(Exception):
    """A call that ends with another status than OK."""

    def __init__(self, code: StatusCode, message: str) -> None:
        """Take the two parts of the status."""
        super().__init__(message)
        self.code = code

    def envelope(self) -> dict[str, Any]:
        """Return the error as Google's JSON interfaces write it (google.aip.dev/193)."""
        status = HTTP_STATUSES[self.code]
        return {"error": {"code": int(status), "message": str(self), "status": self.code.name}}


def invalid(message: str) -> Refused:
    """Return INVALID_ARGUMENT: an argument is wrong."""
    return Refused(StatusCode.INVALID_ARGUMENT, message)


def unsupported(message: str) -> Refused:
    """Return UNIMPLEMENTED: the real service can do this, but the emulator cannot."""
    return Refused(StatusCode.UNIMPLEMENTED, f"The emulator does not support {message}.")


def not_served(what: str, served: str) -> Refused:
    """Return UNIMPLEMENTED: the real service has such a call, or such an interface."""
    return Refused(StatusCode.UNIMPLEMENTED, f"The emulator does not serve {what}, only {served}.")


def no_queue() -> Refused:
    """Return NOT_FOUND: the queue does not exist (seen)."""
    return Refused(
        StatusCode.NOT_FOUND,
        "Queue does not exist. If you just created the queue, wait at least a minute for the queue to "
        "initialize.",
    )


def no_path(path: str) -> Refused:
    """Return NOT_FOUND: the HTTP side has no such path."""
    return Refused(StatusCode.NOT_FOUND, f"There is nothing at {path}: the controls are under /_emulator/.")


def no_task() -> Refused:
    """Return NOT_FOUND: the task never existed, or ended long ago (seen)."""
    return Refused(StatusCode.NOT_FOUND, "Requested entity was not found.")


def task_ended() -> Refused:
    """Return NOT_FOUND: the task ended recently (seen)."""
    return Refused(
        StatusCode.NOT_FOUND,
        "The task no longer exists, though a task with this name existed recently. "
        "The task either successfully completed or was deleted.",
    )


def task_exists() -> Refused:
    """Return ALREADY_EXISTS: a task has this name, or had it until recently (seen)."""
    return Refused(StatusCode.ALREADY_EXISTS, "Requested entity already exists")
