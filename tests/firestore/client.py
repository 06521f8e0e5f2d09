"""The in-memory client: ``google.cloud.firestore.Client`` as far as the service uses it.

    client = Client()
    client.database.put("users/ada/integrations/threads", {"accounts": {}})
    store = Store(client.provide)
    assert store.read_summary("ada") == {"accounts": {}}

Everything else raises NotImplementedError: after a wrong guess, a test would succeed where production fails.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from operator import index
from typing import Any, NamedTuple, Never, cast

from google.api_core.exceptions import InvalidArgument
from google.api_core.retry import Retry
from google.cloud import firestore
from google.cloud.firestore import FieldFilter, WriteOption
from google.cloud.firestore_v1.field_path import get_nested_value

from tests.firestore.calls import Call, Channel, Interceptor
from tests.firestore.database import Database, Document, WriteResult
from tests.firestore.errors import refusal
from tests.firestore.fields import NOTHING, find, parsed
from tests.firestore.selection import AMONG, NAME, OPERATORS, Condition, Key, Order, Row, Selection, name_key
from tests.firestore.values import Fields, copied, copied_value, sort_key, stored
from tests.firestore.versions import as_message
from tests.firestore.writes import Write, creation, deletion, setting, updating


class _Refusing:
    """Refuses the methods of the real class that this one does not have."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Never:
        if name.startswith("_"):
            raise AttributeError(name)
        raise NotImplementedError(f"The in-memory Firestore has no {type(self).__name__}.{name}.")


class Client(_Refusing):
    """A client with a database of its own, or with one that several clients share."""

    __slots__ = ("_channel", "project")

    write_option = staticmethod(firestore.Client.write_option)

    def __init__(
        self,
        database: Database | None = None,
        *,
        project: str = "demo-threads",
        intercept: Interceptor | None = None,
    ) -> None:
        """Take the database, a new one by default, and the interceptor of every call (see ``calls``)."""
        self.project = project
        self._channel = Channel(database or Database(), intercept)

    def provide(self) -> firestore.Client:
        """Return the client as the type that the repositories take: ``Store(client.provide)``."""
        return cast("firestore.Client", self)

    @property
    def database(self) -> Database:
        """The documents, for a test to plant and to look at."""
        return self._channel.database

    @property
    def intercept(self) -> Interceptor | None:
        """The interceptor of every call."""
        return self._channel.intercept

    @intercept.setter
    def intercept(self, interceptor: Interceptor | None) -> None:
        self._channel.intercept = interceptor

    def collection(self, *path: str) -> "CollectionReference":
        """Return a collection: ``"users/ada/posts"``, or the same in parts."""
        whole = "/".join(path)
        if whole.count("/") % 2:
            raise ValueError("A collection must have an odd number of path elements")
        return CollectionReference(self._channel, whole)

    def document(self, *path: str) -> "DocumentReference":
        """Return a document: ``"users/ada"``, or the same in parts."""
        whole = "/".join(path)
        _check_document(whole)
        return DocumentReference(self._channel, whole)

    def collection_group(self, collection_id: str) -> "Query":
        """Return a query over all collections with an id."""
        if "/" in collection_id:
            raise ValueError(f"Invalid collection_id {collection_id}. Collection IDs must not contain '/'.")
        return Query(self._channel, collection_id, everywhere=True)

    def batch(self) -> "WriteBatch":
        """Return a batch without writes."""
        return WriteBatch(self._channel)

    def get_all(
        self,
        references: Iterable["DocumentReference"],
        *,
        retry: Retry | None = None,
        timeout: float | None = None,
    ) -> "Iterator[DocumentSnapshot]":
        """Yield documents, each once; the call is made when the first one is asked for."""
        unique = {reference.path: reference for reference in references}
        paths, read = list(unique), self.database.read
        call = Call("batch_get", paths, (), retry, timeout, lambda: [read(path) for path in paths])
        documents = self._channel.answer(call)
        for reference, document in zip(unique.values(), documents, strict=True):
            yield DocumentSnapshot(reference, document)


