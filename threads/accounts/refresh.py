"""Refreshing one account's token before it expires.

    1 commit    a lease: of any number of refreshes at the same time, one goes on
    1 call      exchanges the old token for a new one
    1 commit    the new token, when it expires and is refreshed again, and the card

If it is not known what the token may do, or whose it is, a call asks for it, and a commit notes it.

A transient error leaves the account as it is. The refresh is tried again some hours later: there are weeks
for it. In the last week, each day with a failed refresh is an alarm, and the card says so.

The account asks for a reconnect once Threads has called its token dead in three answers. The last one is to
the app itself, and says in so many words that the token is not valid: a Threads that calls every token dead
does not say it. Without it, or if a handful of the project's tokens have died within an hour, Threads may be
wrong: then it has to call the token dead for a day, in each try, and the card says so. An account that has
ended is looked at again for a week, and revives if its token works. A token that has expired ends its account
only if Threads calls it dead, too: a clock may be wrong.
"""

from contextlib import suppress
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from threads.accounts import token_lifetime
from threads.accounts.account import StoredAccount
from threads.accounts.changes import (
    TOKEN_EXPIRED,
    TOKEN_REJECTED,
    AccountChange,
    granted_change,
    postponed_change,
    reconnect_change,
    refreshed_change,
    revived_change,
)
from threads.accounts.parts import AccountParts
from threads.accounts.repository import SAVE_ATTEMPTS
from threads.accounts.token_lifetime import Turn
from threads.accounts.vault import SealBroken
from threads.base.errors import ReconnectRequired, ServiceError, ServiceUnavailable, ThreadsError
from threads.base.scopes import DEFAULT_SCOPES
from threads.base.secret import Secret
from threads.graph import oauth
from threads.graph.account_api import AccountApi
from threads.graph.oauth import LongLivedToken

SURELY = timedelta(days=1)
"""A token that Threads refuses has expired if its time was over this long ago, whatever the refusal says."""


class Outcome(StrEnum):
    """How a refresh has ended."""

    REFRESHED = "refreshed"
    NOT_DUE = "not_due"
    IN_PROGRESS = "in_progress"
    POSTPONED = "postponed"
    """There was a transient error. The refresh is tried again later."""
    DOUBTED = "doubted"
    """Threads calls this token dead, but it is not certain. It is asked again later."""
    ANOTHER_PERSON = "another_person"
    """Threads has given the account another person's token. The account asks for a reconnect."""
    ENDED = "ended"
    """The account asks for a reconnect."""
    STILL_DEAD = "still_dead"
    """The account has ended before, and its token still does not work."""
    REVIVED = "revived"
    """The account had ended, and its token works: it does not ask for a reconnect any more."""
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
    is_alarm: bool = False
    """Whether a person must look: the token expires soon."""
    is_lifetime_known: bool = True
    """Whether Threads has said how long a new token lasts."""


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
    if turn not in {Turn.REFRESH, Turn.LOOK_AGAIN}:
        return Refresh(Outcome(turn), account)
    token = _open(parts, account)
    if token is None:
        # The account is not marked: its token works again once the missing key is back.
        return _postpone(parts, account, ReconnectRequired("No key of TOKEN_KEYS opens this token."))
    if turn is Turn.LOOK_AGAIN:
        return _look_again(parts, account, token)
    leased = parts.repository.change(account, AccountChange({"refreshingUntil": now + token_lifetime.LEASE}))
    if leased is None:
        return Refresh(Outcome.IN_PROGRESS, account)
    try:
        fresh = oauth.read_refreshed_token(parts.graph.send(oauth.refresh_request(token)))
    except ThreadsError as error:
        return _refused(parts, leased, token, error)
    return _learn(parts, _save(parts, leased, token, fresh), fresh)


