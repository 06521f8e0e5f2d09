"""Which documents a query returns, in which order, and with which fields. Nothing here knows of calls."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import eq, ge, gt, itemgetter, le, lt
from typing import Any, NamedTuple

from google.api_core.exceptions import InvalidArgument

from tests.firestore.database import Document
from tests.firestore.errors import refusal
from tests.firestore.fields import NOTHING, Path, find, put
from tests.firestore.values import Fields, sort_key

NAME: Path = ("__name__",)
"""What stands for a document's own path in an order."""

OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {"==": eq, "<": lt, "<=": le, ">": gt, ">=": ge}

AMONG = "in"
"""The operator that compares a field with each of several values."""

RANGES = OPERATORS.keys() - {"=="}

Key = tuple[Any, ...]
Row = tuple[str, Document]
"""A document with its path."""


class Condition(NamedTuple):
    """What a field must be."""

    field: Path
    operator: str
    key: Key
    """Of the value that the field's is compared with. With ``AMONG``: those of all values."""

    def holds(self, fields: Fields) -> bool:
        """Return whether a document meets it. Only values of one type are compared."""
        value = find(fields, self.field)
        if value is NOTHING:
            return False
        key = sort_key(value)
        if self.operator == AMONG:
            return key in self.key
        return key[0] == self.key[0] and OPERATORS[self.operator](key, self.key)


class Order(NamedTuple):
    """What documents are sorted by."""

    field: Path
    descends: bool = False

    def key(self, path: str, fields: Fields) -> Key | None:
        """Return what puts a document into its place; None where it has no such field."""
        if self.field == NAME:
            return name_key(path)
        value = find(fields, self.field)
        return None if value is NOTHING else sort_key(value)


@dataclass(frozen=True)
class Selection:
    """What a query asks for."""

    conditions: tuple[Condition, ...] = ()
    orders: tuple[Order, ...] = ()
    after: tuple[Key, ...] | None = None
    """The place behind which documents begin, as far as it was given."""
    limit: int | None = None
    shown: tuple[Path, ...] | None = None
    """The fields that are returned; None for all."""

    def of(self, documents: Iterable[Row]) -> list[Row]:
        """Return the documents that are asked for."""
        orders = self._all_orders()
        found: list[tuple[Any, ...]] = []
        for path, document in documents:
            fields = document.fields
            if all(condition.holds(fields) for condition in self.conditions):
                keys = [order.key(path, fields) for order in orders]
                if None not in keys and self._is_behind(keys, orders):
                    found.append((*keys, path, document))
        for place, order in reversed([*enumerate(orders)]):
            found.sort(key=itemgetter(place), reverse=order.descends)
        return [(path, self._showing(document)) for *_, path, document in found[: self.limit]]

    def _all_orders(self) -> Sequence[Order]:
        """Return what documents are sorted by: what was asked for, and at last their paths."""
        orders = self.orders
        if unequal := {condition.field for condition in self.conditions if condition.operator in RANGES}:
            orders = orders or tuple(map(Order, unequal))
            if unequal != {orders[0].field}:
                raise NotImplementedError(
                    "The in-memory Firestore sorts by the field of an inequality first."
                )
        names = [order.field for order in orders]
        if len({*names}) < len(names) or NAME in names[:-1]:
            raise refusal(
                InvalidArgument, "An order contains a field twice, or one after the documents' names."
            )
        if NAME in names:
            return orders
        return [*orders, Order(NAME, descends=bool(orders) and orders[-1].descends)]

    def _is_behind(self, keys: Sequence[Any], orders: Sequence[Order]) -> bool:
        if self.after is None:
            return True
        for key, place, order in zip(keys, self.after, orders, strict=False):
            if key != place:
                return (key < place) is order.descends
        return False

    def _showing(self, document: Document) -> Document:
        if self.shown is None:
            return document
        fields: Fields = {}
        for path in self.shown:
            value = find(document.fields, path)
            if value is not NOTHING:
                put(fields, path, value)
        return document._replace(fields=fields)


def name_key(path: str) -> Key:
    """Return what sorts documents by their paths: segment by segment."""
    return tuple(path.split("/"))
