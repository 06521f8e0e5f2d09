"""The two callbacks of an account's owner: she removes an app, or asks for the deletion of her data.

Each is a form with ``signed_request``. Sources: Meta, "Threads use case > Settings" (the uninstall and the
delete callback) and "Data deletion request callback". No HTTP in here: see ``sender``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from emulator.jsonbody import Malformed
from emulator.threads_api import authorization
from emulator.threads_api.deliveries import new_delivery, put_in_line, read_address
from emulator.threads_api.model import Kind

if TYPE_CHECKING:
    from datetime import datetime

    from emulator.threads_api.model import Account, App, Delivery
    from emulator.threads_api.world import World

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Removal:
    """What came of removing an app."""

    #: How many tokens it has ended.
    tokens: int
    #: The last callback that follows from it; None when the app wants none.
    delivery: Delivery | None


def remove_app(world: World, app: App, account: Account) -> Removal:
    """End what an account has granted an app, and tell the app."""
    tokens = authorization.remove_app(world, app, account)
    return Removal(tokens, _call(world, Kind.DEAUTHORIZE, app, account, app.deauthorize_url))


def delete_data(world: World, app: App, account: Account) -> Removal:
    """Ask an app to delete what it has about an account; this removes the app, too, if it is still there.

    That the two go together is unverified: Facebook offers the second for apps that were removed.
    """
    grant = authorization.read_grant(world, app, account)
    tokens = 0 if grant is None or grant.is_removed else remove_app(world, app, account).tokens
    return Removal(tokens, _call(world, Kind.DELETE_DATA, app, account, app.delete_url))


def _call(world: World, kind: Kind, app: App, account: Account, url: str | None) -> Delivery | None:
    if url is None:
        return None
    body = urlencode({"signed_request": signed_request(app.secret, account.id, world.now())})
    return put_in_line(
        world, new_delivery(world, kind, app, url, account=account, headers=dict(_FORM), body=body)
    )


def signed_request(secret: str, account_id: str, now: datetime) -> str:
    """Return who it is about, signed: ``base64url(signature).base64url(payload)``, without padding.

    Source: Meta, "Data deletion request callback > Parsing the signed request".
    """
    payload = {"algorithm": "HMAC-SHA256", "issued_at": int(now.timestamp()), "user_id": account_id}
    encoded = _base64url(json.dumps(payload, separators=(",", ":")).encode())
    return f"{_base64url(hmac.digest(secret.encode(), encoded.encode(), hashlib.sha256))}.{encoded}"


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@dataclass(frozen=True)
class Confirmation:
    """What an app answers to a request for deletion: where to look it up, and under which code."""

    url: str
    code: str


def read_confirmation(delivery: Delivery | None) -> Confirmation | None:
    """Return what an app has answered, or None when it did not, or not as Meta wants it."""
    try:
        answer = json.loads((delivery and delivery.answer) or "")
        found = Confirmation(read_address("url", answer["url"]) or "", answer["confirmation_code"])
    except (ValueError, TypeError, KeyError, AttributeError, Malformed):
        return None
    return found if found.url and isinstance(found.code, str) else None
