"""What every route shares: the world behind a request, its parameters, its token, and errors as answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app, jsonify, request

from emulator.jsonbody import JsonBody, Malformed
from emulator.threads_api import authorization
from emulator.threads_api.errors import GraphError, OAuthError, WindowError, unknown_path, unsupported
from emulator.threads_api.fields import View

if TYPE_CHECKING:
    from flask import Response

    from emulator.threads_api.model import Account, Token
    from emulator.threads_api.world import World

WORLD_KEY = "THREADS_WORLD"


def current_world() -> World:
    """Return the world that this request is about."""
    return cast("World", current_app.config[WORLD_KEY])


def current_view() -> View:
    """Return the world with the address that the client knows the emulator by."""
    return View(current_world(), request.host_url.rstrip("/"))


def parameters() -> dict[str, str]:
    """Return what was sent, in the query, a form or a JSON object; the body wins over the query."""
    sent = request.args.to_dict() | request.form.to_dict()
    if request.is_json:
        body = request.get_json(silent=True)
        sent |= {name: _as_text(value) for name, value in body.items()} if isinstance(body, dict) else {}
    return sent


def _as_text(value: object) -> str:
    """Write a JSON value as a form would carry it; a lone surrogate becomes a question mark."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode(errors="replace").decode()


def sent_token() -> str | None:
    """Return the token that came: ``Authorization: Bearer``, or ``access_token`` in query or body."""
    credentials = request.authorization
    if credentials is not None and credentials.type == "bearer":
        return credentials.token
    return parameters().get("access_token")


def caller() -> Token:
    """Return the token behind this request, or raise GraphError 190; each call needs ``threads_basic``."""
    token = authorization.caller(current_world(), sent_token())
    authorization.require(token, "threads_basic")
    return token


def callers_account(token: Token, node: str) -> Account:
    """Return the caller's account when ``node`` is ``me`` or its id; other people's do not exist here."""
    if node not in {"me", token.account_id}:
        raise unsupported(request.method, node)
    return current_world().accounts[token.account_id]


def json_body() -> JsonBody:
    """Return the JSON object of a control request, or raise Malformed."""
    return JsonBody(request.get_json(force=True, silent=True))


def answer_errors(app: Flask) -> None:
    """Turn every error of Threads, and every unknown route, into Threads' JSON."""
    app.register_error_handler(GraphError, _graph_error)
    app.register_error_handler(OAuthError, _envelope)
    app.register_error_handler(WindowError, _envelope)
    app.register_error_handler(Malformed, _malformed)
    app.register_error_handler(404, _unknown_route)
    app.register_error_handler(405, _unsupported_method)


def _graph_error(error: GraphError) -> tuple[Response, int]:
    return jsonify(error.envelope()), error.status


def _envelope(error: OAuthError | WindowError) -> tuple[Response, int]:
    return jsonify(error.envelope()), 400


def _malformed(problem: Malformed) -> tuple[Response, int]:
    return jsonify({"error": str(problem)}), 400


def _unknown_route(_error: Exception) -> tuple[Response, int]:
    return _graph_error(unknown_path(request.path))


def _unsupported_method(_error: Exception) -> tuple[Response, int]:
    return _graph_error(unsupported(request.method, request.path.strip("/")))
