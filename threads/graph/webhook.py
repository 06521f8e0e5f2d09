"""Meta's webhooks as values: the handshake, the signature, and what happened to which post.

The documentation shows one event in ``values``. A list of events was seen, too. A publish event names its
account only by its username, and has no text.

Source: https://developers.facebook.com/docs/threads/webhooks,
https://developers.facebook.com/docs/graph-api/webhooks/getting-started
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from threads.base.errors import Forbidden, InvalidSignature
from threads.base.secret import Secret
from threads.base.validation import is_threads_id, parse_object
from threads.graph import shown

PUBLISH = "publish"
DELETE = "delete"

_CHALLENGE = re.compile(r"[A-Za-z0-9_.-]{1,200}", re.ASCII)


class Event(NamedTuple):
    """Something that happened to a post."""

    field: str
    """``publish``, ``delete``, or another field that an app can subscribe to."""
    media_id: str
    username: str | None = None
    """The username of the post's account."""
    text: str | None = None
    """Not documented for a publish event. If there is a text, it must be the post's."""
    permalink: str | None = None
    published_at: datetime | None = None


def answer_challenge(given: Mapping[str, str], verify_token: Secret | None) -> str:
    """Return the answer that Meta expects when it subscribes the webhook.

    Args:
        given: the query's ``hub.mode``, ``hub.verify_token`` and ``hub.challenge``.
        verify_token: the token that Meta must send. None: every subscription is refused.

    Raises:
        Forbidden: the caller is not Meta, or does not ask for a subscription.

    """
    expected = verify_token.reveal().encode() if verify_token else None
    token = given.get("hub.verify_token", "").encode("utf-8", "surrogatepass")
    challenge = given.get("hub.challenge", "")
    if expected is None or not hmac.compare_digest(expected, token):
        raise Forbidden("This is not the webhook's verify token (WEBHOOK_VERIFY_TOKEN).")
    if given.get("hub.mode") != "subscribe" or not _CHALLENGE.fullmatch(challenge):
        raise Forbidden("This is not a subscription: hub.mode or hub.challenge is not what Meta sends.")
    return challenge


def check_signature(unverified: str | None, body: bytes, secrets: Iterable[Secret]) -> None:
    """Check Meta's signature of a body as it came: ``X-Hub-Signature-256: sha256=<hex>``.

    Meta requires no particular status for a refusal.

    Raises:
        InvalidSignature: the body was not signed with one of the secrets.

    """
    given = (unverified or "").encode("utf-8", "surrogatepass")
    digests = (hmac.new(secret.reveal().encode(), body, hashlib.sha256).hexdigest() for secret in secrets)
    if not any(hmac.compare_digest(f"sha256={digest}".encode(), given) for digest in digests):
        raise InvalidSignature


def read_events(body: bytes) -> list[Event]:
    """Return the events of a notification, without entries that are not events.

    Raises:
        InvalidRequest: the body is not a JSON object.

    """
    return [event for change in _objects(parse_object(body).get("values")) for event in _event(change)]


def _objects(value: Any) -> list[Mapping[str, Any]]:
    listed = value if isinstance(value, list) else [value]
    return [entry for entry in listed if isinstance(entry, dict)]


def _event(change: Mapping[str, Any]) -> Iterator[Event]:
    field, value = change.get("field"), change.get("value")
    if not isinstance(field, str) or not isinstance(value, dict) or not is_threads_id(str(value.get("id"))):
        return
    yield Event(
        field=field,
        media_id=str(value["id"]),
        username=shown.name(value.get("username")) or None,
        text=_text(value.get("text")),
        permalink=shown.web_address(value.get("permalink")),
        published_at=_moment(value.get("timestamp")),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _moment(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
