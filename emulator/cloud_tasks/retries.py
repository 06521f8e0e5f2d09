"""When a failed task is tried again, and when no more. Arithmetic only.

Source: the reference of ``google.cloud.tasks.v2``, ``RetryConfig``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

UNLIMITED = -1

#: Google, "Quotas": a task is deleted when it is that old, whatever became of it.
RETENTION = timedelta(days=31)
#: Beyond so many doublings every wait is the longest one; the power would only overflow.
_MOST_DOUBLINGS = 64


@dataclass(frozen=True)
class RetryRules:
    """A queue's, or a task's own, retry configuration."""

    #: Attempts in all; ``UNLIMITED`` for no such limit.
    max_attempts: int
    #: The time since the first attempt; zero for no such limit.
    max_retry_duration: timedelta
    min_backoff: timedelta
    max_backoff: timedelta
    max_doublings: int

    def wait(self, retry: int) -> timedelta:
        """Return the time before a retry, the first of which is number 1.

        It doubles ``max_doublings`` times, then grows by the last doubled step, up to ``max_backoff``.
        """
        doublings = min(retry - 1, self.max_doublings, _MOST_DOUBLINGS)
        linear_steps = max(1, retry - self.max_doublings)
        seconds = self.min_backoff.total_seconds() * 2.0**doublings * linear_steps
        return min(timedelta(seconds=min(seconds, self.max_backoff.total_seconds())), RETENTION)

    def exhausted(self, attempts: int, since_first: timedelta) -> bool:
        """Tell whether to give up: every limit that is set must be used up, and one must be set."""
        limits = []
        if self.max_attempts != UNLIMITED:
            limits.append(attempts >= self.max_attempts)
        if self.max_retry_duration:
            limits.append(since_first >= self.max_retry_duration)
        return bool(limits) and all(limits)


def read_retry_after(value: str | None) -> timedelta:
    """Return the span of a ``Retry-After`` (RFC 9110, 10.2.3); zero for none and for nonsense."""
    text = (value or "").strip()
    if text.isdecimal() and text.isascii():
        # A span of a million digits is none: no task lives longer than the retention.
        return min(timedelta(seconds=int(text[:10])), RETENTION)
    try:
        date = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return timedelta()
    # By the real clock, which the target reads, too.
    until = date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)
    return min(max(timedelta(), until), RETENTION)
