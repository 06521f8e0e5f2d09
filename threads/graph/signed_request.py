"""What Meta sends when a user removes the app, or asks for the deletion of their data, as a value.

A ``signed_request`` is ``base64url(signature).base64url(payload)`` without padding. The signature is the HMAC
of the *encoded* payload, with the app's secret. Its age is not limited, because Meta does not say how
late it may come. A repeated request is harmless: it concerns only what was connected before it was issued
(``connections.deletion`` compares the times).

Source: https://developers.facebook.com/docs/development/create-an-app/app-dashboard/data-deletion-callback
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from threads.base.errors import InvalidRequest, InvalidSignature
from threads.base.secret import Secret
from threads.base.validation import is_threads_id, parse_object

ALGORITHM = "HMAC-SHA256"

END_OF_TIME = datetime(2100, 1, 1, tzinfo=UTC)
"""A request is not issued later than this. ``datetime`` cannot hold a year with five digits."""

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)


class SignedRequest(NamedTuple):
    """Whom a request is about, and when Meta issued it."""

    user_id: str
    """The Threads user's id."""
    issued_at: datetime
    """In whole seconds, by Meta's clock."""
    code: str
    """The name of this request. The same request, sent again, has the same name. It is letters and digits, as
    Meta requires of a confirmation code. It cannot be guessed without the request."""


def read_signed_request(unverified: str, secrets: Iterable[Secret]) -> SignedRequest:
    """Return what a signed request says.

    Raises:
        InvalidSignature: the request was signed with none of the secrets, or its payload is not usable. The
            error does not tell which, because that would only help a forger.

    """
    signature, dot, payload = unverified.partition(".")
    if not dot or not _BASE64URL.fullmatch(payload) or not _is_signature(signature, payload, secrets):
        raise InvalidSignature
    try:
        said = parse_object(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        user_id, issued_at = _user_id(said), datetime.fromtimestamp(_seconds(said), UTC)
    except (InvalidRequest, binascii.Error, ValueError):
        raise InvalidSignature from None
    if said.get("algorithm") != ALGORITHM:
        raise InvalidSignature
    return SignedRequest(user_id, issued_at, hashlib.sha256(unverified.encode()).hexdigest()[:32])


def _is_signature(unverified: str, payload: str, secrets: Iterable[Secret]) -> bool:
    """Compare in constant time. The signature is compared encoded, so that it has only one valid form."""
    given = unverified.encode("utf-8", "surrogatepass")
    digests = (hmac.digest(secret.reveal().encode(), payload.encode(), hashlib.sha256) for secret in secrets)
    return any(hmac.compare_digest(base64.urlsafe_b64encode(it).rstrip(b"="), given) for it in digests)


def _user_id(said: Mapping[str, Any]) -> str:
    """Return the user's id, which is a text, or a number above 2^53 (Meta was seen to send both)."""
    value = said.get("user_id")
    user_id = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not is_threads_id(user_id):
        raise ValueError("no user")
    return user_id


def _seconds(said: Mapping[str, Any]) -> int:
    value = said.get("issued_at")
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < END_OF_TIME.timestamp():
        raise ValueError("no time")
    return value
