"""The results of a delivery and of a request to publish."""

from dataclasses import dataclass
from typing import NamedTuple

from threads.base.errors import ServiceError
from threads.posts.repository import StoredPost


class Delivered(NamedTuple):
    """The result of one delivery of one post: the post has ended, or a task will go on with it."""

    post: StoredPost
    reason: ServiceError | None = None
    """Why this delivery ended the post as failed or unknown. For the log, with what Threads answered."""


@dataclass(frozen=True)
class Outcome:
    """The result of a request to publish: its post and, for a thread, the replies so far."""

    root: StoredPost
    replies: tuple[StoredPost, ...] = ()
    """In order. All but the last one are published."""
    reason: ServiceError | None = None
    """Why this request ended the last post as failed or unknown."""

    @property
    def last(self) -> StoredPost:
        """The post that says how far the request has come."""
        return self.replies[-1] if self.replies else self.root
