"""The routes of ``graph.threads.net``. ``wire`` has already removed the version from the path.

A node in a path is ``me`` or an id. The rules are in ``authorization`` and ``publishing``.
Not emulated: insights, mentions, keyword and location search, profile discovery, reply moderation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, jsonify

from emulator.threads_api import authorization, errors, publishing, scopes
from emulator.threads_api.edge import (
    caller,
    callers_account,
    current_view,
    current_world,
    parameters,
    sent_token,
)
from emulator.threads_api.fields import CONTAINER_FIELDS, MEDIA_FIELDS, USER_FIELDS, read_fields, replies_to
from emulator.threads_api.model import LONG_LIVED, QUOTA_WINDOW, Container, Quota
from emulator.threads_api.paging import cursors_of, cut_page

if TYPE_CHECKING:
    from emulator.threads_api.model import Post, Token

graph = Blueprint("graph", __name__)

#: How long an app may read the user's data after a token was issued: 90 days in Meta's sample answer.
ACCESS_DAYS_SECONDS = 90 * 24 * 3600


# ---- tokens


@graph.post("/oauth/access_token")
def exchange_code() -> Response:
    """Exchange a code. The answer has no expiry, and its ``user_id`` is a number beyond 2^53.

    Source: Meta, "Get access tokens".
    """
    token = authorization.exchange_code(current_world(), parameters())
    return jsonify({"access_token": token.value, "user_id": int(token.account_id)})


@graph.get("/access_token")
def exchange_token() -> Response:
    """Exchange a short-lived token for a long-lived one. Source: Meta, "Long-lived tokens"."""
    sent = parameters()
    _expect_grant(sent, "th_exchange_token")
    return _long_lived(authorization.exchange_token(current_world(), sent.get("client_secret"), sent_token()))


@graph.get("/refresh_access_token")
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


@graph.get("/debug_token")
def debug_token() -> Response:
    """Describe ``input_token``. No other route shows which scopes were granted.

    A token may debug itself (seen). The answer for an unknown token is unverified.

    Source: Meta, "Debug access token".
    """
    world = current_world()
    asking = authorization.caller(world, sent_token())
    inspected = world.tokens.get(parameters().get("input_token", ""))
    if inspected is None or inspected.app_id != asking.app_id:
        message = "Invalid OAuth access token - Cannot parse access token"
        return jsonify(
            {"data": {"error": {"code": 190, "message": message}, "is_valid": False, "scopes": []}}
        )
    issued_at = int(inspected.issued_at.timestamp())
    return jsonify(
        {
            "data": {
                "type": "USER",
                "application": world.apps[inspected.app_id].name,
                "data_access_expires_at": issued_at + ACCESS_DAYS_SECONDS,
                "expires_at": int(inspected.expires_at.timestamp()),
                "is_valid": inspected.works(world.now()),
                "issued_at": issued_at,
                "scopes": list(inspected.scopes),
                "user_id": inspected.account_id,
            }
        }
    )


# ---- reading


@graph.get("/<node:node>")
def read_node(node: str) -> Response:
    """Read the profile, the container or the post that has this id.

    Source: Meta, "Profiles", "Troubleshooting" and "Retrieve media".
    """
    token, world, view = caller(), current_world(), current_view()
    asked = parameters().get("fields", "")
    if node in {"me", token.account_id}:
        return jsonify(read_fields(USER_FIELDS, view, world.accounts[token.account_id], asked))
    container = world.containers.get(node)
    if container is not None and container.account_id == token.account_id:
        if publishing.is_lost(world, container):
            raise errors.media_not_found(node)
        return jsonify(read_fields(CONTAINER_FIELDS, view, container, asked))
    post = publishing.visible_post(world, token, node)
    if post is None:
        raise errors.unsupported("get", node)
    return jsonify(read_fields(MEDIA_FIELDS, view, post, asked))


@graph.get("/<node:node>/threads")
def list_threads(node: str) -> Response:
    """List the posts of the account, the newest first. Source: Meta, "Retrieve media"."""
    account = callers_account(caller(), node)
    world = current_world()
    posts = publishing.listed_posts(world, account.id)
    if not world.settings.replies_among_threads:
        posts = [post for post in posts if not post.is_reply]
    return _page(posts)


@graph.get("/<node:node>/replies")
def list_replies(node: str) -> Response:
    """List the replies of the account, or the direct replies to one of its posts, the newest first.

    Source: Meta, "Retrieve and manage replies".
    """
    token, world = caller(), current_world()
    authorization.require(token, scopes.READ_REPLIES)
    post = publishing.visible_post(world, token, node)
    if post is not None:
        return _page(replies_to(world, post)[::-1])
    account = callers_account(token, node)
    return _page([post for post in publishing.listed_posts(world, account.id) if post.is_reply])


def _page(posts: list[Post]) -> Response:
    """Answer with the page of a list that was asked for."""
    sent = parameters()
    page = cut_page(posts, sent)
    if not page:
        return jsonify({"data": []})
    view, asked = current_view(), sent.get("fields", "")
    entries = [read_fields(MEDIA_FIELDS, view, post, asked) for post in page]
    return jsonify({"data": entries, "paging": {"cursors": cursors_of(page)}})


@graph.get("/<node:node>/threads_publishing_limit")
def publishing_limit(node: str) -> Response:
    """Show how much of each limit is used.

    Source: Meta, "Troubleshooting > Retrieve publishing quota limit".
    """
    account = callers_account(caller(), node)
    limits: dict[str, Any] = {}
    for quota, prefix in ((Quota.POSTS, ""), (Quota.REPLIES, "reply_"), (Quota.DELETIONS, "delete_")):
        limits[f"{prefix}quota_usage"] = publishing.quota_usage(current_world(), account.id, quota)
        limits[f"{prefix}config"] = {
            "quota_total": publishing.quota_total(current_world(), quota),
            "quota_duration": int(QUOTA_WINDOW.total_seconds()),
        }
    asked = parameters().get("fields", "quota_usage").split(",")
    unknown = next((name for name in asked if name not in limits), None)
    if unknown is not None:
        raise errors.unknown_field(unknown)
    return jsonify({"data": [{name: limits[name] for name in asked}]})


# ---- publishing


@graph.post("/<node:node>/threads")
def create_container(node: str) -> Response:
    """Create a container; with ``auto_publish_text`` publish a post at once, and answer with its media id.

    Source: Meta, "Create posts".
    """
    token = caller()
    callers_account(token, node)
    created = publishing.create(current_world(), token, parameters())
    if isinstance(created, Container):
        return jsonify({"id": created.id})
    return _published(created)


@graph.post("/<node:node>/threads_publish")
def publish_container(node: str) -> Response:
    """Publish ``creation_id``. Source: Meta, "Create posts > Publish"."""
    token = caller()
    callers_account(token, node)
    container_id = parameters().get("creation_id")
    if not container_id:
        raise errors.refused("creation_id", "is required")
    return _published(publishing.publish(current_world(), token, container_id))


def _published(post: Post) -> Response:
    """Answer with the media id, and whether Instagram took the post (Meta, "Cross-share to Instagram")."""
    answer = {"id": post.id}
    if "crossreshare_to_ig" in post.content:
        answer["crossreshare_to_ig_status"] = current_world().settings.instagram_share
    return jsonify(answer)


@graph.post("/<node:node>/repost")
def repost(node: str) -> Response:
    """Repost a post. Source: Meta, "Reposts"."""
    return jsonify({"id": publishing.repost(current_world(), caller(), node).id})


@graph.delete("/<node:node>")
def delete_post(node: str) -> Response:
    """Delete a post. Source: Meta, "Delete posts"."""
    post = publishing.delete(current_world(), caller(), node)
    return jsonify({"success": True, "deleted_id": post.id})
