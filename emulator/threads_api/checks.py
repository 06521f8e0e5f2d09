"""The rules for a creation that concern several parameters, or the state of the world.

Each check takes the world, the account and the content, and raises GraphError. CHECKS lists them in order.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

from emulator.threads_api import errors
from emulator.threads_api.model import Status
from emulator.threads_api.settings import TextCount

if TYPE_CHECKING:
    from emulator.threads_api.model import Account, Content
    from emulator.threads_api.world import World

#: Meta, "Overview > Limitations": posts are limited to 500 characters.
TEXT_LIMIT = 500
#: Meta, "Create posts > Links".
LINK_LIMIT = 5
#: Meta's examples have links without a scheme ("Text attachments > How links are counted").
_LINK = re.compile(r"(?<![A-Za-z0-9])(?:https?://|www\.)\S+", re.IGNORECASE)
#: The first character outside the Basic Multilingual Plane. Emoji of four bytes are there.
_FIRST_ASTRAL = 0x10000


def check_content(world: World, account: Account, content: Content) -> None:
    """Raise GraphError for the first rule that the content breaks."""
    for check in CHECKS:
        check(world, account, content)


def _has_what_its_type_needs(_world: World, _account: Account, content: Content) -> None:
    """Refuse content without the parameter that its media type requires."""
    needed = {"TEXT": "text", "IMAGE": "image_url", "VIDEO": "video_url", "CAROUSEL": "children"}
    name = needed[content["media_type"]]
    if name not in content:
        raise errors.refused(name, f"is required for media_type {content['media_type']}")


def _text_is_short_enough(world: World, _account: Account, content: Content) -> None:
    """Refuse a text longer than 500, counted as the settings say."""
    if length(content.get("text", ""), world.settings.text_counts) > TEXT_LIMIT:
        raise errors.refused("text", f"must be at most {TEXT_LIMIT} characters long")


def length(text: str, counted_in: str) -> int:
    """Count a text in a unit of ``TextCount``. An emoji is a symbol (So) or any character outside the BMP."""
    if counted_in == TextCount.CODE_POINTS:
        return len(text)
    if counted_in == TextCount.UTF8_BYTES:
        return len(text.encode())
    return sum(len(one.encode()) if _is_emoji(one) else 1 for one in text)


def _is_emoji(character: str) -> bool:
    return ord(character) >= _FIRST_ASTRAL or unicodedata.category(character) == "So"


def _child_has_no_text(_world: World, _account: Account, content: Content) -> None:
    """Refuse a text for a carousel item. Only the carousel can have one."""
    if "is_carousel_item" in content and "text" in content:
        raise errors.refused("text", "is not supported for a carousel item")


def _children_are_ready(world: World, account: Account, content: Content) -> None:
    """Refuse children that are not finished carousel items of this account."""
    for child_id in content.get("children", ()):
        child = world.containers.get(child_id)
        if (
            child is None
            or child.account_id != account.id
            or child.status(world.now()) is not Status.FINISHED
        ):
            raise errors.invalid_carousel_children(child_id)
        if "is_carousel_item" not in child.content:
            raise errors.refused("children", f"must be carousel items; {child_id} is not")


def _named_posts_exist(world: World, _account: Account, content: Content) -> None:
    """Refuse a reply to a missing post, and a quotation of one."""
    for name in ("reply_to_id", "quote_post_id"):
        post = world.every_post.get(content.get(name, ""))
        if name in content and (post is None or post.gone(world.now())):
            raise errors.media_not_found(content[name])


def _links_are_few(_world: World, _account: Account, content: Content) -> None:
    """Refuse more than five different links in text and attachments together. ``www.`` begins one, too."""
    links = set(_LINK.findall(content.get("text", "")))
    links.update(
        filter(None, (content.get("link_attachment"), _attached(content).get("link_attachment_url")))
    )
    if len(links) > LINK_LIMIT:
        raise errors.too_many_links(LINK_LIMIT)


def _attachments_fit_together(_world: World, _account: Account, content: Content) -> None:
    """Refuse a text attachment with a poll, and two attached links."""
    if "text_attachment" in content and "poll_attachment" in content:
        raise errors.refused("text_attachment", "is not supported together with poll_attachment")
    if "link_attachment" in content and "link_attachment_url" in _attached(content):
        raise errors.refused("link_attachment", "is not supported beside the text attachment's own link")


def _attached(content: Content) -> Content:
    attachment: Content = content.get("text_attachment", {})
    return attachment


def _spoilers_have_a_text(_world: World, _account: Account, content: Content) -> None:
    """Refuse spoilers without a text to hide."""
    if "text_entities" in content and "text" not in content:
        raise errors.refused("text_entities", "needs a text")


def _ghosts_stand_alone(_world: World, _account: Account, content: Content) -> None:
    """Refuse ghost replies. Refuse reply approvals for replies and for ghost posts."""
    if "is_ghost_post" in content and "reply_to_id" in content:
        raise errors.refused("is_ghost_post", "is not supported for a reply")
    if "enable_reply_approvals" in content and ("is_ghost_post" in content or "reply_to_id" in content):
        raise errors.refused("enable_reply_approvals", "is supported for root posts that are not ghost posts")


def _countries_are_allowed(_world: World, account: Account, content: Content) -> None:
    """Refuse countries for a profile that is not eligible for them (Meta, "Geo-gating")."""
    if "allowlisted_country_codes" in content and not account.is_eligible_for_geo_gating:
        raise errors.refused("allowlisted_country_codes", "is not available to this profile")


CHECKS = (
    _has_what_its_type_needs,
    _text_is_short_enough,
    _child_has_no_text,
    _children_are_ready,
    _named_posts_exist,
    _links_are_few,
    _attachments_fit_together,
    _spoilers_have_a_text,
    _ghosts_stand_alone,
    _countries_are_allowed,
)