def _refused(parts: AccountParts, account: StoredAccount, token: Secret, error: ThreadsError) -> Refresh:
    """End the account if its token is surely dead. Otherwise postpone the refresh."""
    api, now = AccountApi(parts.graph, token), parts.now()
    error = api.confirmed(error)
    if not isinstance(error, ReconnectRequired):
        is_over = account.has_run_out(now - SURELY) and not api.is_alive
        return _end(parts, account, TOKEN_EXPIRED, error) if is_over else _postpone(parts, account, error)
    if account.has_run_out(now):
        return _end(parts, account, TOKEN_EXPIRED, error)
    dead_since = account.moment("deadSince") or now
    if token_lifetime.is_doubtful(dead_since, now) and not _is_certain(parts, token, now):
        return _postpone(parts, account, error, dead_since)._replace(outcome=Outcome.DOUBTED)
    return _end(parts, account, TOKEN_REJECTED, error)


def _is_certain(parts: AccountParts, token: Secret, now: datetime) -> bool:
    """Return whether Threads tells the app that a token is not valid, as one of few. If so, note it.

    One call. If Threads says so, one read and one write. None of it where the app cannot speak for itself: in
    a request, which does not wait for a doubt to end.
    """
    if parts.app_token is None:
        return False
    with suppress(ThreadsError, ServiceUnavailable):
        reply = parts.graph.send(oauth.grants_request(token, parts.app_token))
        return not oauth.read_grants(reply, ()).is_valid and parts.repository.note_dead(now)
    return False


def _look_again(parts: AccountParts, account: StoredAccount, token: Secret) -> Refresh:
    """Revive an account if its token works, although Threads has called it dead. One call, one commit."""
    now = parts.now()
    if AccountApi(parts.graph, token).is_alive:
        revived = parts.repository.change(account, revived_change(account, now))
        return Refresh(Outcome.REVIVED if revived else Outcome.OVERTAKEN, revived)
    due_at = token_lifetime.look_again_at(account, now)
    changed = parts.repository.change(account, AccountChange({"refreshAt": due_at}))
    return Refresh(Outcome.STILL_DEAD, changed or account)


def _learn(parts: AccountParts, done: Refresh, fresh: LongLivedToken) -> Refresh:
    """Ask what a token may do and whose it is, if that is not known yet, and note it.

    The new token is saved before. If this fails, the next refresh asks again.
    """
    account, done = done.account, done._replace(is_lifetime_known=fresh.is_lifetime_known)
    if done.outcome is not Outcome.REFRESHED or account is None:
        return done
    if account.scopes is not None and parts.vault.sealed_ids(account):
        return done
    with suppress(ThreadsError, ServiceUnavailable):
        reply = parts.graph.send(oauth.grants_request(fresh.secret))
        grants = oauth.read_grants(reply, DEFAULT_SCOPES)
        change = granted_change(account, grants, _proven_owner(parts, account, grants), parts.now())
        if change:
            return done._replace(account=parts.repository.change(account, change) or account)
    return done


def _proven_owner(parts: AccountParts, account: StoredAccount, grants: oauth.Grants) -> str | None:
    """Return the sealed id of the owner, if Threads says the same id as the document, which is no proof."""
    user_id = grants.user_id
    if user_id is None or user_id != account.threads_user_id or parts.vault.sealed_ids(account):
        return None
    return parts.vault.seal_ids([user_id], account.uid, account.account_id)


def _save(parts: AccountParts, account: StoredAccount, old: Secret, fresh: LongLivedToken) -> Refresh:
    """Replace the old token by the new one, and no other token.

    An account that was disconnected stays disconnected, and one that was connected again keeps its newer
    token. But the new token must not get lost, because Threads may refuse the old one from now on. So this
    tries again after a lost answer of Firestore, and after a writer that changed something else: a delivery
    that marks the account, or the command ``reseal``.
    """
    sealed = parts.vault.seal_token(fresh.secret, account.uid, account.account_id)
    change = refreshed_change(account, fresh, sealed, parts.now())
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


def _postpone(
    parts: AccountParts, account: StoredAccount, error: ServiceError, dead_since: datetime | None = None
) -> Refresh:
    """Leave the account as it is, due again later. If another writer has changed it, that change wins."""
    now = parts.now()
    change = postponed_change(account, now, error=error.code, dead_since=dead_since)
    changed = parts.repository.change(account, change)
    return Refresh(Outcome.POSTPONED, changed or account, error, token_lifetime.is_alarming(account, now))


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
