"""What clients send in production although Meta's documentation does not have it: taken, unless ``strict``.

INFERRED lists each case with its source. That Threads takes it is inferred from that source, not from a call.
With the setting ``strict`` (``--strict``) the emulator takes only what is documented.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from emulator.threads_api.settings import Settings


@dataclass(frozen=True)
class Inferred:
    """Something that is sent but not documented."""

    what: str
    source: str


_POSTIZ = "Postiz (gitroomhq/postiz-app, threads.provider.ts)"

EMPTY_CHOICES = Inferred(
    "a poll whose third or fourth choice is empty", "Meta's sample app sends option_c and option_d as typed"
)
NUMBERS_AS_TEXTS = Inferred(
    'the offset and the length of a spoiler or a style as texts: "offset": "4"',
    "Meta's sample app, public/scripts/text-parser.js",
)
TEXT_OF_AN_ITEM = Inferred(
    "a text for a carousel item, which is ignored",
    f"{_POSTIZ} sends the carousel's text with each item",
)
SLASH_AT_THE_END = Inferred(
    "a slash at the end of a path", "Meta's Postman collection, Check Container's Publishing Status"
)
CODE_BY_GET = Inferred(
    "a code that is exchanged by GET", f"{_POSTIZ}; so does the Graph API: Meta, Manually build a login flow"
)
WINDOW_WITHOUT_TYPE = Inferred(
    "an authorization window without response_type",
    f"{_POSTIZ}; elsewhere its default is code: Meta, Manually build a login flow",
)
DEMOGRAPHICS_AS_A_WHOLE = Inferred(
    "follower_demographics without a breakdown", "Meta's Postman collection, Get Account Insights"
)

INFERRED = (
    EMPTY_CHOICES,
    NUMBERS_AS_TEXTS,
    TEXT_OF_AN_ITEM,
    SLASH_AT_THE_END,
    CODE_BY_GET,
    WINDOW_WITHOUT_TYPE,
    DEMOGRAPHICS_AS_A_WHOLE,
)


def takes(settings: Settings, case: Inferred) -> bool:
    """Return whether an undocumented case is taken."""
    return case in INFERRED and not settings.strict


def as_documented(settings: Settings, sent: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters of a creation in the form that is documented."""
    changed = dict(sent)
    if settings.strict:
        return changed
    if changed.get("is_carousel_item", "").lower() in {"true", "1"}:
        changed.pop("text", None)
    for name, change in _CHANGES.items():
        # What is not JSON is refused later, with a message of its own.
        with suppress(ValueError, RecursionError):
            if name in changed:
                changed[name] = json.dumps(change(json.loads(changed[name])))
    return changed


def _without_empty_choices(poll: Any) -> Any:
    if not isinstance(poll, dict):
        return poll
    return {name: text for name, text in poll.items() if text != "" or name not in {"option_c", "option_d"}}


def _with_numbers(ranges: Any) -> Any:
    if not isinstance(ranges, list):
        return ranges
    return [_with_number(one) for one in ranges]


def _with_number(one: Any) -> Any:
    if not isinstance(one, dict):
        return one
    numbers = {name: int(one[name]) for name in ("offset", "length") if _is_number(one.get(name))}
    return {**one, **numbers}


def _is_number(value: object) -> bool:
    return isinstance(value, str) and value.isascii() and value.isdecimal()


def _with_styled_numbers(attachment: Any) -> Any:
    if not isinstance(attachment, dict) or "text_with_styling_info" not in attachment:
        return attachment
    return {**attachment, "text_with_styling_info": _with_numbers(attachment["text_with_styling_info"])}


_CHANGES: dict[str, Callable[[Any], Any]] = {
    "poll_attachment": _without_empty_choices,
    "text_entities": _with_numbers,
    "text_attachment": _with_styled_numbers,
}
