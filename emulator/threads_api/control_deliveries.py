"""The controls for what Threads sends to apps: they cause callbacks and webhooks, and list them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, jsonify, request

from emulator.base.control import PREFIX, add_list, done
from emulator.base.json_body import JsonBody, Malformed
from emulator.threads_api import callbacks, publishing
from emulator.threads_api.control_people import account_with, read_app
from emulator.threads_api.deliveries import wait_for
from emulator.threads_api.edge import current_world

if TYPE_CHECKING:
    from flask import Response

    from emulator.threads_api.model import App

control_deliveries = Blueprint("control_deliveries", __name__, url_prefix=PREFIX)
add_list(control_deliveries, "deliveries", lambda world: world.deliveries, lambda world: world.outbox)


@control_deliveries.post("/accounts/<account_id>/deauthorize")
def deauthorize(account_id: str) -> Response:
    """Take ``{app_id?}``: the owner of the account removes the app. Answer when the app has answered.

    The tokens end (190, subcode 458), and Threads calls the app's ``deauthorize_url``.
    """
    account, app = account_with(account_id), _app()
    removal = callbacks.remove_app(current_world(), app, account)
    delivery = wait_for(current_world(), removal.delivery)
    return jsonify({"ok": True, "revoked": removal.tokens, "delivery": delivery and delivery.as_json()})


@control_deliveries.post("/accounts/<account_id>/delete_data")
def delete_data(account_id: str) -> Response:
    """Take ``{app_id?}``: the owner asks the app to delete their data. Answer when the app has answered.

    ``url`` and ``confirmation_code`` are the app's answer. They are null if it gave another answer, or none.
    """
    account, app = account_with(account_id), _app()
    removal = callbacks.delete_data(current_world(), app, account)
    delivery = wait_for(current_world(), removal.delivery)
    confirmation = callbacks.read_confirmation(delivery)
    return jsonify(
        {
            "ok": True,
            "revoked": removal.tokens,
            "delivery": delivery and delivery.as_json(),
            "url": confirmation and confirmation.url,
            "confirmation_code": confirmation and confirmation.code,
        }
    )


@control_deliveries.delete("/posts/<post_id>")
def delete_post(post_id: str) -> Response:
    """Delete a post as its author does in the Threads app: no token is needed, and no quota is used."""
    world = current_world()
    post = world.posts.get(post_id)
    if post is None or post.gone(world.now()):
        raise Malformed(f"there is no post {post_id}")
    publishing.take_down(world, post)
    return done()


def _app() -> App:
    """Read the body, which is optional."""
    body = JsonBody(request.get_json(force=True) if request.get_data() else {})
    app = read_app(body)
    body.finish()
    return app
