"""The contract of queries: which documents they return, in which order, from where on.

The same tests run against the emulator, in ``tests/e2e``.
"""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest
from google.api_core.exceptions import InvalidArgument
from google.cloud.firestore import Client, CollectionReference, FieldFilter, Query
from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]

NOW = datetime(2026, 1, 1, tzinfo=UTC)

ORDER: list[Any] = [
    *(
        None,
        False,
        True,
        float("nan"),
        float("-inf"),
        -1,
        0.5,
        1,
        1.5,
        2**60,
        datetime.min.replace(tzinfo=UTC),
    ),
    *(NOW, "", "A", "a", "a b", "b", "é", "\uffee", "\U0001f600", b"", b"a", [], [1], [1, 2], [2], {}),
    *({"a": 1}, {"a": 1, "b": 1}, {"a": 2}, {"b": 1}),
]
"""Values of every type, in Firestore's order."""

COMPARED: list[tuple[str, Any, list[Any]]] = [
    ("==", 1, [1]),
    ("==", 1.0, [1]),
    ("==", True, [True]),
    ("==", "a", ["a"]),
    ("==", NOW, [NOW]),
    ("==", [1], [[1]]),
    ("==", {"a": 1}, [{"a": 1}]),
    ("==", "nothing", []),
    ("<", 1, [float("-inf"), -1, 0.5]),
    ("<=", 1, [float("-inf"), -1, 0.5, 1]),
    (">", 1, [1.5, 2**60]),
    (">=", 1, [1, 1.5, 2**60]),
    ("<=", NOW, [datetime.min.replace(tzinfo=UTC), NOW]),
    (">", "b", ["é", "\uffee", "\U0001f600"]),
    ("<", "b", ["", "A", "a", "a b"]),
    ("<", True, [False]),
    ("<", [2], [[], [1], [1, 2]]),
    (">", {"a": 1}, [{"a": 1, "b": 1}, {"a": 2}, {"b": 1}]),
    ("in", ["b"], ["b"]),
    ("in", [1, "a", 1.0, "nothing"], [1, "a"]),
]
"""A comparison, and the values of ORDER that it selects: inequalities only those of the same type."""

ROWS = {"d0": (1, 2), "d1": (1, 1), "d2": (2, 1), "d3": (2, 2), "d4": (None, 3), "d5": (3, None)}
"""The fields a and b of documents; None where a document has none."""

SELECTIONS: dict[str, tuple[Callable[[CollectionReference], Any], list[str]]] = {
    "all": (lambda it: it, ["d0", "d1", "d2", "d3", "d4", "d5"]),
    "some": (lambda it: it.limit(2), ["d0", "d1"]),
    "none": (lambda it: it.limit(0), []),
    "both": (lambda it: _where(_where(it, "a", "==", 2), "b", "==", 1), ["d2"]),
    "range": (lambda it: _where(_where(it, "b", ">", 1), "b", "<", 3), ["d0", "d3"]),
    "unequal": (lambda it: _where(it, "b", ">=", 1), ["d1", "d2", "d0", "d3", "d4"]),
    "unequal and equal": (lambda it: _where(_where(it, "b", ">=", 1), "a", "==", 2), ["d2", "d3"]),
    "unequal, descending": (
        lambda it: _where(it, "b", ">=", 1).order_by("b", direction="DESCENDING"),
        ["d4", "d3", "d0", "d2", "d1"],
    ),
    "by a": (lambda it: it.order_by("a"), ["d0", "d1", "d2", "d3", "d5"]),
    "by a, descending": (lambda it: it.order_by("a", direction="DESCENDING"), ["d5", "d3", "d2", "d1", "d0"]),
    "by a and b": (
        lambda it: it.order_by("a").order_by("b", direction="DESCENDING"),
        ["d0", "d1", "d3", "d2"],
    ),
    "by name": (lambda it: it.order_by("__name__").limit(3), ["d0", "d1", "d2"]),
    "equal, by name": (lambda it: _where(it, "a", "==", 1).order_by("__name__"), ["d0", "d1"]),
    "behind a": (lambda it: it.order_by("a").start_after({"a": 1}), ["d2", "d3", "d5"]),
    "behind a, descending": (
        lambda it: it.order_by("a", direction="DESCENDING").start_after({"a": 2}),
        ["d1", "d0"],
    ),
    "behind the first of two": (
        lambda it: it.order_by("a").order_by("b").start_after({"a": 1}),
        ["d2", "d3"],
    ),
    "behind two": (
        lambda it: it.order_by("a").order_by("b").start_after({"a": 1, "b": 1}),
        ["d0", "d2", "d3"],
    ),
    "behind more than there is": (
        lambda it: it.order_by("a").start_after({"a": 1, "b": 1}),
        ["d2", "d3", "d5"],
    ),
    "behind a and a name": (
        lambda it: it.order_by("a").order_by("__name__").start_after({"a": 1, "__name__": it.document("d0")}),
        ["d1", "d2", "d3", "d5"],
    ),
    "behind a name": (
        lambda it: it.order_by("__name__").start_after({"__name__": it.document("d3")}),
        ["d4", "d5"],
    ),
    "behind a name that is not there": (
        lambda it: it.order_by("__name__").start_after({"__name__": it.document("d33")}),
        ["d4", "d5"],
    ),
    "behind a value of another type": (lambda it: it.order_by("a").start_after({"a": "x"}), []),
    "behind nothing": (lambda it: it.order_by("a").start_after({}), []),
}
"""Queries, and the documents that they return."""

