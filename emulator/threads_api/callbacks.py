"""The two callbacks to an app: its user removes the app, or asks it to delete their data.

Each is a form with a ``signed_request``. ``sender`` sends it. No HTTP here.

Source: Meta, "Threads use case > Settings" (uninstall and delete callback), "Data deletion request callback".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from emulator.base.json_body import Malformed
from emulator.threads_api import authorization
from emulator.threads_api.deliveries import enqueue, new_delivery, read_address
from emulator.threads_api.delivery import Kind

if TYPE_CHECKING:
    from datetime import datetime

    from emulator.threads_api.delivery import Delivery
    from emulator.threads_api.model import Account, App
    from emulator.threads_api.world import World

_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Removal:
    """The effect of removing an app."""

    #: How many tokens were ended.
    tokens: int
    #: The last callback to the app; None if the app has no address for it.
    delivery: Delivery | None


def remove_app(world: World, app: App, account: Account) -> Removal:
    """End what an account has granted an app, and call the app."""
    tokens = authorization.remove_app(world, app, account)
    return Removal(tokens, _call(world, Kind.DEAUTHORIZE, app, account, app.deauthorize_url))


def delete_data(world: World, app: App, account: Account) -> Removal:
    """Ask an app to delete its data about an account. This first removes the app if it was not removed.

    That the removal comes first is unverified. Facebook offers data deletion for removed apps.
    """
    grant = authorization.read_grant(world, app, account)
    tokens = 0 if grant is None or grant.is_removed else remove_app(world, app, account).tokens
    return Removal(tokens, _call(world, Kind.DELETE_DATA, app, account, app.delete_url))


def _call(world: World, kind: Kind, app: App, account: Account, url: str | None) -> Delivery | None:
    if url is None:
        return None
    body = urlencode({"signed_request": signed_request(app.secret, account.id, world.now())})
    return enqueue(
        world, new_delivery(world, kind, app, url, account=account, headers=dict(_FORM), body=body)
    )


def signed_request(secret: str, account_id: str, now: datetime) -> str:
    """Return the signed id of an account: ``base64url(signature).base64url(payload)``, without padding.

    Source: Meta, "Data deletion request callback > Parsing the signed request".
    """
    payload = {"algorithm": "HMAC-SHA256", "issued_at": int(now.timestamp()), "user_id": account_id}
    encoded = _base64url(json.dumps(payload, separators=(",", ":")).encode())
    return f"{_base64url(hmac.digest(secret.encode(), encoded.encode(), hashlib.sha256))}.{encoded}"


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).decode().rstrip("=")


@dataclass(frozen=True)
class Confirmation:
    """An app's answer to a request for data deletion: the address of a status page, and a code."""

    url: str
    code: str


def read_confirmation(delivery: Delivery | None) -> Confirmation | None:
    """Return what an app answered; None if there is no answer, or not the one that Meta demands."""
    try:
        answer = json.loads((delivery and delivery.answer) or "")
        found = Confirmation(read_address("url", answer["url"]) or "", answer["confirmation_code"])
    except (ValueError, TypeError, KeyError, AttributeError, Malformed):
        return None
    return found if found.url and isinstance(found.code, str) else None
