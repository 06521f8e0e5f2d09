"""When a failed task is tried again, and when it is given up. Arithmetic only.

Source: the reference of ``google.cloud.tasks.v2``, ``RetryConfig``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

UNLIMITED = -1

#: Google, "Quotas": a task of this age is deleted.
RETENTION = timedelta(days=31)
#: After so many doublings every wait is the longest one. More would overflow.
_MOST_DOUBLINGS = 64


@dataclass(frozen=True)
class RetryRules:
    """The retry configuration of a queue. The defaults are Google's."""

    #: How many attempts, the first one included; or ``UNLIMITED``.
    max_attempts: int = 100
    #: How long after the first attempt; zero: unlimited.
    max_retry_duration: timedelta = timedelta()
    min_backoff: timedelta = timedelta(milliseconds=100)
    max_backoff: timedelta = timedelta(hours=1)
    max_doublings: int = 16

    def wait(self, retry: int) -> timedelta:
        """Return the wait before a retry; the first retry is number 1.

        The wait doubles ``max_doublings`` times. Then it grows evenly, by the last doubled wait, up to
        ``max_backoff``.
        """
        doublings = min(retry - 1, self.max_doublings, _MOST_DOUBLINGS)
        linear_steps = max(1, retry - self.max_doublings)
        seconds = self.min_backoff.total_seconds() * 2.0**doublings * linear_steps
        return min(timedelta(seconds=min(seconds, self.max_backoff.total_seconds())), RETENTION)

    def exhausted(self, attempts: int, since_first: timedelta) -> bool:
        """Return whether to give up. This needs at least one limit, and every limit must be used up."""
        limits = []
        if self.max_attempts != UNLIMITED:
            limits.append(attempts >= self.max_attempts)
        if self.max_retry_duration:
            limits.append(since_first >= self.max_retry_duration)
        return bool(limits) and all(limits)


def read_retry_after(value: str | None) -> timedelta:
    """Return the wait of a ``Retry-After`` (RFC 9110, 10.2.3); zero if it is missing or malformed."""
    text = (value or "").strip()
    if text.isdecimal() and text.isascii():
        # Ten digits are enough: no task is kept longer than the retention.
        return min(timedelta(seconds=int(text[:10])), RETENTION)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return timedelta()
    # By real time, which the target knows.
    until = date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)
    return min(max(timedelta(), until), RETENTION)