GROUP = [
    "g/3",
    "users/a/g/10",
    "users/a/g/2",
    "users/a/g/2/g/7",
    "users/a/x/y/g/5",
    "users/a-b/g/4",
    "users/b/g/1",
]
"""Documents of collections with one id, in the order of their paths."""


def _where(query: Any, field: str, operator: str, value: object) -> Any:
    return query.where(filter=FieldFilter(field, operator, value))


def _ids(query: Any) -> list[str]:
    return [snapshot.id for snapshot in query.get()]


def _paths(query: Any) -> list[str]:
    return [snapshot.reference.path for snapshot in query.get()]


def _fill(client: Client, fields: dict[str, dict[str, Any]]) -> None:
    batch = client.batch()
    for path, document in fields.items():
        batch.set(client.document(path), document)
    batch.commit()


class TestQueries:
    """What a query of one collection returns."""

    @pytest.fixture
    def rows(self, client: Client) -> CollectionReference:
        """Return a collection of the documents above."""
        fields = {
            f"rows/{name}": {
                field: value for field, value in zip("ab", values, strict=True) if value is not None
            }
            for name, values in ROWS.items()
        }
        _fill(client, {**fields, "others/d6": {"a": 1, "b": 1}, "rows/d0/rows/d7": {"a": 1, "b": 1}})
        collection: CollectionReference = client.collection("rows")
        return collection

    @pytest.fixture
    def values(self, client: Client) -> CollectionReference:
        """Return a collection of the values above, each also in a map, and of a document without any."""
        _fill(client, {f"values/{number:02}": {"v": it, "m": {"v": it}} for number, it in enumerate(ORDER)})
        _fill(client, {"values/none": {"other": 1}})
        collection: CollectionReference = client.collection("values")
        return collection

    @pytest.mark.parametrize("field", ["v", "m.v"])
    def test_values_have_an_order(self, values: CollectionReference, field: str) -> None:
        """Types come one after the other; a document without the field is left out."""
        numbers = [f"{number:02}" for number in range(len(ORDER))]
        assert _ids(values.order_by(field)) == numbers
        assert _ids(values.order_by(field, direction="DESCENDING")) == numbers[::-1]

    @pytest.mark.parametrize(("operator", "value", "expected"), COMPARED)
    @pytest.mark.parametrize("field", ["v", "m.v"])
    def test_values_are_compared(
        self, values: CollectionReference, field: str, operator: str, value: object, expected: list[Any]
    ) -> None:
        """An inequality compares values of one type."""
        found = _where(values, field, operator, value).get()
        assert [snapshot.get(field) for snapshot in found] == expected

    @pytest.mark.parametrize("name", SELECTIONS)
    def test_a_query_selects(self, rows: CollectionReference, name: str) -> None:
        """Documents of this collection alone."""
        select, expected = SELECTIONS[name]
        assert _ids(select(rows)) == expected

    def test_a_query_can_be_left_early(self, rows: CollectionReference) -> None:
        """A stream yields what ``get`` returns, one by one, and can be closed before its end."""
        query = rows.order_by("__name__")
        assert [snapshot.id for snapshot in query.stream()] == _ids(query)
        with closing(query.stream()) as stream:
            assert next(stream).id == "d0"

    def test_a_query_walks_through_a_collection_by_pages(self, rows: CollectionReference) -> None:
        """Every document is on one page."""
        pages, query = [], rows.order_by("__name__").limit(4)
        while page := query.get():
            pages.append([snapshot.id for snapshot in page])
            query = query.start_after({"__name__": page[-1].reference})
        assert pages == [["d0", "d1", "d2", "d3"], ["d4", "d5"]]

    @pytest.mark.parametrize(("most", "expected"), [(9, 3), (3, 3), (2, 2)])
    def test_a_query_counts(self, rows: CollectionReference, most: int, expected: int) -> None:
        """The documents that it would return, up to its limit."""
        query = _where(_where(rows, "a", "in", [1, 2]), "b", "in", [1, 2])
        assert query.where(filter=FieldFilter("b", "==", 3)).count().get()[0][0].value == 0
        assert _where(query, "a", "==", 1).limit(most).count().get()[0][0].value == 2
        [[result]] = _where(rows, "b", ">", 1).limit(most).count().get()
        assert result.value == expected

    def test_ids_have_an_order(self, client: Client) -> None:
        """That of their characters."""
        ids = ["1", "10", "2", "A", "_a", "a", "a b", "a-b", "a.b", "b", "é"]
        _fill(client, {f"things/{name}": {} for name in reversed(ids)})
        assert _ids(client.collection("things")) == ids
        assert _ids(client.collection("things").order_by("__name__")) == ids

    def test_an_empty_collection_has_no_documents(self, client: Client) -> None:
        """Neither has one whose documents only have collections."""
        client.document("users/ada/posts/1").set({})
        assert not client.collection("users").get()
        assert _ids(client.collection("users/ada/posts")) == ["1"]

    def test_a_snapshot_is_the_document(self, rows: CollectionReference) -> None:
        """With its place and its version."""
        [snapshot] = _where(_where(rows, "a", "==", 1), "b", "==", 2).get()
        read = rows.document("d0").get()
        assert snapshot.exists
        assert snapshot.reference == read.reference
        assert (snapshot.to_dict(), snapshot.update_time) == (read.to_dict(), read.update_time)

    @pytest.mark.parametrize(
        ("paths", "fields"),
        [
            (["a"], {"a": 1}),
            (["m.x"], {"m": {"x": 1}}),
            (["m.x", "m.y.z"], {"m": {"x": 1, "y": {"z": 1}}}),
            (["m", "m.x"], {"m": {"x": 1, "y": {"z": 1}}}),
            (["a", "none", "m.none", "a.none"], {"a": 1}),
            ([], {}),
        ],
    )
    def test_a_query_returns_some_fields(
        self, client: Client, paths: list[str], fields: dict[str, Any]
    ) -> None:
        """With the version of the whole document."""
        document = client.document("things/a")
        version = document.create({"a": 1, "m": {"x": 1, "y": {"z": 1}}, "l": [1]}).update_time
        [snapshot] = client.collection("things").select(paths).get()
        assert (snapshot.to_dict(), snapshot.update_time) == (fields, version)

    @pytest.mark.parametrize(
        ("query", "error"),
        [
            (lambda it: it.start_after({"a": 1}), ValueError),
            (lambda it: _where(it, "a", ">", 1).start_after({"a": 1}), ValueError),
            (lambda it: it.order_by("a").start_after({"b": 1}), ValueError),
            (lambda it: it.order_by("a", direction="down"), ValueError),
            (lambda it: it.order_by("a..b"), ValueError),
            (lambda it: it.select(["a..b"]), ValueError),
            (lambda it: _where(it, "a", "<", None), ValueError),
            (lambda it: _where(it, "a", "==", object()), TypeError),
            (lambda it: it.limit("2"), TypeError),
            (lambda it: it.limit(-1), InvalidArgument),
            (lambda it: it.order_by("a").order_by("a"), InvalidArgument),
            (lambda it: it.order_by("__name__").order_by("a"), InvalidArgument),
        ],
    )
    def test_some_queries_are_refused(
        self, rows: CollectionReference, query: Callable[[CollectionReference], Query], error: type[Exception]
    ) -> None:
        """By the client or by the server."""
        with pytest.raises(error):
            query(rows).get()


