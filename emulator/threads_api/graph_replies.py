"""The routes for replies. The rules are in ``replies``.

Source: Meta, "Reply management", "Retrieve media replies and conversations" and "Retrieve user replies".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify

from emulator.threads_api import errors, publishing, readers, replies, scopes, webhooks
from emulator.threads_api.authorization import require
from emulator.threads_api.edge import answer_page, caller, callers_account, current_world, parameters
from emulator.threads_api.model import Approval

if TYPE_CHECKING:
    from emulator.threads_api.model import Post, Token

graph_replies = Blueprint("graph_replies", __name__)


@graph_replies.get("/<node:node>/replies")
def list_replies(node: str) -> Response:
    """List the replies of the account, or the direct replies to one of its posts, the newest first."""
    token, world = _reader(), current_world()
    post = publishing.visible_post(world, token, node)
    if post is not None:
        return answer_page(token, _in_order(replies.direct(world, post)))
    account = callers_account(token, node)
    return answer_page(token, [one for one in publishing.listed_posts(world, account.id) if one.is_reply])


@graph_replies.get("/<node:node>/conversation")
def list_conversation(node: str) -> Response:
    """List the replies of every depth to a post of the account."""
    token = _reader()
    return answer_page(token, _in_order(replies.below(current_world(), _own_post(token, node))))


@graph_replies.get("/<node:node>/pending_replies")
def list_pending(node: str) -> Response:
    """List the replies that wait for approval or were ignored.

    That a post without reply approvals has no such list is unverified.
    """
    token, status = _reader(), parameters().get("approval_status")
    post = _own_post(token, node)
    if status not in (None, "", Approval.PENDING, Approval.IGNORED):
        raise errors.refused("approval_status", "must be one of {pending, ignored}")
    if "enable_reply_approvals" not in post.content:
        raise errors.unsupported("get", node)
    return answer_page(token, _in_order(replies.waiting(current_world(), post, status or None)))


@graph_replies.post("/<node:node>/manage_reply")
def manage_reply(node: str) -> Response:
    """Hide or show a top-level reply to a post of the account."""
    token = _manager()
    replies.hide(current_world(), token.account_id, node, hidden=_required("hide"))
    return jsonify({"success": True})


@graph_replies.post("/<node:node>/manage_pending_reply")
def manage_pending_reply(node: str) -> Response:
    """Approve or ignore a reply that waits. An approved one is then like any other."""
    token, world = _manager(), current_world()
    reply = replies.review(world, token.account_id, node, approved=_required("approve"))
    if reply.approval is Approval.APPROVED:
        webhooks.replied(world, reply)
    return jsonify({"success": True})


def _reader() -> Token:
    token = caller()
    require(token, scopes.READ_REPLIES)
    return token


def _manager() -> Token:
    token = caller()
    require(token, scopes.MANAGE_REPLIES)
    return token


def _own_post(token: Token, node: str) -> Post:
    post = publishing.visible_post(current_world(), token, node)
    if post is None:
        raise errors.unsupported("get", node)
    return post


def _in_order(posts: list[Post]) -> list[Post]:
    """Return replies as ``reverse`` asks: the newest first, by default."""
    return posts[::-1] if _flag("reverse", parameters().get("reverse") or "true") else posts


def _required(name: str) -> bool:
    """Read a parameter that must be true or false."""
    value = parameters().get(name)
    if not value:
        raise errors.refused(name, "is required")
    return _flag(name, value)


def _flag(name: str, value: str) -> bool:
    try:
        return readers.boolean(value)
    except ValueError as reason:
        raise errors.refused(name, str(reason)) from None
