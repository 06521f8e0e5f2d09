"""The Graph faults of the matrix, as scripts of the Threads emulator's next answer."""

from typing import Any

LATE = 200
"""Seconds after which a late effect shows: shortly before a post that is not to be found counts as lost."""

HANGS = 3.0
"""How many of the client's deadlines a hanging call hangs."""

FAULTS = (
    "ok",
    "5xx_no_effect",
    "5xx_with_effect",
    "is_transient_body",
    "timeout_no_effect",
    "timeout_with_effect",
    "late_effect",
    "not_found_4279009",
    "reset_mid_body",
)


def script(fault: str, *, deadline: float) -> dict[str, Any] | None:
    """Return what to tell the emulator; None for nothing. ``deadline`` is the client's, in real seconds."""
    return {
        "ok": None,
        "5xx_no_effect": {"status": 500},
        "5xx_with_effect": {"status": 500, "effect": True},
        "is_transient_body": {"error": {"code": 2, "is_transient": True}},
        "timeout_no_effect": {"delay_seconds": HANGS * deadline, "drop": "before"},
        "timeout_with_effect": {"delay_seconds": HANGS * deadline},
        "late_effect": {"effect": True, "effect_delay_seconds": LATE, "drop": "after"},
        "not_found_4279009": {"error": {"code": 24, "error_subcode": 4279009}},
        "reset_mid_body": {"drop": "mid_body"},
    }[fault]
