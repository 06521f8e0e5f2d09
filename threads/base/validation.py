"""Reading what comes from outside: JSON, texts, times and ids. What a message quotes of it is redacted.

A *reader* takes a value as it came. It returns the value as it is stored, or raises ``Wrong``. The members of
a request, the options of a post and the configuration are all read that way. Nothing here knows what a value
means.
"""

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn, Self, TypeVar

from threads.base.errors import InvalidRequest, Problem
from threads.base.secret import redacted

T = TypeVar("T")

MAX_DOCUMENT_ID_BYTES = 1500
"""Firestore's limit for one segment of a path
(https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields)."""

_THREADS_ID = re.compile(r"[0-9]{1,32}", re.ASCII)
_RESERVED_DOCUMENT_ID = re.compile(r"\.|\.\.|__.*__", re.DOTALL)

MAX_UNKNOWN_NAMED = 40
"""The most unknown members, or wrong entries of a list, that an error names. A body has room for ten
thousand."""

MAX_MOMENT = 64
"""The most characters of a time."""


def parse_object(raw: bytes) -> dict[str, Any]:
    """Read a JSON object (RFC 8259) more strictly than ``json`` does.

    It refuses a member that appears twice, NaN and Infinity, lone surrogates (neither Firestore nor UTF-8 can
    hold them), and endless nesting or digits.

    Raises:
        InvalidRequest: the bytes are no such object; the message says why.

    """
    try:
        value = json.loads(raw, object_pairs_hook=_unique_members, parse_constant=_no_constant)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except UnicodeError:
        raise _invalid_body("is not valid UTF-8, or has half of a surrogate pair") from None
    except RecursionError:
        raise _invalid_body("is nested too deeply") from None
    except ValueError as error:
        raise _invalid_body(f"is not valid JSON ({redacted(str(error), limit=120)})") from None
    if not isinstance(value, dict):
        raise _invalid_body("must be a JSON object")
    return value


def is_threads_id(unverified: str) -> bool:
    """Return whether a text has the form of Threads' ids.

    An id is decimal digits. It is kept as a text, because it may exceed 2^53.
    """
    return _THREADS_ID.fullmatch(unverified) is not None


def is_document_id(unverified: str) -> bool:
    """Return whether a text can be one segment of a Firestore path, and cannot become several."""
    return (
        unverified.isprintable()
        and "/" not in unverified
        and 0 < len(unverified.encode("utf-8", "surrogatepass")) <= MAX_DOCUMENT_ID_BYTES
        and not _RESERVED_DOCUMENT_ID.fullmatch(unverified)
    )


def as_json_time(moment: datetime, *, to: str = "seconds") -> str:
    """Return a moment as the functions answer it: ISO 8601 in UTC, by default to the second."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=to) + "Z"


def as_json(value: Any) -> Any:
    """Return a value of Firestore as JSON has it. What JSON does not have becomes None."""
    if isinstance(value, datetime):
        return as_json_time(value)
    if isinstance(value, Mapping):
        return {name: as_json(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_json(inner) for inner in value]
    return value if isinstance(value, str | int | float | None) else None


class Wrong(ValueError):
    """A value breaks a rule. The text continues after the value's name: "has 600 characters"."""

    def __init__(self, text: str, *, place: str = "", parts: "Sequence[Wrong]" = ()) -> None:
        """Take the text, and which part of the value it is about, such as "[1]".

        If several parts are wrong, take these instead, as ``parts``.
        """
        self.place = place
        self.parts: Sequence[Wrong] = parts or (self,)
        super().__init__(text)

    @classmethod
    def all(cls, parts: "Sequence[Wrong]") -> Self:
        """Return what is wrong with a value whose parts are wrong."""
        return cls(" ".join(str(part) for part in parts), parts=parts)

    def inside(self, place: str) -> "list[Wrong]":
        """Return what is wrong, for a value that has this one at a place."""
        return [Wrong(str(part), place=place + part.place) for part in self.parts]


def each(entries: Iterable[Any], reader: Callable[[Any], T], *, place: str = "") -> list[T]:
    """Read the entries of a list. Those that are wrong are all told, each with its number: "[1]".

    Raises:
        Wrong: at least one entry is wrong.

    """
    read, wrongs = [], []
    for number, entry in enumerate(entries):
        try:
            read.append(reader(entry))
        except Wrong as wrong:
            wrongs += wrong.inside(f"{place}[{number}]")
    if wrongs:
        raise Wrong.all(wrongs[:MAX_UNKNOWN_NAMED])
    return read


