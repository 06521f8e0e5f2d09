"""What the stories work with; ``app`` puts the real ones together, tests may put in others."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from threads.config import Config
from threads.store import Store

if TYPE_CHECKING:
    from threads.graph import GraphReply, GraphRequest
    from threads.ledger import Point, Record
    from threads.records import Held
    from threads.vault import Vault


class Graph(Protocol):
    """What sends a Graph request."""

    def send(self, request: "GraphRequest") -> "GraphReply":
        """Return what came back; a failure to answer is a reply, too."""


class Ledger(Protocol):
    """What keeps the records of posts; ``records.Records`` says what each of these promises."""

    def create(self, uid: str, post_id: str, record: "Record") -> "Held":
        """Write a new record, and return it, or the one that is there already."""

    def read(self, uid: str, post_id: str) -> "Held | None":
        """Read a record."""

    def write(self, held: "Held", record: "Record", *, media_id: str | None = None) -> "Held":
        """Change a record unless somebody has since it was read, and claim a media id with it."""

    def latest(self, uid: str, limit: int, before: datetime | None) -> "list[Held]":
        """Return a user's posts, the newest first."""


class Tasks(Protocol):
    """What brings a post back at a later time."""

    @property
    def is_configured(self) -> bool:
        """Whether there is a queue."""

    def enqueue(self, task_id: str, *, uid: str, post_id: str, due_at: datetime) -> None:
        """Create a task; one that has been created before is left as it is."""

    def delete(self, task_id: str) -> None:
        """Delete a task; one that is not there any more is deleted."""


def _passed(_point: "Point") -> None:
    """Go on: production does not stop anywhere."""


class Tools(NamedTuple):
    """The outside world, one member for each part of it."""

    config: Config
    store: Store
    records: Ledger
    tasks: Tasks
    graph: Graph
    vault: "Callable[[], Vault]"
    project: Callable[[], str]
    """The Google Cloud project's id."""
    now: Callable[[], datetime]
    """The time, in UTC."""
    sleep: Callable[[timedelta], None]
    reached: "Callable[[Point], None]" = _passed
    """Told at each point where a process may die; tests make it die there."""
