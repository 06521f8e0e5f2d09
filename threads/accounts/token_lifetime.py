"""How long a token lives, when it is refreshed, and whether an account's turn has come. No I/O, no clock.

Source: https://developers.facebook.com/docs/threads/get-started/long-lived-tokens
"""

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from threads.accounts.account import StoredAccount
from threads.graph.oauth import MAX_LIFETIME

MIN_AGE = timedelta(hours=24)
"""Threads refreshes no younger token."""

REFRESH_FROM, REFRESH_TO = 0.5, 0.7
"""A token is refreshed between these parts of its life: of 60 days, after 30 to 42. Each account has its own
part, so that accounts that were connected on one day are not all refreshed on one day."""

RETRY_PAUSE = timedelta(hours=4)
"""The pause after a failed refresh. Each account adds up to a half of it. How much is the account's own, so
that refreshes that failed in the same hour do not all come back at once. This makes a few tries a day, for
the weeks that are left."""

LAST_DAYS = timedelta(days=2)
"""When a token has less time left than this, every hour counts."""

SPREAD = timedelta(minutes=50)
"""A sweep spreads its accounts over this part of the hour until the next sweep, each at a time of its own."""

LAST_PAUSE = timedelta(minutes=5)
"""The pause after a failed refresh in the last days. With ``SPREAD``, it is less than the hour between two
sweeps, so the next sweep finds the account."""

LAST_DAY = timedelta(days=1)
"""When a token has less time left than this, a request that needs it refreshes it first. By then, weeks of
sweeps have failed. Each use is one more chance, and costs one more call."""

ALARM_PAUSE = timedelta(days=1)
"""How long an alarm is not raised again."""

LAST_WEEK = timedelta(days=7)
"""When a token has less time left than this, a refresh that fails is an alarm, once in ``ALARM_PAUSE``. By
then, refreshes have failed for weeks."""

FEW_DEAD = 5
"""How many tokens of the project die in ``DEAD_SPAN`` without a doubt that they have."""

DEAD_SPAN = timedelta(hours=1)
"""The time in which more than ``FEW_DEAD`` are too many: Threads may be wrong about every token just now."""

DOUBT = timedelta(days=1)
"""If it is not certain that a token is dead, a refresh believes it once Threads has said so for this long, in
each try. A token that is dead has weeks left on paper, so nothing is lost."""

FIRST_LOOK = timedelta(hours=1)
"""When an account is looked at again after Threads has called its token dead. After that, each pause is as
long as all before it: a bad hour of Threads costs an account an hour or two, and a dead token costs a few
calls."""

LOOKS_FOR = timedelta(days=7)
"""How long an account is looked at that has ended."""

JUST_ASKED = timedelta(seconds=30)
"""How long nobody asks again whether a token works that Threads has called dead."""

LEASE = timedelta(minutes=2)
"""How long a refresh may take: three calls to Threads of 15 s, and the writes before and after them."""

LONGEST_LEASE = 2 * LEASE
"""A lease that is longer than this, even if two clocks differ, was not written by a refresh."""


class Turn(StrEnum):
    """What an account's document says about refreshing its token now."""

    REFRESH = "refresh"
    LOOK_AGAIN = "look_again"
    """Threads has called its token dead. Perhaps it was wrong."""
    NOT_DUE = "not_due"
    IN_PROGRESS = "in_progress"


def share(name: str) -> float:
    """Return a number from 0 to 1: always the same one for a name, and evenly spread over all names."""
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8]) / 2**64


def refresh_at(account_id: str, issued_at: datetime, lifetime: timedelta) -> datetime:
    """Return when to refresh a token. The same account always gets the same part of its token's life.

    If a token expires before Threads would refresh it, this is when it expires.
    """
    part = REFRESH_FROM + (REFRESH_TO - REFRESH_FROM) * share(account_id)
    return issued_at + min(lifetime, max(MIN_AGE, lifetime * part))


