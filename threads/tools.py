"""What the stories work with; ``app`` puts the real ones together, tests may put in others."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from threads.config import Config
from threads.store import Store

if TYPE_CHECKING:
    from threads.graph import GraphReply, GraphRequest
    from threads.ledger import Point, Record, State
    from threads.records import Held
    from threads.vault import Vault
    from threads.wire import Secret


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

    def find(
        self, uid: str, account_id: str, *, limit: int, state: "State | None" = None, after: str | None = None
    ) -> "list[Held]":
        """Return a user's posts of one account, by their names."""

    def pages_of(self, account_id: str) -> "Iterator[list[Held]]":
        """Return an account's posts, of all users, page by page."""

    def claimed(self, media_id: str) -> "Held | None":
        """Return the post that a media id belongs to."""

    def erase(self, posts: "Sequence[Held]") -> bool:
        """Delete records with their claims, unless somebody has changed one since; say so."""


class Tasks(Protocol):
    """What brings a post back at a later time, and what is to be refreshed to the function that does it."""

    @property
    def is_configured(self) -> bool:
        """Whether there is a queue."""

    def enqueue(self, task_id: str, *, uid: str, post_id: str, due_at: datetime) -> None:
        """Create a task; one that has been created before is left as it is."""

    def enqueue_refresh(self, task_id: str, body: Mapping[str, Any], *, due_at: datetime) -> None:
        """Create a task for ``th_refresh_tokens``; one that has been created before is left as it is."""

    def delete(self, task_id: str) -> None:
        """Delete a task; one that is not there any more is deleted."""


class Users(Protocol):
    """What keeps the app's own users; ``users.FirebaseUsers`` says what each of these promises."""

    def save(self, uid: str, *, display_name: str, photo_url: str | None) -> None:
        """Create a user, or update the one there is."""

    def custom_token(self, uid: str) -> "Secret":
        """Return what a browser signs in with as this user."""

    def forget(self, uid: str, *, is_needed: bool) -> None:
        """Delete a user; of one that is needed, only the name and the picture."""


def _passed(_point: "Point") -> None:
    """Go on: production does not stop anywhere."""


class Tools(NamedTuple):
    """The outside world, one member for each part of it."""

    config: Config
    store: Store
    records: Ledger
    tasks: Tasks
    graph: Graph
    users: Users
    vault: "Callable[[], Vault]"
    project: Callable[[], str]
    """The Google Cloud project's id."""
    now: Callable[[], datetime]
    """The time, in UTC."""
    sleep: Callable[[timedelta], None]
    reached: "Callable[[Point], None]" = _passed
    """Told at each point where a process may die; tests make it die there."""
