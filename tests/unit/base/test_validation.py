"""What comes from outside is read strictly: JSON, ids, times and members."""

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.support import broken_rules
from threads.base.errors import InvalidRequest
from threads.base.validation import Fields, as_json_time, is_document_id, is_threads_id, parse_object

TEXTS = st.text(max_size=8)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.none() | st.booleans() | NUMBERS | TEXTS
OBJECTS = st.dictionaries(
    TEXTS, VALUES | st.lists(VALUES | st.lists(VALUES, max_size=2), max_size=3), max_size=4
)

# --- JSON ---------------------------------------------------------------------------------------------------

REFUSED_BODIES = {
    "empty": b"",
    "no object": b"[1]",
    "a text": b'"text"',
    "null": b"null",
    "cut short": b'{"text": "hel',
    "something after": b"{} {}",
    "nested lists": b"[" * 100_000,
    "nested objects": b'{"a":' * 100_000,
    "nested and closed": b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "half a pair": rb'{"text": "\ud800"}',
    "half a pair in a name": rb'{"\udfff": 1}',
    "half a pair, deep": rb'{"a": [{"b": "x\ud83d"}]}',
    "half a pair in UTF-8": b'{"text": "\xed\xa0\x80"}',
    "not UTF-8": b'{"text": "\xff"}',
    "overlong UTF-8": b'{"text": "\xc0\xaf"}',
    "doubled member": b'{"a": 1, "a": 1}',
    "doubled member, deep": b'{"a": {"b": 1, "b": 2}}',
    "doubled by an escape": rb'{"a": 1, "\u0061": 2}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "a number beyond all": b'{"a": 1e999}',
    "5,000 digits": b'{"a": ' + b"9" * 5000 + b"}",
    "single quotes": b"{'a': 1}",
    "trailing comma": b'{"a": 1,}',
    "raw newline": b'{"a": "x\ny"}',
}


@pytest.mark.parametrize("raw", REFUSED_BODIES.values(), ids=REFUSED_BODIES)
def test_an_unclear_body_is_refused(raw: bytes) -> None:
    """A body that is no object, or that two readers could read differently, is a 400."""
    with pytest.raises(InvalidRequest) as refusal:
        parse_object(raw)
    assert broken_rules(refusal.value) == {("body", "invalid_request")}


@pytest.mark.parametrize("raw", [rb'{"\ud800": 1, "\ud800": 2}', rb'{"x\udfff": 1, "x\udfff": 2}'])
def test_a_refusal_can_be_answered(raw: bytes) -> None:
    """The text of a refusal goes out in UTF-8, whatever the body was made of."""
    with pytest.raises(InvalidRequest) as refusal:
        parse_object(raw)
    assert json.dumps(refusal.value.as_json(), ensure_ascii=False).encode()


@given(st.binary())
@example(b"\xef\xbb\xbf{}")
@example(b"{\x00}\x00")
@example(b"-")
def test_any_bytes_are_an_object_or_a_400(raw: bytes) -> None:
    """No bytes lead to anything but an object or InvalidRequest."""
    try:
        assert isinstance(parse_object(raw), dict)
    except InvalidRequest as refusal:
        assert refusal.problems  # noqa: PT017 - either outcome is fine


@given(OBJECTS)
def test_any_sound_object_is_read(value: dict[str, Any]) -> None:
    """What a JSON writer wrote is read as it was."""
    assert parse_object(json.dumps(value).encode()) == value
    assert parse_object(json.dumps(value, ensure_ascii=False).encode()) == value


def test_numbers_keep_every_digit() -> None:
    """An id written as a bare number beyond 2^53 does not lose its end."""
    assert parse_object(b'{"id": 17841405793187218}') == {"id": 17841405793187218}


# --- ids ----------------------------------------------------------------------------------------------------

IDS = {
    "17841405793187218": (True, True),
    "0": (True, True),
    "1" * 33: (False, True),
    "": (False, False),
    "17841405793187218\n": (False, False),
    "١٢٣": (False, True),
    "-1": (False, True),
    "1e5": (False, True),
    "me": (False, True),
    "a/b": (False, False),
    "/": (False, False),
    ".": (False, False),
    "..": (False, False),
    "...": (False, True),
    "../x": (False, False),
    "__": (False, True),
    "____": (False, False),
    "__name__": (False, False),
    "__a\nb__": (False, False),
    "a\x00b": (False, False),
    "a\ud800": (False, False),
    "a\u2028b": (False, False),
    "é" * 750: (False, True),
    "é" * 751: (False, False),
    "a" * 1501: (False, False),
}


