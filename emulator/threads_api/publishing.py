"""Containers and posts: what is created, published, reposted, deleted, listed, and how much of it a day.

The rules of Meta's pages "Create posts", "Delete posts", "Reposts", "Overview > Rate limiting" and
"Troubleshooting", over a World; no HTTP in here.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from emulator.threads_api import errors, outcomes, scopes, webhooks
from emulator.threads_api.authorization import require
from emulator.threads_api.checks import check_content
from emulator.threads_api.model import QUOTA_WINDOW, Container, Post, Quota, Status
from emulator.threads_api.parameters import needed_scopes, read_content

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.threads_api.model import Content, Token
    from emulator.threads_api.world import World

_SHORTCODE_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def create(world: World, token: Token, sent: Mapping[str, str]) -> Container | Post:
    """Create a container, or with ``auto_publish_text`` a post at once.

    Raises GraphError. Source: Meta, "Create posts"; the scopes from "Reference > Publishing".
    """
    require(token, scopes.PUBLISH)
    content = read_content(sent)
    for scope in needed_scopes(content):
        require(token, scope)
    check_content(world, world.accounts[token.account_id], content)
    if content.pop("auto_publish_text", False):
        return _post(world, token.account_id, content)
    return _container(world, token.account_id, content)


def _container(world: World, account_id: str, content: Content) -> Container:
    now = world.now()
    outcome = outcomes.next_outcome(world, content["media_type"])
    container = Container(
        world.new_container_id(),
        account_id,
        content,
        now,
        outcomes.ready_at(outcome, now),
        outcome.error_message,
    )
    world.containers[container.id] = container
    return container


def publish(world: World, token: Token, container_id: str) -> Post:
    """Publish a container: once, and only when it is FINISHED.

    Raises GraphError. Source: Meta, "Create posts > Publish"; 24/4279009 before the container is ready is
    seen (fbsamples/threads_api#70); what an ERROR, EXPIRED or PUBLISHED container answers is unverified.
    """
    require(token, scopes.PUBLISH)
    container = world.containers.get(container_id)
    if container is None or container.account_id != token.account_id:
        raise errors.media_not_found(container_id)
    status = container.status(world.now())
    if status is Status.PUBLISHED:
        raise errors.already_published(container_id)
    if status is Status.ERROR:
        raise errors.not_publishable(container_id, str(container.error_message))
    if status is not Status.FINISHED:
        raise errors.media_not_found(container_id)
    if "is_carousel_item" in container.content:
        raise errors.not_publishable(container_id, "it is a carousel item")
    post = _post(world, token.account_id, container.content, container_id)
    container.media_id = post.id
    return post


def _post(world: World, account_id: str, content: Content, container_id: str | None = None) -> Post:
    """Make the post, if the account has any left today."""
    _use_quota(world, account_id, Quota.REPLIES if "reply_to_id" in content else Quota.POSTS)
    media_id = world.new_media_id()
    post = Post(media_id, account_id, _shortcode(media_id), content, world.now(), container_id)
    world.posts[media_id] = post
    webhooks.published(world, post)
    return post


def repost(world: World, token: Token, media_id: str) -> Post:
    """Repost a post; that it counts as a post of today is unverified. Source: Meta, "Reposts"."""
    require(token, scopes.PUBLISH)
    original = world.posts.get(media_id)
    if original is None or original.gone(world.now()):
        raise errors.unsupported("post", media_id)
    return _post(world, token.account_id, {"media_type": "REPOST_FACADE", "reposted_post": media_id})


def delete(world: World, token: Token, media_id: str) -> Post:
    """Delete one of the account's own posts. Source: Meta, "Delete posts"."""
    require(token, scopes.DELETE)
    post = visible_post(world, token, media_id)
    if post is None:
        raise errors.unsupported("delete", media_id)
    _use_quota(world, token.account_id, Quota.DELETIONS)
    return take_down(world, post)


def take_down(world: World, post: Post) -> Post:
    """Delete a post, whoever wants it: an app, or its author in Threads' own app."""
    post.deleted_at = world.now()
    webhooks.deleted(world, post)
    return post


def visible_post(world: World, token: Token, media_id: str) -> Post | None:
    """Return one of the account's own posts that still stands, or None."""
    post = world.posts.get(media_id)
    if post is None or post.account_id != token.account_id or post.gone(world.now()):
        return None
    return post


def listed_posts(world: World, account_id: str) -> list[Post]:
    """Return the posts of an account that lists show by now, newest first."""
    now = world.now()
    shown_since = now - timedelta(seconds=world.settings.listing_seconds)
    listed = [
        post
        for post in reversed(world.posts.values())
        if post.account_id == account_id and post.published_at <= shown_since and not post.gone(now)
    ]
    # A stable sort: of two posts of one moment, the later one stays first. Only late effects need it at all.
    return sorted(listed, key=lambda post: post.published_at, reverse=True)


def quota_total(world: World, quota: Quota) -> int:
    """Return how many there may be in 24 hours."""
    settings = world.settings
    return {
        Quota.POSTS: settings.posts_per_day,
        Quota.REPLIES: settings.replies_per_day,
        Quota.DELETIONS: settings.deletions_per_day,
    }[quota]


def quota_usage(world: World, account_id: str, quota: Quota) -> int:
    """Return how many there were in the last 24 hours."""
    uses = world.quota_uses[account_id, quota]
    window_start = world.now() - QUOTA_WINDOW
    while uses and uses[0] <= window_start:
        uses.popleft()
    return len(uses)


def _use_quota(world: World, account_id: str, quota: Quota) -> None:
    """Count one use, or raise when none is left."""
    if quota_usage(world, account_id, quota) >= quota_total(world, quota):
        raise errors.quota_reached(quota, quota_total(world, quota))
    world.quota_uses[account_id, quota].append(world.now())


def _shortcode(media_id: str) -> str:
    """Spell an id in the 64 characters of a permalink, as Instagram does (seen)."""
    rest, code = int(media_id), ""
    while rest:
        rest, digit = divmod(rest, len(_SHORTCODE_ALPHABET))
        code = _SHORTCODE_ALPHABET[digit] + code
    return code
