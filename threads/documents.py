"""What every access to Firestore shares: where a user's documents are, how long a call may take, its errors.

Preconditions instead of transactions: one round trip each, and of any number of racers one wins. Firestore is
loaded, and its client opened, with the first call.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from threads.errors import Forbidden, ServiceUnavailable
from threads.wire import is_document_id

if TYPE_CHECKING:
    from google.cloud.firestore import Client, DocumentReference

RPC_TIMEOUT = 10.0
"""Seconds for one call to Firestore, its repetitions within. The client's own limit for reads is 300."""


class Found(NamedTuple):
    """A document that was read."""

    id: str
    fields: dict[str, Any]
    version: Any
    """Its last change: the precondition of the next one."""


class Documents:
    """Firestore, as ``store`` and ``records`` use it."""

    def __init__(self, client: "Callable[[], Client]") -> None:
        """Take what returns the client, the same one each time."""
        self._client = client

    def summary(self, uid: str) -> "DocumentReference":
        """Return where a user's accounts and posts hang."""
        if not is_document_id(uid):
            raise Forbidden("This user id cannot be served.")
        user: DocumentReference = self._client().collection("users").document(uid)
        summary: DocumentReference = user.collection("integrations").document("threads")
        return summary

    @contextmanager
    def rpc(self) -> "Iterator[Client]":
        """Lend the client, and turn Firestore's troubles into ours: their texts may hold paths."""
        client = self._client()
        from google.api_core.exceptions import GoogleAPICallError, RetryError  # noqa: PLC0415 - heavy

        try:
            yield client
        except (GoogleAPICallError, RetryError) as error:
            raise ServiceUnavailable from error


def owner_of(path: str) -> str | None:
    """Return whose account, or post, lies at a path; None where it is none of ours.

    What is found across users goes by a collection's name, and an app may have ``accounts`` and ``posts`` of
    its own.
    """
    match path.split("/"):
        case ["users", uid, "integrations", "threads", _, _]:
            return uid
    return None


def patience() -> dict[str, Any]:
    """Return how long each call may take, and what is repeated within that time."""
    from google.api_core import exceptions, retry  # noqa: PLC0415 - heavy

    passing = retry.if_exception_type(
        exceptions.ServiceUnavailable,
        exceptions.InternalServerError,
        exceptions.ResourceExhausted,
        exceptions.Aborted,  # contention: nothing was applied
    )
    return {"retry": retry.Retry(predicate=passing, timeout=RPC_TIMEOUT), "timeout": RPC_TIMEOUT}


@contextmanager
def conflicts() -> Iterator[list[Exception]]:
    """Take note when a precondition did not hold, instead of failing."""
    from google.api_core.exceptions import AlreadyExists, FailedPrecondition, NotFound  # noqa: PLC0415 - heavy

    conflict: list[Exception] = []
    try:
        yield conflict
    except (AlreadyExists, FailedPrecondition, NotFound) as error:
        conflict.append(error)
