"""The fields that ``fields=`` may ask for: one table each for accounts, containers and posts. No HTTP here.

Source: Meta, "Profiles", "Troubleshooting" and "Reference > Media retrieval".
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from emulator.threads_api import errors
from emulator.threads_api.model import GHOST_LIFETIME, Account, Container, Post
from emulator.threads_api.settings import ShownText

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from emulator.threads_api.world import World


Subject = TypeVar("Subject")


@dataclass(frozen=True)
class View:
    """The world as one request sees it."""

    world: World
    #: The URL at which the client reaches the emulator, without a slash at the end.
    base_url: str


UserField = Callable[[View, Account], object]
ContainerField = Callable[[View, Container], object]
MediaField = Callable[[View, Post], object]

#: A link, and what is shown of it.
_LINK = re.compile(r"https?://(?:www\.)?(\S+)")
_LINK_LENGTH = 24
#: A zero-width space, and the selectors of a text's and an emoji's look.
_UNSEEN = (0x200B, 0xFE0E, 0xFE0F)

_MEDIA_TYPES = {"TEXT": "TEXT_POST", "CAROUSEL": "CAROUSEL_ALBUM"}


def read_fields(
    table: Mapping[str, Callable[[View, Subject], object]], view: View, subject: Subject, asked: str
) -> dict[str, object]:
    """Return the requested fields in order, and always ``id``. A field without a value is left out.

    Raises:
        GraphError: 100. This kind of object has no such field.

    """
    names = [name.strip() for name in asked.split(",") if name.strip()]
    unknown = next((name for name in names if name not in table), None)
    if unknown is not None:
        raise errors.unknown_field(unknown)
    answer = {name: table[name](view, subject) for name in dict.fromkeys([*names, "id"])}
    return {name: value for name, value in answer.items() if value not in (None, "")}


def graph_time(moment: datetime) -> str:
    """Write a time as the Graph API does."""
    return f"{moment:%Y-%m-%dT%H:%M:%S%z}"


def picture_url(view: View, account: Account) -> str:
    """Return the URL of an account's picture."""
    return f"{view.base_url}/avatars/{account.id}.svg"


def permalink(view: View, post: Post) -> str:
    """Return the URL of a post's page."""
    return f"{view.base_url}/@{owner(view, post).username}/post/{post.shortcode}"


def shown_text(view: View, post: Post) -> object:
    """Return a post's text, as it was sent or changed as Threads does it (see ``Settings.shown_texts``)."""
    text = post.content.get("text")
    if not isinstance(text, str) or view.world.settings.shown_texts == ShownText.AS_SENT:
        return text
    text = _LINK.sub(lambda link: link[1][:_LINK_LENGTH] + ("…" if len(link[1]) > _LINK_LENGTH else ""), text)
    text = text.replace("#", "", 1).translate(dict.fromkeys(_UNSEEN))
    return html.escape(text, quote=False)


def owner(view: View, post: Post) -> Account:
    """Return the account that published a post."""
    return view.world.accounts[post.account_id]


def replies_to(world: World, post: Post) -> list[Post]:
    """Return the direct replies to a post that are not deleted, the oldest first."""
    now = world.now()
    return [
        one for one in world.posts.values() if one.content.get("reply_to_id") == post.id and not one.gone(now)
    ]


# ---- a media id


def _from_content(name: str) -> MediaField:
    """Show the parameter of this name."""
    return lambda _view, post: post.content.get(name)


def _reference(name: str) -> MediaField:
    """Show the id in the parameter of this name, as an object."""
    return lambda _view, post: {"id": post.content[name]} if name in post.content else None


def _media_type(_view: View, post: Post) -> str:
    media_type: str = post.content["media_type"]
    return _MEDIA_TYPES.get(media_type, media_type)


def _media_url(_view: View, post: Post) -> object:
    return post.content.get("image_url") or post.content.get("video_url")


def _children(_view: View, post: Post) -> object:
    # Unverified: Threads may list ids of its own here, not those of the containers.
    ids = post.content.get("children")
    return ids and {"data": [{"id": child} for child in ids]}


def _has_replies(view: View, post: Post) -> bool:
    return bool(replies_to(view.world, post))


def _root_post(view: View, post: Post) -> object:
    root = post
    while (parent := view.world.posts.get(root.content.get("reply_to_id", ""))) is not None:
        root = parent
    return {"id": root.id} if root is not post else None


def _gif_url(_view: View, post: Post) -> object:
    gif = post.content.get("gif_attachment")
    return gif and f"https://giphy.com/gifs/{gif['gif_id']}"


def _poll(_view: View, post: Post) -> object:
    poll = post.content.get("poll_attachment")
    return poll and {**poll, "total_votes": 0}


def _ghost_expiration(_view: View, post: Post) -> object:
    return post.content.get("is_ghost_post") and graph_time(post.published_at + GHOST_LIFETIME)


MEDIA_FIELDS: dict[str, MediaField] = {
    "id": lambda _view, post: post.id,
    "media_product_type": lambda _view, _post: "THREADS",
    "media_type": _media_type,
    "media_url": _media_url,
    "permalink": permalink,
    "owner": lambda _view, post: {"id": post.account_id},
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
    "text_entities": _from_content("text_entities"),
    "text_attachment": _from_content("text_attachment"),
    "ghost_post_status": lambda _view, post: "ACTIVE" if post.content.get("is_ghost_post") else None,
    "ghost_post_expiration_timestamp": _ghost_expiration,
    "allowlisted_country_codes": _from_content("allowlisted_country_codes"),
    "location_id": _from_content("location_id"),
    "is_verified": lambda view, post: owner(view, post).is_verified,
    "profile_picture_url": lambda view, post: picture_url(view, owner(view, post)),
    "has_replies": _has_replies,
    "is_reply": lambda _view, post: post.is_reply,
    "is_reply_owned_by_me": lambda _view, post: post.is_reply,
    "root_post": _root_post,
    "replied_to": _reference("reply_to_id"),
    "hide_status": lambda _view, _post: "NOT_HUSHED",
    "reply_audience": lambda _view, post: post.content.get("reply_control", "everyone").upper(),
}

# ---- a container and an account

CONTAINER_FIELDS: dict[str, ContainerField] = {
    "id": lambda _view, container: container.id,
    "status": lambda view, container: container.status(view.world.now()),
    # Only a container whose processing has failed has one.
    "error_message": lambda view, container: (
        container.error_message if container.status(view.world.now()) == "ERROR" else None
    ),
}

USER_FIELDS: dict[str, UserField] = {
    "id": lambda _view, account: account.id,
    "username": lambda _view, account: account.username,
    "name": lambda _view, account: account.name,
    "threads_profile_picture_url": picture_url,
    "threads_biography": lambda _view, account: account.biography,
    "is_verified": lambda _view, account: account.is_verified,
    "is_eligible_for_geo_gating": lambda _view, account: account.is_eligible_for_geo_gating,
}