class DocumentReference(_Refusing):
    """A document's place."""

    __slots__ = ("_channel", "path")

    def __init__(self, channel: Channel, path: str) -> None:
        """Take a path that has been checked."""
        self._channel = channel
        self.path = path

    @property
    def server_time(self) -> Any:
        """The time by the server's clock."""
        return self._channel.database.time()

    @property
    def id(self) -> str:
        """The last part of the path."""
        return self.path.rpartition("/")[2]

    def __eq__(self, other: object) -> bool:
        """Compare places; those of two clients differ."""
        if not isinstance(other, DocumentReference):
            return NotImplemented
        return self.path == other.path and self._channel is other._channel

    def __hash__(self) -> int:
        """Hash the place."""
        return hash(self.path)

    def collection(self, collection_id: str) -> "CollectionReference":
        """Return a collection below the document."""
        if "/" in collection_id:
            raise NotImplementedError("The in-memory Firestore takes one id below a document.")
        return CollectionReference(self._channel, f"{self.path}/{collection_id}")

    def get(self, *, retry: Retry | None = None, timeout: float | None = None) -> "DocumentSnapshot":
        """Read the document."""
        read = partial(self._channel.database.read, self.path)
        document = self._channel.answer(Call("get", (self.path,), (), retry, timeout, read))
        return DocumentSnapshot(self, document)

    def create(
        self, document_data: Mapping[str, Any], *, retry: Retry | None = None, timeout: float | None = None
    ) -> WriteResult:
        """Write a new document."""
        return self._write(creation(self.path, document_data), retry, timeout)

    def set(
        self,
        document_data: Mapping[str, Any],
        merge: bool = False,  # noqa: FBT001, FBT002 - as the real one
        *,
        retry: Retry | None = None,
        timeout: float | None = None,
    ) -> WriteResult:
        """Write the document, or with ``merge`` some of its fields; create it where there is none."""
        return self._write(setting(self.path, document_data, merge=merge), retry, timeout)

    def update(
        self,
        field_updates: Mapping[str, Any],
        option: WriteOption | None = None,
        *,
        retry: Retry | None = None,
        timeout: float | None = None,
    ) -> WriteResult:
        """Change fields of an existing document."""
        return self._write(updating(self.path, field_updates, option), retry, timeout)

    def delete(
        self,
        option: WriteOption | None = None,
        *,
        retry: Retry | None = None,
        timeout: float | None = None,
    ) -> Any:
        """Delete the document; return the moment."""
        return self._channel.commit([deletion(self.path, option)], retry, timeout).moment

    def _write(self, write: Write, retry: Retry | None, timeout: float | None) -> WriteResult:
        return self._channel.commit([write], retry, timeout).written[0]


class DocumentSnapshot(_Refusing):
    """A document as it was read."""

    __slots__ = ("_document", "read_time", "reference", "update_time")

    def __init__(self, reference: DocumentReference, document: Document | None) -> None:
        """Take what was found, None where nothing was."""
        self.reference = reference
        self.update_time: Any = document.version if document else None
        self.read_time: Any = reference.server_time
        self._document = document

    @property
    def id(self) -> str:
        """The document's id."""
        return self.reference.id

    @property
    def exists(self) -> bool:
        """Whether it was there."""
        return self._document is not None

    def to_dict(self) -> Fields | None:
        """Return a copy of its fields, None where it was not there."""
        return copied(self._document.fields) if self._document else None

    def get(self, field_path: str) -> Any:
        """Return a copy of a field's value, None where the document was not there."""
        if self._document is None:
            return None
        return copied_value(get_nested_value(field_path, self._document.fields))


class WriteBatch(_Refusing):
    """Writes that are carried out together, all or none."""

    __slots__ = ("_channel", "_writes")

    def __init__(self, channel: Channel) -> None:
        """Begin without writes."""
        self._channel = channel
        self._writes: list[Write] = []

    def create(self, reference: DocumentReference, document_data: Mapping[str, Any]) -> None:
        """Add a new document."""
        self._writes.append(creation(reference.path, document_data))

    def set(
        self,
        reference: DocumentReference,
        document_data: Mapping[str, Any],
        merge: bool = False,  # noqa: FBT001, FBT002 - as the real one
    ) -> None:
        """Add a document to write, or with ``merge`` some of its fields."""
        self._writes.append(setting(reference.path, document_data, merge=merge))

    def update(
        self,
        reference: DocumentReference,
        field_updates: Mapping[str, Any],
        option: WriteOption | None = None,
    ) -> None:
        """Add a change of an existing document."""
        self._writes.append(updating(reference.path, field_updates, option))

    def delete(self, reference: DocumentReference, option: WriteOption | None = None) -> None:
        """Add a document to delete."""
        self._writes.append(deletion(reference.path, option))

    def commit(self, *, retry: Retry | None = None, timeout: float | None = None) -> list[WriteResult]:
        """Apply the writes; the batch is empty afterwards."""
        committed = self._channel.commit(self._writes, retry, timeout)
        self._writes = []
        return committed.written


