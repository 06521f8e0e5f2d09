"""The contract of values: what a document holds of what was written, and which values are refused.

The same tests run against the emulator, in ``tests/e2e``.
"""

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import Any

import pytest
from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.api_core.exceptions import InvalidArgument
from google.cloud.firestore import DELETE_FIELD, DocumentReference

from tests.firestore.contract import OneDocument


class _Text(StrEnum):
    A = "a"


class _Number(IntEnum):
    SEVEN = 7


class _Map(dict[str, Any]):
    pass


def _moment(*parts: int, zone: timezone = UTC, **fraction: int) -> DatetimeWithNanoseconds:
    untyped: Any = DatetimeWithNanoseconds
    moment: DatetimeWithNanoseconds = untyped(*parts, tzinfo=zone, **fraction)
    return moment


_EAST = timezone(timedelta(hours=2))

STORED: list[tuple[Any, Any]] = [
    *((same, same) for same in (None, True, 0, 1, 2**63 - 1, -(2**63), 1.5, float("inf"), "", "é\0", b"x")),
    *((same, same) for same in ([], [1, None], {}, {"a": {}, "b.c": [{"d": [1]}], "é`": 1})),
    (_Text.A, "a"),
    (_Number.SEVEN, 7),
    ((1, 2), [1, 2]),
    ({1}, [1]),
    (frozenset(), []),
    (_Map(a=_Map()), {"a": {}}),
    ({_Text.A: _Text.A}, {"a": "a"}),
    (datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=UTC), _moment(2026, 1, 1, microsecond=123456)),
    (datetime(2026, 1, 1, tzinfo=_EAST), _moment(2025, 12, 31, 22)),
    (datetime(2026, 1, 1), _moment(2026, 1, 1)),  # noqa: DTZ001 - what the test is about
    (_moment(2026, 1, 1, nanosecond=123456789), _moment(2026, 1, 1, microsecond=123456)),
    (_moment(2026, 1, 1, nanosecond=123456789, zone=_EAST), _moment(2025, 12, 31, 22, microsecond=123456)),
    (datetime(1, 1, 1, tzinfo=UTC), _moment(1, 1, 1)),
    (datetime.max.replace(tzinfo=UTC), _moment(9999, 12, 31, 23, 59, 59, microsecond=999999)),
]
"""What is written, and what is read then."""

NO_VALUES = [
    MappingProxyType({}),
    {"a": MappingProxyType({})},
    bytearray(b"x"),
    date(2026, 1, 1),
    timedelta(1),
    Decimal(1),
    object(),
    object,
    range(3),
]
"""Values of no type that Firestore has."""

REFUSED: list[tuple[Any, type[Exception]]] = [
    *((value, TypeError) for value in NO_VALUES),
    (2**63, ValueError),
    (-(2**63) - 1, ValueError),
    ("\ud800", UnicodeEncodeError),
    ({"": 1}, ValueError),
    ({1: 2}, ValueError),
    ([1, [2]], InvalidArgument),
    ([(1,)], InvalidArgument),
    ({"__x__": 1}, InvalidArgument),
    ([{"__x__": 1}], InvalidArgument),
]


class TestValues(OneDocument):
    """What is kept of a value."""

    @pytest.mark.parametrize(("value", "kept"), STORED)
    def test_a_value_is_kept(self, document: DocumentReference, value: Any, kept: Any) -> None:
        """With its type; of a subclass Firestore knows the class below, and of moments those in UTC."""
        document.create({"v": value})
        document.set({"v": value})
        document.set({"w": {"v": value}}, merge=True)
        document.update({"x": value})
        document.update({"y.v": value})
        found = document.get().to_dict()
        assert found is not None
        for read in (found["v"], found["w"]["v"], found["x"], found["y"]["v"]):
            assert _typed(read) == _typed(kept)

    @pytest.mark.parametrize(("value", "error"), REFUSED)
    def test_a_value_is_refused(
        self, document: DocumentReference, value: Any, error: type[Exception]
    ) -> None:
        """By the client or by the server; nothing is written."""
        with pytest.raises(error):
            document.create({"v": value})
        assert not document.get().exists

    def test_a_field_is_deleted_in_no_array(self, document: DocumentReference) -> None:
        """There it is no value, either."""
        document.set({"a": 1})
        with pytest.raises((TypeError, ValueError)):
            document.update({"a": [DELETE_FIELD]})

    def test_a_stored_value_is_never_shared(self, document: DocumentReference) -> None:
        """A caller may change what it has written or read; the document stays the same."""
        fields: dict[str, Any] = {"a": [{"b": [1]}], "c": {"d": {}}}
        document.set(fields)
        snapshot = document.get()
        for mine in (fields, snapshot.to_dict(), {"a": snapshot.get("a"), "c": snapshot.get("c")}):
            assert mine
            mine["a"][0]["b"].append(2)
            mine["c"]["d"]["e"] = 1
        for found in (snapshot.to_dict(), document.get().to_dict()):
            assert found == {"a": [{"b": [1]}], "c": {"d": {}}}

    def test_a_snapshot_stays_as_it_was_read(self, document: DocumentReference) -> None:
        """Later changes of the document do not reach it."""
        document.set({"a": {"b": 1}})
        snapshot = document.get()
        document.update({"a.b": 2})
        document.delete()
        assert snapshot.exists
        assert snapshot.to_dict() == {"a": {"b": 1}}

    @pytest.mark.parametrize(
        ("path", "value"),
        [("a", {"b": [1]}), ("a.b", [1]), ("z", None), ("`x.y`", 3), ("x", {"y": 4}), ("x.y", 4)],
    )
    def test_a_snapshot_has_values_at_paths(
        self, document: DocumentReference, path: str, value: object
    ) -> None:
        """A dot leads into a map, but for a quoted one."""
        document.set({"a": {"b": [1]}, "x.y": 3, "x": {"y": 4}, "z": None})
        assert document.get().get(path) == value

    @pytest.mark.parametrize("path", ["q", "a.c", "a.b.c", "z.b"])
    def test_a_snapshot_misses_what_is_not_there(self, document: DocumentReference, path: str) -> None:
        """No None is made up."""
        document.set({"a": {"b": [1]}, "z": None})
        with pytest.raises(KeyError):
            document.get().get(path)

    def test_a_version_has_microseconds(self, document: DocumentReference) -> None:
        """As a moment in UTC, whose nanoseconds say the same."""
        version: Any = document.create({}).update_time
        assert version.tzinfo is UTC
        assert version.nanosecond == version.microsecond * 1000
        assert type(version) is type(document.get().update_time)


def _typed(value: Any) -> Any:
    """Return a value with the types of all that is in it: 1, 1.0 and True are equal."""
    if isinstance(value, dict):
        return dict, {name: _typed(item) for name, item in value.items()}, {type(name) for name in value}
    if isinstance(value, list):
        return list, [_typed(item) for item in value]
    return type(value), value, getattr(value, "nanosecond", None), getattr(value, "tzinfo", None)
