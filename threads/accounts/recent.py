"""What Threads has answered to the refreshes of the last hour, in this process.

If Threads calls most tokens dead, something else is wrong: at Threads, or with the app's secret. Then no
account is ended for it. An alarm is raised once a day, not once an hour.
"""

from collections import Counter, deque
from datetime import datetime, timedelta
from enum import StrEnum
from threading import Lock

WINDOW = timedelta(hours=1)
"""How long an answer counts. A sweep comes once in this time."""

FEW = 5
"""Fewer answers than this prove nothing, even if they are all the same."""

ALARM_PAUSE = timedelta(days=1)
"""How long an alarm is not raised again."""


class Answer(StrEnum):
    """What Threads has answered to a refresh."""

    GOOD = "good"
    FAILED = "failed"
    """An error, or no answer."""
    DEAD = "dead"
    """The token does not work."""


class Alarm(StrEnum):
    """What an operator must look at."""

    MOSTLY_DEAD = "mostly_dead"
    """Threads calls most tokens dead."""
    MOSTLY_FAILING = "mostly_failing"
    """Most refreshes fail."""


class Recent:
    """The answers of the last hour. Threads may share it."""

    def __init__(self) -> None:
        """Begin without an answer."""
        self._lock = Lock()
        self._answers: deque[tuple[datetime, Answer]] = deque()
        self._counts: Counter[Answer] = Counter()
        self._raised: dict[Alarm, datetime] = {}

    def note(self, answer: Answer, now: datetime) -> None:
        """Note an answer."""
        with self._lock:
            self._forget(now)
            self._answers.append((now, answer))
            self._counts[answer] += 1

    def is_mostly_dead(self, now: datetime) -> bool:
        """Return whether Threads calls most tokens dead."""
        with self._lock:
            self._forget(now)
            return self._is_most(self._counts[Answer.DEAD])

    def alarm(self, now: datetime) -> Alarm | None:
        """Return what is wrong, unless that was returned within the last day."""
        with self._lock:
            self._forget(now)
            wrong = None
            if self._is_most(self._counts[Answer.DEAD]):
                wrong = Alarm.MOSTLY_DEAD
            elif self._is_most(self._counts[Answer.DEAD] + self._counts[Answer.FAILED]):
                wrong = Alarm.MOSTLY_FAILING
            raised_at = self._raised.get(wrong) if wrong else None
            if wrong is None or (raised_at and now - raised_at < ALARM_PAUSE):
                return None
            self._raised[wrong] = now
            return wrong

    def _is_most(self, count: int) -> bool:
        return count >= FEW and 2 * count > len(self._answers)

    def _forget(self, now: datetime) -> None:
        """Forget what was answered longer ago than ``WINDOW``."""
        while self._answers and self._answers[0][0] <= now - WINDOW:
            self._counts[self._answers.popleft()[1]] -= 1
