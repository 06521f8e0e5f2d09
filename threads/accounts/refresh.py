"""Refreshing one account's token before it expires.

    1 commit    a lease: of any number of refreshes at the same time, one goes on
    1 call      exchanges the old token for a new one
    1 commit    the new token, when it expires and is refreshed again, and the card

A transient error leaves the account as it is. The refresh is tried again some hours later, until the token
expires: there are weeks for it. The account asks for a reconnect only if Threads calls its token dead, or if
the token has expired.
"""

from enum import StrEnum
from typing import NamedTuple

from threads.accounts import token_lifetime
from threads.accounts.account import StoredAccount
from threads.accounts.changes import (
    TOKEN_EXPIRED,
    TOKEN_REJECTED,
    AccountChange,
    reconnect_change,
    refreshed_change,
)
from threads.accounts.parts import AccountParts
from threads.accounts.repository import SAVE_ATTEMPTS
from threads.accounts.token_lifetime import Turn
from threads.accounts.vault import SealBroken
from threads.base.errors import ReconnectRequired, ServiceError, ServiceUnavailable, ThreadsError
from threads.base.secret import Secret
from threads.graph import oauth
from threads.graph.account_api import AccountApi
from threads.graph.oauth import LongLivedToken


class Outcome(StrEnum):
    """How a refresh has ended."""

    REFRESHED = "refreshed"
    NOT_DUE = "not_due"
    IN_PROGRESS = "in_progress"
    POSTPONED = "postponed"
    """There was a transient error. The refresh is tried again later."""
    ENDED = "ended"
    """The account asks for a reconnect."""
    DISCONNECTED = "disconnected"
    """The account was being disconnected, and is now, unless there was not enough time."""
    OVERTAKEN = "overtaken"
    """The account was connected again, or is gone."""


class Refresh(NamedTuple):
    """The result of a refresh."""

    outcome: Outcome
    account: StoredAccount | None = None
    """The account as it is now, if that is known. If it was overtaken and this is None, it is gone."""
    error: ServiceError | None = None
    """What went wrong, for the log."""


def refresh_account(parts: AccountParts, uid: str, account_id: str) -> Refresh:
    """Refresh the token of the account with this id, if it is due. One read, then as ``refresh``.

    Raises:
        ServiceUnavailable: Firestore does not answer; the account stays due.

    """
    account = parts.repository.read(uid, account_id)
    return refresh(parts, account) if account else Refresh(Outcome.OVERTAKEN)


def refresh(parts: AccountParts, account: StoredAccount) -> Refresh:
    """Refresh the token of an account that has been read, if it is due.

    Raises:
        ServiceUnavailable: Firestore does not answer; the account stays due.

    """
    now = parts.now()
    turn = token_lifetime.turn(account, now)
    if turn is Turn.RUN_OUT:
        return _end(parts, account, TOKEN_EXPIRED)
    if turn is not Turn.REFRESH:
        return Refresh(Outcome(turn), account)
    token = _open(parts, account)
    if token is None:
        # The account is not marked: its token works again once the missing key is back.
        return _postpone(parts, account, ReconnectRequired("No key of TOKEN_KEYS opens this token."))
    leased = parts.repository.change(account, AccountChange({"refreshingUntil": now + token_lifetime.LEASE}))
    if leased is None:
        return Refresh(Outcome.IN_PROGRESS, account)
    try:
        fresh = oauth.read_refreshed_token(parts.graph.send(oauth.refresh_request(token)))
    except ThreadsError as error:
        return _refused(parts, leased, token, error)
    return _save(parts, leased, token, fresh)


def _refused(parts: AccountParts, account: StoredAccount, token: Secret, error: ThreadsError) -> Refresh:
    """End the account if its token is dead. Otherwise postpone the refresh."""
    error = AccountApi(parts.graph, token).confirmed(error)
    if isinstance(error, ReconnectRequired):
        return _end(parts, account, TOKEN_REJECTED, error)
    return _postpone(parts, account, error)


def _save(parts: AccountParts, account: StoredAccount, old: Secret, fresh: LongLivedToken) -> Refresh:
    """Replace the old token by the new one, and no other token.

    An account that was disconnected stays disconnected, and one that was connected again keeps its newer
    token. But the new token must not get lost, because Threads may refuse the old one from now on. So this
    tries again after a lost answer of Firestore, and after a writer that changed something else: a delivery
    that marks the account, or the command ``reseal``.
    """
    sealed = parts.vault.seal_token(fresh.secret, account.uid, account.account_id)
    change = refreshed_change(account.account_id, fresh, sealed, parts.now())
    for _ in range(SAVE_ATTEMPTS):
        try:
            saved = parts.repository.change(account, change)
            there = saved or parts.repository.read(account.uid, account.account_id)
        except ServiceUnavailable:
            continue  # the next attempt finds out whether this one was carried out
        if there is None:
            return Refresh(Outcome.OVERTAKEN)
        if there.sealed_token == sealed:
            return Refresh(Outcome.REFRESHED, there)
        held = _open(parts, there)
        if held != old:  # a token that was sealed anew is the same token in another sealed text
            return Refresh(Outcome.REFRESHED if held == fresh.secret else Outcome.OVERTAKEN, there)
        account = there
    raise ServiceUnavailable


def _postpone(parts: AccountParts, account: StoredAccount, error: ServiceError) -> Refresh:
    """Leave the account as it is, due again later. If another writer has changed it, that change wins."""
    due_at = token_lifetime.retry_at(account, parts.now())
    changed = parts.repository.change(account, AccountChange({"refreshAt": due_at, "refreshingUntil": None}))
    return Refresh(Outcome.POSTPONED, changed or account, error)


def _end(
    parts: AccountParts, account: StoredAccount, reason: str, error: ServiceError | None = None
) -> Refresh:
    """Mark the account, so that its owner is asked to connect it again."""
    ended = parts.repository.change(account, reconnect_change(reason, parts.now()))
    if ended is None:
        return Refresh(Outcome.OVERTAKEN, parts.repository.read(account.uid, account.account_id))
    return Refresh(Outcome.ENDED, ended, error)


def _open(parts: AccountParts, account: StoredAccount) -> Secret | None:
    try:
        return parts.vault.open_token(account)
    except SealBroken:
        return None
