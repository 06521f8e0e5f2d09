"""Swift time: every clock runs faster by the same factor, so that waits of minutes take seconds.

The clocks of the emulators and the one that the functions look at are reckoned from the same moment, in
whatever process. Only the deadline of a call to Threads is real time, and is shortened by the factor.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple, Self

from emulator.base.clock import Clock, _standing_at

SPEED = 25
"""A lease of 180 s takes 7 s, the 240 s after which a silent call counts as lost take 10 s, and the 15 s of a
call 0.6 s: a busy machine with two cores still keeps up."""


class Swift(NamedTuple):
    """When swift time began, in seconds of the epoch, and its factor."""

    began: float
    speed: float

    @classmethod
    def from_now(cls) -> Self:
        """Begin now."""
        return cls(time.time(), SPEED)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> Self:
        """Join the time that another process has begun."""
        return cls(float(environment["SWIFT_BEGAN"]), float(environment["SWIFT_SPEED"]))

    @property
    def environment(self) -> dict[str, str]:
        """What another process needs to join."""
        return {"SWIFT_BEGAN": str(self.began), "SWIFT_SPEED": str(self.speed)}

    def now(self) -> datetime:
        """Tell the time."""
        return datetime.fromtimestamp(self.began + (time.time() - self.began) * self.speed, UTC)

    def sleep(self, pause: timedelta) -> None:
        """Sleep for a pause of swift time."""
        time.sleep(self.real(pause))

    def real(self, span: timedelta) -> float:
        """Return how many real seconds a span takes."""
        return span.total_seconds() / self.speed


class SwiftClock(Clock):
    """An emulator's clock in swift time; it can be put forward, and does not stand still."""

    def __init__(self, swift: Swift) -> None:
        """Take the time."""
        super().__init__()
        self._swift = swift

    def now(self) -> datetime:
        """Return the emulator's time."""
        return _standing_at.get() or self._swift.now() + self._offset
