"""The routes for profiles, containers and posts. ``wire`` has already removed the version from the path.

A node in a path is ``me`` or an id. The rules are in ``publishing``. The other routes of the API are in
``graph_tokens``, ``graph_replies`` and ``graph_discovery``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify

from emulator.threads_api import errors, publishing
from emulator.threads_api.edge import (
    answer_page,
    caller,
    callers_account,
    current_view,
    current_world,
    parameters,
)
from emulator.threads_api.fields import read_fields
from emulator.threads_api.limits import read_limits
from emulator.threads_api.locations import LOCATION_FIELDS, LOCATIONS
from emulator.threads_api.media_fields import MEDIA_FIELDS
from emulator.threads_api.model import Container
from emulator.threads_api.profile_fields import CONTAINER_FIELDS, USER_FIELDS, USUAL_CONTAINER_FIELDS

if TYPE_CHECKING:
    from emulator.threads_api.model import Post

graph = Blueprint("graph", __name__)


# ---- reading


@graph.get("/<node:node>")
def read_node(node: str) -> Response:
    """Read the profile, the container, the post or the location that has this id.

    Source: Meta, "Profiles", "Troubleshooting", "Retrieve posts" and "Reference > Locations".
    """
    token, world = caller(), current_world()
    view, asked = current_view(token), parameters().get("fields", "")
    if node in {"me", token.account_id}:
        return jsonify(read_fields(USER_FIELDS, view, world.accounts[token.account_id], asked))
    container = world.containers.get(node)
    if container is not None and container.account_id == token.account_id:
        publishing.check_shown(world, container)
        return jsonify(read_fields(CONTAINER_FIELDS, view, container, asked, USUAL_CONTAINER_FIELDS))
    if node in LOCATIONS:
        return jsonify(read_fields(LOCATION_FIELDS, view, LOCATIONS[node], asked))
    post = publishing.readable_post(world, token, node)
    if post is None:
        raise errors.unsupported("get", node)
    return jsonify(read_fields(MEDIA_FIELDS, view, post, asked))


@graph.get("/<node:node>/threads")
def list_threads(node: str) -> Response:
    """List the posts of the account, the newest first. Source: Meta, "Retrieve posts"."""
    token, world = caller(), current_world()
    posts = publishing.listed_posts(world, callers_account(token, node).id)
    if not world.settings.replies_among_threads:
        posts = [post for post in posts if not post.is_reply]
    return answer_page(token, posts)


@graph.get("/<node:node>/ghost_posts")
def list_ghost_posts(node: str) -> Response:
    """List the ghost posts of the account, archived ones too. Source: Meta, "Retrieve posts"."""
    token, world = caller(), current_world()
    account = callers_account(token, node)
    return answer_page(token, publishing.ghost_posts(world, account.id))


@graph.get("/<node:node>/threads_publishing_limit")
def publishing_limit(node: str) -> Response:
    """Show how much of each limit is used.

    Source: Meta, "Troubleshooting > Retrieve publishing quota limit".
    """
    token = caller()
    callers_account(token, node)
    return jsonify({"data": [read_limits(current_view(token), token, parameters().get("fields", ""))]})


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
