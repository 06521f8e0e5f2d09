"""What Threads has to say to apps: a line in which it waits for ``sender``, and a journal. No HTTP in here.

Whoever serves a request may wait for a delivery to end: that releases the world meanwhile, so the app may
call the API before it answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from emulator.jsonbody import Malformed
from emulator.threads_api.model import Delivery

if TYPE_CHECKING:
    from emulator.threads_api.model import Account, App, Kind
    from emulator.threads_api.world import World

#: How much of an app's answer is kept: more than any that it should give.
ANSWER_LENGTH = 2_000


def read_address(name: str, url: str | None) -> str | None:
    """Return where an app wants to be called, as it was given; empty is None. Raises Malformed."""
    if not url:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0 and url.isascii()
    except ValueError:
        usable = False
    if not usable:
        raise Malformed(f"{name} must be an absolute http or https URL")
    return url


def new_delivery(  # noqa: PLR0913 - a request has that many parts
    world: World,
    kind: Kind,
    app: App,
    url: str,
    *,
    account: Account | None = None,
    method: str = "POST",
    headers: dict[str, str] | None = None,
    body: str = "",
) -> Delivery:
    """Make a delivery and note it in the journal; nothing is sent yet."""
    account_id = account.id if account else None
    delivery = Delivery(kind, app.id, account_id, method, url, headers or {}, body, world.now())
    world.deliveries.append(delivery)
    return delivery


def put_in_line(world: World, delivery: Delivery) -> Delivery:
    """Let a delivery be sent after those that wait already."""
    world.outbox.append(delivery)
    world.mail.notify_all()
    return delivery


def wait_for(world: World, delivery: Delivery | None) -> Delivery | None:
    """Return a delivery when it has ended, or when an app has had the time for this and the one before."""
    if delivery is not None:
        world.mail.wait_for(lambda: delivery.ended, timeout=2 * world.settings.app_answer_seconds)
    return delivery


def latest(world: World, kind: Kind, app: App, account: Account) -> Delivery | None:
    """Return the last delivery of a kind about an account, or None."""
    about = (kind, app.id, account.id)
    found = (it for it in reversed(world.deliveries) if (it.kind, it.app_id, it.account_id) == about)
    return next(found, None)


def delivery_json(delivery: Delivery | None) -> dict[str, Any] | None:
    """Return a delivery as the controls show it."""
    if delivery is None:
        return None
    return {
        "kind": delivery.kind,
        "app_id": delivery.app_id,
        "account_id": delivery.account_id,
        "method": delivery.method,
        "url": delivery.url,
        "headers": delivery.headers,
        "body": delivery.body,
        "time": delivery.created_at.isoformat(),
        "status": delivery.status,
        "answer": delivery.answer,
        "error": delivery.error,
    }
