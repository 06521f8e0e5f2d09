"""Cuts a list of posts into pages: ``since``, ``until``, ``limit``, ``after`` and ``before``. No HTTP here.

Source: Meta, "Reference > User"; Graph API, "Paginated results".
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from emulator.threads_api import errors
from emulator.threads_api.moments import read_moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.threads_api.model import Post

#: The usual and the largest number of entries on a page.
PAGE_LENGTH = 25
LONGEST_PAGE = 100
#: "The timestamp must be greater than or equal to 1688540400": the day on which Threads began.
EARLIEST = datetime.fromtimestamp(1_688_540_400, UTC)
#: ``until`` names a whole second, which is included.
_LAST_SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Page:
    """A part of a list."""

    posts: list[Post]
    has_previous: bool
    has_next: bool

    def paging(self, address: str, sent: Mapping[str, str]) -> dict[str, Any]:
        """Return the cursors, and the URLs of the pages before and after this one.

        Args:
            address: the URL of the list, without a query.
            sent: all parameters of the request, with the token.

        """
        before, after = _cursor(self.posts[0]), _cursor(self.posts[-1])
        kept = {name: value for name, value in sent.items() if name not in {"before", "after"}}
        links = {
            "next": {"after": after} if self.has_next else None,
            "previous": {"before": before} if self.has_previous else None,
        }
        return {
            "cursors": {"before": before, "after": after},
            **{
                name: f"{address}?{urlencode({**kept, **cursor})}" for name, cursor in links.items() if cursor
            },
        }


def cut_page(posts: list[Post], sent: Mapping[str, str], now: datetime) -> Page:
    """Return the page that was asked for. Raises GraphError 100 for a malformed parameter."""
    since, until = read_range(sent, now)
    within = [
        post
        for post in posts
        if (since is None or post.published_at >= since)
        and (until is None or post.published_at < until + _LAST_SECOND)
    ]
    length = _length(sent.get("limit") or str(PAGE_LENGTH))
    if sent.get("before") and sent.get("after"):
        raise errors.refused("before", "is not supported together with after")
    if sent.get("before"):
        end = _position(within, sent["before"])
        start = max(0, end - length)
    else:
        start = _position(within, sent["after"]) + 1 if sent.get("after") else 0
        end = start + length
    return Page(within[start:end], has_previous=start > 0, has_next=end < len(within))


def read_range(
    sent: Mapping[str, str], now: datetime, earliest: datetime = EARLIEST
) -> tuple[datetime | None, datetime | None]:
    """Read ``since`` and ``until``. Raises GraphError 100 for what is documented as not allowed."""
    since, until = _moment(sent, "since", now), _moment(sent, "until", now)
    for name, moment in (("since", since), ("until", until)):
        if moment is not None and moment < earliest:
            raise errors.refused(name, f"must be greater than or equal to {int(earliest.timestamp())}")
    if since is not None and until is not None and since >= until:
        raise errors.refused("since", "must be less than until")
    return since, until


def _moment(sent: Mapping[str, str], name: str, now: datetime) -> datetime | None:
    if not sent.get(name):
        return None
    try:
        return read_moment(sent[name], now)
    except (ValueError, OverflowError, OSError):
        raise errors.refused(name, "must be a Unix timestamp or a date") from None


def _cursor(post: Post) -> str:
    return urlsafe_b64encode(post.id.encode()).decode()


def _position(posts: list[Post], cursor: str) -> int:
    """Return the position of a cursor's post."""
    try:
        media_id = urlsafe_b64decode(cursor.encode()).decode()
        return [post.id for post in posts].index(media_id)
    except ValueError:
        raise errors.refused("cursor", "is not valid") from None


def _length(value: str) -> int:
    """Read the length of a page. A larger number than allowed counts as the largest."""
    if not value.isdecimal() or int(value) < 1:
        raise errors.refused("limit", "must be a positive integer")
    return min(int(value), LONGEST_PAGE)
