"""Values as Firestore keeps them: converted once on the way in, copied on the way out, in Firestore's order.

A stored value is never changed in place, so that documents and snapshots may share it.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from google.api_core.datetime_helpers import DatetimeWithNanoseconds
from google.api_core.exceptions import InvalidArgument
from google.cloud.firestore import DELETE_FIELD
from google.cloud.firestore_v1 import transforms

from tests.firestore.errors import refusal

Fields = dict[str, Any]
"""The fields of a document, or of a map in it, as they are stored."""


def stored_fields(fields: Mapping[str, Any]) -> Fields:
    """Return a map's fields as they are stored.

    Raises:
        TypeError: the real client refuses the type of a value.
        ValueError: the real client refuses a name or a value.
        InvalidArgument: the server does.
        NotImplementedError: this Firestore does not know the type of a value.

    """
    try:
        return {
            _NAMES[name]: value
            if (kind := type(value)) in _SIMPLE
            or (kind is str and value.isascii())
            or (kind is int and value.bit_length() < _INTEGER_BITS)
            else _CONVERT[kind](value)
            for name, value in fields.items()
        }
    except KeyError:
        return {stored_name(name): stored(value) for name, value in fields.items()}


def stored(value: Any) -> Any:
    """Return one value as it is stored; it raises what ``stored_fields`` does."""
    kind = type(value)
    if kind not in _CONVERT:
        _CONVERT[kind] = _converter(kind)
    return _CONVERT[kind](value)


def stored_name(name: str) -> str:
    """Return a field's name as it is stored; it raises what ``stored_fields`` does."""
    if name not in _NAMES:
        _check_name(name)
        if len(_NAMES) >= _NAMES_KEPT:
            _NAMES.clear()
        _NAMES[name] = _text(name)
    return _NAMES[name]


def is_reserved(name: str) -> bool:
    """Return whether Firestore keeps this name of a field, collection or document for itself."""
    return len(name) > len("____") and name.startswith("__") and name.endswith("__")


def copied(fields: Fields) -> Fields:
    """Return a copy of stored fields, for the caller to change."""
    copy = fields.copy()
    for name, value in fields.items():
        if type(value) in _CONTAINERS:
            copy[name] = copied_value(value)
    return copy


def copied_value(value: Any) -> Any:
    """Return a copy of one stored value."""
    if type(value) is dict:
        return copied(value)
    if type(value) is list:
        return [copied_value(item) for item in value]
    return value


def is_same(first: Any, second: Any) -> bool:
    """Return whether two stored values are one to Firestore. Python takes 1, 1.0 and True for equal, too."""
    if first is second:
        return True
    if type(first) is not type(second) or first != second:
        return False
    if type(first) is dict:
        return all(is_same(value, second[name]) for name, value in first.items())
    if type(first) is list:
        return all(map(is_same, first, second))
    return True


# --- the order of values ------------------------------------------------------------------------------------

_NULL, _BOOLEAN, _NAN, _NUMBER, _TIMESTAMP, _TEXT, _BYTES, _ARRAY, _MAP = range(9)
_RANKS: Mapping[type, int] = {
    type(None): _NULL,
    bool: _BOOLEAN,
    int: _NUMBER,
    float: _NUMBER,
    DatetimeWithNanoseconds: _TIMESTAMP,
    str: _TEXT,
    bytes: _BYTES,
    list: _ARRAY,
    dict: _MAP,
}


def sort_key(value: Any) -> tuple[Any, ...]:
    """Return what puts stored values into Firestore's order; it begins with the rank of the value's type.

    https://firebase.google.com/docs/firestore/manage-data/data-types#value_type_ordering
    """
    rank = _RANKS[type(value)]
    if rank == _NUMBER and value != value:  # noqa: PLR0124 - NaN, which comes before all numbers
        return (_NAN,)
    if rank == _ARRAY:
        return (rank, tuple(sort_key(item) for item in value))
    if rank == _MAP:
        return (rank, tuple((name, sort_key(value[name])) for name in sorted(value)))
    return (rank, value)


# --- how each type is converted -----------------------------------------------------------------------------


def in_utc(kind: type[datetime], moment: datetime) -> Any:
    """Return a moment as one of the two classes that Google's libraries have; one without a zone is in UTC.

    Their constructor, which this does without, takes several times as long.
    """
    if moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    made: Any = datetime.__new__(
        kind,
        moment.year,
        moment.month,
        moment.day,
        moment.hour,
        moment.minute,
        moment.second,
        moment.microsecond,
        UTC,
    )
    made._nanosecond = 0  # as in the copies that snapshots return
    return made


def _moment(value: datetime) -> DatetimeWithNanoseconds:
    """Convert a moment; the server keeps its microseconds."""
    if type(value) is DatetimeWithNanoseconds and value.tzinfo is UTC and not value.nanosecond:
        return value
    moment: DatetimeWithNanoseconds = in_utc(DatetimeWithNanoseconds, value)
    return moment


def _unchanged(value: Any) -> Any:
    return value


def _integer(value: int) -> int:
    if -(2**63) <= value < 2**63:
        return int(value)
    raise ValueError(f"Value out of range: {value}")


def _text(value: str) -> str:
    if not value.isascii():
        value.encode()  # raises for half a surrogate pair
    return str.__str__(value)


def _array(value: Iterable[Any]) -> list[Any]:
    items = [stored(item) for item in value]
    if list in map(type, items):
        raise refusal(InvalidArgument, "Cannot convert an array value in an array value.")
    return items


def _sentinel(value: Any) -> Any:
    if value is DELETE_FIELD:
        raise ValueError("DELETE_FIELD is for the fields of an update, and for set with merge=True.")
    raise NotImplementedError(f"The in-memory Firestore does not know {value!r}.")


def _refused(value: Any) -> Any:
    kind = type(value)
    if kind.__name__ == "DocumentReference" or kind.__module__.startswith("google."):
        raise NotImplementedError(f"The in-memory Firestore does not store a {kind.__name__}.")
    raise TypeError("Cannot convert to a Firestore Value", value, "Invalid type", kind)


_BY_BASE: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    (int, _integer),
    (float, float),
    (datetime, _moment),
    (str, _text),
    ((list, tuple, set, frozenset), _array),
    (dict, stored_fields),
    ((transforms.Sentinel, transforms._ValueList, transforms._NumericValue), _sentinel),
)
"""As ``google.cloud.firestore_v1._helpers.encode_value`` asks, in its order."""

_SIMPLE = frozenset({type(None), bool, float, bytes})
"""Types whose values are stored as they are."""

_CONTAINERS = frozenset({dict, list})
_INTEGER_BITS = 64
_CONVERT: dict[type, Callable[[Any], Any]] = dict.fromkeys(_SIMPLE, _unchanged)
"""How values of a type are converted, as far as the type has occurred."""

_NAMES: dict[str, str] = {}
"""Names of fields that are good, as plain strings."""
_NAMES_KEPT = 10_000


def _converter(kind: type) -> Callable[[Any], Any]:
    return next((convert for base, convert in _BY_BASE if issubclass(kind, base)), _refused)


def _check_name(name: object) -> None:
    if not isinstance(name, str) or not name:
        raise ValueError("One or more components is not a string or is empty.")
    if is_reserved(name):
        raise refusal(InvalidArgument, f"field name {name} is reserved")
