"""Webhooks: Threads tells an app that a post was published or deleted, by the app or by its author.

Two are emulated: ``publish`` (topic interaction) and ``delete`` (topic moderate). ``sender`` sends them; no
HTTP here.

Source: Meta, "Webhooks for Threads"; for subscription and signature "Graph API > Webhooks > Getting started".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

from emulator.threads_api import scopes
from emulator.threads_api.deliveries import enqueue, new_delivery
from emulator.threads_api.fields import MEDIA_FIELDS, View, graph_time
from emulator.threads_api.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.threads_api.model import Account, App, Delivery, Post
    from emulator.threads_api.world import World

#: Meta, "Webhooks for Threads > Webhook topics".
_TOPICS = {Kind.PUBLISH: "interaction", Kind.DELETE: "moderate"}
#: The same table, "Required permissions". ``threads_basic`` is always needed.
_SCOPES = {Kind.PUBLISH: scopes.BASIC, Kind.DELETE: scopes.DELETE}
_CHALLENGE_DIGITS = 10**10


def published(world: World, post: Post) -> None:
    """Send the webhook ``publish`` to each app that has the permission."""
    view = View(world, world.url)
    value = {
        name: MEDIA_FIELDS[name](view, post)
        for name in ("id", "media_type", "permalink", "timestamp", "username")
    }
    # The target is not documented. In Meta's sample it is not the post.
    _notify(world, Kind.PUBLISH, post, post.account_id, value)


def deleted(world: World, post: Post) -> None:
    """Send the webhook ``delete`` to each app that has the permission."""
    view = View(world, world.url)
    value = {
        "id": post.id,
        "owner": {"owner_id": post.account_id},
        "deleted_at": graph_time(world.now()),
        "timestamp": graph_time(post.published_at),
        "username": MEDIA_FIELDS["username"](view, post),
    }
    _notify(world, Kind.DELETE, post, post.id, value)


def _notify(world: World, kind: Kind, post: Post, target_id: str, value: dict[str, Any]) -> None:
    if not world.settings.webhooks:
        return
    account = world.accounts[post.account_id]
    change: Any = {"value": value, "field": str(kind)}
    for app, url in _subscribers(world, account, _SCOPES[kind]):
        body = _written(
            {
                "app_id": app.id,
                "topic": _TOPICS[kind],
                "target_id": target_id,
                "time": int(world.now().timestamp()),
                "subscription_id": f"{app.id}001",
                "has_uid_field": False,
                "values": [change] if world.settings.webhook_values_listed else change,
            }
        )
        headers = {"Content-Type": "application/json", "X-Hub-Signature-256": signature(app.secret, body)}
        enqueue(world, new_delivery(world, kind, app, url, account=account, headers=headers, body=body))


def _subscribers(world: World, account: Account, scope: str) -> Iterator[tuple[App, str]]:
    """Yield the apps that have a webhook address and a working token of this account with the permission."""
    now = world.now()
    for app in world.apps.values():
        if app.webhook_url and any(
            (token.app_id, token.account_id) == (app.id, account.id)
            and token.works(now)
            and {scope, scopes.BASIC} <= set(token.scopes)
            for token in world.tokens.values()
        ):
            yield app, app.webhook_url


def _written(payload: dict[str, Any]) -> str:
    r"""Write JSON as Meta does, ``\u00e9`` for é and ``\/`` for a slash: the signature covers these bytes."""
    return json.dumps(payload, separators=(",", ":")).replace("/", "\\/")


def signature(secret: str, body: str) -> str:
    """Return the header ``X-Hub-Signature-256`` for a body."""
    return f"sha256={hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()}"


# ---- the subscription


def subscription(world: World, app: App, url: str) -> Delivery:
    """Make the request that asks an app to confirm its webhook address. The address keeps its query."""
    challenge = str(secrets.randbelow(_CHALLENGE_DIGITS))
    asked = {
        "hub.mode": "subscribe",
        "hub.challenge": challenge,
        "hub.verify_token": app.webhook_verify_token,
    }
    parts = urlsplit(url)
    query = "&".join(filter(None, (parts.query, urlencode(asked))))
    return new_delivery(world, Kind.SUBSCRIBE, app, urlunsplit(parts._replace(query=query)), method="GET")


def is_confirmed(subscribing: Delivery) -> bool:
    """Return whether the app answered with the challenge and nothing else."""
    [challenge] = parse_qs(urlsplit(subscribing.url).query)["hub.challenge"]
    return subscribing.status == HTTPStatus.OK and subscribing.answer == challenge


def missing_subscription(world: World, delivery: Delivery) -> Delivery | None:
    """Return the subscription that the app must confirm before this delivery is sent, or None.

    Meta asks once, when the address is entered in the App Dashboard. Here the app may not run yet at that
    moment, so the emulator asks before the first webhook, and again before the next one if the app refused.
    """
    app = world.apps.get(delivery.app_id)
    if app is None or delivery.kind not in _TOPICS or (app.id, delivery.url) in world.subscriptions:
        return None
    return subscription(world, app, delivery.url)
