"""Reads ``fields=``: names, which may have fields of their own: ``id,children.limit(2){id,media_url}``.

Source: Graph API, "Field expansion". Of the modifiers ``limit`` and ``fields`` have an effect.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from emulator.threads_api import errors

_NAME = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_]*)\s*")
_ARGUMENT = re.compile(r"\(([^(){}]*)\)\s*")
#: Deeper than any documented request.
_DEEPEST = 10


@dataclass(frozen=True)
class Asked:
    """A field that was asked for, and the fields that were asked for of its value."""

    name: str
    inner: tuple[Asked, ...] = ()
    #: How many entries of a list are wanted; None: all.
    limit: int | None = None


def read_asked(text: str) -> tuple[Asked, ...]:
    """Read the whole parameter. Raises GraphError 2500 for a syntax error."""
    reader = _Reader(text)
    asked = reader.list_of(depth=0)
    if reader.rest():
        raise reader.error("end of string")
    return asked


class _Reader:
    """Reads from left to right, one method per rule of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def rest(self) -> str:
        """Return what is not yet read."""
        return self._text[self._at :]

    def error(self, expected: str) -> errors.GraphError:
        """Return the error for what stands here instead of ``expected``."""
        found = self.rest()[:1] or "end of string"
        return errors.field_syntax(expected, found, self._at, self._text)

    def list_of(self, depth: int) -> tuple[Asked, ...]:
        """Read fields that are separated by commas. Like Graph, pass over an empty one."""
        if depth > _DEEPEST:
            raise self.error("fewer levels")
        found: list[Asked] = []
        while True:
            if (name := self._take(_NAME)) is not None:
                found.append(self._modified(Asked(name), depth))
            if not self._skip(","):
                return tuple(found)

    def _modified(self, asked: Asked, depth: int) -> Asked:
        """Read what follows a name: ``.limit(2)``, ``.fields(id)`` and ``{id}``."""
        while self._skip("."):
            modifier, argument = self._take(_NAME), self._take(_ARGUMENT)
            if modifier is None or argument is None:
                raise self.error("a modifier")
            if modifier == "limit" and argument.isdecimal():
                asked = replace(asked, limit=int(argument))
            elif modifier == "fields":
                asked = replace(asked, inner=read_asked(argument))
        if self._skip("{"):
            asked = replace(asked, inner=self.list_of(depth + 1))
            if not self._skip("}"):
                raise self.error('"}"')
        return asked

    def _take(self, pattern: re.Pattern[str]) -> str | None:
        match = pattern.match(self._text, self._at)
        if match is None:
            return None
        self._at = match.end()
        return match[1]

    def _skip(self, sign: str) -> bool:
        """Pass over a sign and the spaces around it; return whether it stood here."""
        match = re.compile(rf"\s*{re.escape(sign)}\s*").match(self._text, self._at)
        self._at = match.end() if match else self._at
        return match is not None
