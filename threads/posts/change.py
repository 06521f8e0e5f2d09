"""Reading a request to change a scheduled post: its new content and time, given those that it has."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from threads.base.config import Counting
from threads.base.validation import Fields
from threads.posts import options
from threads.posts.content import Content
from threads.posts.option_values import is_absent
from threads.posts.submission import scheduled_time_of
from threads.posts.thread_option import read_thread

WHOLE = ("thread", "split")
"""The members that say how the whole content is given."""


class Change(NamedTuple):
    """What a scheduled post is to be."""

    content: Content
    scheduled_time: datetime | None
    """When to publish it. None: when it is due anyway."""


def read_change(body: Mapping[str, Any], content: Content, now: datetime, counting: Counting) -> Change:
    """Read a request to change a post.

    Args:
        body: the members of the request's body. An option takes the place of the one that the post has. If
            it is null, the post loses it.
        content: the content that the post has.
        now: the time, with which scheduledTime is compared.
        counting: how a text's length is counted.

    Raises:
        InvalidRequest: nothing is to change, or at least one rule is broken; the error lists all of them.

    """
    fields = Fields(body, known=("postId", "scheduledTime", *WHOLE, *options.BY_NAME))
    scheduled_time = scheduled_time_of(fields, now)
    given = {name: it for name, it in body.items() if name in options.BY_NAME or name in WHOLE}
    if scheduled_time is None and not (given or fields.problems):
        fields.problem(
            "scheduledTime", "invalid_request", "or an option of the post must say what to change."
        )
    changed = Content(read_thread(fields, _merged(content, given), counting)) if given else content
    fields.check()
    return Change(changed, scheduled_time)


def _merged(content: Content, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a request for the content as it is to be.

    A new thread takes the place of everything. Beside a thread that stays, an option is refused, because it
    does not say of which post.
    """
    first = content.as_json()
    others = first.pop("thread", None)
    if not is_absent(given.get("thread")):
        return dict(given)
    if others and "thread" not in given and is_absent(given.get("split")):
        return {"thread": [first, *others], **given}
    return {**first, **given}
