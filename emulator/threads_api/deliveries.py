"""The deliveries to apps: an outbox, from which ``sender`` takes them, and a journal. No HTTP here.

A request may wait until a delivery has ended. Meanwhile the world is not locked, so that the app can call the
API before it answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from emulator.base.json_body import Malformed
from emulator.threads_api.delivery import Delivery

if TYPE_CHECKING:
    from emulator.threads_api.delivery import Kind
    from emulator.threads_api.model import Account, App
    from emulator.threads_api.world import World

#: How many characters of an app's answer are kept: more than a correct answer has.
ANSWER_LENGTH = 2_000


def read_address(name: str, url: str | None) -> str | None:
    """Return an address of an app, None if it is empty. Raises Malformed if it is not a URL."""
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
    """Make a delivery and add it to the journal. It is not sent yet."""
    account_id = account.id if account else None
    delivery = Delivery(kind, app.id, account_id, method, url, headers or {}, body, world.now())
    world.deliveries.append(delivery)
    return delivery


def enqueue(world: World, delivery: Delivery) -> Delivery:
    """Add a delivery to the end of the outbox."""
    world.outbox.append(delivery)
    world.mail.notify_all()
    return delivery


def wait_for(world: World, delivery: Delivery | None) -> Delivery | None:
    """Wait until a delivery has ended, or until there was time for this one and the one before; return it."""
    if delivery is not None:
        world.mail.wait_for(lambda: delivery.ended, timeout=2 * world.settings.app_answer_seconds)
    return delivery


def latest(world: World, kind: Kind, app: App, account: Account) -> Delivery | None:
    """Return the newest delivery of a kind about an account, or None."""
    about = (kind, app.id, account.id)
    found = (it for it in reversed(world.deliveries) if (it.kind, it.app_id, it.account_id) == about)
    return next(found, None)
