"""What every access to Firestore shares: where a user's documents are, how long a call may take, its errors.

Writes use preconditions instead of transactions. A precondition costs one round trip, and of any number of
writers at once one wins. The first call loads Firestore's library and opens its client.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from threads.base.errors import Forbidden, ServiceUnavailable
from threads.base.validation import is_document_id
from threads.cloud.clock import ServerClock

if TYPE_CHECKING:
    from google.cloud.firestore import (
        Client,
        CollectionReference,
        DocumentReference,
        DocumentSnapshot,
        Query,
    )

RPC_TIMEOUT = 10.0
"""Seconds for one call to Firestore, including its retries. The client's own limit for reads is 300."""


class Repository:
    """What the repositories have in common."""

    def __init__(self, client: "Callable[[], Client]", clock: ServerClock | None = None) -> None:
        """Take a function that returns the client, the same one each time, and a clock to be set by it."""
        self._client = client
        self._clock = clock or ServerClock()

    def get(self, document: "DocumentReference") -> "DocumentSnapshot[DocumentReference]":
        """Read a document, and set the clock by the answer. One read."""
        asked_at = self._clock.machine()
        snapshot = document.get(**patience())
        self._clock.hear(asked_at, snapshot.read_time)
        return snapshot

    def run(self, query: "Query") -> "list[DocumentSnapshot[DocumentReference]]":
        """Run a query, and set the clock by what it finds. One read."""
        asked_at = self._clock.machine()
        snapshots = list(query.get(**patience()))
        self._clock.hear(asked_at, _moment(snapshots[-1].read_time) if snapshots else None)
        return snapshots

    def pages(
        self, query: "Callable[[Client], CollectionReference | Query]", size: int
    ) -> "Iterator[list[DocumentSnapshot[DocumentReference]]]":
        """Yield what a query finds, in the order of the paths, page by page. One read a page."""
        after = None
        while True:
            with self.rpc() as client:
                found = query(client).order_by("__name__")
                if after:
                    found = found.start_after({"__name__": after})
                snapshots = list(found.limit(size).get(**patience()))
            if snapshots:
                yield snapshots
            if len(snapshots) < size:
                return
            after = snapshots[-1].reference

    @contextmanager
    def rpc(self) -> "Iterator[Client]":
        """Lend the client, and turn Firestore's errors into ours, because their texts may hold paths."""
        client = self._client()
        from google.api_core.exceptions import GoogleAPICallError, RetryError  # noqa: PLC0415 - heavy

        try:
            yield client
        except (GoogleAPICallError, RetryError) as error:
            raise ServiceUnavailable from error


def _moment(read_time: Any) -> datetime:
    """Return when something was read. A query across users has it as protobuf's ``Timestamp``."""
    moment: datetime = read_time if isinstance(read_time, datetime) else read_time.ToDatetime(UTC)
    return moment


def at(path: str, uid: str) -> str:
    """Return a path that has ``{uid}`` in it, such as ``users/{uid}/integrations/threads``, for one user.

    Raises:
        Forbidden: no document can have this user id.

    """
    if not is_document_id(uid):
        raise Forbidden("This user id cannot be served.")
    return path.format(uid=uid)


def owner_of(path: str) -> str | None:
    """Return the uid of the user whose account or post is at a path, or None if it is not ours.

    A query across users finds every collection with a certain name. An app may have ``accounts`` and
    ``posts`` of its own.
    """
    match path.split("/"):
        case ["users", uid, "integrations", "threads", _, _]:
            return uid
    return None


def path_of(snapshot: Any) -> str:
    """Return the path of a document that was read."""
    path: str = snapshot.reference.path
    return path


def as_written(fields: Any) -> dict[str, Any]:
    """Return fields as Firestore takes them. None, which removes a field here, is its DELETE_FIELD."""
    from google.cloud.firestore import DELETE_FIELD  # noqa: PLC0415 - heavy

    return {name: DELETE_FIELD if value is None else value for name, value in fields.items()}


def patience() -> Mapping[str, Any]:
    """Return how long each call may take, and which errors are retried within that time."""
    return _patience(RPC_TIMEOUT)


@cache
def _patience(seconds: float) -> Mapping[str, Any]:
    """Return one shared value for all calls: nothing in it changes."""
    from google.api_core import exceptions, retry  # noqa: PLC0415 - heavy

    transient = retry.if_exception_type(
        exceptions.ServiceUnavailable,
        exceptions.InternalServerError,
        exceptions.ResourceExhausted,
        exceptions.Aborted,  # contention: nothing was applied
    )
    return MappingProxyType({"retry": retry.Retry(predicate=transient, timeout=seconds), "timeout": seconds})


def is_refused(error: ServiceUnavailable) -> bool:
    """Return whether Firestore has refused what was sent, for example a document larger than 1 MiB.

    Unlike other errors, this one comes again however often the call is repeated.
    """
    from google.api_core.exceptions import InvalidArgument  # noqa: PLC0415 - heavy

    return isinstance(error.__cause__, InvalidArgument)


@contextmanager
def conflicts() -> Iterator[list[Exception]]:
    """Collect the error of a precondition that does not hold, instead of raising it."""
    from google.api_core.exceptions import AlreadyExists, FailedPrecondition, NotFound  # noqa: PLC0415 - heavy

    conflict: list[Exception] = []
    try:
        yield conflict
    except (AlreadyExists, FailedPrecondition, NotFound) as error:
        conflict.append(error)
