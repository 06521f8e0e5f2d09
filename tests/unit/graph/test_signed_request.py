"""What Meta signs when a person removes the app, and everything that only looks like it."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from threads.base.errors import InvalidSignature
from threads.base.secret import Secret
from threads.graph.signed_request import read_signed_request

SECRET = "0123456789abcdef0123456789abcdef"
SAMPLE = (
    "GMVHOD79J1g7xutIB9E9M5XatUZKsZOD2U4cISyiSZc."
    "eyJhbGdvcml0aG0iOiJITUFDLVNIQTI1NiIsImlzc3VlZF9hdCI6MTcwMDAwMDAwMCwidXNlcl9pZCI6IjE3ODQxNDAwMDAwMDAwMDAwIn0"
)
SAID = {"algorithm": "HMAC-SHA256", "issued_at": 1700000000, "user_id": "17841400000000000"}


def encoded(raw: bytes) -> str:
    """Return base64url without padding."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def sign(payload: str, secret: str = SECRET, *, over: bytes | None = None) -> str:
    """Sign a payload that is encoded already, or something else in its name."""
    digest = hmac.digest(secret.encode(), over if over is not None else payload.encode(), "sha256")
    return f"{encoded(digest)}.{payload}"


def saying(said: Any) -> str:
    """Sign an object."""
    return sign(encoded(json.dumps(said).encode()))


def test_the_documented_example_is_understood() -> None:
    """A request that was signed with the app's secret says whom it is about, and since when."""
    signed = read_signed_request(SAMPLE, [Secret(SECRET)])
    assert signed.user_id == "17841400000000000"
    assert signed.issued_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_a_request_has_a_code_of_its_own() -> None:
    """The same request has the same code, letters and digits; another one has another."""
    code = read_signed_request(SAMPLE, [Secret(SECRET)]).code
    assert code == read_signed_request(SAMPLE, [Secret(SECRET)]).code
    assert code.isalnum()
    assert len(code) == 32
    assert code != read_signed_request(saying(SAID | {"issued_at": 1700000001}), [Secret(SECRET)]).code


@pytest.mark.parametrize("user_id", ["17841405793187218", 17841405793187218])
def test_an_id_keeps_its_digits(user_id: object) -> None:
    """An id is a text or a bare number beyond 2^53; no digit of it is lost."""
    assert (
        read_signed_request(saying(SAID | {"user_id": user_id}), [Secret(SECRET)]).user_id
        == "17841405793187218"
    )


def test_more_than_is_needed_may_be_said() -> None:
    """Undocumented members do no harm."""
    assert read_signed_request(saying(SAID | {"expires": 0, "user": {}}), [Secret(SECRET)]).user_id


SIGNATURE, PAYLOAD = SAMPLE.split(".")
HEX = hmac.new(SECRET.encode(), PAYLOAD.encode(), hashlib.sha256).hexdigest()
RAW = json.dumps(SAID).encode()
STANDARD = base64.b64encode(json.dumps(SAID | {"x": "~~~???"}).encode()).rstrip(b"=").decode()