def token_times(account_id: str, issued_at: datetime, lifetime: timedelta) -> dict[str, Any]:
    """Return the fields of an account's document about its token's life."""
    return {
        "expiresIn": int(lifetime.total_seconds()),
        "expiresAt": issued_at + lifetime,
        "refreshAt": refresh_at(account_id, issued_at, lifetime),
    }


def issued_at(account: StoredAccount) -> datetime | None:
    """Return when Threads issued an account's token, or None if its document does not say."""
    expires_at, seconds = account.expires_at, account.fields.get("expiresIn")
    if expires_at is None or not isinstance(seconds, int):
        return None
    if not 0 <= seconds <= MAX_LIFETIME.total_seconds():
        return None
    return expires_at - timedelta(seconds=seconds)


def turn(account: StoredAccount, now: datetime) -> Turn:
    """Return what an account's document says about refreshing its token now.

    It has a ``refreshAt`` as long as the account can be refreshed. If an account was connected before this
    field existed, its turn comes on its token's last day, when a request needs the token.
    """
    due_at, held_until = account.moment("refreshAt"), account.moment("refreshingUntil")
    if account.is_ended:
        is_due = account.sealed_token is not None and due_at is not None and due_at <= now
        return Turn.LOOK_AGAIN if is_due else Turn.NOT_DUE
    if not account.is_active or (due_at > now if due_at else not is_ending(account, now)):
        return Turn.NOT_DUE
    if held_until and now < held_until <= now + LONGEST_LEASE:
        return Turn.IN_PROGRESS
    issued = issued_at(account)
    if issued and now - issued < MIN_AGE and not account.has_run_out(now):
        return Turn.NOT_DUE
    return Turn.REFRESH


def is_ending(account: StoredAccount, now: datetime) -> bool:
    """Return whether a token expires so soon that it is refreshed before it is used."""
    return account.expires_at is not None and account.expires_at - now < LAST_DAY


def retry_at(account: StoredAccount, now: datetime) -> datetime:
    """Return when a failed refresh is tried again: at the latest when the token expires, and then again."""
    expires_at = account.expires_at
    pause = RETRY_PAUSE * (1 + share(account.account_id) / 2)
    if expires_at is None:
        return now + pause
    due_at = now + (LAST_PAUSE if expires_at - now < LAST_DAYS else pause)
    return due_at if expires_at <= now else min(due_at, expires_at)


def is_alarming(account: StoredAccount, now: datetime) -> bool:
    """Return whether a failed refresh is an alarm: the token's end is near, and the last alarm a day ago."""
    alarmed_at = account.moment("alarmedAt")
    is_recent = alarmed_at is not None and timedelta(0) <= now - alarmed_at < ALARM_PAUSE
    return is_in_last_week(account, now) and not is_recent


def is_in_last_week(account: StoredAccount, now: datetime) -> bool:
    """Return whether the end of the token of an active account is near."""
    return account.is_active and account.expires_at is not None and account.expires_at - now < LAST_WEEK


def is_doubtful(dead_since: datetime, now: datetime) -> bool:
    """Return whether Threads has not called a token dead for long enough."""
    return now - dead_since < DOUBT


def is_looked_at(account: StoredAccount, now: datetime) -> bool:
    """Return whether an account has ended so recently that Threads may have been wrong, and not just now."""
    ended_at = account.moment("endedAt")
    return account.is_ended and ended_at is not None and JUST_ASKED <= now - ended_at <= LOOKS_FOR


def look_again_at(account: StoredAccount, now: datetime) -> datetime | None:
    """Return when an account whose token is still dead is looked at again. None: not any more."""
    ended_at = account.moment("endedAt")
    if ended_at is None:
        return None
    due_at = now + max(FIRST_LOOK, now - ended_at)
    return due_at if due_at <= ended_at + LOOKS_FOR else None


def refresh_at_once_alive(account: StoredAccount, now: datetime) -> datetime:
    """Return when to refresh a token that works after all."""
    issued, expires_at = issued_at(account), account.expires_at
    if issued is None or expires_at is None:
        return now
    return max(now, refresh_at(account.account_id, issued, expires_at - issued))
