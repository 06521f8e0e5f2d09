"""Made-up numbers: what only Threads' users could give. They follow from ids, and never change.

Replies, reposts and quotes are counted. Views, likes, shares, clicks, followers and votes are made up.
"""

from __future__ import annotations

import zlib
from datetime import timedelta
from typing import TYPE_CHECKING

from emulator.threads_api import replies

if TYPE_CHECKING:
    from datetime import date

    from emulator.threads_api.model import Account, Post
    from emulator.threads_api.world import World

#: Meta, "Profiles": counts are of "the past 7 days".
_RECENT = timedelta(days=7)
_MOST_VIEWS, _MOST_FOLLOWERS, _MOST_VOTES = 5_000, 20_000, 200
#: What lookups and demographics need (Meta, "Profiles > Limitations").
FEWEST_FOLLOWERS = 100


def _number(about: str, most: int) -> int:
    """Return a number from 0 to ``most`` that follows from a text."""
    return zlib.crc32(about.encode()) % (most + 1)


def followers(account: Account) -> int:
    """Return how many followers an account has: as a control has set it, or at least 100."""
    if account.followers_count is not None:
        return account.followers_count
    return FEWEST_FOLLOWERS + _number(account.username, _MOST_FOLLOWERS)


def metric(world: World, post: Post, name: str) -> int:
    """Return one of the six numbers of a post (Meta, "Insights > Media insights")."""
    views = _number(post.id, _MOST_VIEWS)
    counted = {
        "replies": lambda: len(replies.direct(world, post) if post.is_reply else replies.below(world, post)),
        "reposts": lambda: _naming(world, post, "reposted_post"),
        "quotes": lambda: _naming(world, post, "quote_post_id"),
        "views": lambda: views,
        "likes": lambda: views // 11,
        "shares": lambda: views // 97,
    }
    return counted[name]()


def _naming(world: World, post: Post, parameter: str) -> int:
    """Count the posts that repost, or quote, a post."""
    now = world.now()
    return sum(
        one.content.get(parameter) == post.id and not one.gone(now) for one in world.every_post.values()
    )


def recent(world: World, account: Account, name: str) -> int:
    """Return a number of all posts of an account of the past 7 days."""
    since = world.now() - _RECENT
    return sum(
        metric(world, post, name)
        for post in world.every_post.values()
        if post.account_id == account.id and post.published_at >= since and not post.gone(world.now())
    )


def profile_views(account: Account, day: date) -> int:
    """Return how often a profile was viewed on a day."""
    return _number(f"{account.id} {day}", _MOST_VIEWS)


def clicks(url: str) -> int:
    """Return how often people clicked on a link."""
    return _number(url, _MOST_VOTES)


def shares_of(total: int, names: tuple[str, ...], about: str) -> dict[str, int]:
    """Divide a number among names."""
    weights = [1 + _number(f"{about} {name}", 9) for name in names]
    counts = [total * weight // sum(weights) for weight in weights]
    counts[0] += total - sum(counts)
    return dict(zip(names, counts, strict=True))


def poll(post: Post, options: tuple[str, ...]) -> dict[str, float]:
    """Return the votes of a poll, as in Meta's sample: shares of 1, and their number."""
    total = 1 + _number(post.id, _MOST_VOTES)
    votes = shares_of(total, options, post.id)
    percentages = {f"{name}_votes_percentage": round(count / total, 2) for name, count in votes.items()}
    return {**percentages, "total_votes": total}
