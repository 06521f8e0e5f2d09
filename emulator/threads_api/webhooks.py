"""Webhooks: Threads tells an app that a post was published, deleted or replied to, or mentions its user.

``publish`` and ``mentions`` have the topic interaction, ``replies`` and ``delete`` the topic moderate. An app
gets those that it is subscribed to (``App.webhook_fields``). ``sender`` sends them; no HTTP here.

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
from emulator.threads_api.delivery import Kind
from emulator.threads_api.discovery import mentioned_in
from emulator.threads_api.fields import View, graph_time, read_fields
from emulator.threads_api.media_fields import MEDIA_FIELDS
from emulator.threads_api.replies import root_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.threads_api.delivery import Delivery
    from emulator.threads_api.model import Account, App, Post
    from emulator.threads_api.world import World

#: Meta, "Webhooks for Threads > Webhook topics".
_TOPICS = {
    Kind.PUBLISH: "interaction",
    Kind.MENTIONS: "interaction",
    Kind.REPLIES: "moderate",
    Kind.DELETE: "moderate",
}
#: The same table, "Required permissions". ``threads_basic`` is always needed.
_SCOPES = {
    Kind.PUBLISH: scopes.BASIC,
    Kind.MENTIONS: scopes.MENTIONS,
    Kind.REPLIES: scopes.READ_REPLIES,
    Kind.DELETE: scopes.DELETE,
}
_PUBLISH_FIELDS = ("id", "media_type", "permalink", "timestamp", "username")
_REPLY_FIELDS = (
    *(
        "id",
        "username",
        "text",
        "media_type",
        "permalink",
        "replied_to",
        "root_post",
        "shortcode",
        "timestamp",
    ),
    *("is_verified", "profile_picture_url"),
)
_MENTION_FIELDS = (
    *(
        "id",
        "alt_text",
        "gif_url",
        "is_quote_post",
        "media_product_type",
        "media_type",
        "permalink",
        "shortcode",
    ),
    *("text", "timestamp", "username", "media_url", "poll_attachment", "quoted_post", "is_verified"),
    *("profile_picture_url", "thumbnail_url"),
)
#: Needs ``threads_read_replies``: "Without this permission, these fields will be removed".
_REPLY_FIELDS_OF_MENTIONS = ("has_replies", "is_reply", "replied_to", "root_post")
_CHALLENGE_DIGITS = 10**10


def published(world: World, post: Post) -> None:
    """Send the webhooks about a new post: to its author, to those whom it answers, and whom it mentions."""
    author = world.accounts[post.account_id]
    # The target is not documented. In Meta's sample it is not the post.
    _notify(world, Kind.PUBLISH, author, author.id, _shown(world, post, _PUBLISH_FIELDS))
    if post.approval is None:
        replied(world, post)
    for account in mentioned_in(world, post):
        _notify(world, Kind.MENTIONS, account, account.id, _mention(world, post, account))


def replied(world: World, post: Post) -> None:
    """Send the webhook ``replies`` to the owners of what a post replies to.

    That its own author does not get it is unverified.
    """
    if not post.is_reply:
        return
    root, parent = root_of(world, post), world.every_post[post.content["reply_to_id"]]
    value = _shown(world, post, _REPLY_FIELDS)
    root_owner = world.everybody[root.account_id]
    value["root_post"] = {"id": root.id, "owner_id": root.account_id, "username": root_owner.username}
    for account_id in dict.fromkeys((root.account_id, parent.account_id)):
        if account_id != post.account_id and account_id in world.accounts:
            _notify(world, Kind.REPLIES, world.accounts[account_id], post.id, value)


def _shown(world: World, post: Post, names: tuple[str, ...]) -> dict[str, Any]:
    """Return fields of a post."""
    return read_fields(MEDIA_FIELDS, View(world, world.url), post, ",".join(names))


def _mention(world: World, post: Post, account: Account) -> dict[str, Any]:
    may_read_replies = any(
        token.account_id == account.id and scopes.READ_REPLIES in token.scopes
        for token in world.tokens.values()
    )
    return _shown(world, post, (*_MENTION_FIELDS, *(_REPLY_FIELDS_OF_MENTIONS if may_read_replies else ())))


def deleted(world: World, post: Post) -> None:
    """Send the webhook ``delete`` to each app that has the permission."""
    author = world.accounts[post.account_id]
    value = {
        "id": post.id,
        "owner": {"owner_id": post.account_id},
        "deleted_at": graph_time(world.now()),
        "timestamp": graph_time(post.published_at),
        "username": author.username,
    }
    _notify(world, Kind.DELETE, author, post.id, value)


def _notify(world: World, kind: Kind, account: Account, target_id: str, value: dict[str, Any]) -> None:
    """Send a webhook about an account to each app that is subscribed and has the permission."""
    if not world.settings.webhooks:
        return
    change: Any = {"value": value, "field": str(kind)}
    for app, url in _subscribers(world, account, kind):
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


def _subscribers(world: World, account: Account, kind: Kind) -> Iterator[tuple[App, str]]:
    """Yield the subscribed apps that have a working token of this account with the permission."""
    now, scope = world.now(), _SCOPES[kind]
    for app in world.apps.values():
        if (
            app.webhook_url
            and kind in app.webhook_fields
            and any(
                (token.app_id, token.account_id) == (app.id, account.id)
                and token.works(now)
                and {scope, scopes.BASIC} <= set(token.scopes)
                for token in world.tokens.values()
            )
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
