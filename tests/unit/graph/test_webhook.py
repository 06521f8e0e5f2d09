"""Meta's webhooks as values: the handshake, the signature, the events."""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from threads.base.errors import Forbidden, InvalidRequest, InvalidSignature
from threads.base.secret import Secret
from threads.graph.shown import MAX_NAME
from threads.graph.webhook import Event, answer_challenge, check_signature, read_events

SECRET = "0123456789abcdef0123456789abcdef"
VERIFY = Secret("meatyhamhock")
ASKED = {"hub.mode": "subscribe", "hub.verify_token": "meatyhamhock", "hub.challenge": "1158201444"}
PUBLISHED = {
    "id": "8901234",
    "media_type": "TEXT_POST",
    "permalink": "https://www.threads.net/@test_username/post/Pp",
    "timestamp": "2024-08-07T10:33:16+0000",
    "username": "test_username",
}


def notification(values: Any) -> bytes:
    """Return a notification as Meta writes it."""
    envelope = {"app_id": "123456", "topic": "interaction", "target_id": "78901", "time": 1723226877}
    return json.dumps({**envelope, "values": values}).replace("/", "\\/").encode()


def test_a_subscription_is_confirmed() -> None:
    """A caller that knows the verify token gets the challenge back."""
    assert answer_challenge(ASKED, VERIFY) == "1158201444"


STRANGERS: list[dict[str, str]] = [
    {"hub.verify_token": "meatyhamhoc"},
    {"hub.verify_token": ""},
    {"hub.verify_token": "\ud800"},
    {"hub.mode": "unsubscribe"},
    {"hub.challenge": ""},
    {"hub.challenge": "<script>alert(1)</script>"},
    {"hub.challenge": "1\r\nX-Header: 1"},
    {"hub.challenge": "1" * 300},
    {"hub.challenge": "é"},
]


@pytest.mark.parametrize("changed", STRANGERS, ids=range(len(STRANGERS)))
def test_a_stranger_is_not_answered(changed: dict[str, str]) -> None:
    """Without the verify token, or with a challenge that is no plain token, nothing is said back."""
    with pytest.raises(Forbidden):
        answer_challenge(ASKED | changed, VERIFY)


@pytest.mark.parametrize("asked", [ASKED, ASKED | {"hub.verify_token": ""}, {}])
def test_without_a_verify_token_no_subscription_is_confirmed(asked: dict[str, str]) -> None:
    """Where none is configured every handshake is refused, an empty token too."""
    with pytest.raises(Forbidden):
        answer_challenge(asked, None)


def signature(body: bytes, secret: str = SECRET) -> str:
    """Return the header."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def test_a_signed_body_passes() -> None:
    """The signature is of the bytes as they came, escaped or not."""
    for body in (notification({}), '{"text": "é"}'.encode(), b""):
        check_signature(signature(body), body, [Secret(SECRET)])


def test_either_apps_secret_signs_a_body() -> None:
    """Meta does not say which of its two apps' secrets signs, so that both may be known."""
    check_signature(signature(BODY), BODY, [Secret("of the other app"), Secret(SECRET)])
    with pytest.raises(InvalidSignature):
        check_signature(signature(BODY), BODY, [])


BODY = notification({"value": PUBLISHED, "field": "publish"})
FORGED: dict[str, str | None] = {
    "none": None,
    "empty": "",
    "no digest": "sha256=",
    "no prefix": signature(BODY).removeprefix("sha256="),
    "SHA-1": f"sha1={hmac.new(SECRET.encode(), BODY, hashlib.sha1).hexdigest()}",
    "another secret": signature(BODY, "f" * 32),
    "another body": signature(BODY + b" "),
    "the object written again": signature(json.dumps(json.loads(BODY)).encode()),
    "capitals": signature(BODY).upper(),
    "a blank": signature(BODY) + " ",
    "cut": signature(BODY)[:-1],
    "not ASCII": signature(BODY)[:-1] + "é",
    "a surrogate": "sha256=\ud800",
}


@pytest.mark.parametrize("unverified", FORGED.values(), ids=FORGED)
def test_an_unsigned_body_does_not_pass(unverified: str | None) -> None:
    """Nothing is read that Meta has not signed."""
    with pytest.raises(InvalidSignature):
        check_signature(unverified, BODY, [Secret(SECRET)])


@pytest.mark.parametrize(
    "values", [{"value": PUBLISHED, "field": "publish"}, [{"value": PUBLISHED, "field": "publish"}]]
)
def test_an_event_is_read(values: Any) -> None:
    """The documented event is read, alone or as a list of one."""
    assert read_events(notification(values)) == [
        Event(
            field="publish",
            media_id="8901234",
            username="test_username",
            permalink="https://www.threads.net/@test_username/post/Pp",
            published_at=datetime(2024, 8, 7, 10, 33, 16, tzinfo=UTC),
        )
    ]


def test_a_name_is_bounded_where_it_comes_in() -> None:
    """Firestore refuses to search for a text of 100 KB: every repetition by Meta would fail anew."""
    [event] = read_events(
        notification({"value": PUBLISHED | {"username": "a" * 100_000}, "field": "publish"})
    )
    assert event.username == "a" * MAX_NAME


def test_several_events_are_read() -> None:
    """A list is read to its end, past what is no event."""
    values = [{"value": {"id": number}, "field": "delete"} for number in ("1", 2, "x", "3")]
    assert [event.media_id for event in read_events(notification([None, *values, 7]))] == ["1", "2", "3"]


ODD: list[dict[str, Any]] = [
    {"permalink": "javascript:alert(1)"},
    {"permalink": 7},
    {"permalink": "https://" + "p" * 900_000},
    {"timestamp": "yesterday"},
    {"timestamp": 1723226877},
    {"timestamp": "0001-01-01T00:00:00+2359"},
    {"username": ["a"]},
    {"text": {"a": 1}},
]


@pytest.mark.parametrize("odd", ODD, ids=range(len(ODD)))
def test_what_is_odd_about_an_event_is_left_out(odd: dict[str, Any]) -> None:
    """A member that is not what it should be counts as absent, and the event stays."""
    [event] = read_events(notification({"value": PUBLISHED | odd, "field": "publish"}))
    names = {"timestamp": "published_at"}
    assert [getattr(event, names.get(name, name)) for name in odd] == [None]


NO_EVENTS: list[Any] = [
    None,
    [],
    {},
    "publish",
    7,
    {"field": "publish"},
    {"value": PUBLISHED},
    {"field": 1, "value": PUBLISHED},
    {"field": "publish", "value": []},
    {"field": "publish", "value": {"id": None}},
    {"field": "publish", "value": {"id": "1/2"}},
    {"field": "publish", "value": {"id": True}},
    [[{"field": "publish", "value": PUBLISHED}]],
]


@pytest.mark.parametrize("values", NO_EVENTS, ids=range(len(NO_EVENTS)))
def test_what_is_no_event_is_no_event(values: Any) -> None:
    """A notification of an undocumented form has no events, and is not an error."""
    assert read_events(notification(values)) == []


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"values": "\\ud800"}', b"[" * 30_000, b"\xff"])
def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    """What is not even JSON is a mistake of the sender's, signed or not."""
    with pytest.raises(InvalidRequest):
        read_events(body)
