"""Reading what comes from outside: JSON, text and ids; and keeping secrets out of what goes there.

Nothing here knows what a value means; it only says whether it is one.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

from threads.errors import InvalidRequest, Problem

MAX_DOCUMENT_ID_BYTES = 1500
"""Firestore's limit for one segment of a path
(https://firebase.google.com/docs/firestore/quotas#collections_documents_and_fields)."""

_THREADS_ID = re.compile(r"[0-9]{1,32}", re.ASCII)
_RESERVED_DOCUMENT_ID = re.compile(r"\.|\.\.|__.*__", re.DOTALL)
_SECRET_PARAMETER = re.compile(
    r"(?i)(?<![a-z_])(access_token|client_secret|refresh_token|signed_request|input_token|id_token|code|state)"
    r"(\"?\s*[=:]\s*\"?)([^\"&\s,;}]{6,})"
)
_BEARER = re.compile(r"(?i)\b(bearer)\s+[^\s\"']+")
_TOKEN_LIKE = re.compile(r"(?<![A-Za-z0-9_\-|.%])(?![A-Z_]+(?![A-Za-z0-9_\-|.%]))[A-Za-z0-9_\-|.%]{32,}")
"""Except Threads' own words for errors, like THREADS_API__LINK_LIMIT_EXCEEDED. It begins only where a run of
such characters does: tried at each of them, 60,000 would take seconds."""
_HIDDEN = "[hidden]"

MAX_UNKNOWN_NAMED = 40
"""Unknown members that are named: a body has room for ten thousand."""

MAX_MOMENT = 64
"""Characters of a time."""

MAX_REDACTED = 1 << 20
"""Characters that are looked at: the cut comes after the hiding, so that no piece of a token is left over."""


@dataclass(frozen=True)
class Secret:
    """A text that never shows itself: only ``reveal()`` gives it away, and ``grep reveal`` finds where."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._value

    def __str__(self) -> str:
        """Return a placeholder, so that formatting a message by mistake leaks nothing."""
        return _HIDDEN


def redacted(text: str, *, limit: int = 300) -> str:
    """Return the beginning of ``text`` with everything hidden that is, or looks like, a secret."""
    shown = _SECRET_PARAMETER.sub(rf"\1\2{_HIDDEN}", text[:MAX_REDACTED])
    shown = _TOKEN_LIKE.sub(_HIDDEN, _BEARER.sub(rf"\1 {_HIDDEN}", shown))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def parse_object(raw: bytes) -> dict[str, Any]:
    """Read a JSON object (RFC 8259) more strictly than ``json`` does.

    Refused are: a member that stands twice, NaN and Infinity, lone surrogates (which neither Firestore nor
    UTF-8 can hold), and nesting or digits without end.

    Raises:
        InvalidRequest: it is no such object; the message says why.

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
    """Say whether a text has the form of Threads' ids: decimal digits, kept as text as they outgrow 2^53."""
    return _THREADS_ID.fullmatch(unverified) is not None


def is_document_id(unverified: str) -> bool:
    """Say whether a text can be one segment of a Firestore path, and cannot become several."""
    return (
        unverified.isprintable()
        and "/" not in unverified
        and 0 < len(unverified.encode("utf-8", "surrogatepass")) <= MAX_DOCUMENT_ID_BYTES
        and not _RESERVED_DOCUMENT_ID.fullmatch(unverified)
    )


def as_json_time(moment: datetime, *, to: str = "seconds") -> str:
    """Return a moment as the functions answer it: ISO 8601 in UTC, to the second or as exactly as asked."""
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec=to) + "Z"


class Fields:
    """The members of a request, read one by one; broken rules are collected and raised together."""

    def __init__(self, members: Mapping[str, Any], *, known: Collection[str] | None = None) -> None:
        """Take the members; with ``known`` given, every other member is a problem that names it."""
        self._members = members
        self.problems: list[Problem] = []
        unknown = [name for name in members if known is not None and name not in known]
        for name in unknown[:MAX_UNKNOWN_NAMED]:
            self.problem(redacted(name, limit=60), "unknown_field", "is not known to this function.")

    def problem(self, name: str, code: str, message: str) -> None:
        """Note a broken rule."""
        self.problems.append(Problem(name, code, message))

    def text(self, name: str, *, limit: int) -> str | None:
        """Return a text of 1 to ``limit`` characters, or None when it is absent, null or empty."""
        value = self._members.get(name)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            self.problem(name, "invalid_request", "must be a text.")
        elif len(value) > limit:
            self.problem(
                name, "invalid_request", f"has {len(value)} characters; at most {limit} are allowed."
            )
        else:
            return value
        return None

    def texts(self, name: str, *, limit: int) -> list[str]:
        """Return a list of texts; a single text counts as a list of one, absent and null as none."""
        value = self._members.get(name)
        entries = value if isinstance(value, list) else [] if value in (None, "") else [value]
        if all(isinstance(entry, str) and 0 < len(entry) <= limit for entry in entries):
            return entries
        self.problem(name, "invalid_request", f"must be a list of texts of 1 to {limit} characters.")
        return []

    def moment(self, name: str) -> datetime | None:
        """Return a moment in UTC, or None when it is absent, null or empty: ISO 8601 with a zone."""
        text = self.text(name, limit=MAX_MOMENT)
        try:
            moment = datetime.fromisoformat(text) if text else None
            if moment is None or moment.tzinfo:
                return moment and moment.astimezone(UTC)
        except (ValueError, OverflowError):
            pass
        self.problem(name, "invalid_time", 'must be a time like "2027-01-31T09:00:00+01:00", with its zone.')
        return None

    def flag(self, name: str) -> bool:
        """Return true or false, false when it is absent or null."""
        value = self._members.get(name)
        if value is not None and not isinstance(value, bool):
            self.problem(name, "invalid_request", "must be true or false.")
        return value is True

    def object(self, name: str) -> dict[str, Any]:
        """Return an object, empty when it is absent or null."""
        value = self._members.get(name)
        if value is None or isinstance(value, dict):
            return value or {}
        self.problem(name, "invalid_request", "must be an object.")
        return {}

    def objects(self, name: str) -> list[dict[str, Any]]:
        """Return a list of objects, empty when it is absent or null."""
        value = self._members.get(name)
        if value is None:
            return []
        if isinstance(value, list) and all(isinstance(entry, dict) for entry in value):
            return value
        self.problem(name, "invalid_request", "must be a list of objects.")
        return []

    def has_problem(self, *names: str) -> bool:
        """Say whether one of these members has broken a rule."""
        return any(problem.field in names for problem in self.problems)

    def check(self) -> None:
        """Raise what was noted.

        Raises:
            InvalidRequest: at least one rule is broken; it carries all of them.

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
