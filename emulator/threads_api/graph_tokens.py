"""The routes for tokens: of users and of apps. The rules are in ``authorization`` and ``app_tokens``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify

from emulator.threads_api import app_tokens, authorization, errors
from emulator.threads_api.edge import current_world, parameters, sent_token
from emulator.threads_api.inferred import CODE_BY_GET, takes
from emulator.threads_api.model import LONG_LIVED

if TYPE_CHECKING:
    from emulator.threads_api.model import Token

graph_tokens = Blueprint("graph_tokens", __name__)

#: How long an app may read the user's data after a token was issued: 90 days in Meta's sample answer.
ACCESS_DAYS_SECONDS = 90 * 24 * 3600


@graph_tokens.post("/oauth/access_token")
def exchange_code() -> Response:
    """Exchange a code. The answer has no expiry, and its ``user_id`` is a number beyond 2^53.

    Source: Meta, "Get access tokens".
    """
    token = authorization.exchange_code(current_world(), parameters())
    return jsonify({"access_token": token.value, "user_id": int(token.account_id)})


@graph_tokens.get("/oauth/access_token")
def app_token() -> Response:
    """Generate an app token. Source: Meta, "App access tokens". A code by GET is inferred."""
    sent, world = parameters(), current_world()
    if sent.get("grant_type") == "client_credentials":
        return jsonify({"access_token": app_tokens.generate(world, sent), "token_type": "bearer"})
    if not takes(world.settings, CODE_BY_GET):
        raise errors.unsupported("get", "oauth/access_token")
    return exchange_code()


@graph_tokens.get("/access_token")
def exchange_token() -> Response:
    """Exchange a short-lived token for a long-lived one. Source: Meta, "Long-lived tokens"."""
    sent = parameters()
    _expect_grant(sent, "th_exchange_token")
    return _long_lived(authorization.exchange_token(current_world(), sent.get("client_secret"), sent_token()))


@graph_tokens.get("/refresh_access_token")
def refresh_token() -> Response:
    """Refresh a long-lived token. Source: Meta, "Long-lived tokens"."""
    _expect_grant(parameters(), "th_refresh_token")
    return _long_lived(authorization.refresh_token(current_world(), sent_token()))


def _expect_grant(sent: dict[str, str], expected: str) -> None:
    if sent.get("grant_type") != expected:
        raise errors.refused("grant_type", f"must be {expected}")


def _long_lived(token: Token) -> Response:
    return jsonify(
        {
            "access_token": token.value,
            "token_type": "bearer",
            "expires_in": int(LONG_LIVED.total_seconds()),
        }
    )


@graph_tokens.get("/debug_token")
def debug_token() -> Response:
    """Describe ``input_token``. No other route shows which scopes were granted.

    A token may debug itself (seen), and an app's token any token of the app (Graph API, "Debug token"). The
    answers for an unknown token and for an app's are unverified.

    Source: Meta, "Debug access token".
    """
    world, asking = current_world(), sent_token() or ""
    app = app_tokens.app_of(world, asking)
    app_id = app.id if app else authorization.caller(world, asking).app_id
    value = parameters().get("input_token", "")
    inspected, inspected_app = world.tokens.get(value), app_tokens.app_of(world, value)
    if inspected is not None and inspected.app_id == app_id:
        return jsonify({"data": _described(inspected)})
    if inspected_app is not None and inspected_app.id == app_id:
        application = {"type": "APP", "application": inspected_app.name, "is_valid": True, "scopes": []}
        return jsonify({"data": application})
    message = "Invalid OAuth access token - Cannot parse access token"
    return jsonify({"data": {"error": {"code": 190, "message": message}, "is_valid": False, "scopes": []}})


def _described(token: Token) -> dict[str, Any]:
    world, issued_at = current_world(), int(token.issued_at.timestamp())
    return {
        "type": "USER",
        "application": world.apps[token.app_id].name,
        "data_access_expires_at": issued_at + ACCESS_DAYS_SECONDS,
        "expires_at": int(token.expires_at.timestamp()),
        "is_valid": token.works(world.now()),
        "issued_at": issued_at,
        "scopes": list(token.scopes),
        "user_id": token.account_id,
    }
