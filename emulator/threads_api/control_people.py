"""The controls for apps, accounts, tokens and codes, with which a test can skip the authorization window."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from flask import Blueprint, jsonify, request

from emulator.base.control import PREFIX, json_body
from emulator.base.json_body import MOST_TIMES, JsonBody, Malformed
from emulator.threads_api import authorization, scopes
from emulator.threads_api.deliveries import read_address
from emulator.threads_api.edge import current_world
from emulator.threads_api.model import Account, App, Ending
from emulator.threads_api.window import USERNAME

if TYPE_CHECKING:
    from flask import Response

    from emulator.threads_api.model import Token

#: How a token ends, by the code of the error with which every later call is refused.
ENDINGS = {190: Ending.REVOKED, 24: Ending.NOT_FOUND, 100: Ending.UNSUPPORTED}

MOST_CODE = 10**6

control_people = Blueprint("control_people", __name__, url_prefix=PREFIX)

# ---- apps and accounts


@control_people.get("/apps")
def list_apps() -> Response:
    """List the registered apps."""
    return jsonify({"apps": [asdict(app) for app in current_world().apps.values()]})


@control_people.post("/apps")
def add_app() -> tuple[Response, int]:
    """Take ``{id, secret, redirect_uris}`` and other fields of ``model.App``. A known id replaces the app."""
    body = json_body()
    app = App(
        body.text("id"),
        body.text("secret"),
        tuple(body.texts("redirect_uris")),
        body.text("name", "Your app"),
        deauthorize_url=_called(body, "deauthorize_url"),
        delete_url=_called(body, "delete_url"),
        webhook_url=_called(body, "webhook_url"),
        webhook_verify_token=body.text("webhook_verify_token", ""),
        webhook_fields=tuple(body.texts("webhook_fields", list(App.webhook_fields))),
    )
    body.finish()
    current_world().apps[app.id] = app
    return jsonify(asdict(app)), 201


@control_people.get("/accounts")
def list_accounts() -> Response:
    """List the accounts."""
    return jsonify({"accounts": [asdict(account) for account in current_world().accounts.values()]})


@control_people.post("/accounts")
def add_account() -> tuple[Response, int]:
    """Take ``{username, id?}`` and other fields of ``model.Account``."""
    body, world = json_body(), current_world()
    username = body.text("username").lower()
    account_id = body.text("id", None) or world.new_account_id()
    account = Account(
        account_id,
        username,
        name=body.text("name", ""),
        biography=body.text("biography", ""),
        is_verified=body.flag("is_verified", default=False),
        is_eligible_for_geo_gating=body.flag("is_eligible_for_geo_gating", default=True),
        accepted_invite=body.flag("accepted_invite", default=True),
        followers_count=body.number("followers_count", None, least=0, most=MOST_TIMES),
    )
    body.finish()
    if not USERNAME.fullmatch(username):
        raise Malformed("username must have 1 to 30 letters, digits, dots and underscores")
    if world.account_called(username) or account_id in world.accounts or not account_id.isdecimal():
        raise Malformed("username and id must be new, and an id has only digits")
    return jsonify(asdict(world.add_account(account))), 201


@control_people.post("/accounts/<account_id>/revoke")
def revoke(account_id: str) -> Response:
    """Take ``{error?}``: end every token of an account. The code says how every later call is refused.

    190 (subcode 460) is what Meta documents. Some dead tokens get 24 (subcode 4279009) or 100 (subcode 33)
    instead, on every call (seen).
    """
    account = account_with(account_id)
    body = JsonBody(request.get_json(force=True) if request.data else {})
    code = body.number("error", 190, least=1, most=MOST_CODE)
    body.finish()
    if code not in ENDINGS:
        raise Malformed(f"error must be one of {', '.join(map(str, ENDINGS))}")
    return jsonify({"ok": True, "revoked": authorization.revoke(current_world(), account.id, ENDINGS[code])})


def account_with(account_id: str) -> Account:
    """Return an account. Raises Malformed if there is none."""
    account = current_world().accounts.get(account_id)
    if account is None:
        raise Malformed(f"there is no account {account_id}")
    return account


def _read_account(body: JsonBody) -> Account:
    """Take ``account_id`` out of a body; by default the first account."""
    return account_with(body.text("account_id", next(iter(current_world().accounts), "")))


# ---- tokens and codes


@control_people.post("/tokens")
def add_token() -> tuple[Response, int]:
    """Take ``{account_id?, scopes?, kind?, age_seconds?, app_id?}``; by default all scopes, long-lived."""
    body, world = json_body(), current_world()
    account, app, granted = _read_account(body), read_app(body), _scopes(body)
    kind = body.text("kind", "long")
    age = body.seconds("age_seconds")
    body.finish()
    if kind not in {"long", "short"}:
        raise Malformed("kind must be long or short")
    token = authorization.issue_token(
        world, app.id, account.id, granted, issued_at=world.now() - age, long_lived=kind == "long"
    )
    return jsonify(_token_json(token)), 201


@control_people.post("/codes")
def add_code() -> tuple[Response, int]:
    """Take ``{account_id?, scopes?, redirect_uri?, app_id?}``; by default the app's first redirect URI."""
    body, world = json_body(), current_world()
    account, app, granted = _read_account(body), read_app(body), _scopes(body)
    redirect_uri = body.text("redirect_uri", next(iter(app.redirect_uris), ""))
    body.finish()
    code = authorization.issue_code(world, app, account, redirect_uri, granted)
    return jsonify({"code": code.value, "redirect_uri": redirect_uri, "account_id": account.id}), 201


@control_people.get("/tokens")
def list_tokens() -> Response:
    """List every token, whether it still works or not."""
    return jsonify({"tokens": [_token_json(token) for token in current_world().tokens.values()]})


def _called(body: JsonBody, name: str) -> str | None:
    return read_address(name, body.text(name, None))


def read_app(body: JsonBody) -> App:
    """Take ``app_id`` out of a body; by default the first app."""
    apps = current_world().apps
    app = apps.get(body.text("app_id", next(iter(apps), "")))
    if app is None:
        raise Malformed("there is no such app")
    return app


def _scopes(body: JsonBody) -> tuple[str, ...]:
    granted = tuple(body.texts("scopes", list(scopes.SCOPES)))
    unknown = [scope for scope in granted if scope not in scopes.SCOPES]
    if unknown:
        raise Malformed(f"there is no scope {', '.join(unknown)}")
    return granted


def _token_json(token: Token) -> dict[str, Any]:
    return {
        "access_token": token.value,
        "account_id": token.account_id,
        "app_id": token.app_id,
        "kind": "long" if token.long_lived else "short",
        "scopes": list(token.scopes),
        "issued_at": token.issued_at.isoformat(),
        "expires_at": token.expires_at.isoformat(),
        "ended_by": token.ended_by,
    }
