"""The rules for finding posts and profiles of others: mentions, search, lookups. No HTTP here.

The app has advanced access: all public posts are found.

Source: Meta, "Mentions", "Keyword and topic tag search", "Profiles" and "Retrieve posts".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from emulator.threads_api import errors, made_up, media_fields, readers
from emulator.threads_api.model import Approval, Search

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.threads_api.model import Account, Post
    from emulator.threads_api.world import World

_MENTION = re.compile(r"(?<![\w.@])@([a-z0-9._]*[a-z0-9_])", re.IGNORECASE)
SEARCHED_TYPES = {"TEXT": "TEXT_POST", "IMAGE": "IMAGE", "VIDEO": "VIDEO"}


def public_posts(world: World) -> list[Post]:
    """Return everybody's posts that can be seen, the newest first."""
    now, waiting = world.now(), (Approval.PENDING, Approval.IGNORED)
    seen = [post for post in world.every_post.values() if not post.gone(now) and post.approval not in waiting]
    # The sort is stable: of two posts with one time the later one comes first.
    seen.reverse()
    seen.sort(key=lambda post: post.published_at, reverse=True)
    return seen


def mentioned_in(world: World, post: Post) -> list[Account]:
    """Return the accounts that a post mentions, without its author."""
    names = {name.lower() for name in _MENTION.findall(post.content.get("text", ""))}
    if not names:
        return []
    return [it for it in world.accounts.values() if it.username in names and it.id != post.account_id]


def mentions(world: World, account: Account) -> list[Post]:
    """Return the public posts of others that mention an account."""
    return [post for post in public_posts(world) if account in mentioned_in(world, post)]


def search(world: World, account: Account, sent: Mapping[str, str]) -> list[Post]:
    """Return the posts with a keyword or a topic tag, the most liked or the newest first.

    A keyword is found if the text contains all of its words. How Threads ranks is not documented.
    """
    query = sent.get("q", "").strip()
    if not query:
        raise errors.refused("q", "is required")
    kind = _choice(sent, "search_type", "TOP", "RECENT")
    by_tag = _choice(sent, "search_mode", "KEYWORD", "TAG") == "TAG"
    media_type = _choice(sent, "media_type", "", *SEARCHED_TYPES)
    author = sent.get("author_username", "").lower()
    world.searches[account.id].append(Search(query, world.now()))
    found = [
        post
        for post in public_posts(world)
        if (_has_tag(post, query) if by_tag else _has_words(post, query))
        and (not media_type or media_fields.media_type(post) == SEARCHED_TYPES[media_type])
        and (not author or world.everybody[post.account_id].username == author)
    ]
    if kind == "TOP":
        found.sort(key=lambda post: made_up.metric(world, post, "likes"), reverse=True)
    return found


def _choice(sent: Mapping[str, str], name: str, usual: str, *others: str) -> str:
    """Read a parameter that takes one of a few words."""
    value = sent.get(name) or usual
    try:
        return value if value == usual else str(readers.one_of(*filter(None, (usual, *others)))(value))
    except ValueError as reason:
        raise errors.refused(name, str(reason)) from None


def _has_words(post: Post, query: str) -> bool:
    text = post.content.get("text", "").casefold()
    return all(word in text for word in query.casefold().split())


def _has_tag(post: Post, query: str) -> bool:
    return bool(post.content.get("topic_tag", "").casefold() == query.removeprefix("#").casefold())


def profile(world: World, username: str) -> Account:
    """Return a public profile with at least 100 followers. The error for any other is unverified."""
    if not username:
        raise errors.refused("username", "is required")
    found = next((it for it in world.everybody.values() if it.username == username.lower()), None)
    if found is None or made_up.followers(found) < made_up.FEWEST_FOLLOWERS:
        raise errors.unsupported("get", username)
    return found
