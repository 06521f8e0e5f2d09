"""What the emulated service refuses, one function per case.

Texts marked "seen" are the real service's own, the others say the same in our words.
"""

from __future__ import annotations

from grpc import StatusCode


class Refused(Exception):
    """A call that ends with another status than OK."""

    def __init__(self, code: StatusCode, message: str) -> None:
        """Keep the two parts of the status."""
        super().__init__(message)
        self.code = code


def invalid(message: str) -> Refused:
    """Say that an argument is wrong whatever the state of the service."""
    return Refused(StatusCode.INVALID_ARGUMENT, message)


def unsupported(message: str) -> Refused:
    """Say that the real service could, but the emulator cannot."""
    return Refused(StatusCode.UNIMPLEMENTED, f"The emulator does not support {message}.")


def no_queue() -> Refused:
    """Say that a queue does not exist (seen)."""
    return Refused(
        StatusCode.NOT_FOUND,
        "Queue does not exist. If you just created the queue, wait at least a minute for the queue to "
        "initialize.",
    )


def queue_exists() -> Refused:
    """Say that a queue of this name exists."""
    return Refused(StatusCode.ALREADY_EXISTS, "Queue already exists")


def queue_existed() -> Refused:
    """Say that a deleted queue's name is not free yet (seen)."""
    return Refused(
        StatusCode.FAILED_PRECONDITION,
        "The queue cannot be created because a queue with this name existed too recently.",
    )


def no_task() -> Refused:
    """Say that there never was such a task, or long ago (seen)."""
    return Refused(StatusCode.NOT_FOUND, "Requested entity was not found.")


def task_ended() -> Refused:
    """Say that a task was there until recently (seen)."""
    return Refused(
        StatusCode.NOT_FOUND,
        "The task no longer exists, though a task with this name existed recently. "
        "The task either successfully completed or was deleted.",
    )


def task_exists() -> Refused:
    """Say that a task's name is taken, by a task that is there or was until recently (seen)."""
    return Refused(StatusCode.ALREADY_EXISTS, "Requested entity already exists")
