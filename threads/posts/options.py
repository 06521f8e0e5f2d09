"""What a post can have: one table of options, and the rules between them.

A row says everything about an option: its name here and at Threads, how its value is read and sent, which
kinds of post may have it, and which scope it needs. Reading, checking, sending and docs/options.md follow
this table, so a new parameter of Threads begins with a new row; "Add an option" in CONTRIBUTING.md lists the
other places, such as the emulator and the page.

Sources: https://developers.facebook.com/docs/threads/posts and
https://developers.facebook.com/docs/threads/reference/publishing
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from threads.base.config import Counting
from threads.base.validation import Fields, Wrong, flag
from threads.posts import option_values as value
from threads.posts.text import count, links

TEXT, IMAGE, VIDEO, CAROUSEL = "TEXT", "IMAGE", "VIDEO", "CAROUSEL"
ANY = (TEXT, IMAGE, VIDEO, CAROUSEL)
SINGLE = (IMAGE, VIDEO)

MAX_TEXT = 500
"""Threads' limit for a text. Its documentation counts characters, and only emoji as their bytes in UTF-8. In
production every character was seen to count as its bytes (498 characters in 504 bytes were refused).
https://developers.facebook.com/docs/threads/overview#limitations"""

MAX_LINKS = 5
"""The most different links in a post, wherever they are.
https://developers.facebook.com/docs/threads/posts#limitations"""


@dataclass(frozen=True, kw_only=True)
class Option:
    """One row of the table."""

    name: str
    """The member of a request's body."""
    parameter: str
    """The parameter at Threads."""
    code: str
    """The code of the error if a value breaks the rule."""
    read: Callable[[Any], Any]
    """Returns the value as it is stored, or raises ``Wrong``."""
    send: Callable[[Any], str]
    """Returns the value as Threads expects it in a form."""
    rule: str
    """The rule in a few words, for people."""
    example: Any
    kinds: Sequence[str] = ANY
    scope: str | None = None


_POST = "17900000000000000"

