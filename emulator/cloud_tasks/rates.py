"""How fast a queue dispatches: a token bucket, which the answers 429 and 503 slow down.

It runs in real time, because it protects the target from real requests.

The bucket is documented (``RateLimits.max_burst_size``). About 429 and 503 Google says only that they cause
"system throttling" and a "higher backoff rate". Here they halve the rate, at most once a second, and it
recovers by a tenth of the full rate each second. This is a guess. A setting turns it off.
"""

from __future__ import annotations

#: What braking leaves of the rate, what of the full rate returns each second, and the lowest share.
HALVED = 0.5
RECOVERY_PER_SECOND = 0.1
SLOWEST = 1 / 64
#: Within this time the rate is halved once, however many requests are answered 429 or 503.
BRAKE_SECONDS = 1.0


class Rate:
    """The bucket of one queue. Times are those of ``time.monotonic``."""

    def __init__(self, per_second: float, burst: int, now: float) -> None:
        """Begin with a full bucket, at the full rate."""
        self._full = per_second
        self._burst = burst
        self._tokens = float(burst)
        self._filled_at = now
        self._share = 1.0
        self._braked_at = -BRAKE_SECONDS
        self._shared_at = now

    def per_second(self, now: float) -> float:
        """Return the current rate."""
        return self._full * self._share_at(now)

    def wait(self, now: float) -> float:
        """Return the seconds until the bucket has a token; 0 if it has one."""
        self._fill(now)
        return max(0.0, 1.0 - self._tokens) / self.per_second(now)

    def take(self, now: float) -> None:
        """Use up a token. A forced dispatch takes it even from an empty bucket."""
        self._fill(now)
        self._tokens -= 1

    def brake(self, now: float) -> None:
        """Halve the rate, because the target answered 429 or 503."""
        if now - self._braked_at < BRAKE_SECONDS:
            return
        self._fill(now)
        self._share = max(SLOWEST, self._share_at(now) * HALVED)
        self._shared_at = self._braked_at = now
        self._tokens = min(self._tokens, self._most(now))

    def _share_at(self, now: float) -> float:
        return min(1.0, self._share + (now - self._shared_at) * RECOVERY_PER_SECOND)

    def _most(self, now: float) -> float:
        return max(1.0, self._burst * self._share_at(now))

    def _fill(self, now: float) -> None:
        gained = (now - self._filled_at) * self.per_second(now)
        self._tokens = min(self._most(now), self._tokens + gained)
        self._filled_at = now