class Query(_Refusing):
    """Documents of a collection, or of all with an id; each method returns another query."""

    __slots__ = ("_channel", "_collection", "_everywhere", "_selection")

    def __init__(
        self,
        channel: Channel,
        collection: str,
        selection: Selection = Selection(),  # noqa: B008 - frozen
        *,
        everywhere: bool = False,
    ) -> None:
        """Take a collection's path, or with ``everywhere`` the id of many."""
        self._channel = channel
        self._collection = collection
        self._selection = selection
        self._everywhere = everywhere

    def where(self, *, filter: FieldFilter) -> "Query":  # noqa: A002 - as the real one calls it
        """Select the documents whose field compares so with a value."""
        if not isinstance(filter, FieldFilter) or filter.op_string not in {*OPERATORS, AMONG}:
            operator = getattr(filter, "op_string", filter)
            raise NotImplementedError(f"The in-memory Firestore does not know the filter {operator!r}.")
        field = parsed(filter.field_path)
        if field == NAME:
            raise NotImplementedError("The in-memory Firestore does not filter by names.")
        if filter.op_string == AMONG:
            key = tuple(sort_key(stored(value)) for value in filter.value or ())
        else:
            key = sort_key(stored(filter.value))
        condition = Condition(field, filter.op_string, key)
        return self._with(conditions=(*self._selection.conditions, condition))

    def order_by(self, field_path: str, direction: str = "ASCENDING") -> "Query":
        """Sort by a field, or by ``__name__``; documents without the field are left out."""
        if direction not in {"ASCENDING", "DESCENDING"}:
            raise ValueError(f"Invalid direction {direction!r}. Must be one of 'ASCENDING' or 'DESCENDING'.")
        if self._selection.after is not None:
            raise NotImplementedError(
                "The in-memory Firestore takes orders before the place to begin behind."
            )
        order = Order(parsed(field_path), descends=direction == "DESCENDING")
        if order == (NAME, True):
            raise NotImplementedError("The in-memory Firestore sorts by names in ascending order only.")
        return self._with(orders=(*self._selection.orders, order))

    def start_after(self, document_fields: Mapping[str, Any]) -> "Query":
        """Begin behind a place: values of the fields that documents are sorted by, or of the first ones."""
        if not isinstance(document_fields, Mapping):
            raise NotImplementedError("The in-memory Firestore begins behind named values only.")
        if not self._selection.orders:
            raise ValueError("Attempting to create a cursor with no fields to order on.")
        fields = dict(document_fields)
        orders = self._selection.orders[: len(fields)]
        return self._with(after=tuple(_place(order, fields) for order in orders))

    def limit(self, count: int) -> "Query":
        """Return so many documents at most."""
        if index(count) < 0:
            raise refusal(InvalidArgument, "limit is negative")
        return self._with(limit=count)

    def select(self, field_paths: Iterable[str]) -> "Query":
        """Return only these fields of each document."""
        return self._with(shown=tuple(map(parsed, field_paths)))

    def get(self, *, retry: Retry | None = None, timeout: float | None = None) -> list[DocumentSnapshot]:
        """Read the documents."""
        call = Call("query", (self._collection,), (), retry, timeout, self._found)
        rows = self._channel.answer(call)
        snapshots = [DocumentSnapshot(DocumentReference(self._channel, path), found) for path, found in rows]
        if self._everywhere:
            for snapshot in snapshots:
                snapshot.update_time = as_message(snapshot.update_time)
                snapshot.read_time = as_message(snapshot.read_time)
        return snapshots

    def count(self) -> "Count":
        """Return a query for the number of the documents."""
        return Count(self)

    def stream(
        self, *, retry: Retry | None = None, timeout: float | None = None
    ) -> Generator[DocumentSnapshot, None, None]:
        """Read the documents with the first one that is taken, and yield them."""
        yield from self.get(retry=retry, timeout=timeout)

    def _found(self) -> list[Row]:
        documents = self._channel.database.within(self._collection, everywhere=self._everywhere)
        return self._selection.of(documents)

    def _with(self, **changes: Any) -> "Query":
        selection = replace(self._selection, **changes)
        return Query(self._channel, self._collection, selection, everywhere=self._everywhere)


class Counted(NamedTuple):
    """The answer to a query for a number."""

    value: int


class Count(_Refusing):
    """A query for how many documents another query returns."""

    __slots__ = ("_query",)

    def __init__(self, query: Query) -> None:
        """Take the query whose documents are counted."""
        self._query = query

    def get(self, *, retry: Retry | None = None, timeout: float | None = None) -> list[list[Counted]]:
        """Count the documents."""
        query = self._query
        call = Call("count", (query._collection,), (), retry, timeout, query._found)
        return [[Counted(len(query._channel.answer(call)))]]


class CollectionReference(Query):
    """A collection's place, and the query for all of its documents."""

    __slots__ = ()

    @property
    def path(self) -> str:
        """Where it is."""
        return self._collection

    @property
    def id(self) -> str:
        """The last part of the path."""
        return self._collection.rpartition("/")[2]

    def document(self, document_id: str) -> DocumentReference:
        """Return a document of the collection."""
        path = f"{self._collection}/{document_id}"
        if "/" in document_id:
            _check_document(path)
        return DocumentReference(self._channel, path)


def _check_document(path: str) -> None:
    if not path.count("/") % 2:
        raise ValueError("A document must have an even number of path elements")


def _place(order: Order, fields: Fields) -> Key:
    """Return what a cursor's fields say of one order."""
    name = ".".join(order.field)
    value = fields[name] if name in fields else find(fields, order.field)
    if value is NOTHING:
        raise ValueError(f'The "order by" field path {name!r} is not present in the cursor data.')
    if order.field != NAME:
        return sort_key(stored(value))
    if not isinstance(value, DocumentReference):
        raise NotImplementedError("The in-memory Firestore takes a name in a cursor as a reference only.")
    return name_key(value.path)
