"""The journal of the attempts that were made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime


@dataclass
class Dispatch:
    """One attempt: a request to a target. Times are the emulator's; ``seconds`` are real."""

    task: str
    url: str
    #: ``X-CloudTasks-TaskRetryCount``.
    retry_count: int
    dispatched_at: datetime
    #: Whether it is an extra delivery, for a script or a setting.
    duplicate: bool
    #: What was sent.
    body: str = ""
    #: The status of the answer; None while there is no answer.
    status: int | None = None
    #: Why there is no answer.
    error: str | None = None
    seconds: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the entry as ``GET /_emulator/dispatches`` shows it."""
        return {
            "task": self.task,
            "url": self.url,
            "retry_count": self.retry_count,
            "time": self.dispatched_at.isoformat(),
            "duplicate": self.duplicate,
            "body": self.body,
            "status": self.status,
            "error": self.error,
            "seconds": self.seconds,
        }
