"""The insights of posts and profiles. The numbers are made up (``made_up``). No HTTP here.

Source: Meta, "Threads Insights API".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from emulator.threads_api import errors, made_up
from emulator.threads_api.fields import graph_time
from emulator.threads_api.inferred import DEMOGRAPHICS_AS_A_WHOLE, takes
from emulator.threads_api.paging import read_range

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from emulator.threads_api.model import Account, Post
    from emulator.threads_api.world import World

#: "The earliest Unix timestamp that can be used": April 13, 2024.
EARLIEST = datetime.fromtimestamp(1_712_991_600, UTC)
_DAY = timedelta(days=1)

MEDIA_METRICS = {
    "views": "The number of times your post was viewed.",
    "likes": "The number of likes on your post.",
    "replies": "The number of replies on your post.",
    "reposts": "The number of times your post was reposted.",
    "quotes": "The number of times your post was quoted.",
    "shares": "The number of times your post was shared.",
}

USER_METRICS = {
    "views": "The number of times your profile was viewed.",
    "likes": "The number of likes on your posts.",
    "replies": "The number of replies on your posts.",
    "reposts": "The number of times your posts were reposted.",
    "quotes": "The number of times your posts were quoted.",
    "clicks": "The number of times users clicked on a link.",
    "followers_count": "Your total number of followers on Threads.",
    "follower_demographics": "The demographic characteristics of followers.",
}

BREAKDOWNS = {
    "country": ("US", "GB", "DE", "NG"),
    "city": ("New York, New York", "London, England", "Berlin, Berlin", "Lagos, Lagos State"),
    "age": ("18-24", "25-34", "35-44", "45-54"),
    "gender": ("F", "M", "U"),
}


@dataclass(frozen=True)
class _Days:
    """The moments between which something is counted."""

    since: datetime
    until: datetime

    def __iter__(self) -> Iterator[datetime]:
        """Yield the beginning of each day."""
        day = datetime.combine(self.since.date(), time(tzinfo=UTC))
        while day < self.until:
            yield day
            day += _DAY


def of_post(world: World, post: Post, sent: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the metrics of a post. "An empty array will be returned for REPOST_FACADE posts"."""
    names = _metrics(sent, MEDIA_METRICS)
    if "reposted_post" in post.content:
        return []
    return [
        _entry(post.id, name, "lifetime", MEDIA_METRICS[name], name.capitalize())
        | {"values": [{"value": made_up.metric(world, post, name)}]}
        for name in names
    ]


def of_account(world: World, account: Account, sent: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the metrics of a profile, by default of yesterday and today."""
    names = _metrics(sent, USER_METRICS)
    since, until = read_range(sent, world.now(), EARLIEST)
    today = datetime.combine(world.now().date(), time(tzinfo=UTC))
    days = _Days(since or today - _DAY, until or world.now())
    return [
        _entry(account.id, name, "day", USER_METRICS[name], name)
        | _user_value(world, account, name, days, sent.get("breakdown"))
        for name in names
    ]


def _user_value(
    world: World, account: Account, name: str, days: _Days, breakdown: str | None
) -> dict[str, Any]:
    """Return the member of an entry that has the numbers: a time series, a total, or one per link."""
    if name == "views":
        viewed = ((day, made_up.profile_views(account, day.date())) for day in days)
        return {"values": [{"value": count, "end_time": graph_time(day + _DAY)} for day, count in viewed]}
    if name == "followers_count":
        return {"total_value": {"value": made_up.followers(account)}}
    if name == "follower_demographics":
        return {"total_value": _demographics(world, account, breakdown)}
    posts = [
        post
        for post in world.posts.values()
        if post.account_id == account.id and days.since <= post.published_at <= days.until
    ]
    if name == "clicks":
        links = dict.fromkeys(
            post.content["link_attachment"] for post in posts if "link_attachment" in post.content
        )
        return {"link_total_values": [{"value": made_up.clicks(url), "link_url": url} for url in links]}
    return {"total_value": {"value": sum(made_up.metric(world, post, name) for post in posts)}}


def _demographics(world: World, account: Account, breakdown: str | None) -> dict[str, Any]:
    """Return the followers by country, city, age or gender. The members are Instagram's (unverified)."""
    followers = made_up.followers(account)
    if followers < made_up.FEWEST_FOLLOWERS:
        raise errors.refused("metric", "follower_demographics needs at least 100 followers")
    if not breakdown and takes(world.settings, DEMOGRAPHICS_AS_A_WHOLE):
        return {"value": followers}
    if breakdown not in BREAKDOWNS:
        raise errors.refused("breakdown", f"must be one of {{{', '.join(BREAKDOWNS)}}}")
    counts = made_up.shares_of(followers, BREAKDOWNS[breakdown], account.id)
    results = [{"dimension_values": [name], "value": count} for name, count in counts.items()]
    return {"breakdowns": [{"dimension_keys": [breakdown], "results": results}]}


def _metrics(sent: Mapping[str, str], known: Mapping[str, str]) -> list[str]:
    """Read ``metric``, which is required."""
    names = [name.strip() for name in sent.get("metric", "").split(",") if name.strip()]
    if not names or not known.keys() >= set(names):
        raise errors.refused("metric", f"must be one of {{{', '.join(known)}}}")
    return list(dict.fromkeys(names))


def _entry(about: str, name: str, period: str, description: str, title: str) -> dict[str, Any]:
    """Return what every metric has."""
    return {
        "name": name,
        "period": period,
        "title": title,
        "description": description,
        "id": f"{about}/insights/{name}/{period}",
    }
