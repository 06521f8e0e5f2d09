"""A user's account and its token, for whoever is going to call Threads with it."""

from collections.abc import Iterable
from contextlib import suppress

from threads.accounts import (
    TOKEN_FIELD,
    TOKEN_REJECTED,
    check_connected,
    check_scopes,
    reconnect_change,
    select_account,
)
from threads.documents import Found
from threads.errors import AccountNotFound, ReconnectRequired, ServiceUnavailable
from threads.refresh import Outcome, refresh
from threads.tokens import is_ending
from threads.tools import Tools
from threads.vault import SealBroken, token_place
from threads.wire import Secret


def find_account(tools: Tools, uid: str, unverified_account_id: str | None) -> Found:
    """Return the account that is named, or the only one. One read.

    Raises:
        MissingAccount, AccountNotFound: which account is not clear, or it is not there.

    """
    found = tools.store.find_accounts(uid, unverified_account_id)
    return select_account(found, unverified_account_id)


def check_usable(tools: Tools, account: Found, needed_scopes: Iterable[str]) -> None:
    """Let only an account pass that can do what is asked of it.

    Raises:
        ReconnectRequired: its token is known to be dead.
        MissingScope: it has not granted a permission that is needed.

    """
    check_connected(account.fields, tools.now())
    check_scopes(account.fields, needed_scopes)


def open_token(tools: Tools, uid: str, account: Found, needed_scopes: Iterable[str] = ()) -> Secret:
    """Return the token of an account that can do what is asked of it; one about to end is refreshed first.

    Raises:
        ReconnectRequired: its token is known to be dead, or no key opens it.
        MissingScope: it has not granted a permission that is needed.
        AccountNotFound: it was disconnected while its token was refreshed.

    """
    check_usable(tools, account, needed_scopes)
    if is_ending(account.fields, tools.now()):
        account = _refreshed(tools, uid, account)
    place = token_place(tools.project(), uid, account.id)
    try:
        return tools.vault().open(str(account.fields.get(TOKEN_FIELD)), place)
    except SealBroken as error:
        # The account is not marked: its token works again once a key that was left out is back.
        raise ReconnectRequired from error


def _refreshed(tools: Tools, uid: str, account: Found) -> Found:
    """Return the account with a new token; with the old one, which still works, where that does not pass.

    Raises:
        ReconnectRequired: Threads says that the old one is dead.
        AccountNotFound: it has been disconnected meanwhile.

    """
    try:
        done = refresh(tools, uid, account)
    except ServiceUnavailable:
        return account
    if done.outcome is Outcome.ENDED:
        raise done.error or ReconnectRequired
    if done.account is None:
        raise AccountNotFound
    return done.account


def note_dead_token(tools: Tools, uid: str, account: Found) -> None:
    """Let whoever needs the account next know that Threads has refused its token. One commit."""
    change, card = reconnect_change(TOKEN_REJECTED, tools.now())
    with suppress(ServiceUnavailable):  # the next call finds it out anew
        tools.store.change_account(uid, account, change=change, card=card)