class TestGroups:
    """What a query of all collections with an id returns."""

    @pytest.fixture
    def group(self, client: Client) -> Client:
        """Return a client of documents in collections of one id, and of others."""
        _fill(client, {path: {"n": number} for number, path in enumerate(GROUP)})
        _fill(client, {path: {"n": 1} for path in ("gg/1", "users/g", "g/3/x/1")})
        return client

    def test_a_group_has_documents_everywhere(self, group: Client) -> None:
        """Sorted by their paths, segment by segment."""
        assert _paths(group.collection_group("g")) == GROUP
        assert _paths(group.collection_group("g").order_by("__name__")) == GROUP

    def test_a_group_is_walked_through_by_pages(self, group: Client) -> None:
        """Behind any document, wherever it is, and be it none of the group."""
        query = group.collection_group("g").order_by("__name__")
        for first, second in pairwise(GROUP):
            assert _paths(query.start_after({"__name__": group.document(first)}).limit(1)) == [second]
        assert _paths(query.start_after({"__name__": group.document("users/a")})) == GROUP[1:]

    def test_a_group_is_selected_from(self, group: Client) -> None:
        """As a collection is."""
        query = (
            _where(group.collection_group("g").select(["n"]), "n", "<=", 4).order_by("n").order_by("__name__")
        )
        assert _paths(query) == GROUP[:5]
        behind = query.start_after({"n": 2, "__name__": group.document(GROUP[2])}).limit(2)
        assert [(snapshot.reference.path, snapshot.get("n")) for snapshot in behind.get()] == [
            (GROUP[3], 3),
            (GROUP[4], 4),
        ]

    def test_a_version_from_a_group_is_a_message(self, group: Client) -> None:
        """The real client does not convert it: a precondition takes it, but it equals no other version."""
        [snapshot] = _where(group.collection_group("g"), "n", "==", 3).get()
        version = snapshot.reference.get().update_time
        assert isinstance(snapshot.update_time, Timestamp)
        assert isinstance(snapshot.read_time, Timestamp)
        assert snapshot.update_time != version
        assert snapshot.update_time.ToDatetime(UTC) == version
        snapshot.reference.update({"n": 8}, group.write_option(last_update_time=snapshot.update_time))
        assert snapshot.reference.get().to_dict() == {"n": 8}
