"""Whether a listed post of Threads is one of ours: its type, its time and its text."""

import unicodedata
from datetime import datetime

from threads.graph.media import LISTED_TYPES, RecentPost
from threads.posts.content import Content
from threads.posts.ledger import CLOCK_ALLOWANCE, Record


def search_begins(record: Record) -> datetime:
    """Return the earliest time at which Threads can have published a record's post."""
    return (record.container_at or record.sent_at or record.created_at) - CLOCK_ALLOWANCE


def is_listed_as(listed: RecentPost, content: Content, since: datetime) -> bool:
    """Return whether a listed post has the type, time and text of a post that may be out since then."""
    return (
        listed.published_at >= since.replace(microsecond=0)
        and listed.media_type == LISTED_TYPES[content.media_type]
        and is_same_text(listed.text, content.text)
    )


def is_same_text(one: str, other: str) -> bool:
    """Return whether two texts are equal, apart from what Threads may change."""
    return _letters(one) == _letters(other)


def _letters(text: str) -> str:
    """Return a text without what Threads may change: white space, and the way accents are encoded."""
    return "".join(unicodedata.normalize("NFC", text).split())
