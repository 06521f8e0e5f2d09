"""An emulator's clock: real time plus an offset. It can be frozen. Nothing here sleeps."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_standing_at: ContextVar[datetime | None] = ContextVar("standing_at", default=None)


class Clock:
    """Tells the time, always in aware UTC."""

    def __init__(self) -> None:
        """Start at real time, running."""
        self._offset = timedelta()
        self._frozen_at: datetime | None = None

    @property
    def frozen(self) -> bool:
        """Whether the clock is frozen."""
        return self._frozen_at is not None

    def now(self) -> datetime:
        """Return the emulator's time."""
        return _standing_at.get() or self._frozen_at or datetime.now(UTC) + self._offset

    def advance(self, by: timedelta) -> None:
        """Put the clock forward, or back by a negative span."""
        if self._frozen_at is not None:
            self._frozen_at += by
        self._offset += by

    def freeze(self) -> None:
        """Stop the clock. From now on only ``advance`` moves it."""
        self._frozen_at = self.now()

    def thaw(self) -> None:
        """Let a frozen clock run on from the time it shows."""
        if self._frozen_at is not None:
            self._offset = self._frozen_at - datetime.now(UTC)
            self._frozen_at = None

    def reset(self) -> None:
        """Return to real time."""
        self._offset = timedelta()
        self._frozen_at = None

    @contextmanager
    def standing_at(self, moment: datetime) -> Iterator[None]:
        """Show ``moment`` to this thread alone, for an effect that is carried out after it was due."""
        before = _standing_at.set(moment)
        try:
            yield
        finally:
            _standing_at.reset(before)