def text_of(limit: int) -> Callable[[Any], str]:
    """Return a reader of texts of at most ``limit`` characters."""

    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise Wrong("must be a text.")
        if len(value) > limit:
            raise Wrong(f"has {len(value)} characters; at most {limit} are allowed.")
        return value

    return read


def texts_of(limit: int) -> Callable[[Any], list[str]]:
    """Return a reader of lists of texts. A single text counts as a list of one."""

    def read(value: Any) -> list[str]:
        return each(value, entry) if isinstance(value, list) else [entry(value)]

    def entry(value: Any) -> str:
        if not isinstance(value, str) or not 0 < len(value) <= limit:
            raise Wrong(f"must be a text of 1 to {limit} characters.")
        return value

    return read


def flag(value: Any) -> bool:
    """Read true or false."""
    if not isinstance(value, bool):
        raise Wrong("must be true or false.")
    return value


def moment(value: Any) -> datetime:
    """Read a moment in ISO 8601 with a time zone, and return it in UTC."""
    try:
        read = datetime.fromisoformat(text_of(MAX_MOMENT)(value))
        if read.tzinfo:
            return read.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise Wrong('must be a time like "2027-01-31T09:00:00+01:00", with its zone.')


def object_(value: Any) -> dict[str, Any]:
    """Read an object."""
    if not isinstance(value, dict):
        raise Wrong("must be an object.")
    return value


def objects(value: Any) -> list[dict[str, Any]]:
    """Read a list of objects."""
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise Wrong("must be a list of objects.")
    return value


class Fields:
    """The members of a request, read one by one. Broken rules are collected and raised together."""

    def __init__(self, members: Mapping[str, Any], *, known: Collection[str] | None = None) -> None:
        """Take the members. If ``known`` is given, every other member becomes a problem that names it."""
        self._members = members
        self.problems: list[Problem] = []
        unknown = [name for name in members if known is not None and name not in known]
        for name in unknown[:MAX_UNKNOWN_NAMED]:
            self.problem(redacted(name, limit=60), "unknown_field", "is not known to this function.")

    def problem(self, name: str, code: str, message: str) -> None:
        """Note a broken rule."""
        self.problems.append(Problem(name, code, message))

    def wrong(self, name: str, code: str, wrong: Wrong) -> None:
        """Note everything that is wrong with a member, each under the part of it that it is about."""
        for part in wrong.parts:
            self.problem(name + part.place, code, str(part))

    def read(self, name: str, reader: Callable[[Any], T], *, code: str = "invalid_request") -> T | None:
        """Return what the reader makes of a member, or None if it is absent, null or wrong."""
        value = self._members.get(name)
        if value is None:
            return None
        try:
            return reader(value)
        except Wrong as wrong:
            self.wrong(name, code, wrong)
            return None

    def text(self, name: str, *, limit: int) -> str | None:
        """Return a text of 1 to ``limit`` characters, or None if it is absent, empty or wrong."""
        return self.read(name, text_of(limit)) or None

    def texts(self, name: str, *, limit: int) -> list[str]:
        """Return a list of texts, or an empty list if there is none."""
        is_empty = self._members.get(name) == ""
        return [] if is_empty else self.read(name, texts_of(limit)) or []

    def moment(self, name: str) -> datetime | None:
        """Return a moment in UTC, or None."""
        is_text = self.text(name, limit=MAX_MOMENT) is not None
        return self.read(name, moment, code="invalid_time") if is_text else None

    def flag(self, name: str) -> bool:
        """Return true or false, and false if the member is absent."""
        return self.read(name, flag) is True

    def object(self, name: str) -> dict[str, Any]:
        """Return an object, or an empty one if there is none."""
        return self.read(name, object_) or {}

    def objects(self, name: str) -> list[dict[str, Any]]:
        """Return a list of objects, or an empty list if there is none."""
        return self.read(name, objects) or []

    def has_problem(self, *names: str) -> bool:
        """Return whether one of these members has broken a rule."""
        return any(problem.field in names for problem in self.problems)

    def check(self) -> None:
        """Raise an error with every broken rule, if there is one.

        Raises:
            InvalidRequest: at least one rule is broken; the error carries all of them.

        """
        if self.problems:
            raise InvalidRequest(*self.problems)


def _invalid_body(message: str) -> InvalidRequest:
    return InvalidRequest(Problem("body", "invalid_request", message + "."))


def _unique_members(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise ValueError(f"a member stands twice: {name!a}")
        members[name] = value
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
