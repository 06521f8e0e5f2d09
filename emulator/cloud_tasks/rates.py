"""How fast a queue dispatches: a token bucket, and the brake that 429 and 503 put on it.

It runs in real time: a limit protects the target from real requests, whatever the emulator's clock says.

The bucket is documented (``RateLimits.max_burst_size``). Of the brake Google only says that 429 and 503
lead to "system throttling" and a "higher backoff rate". Here the rate is halved, at most once a second,
and comes back by a tenth of the full rate each second: a guess, which can be turned off.
"""

from __future__ import annotations

#: The brake's share: of the rate after it, of the full rate that comes back in a second, and the lowest.
HALVED = 0.5
RECOVERY_PER_SECOND = 0.1
SLOWEST = 1 / 64
#: Answers of requests that were under way together brake once.
BRAKE_SECONDS = 1.0


class Rate:
    """One queue's bucket. Moments are those of ``time.monotonic``."""

    def __init__(self, per_second: float, burst: int, now: float) -> None:
        """Begin with a full bucket and no brake."""
        self._full = per_second
        self._burst = burst
        self._tokens = float(burst)
        self._filled_at = now
        self._share = 1.0
        self._braked_at = -BRAKE_SECONDS
        self._shared_at = now

    def per_second(self, now: float) -> float:
        """Return the rate at the moment."""
        return self._full * self._share_at(now)

    def wait(self, now: float) -> float:
        """Return the seconds until there is a token; 0 when there is one."""
        self._fill(now)
        return max(0.0, 1.0 - self._tokens) / self.per_second(now)

    def take(self, now: float) -> None:
        """Use a token up, also one that is not there: a forced dispatch counts later."""
        self._fill(now)
        self._tokens -= 1

    def brake(self, now: float) -> None:
        """Slow down, because the target said that it is too much."""
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
