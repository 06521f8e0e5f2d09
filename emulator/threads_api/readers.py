"""Readers of single parameters. A reader takes the text that was sent and returns the value.

It raises ValueError with the rest of a sentence that begins with the parameter's name ("must be …").
Source of the limits: Meta, "Create posts".
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from urllib.parse import urlsplit

Reader = Callable[[str], Any]

REPLY_CONTROLS = (
    "everyone",
    "accounts_you_follow",
    "mentioned_only",
    "parent_post_author_only",
    "followers_only",
)
STYLES = frozenset({"bold", "italic", "highlight", "underline", "strikethrough"})
POLL_OPTIONS = ("option_a", "option_b", "option_c", "option_d")
ALT_TEXT_LIMIT = 1_000
TOPIC_TAG_LIMIT = 50
POLL_OPTION_LENGTHS = range(1, 26)
ATTACHMENT_TEXT_LIMIT = 10_000
SPOILER_LIMIT = 10
FEWEST_CHILDREN, MOST_CHILDREN = 2, 20


# ---- readers of plain values


def text(value: str) -> str:
    """Read any text."""
    return value


def text_up_to(limit: int) -> Reader:
    """Return a reader of texts of at most ``limit`` characters."""

    def read(value: str) -> str:
        if len(value) > limit:
            raise ValueError(f"must be at most {limit} characters long")
        return value

    return read


def one_of(*choices: str) -> Reader:
    """Return a reader of these words."""

    def read(value: str) -> str:
        if value not in choices:
            raise ValueError(f"must be one of {{{', '.join(choices)}}}")
        return value

    return read


def boolean(value: str) -> bool:
    """Read true or false. Like Graph, accept 1 and 0, and capital letters."""
    spoken = {"true": True, "1": True, "false": False, "0": False}.get(value.lower())
    if spoken is None:
        raise ValueError("must be a boolean")
    return spoken


def media_id(value: str) -> str:
    """Read an id, which has only digits."""
    if not re.fullmatch(r"[0-9]+", value):
        raise ValueError("must be a valid ID")
    return value


def web_url(value: str) -> str:
    """Read an http or https URL. The emulator never fetches it."""
    if not _is_web_url(value):
        raise ValueError("must be a valid URL")
    return value


def link(value: str) -> str:
    """Read a link to show. Meta's examples have no scheme: www.facebook.com."""
    if not _is_link(value):
        raise ValueError("must be a valid URL")
    return value


def strings(value: str) -> list[str]:
    """Read a list of texts: a JSON array, or separated by commas."""
    listed = _parsed(value) if value.lstrip().startswith("[") else value.split(",")
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        raise ValueError("must be a list of strings")
    return [item.strip() for item in listed if item.strip()]


# ---- readers of one parameter each


def children(value: str) -> list[str]:
    """Read the ids of a carousel's containers."""
    ids = [media_id(child) for child in strings(value)]
    if not FEWEST_CHILDREN <= len(ids) <= MOST_CHILDREN:
        raise ValueError(f"must name {FEWEST_CHILDREN} to {MOST_CHILDREN} containers")
    return ids


def topic_tag(value: str) -> str:
    """Read a tag of 1 to 50 characters without a dot or an ampersand."""
    if len(value) > TOPIC_TAG_LIMIT or re.search(r"[.&]", value):
        raise ValueError(f"must be 1 to {TOPIC_TAG_LIMIT} characters long, without . and &")
    return value


def countries(value: str) -> list[str]:
    """Read ISO 3166-1 alpha-2 codes. Only their form is checked."""
    codes = strings(value)
    if not codes or not all(re.fullmatch(r"[A-Z]{2}", code) for code in codes):
        raise ValueError("must be a list of ISO 3166-1 alpha-2 codes")
    return codes


