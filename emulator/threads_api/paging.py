"""Cuts a newest-first list as ``since, until, limit, after, before`` ask for. No HTTP in here.

Sources: Meta, "Retrieve media" and "Paginated results" of the Graph API.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from emulator.threads_api import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.threads_api.model import Post

#: A page holds 25 entries unless asked otherwise, 100 at most.
PAGE_LENGTH = 25
LONGEST_PAGE = 100
#: Times are compared in whole seconds, so ``until`` includes the second that it names.
_LAST_SECOND = timedelta(seconds=1)


def cut_page(posts: list[Post], sent: Mapping[str, str]) -> list[Post]:
    """Return the page that was asked for; raises GraphError 100 for a parameter that cannot be read."""
    since, until = _moment(sent, "since"), _moment(sent, "until")
    within = [
        post
        for post in posts
        if (since is None or post.published_at >= since)
        and (until is None or post.published_at < until + _LAST_SECOND)
    ]
    length = _length(sent.get("limit", str(PAGE_LENGTH)))
    if sent.get("before"):
        return within[: _position(within, sent["before"])][-length:]
    start = _position(within, sent["after"]) + 1 if sent.get("after") else 0
    return within[start : start + length]


def cursors_of(page: list[Post]) -> dict[str, str]:
    """Return the cursors that lead to what is before and after a page."""
    return {"before": _cursor(page[0]), "after": _cursor(page[-1])}


def _cursor(post: Post) -> str:
    return urlsafe_b64encode(post.id.encode()).decode()


def _position(posts: list[Post], cursor: str) -> int:
    """Return where the post behind a cursor stands."""
    try:
        media_id = urlsafe_b64decode(cursor.encode()).decode()
        return [post.id for post in posts].index(media_id)
    except ValueError:
        raise errors.refused("cursor", "is not valid") from None


def _moment(sent: Mapping[str, str], name: str) -> datetime | None:
    """Read a Unix time or a date; without a zone it is UTC."""
    value = sent.get(name)
    if not value:
        return None
    try:
        if value.isdecimal():
            return datetime.fromtimestamp(int(value), UTC)
        moment = datetime.fromisoformat(value)
    except (ValueError, OverflowError, OSError):
        raise errors.refused(name, "must be a Unix timestamp or a date") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _length(value: str) -> int:
    """Read a page's length; a longer one than allowed is cut."""
    if not value.isdecimal() or int(value) < 1:
        raise errors.refused("limit", "must be a positive integer")
    return min(int(value), LONGEST_PAGE)
