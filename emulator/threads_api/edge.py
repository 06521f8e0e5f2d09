"""What every route shares: the world, the parameters, the token, and the answers to errors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from flask import Flask, jsonify, request

from emulator.base import control
from emulator.threads_api import authorization
from emulator.threads_api.errors import GraphError, OAuthError, WindowError, unknown_path, unsupported
from emulator.threads_api.fields import View, read_fields
from emulator.threads_api.media_fields import MEDIA_FIELDS
from emulator.threads_api.paging import cut_page

if TYPE_CHECKING:
    from flask import Response

    from emulator.threads_api.fields import Table
    from emulator.threads_api.model import Account, Post, Token
    from emulator.threads_api.world import World


def current_world() -> World:
    """Return the world that serves this request."""
    return cast("World", control.current_world())


def current_view(viewer: Token | None = None) -> View:
    """Return the world as a token's account sees it, with the address at which the client reaches it."""
    return View(current_world(), request.host_url.rstrip("/"), viewer.account_id if viewer else None)


def parameters() -> dict[str, str]:
    """Return the parameters from the query and the body (a form or JSON). The body overrides the query."""
    sent = request.args.to_dict() | request.form.to_dict()
    if request.is_json:
        body = request.get_json(silent=True)
        sent |= {name: _as_text(value) for name, value in body.items()} if isinstance(body, dict) else {}
    return sent


def _as_text(value: object) -> str:
    """Write a JSON value as a form would send it. A lone surrogate becomes a question mark."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode(errors="replace").decode()


def sent_token() -> str | None:
    """Return the token of this request: ``Authorization: Bearer``, or ``access_token`` in query or body."""
    credentials = request.authorization
    if credentials is not None and credentials.type == "bearer":
        return credentials.token
    return parameters().get("access_token")


def caller() -> Token:
    """Return the working token of this request. Raises GraphError 190, or 10 without ``threads_basic``."""
    token = authorization.caller(current_world(), sent_token())
    authorization.require(token, "threads_basic")
    return token


def callers_account(token: Token, node: str) -> Account:
    """Return the caller's account, which ``node`` must name by ``me`` or its id. Raises GraphError 100."""
    if node not in {"me", token.account_id}:
        raise unsupported(request.method, node)
    return current_world().accounts[token.account_id]


def answer_page(token: Token, posts: list[Post], table: Table = MEDIA_FIELDS) -> Response:
    """Answer with the page of a list that was asked for. The links to other pages have the token, as Graph's.

    Source: Graph API, "Paginated results".
    """
    sent, view = parameters(), current_view(token)
    page = cut_page(posts, sent, view.world.now())
    if not page.posts:
        return jsonify({"data": []})
    entries = [read_fields(table, view, post, sent.get("fields", "")) for post in page.posts]
    paging = page.paging(request.base_url, {**sent, "access_token": token.value})
    return jsonify({"data": entries, "paging": paging})


def answer_errors(app: Flask) -> None:
    """Answer every error, and every unknown route, as Threads does."""
    app.register_error_handler(GraphError, _graph_error)
    app.register_error_handler(OAuthError, _envelope)
    app.register_error_handler(WindowError, _envelope)
    app.register_error_handler(404, _unknown_route)
    app.register_error_handler(405, _unsupported_method)


def _graph_error(error: GraphError) -> tuple[Response, int]:
    return jsonify(error.envelope()), error.status


def _envelope(error: OAuthError | WindowError) -> tuple[Response, int]:
    return jsonify(error.envelope()), 400


def _unknown_route(_error: Exception) -> tuple[Response, int]:
    return _graph_error(unknown_path(request.path))


def _unsupported_method(_error: Exception) -> tuple[Response, int]:
    return _graph_error(unsupported(request.method, request.path.strip("/")))
