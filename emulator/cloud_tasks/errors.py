"""Every error that a call can end with, one function per case.

Texts that are marked "seen" are the real service's. The others are ours.
"""

from __future__ import annotations

from grpc import StatusCode


class Refused(Exception):
    """A call that ends with another status than OK."""

    def __init__(self, code: StatusCode, message: str) -> None:
        """Take the two parts of the status."""
        super().__init__(message)
        self.code = code


def invalid(message: str) -> Refused:
    """Return INVALID_ARGUMENT: an argument is wrong."""
    return Refused(StatusCode.INVALID_ARGUMENT, message)


def unsupported(message: str) -> Refused:
    """Return UNIMPLEMENTED: the real service can do this, but the emulator cannot."""
    return Refused(StatusCode.UNIMPLEMENTED, f"The emulator does not support {message}.")


def no_queue() -> Refused:
    """Return NOT_FOUND: the queue does not exist (seen)."""
    return Refused(
        StatusCode.NOT_FOUND,
        "Queue does not exist. If you just created the queue, wait at least a minute for the queue to "
        "initialize.",
    )


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
