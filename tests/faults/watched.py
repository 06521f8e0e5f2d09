"""The places of the real function where its process may die: before and after each call to the outside.

The service names no such places. These are its own parts, which tell of each call that is made through them.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from threads.accounts.account import StoredAccount
from threads.accounts.repository import AccountRepository
from threads.graph.client import Graph
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply, GraphRequest
from threads.posts.ledger import Record, State
from threads.posts.repository import PostRepository, StoredPost

if TYPE_CHECKING:
    from google.cloud.firestore import Client

RESPONSE = "before response"

CALLS = (
    "account",  # read
    "lease",  # commit; of a text, the write-ahead comes with it
    "create",
    "container",  # commit
    "look",  # at the container's status
    "intent",  # commit: the write-ahead
    "publish",
    "list",  # look for what may be out
    "record",  # read: to go on, or after a conflict
    "task",  # created in the queue
    "release",  # commit: the lease is given back
    "end",  # commit
)
"""The calls of a delivery, by what they are for."""

PLACES = (*(f"{when} {call}" for call in CALLS for when in ("before", "after")), RESPONSE)

DISTINCT_PLACES = (
    *("after lease", "before create", "after create", "after container", "after look", "after intent"),
    *("before publish", "after publish", "after list", "after release", "after end", RESPONSE),
)
"""Without those that follow directly on another one: a crash there leaves the same behind."""

_STEPS = {
    Step.CREATE_CONTAINER: "create",
    Step.READ_CONTAINER: "look",
    Step.PUBLISH_CONTAINER: "publish",
    Step.LIST_POSTS: "list",
}

At = Callable[[str], None]
"""Told of each place that a delivery comes by."""


@contextmanager
def _around(at: At, call: str) -> Iterator[None]:
    at(f"before {call}")
    try:
        yield
    finally:  # whatever came back, the call was made
        at(f"after {call}")


class WatchedGraph:
    """A client of Threads."""

    def __init__(self, graph: Graph, at: At) -> None:
        """Take the real client."""
        self._graph = graph
        self._at = at

    def send(self, request: GraphRequest) -> GraphReply:
        """Send a request."""
        with _around(self._at, _STEPS.get(request.step, str(request.step))):
            return self._graph.send(request)


class WatchedAccounts(AccountRepository):
    """Accounts in Firestore."""

    def __init__(self, client: "Callable[[], Client]", at: At) -> None:
        """Take what returns the client."""
        super().__init__(client)
        self._at = at

    def find(self, uid: str, unverified_account_id: str | None) -> list[StoredAccount]:
        """Find a user's account."""
        with _around(self._at, "account"):
            return super().find(uid, unverified_account_id)


class WatchedPosts(PostRepository):
    """Posts in Firestore."""

    def __init__(self, client: "Callable[[], Client]", at: At) -> None:
        """Take what returns the client."""
        super().__init__(client)
        self._at = at

    def create(self, uid: str, post_id: str, record: Record) -> StoredPost:
        """Write a new record."""
        with _around(self._at, "lease" if record.owner else "end"):
            return super().create(uid, post_id, record)

    def read(self, uid: str, post_id: str) -> StoredPost | None:
        """Read a record."""
        with _around(self._at, "record"):
            return super().read(uid, post_id)

    def write(self, post: StoredPost, record: Record, *, media_id: str | None = None) -> StoredPost:
        """Change a record."""
        with _around(self._at, _purpose(post.record, record)):
            return super().write(post, record, media_id=media_id)


def _purpose(before: Record, after: Record) -> str:
    """Return what a commit is for."""
    if after.attempts > before.attempts:
        return "lease"
    if after.is_terminal:
        return "end"
    if after.owner is None:
        return "release"
    return "container" if (before.state, after.state) == (State.NEW, State.ARMED) else "intent"


class Task(NamedTuple):
    """A task that the function has created."""

    name: str
    uid: str
    post_id: str
    due_at: datetime


class WatchedQueue:
    """A queue that remembers tasks for the bench, which delivers them."""

    def __init__(self, at: At) -> None:
        """Begin without a task."""
        self.is_configured = False
        self._names: set[str] = set()
        self._new: list[Task] = []
        self._around = partial(_around, at, "task")

    def take_new(self) -> list[Task]:
        """Return the tasks that were created since it was asked the last time."""
        new, self._new = self._new, []
        return new

    def enqueue(self, task_id: str, *, uid: str, post_id: str, due_at: datetime) -> None:
        """Create a task; one that has been created before is left as it is."""
        with self._around():
            if task_id not in self._names:
                self._names.add(task_id)
                self._new.append(Task(task_id, uid, post_id, due_at))

    def delete(self, _task_id: str) -> None:
        """Delete a task: no post is cancelled here."""
        raise NotImplementedError
