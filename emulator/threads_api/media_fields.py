"""The fields of posts, and of what posts contain: polls, text attachments, spoilers, locations. No HTTP here.

Source: Meta, "Retrieve posts", "Retrieve media replies and conversations" and "Reference > Media retrieval".
"""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from emulator.threads_api import made_up, replies
from emulator.threads_api.fields import Edge, Node, Table, View, graph_time, owner, permalink, picture_url
from emulator.threads_api.locations import LOCATION_FIELDS, LOCATIONS
from emulator.threads_api.model import GHOST_LIFETIME, Post
from emulator.threads_api.settings import ShownText

if TYPE_CHECKING:
    from collections.abc import Callable

    MediaField = Callable[[View, Post], object]

#: A link, and what is shown of it.
_LINK = re.compile(r"https?://(?:www\.)?(\S+)")
_LINK_LENGTH = 24
#: A zero-width space, and the selectors of a text's and an emoji's look.
_UNSEEN = (0x200B, 0xFE0E, 0xFE0F)
#: How long a poll is open. Meta's page does not say; a client's documentation says a day (seen).
_POLL_LIFETIME = timedelta(hours=24)

_MEDIA_TYPES = {"TEXT": "TEXT_POST", "CAROUSEL": "CAROUSEL_ALBUM"}


def shown_text(view: View, post: Post) -> object:
    """Return a post's text, as it was sent or changed as Threads does it (see ``Settings.shown_texts``)."""
    text = post.content.get("text")
    if not isinstance(text, str) or view.world.settings.shown_texts == ShownText.AS_SENT:
        return text
    text = _LINK.sub(lambda link: link[1][:_LINK_LENGTH] + ("…" if len(link[1]) > _LINK_LENGTH else ""), text)
    text = text.replace("#", "", 1).translate(dict.fromkeys(_UNSEEN))
    return html.escape(text, quote=False)


def media_type(post: Post) -> str:
    """Return a post's media type as it is read back."""
    sent: str = post.content["media_type"]
    return _MEDIA_TYPES.get(sent, sent)


def _from_content(name: str) -> MediaField:
    """Show the parameter of this name."""
    return lambda _view, post: post.content.get(name)


def _reference(name: str) -> MediaField:
    """Show the post whose id is in the parameter of this name."""
    return lambda view, post: _post_node(view.world.every_post.get(post.content.get(name, "")))


def _post_node(post: Post | None) -> Node | None:
    return None if post is None else Node(MEDIA_FIELDS, post)


def _media_url(_view: View, post: Post) -> object:
    return post.content.get("image_url") or post.content.get("video_url")


def _children(view: View, post: Post) -> Edge | None:
    """Return a carousel's items. Unverified: Threads may list ids of its own, not those of the containers."""
    if "children" not in post.content:
        return None
    items = (view.world.containers[child] for child in post.content["children"])
    return Edge(
        tuple(
            Node(MEDIA_FIELDS, Post(one.id, one.account_id, post.shortcode, one.content, post.published_at))
            for one in items
        )
    )


def _own_root(view: View, post: Post) -> Node | None:
    """Return the owner: "only available on top-level posts that you own"."""
    if post.is_reply or not view.owns(post):
        return None
    return Node({"id": lambda _view, account_id: account_id}, post.account_id)


def _root_post(view: View, post: Post) -> Node | None:
    return _post_node(replies.root_of(view.world, post)) if post.is_reply else None


def _gif_url(_view: View, post: Post) -> object:
    gif = post.content.get("gif_attachment")
    return gif and f"https://giphy.com/gifs/{gif['gif_id']}"


def _reply_audience(view: View, post: Post) -> str | None:
    """Return who may reply: "only appears on top-level posts and replies that you own"."""
    if post.is_reply and not view.owns(post):
        return None
    audience: str = post.content.get("reply_control", "everyone").upper()
    return audience


def _ghost_status(view: View, post: Post) -> str | None:
    if not post.content.get("is_ghost_post"):
        return None
    return "ACTIVE" if view.world.now() < post.published_at + GHOST_LIFETIME else "ARCHIVED"


def _ghost_expiration(_view: View, post: Post) -> object:
    return post.content.get("is_ghost_post") and graph_time(post.published_at + GHOST_LIFETIME)


