"""What a post can have: one table of options, and the rules between them.

A row says everything about an option: its name here and at Threads, how its value is read and sent, on which
kinds of post it is allowed, and which scope it needs. Reading, checking, sending and docs/options.md go by
this table: a new parameter of Threads is a new row. Sources:
https://developers.facebook.com/docs/threads/posts and
https://developers.facebook.com/docs/threads/reference/publishing
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from threads import option_values as value
from threads.texts import Counting, count, links
from threads.wire import Fields

TEXT, IMAGE, VIDEO, CAROUSEL = "TEXT", "IMAGE", "VIDEO", "CAROUSEL"
ANY = (TEXT, IMAGE, VIDEO, CAROUSEL)
SINGLE = (IMAGE, VIDEO)

MAX_TEXT = 500
"""Threads' limit for a text. Its documentation speaks of characters and of emoji counted in UTF-8 bytes; in
production every character was seen to count that way (498 characters in 504 bytes were refused).
https://developers.facebook.com/docs/threads/overview#limitations"""

MAX_LINKS = 5
"""Different ones in a post, wherever they stand.
https://developers.facebook.com/docs/threads/posts#limitations"""


@dataclass(frozen=True)
class Option:
    """One row."""

    name: str
    """Here: the member of a request's body."""
    parameter: str
    """At Threads."""
    code: str
    """Of the error for a value that breaks the rule."""
    read: Callable[[Any], Any]
    """Returns the value as it is kept; raises Wrong."""
    send: Callable[[Any], str]
    """Returns it as Threads wants it, in a form."""
    rule: str
    """In a few words, for people."""
    example: Any
    kinds: Sequence[str] = ANY
    scope: str | None = None


_POST = "17900000000000000"

OPTIONS: tuple[Option, ...] = (
    Option("text", "text", "invalid_request", value.any_text, str, "at most 500, see below", "Hello"),
    Option(
        *("imageUrl", "image_url", "invalid_media_url", value.media_url, str),
        *("https, public; JPEG or PNG up to 8 MB", "https://example.com/cat.jpg", (IMAGE,)),
    ),
    Option(
        *("videoUrl", "video_url", "invalid_media_url", value.media_url, str),
        *("https, public; MP4 or MOV up to 1 GB and 300 s", "https://example.com/cat.mp4", (VIDEO,)),
    ),
    Option(
        *("media", "children", "invalid_media", value.media, value.sent_list),
        "a carousel: 2 to 20 of imageUrl or videoUrl, altText?",
        [
            {"imageUrl": "https://example.com/1.jpg", "altText": "One"},
            {"videoUrl": "https://example.com/2.mp4"},
        ],
        (CAROUSEL,),
    ),
    Option(
        *("altText", "alt_text", "invalid_alt_text", value.alt_text, str),
        *(f"at most {value.MAX_ALT_TEXT:,} characters", "A cat on a wall", SINGLE),
    ),
    Option(
        *("replyControl", "reply_control", "invalid_reply_control", value.reply_control, str),
        *(", ".join(value.REPLY_CONTROLS), "followers_only"),
    ),
    Option(
        *("replyToId", "reply_to_id", "invalid_post_id", value.threads_id, str),
        *("the media id of a post", _POST, ANY, "threads_manage_replies"),
    ),
    Option(
        *("quotePostId", "quote_post_id", "invalid_post_id", value.threads_id, str),
        *("the media id of a post", _POST),
    ),
    Option(
        *("linkAttachment", "link_attachment", "invalid_link", value.link, str),
        *("an http or https URL, shown as a card", "https://example.com/", (TEXT,)),
    ),
    Option(
        *("topicTag", "topic_tag", "invalid_topic_tag", value.topic_tag, str),
        *(f"1 to {value.MAX_TOPIC} characters without . and &", "cats"),
    ),
    Option(
        *("poll", "poll_attachment", "invalid_poll", value.poll, value.sent_poll),
        *(f"2 to 4 choices of 1 to {value.MAX_CHOICE} characters", ["Yes", "No"], (TEXT,)),
    ),
    Option(
        *("gif", "gif_attachment", "invalid_gif", value.gif, value.sent_gif),
        *("the id of a GIF at GIPHY", {"id": "l0HlBO7eyXzSZkJri"}, (TEXT,)),
    ),
    Option(
        *("textAttachment", "text_attachment", "invalid_text_attachment"),
        *(value.text_attachment, value.sent_text_attachment),
        f"plaintext of 1 to {value.MAX_ATTACHED:,} characters, link?, styling? without overlaps "
        f"({', '.join(value.STYLES)})",
        {"plaintext": "A long story", "styling": [{"offset": 2, "length": 4, "styles": ["bold"]}]},
        (TEXT,),
    ),
    Option(
        *("spoilers", "text_entities", "invalid_spoilers", value.spoilers, value.sent_spoilers),
        *(f"1 to {value.MAX_SPOILERS} ranges of the text without overlaps", [{"offset": 0, "length": 5}]),
    ),
    Option(
        *("spoilerMedia", "is_spoiler_media", "invalid_request", value.flag, value.sent_flag),
        *("hides the media until somebody wants to see them", True, (*SINGLE, CAROUSEL)),
    ),
    Option(
        *("ghost", "is_ghost_post", "invalid_request", value.flag, value.sent_flag),
        *("gone after a day; no reply", True, (TEXT,)),
    ),
    Option(
        *("replyApprovals", "enable_reply_approvals", "invalid_request", value.flag, value.sent_flag),
        *("replies wait for approval; a root post, no ghost", True),
    ),
    Option(
        *("countries", "allowlisted_country_codes", "invalid_countries"),
        *(value.countries, value.sent_list),
        *("ISO 3166-1 alpha-2; for profiles that Threads lets choose", ["DE", "FR"]),
    ),
    Option(
        *("locationId", "location_id", "invalid_location", value.threads_id, str),
        *("an id from Threads' location search", "123456789", ANY, "threads_location_tagging"),
    ),
    Option(
        *("shareToInstagram", "crossreshare_to_ig", "invalid_request", value.flag, value.sent_flag),
        *("shares it to the Instagram account, too", True, ANY, "threads_share_to_instagram"),
    ),
)
"""Every option, in the order of the documentation."""

BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}


class Exclusion(NamedTuple):
    """Two options that do not go together."""

    option: str
    other: str
    code: str
    message: str
    """Goes on where the first one's name ends."""


EXCLUSIONS = (
    Exclusion("videoUrl", "imageUrl", "too_many_media", "and imageUrl are one too many: a post has either."),
    Exclusion("media", "imageUrl", "too_many_media", "and imageUrl are one too many: put it into media."),
    Exclusion("media", "videoUrl", "too_many_media", "and videoUrl are one too many: put it into media."),
    Exclusion("ghost", "replyToId", "exclude_each_other", "cannot be a reply (replyToId)."),
    Exclusion("replyApprovals", "ghost", "exclude_each_other", "is not for ghost posts."),
    Exclusion("replyApprovals", "replyToId", "exclude_each_other", "is for root posts, not for replies."),
    Exclusion("textAttachment", "poll", "exclude_each_other", "cannot stand beside a poll."),
    Exclusion("gif", "poll", "exclude_each_other", "cannot stand beside a poll."),
)

Values = Mapping[str, Any]
"""The options that a post has, by name, as they are kept."""


def kind_of(options: Values) -> str:
    """Return Threads' word for the kind of post (``media_type``)."""
    if "media" in options:
        return CAROUSEL
    return IMAGE if "imageUrl" in options else VIDEO if "videoUrl" in options else TEXT


def read_options(fields: Fields, members: Mapping[str, Any], counting: Counting) -> dict[str, Any]:
    """Return the options among a body's members; every broken rule becomes a problem of ``fields``."""
    given = {name: it for name, it in members.items() if name in BY_NAME and not value.is_absent(it)}
    options: dict[str, Any] = {}
    for name, it in given.items():
        try:
            options[name] = BY_NAME[name].read(it)
        except value.Wrong as wrong:
            fields.problem(name, BY_NAME[name].code, str(wrong))
    for name, code, message in _broken_rules(given, options, counting):
        fields.problem(name, code, message)
    return options


def parameters(options: Values, children: Sequence[str] = ()) -> dict[str, str]:
    """Return the parameters of the create call; a carousel's has the containers of its media."""
    given = {**options, "media": children} if "media" in options else options
    sent = {row.parameter: row.send(given[row.name]) for row in OPTIONS if row.name in given}
    return {"media_type": kind_of(options), **sent}


def child_parameters(options: Values) -> list[dict[str, str]]:
    """Return the parameters of the call that creates each medium of a carousel, none for other posts."""
    return [{**parameters(medium), "is_carousel_item": "true"} for medium in options.get("media", ())]


def needed_scopes(options: Values) -> list[str]:
    """Return the scopes that these options need, beside the two that every post does."""
    return [row.scope for row in OPTIONS if row.scope and row.name in options]


def all_links(options: Values) -> list[str]:
    """Return the different links of a post: in its text, on its card, and in its text attachment."""
    attachment = options.get("textAttachment", {})
    found = [*links(options.get("text", "")), *links(attachment.get("plaintext", ""))]
    found += [it for it in (options.get("linkAttachment"), attachment.get("link")) if it]
    return list(dict.fromkeys(found))


def _broken_rules(given: Values, options: Values, counting: Counting) -> Iterator[tuple[str, str, str]]:
    """Yield the rules that single values cannot break: field, code and message."""
    kind, text = kind_of(given), options.get("text", "")
    is_text_known = "text" in options or "text" not in given
    if kind == TEXT and is_text_known and not text.strip():
        yield "text", "empty_post", "is missing: give a text, an image or a video to publish."
    size = count(text, counting)
    if size > MAX_TEXT:
        yield "text", "text_too_long", f"counts {size} ({counting.value}); Threads takes {MAX_TEXT}."
    many = len(all_links(options))
    if many > MAX_LINKS:
        yield "text", "too_many_links", f"and what is attached have {many} links; Threads takes {MAX_LINKS}."
    for name in options:
        kinds = BY_NAME[name].kinds
        if kind not in kinds and name not in {"imageUrl", "videoUrl", "media"}:
            wanted = " and ".join(one.lower() for one in kinds)
            yield name, "not_for_this_kind", f"is for {wanted} posts; this is of the kind {kind.lower()}."
    for option, other, code, message in EXCLUSIONS:
        if option in given and other in given:
            yield option, code, message
    if "linkAttachment" in options and "link" in options.get("textAttachment", {}):
        yield "linkAttachment", "exclude_each_other", "cannot stand beside the text attachment's own link."
    try:
        value.check_ranges(options.get("spoilers", []) if is_text_known else [], len(text))
    except value.Wrong as wrong:
        yield "spoilers", "invalid_spoilers", str(wrong)
