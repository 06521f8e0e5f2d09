"""The emulator's choices: where Google's text is silent, and what would only be in a test's way."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from emulator.choices import changed


@dataclass(frozen=True)
class Settings:
    """What can be chosen, also while the emulator runs: by ``--set`` and ``POST /_emulator/settings``."""

    #: Seconds for which a name stays taken after its task ended. Google: about an hour ("Quotas"),
    #: up to 24 hours (``CreateTaskRequest.task``).
    name_taken_seconds: float = 3_600.0
    #: The same for a deleted queue's name (Google, "Quotas": 7 days).
    queue_name_taken_seconds: float = 7 * 86_400.0
    #: Whether queues keep to ``max_dispatches_per_second``.
    rate_limits: bool = True
    #: Whether 429 and 503 slow the whole queue down; see ``rates`` for how far that is a guess.
    throttling: bool = True
    #: Seconds that a target has for its answer, instead of each task's own dispatch deadline; 0: its own.
    #: It runs in real time, so that putting the clock forward cuts nobody off.
    dispatch_deadline_seconds: float = 0.0
    #: The ``iss`` of OIDC tokens; empty: the emulator's own URL.
    issuer: str = ""
    #: The share of deliveries that happen twice, from 0 to 1, without a script.
    duplicate_share: float = 0.0
    #: Their second one comes up to so many seconds after the first, by the emulator's clock.
    duplicate_gap_seconds: float = 0.0


def changed_settings(settings: Settings, changes: dict[str, Any]) -> Settings:
    """Return the settings with checked changes; raises Malformed."""
    return changed(settings, changes, {})
