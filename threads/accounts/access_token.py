"""A user's account with its token opened: the one place where a token becomes usable."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from threads.accounts.account import StoredAccount, check_connected, check_scopes, select_account
from threads.accounts.changes import TOKEN_REJECTED, reconnect_change, revived_change
from threads.accounts.parts import AccountParts
from threads.accounts.profile import NOT_THEIRS, read_profile_again
from threads.accounts.refresh import Outcome, refresh
from threads.accounts.repository import SAVE_ATTEMPTS
from threads.accounts.token_lifetime import is_ending, is_looked_at
from threads.accounts.vault import SealBroken
from threads.base.errors import (
    AccountNotFound,
    ReconnectRequired,
    ServiceUnavailable,
    ThreadsError,
    ThreadsUnavailable,
)
from threads.graph.account_api import AccountApi

RETRY_PAUSE = timedelta(seconds=1)
"""How soon to try again with the token of an account that was just connected again: at once."""


@dataclass(frozen=True)
class OpenAccount:
    """A stored account, and the Threads API for this account."""

    stored: StoredAccount
    api: AccountApi


def find_account(parts: AccountParts, uid: str, unverified_account_id: str | None) -> StoredAccount:
    """Return the named account, or the user's only one. One read.

    Raises:
        MissingAccount: no account is named, and the user has several.
        AccountNotFound: the user has no such account.

    """
    found = parts.repository.find(uid, unverified_account_id)
    return select_account(found, unverified_account_id)


def check_usable(account: StoredAccount, needed_scopes: Iterable[str]) -> None:
    """Refuse an account that cannot do what is asked of it.

    Raises:
        ReconnectRequired: its token is known to be dead.
        MissingScope: it has not granted a scope that is needed.

    """
    check_connected(account)
    check_scopes(account, needed_scopes)


def ensure_usable(parts: AccountParts, account: StoredAccount, needed_scopes: Iterable[str]) -> StoredAccount:
    """Return an account that can do what is asked of it.

    An account that has ended within the last week, and not just now, is asked about once more: who wants to
    use it need not wait until it is looked at. That costs a call, and a commit if its token works after all.

    Raises:
        ReconnectRequired, MissingScope: as ``check_usable``.
        AccountNotFound: it was disconnected meanwhile.

    """
    now = parts.now()
    if is_looked_at(account, now) and is_token_alive(parts, account):
        revived = parts.repository.change(account, revived_change(account, now))
        account = revived or find_account(parts, account.uid, account.account_id)  # another request was first
    check_usable(account, needed_scopes)
    return account


def open_account(
    parts: AccountParts, account: StoredAccount, needed_scopes: Iterable[str] = ()
) -> OpenAccount:
    """Open the token of an account that can do what is asked. A token about to expire is refreshed first.

    Raises:
        ReconnectRequired: its token is dead, or no key opens it.
        MissingScope: it has not granted a scope that is needed.
        AccountNotFound: it was disconnected while its token was refreshed.

    """
    account = ensure_usable(parts, account, needed_scopes)
    if is_ending(account, parts.now()):
        account = _refreshed(parts, account)
    try:
        token = parts.vault.open_token(account)
    except SealBroken as error:
        # The account is not marked: its token works again once the missing key is back.
        raise ReconnectRequired from error
    return OpenAccount(account, AccountApi(parts.graph, token))


def find_open_account(
    parts: AccountParts, uid: str, unverified_account_id: str | None, needed_scopes: Iterable[str] = ()
) -> OpenAccount:
    """Find and open the named account, or the user's only one. One read.

    Raises:
        MissingAccount, AccountNotFound, ReconnectRequired, MissingScope: see ``find_account`` and
            ``open_account``.

    """
    return open_account(parts, find_account(parts, uid, unverified_account_id), needed_scopes)


def find_sealed(parts: AccountParts, field: str, value: str, ends: datetime) -> Iterator[StoredAccount]:
    """Yield the accounts, of all users, that have this value in a field, and that the service has written.

    Each is read by itself, in a random order. What cannot be read is passed over: a client has written it.

    Raises:
        ServiceUnavailable: the time is up before all of them were looked at, or Firestore does not find them.

    """
    for uid, account_id in parts.repository.find_connected(field, value):
        if parts.now() >= ends:
            raise ServiceUnavailable
        account = None
        with suppress(ServiceUnavailable):
            account = parts.repository.read(uid, account_id)
        if account and parts.vault.has_sealed(account):
            yield account


def _refreshed(parts: AccountParts, account: StoredAccount) -> StoredAccount:
    """Return the account with a new token, or with the old one, which still works, if there is no new one.

    Raises:
        ReconnectRequired: Threads says that the old token is dead, or that the new one is another person's.
        AccountNotFound: the account was disconnected meanwhile.

    """
    try:
        done = refresh(parts, account)
    except ServiceUnavailable:
        return account
    if done.outcome is Outcome.ENDED:
        raise done.error or ReconnectRequired
    if done.account is None:
        raise AccountNotFound
    if done.outcome is Outcome.REFRESHED and not read_profile_again(parts, done.account):
        raise ReconnectRequired(f"{NOT_THEIRS} Connect it again.")
    if done.outcome is not Outcome.DOUBTED:
        return done.account
    # A refresh waits for a day. A person does not: they are told, as after any other call.
    if note_dead_token(parts, done.account):
        raise done.error or ReconnectRequired
    return find_account(parts, account.uid, account.account_id)


def understood(parts: AccountParts, account: OpenAccount, refusal: ThreadsError) -> ThreadsError:
    """Return what an error of Threads really is, and mark the account if its token is dead.

    A dead token may look like another error.
    """
    return noted(parts, account.stored, account.api.confirmed(refusal))


def is_token_alive(parts: AccountParts, account: StoredAccount) -> bool:
    """Return whether Threads still answers to an account's token. At most one call.

    False if nobody can say, because no key opens the token, or Threads is down.
    """
    try:
        return AccountApi(parts.graph, parts.vault.open_token(account)).is_alive
    except SealBroken:
        return False


def noted(parts: AccountParts, account: StoredAccount, error: ThreadsError) -> ThreadsError:
    """Mark an account if an error says that its token is dead, and return the error for the caller.

    If the account was connected again meanwhile, nothing is marked: the next try has another token.
    """
    if not isinstance(error, ReconnectRequired) or note_dead_token(parts, account):
        return error
    return ThreadsUnavailable(
        "This account was connected again just now. Send the same request again.",
        evidence=error.evidence,
        retry_after=RETRY_PAUSE,
        verdict=error.verdict,
    )


def note_dead_token(parts: AccountParts, account: StoredAccount) -> bool:
    """Mark an account whose token Threads has refused, for the next request that needs it. One commit.

    If another writer has changed the account since it was read, each time a read and a commit more.

    Returns:
        Whether it still has this token, or none. False: it has another one, and is not marked.

    """
    with suppress(ServiceUnavailable):  # the next call to Threads finds out again
        for _ in range(SAVE_ATTEMPTS):
            if parts.repository.change(account, reconnect_change(TOKEN_REJECTED, parts.now())):
                break
            there = parts.repository.read(account.uid, account.account_id)
            if there is None or there.sealed_token is None:
                break
            if not _has_same_token(parts, account, there):
                return False
            if not there.is_active:
                break
            account = there
    return True


def _has_same_token(parts: AccountParts, account: StoredAccount, there: StoredAccount) -> bool:
    """Return whether two versions of an account have one token. It may have been sealed anew between them."""
    if account.sealed_token == there.sealed_token:
        return True
    try:
        return parts.vault.open_token(account) == parts.vault.open_token(there)
    except SealBroken:
        return False
