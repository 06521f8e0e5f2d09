"""Reading a thread from a request: given as a list of posts, or as one long text to split."""

from collections.abc import Mapping
from typing import Any

from threads.base.config import Counting
from threads.base.validation import Fields
from threads.posts import options
from threads.posts.content import ANY_POST
from threads.posts.option_values import is_absent
from threads.posts.text import Unsplittable, split

MAX_THREAD = 25
"""The most posts of a thread: as many as a request has time for."""


def read_thread(fields: Fields, members: Mapping[str, Any], counting: Counting) -> dict[str, Any]:
    """Return the options of the first post, with those of any others as its ``thread``.

    Every broken rule becomes a problem of ``fields`` that names its place, such as ``thread[1].text``.
    """
    wants_split = fields.flag("split")
    posts = members.get("thread")
    if posts is None:
        read = _split if wants_split else options.read_options
        return read(fields, members, counting)
    for name in [name for name in options.BY_NAME if not is_absent(members.get(name))]:
        fields.problem(name, "exclude_each_other", "cannot stand beside thread: put it into its first post.")
    if wants_split:
        fields.problem("split", "exclude_each_other", "cannot stand beside thread.")
    if not isinstance(posts, list) or not 2 <= len(posts) <= MAX_THREAD:  # noqa: PLR2004 - one is no thread
        many = f"{len(posts)} were" if isinstance(posts, list) else "none was"
        fields.problem(
            "thread", "invalid_thread", f"must be a list of 2 to {MAX_THREAD} posts; {many} given."
        )
        return {}
    first, *others = [_read_post(fields, position, post, counting) for position, post in enumerate(posts)]
    return {**first, "thread": others}


def _read_post(fields: Fields, position: int, post: Any, counting: Counting) -> dict[str, Any]:
    """Read one post of a thread. The rules for replies apply to each but the first."""
    place = f"thread[{position}]"
    if not isinstance(post, dict):
        fields.problem(place, "invalid_thread", "must be an object with the options of a post.")
        return {}
    inner = Fields(post, known=options.BY_NAME)
    if position and "replyToId" in post:
        inner.problem("replyToId", "invalid_thread", "is the post before; leave it out.")
    placed = {**post, "replyToId": ANY_POST} if position else post
    values = options.read_options(inner, placed, counting)
    for problem in inner.problems:
        fields.problem(f"{place}.{problem.field}", problem.code, problem.message)
    return {name: it for name, it in values.items() if not (position and name == "replyToId")}


def _split(fields: Fields, members: Mapping[str, Any], counting: Counting) -> dict[str, Any]:
    """Read a post whose text continues in replies if it is too long."""
    text = members.get("text")
    if not isinstance(text, str) or not text.strip():
        return options.read_options(fields, members, counting)
    try:
        parts = split(text.strip(), options.MAX_TEXT, counting)
    except Unsplittable as error:
        message = f"has a piece that cannot be cut and counts {error.size}; Threads takes {options.MAX_TEXT}."
        fields.problem("text", "text_too_long", message)
        return {}
    first, *others = [part for part in parts if part.strip()]
    if len(others) >= MAX_THREAD:
        message = f"makes {len(others) + 1} posts; a thread has {MAX_THREAD} at most."
        fields.problem("text", "text_too_long", message)
        return {}
    values = options.read_options(fields, {**members, "text": first}, counting)
    return {**values, "thread": [{"text": part} for part in others]} if others else values
