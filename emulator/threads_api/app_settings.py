"""The page that lists the permissions of each app, and on which people remove an app.

Threads has such a page in its settings ("Website permissions"). Here one page serves every account. Its form
posts ``account_id``, ``app_id`` and ``action``, which is ``remove`` or ``delete_data``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flask import Blueprint, abort, redirect, request, url_for

from emulator.threads_api import authorization, callbacks, deliveries, scopes
from emulator.threads_api.delivery import Kind
from emulator.threads_api.edge import current_world
from emulator.threads_api.pages import render_page

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask import Response
    from werkzeug.wrappers import Response as AnyResponse

    from emulator.threads_api.callbacks import Confirmation
    from emulator.threads_api.delivery import Delivery
    from emulator.threads_api.model import Account, App
    from emulator.threads_api.world import World

app_settings = Blueprint("app_settings", __name__)

_ACTIONS = {"remove": callbacks.remove_app, "delete_data": callbacks.delete_data}


@dataclass(frozen=True)
class Row:
    """One row of the page: an account and an app."""

    account: Account
    app: App
    is_removed: bool
    #: As the authorization window words them.
    permissions: tuple[str, ...]
    #: The request for data deletion since the app was last allowed, and what the app answered.
    deletion: Delivery | None
    confirmation: Confirmation | None


@app_settings.get("/settings/apps")
def show() -> Response:
    """Show the apps of every account."""
    return render_page("apps.html", rows=list(_rows(current_world())))


@app_settings.post("/settings/apps")
def act() -> AnyResponse:
    """Do what the button says, wait for the app's answer, and show the page again."""
    world, form = current_world(), request.form
    account, app = world.accounts.get(form.get("account_id", "")), world.apps.get(form.get("app_id", ""))
    action = _ACTIONS.get(form.get("action", ""))
    if account is None or app is None or action is None:
        abort(404)
    deliveries.wait_for(world, action(world, app, account).delivery)
    return redirect(url_for("app_settings.show"), 303)


def _rows(world: World) -> Iterator[Row]:
    for account in world.accounts.values():
        for app in world.apps.values():
            grant = authorization.read_grant(world, app, account)
            if grant is None:
                continue
            deletion = deliveries.latest(world, Kind.DELETE_DATA, app, account)
            if deletion is not None and deletion.created_at < grant.granted_at:
                deletion = None
            yield Row(
                account,
                app,
                grant.is_removed,
                tuple(scopes.SCOPES[scope] for scope in grant.scopes),
                deletion,
                callbacks.read_confirmation(deletion),
            )
