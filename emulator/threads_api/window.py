"""Threads' authorization window: it asks which account to use, and what the app may do.

It works without JavaScript. Its form posts to the address with which it was opened. A test can post the same:

* ``account_id``: one of the accounts. Or ``new_username`` and ``new_name``, which add an account; a known
  username means that account.
* ``scope``, repeated: the scopes that are ticked. Only requested scopes can be granted.
* ``decision``: ``allow`` or ``deny``.
* ``client_id``, ``redirect_uri``, ``response_type``, ``state`` and the requested ``scope``: in the query, as
  for GET, or in the form. In the form, ``scope`` is both requested and ticked.

Source: Meta, "Get authorization". The ``#_`` at the end is documented there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit, urlunsplit

from flask import Blueprint, Response, make_response, redirect, render_template, request

from emulator.threads_api import consent, scopes
from emulator.threads_api.edge import current_world
from emulator.threads_api.model import Account

if TYPE_CHECKING:
    from werkzeug.wrappers import Response as AnyResponse

    from emulator.threads_api.consent import AuthorizationRequest
    from emulator.threads_api.world import World

window = Blueprint("window", __name__)

#: Instagram's rule for usernames, which Threads shares.
USERNAME = re.compile(r"[a-z0-9._]{1,30}")

_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


class NoSuchAccount(Exception):
    """The form names no account, or a wrong new one. The window shows the message."""


@window.get("/oauth/authorize")
def show() -> Response:
    """Show the window, or a JSON error if the app is configured wrongly."""
    return _page(consent.read_authorization_request(current_world(), request.args), "")


@window.post("/oauth/authorize")
def decide() -> AnyResponse:
    """Send the browser back to the app, with a code or with the refusal."""
    world = current_world()
    ticked = ",".join(request.form.getlist("scope"))
    parameters = request.form.to_dict() | {"scope": ticked} | request.args.to_dict()
    asked = consent.read_authorization_request(world, parameters)
    if request.form.get("decision") != "allow":
        return _back(asked, DENIED)
    try:
        account = _chosen_account(world)
    except NoSuchAccount as complaint:
        return _page(asked, str(complaint))
    code = consent.allow(world, asked, account, consent.split_scopes(ticked))
    return _back(asked, {"code": code.value})


#: Meta, "Get authorization > Canceled authorization".
DENIED = {
    "error": "access_denied",
    "error_reason": "user_denied",
    "error_description": "The user denied your request",
}


def _chosen_account(world: World) -> Account:
    """Return the account that the form names. A new username overrides a chosen account."""
    username = request.form.get("new_username", "").strip().removeprefix("@").lower()
    if not username and request.form.get("new_name", "").strip():
        raise NoSuchAccount("Another account needs a username, too.")
    if not username:
        account = world.accounts.get(request.form.get("account_id", ""))
        if account is None:
            raise NoSuchAccount("Choose an account, or add one.")
        return account
    if not USERNAME.fullmatch(username):
        raise NoSuchAccount("A username has 1 to 30 letters, digits, dots and underscores.")
    known = world.account_called(username)
    return known or world.add_account(
        Account(world.new_account_id(), username, request.form.get("new_name", "").strip())
    )


def _back(asked: AuthorizationRequest, answer: dict[str, str]) -> AnyResponse:
    """Redirect to the app. The redirect URI keeps its own query and gets ``#_`` at its end."""
    pairs = answer if asked.state is None else {**answer, "state": asked.state}
    parts = urlsplit(asked.redirect_uri)
    query = "&".join(filter(None, (parts.query, urlencode(pairs))))
    return redirect(urlunsplit(parts._replace(query=query, fragment="_")), 302)


def _page(asked: AuthorizationRequest, complaint: str) -> Response:
    """Show the window. With a complaint the status is 400."""
    page = render_template(
        "window.html",
        asked=asked,
        accounts=current_world().accounts.values(),
        scopes=[(scope, scopes.SCOPES[scope]) for scope in asked.scopes],
        required=scopes.BASIC,
        complaint=complaint,
        action=request.full_path,
        new_username=request.form.get("new_username", ""),
        new_name=request.form.get("new_name", ""),
    )
    return make_response(page, 400 if complaint else 200, _PAGE_HEADERS)
