"""The time by Firestore's clock. Machines' clocks are wrong now and then, and two of them never agree.

Whether a lease has ended, or a post has settled, is decided by several machines, so it must be one clock's
time. Every document that is read says when it was read, by Firestore's clock. This costs no call.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def machine_time() -> datetime:
    """Return the time by this machine's own clock, in UTC."""
    return datetime.now(UTC)


class ServerClock:
    """The machine's clock, corrected by what Firestore has said. Threads may share it."""

    def __init__(self, machine: Callable[[], datetime] = machine_time) -> None:
        """Take the clock that is corrected. Until Firestore says something, it is believed."""
        self.machine = machine
        self._ahead = timedelta()
        """How far Firestore's clock is ahead of the machine's."""

    def now(self) -> datetime:
        """Return the time, in UTC."""
        return self.machine() + self._ahead

    def hear(self, asked_at: datetime, said: datetime | None) -> None:
        """Take the time that Firestore has told in an answer that has just come.

        Firestore looked at its clock after it was asked, and before the answer came. So a clock that shows
        this time in between is as right as can be told, and stays as it is.

        Args:
            asked_at: when the call began, by the machine's clock.
            said: Firestore's time. None: it told none.

        """
        if said is not None:
            least, most = said - self.machine(), said - asked_at
            self._ahead = min(max(self._ahead, least), most)
