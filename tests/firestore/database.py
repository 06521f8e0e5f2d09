"""The documents and their versions: what commits change, and what tests plant and check."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any, NamedTuple

from google.api_core.exceptions import InvalidArgument

from tests.firestore.errors import refusal
from tests.firestore.values import Fields, copied, is_reserved, is_same
from tests.firestore.versions import version_at
from tests.firestore.writes import Write, setting

_MAX_ID_BYTES = 1500
_SMALLEST_STEP = timedelta(microseconds=1)


class Document(NamedTuple):
    """A document as it is stored. Nothing changes it."""

    fields: Fields
    version: datetime
    """The moment of its last change."""


class WriteResult(NamedTuple):
    """The result of one write, as far as the service uses the real ``WriteResult``."""

    update_time: datetime | None
    """The document's version; None when it was deleted."""


class Committed(NamedTuple):
    """The result of a commit."""

    moment: datetime
    written: list[WriteResult]


class Database:
    """All documents of a project."""

    def __init__(self, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Begin without a document.

        Args:
            now: the server's clock. Versions are its moments, each at least a microsecond after the last.

        """
        self.time = now
        self._last = datetime.min.replace(tzinfo=UTC)
        self._documents: dict[str, Document] = {}
        self._collections: dict[str, dict[str, Document]] = defaultdict(dict)
        """The same documents, by the paths of their collections and by the ids of these."""
        self._checked: set[str] = set()
        self._lock = Lock()

    # --- for tests: no call, no fault -----------------------------------------------------------------------

    def put(self, path: str, fields: Mapping[str, Any]) -> datetime:
        """Write a document, or replace it; return its version."""
        self.commit([setting(path, fields, merge=False)])
        return self._documents[path].version

    def fields(self, path: str) -> Fields | None:
        """Return a copy of a document's fields, None where there is no document."""
        document = self._documents.get(path)
        return copied(document.fields) if document else None

    def version(self, path: str) -> datetime | None:
        """Return a document's version, None where there is no document."""
        document = self._documents.get(path)
        return document.version if document else None

    def delete(self, path: str) -> None:
        """Delete a document, if it is there."""
        self._drop(path)

    def paths(self, under: str = "") -> list[str]:
        """Return the paths of all documents, or of those that begin so."""
        return sorted(path for path in self._documents if path.startswith(under))

    # --- what calls do --------------------------------------------------------------------------------------

    def read(self, path: str) -> Document | None:
        """Return a document without copying it, None where there is none. Do not change its fields."""
        document = self._documents.get(path)
        if document is None:
            self._check(path)
        return document

    def within(self, collection: str, *, everywhere: bool) -> Iterator[tuple[str, Document]]:
        """Yield the documents of a collection with their paths, or those of all collections with an id."""
        for path, document in list(self._collections.get(collection, {}).items()):
            if everywhere or path.rpartition("/")[0] == collection:
                yield path, document

    def commit(self, writes: Sequence[Write]) -> Committed:
        """Apply writes, all or none; return the result of each, and the moment.

        A write that changes nothing leaves the document's version as it is.

        Raises:
            GoogleAPICallError: the first precondition that does not hold.

        """
        if len(writes) > 1 and len({write.path for write in writes}) < len(writes):
            raise NotImplementedError("The in-memory Firestore does not write a document twice in a commit.")
        with self._lock:
            documents = self._documents
            for write in writes:
                before = documents.get(write.path)
                if before is None:
                    self._check(write.path)
                write.check(before.version if before else None)
            moment = self._next_version()
            return Committed(moment, [self._carry_out(write, moment) for write in writes])

    def _carry_out(self, write: Write, moment: datetime) -> WriteResult:
        path = write.path
        before = self._documents.get(path)
        if write.verb == "delete":
            self._drop(path)
            return WriteResult(None)
        after = write.applied(before.fields if before else None)
        if before and is_same(after, before.fields):
            return WriteResult(before.version)
        self._documents[path] = document = Document(after, moment)
        for name in _collections_of(path):
            self._collections[name][path] = document
        return WriteResult(moment)

    def _drop(self, path: str) -> None:
        if self._documents.pop(path, None):
            for name in _collections_of(path):
                del self._collections[name][path]

    def _next_version(self) -> datetime:
        self._last = max(self.time(), self._last + _SMALLEST_STEP)
        return version_at(self._last)

    def _check(self, path: str) -> None:
        """Refuse a document's path as the server does.

        https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields
        """
        if path in self._checked:
            return
        for name in path.split("/"):
            if name in {"", ".", ".."} or is_reserved(name):
                raise refusal(InvalidArgument, f"The path {path!r} contains the id {name!r}.")
            if len(name.encode()) > _MAX_ID_BYTES:
                raise refusal(InvalidArgument, f"The path contains an id of more than {_MAX_ID_BYTES} bytes.")
        self._checked.add(path)


def _collections_of(path: str) -> set[str]:
    """Return the path and the id of a document's collection. They are the same for one at the top."""
    above = path.rpartition("/")[0]
    return {above, above.rpartition("/")[2]}
