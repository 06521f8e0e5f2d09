"""The emulator's choices, most of them where Meta's text is silent."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from emulator.choices import changed


class TextCount(StrEnum):
    """How the 500 of a text is counted; see ``Settings.text_counts``."""

    UTF8_BYTES = "utf8_bytes"
    EMOJI_BYTES = "emoji_bytes"
    CODE_POINTS = "code_points"


@dataclass(frozen=True)
class Settings:
    """What can be chosen, also while the emulator runs: by ``--set`` and ``POST /_emulator/settings``."""

    #: Which way the 500 of ``text`` is counted: ``utf8_bytes`` (measured in production by one product),
    #: ``emoji_bytes`` (the documentation: emoji count as their UTF-8 bytes) or ``code_points``.
    text_counts: str = TextCount.UTF8_BYTES
    #: Seconds until a container of this kind is processed; that carousels take time, too, is seen
    #: (exileum/meta-mcp#142).
    image_seconds: float = 1.0
    video_seconds: float = 3.0
    carousel_seconds: float = 1.0
    #: Posts, replies and deletions per account in 24 hours (Meta, "Overview > Rate limiting").
    posts_per_day: int = 250
    replies_per_day: int = 1_000
    deletions_per_day: int = 100
    #: Seconds until a published post appears in ``/me/threads`` and ``/me/replies`` (unverified).
    listing_seconds: float = 0.0
    #: Whether ``/me/threads`` lists replies too, beside ``/me/replies`` (unverified).
    replies_among_threads: bool = True
    #: HTTP status of an error 190: 400 was seen on Graph, 401 too (unverified for Threads).
    token_error_status: int = 400
    #: Whether refreshing a token ends the one that was refreshed (unverified).
    refresh_ends_old_token: bool = False
    #: Whether apps that have a webhook address are told of posts.
    webhooks: bool = True
    #: Whether ``values`` of a webhook is a list of one, as was seen, or the object of Meta's samples.
    webhook_values_listed: bool = False
    #: Seconds that an app may take to answer what Threads sends it (unverified).
    app_answer_seconds: float = 20.0
    #: ``crossreshare_to_ig_status`` of a post that is shared to Instagram: SUCCESS or FAILED.
    instagram_share: str = "SUCCESS"


#: The settings that take one of a few words.
CHOICES = {"text_counts": tuple(TextCount), "instagram_share": ("SUCCESS", "FAILED")}


def changed_settings(settings: Settings, changes: dict[str, Any]) -> Settings:
    """Return the settings with checked changes; raises Malformed."""
    return changed(settings, changes, CHOICES)
