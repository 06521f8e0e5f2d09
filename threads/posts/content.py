"""What is published: the options of one post, and of the posts that follow it in its thread."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from threads.base.scopes import DEFAULT_SCOPES
from threads.posts import options

ANY_POST = "1"
"""Stands for the previous post, whose id is not known yet."""


@dataclass(frozen=True)
class Content:
    """The checked options of a post. Firestore and answers have them under the web app's names."""

    values: options.Values

    @property
    def media_type(self) -> str:
        """Threads' name for the kind of post."""
        return options.kind_of(self.values)

    @property
    def text(self) -> str:
        """The text, empty if there is none."""
        return str(self.values.get("text", ""))

    @property
    def is_reply(self) -> bool:
        """Whether it answers another post. Threads' lists may not show a reply."""
        return "replyToId" in self.values

    @property
    def named(self) -> tuple[str, ...]:
        """The options of this post that name something which may not exist at Threads."""
        return tuple(name for name in options.NAMING if name in self.values)

    @property
    def replies(self) -> "Sequence[Content]":
        """The posts that follow it in its thread, in order."""
        return [Content(values) for values in self.values.get("thread", ())]

    @property
    def needed_scopes(self) -> tuple[str, ...]:
        """The scopes that publishing it needs, including the posts that follow it."""
        whole = [self, *(reply.answering(ANY_POST) for reply in self.replies)]
        extra = (scope for content in whole for scope in options.needed_scopes(content.values))
        return tuple(dict.fromkeys((*DEFAULT_SCOPES, *extra)))

    def answering(self, media_id: str) -> Self:
        """Return the same content as a reply to a post."""
        return type(self)({**self.values, "replyToId": media_id})

    def as_json(self) -> dict[str, Any]:
        """Return the content under the web app's names, as a record stores it."""
        return dict(self.values)

    def parameters(self, children: Sequence[str] = ()) -> dict[str, str]:
        """Return the parameters of the create call. A carousel's name the containers of its items."""
        return options.parameters(self.values, children)

    def child_parameters(self) -> list[dict[str, str]]:
        """Return the parameters of the calls that create a carousel's items. Other posts have none."""
        return options.child_parameters(self.values)
