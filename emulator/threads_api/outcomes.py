"""How the processing of media goes: by the settings, or as a test has scripted it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from emulator.threads_api.model import Outcome

if TYPE_CHECKING:
    from datetime import datetime

    from emulator.threads_api.settings import Settings
    from emulator.threads_api.world import World

#: Meta, "Troubleshooting": what ``error_message`` of a container may say (the misspelling is theirs).
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


@dataclass
class ScriptedOutcome:
    """The outcome of the next ``times`` containers of ``media_type`` (None: image or video)."""

    outcome: Outcome
    media_type: str | None
    times: int

    def fits(self, media_type: str) -> bool:
        """Tell whether this script is about such a container."""
        return media_type == self.media_type or (self.media_type is None and media_type in {"IMAGE", "VIDEO"})


def next_outcome(world: World, media_type: str) -> Outcome:
    """Return the outcome of a container that is being created, using up a script for it."""
    script = next((script for script in world.outcomes if script.fits(media_type)), None)
    if script is None:
        return Outcome(default_seconds(world.settings, media_type))
    script.times -= 1
    if script.times == 0:
        world.outcomes.remove(script)
    return script.outcome


def default_seconds(settings: Settings, media_type: str) -> float:
    """Return how long such a container is processed; text is ready at once."""
    return {
        "IMAGE": settings.image_seconds,
        "VIDEO": settings.video_seconds,
        "CAROUSEL": settings.carousel_seconds,
    }.get(media_type, 0.0)


def ready_at(outcome: Outcome, created_at: datetime) -> datetime | None:
    """Return when processing ends, or None for never."""
    return None if outcome.seconds is None else created_at + timedelta(seconds=outcome.seconds)
