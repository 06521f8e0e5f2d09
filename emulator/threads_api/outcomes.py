"""How the processing of a container ends: as a control has scripted it, or as the settings say."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from emulator.threads_api.model import Outcome

if TYPE_CHECKING:
    from datetime import datetime

    from emulator.threads_api.settings import Settings
    from emulator.threads_api.world import World

#: Meta, "Troubleshooting": the values of a container's ``error_message``. The misspelling is Meta's.
ERROR_MESSAGES = (
    "FAILED_DOWNLOADING_VIDEO",
    "FAILED_PROCESSING_AUDIO",
    "FAILED_PROCESSING_VIDEO",
    "INVALID_ASPEC_RATIO",
    "INVALID_BIT_RATE",
    "INVALID_DURATION",
    "INVALID_FRAME_RATE",
    "INVALID_AUDIO_CHANNELS",
    "INVALID_AUDIO_CHANNEL_LAYOUT",
    "UNKNOWN",
)


def next_outcome(world: World, media_type: str) -> Outcome:
    """Return the outcome for a new container. If it is scripted, count the use of the script."""
    script = next((script for script in world.outcomes if script.fits(media_type)), None)
    if script is None:
        return Outcome(_default_seconds(world.settings, media_type))
    script.times -= 1
    if script.times == 0:
        world.outcomes.remove(script)
    return script.outcome


def _default_seconds(settings: Settings, media_type: str) -> float:
    """Return how long processing takes. A text is ready at once."""
    return {
        "IMAGE": settings.image_seconds,
        "VIDEO": settings.video_seconds,
        "CAROUSEL": settings.carousel_seconds,
    }.get(media_type, 0.0)


def ready_at(outcome: Outcome, created_at: datetime) -> datetime | None:
    """Return when processing ends; None: never."""
    return None if outcome.seconds is None else created_at + timedelta(seconds=outcome.seconds)
