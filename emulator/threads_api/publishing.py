"""The rules for containers, posts and daily quotas. No HTTP here.

Source: Meta, "Create posts", "Delete posts", "Reposts", "Overview > Rate limiting" and "Troubleshooting".
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from emulator.threads_api import errors, outcomes, replies, scopes, webhooks
from emulator.threads_api.authorization import require
from emulator.threads_api.checks import check_content
from emulator.threads_api.inferred import as_documented
from emulator.threads_api.model import QUOTA_WINDOW, Container, Fate, Post, Quota, Status
from emulator.threads_api.parameters import needed_scopes, read_content
from emulator.threads_api.shortcodes import shortcode_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.threads_api.model import Content, Token
    from emulator.threads_api.world import World


def create(world: World, token: Token, sent: Mapping[str, str]) -> Container | Post:
    """Create a container; with ``auto_publish_text`` publish a post at once.

    Source: Meta, "Create posts"; for the scopes "Reference > Publishing".

    Raises:
        GraphError: a scope is missing, or the content is wrong.

    """
    require(token, scopes.PUBLISH)
    content = read_content(as_documented(world.settings, sent))
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
        outcome.fate,
    )
    world.containers[container.id] = container
    return container


def publish(world: World, token: Token, container_id: str) -> Post:
    """Publish a container, which works once, and only while it is FINISHED.

    Source: Meta, "Create posts > Publish".

    Raises:
        GraphError: it cannot be published. 24/4279009 for a container that is not ready was seen
            (fbsamples/threads_api#70); the errors for ERROR, EXPIRED and PUBLISHED are unverified.

    """
    require(token, scopes.PUBLISH)
    container = world.containers.get(container_id)
    if container is None or container.account_id != token.account_id or is_lost(world, container):
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
    """Publish a post, unless the quota is used up."""
    use_quota(world, account_id, Quota.REPLIES if "reply_to_id" in content else Quota.POSTS)
    media_id = world.new_media_id()
    approval = replies.first_approval(world, account_id, content)
    post = Post(
        media_id, account_id, shortcode_of(media_id), content, world.now(), container_id, approval=approval
    )
    world.posts[media_id] = post
    webhooks.published(world, post)
    return post


def repost(world: World, token: Token, media_id: str) -> Post:
    """Repost a post. That this uses the quota for posts is unverified. Source: Meta, "Reposts"."""
    require(token, scopes.PUBLISH)
    original = world.every_post.get(media_id)
    if original is None or original.gone(world.now()):
        raise errors.unsupported("post", media_id)
    return _post(world, token.account_id, {"media_type": "REPOST_FACADE", "reposted_post": media_id})


def delete(world: World, token: Token, media_id: str) -> Post:
    """Delete a post of the account. Source: Meta, "Delete posts"."""
    require(token, scopes.DELETE)
    post = visible_post(world, token, media_id)
    if post is None:
        raise errors.unsupported("delete", media_id)
    use_quota(world, token.account_id, Quota.DELETIONS)
    return take_down(world, post)


def take_down(world: World, post: Post) -> Post:
    """Delete a post, for an app or for its author in the Threads app."""
    post.deleted_at = world.now()
    webhooks.deleted(world, post)
    return post


def is_lost(world: World, container: Container) -> bool:
    """Return whether a container cannot be found: a script has lost it, or it is published."""
    return container.fate is Fate.LOST or (
        container.media_id is not None and not world.settings.published_containers_stay
    )


def check_shown(world: World, container: Container) -> None:
    """Raise GraphError for a container whose status Threads does not show."""
    if is_lost(world, container):
        raise errors.media_not_found(container.id)
    if container.media_id is not None and not world.settings.published_containers_tell:
        raise errors.unknown_field("status")


def visible_post(world: World, token: Token, media_id: str) -> Post | None:
    """Return a post of the account; None if there is none, or if it was deleted."""
    post = world.posts.get(media_id)
    if post is None or post.account_id != token.account_id or post.gone(world.now()):
        return None
    return post


def readable_post(world: World, token: Token, media_id: str) -> Post | None:
    """Return a post of anybody that the account can see, or None (Meta, "Retrieve posts").

    A reply that waits for approval can be seen by its author and by the owner of the post.
    """
    post = world.every_post.get(media_id)
    if post is None or post.gone(world.now()):
        return None
    concerned = (post.account_id, replies.root_of(world, post).account_id)
    return None if replies.shown_approval(post) and token.account_id not in concerned else post


def listed_posts(world: World, account_id: str) -> list[Post]:
    """Return the posts of an account that lists show, the newest first."""
    now = world.now()
    shown_since = now - timedelta(seconds=world.settings.listing_seconds)
    listed = [
        post
        for post in reversed(world.posts.values())
        if post.account_id == account_id and post.published_at <= shown_since and not post.gone(now)
    ]
    # Late effects are not in order. The sort is stable: of two posts with one time the later one stays first.
    return sorted(listed, key=lambda post: post.published_at, reverse=True)


def ghost_posts(world: World, account_id: str) -> list[Post]:
    """Return the ghost posts of an account that are not deleted, the newest first."""
    posts = (post for post in reversed(world.posts.values()) if post.account_id == account_id)
    return [post for post in posts if "is_ghost_post" in post.content and post.deleted_at is None]


def quota_total(world: World, quota: Quota) -> int:
    """Return the limit of a quota."""
    settings = world.settings
    return {
        Quota.POSTS: settings.posts_per_day,
        Quota.REPLIES: settings.replies_per_day,
        Quota.DELETIONS: settings.deletions_per_day,
        Quota.LOCATION_SEARCHES: settings.location_searches_per_day,
        Quota.KEYWORD_SEARCHES: settings.keyword_searches_per_day,
        Quota.PROFILE_LOOKUPS: settings.profile_lookups_per_day,
    }[quota]


def quota_usage(world: World, account_id: str, quota: Quota) -> int:
    """Return how much of a quota was used in the last 24 hours."""
    uses = world.quota_uses[account_id, quota]
    window_start = world.now() - QUOTA_WINDOW
    while uses and uses[0] <= window_start:
        uses.popleft()
    return len(uses)


def use_up(world: World, account_id: str, quota: Quota) -> None:
    """Use up what is left of a quota, as if it had been used right now."""
    left = quota_total(world, quota) - quota_usage(world, account_id, quota)
    world.quota_uses[account_id, quota].extend([world.now()] * left)


def use_quota(world: World, account_id: str, quota: Quota) -> None:
    """Use a quota once. Raises GraphError if it is used up."""
    if quota_usage(world, account_id, quota) >= quota_total(world, quota):
        raise errors.quota_reached(quota, quota_total(world, quota))
    world.quota_uses[account_id, quota].append(world.now())
