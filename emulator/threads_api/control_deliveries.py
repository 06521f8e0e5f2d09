"""The controls for what Threads sends to apps: what makes it do so, and what became of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, jsonify, request

from emulator.jsonbody import JsonBody, Malformed
from emulator.threads_api import callbacks, publishing
from emulator.threads_api.control_people import account_with, read_app
from emulator.threads_api.deliveries import delivery_json, wait_for
from emulator.threads_api.edge import current_world

if TYPE_CHECKING:
    from flask import Response

    from emulator.threads_api.model import App

control_deliveries = Blueprint("control_deliveries", __name__, url_prefix="/_emulator")


@control_deliveries.post("/accounts/<account_id>/deauthorize")
def deauthorize(account_id: str) -> Response:
    """Take ``{app_id?}``: the account's owner removes the app; answers when the app has.

    Her tokens end (190, subcode 458), and the app's ``deauthorize_url`` is called.
    """
    account, app = account_with(account_id), _app()
    removal = callbacks.remove_app(current_world(), app, account)
    delivery = wait_for(current_world(), removal.delivery)
    return jsonify({"ok": True, "revoked": removal.tokens, "delivery": delivery_json(delivery)})


@control_deliveries.post("/accounts/<account_id>/delete_data")
def delete_data(account_id: str) -> Response:
    """Take ``{app_id?}``: the account's owner asks for the deletion of her data; answers when the app has.

    ``url`` and ``confirmation_code`` are what the app answered, null when it did not answer so.
    """
    account, app = account_with(account_id), _app()
    removal = callbacks.delete_data(current_world(), app, account)
    delivery = wait_for(current_world(), removal.delivery)
    confirmation = callbacks.read_confirmation(delivery)
    return jsonify(
        {
            "ok": True,
            "revoked": removal.tokens,
            "delivery": delivery_json(delivery),
            "url": confirmation and confirmation.url,
            "confirmation_code": confirmation and confirmation.code,
        }
    )


@control_deliveries.delete("/posts/<post_id>")
def delete_post(post_id: str) -> Response:
    """Delete a post as its author does in Threads' own app: without a token, and without using up a quota."""
    world = current_world()
    post = world.posts.get(post_id)
    if post is None or post.gone(world.now()):
        raise Malformed(f"there is no post {post_id}")
    publishing.take_down(world, post)
    return jsonify({"ok": True})


@control_deliveries.get("/deliveries")
def list_deliveries() -> Response:
    """List what was sent to apps, oldest first, and what they answered."""
    return jsonify({"deliveries": [delivery_json(one) for one in current_world().deliveries]})


@control_deliveries.delete("/deliveries")
def forget_deliveries() -> Response:
    """Empty the journal of deliveries, and forget those that still wait."""
    current_world().deliveries.clear()
    current_world().outbox.clear()
    return jsonify({"ok": True})


def _app() -> App:
    """Read the body, which may be left out."""
    body = JsonBody(request.get_json(force=True) if request.get_data() else {})
    app = read_app(body)
    body.finish()
    return app