FORGED = {
    "nothing": "",
    "a dot": ".",
    "no dot": SIGNATURE + PAYLOAD,
    "two dots": f"{SAMPLE}.{PAYLOAD}",
    "a dot in front": f".{SAMPLE}",
    "no signature": f".{PAYLOAD}",
    "no payload": f"{SIGNATURE}.",
    "signed nothing": sign(""),
    "another secret": sign(PAYLOAD, "f" * 32),
    "an empty secret": sign(PAYLOAD, " "),
    "a padded signature": f"{SIGNATURE}=.{PAYLOAD}",
    "a padded payload": sign(base64.urlsafe_b64encode(RAW + b" ").decode()),
    "the standard alphabet": sign(STANDARD),
    "a signature in the standard alphabet": f"{SIGNATURE[:-2]}+/.{PAYLOAD}",
    "another last bit": f"{SIGNATURE[:-1]}d.{PAYLOAD}",
    "a signature in hex": f"{HEX}.{PAYLOAD}",
    "tampered": f"{SIGNATURE}.{encoded(json.dumps(SAID | {'user_id': '1'}).encode())}",
    "signed as decoded": sign(PAYLOAD, over=base64.urlsafe_b64decode(PAYLOAD + "==")),
    "signed with its signature": sign(PAYLOAD, over=SAMPLE.encode()),
    "another algorithm": saying(SAID | {"algorithm": "HMAC-SHA1"}),
    "no algorithm at all": saying({name: SAID[name] for name in ("issued_at", "user_id")}),
    "algorithm none": saying(SAID | {"algorithm": "none"}),
    "not JSON": sign(encoded(b"user_id=1")),
    "not UTF-8": sign(encoded(b'{"user_id": "\xff"}')),
    "not base64": sign("A"),
    "a list": saying([SAID]),
    "no user": saying({name: SAID[name] for name in ("issued_at", "algorithm")}),
    "null for a user": saying(SAID | {"user_id": None}),
    "an empty user": saying(SAID | {"user_id": ""}),
    "a user that is true": saying(SAID | {"user_id": True}),
    "a negative user": saying(SAID | {"user_id": -1}),
    "a user with a point": saying(SAID | {"user_id": 1.5}),
    "a user with a path": saying(SAID | {"user_id": "1/../2"}),
    "a user in other digits": saying(SAID | {"user_id": "١٢٣"}),
    "a user within an object": saying(SAID | {"user_id": {"id": "1"}}),
    "half a character": sign(
        encoded(b'{"algorithm":"HMAC-SHA256","issued_at":1,"user_id":"1","x":"\\ud800"}')
    ),
    "a member twice": sign(encoded(b'{"user_id":"2",' + RAW[1:])),
    "nested without end": sign(encoded(b'{"x":' + b"[" * 30_000)),
    "digits without end": sign(
        encoded(b'{"algorithm":"HMAC-SHA256","issued_at":1,"user_id":' + b"9" * 5000 + b"}")
    ),
    "huge": sign("A" * 60_000),
    "no time": saying({name: SAID[name] for name in ("user_id", "algorithm")}),
    "a time that is a text": saying(SAID | {"issued_at": "1700000000"}),
    "a time that is true": saying(SAID | {"issued_at": True}),
    "a time beyond all": saying(SAID | {"issued_at": 10**30}),
    "a time before all": saying(SAID | {"issued_at": -(10**14)}),
    "a time before there were computers": saying(SAID | {"issued_at": -1}),
    "the last second of all": saying(SAID | {"issued_at": 253402300799}),
    "the next century": saying(SAID | {"issued_at": 4102444800}),
    "letters of other scripts": SAMPLE.replace("e", "е"),  # noqa: RUF001 - that is the point
    "a surrogate": f"\ud800.{PAYLOAD}",
    "a line break": f"{SAMPLE}\n",
}


def test_either_apps_secret_signs_a_request() -> None:
    """Meta does not say which of its two apps' secrets signs, so that both may be known."""
    signed = read_signed_request(SAMPLE, [Secret("of the other app"), Secret(SECRET)])
    assert signed == read_signed_request(SAMPLE, [Secret(SECRET)])
    with pytest.raises(InvalidSignature):
        read_signed_request(SAMPLE, [])


@pytest.mark.parametrize("unverified", FORGED.values(), ids=FORGED)
def test_everything_else_is_refused_in_the_same_words(unverified: str) -> None:
    """Every refusal reads the same, and does not tell what was wrong with the request."""
    with pytest.raises(InvalidSignature) as refusal:
        read_signed_request(unverified, [Secret(SECRET)])
    assert refusal.value.message == InvalidSignature().message
    assert refusal.value.__cause__ is None
    assert refusal.value.__suppress_context__ or refusal.value.__context__ is None
