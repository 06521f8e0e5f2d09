"""What the worlds of both emulators have: a clock, settings, an address, and a way back to the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

from emulator.base.clock import Clock
from emulator.base.settings import Settings

if TYPE_CHECKING:
    from datetime import datetime

#: How many entries a journal keeps, the newest ones: enough for a long run, but bounded.
JOURNAL_LENGTH = 20_000

SettingsT = TypeVar("SettingsT", bound=Settings)


class World(Generic[SettingsT]):
    """The state of one emulator."""

    def __init__(self, settings: SettingsT) -> None:
        """Begin at real time, with these settings."""
        self.clock = Clock()
        self.settings = settings
        #: The emulator's URL, without a slash at the end. The server sets it.
        self.url = ""
        self._first_settings = settings

    def reset(self) -> None:
        """Return to real time and the first settings."""
        self.clock.reset()
        self.settings = self._first_settings

    def now(self) -> datetime:
        """Return the emulator's time."""
        return self.clock.now()
