"""What the virtual Threads remembers: containers and posts."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

CONTAINER_LIFETIME = timedelta(hours=24)


_EXTRAS = {"link_attachment_url": "link_attachment", "topic_tag": "topic_tag"}
"""Of a list's entry, and where the form of the post has it."""

_LISTED = {"TEXT": "TEXT_POST", "CAROUSEL": "CAROUSEL_ALBUM"}


class Fate(StrEnum):
    """What may become of a container instead of a post."""

    BREAKS = "ERROR"
    EXPIRES = "EXPIRED"
    VANISHES = "lost"


@dataclass
class Container:
    """A container and what has become of it."""

    id: str
    form: dict[str, str]
    created_at: datetime
    ready_at: datetime
    fate: str = ""
    reason: str = ""
    media_id: str = ""
    is_forgotten: bool = False
    """Threads knows it no longer, although it may be published."""

    @property
    def is_child(self) -> bool:
        """Whether it is a medium of a carousel, which nothing publishes by itself."""
        return "is_carousel_item" in self.form

    def status(self, now: datetime) -> str:
        """Return the status that Threads tells."""
        if self.is_forgotten:
            return Fate.VANISHES
        if self.media_id:
            return "PUBLISHED"
        if self.fate:
            return self.fate
        if now >= self.created_at + CONTAINER_LIFETIME:
            return Fate.EXPIRES
        return "FINISHED" if now >= self.ready_at else "IN_PROGRESS"


class Call(NamedTuple):
    """When a call was made."""

    meant_at: datetime
    """After the caller has looked at its clock."""
    sent_at: datetime
    """Later, where the caller stands still at the socket."""
    deadline: datetime
    """Later, nothing that publishes is meant to be sent: the end of the request, or of the lease."""


@dataclass
class Post:
    """A post that is out."""

    id: str
    form: dict[str, str]
    published_at: datetime
    """By Threads' clock."""
    listed_at: datetime
    """From when on lists have it, by ours."""
    call: "Call"
    out_at: datetime
    in_one_call: bool = False
    is_hidden: bool = False
    """A list was without it although it was due there."""
    is_deleted: bool = False
    """Its owner has deleted it in the Threads app."""

    @property
    def reply_to(self) -> str:
        """What it answers, if anything."""
        return self.form.get("reply_to_id", "")

    def as_json(self, shown: Callable[[str], str]) -> dict[str, str]:
        """Return its entry in a list, with its text as Threads shows it."""
        kind = self.form["media_type"]
        extras = {name: self.form[sent] for name, sent in _EXTRAS.items() if sent in self.form}
        return {
            "id": self.id,
            "media_type": _LISTED.get(kind, kind),
            "text": shown(self.form.get("text", "")),
            "timestamp": self.published_at.strftime("%Y-%m-%dT%H:%M:%S+0000"),
            "permalink": f"https://www.threads.net/@a/post/{self.id}",
            **extras,
        }
