"""The settings of the emulator. Most are there because Meta's documentation leaves something open."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from emulator.base import settings


class ShownText(StrEnum):
    """How texts are given back; see ``Settings.shown_texts``."""

    AS_SENT = "as_sent"
    CHANGED = "changed"


class TextCount(StrEnum):
    """What the limit of 500 for a text counts; see ``Settings.text_counts``."""

    UTF8_BYTES = "utf8_bytes"
    EMOJI_BYTES = "emoji_bytes"
    CODE_POINTS = "code_points"


@dataclass(frozen=True)
class Settings(settings.Settings):
    """The settings. ``--set`` and ``POST /_emulator/settings`` change them."""

    WORDS: ClassVar = {
        "text_counts": tuple(TextCount),
        "shown_texts": tuple(ShownText),
        "instagram_share": ("SUCCESS", "FAILED"),
    }

    #: Whether only what is documented is taken, and nothing of what ``inferred`` lists.
    strict: bool = False
    #: What the limit of 500 for ``text`` counts: ``utf8_bytes`` (one product measured this in production),
    #: ``emoji_bytes`` (documented: an emoji counts as its UTF-8 bytes) or ``code_points``.
    text_counts: str = TextCount.UTF8_BYTES
    #: How many seconds a container of this media type is processed. That a carousel takes time was seen
    #: (exileum/meta-mcp#142).
    image_seconds: float = 1.0
    video_seconds: float = 3.0
    carousel_seconds: float = 1.0
    #: Posts, replies and deletions per account in 24 hours (Meta, "Overview > Rate limiting").
    posts_per_day: int = 250
    replies_per_day: int = 1_000
    deletions_per_day: int = 100
    #: Searches and lookups per account in 24 hours (Meta, "Overview", "Keyword search", "Profiles").
    location_searches_per_day: int = 500
    keyword_searches_per_day: int = 2_200
    profile_lookups_per_day: int = 1_000
    #: Seconds until a new post appears in ``/me/threads`` and ``/me/replies`` (unverified).
    listing_seconds: float = 0.0
    #: Whether a published container still has a status, ``PUBLISHED``. That it is not found any more (error
    #: 24/4279009) was seen.
    published_containers_stay: bool = True
    #: Whether a published container that stays tells its status. That it has no such field (100) was seen.
    published_containers_tell: bool = True
    #: Whether a text is given back ``as_sent``, or ``changed`` in the ways that were seen: without the first
    #: ``#`` and what cannot be seen, with ``&`` escaped, and with links cut off.
    shown_texts: str = ShownText.AS_SENT
    #: Whether ``/me/threads`` lists replies, as ``/me/replies`` does (unverified).
    replies_among_threads: bool = True
    #: The HTTP status of error 190. 400 and 401 were both seen on Graph (unverified for Threads).
    token_error_status: int = 400
    #: Whether a refresh ends the old token (unverified).
    refresh_ends_old_token: bool = False
    #: Whether webhooks are sent.
    webhooks: bool = True
    #: Whether a webhook's ``values`` is a list of one object, as was seen, or the object of Meta's samples.
    webhook_values_listed: bool = False
    #: How many seconds an app has to answer a callback or a webhook (unverified).
    app_answer_seconds: float = 20.0
    #: The ``crossreshare_to_ig_status`` of a post that is shared to Instagram: SUCCESS or FAILED.
    instagram_share: str = "SUCCESS"
