"""Reads a control request's JSON object field by field, so that each mistake gets a message of its own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

#: Ten years, and more requests than any run makes. A larger number is a typing error.
MOST_SECONDS = 10 * 365 * 24 * 3600
MOST_TIMES = 1_000_000

_NAMES = {str: "text", bool: "true or false", list: "a list", dict: "an object"}
_MISSING = object()


class Malformed(Exception):
    """A control request, a flag or a setting is wrong. The message says what is wrong."""


class JsonBody:
    """One JSON object. Each method takes a field out of it and raises Malformed if the field is wrong."""

    def __init__(self, parsed: object, where: str = "the body") -> None:
        """Take the parsed object; ``where`` is what messages call it."""
        if not isinstance(parsed, dict):
            raise Malformed(f"{where} must be a JSON object")
        self._left: dict[str, Any] = dict(parsed)
        self.where = where

    def finish(self) -> None:
        """Raise Malformed if a field was never taken: it is unknown."""
        if self._left:
            raise Malformed(f"{self.where} has unknown fields: {', '.join(sorted(map(str, self._left)))}")

    def has(self, name: str) -> bool:
        """Return whether a field is present and not yet taken."""
        return name in self._left

    def null(self, name: str) -> bool:
        """Return whether a field is null. If so, take it."""
        return self._left.get(name, _MISSING) is None and self._left.pop(name) is None

    def take(self, name: str, default: object = _MISSING) -> Any:
        """Take a field of any type."""
        if name not in self._left and default is _MISSING:
            raise Malformed(f"{self.where} needs {name}")
        return self._left.pop(name, default)

    def text(self, name: str, default: object = _MISSING) -> Any:
        """Take a text."""
        return self._typed(name, str, default)

    def flag(self, name: str, *, default: bool | None) -> Any:
        """Take true or false."""
        return self._typed(name, bool, default)

    def number(self, name: str, default: object, *, least: float, most: float) -> Any:
        """Take a number from ``least`` to ``most``."""
        value = self.take(name, default)
        if value is default:
            return value
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise Malformed(f"{name} must be a number from {least} to {most}")
        return value

    def seconds(self, name: str) -> timedelta:
        """Take a number of seconds; 0 if the field is missing."""
        return timedelta(seconds=self.number(name, 0, least=0, most=MOST_SECONDS))

    def count(self, name: str, default: int) -> int:
        """Take a whole number, 1 or more."""
        value = self.number(name, default, least=1, most=MOST_TIMES)
        if value != int(value):
            raise Malformed(f"{name} must be a whole number")
        return int(value)

    def texts(self, name: str, default: object = _MISSING) -> Any:
        """Take a list of texts."""
        value = self._typed(name, list, default)
        if value is not default and not all(isinstance(item, str) for item in value):
            raise Malformed(f"{name} must be a list of texts")
        return value

    def items(self, name: str) -> list[JsonBody]:
        """Take a list of objects; an empty one if the field is missing."""
        return [JsonBody(it, f"{name}[{number}]") for number, it in enumerate(self._typed(name, list, []))]

    def inner(self, name: str) -> JsonBody:
        """Take an object; an empty one if the field is missing."""
        return JsonBody(self.take(name, {}), name)

    def rest(self) -> dict[str, Any]:
        """Take every field that is left."""
        rest, self._left = self._left, {}
        return rest

    def _typed(self, name: str, kind: type, default: object) -> Any:
        value = self.take(name, default)
        if value is not default and not isinstance(value, kind):
            raise Malformed(f"{name} must be {_NAMES[kind]}")
        return value
