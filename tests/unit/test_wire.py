"""What comes from outside is read strictly, and secrets do not get out."""

import json
import time
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.support import TOKEN, broken_rules
from threads.errors import InvalidRequest
from threads.wire import Fields, Secret, as_json_time, is_document_id, is_threads_id, parse_object, redacted

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


# --- secrets ------------------------------------------------------------------------------------------------


def test_a_secret_never_shows() -> None:
    """No way of making a text out of a secret, or of what holds it, gives it away."""
    secret = Secret(TOKEN)
    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>40}",
        "{}".format(secret),  # noqa: UP032 - the way is the point
        "%s %r" % (secret, secret),  # noqa: UP031 - the way is the point
        format(secret),
        f"{[secret]} { ({'a': secret}) }",
        json.dumps({"a": secret}, default=str),
        str(ValueError(secret)),
    ]
    assert not [text for text in shown if TOKEN[:8] in text]
    assert secret.reveal() == TOKEN


HIDING = [
    f'{{"access_token": "{TOKEN}", "user_id": 1}}',
    '{"access_token":"short1"}',
    '{"client_secret" : "0123456789abcdef"}',
    "client_secret=0123456789abcdef&grant_type=x",
    "GET /access_token?grant_type=th_exchange_token&access_token=abcdef123",
    f"Authorization: Bearer {TOKEN}",
    "authorization: bearer x.y.z",
    "code=AQBx-qnnZ_#_",
    "?state=abcdefgh&code=ijklmnop",
    '{"input_token": "abcdef123"}',
    "signed_request=abcdef.ghijkl",
    f"the token {TOKEN} was refused",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJl",
    f"x|{TOKEN}|y",
    "THQW%7Cabcdefghijklmnopqrstuvwxyz0123456789",
]
PLANTED = (
    TOKEN[:12],
    "short1",
    "0123456789abcdef",
    "abcdef123",
    "x.y.z",
    "AQBx-qnnZ_",
    "abcdefgh",
    "eyJzdWIi",
)


@pytest.mark.parametrize("text", HIDING)
def test_secrets_are_hidden_in_any_dress(text: str) -> None:
    """Tokens, codes, states and secrets do not survive redaction, in whatever notation they stand."""
    shown = redacted(text)
    assert "[hidden]" in shown
    assert not [secret for secret in PLANTED if secret in shown]


READABLE = [
    "Matching code was not found or was already used",
    "The requested resource does not exist",
    "An unexpected error has occurred. Please retry your request later.",
    "Error validating access token: Session has expired on Friday, 01-Aug-25 10:00:00 PDT.",
    "(#10) Application does not have permission for this action",
    "Param text must be at most 500 characters long.",
    "FAILED_PROCESSING_VIDEO",
    "INVALID_AUDIO_CHANNEL_LAYOUT",
    "THREADS_API__LINK_LIMIT_EXCEEDED",
    '{"error":{"message":"no","type":"OAuthException","code":190,"fbtrace_id":"AbCdEf0123_x-y"}}',
    '{"error":{"code":24,"error_subcode":4279009,"is_transient":false}}',
    "Здравствуйте, это обычное предложение без секретов",
    "https://developers.facebook.com/docs/threads/posts",
]


@pytest.mark.parametrize("text", READABLE)
def test_ordinary_words_stay_readable(text: str) -> None:
    """What Threads says to people, and its words for errors, pass unchanged."""
    assert redacted(text) == text


@pytest.mark.parametrize("limit", [1, 20, 300])
@pytest.mark.parametrize("text", ["word " * 1000, "x" * 5000, "ß" * 5000])
def test_what_is_shown_is_short(text: str, limit: int) -> None:
    """An excerpt is never longer than its limit."""
    assert len(redacted(text, limit=limit)) <= limit


@given(st.integers(0, 1300), st.sampled_from([10, 60, 300]))
@example(1180, 300)
def test_a_cut_leaves_no_piece_of_a_token(before: int, limit: int) -> None:
    """A token is hidden whole wherever the excerpt ends, also when much before it was hidden as well."""
    filler = ("a" * 40 + " ") * (before // 41) + " " * (before % 41)
    assert TOKEN[:8] not in redacted(f"{filler}{TOKEN} end", limit=limit)


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
        *((name, "invalid_request") for name in "abcde"),
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
    assert [problem.field for problem in fields.problems] == ["x"]


@pytest.mark.parametrize(
    "unit", ["A", "a", "A_", "code", "code=", "bearer ", "Bearer", " ", "a.", "%", "state=x"]
)
def test_hiding_secrets_takes_time_in_proportion(unit: str) -> None:
    """However a text repeats itself, eight times as much takes about eight times as long, not sixty-four."""

    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        began = time.process_time()
        redacted(text)
        return time.process_time() - began

    assert seconds(64_000) < 24 * seconds(8_000) + 0.1
