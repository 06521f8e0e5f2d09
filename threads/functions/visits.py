"""How often a client of whom nothing is known may begin something."""

import ipaddress
import time
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from threading import Lock

from threads.base.errors import RateLimited
from threads.functions.request import HttpRequest

SIGN_INS = 300
"""How many sign-ins one client may begin within ``SIGN_IN_WINDOW`` in one process. Each writes a small
document for somebody of whom nothing is known. An office or a mobile network may be one client."""

SIGN_IN_WINDOW = timedelta(hours=1)

IPV6_NETWORK = 64
"""The bits of an IPv6 address that a provider gives out. Its client chooses the rest (RFC 6177)."""


class Visits:
    """Counts the visits of each client in this process, and begins anew with each ``SIGN_IN_WINDOW``.

    A client is the address that called Google's front end, which appends it to ``X-Forwarded-For``. What
    stands before it may be made up. Behind a load balancer of yours, all clients share its address.

    Source: https://cloud.google.com/load-balancing/docs/https#x-forwarded-for_header
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """Take a clock."""
        self._now = now
        self._ends = float("-inf")
        self._counts: Counter[str] = Counter()
        self._counting = Lock()

    def admit(self, request: HttpRequest) -> None:
        """Count a visit.

        Raises:
            RateLimited: the client has come too often.

        """
        client = _client_of(request)
        with self._counting:
            now = self._now()
            if now >= self._ends:
                self._ends = now + SIGN_IN_WINDOW.total_seconds()
                self._counts.clear()
            if self._counts[client] >= SIGN_INS:
                raise RateLimited(
                    "Too many sign-ins were begun from your network. Try again later.",
                    retry_after=timedelta(seconds=self._ends - now),
                )
            self._counts[client] += 1


def _client_of(request: HttpRequest) -> str:
    """Return the client's address. Of an IPv6 address only the network counts: one client has all of it."""
    forwarded = request.flask.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
    address = forwarded or request.flask.remote_addr or ""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((parsed, IPV6_NETWORK), strict=False))
    return address