OPTIONS: tuple[Option, ...] = (
    Option(
        name="text",
        parameter="text",
        code="invalid_request",
        read=value.any_text,
        send=str,
        rule="at most 500, see below",
        example="Hello",
    ),
    Option(
        name="imageUrl",
        parameter="image_url",
        code="invalid_media_url",
        read=value.media_url,
        send=str,
        rule="https, public; JPEG or PNG up to 8 MB",
        example="https://example.com/cat.jpg",
        kinds=(IMAGE,),
    ),
    Option(
        name="videoUrl",
        parameter="video_url",
        code="invalid_media_url",
        read=value.media_url,
        send=str,
        rule="https, public; MP4 or MOV up to 1 GB and 300 s",
        example="https://example.com/cat.mp4",
        kinds=(VIDEO,),
    ),
    Option(
        name="media",
        parameter="children",
        code="invalid_media",
        read=value.media,
        send=value.sent_list,
        rule="a carousel: 2 to 20 of imageUrl or videoUrl, altText?",
        example=[
            {"imageUrl": "https://example.com/1.jpg", "altText": "One"},
            {"videoUrl": "https://example.com/2.mp4"},
        ],
        kinds=(CAROUSEL,),
    ),
    Option(
        name="altText",
        parameter="alt_text",
        code="invalid_alt_text",
        read=value.alt_text,
        send=str,
        rule=f"at most {value.MAX_ALT_TEXT:,} characters",
        example="A cat on a wall",
        kinds=SINGLE,
    ),
    Option(
        name="replyControl",
        parameter="reply_control",
        code="invalid_reply_control",
        read=value.reply_control,
        send=str,
        rule=", ".join(value.REPLY_CONTROLS),
        example="followers_only",
    ),
    Option(
        name="replyToId",
        parameter="reply_to_id",
        code="invalid_post_id",
        read=value.media_id,
        send=str,
        rule="the media id of a post",
        example=_POST,
        scope="threads_manage_replies",
    ),
    Option(
        name="quotePostId",
        parameter="quote_post_id",
        code="invalid_post_id",
        read=value.media_id,
        send=str,
        rule="the media id of a post",
        example=_POST,
    ),
    Option(
        name="linkAttachment",
        parameter="link_attachment",
        code="invalid_link",
        read=value.link,
        send=str,
        rule="an http or https URL, shown as a card",
        example="https://example.com/",
        kinds=(TEXT,),
    ),
    Option(
        name="topicTag",
        parameter="topic_tag",
        code="invalid_topic_tag",
        read=value.topic_tag,
        send=str,
        rule=f"1 to {value.MAX_TOPIC} characters without . and &; a # before it is left out",
        example="cats",
    ),
    Option(
        name="poll",
        parameter="poll_attachment",
        code="invalid_poll",
        read=value.poll,
        send=value.sent_poll,
        rule=f"2 to 4 choices of 1 to {value.MAX_CHOICE} characters",
        example=["Yes", "No"],
        kinds=(TEXT,),
    ),
    Option(
        name="gif",
        parameter="gif_attachment",
        code="invalid_gif",
        read=value.gif,
        send=value.sent_gif,
        rule="the id of a GIF at GIPHY, or its address there",
        example={"id": "l0HlBO7eyXzSZkJri"},
        kinds=(TEXT,),
    ),
    Option(
        name="textAttachment",
        parameter="text_attachment",
        code="invalid_text_attachment",
        read=value.text_attachment,
        send=value.sent_text_attachment,
        rule=f"plaintext of 1 to {value.MAX_ATTACHED:,} characters, link?, styling? without overlaps "
        f"({', '.join(value.STYLES)})",
        example={"plaintext": "A long story", "styling": [{"offset": 2, "length": 4, "styles": ["bold"]}]},
        kinds=(TEXT,),
    ),
    Option(
        name="spoilers",
        parameter="text_entities",
        code="invalid_spoilers",
        read=value.spoilers,
        send=value.sent_spoilers,
        rule=f"1 to {value.MAX_SPOILERS} ranges of the text without overlaps",
        example=[{"offset": 0, "length": 5}],
    ),
    Option(
        name="spoilerMedia",
        parameter="is_spoiler_media",
        code="invalid_request",
        read=flag,
        send=value.sent_flag,
        rule="hides the media until a reader taps them",
        example=True,
        kinds=(*SINGLE, CAROUSEL),
    ),
    Option(
        name="ghost",
        parameter="is_ghost_post",
        code="invalid_request",
        read=flag,
        send=value.sent_flag,
        rule="gone after a day; no reply, and nothing but text and spoilers",
        example=True,
        kinds=(TEXT,),
    ),
    Option(
        name="replyApprovals",
        parameter="enable_reply_approvals",
        code="invalid_request",
        read=flag,
        send=value.sent_flag,
        rule="replies wait for approval; a root post, no ghost",
        example=True,
    ),
    Option(
        name="countries",
        parameter="allowlisted_country_codes",
        code="invalid_countries",
        read=value.countries,
        send=value.sent_list,
        rule="ISO 3166-1 alpha-2; for profiles that Threads lets choose",
        example=["DE", "FR"],
    ),
    Option(
        name="locationId",
        parameter="location_id",
        code="invalid_location",
        read=value.threads_id,
        send=str,
        rule="an id from Threads' location search",
        example="123456789",
        scope="threads_location_tagging",
    ),
    Option(
        name="shareToInstagram",
        parameter="crossreshare_to_ig",
        code="invalid_request",
        read=flag,
        send=value.sent_flag,
        rule="shares it to the Instagram account, too",
        example=True,
        scope="threads_share_to_instagram",
    ),
)
"""Every option, in the order of the documentation."""

BY_NAME: Mapping[str, Option] = {option.name: option for option in OPTIONS}

NAMING = ("replyToId", "quotePostId", "imageUrl", "videoUrl", "media", "gif", "locationId")
"""The options that name something outside the post, which Threads may not find."""


class Exclusion(NamedTuple):
    """Two options that cannot be combined."""

    option: str
    other: str
    code: str
    message: str
    """Continues after the name of the first option."""


GHOSTS_HAVE = ("text", "spoilers")
"""All that a ghost post may have.
https://developers.facebook.com/docs/threads/create-posts/ghost-posts#limitations"""

_OTHERS = ("ghost", "replyToId", "replyApprovals")

