"""Cuts a list of posts into pages: ``since``, ``until``, ``limit``, ``after`` and ``before``. No HTTP here.

The newest post comes first. Source: Meta, "Retrieve media"; Graph API, "Paginated results".
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from emulator.threads_api import errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.threads_api.model import Post

#: The usual and the largest number of entries on a page.
PAGE_LENGTH = 25
LONGEST_PAGE = 100
#: ``until`` names a whole second, which is included.
_LAST_SECOND = timedelta(seconds=1)


def cut_page(posts: list[Post], sent: Mapping[str, str]) -> list[Post]:
    """Return the page that was asked for. Raises GraphError 100 for a malformed parameter."""
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
    """Return the cursors to the pages before and after this one."""
    return {"before": _cursor(page[0]), "after": _cursor(page[-1])}


def _cursor(post: Post) -> str:
    return urlsafe_b64encode(post.id.encode()).decode()


def _position(posts: list[Post], cursor: str) -> int:
    """Return the position of a cursor's post."""
    try:
        media_id = urlsafe_b64decode(cursor.encode()).decode()
        return [post.id for post in posts].index(media_id)
    except ValueError:
        raise errors.refused("cursor", "is not valid") from None


def _moment(sent: Mapping[str, str], name: str) -> datetime | None:
    """Read a Unix time or a date. A date without a zone is UTC."""
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
    """Read the length of a page. A larger number than allowed counts as the largest."""
    if not value.isdecimal() or int(value) < 1:
        raise errors.refused("limit", "must be a positive integer")
    return min(int(value), LONGEST_PAGE)
