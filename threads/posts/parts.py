"""The objects that this package works with. ``app`` creates the real ones."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from threads.posts.repository import PostRepository


class PostQueue(Protocol):
    """A queue that brings a post back later. ``cloud.tasks.TaskQueue`` is the real one."""

    @property
    def is_configured(self) -> bool:
        """Whether a queue is configured."""

    def enqueue(self, task_id: str, *, uid: str, post_id: str, due_at: datetime) -> None:
        """Create a task. If the task exists already, it stays as it is."""

    def delete(self, task_id: str) -> None:
        """Delete a task. A task that no longer exists counts as deleted."""


@dataclass(frozen=True)
class PostParts:
    """What posts need of the outside world: their records, the queue and the clock."""

    repository: PostRepository
    queue: PostQueue
    now: Callable[[], datetime]
    """The time, in UTC."""
