"""A user's account with its token opened: the one place where a token becomes usable."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from threads.accounts.account import StoredAccount, check_connected, check_scopes, select_account
from threads.accounts.changes import TOKEN_REJECTED, reconnect_change
from threads.accounts.parts import AccountParts
from threads.accounts.refresh import Outcome, refresh
from threads.accounts.token_lifetime import is_ending
from threads.accounts.vault import SealBroken
from threads.base.errors import AccountNotFound, ReconnectRequired, ServiceUnavailable, ThreadsError
from threads.graph.account_api import AccountApi


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


def check_usable(parts: AccountParts, account: StoredAccount, needed_scopes: Iterable[str]) -> None:
    """Refuse an account that cannot do what is asked of it.

    Raises:
        ReconnectRequired: its token is known to be dead, or has expired.
        MissingScope: it has not granted a scope that is needed.

    """
    check_connected(account, parts.now())
    check_scopes(account, needed_scopes)


def open_account(
    parts: AccountParts, account: StoredAccount, needed_scopes: Iterable[str] = ()
) -> OpenAccount:
    """Open the token of an account that can do what is asked. A token about to expire is refreshed first.

    Raises:
        ReconnectRequired: its token is known to be dead or has expired, or no key opens it.
        MissingScope: it has not granted a scope that is needed.
        AccountNotFound: it was disconnected while its token was refreshed.

    """
    check_usable(parts, account, needed_scopes)
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


def _refreshed(parts: AccountParts, account: StoredAccount) -> StoredAccount:
    """Return the account with a new token, or with the old one, which still works, if there is no new one.

    Raises:
        ReconnectRequired: Threads says that the old token is dead.
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
    return done.account


def understood(parts: AccountParts, account: OpenAccount, refusal: ThreadsError) -> ThreadsError:
    """Return what an error of Threads really is, and mark the account if its token is dead.

    A dead token may look like another error.
    """
    error = account.api.confirmed(refusal) if refusal.verdict.is_suspect else refusal
    if isinstance(error, ReconnectRequired):
        note_dead_token(parts, account.stored)
    return error


def note_dead_token(parts: AccountParts, account: StoredAccount) -> None:
    """Mark an account whose token Threads has refused, for the next request that needs it. One commit."""
    with suppress(ServiceUnavailable):  # the next call to Threads finds out again
        parts.repository.change(account, reconnect_change(TOKEN_REJECTED, parts.now()))