# ---- what posts contain


def _member(name: str) -> Callable[[View, Any], object]:
    return lambda _view, parts: parts.get(name)


def _poll(_view: View, post: Post) -> Node | None:
    options = post.content.get("poll_attachment")
    if options is None:
        return None
    votes = made_up.poll(post, tuple(options))
    ends = graph_time(post.published_at + _POLL_LIFETIME)
    return Node(POLL_FIELDS, {**options, **votes, "expiration_timestamp": ends}, is_whole=True)


POLL_FIELDS: Table = {
    name: _member(name)
    for name in (
        *("option_a", "option_b", "option_c", "option_d"),
        *(f"option_{letter}_votes_percentage" for letter in "abcd"),
        *("total_votes", "expiration_timestamp"),
    )
}

TEXT_ATTACHMENT_FIELDS: Table = {
    name: _member(name) for name in ("plaintext", "link_attachment_url", "text_with_styling_info")
}


def _text_attachment(_view: View, post: Post) -> Node | None:
    attachment = post.content.get("text_attachment")
    return attachment and Node(TEXT_ATTACHMENT_FIELDS, attachment, is_whole=True)


ENTITY_FIELDS: Table = {name: _member(name) for name in ("entity_type", "offset", "length")}


def _text_entities(_view: View, post: Post) -> Edge | None:
    entities = post.content.get("text_entities")
    return entities and Edge(tuple(Node(ENTITY_FIELDS, entity, is_whole=True) for entity in entities))


def _location(_view: View, post: Post) -> Node | None:
    """Return the location. Meta's sample shows an object; one product saw ``{"data": […]}``."""
    location = LOCATIONS.get(post.content.get("location_id", ""))
    return None if location is None else Node(LOCATION_FIELDS, location)


MEDIA_FIELDS: dict[str, MediaField] = {
    "id": lambda _view, post: post.id,
    "media_product_type": lambda _view, _post: "THREADS",
    "media_type": lambda _view, post: media_type(post),
    "media_url": _media_url,
    "permalink": permalink,
    "owner": _own_root,
    "username": lambda view, post: owner(view, post).username,
    "text": shown_text,
    "timestamp": lambda _view, post: graph_time(post.published_at),
    "shortcode": lambda _view, post: post.shortcode,
    "thumbnail_url": lambda _view, post: post.content.get("video_url"),
    "children": _children,
    "is_quote_post": lambda _view, post: "quote_post_id" in post.content,
    "quoted_post": _reference("quote_post_id"),
    "reposted_post": _reference("reposted_post"),
    "alt_text": _from_content("alt_text"),
    "link_attachment_url": _from_content("link_attachment"),
    "gif_url": _gif_url,
    "poll_attachment": _poll,
    "topic_tag": _from_content("topic_tag"),
    "is_spoiler_media": lambda _view, post: bool(post.content.get("is_spoiler_media")),
    "text_entities": _text_entities,
    "text_attachment": _text_attachment,
    "ghost_post_status": _ghost_status,
    "ghost_post_expiration_timestamp": _ghost_expiration,
    "allowlisted_country_codes": _from_content("allowlisted_country_codes"),
    "location_id": _from_content("location_id"),
    "location": _location,
    "is_verified": lambda view, post: owner(view, post).is_verified,
    "profile_picture_url": lambda view, post: picture_url(view, owner(view, post)),
    "has_replies": lambda view, post: bool(replies.direct(view.world, post)),
    "is_reply": lambda _view, post: post.is_reply,
    "is_reply_owned_by_me": lambda view, post: view.owns(post) if post.is_reply else None,
    "root_post": _root_post,
    "replied_to": _reference("reply_to_id"),
    "hide_status": lambda view, post: replies.hide_status(view.world, post) if post.is_reply else None,
    "reply_approval_status": lambda _view, post: replies.shown_approval(post),
    "reply_audience": _reply_audience,
}

#: The same for lists whose entries have no owner (Meta, "Keyword search", "Retrieve posts").
PUBLIC_FIELDS: dict[str, MediaField] = {**MEDIA_FIELDS, "owner": lambda _view, _post: None}