def poll(value: str) -> dict[str, str]:
    """Read two to four options of 1 to 25 characters."""
    given = _parsed_object(value)
    options = {name: given[name] for name in POLL_OPTIONS if given.get(name) is not None}
    if tuple(options) != POLL_OPTIONS[: max(2, len(options))]:
        raise ValueError("must have option_a and option_b, and option_c before option_d")
    if not all(isinstance(text, str) and len(text) in POLL_OPTION_LENGTHS for text in options.values()):
        raise ValueError("must have options of 1 to 25 characters")
    return options


def gif(value: str) -> dict[str, str]:
    """Read ``{gif_id, provider: "GIPHY"}``."""
    given = _parsed_object(value)
    if not isinstance(given.get("gif_id"), str) or not given["gif_id"]:
        raise ValueError("must have a gif_id")
    if given.get("provider") != "GIPHY":
        raise ValueError("must have the provider GIPHY")
    return {"gif_id": given["gif_id"], "provider": "GIPHY"}


def spoilers(value: str) -> list[dict[str, Any]]:
    """Read at most ten ``{entity_type: "SPOILER", offset, length}``. The offset's unit is unverified."""
    given = _parsed(value)
    if not isinstance(given, list) or len(given) > SPOILER_LIMIT:
        raise ValueError(f"must be a list of at most {SPOILER_LIMIT} entities")
    for entity in given:
        if not isinstance(entity, dict) or entity.get("entity_type") not in {"SPOILER", "spoiler"}:
            raise ValueError("must have entities of the type SPOILER")
    _check_ranges(given)
    return [{**entity, "entity_type": "SPOILER"} for entity in given]


def text_attachment(value: str) -> dict[str, Any]:
    """Read a long text with its styles (Meta, "Create posts > Text attachments")."""
    given = _parsed_object(value)
    plaintext = given.get("plaintext")
    if not isinstance(plaintext, str) or not 1 <= len(plaintext) <= ATTACHMENT_TEXT_LIMIT:
        raise ValueError(f"must have a plaintext of 1 to {ATTACHMENT_TEXT_LIMIT} characters")
    url = given.get("link_attachment_url")
    if url is not None and not _is_link(url):
        raise ValueError("must have a valid link_attachment_url")
    styling = given.get("text_with_styling_info", [])
    if not isinstance(styling, list):
        raise ValueError("must have a list as text_with_styling_info")  # noqa: TRY004 - readers raise ValueError only
    for style in styling:
        named = style.get("styling_info") if isinstance(style, dict) else None
        if not isinstance(named, list) or not named or not STYLES.issuperset(map(str, named)):
            raise ValueError(f"must have styling_info from {{{', '.join(sorted(STYLES))}}}")
    _check_ranges(styling)
    return given


def _check_ranges(ranges: list[dict[str, Any]]) -> None:
    """Raise ValueError for a wrong ``offset`` or ``length``, and for ranges that overlap."""
    spans = sorted(_span(one) for one in ranges)
    if any(start + length > following for (start, length), (following, _) in pairwise(spans)):
        raise ValueError("must have ranges that do not overlap")


def _span(one: dict[str, Any]) -> tuple[int, int]:
    """Return the offset and the length of a range."""
    offset, length = one.get("offset"), one.get("length")
    # Not isinstance: True is an int, too.
    if type(offset) is not int or type(length) is not int or offset < 0 or length < 1:
        raise ValueError("must have ranges with an offset from 0 and a length from 1")
    return offset, length


def _parsed(value: str) -> Any:
    """Parse JSON."""
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise ValueError("must be valid JSON") from None


def _parsed_object(value: str) -> dict[str, Any]:
    """Parse a JSON object."""
    parsed = _parsed(value)
    if not isinstance(parsed, dict):
        raise ValueError("must be a JSON object")  # noqa: TRY004 - readers raise ValueError only
    return parsed


def _is_link(value: object) -> bool:
    """Return whether this is a web URL, with or without its scheme."""
    return _is_web_url(value) or (
        isinstance(value, str) and "." in value and ":" not in value and _is_web_url(f"https://{value}")
    )


def _is_web_url(value: object) -> bool:
    """Return whether this is an absolute http or https URL."""
    if not isinstance(value, str):
        return False
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)
