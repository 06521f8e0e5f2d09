"""The parameters of ``POST /threads``, as one table. Nothing here knows the world.

A new parameter is a new row of PARAMETERS. Rules for several parameters are in ``checks``.
Source of every row: Meta, "Reference > Publishing" and "Create posts".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.threads_api import errors, readers, scopes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.threads_api.model import Content
    from emulator.threads_api.readers import Reader

TEXT = frozenset({"TEXT"})
IMAGE = frozenset({"IMAGE"})
VIDEO = frozenset({"VIDEO"})
SINGLE = IMAGE | VIDEO
CAROUSEL = frozenset({"CAROUSEL"})
ANY = TEXT | SINGLE | CAROUSEL


@dataclass(frozen=True)
class Parameter:
    """One parameter: the media types that have it, its reader, and the scope that it needs."""

    name: str
    media_types: frozenset[str]
    read: Reader
    scope: str | None = None


PARAMETERS = (
    Parameter("text", ANY, readers.text),
    Parameter("image_url", IMAGE, readers.web_url),
    Parameter("video_url", VIDEO, readers.web_url),
    Parameter("is_carousel_item", SINGLE, readers.boolean),
    Parameter("children", CAROUSEL, readers.children),
    Parameter("auto_publish_text", TEXT, readers.boolean),
    Parameter("reply_to_id", ANY, readers.media_id, scopes.MANAGE_REPLIES),
    Parameter("reply_control", ANY, readers.one_of(*readers.REPLY_CONTROLS)),
    Parameter("quote_post_id", ANY, readers.media_id),
    Parameter("link_attachment", TEXT, readers.link),
    Parameter("alt_text", SINGLE, readers.text_up_to(readers.ALT_TEXT_LIMIT)),
    Parameter("topic_tag", ANY, readers.topic_tag),
    Parameter("poll_attachment", TEXT, readers.poll),
    Parameter("gif_attachment", TEXT, readers.gif),
    Parameter("text_attachment", TEXT, readers.text_attachment),
    Parameter("text_entities", ANY, readers.spoilers),
    Parameter("is_spoiler_media", SINGLE | CAROUSEL, readers.boolean),
    Parameter("is_ghost_post", TEXT, readers.boolean),
    Parameter("enable_reply_approvals", ANY, readers.boolean),
    Parameter("allowlisted_country_codes", ANY, readers.countries),
    Parameter("location_id", ANY, readers.media_id, scopes.TAG_LOCATIONS),
    Parameter("crossreshare_to_ig", ANY, readers.boolean, scopes.SHARE_TO_INSTAGRAM),
    Parameter("crossreshare_to_ig_dark_mode", ANY, readers.boolean, scopes.SHARE_TO_INSTAGRAM),
)


def read_content(sent: Mapping[str, str]) -> Content:
    """Read every parameter. Empty and false ones count as missing, unknown ones are ignored.

    Raises:
        GraphError: 100, which names the wrong parameter.

    """
    media_type = sent.get("media_type", "")
    if media_type not in ANY:
        raise errors.refused("media_type", "must be one of {TEXT, IMAGE, VIDEO, CAROUSEL}")
    content: Content = {"media_type": media_type}
    for parameter in PARAMETERS:
        value = _read(parameter, sent.get(parameter.name, ""), media_type)
        if value not in (None, False):
            content[parameter.name] = value
    return content


def _read(parameter: Parameter, value: str, media_type: str) -> Any:
    """Read one parameter; None if it is missing."""
    if not value:
        return None
    try:
        read = parameter.read(value)
    except ValueError as reason:
        raise errors.refused(parameter.name, str(reason)) from None
    if read is not False and media_type not in parameter.media_types:
        raise errors.refused(parameter.name, f"is not supported for media_type {media_type}")
    return read


def needed_scopes(content: Content) -> tuple[str, ...]:
    """Return the scopes that a creation needs."""
    return tuple(row.scope for row in PARAMETERS if row.scope is not None and row.name in content)