EXCLUSIONS = (
    Exclusion("videoUrl", "imageUrl", "too_many_media", "and imageUrl are one too many: a post has either."),
    Exclusion("media", "imageUrl", "too_many_media", "and imageUrl are one too many: put it into media."),
    Exclusion("media", "videoUrl", "too_many_media", "and videoUrl are one too many: put it into media."),
    Exclusion("ghost", "replyToId", "exclude_each_other", "cannot be a reply (replyToId)."),
    Exclusion("replyApprovals", "ghost", "exclude_each_other", "is not for ghost posts."),
    Exclusion("replyApprovals", "replyToId", "exclude_each_other", "is for root posts, not for replies."),
    Exclusion("textAttachment", "poll", "exclude_each_other", "cannot stand beside a poll."),
    Exclusion("gif", "poll", "exclude_each_other", "cannot stand beside a poll."),
    *(
        Exclusion("ghost", it.name, "exclude_each_other", f"has text and spoilers only, and no {it.name}.")
        for it in OPTIONS
        if TEXT in it.kinds and it.name not in {*GHOSTS_HAVE, *_OTHERS}
    ),
)

Values = Mapping[str, Any]
"""A post's options by name, as they are stored."""


def kind_of(options: Values) -> str:
    """Return Threads' name for the kind of post (``media_type``)."""
    if "media" in options:
        return CAROUSEL
    return IMAGE if "imageUrl" in options else VIDEO if "videoUrl" in options else TEXT


def read_options(fields: Fields, members: Mapping[str, Any], counting: Counting) -> dict[str, Any]:
    """Return the options among a body's members. Every broken rule becomes a problem of ``fields``."""
    given = {name: it for name, it in members.items() if name in BY_NAME and not value.is_absent(it)}
    options: dict[str, Any] = {}
    for name, it in given.items():
        try:
            options[name] = BY_NAME[name].read(it)
        except Wrong as wrong:
            fields.wrong(name, BY_NAME[name].code, wrong)
    for name, code, message in _broken_rules(given, options, counting):
        fields.problem(name, code, message)
    return options


def parameters(options: Values, children: Sequence[str] = ()) -> dict[str, str]:
    """Return the parameters of the create call. A carousel's name the containers of its items."""
    given = {**options, "media": children} if "media" in options else options
    sent = {row.parameter: row.send(given[row.name]) for row in OPTIONS if row.name in given}
    return {"media_type": kind_of(options), **sent}


def child_parameters(options: Values) -> list[dict[str, str]]:
    """Return the parameters of the calls that create a carousel's items. Other posts have none."""
    return [{**parameters(item), "is_carousel_item": "true"} for item in options.get("media", ())]


def needed_scopes(options: Values) -> list[str]:
    """Return the scopes that these options need, beside the two that every post needs."""
    return [row.scope for row in OPTIONS if row.scope and row.name in options]


def all_links(options: Values) -> list[str]:
    """Return the different links of a post: in its text, on its card, and the one of its text attachment.

    Meta's page on text attachments counts these, and not what stands in the attachment's own text.

    Source: https://developers.facebook.com/docs/threads/create-posts/text-attachments
    """
    cards = (options.get("linkAttachment"), options.get("textAttachment", {}).get("link"))
    return list(dict.fromkeys([*links(options.get("text", "")), *(card for card in cards if card)]))


_UNITS = {
    Counting.UTF8_BYTES: "bytes. An emoji has four or more",
    Counting.EMOJI_BYTES: "characters. An emoji counts four or more",
    Counting.CODE_POINTS: "characters",
}


def _too_long(size: int, counting: Counting) -> str:
    return f"is too long by {size - MAX_TEXT}: it counts {size} of {MAX_TEXT} {_UNITS[counting]}."


def _broken_rules(given: Values, options: Values, counting: Counting) -> Iterator[tuple[str, str, str]]:
    """Yield the broken rules that a reader of a single value cannot check: field, code and message."""
    kind, text = kind_of(given), options.get("text", "")
    is_text_known = "text" in options or "text" not in given
    if kind == TEXT and is_text_known and not text.strip():
        yield "text", "empty_post", "is missing: give a text, an image or a video to publish."
    size = count(text, counting)
    if size > MAX_TEXT:
        yield "text", "text_too_long", _too_long(size, counting)
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
    except Wrong as wrong:
        yield f"spoilers{wrong.place}", "invalid_spoilers", str(wrong)