@pytest.mark.parametrize(("text", "expected"), IDS.items(), ids=map(ascii, IDS))
def test_ids_are_what_they_seem(text: str, expected: tuple[bool, bool]) -> None:
    """A Threads id is digits; a document id is one segment of a path that Firestore accepts."""
    assert (is_threads_id(text), is_document_id(text)) == expected


@given(st.text())
def test_a_document_id_is_one_segment(text: str) -> None:
    """No accepted id has a slash, is a relative step, or fails to encode."""
    if is_document_id(text):
        assert "/" not in text
        assert text not in {".", ".."}
        assert 0 < len(text.encode()) <= 1500


def test_times_are_utc_to_the_second() -> None:
    """A moment is answered in UTC with a Z, whatever zone it is held in."""
    moment = datetime(2026, 1, 2, 1, 4, 5, 678901, tzinfo=timezone(timedelta(hours=2)))
    assert as_json_time(moment) == "2026-01-01T23:04:05Z"
    assert as_json_time(datetime(2026, 1, 1, tzinfo=UTC)) == "2026-01-01T00:00:00Z"


# --- members ------------------------------------------------------------------------------------------------


def test_fields_collect_all_problems() -> None:
    """Every broken rule of a request is told at once, each under its field's name."""
    fields = Fields(
        {"a": 1, "b": "x" * 5, "c": [1], "d": "text", "e": {}, "unknown": 1, "other": 2},
        known=("a", "b", "c", "d", "e"),
    )
    fields.text("a", limit=3)
    fields.text("b", limit=3)
    fields.texts("c", limit=3)
    fields.object("d")
    fields.objects("e")
    with pytest.raises(InvalidRequest) as refusal:
        fields.check()
    assert broken_rules(refusal.value) == {
        *((name, "invalid_request") for name in ("a", "b", "c[0]", "d", "e")),
        ("unknown", "unknown_field"),
        ("other", "unknown_field"),
    }
    assert refusal.value.code == "invalid_request"
    assert len(refusal.value.as_json()["details"]) == 7


def test_a_single_problem_names_the_error() -> None:
    """One broken rule gives the whole answer its code."""
    fields = Fields({"x": 1}, known=())
    with pytest.raises(InvalidRequest) as refusal:
        fields.check()
    assert refusal.value.as_json()["code"] == "unknown_field"
    assert "x" in refusal.value.message


SOUND_MEMBERS: list[tuple[str, Any, Any]] = [
    ("text", None, None),
    ("text", "", None),
    ("text", "abc", "abc"),
    ("texts", None, []),
    ("texts", "", []),
    ("texts", "a", ["a"]),
    ("texts", ["a", "b"], ["a", "b"]),
    ("object", None, {}),
    ("object", {"a": 1}, {"a": 1}),
    ("objects", None, []),
    ("objects", [{"a": 1}, {}], [{"a": 1}, {}]),
]
WRONG: dict[str, list[Any]] = {
    "text": [0, False, [], {}, 1.5, ["a"], "abcd"],
    "texts": [0, False, {}, [1], [""], [None], ["abcd"], "abcd", [["a"]]],
    "object": [0, False, [], ""],
    "objects": [0, {}, "", [1], [[]], [None]],
}
WRONG_MEMBERS = [(kind, value) for kind, values in WRONG.items() for value in values]


def read(kind: str, fields: Fields) -> object:
    """Read the member ``x`` as this kind of value."""
    limit = {"limit": 3} if kind.startswith("text") else {}
    return getattr(fields, kind)("x", **limit)


@pytest.mark.parametrize(("kind", "given_value", "expected"), SOUND_MEMBERS)
def test_sound_members_are_returned(kind: str, given_value: object, expected: object) -> None:
    """A member of its kind is returned; an absent and a null one mean the same."""
    fields = Fields({"x": given_value})
    assert read(kind, fields) == expected
    assert read(kind, Fields({})) == (None if kind == "text" else type(expected)())
    fields.check()


@pytest.mark.parametrize(("kind", "given_value"), WRONG_MEMBERS)
def test_members_of_another_kind_are_problems(kind: str, given_value: object) -> None:
    """A member of another kind is never converted, only complained of."""
    fields = Fields({"x": given_value})
    assert not read(kind, fields)
    assert [problem.field.removesuffix("[0]") for problem in fields.problems] == ["x"]
