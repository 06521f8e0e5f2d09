"""The settings of the emulator: what Google's documentation leaves open, and what would hold up a test."""

from __future__ import annotations

from dataclasses import dataclass

from emulator.base import settings


@dataclass(frozen=True)
class Settings(settings.Settings):
    """The settings. ``--set`` and ``POST /_emulator/settings`` change them."""

    #: How many seconds a name stays taken after its task ended. Google says about an hour ("Quotas") and up
    #: to 24 hours (``CreateTaskRequest.task``).
    name_taken_seconds: float = 3_600.0
    #: Whether ``max_dispatches_per_second`` limits the queues.
    rate_limits: bool = True
    #: Whether the answers 429 and 503 slow the whole queue down. How much is a guess; see ``rates``.
    throttling: bool = True
    #: How many seconds a target has to answer, instead of each task's dispatch deadline; 0: the task's own.
    #: They are real seconds, so that putting the clock forward interrupts no request.
    dispatch_deadline_seconds: float = 0.0
    #: The ``iss`` of OIDC tokens; empty: the emulator's URL.
    issuer: str = ""
    #: The share of deliveries that happen twice without a script, from 0 to 1.
    duplicate_share: float = 0.0
    #: How many seconds after the first delivery, at most, the second one follows, by the emulator's clock.
    duplicate_gap_seconds: float = 0.0
