"""The HTML with which other sites embed a post. No HTTP here.

Source: Meta, "Embed a Threads post" and "Reference > oEmbed".
"""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING, Any

from emulator.threads_api import discovery, errors, fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from emulator.threads_api.fields import View

#: The hosts of Threads; the emulator's own permalinks are taken, too.
_PERMALINK = re.compile(
    r"(?P<site>https://(?:www\.)?threads\.(?:com|net))/(?:@[\w.]+/post|t)/(?P<code>[\w-]+)/?"
)
_WIDTHS = range(320, 659)


def embed(view: View, sent: Mapping[str, str]) -> dict[str, Any]:
    """Return the answer. The error for an unknown post is unverified."""
    url, width = sent.get("url", ""), sent.get("maxwidth") or str(_WIDTHS[-1])
    if not width.isdecimal() or int(width) not in _WIDTHS:
        raise errors.refused("maxwidth", f"must be between {_WIDTHS[0]} and {_WIDTHS[-1]}")
    on_threads = url.split("?")[0].replace(view.base_url, "https://www.threads.com", 1)
    match = _PERMALINK.fullmatch(on_threads)
    if match is None:
        raise errors.refused("url", "must be the permanent link to a post")
    for post in discovery.public_posts(view.world):
        if post.shortcode == match["code"] and "allowlisted_country_codes" not in post.content:
            return {
                "type": "rich",
                "version": "1.0",
                "html": _blockquote(fields.permalink(view, post), post.content.get("text", "")),
                "provider_name": "Threads",
                "provider_url": "https://www.threads.com/",
                "width": int(width),
            }
    raise errors.media_not_found(match["code"])


def _blockquote(permalink: str, text: str) -> str:
    link = html.escape(permalink)
    return (
        f'<blockquote class="text-post-media" data-text-post-permalink="{link}" data-text-post-version="0">'
        f'<a href="{link}">{html.escape(text)}</a></blockquote>\n'
        '<script async src="https://www.threads.com/embed.js"></script>'
    )
