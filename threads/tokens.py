"""How long a token lives, when it is to be refreshed, and whose turn that is. Pure: no I/O, no clock.

Source: https://developers.facebook.com/docs/threads/get-started/long-lived-tokens
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

MIN_AGE = timedelta(hours=24)
"""Threads refreshes no younger token."""

REFRESH_FROM, REFRESH_TO = 0.5, 0.7
"""Between these parts of its life a token is refreshed: of 60 days, after 30 to 42. Which of them is the
account's own, so that accounts which were connected on one day are not refreshed on one day."""

RETRY_PAUSE = timedelta(hours=4)
"""After a refresh that did not pass; and up to a half more, which is the account's own, so that an hour in
which nothing passed does not come back as one wave. A few times a day, for the weeks that are left."""

LAST_DAYS = timedelta(days=2)
"""What is left of a token's life when every hour counts."""

SPREAD = timedelta(minutes=50)
"""Over how much of the hour between two sweeps the accounts of one are spread, each at a time of its own."""

LAST_PAUSE = timedelta(minutes=5)
"""After a refresh that did not pass in the last days. With ``SPREAD`` less than the hour between two sweeps:
the next one finds it."""

LAST_DAY = timedelta(days=1)
"""What is left of a token's life when whoever is about to use it refreshes it first. Weeks of sweeps have not
done it by then; each use is one more chance, for one call more."""

MAX_LIFETIME = timedelta(days=3650)
"""No token lives longer: a document that says so says nothing."""

LEASE = timedelta(minutes=2)
"""How long a refresh may take: two calls to Threads of 15 s, and what is written before and after them."""


class Turn(StrEnum):
    """What an account's document says of refreshing its token now."""

    REFRESH = "refresh"
    NOT_DUE = "not_due"
    IN_PROGRESS = "in_progress"
    RUN_OUT = "expired"


def share(name: str) -> float:
    """Return a number from 0 to 1, evenly spread and always the same for a name."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64


def refresh_at(account_id: str, issued_at: datetime, lifetime: timedelta) -> datetime:
    """Return when a token is to be refreshed; the same account gets the same part of its token's life.

    A token that ends before Threads would refresh it is looked at when it ends, and its account marked.
    """
    part = REFRESH_FROM + (REFRESH_TO - REFRESH_FROM) * share(account_id)
    return issued_at + min(lifetime, max(MIN_AGE, lifetime * part))


def token_times(account_id: str, issued_at: datetime, lifetime: timedelta) -> dict[str, Any]:
    """Return what an account's document says of its token's life."""
    return {
        "expiresIn": int(lifetime.total_seconds()),
        "expiresAt": issued_at + lifetime,
        "refreshAt": refresh_at(account_id, issued_at, lifetime),
    }


def issued_at(account: Mapping[str, Any]) -> datetime | None:
    """Return when Threads gave out an account's token; None where its document does not say."""
    expires_at, seconds = _moment(account, "expiresAt"), account.get("expiresIn")
    if expires_at is None or not isinstance(seconds, int):
        return None
    if not 0 <= seconds <= MAX_LIFETIME.total_seconds():
        return None
    return expires_at - timedelta(seconds=seconds)


def turn(account: Mapping[str, Any], now: datetime) -> Turn:
    """Say whether a token is to be refreshed now.

    ``refreshAt`` stands there as long as it is of use. An account that was connected before there was such a
    field has its turn on its token's last day, when whoever uses it asks.
    """
    due_at, held_until = _moment(account, "refreshAt"), _moment(account, "refreshingUntil")
    expires_at, issued = _moment(account, "expiresAt"), issued_at(account)
    if due_at > now if due_at else not is_ending(account, now):
        return Turn.NOT_DUE
    if held_until and held_until > now:
        return Turn.IN_PROGRESS
    if expires_at and expires_at <= now:
        return Turn.RUN_OUT
    if issued and now - issued < MIN_AGE:
        return Turn.NOT_DUE
    return Turn.REFRESH


def is_ending(account: Mapping[str, Any], now: datetime) -> bool:
    """Say whether a token has so little time left that it is refreshed before it is used."""
    expires_at = _moment(account, "expiresAt")
    return expires_at is not None and expires_at - now < LAST_DAY


def retry_at(account_id: str, account: Mapping[str, Any], now: datetime) -> datetime:
    """Return when a refresh that did not pass is tried again: at the latest when the token has run out."""
    expires_at = _moment(account, "expiresAt")
    pause = RETRY_PAUSE * (1 + share(account_id) / 2)
    if expires_at is None:
        return now + pause
    return min(now + (LAST_PAUSE if expires_at - now < LAST_DAYS else pause), expires_at)


def _moment(account: Mapping[str, Any], name: str) -> datetime | None:
    value = account.get(name)
    return value if isinstance(value, datetime) else None
