"""A user's account and its token, for whoever is going to call Threads with it."""

from collections.abc import Iterable

from threads.accounts import TOKEN_FIELD, check_connected, check_scopes, select_account
from threads.documents import Found
from threads.errors import ReconnectRequired
from threads.tools import Tools
from threads.vault import Place, SealBroken
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
    """Return the token of an account that can do what is asked of it.

    Raises:
        ReconnectRequired: its token is known to be dead, or no key opens it.
        MissingScope: it has not granted a permission that is needed.

    """
    check_usable(tools, account, needed_scopes)
    place = Place(tools.project(), uid, account.id, TOKEN_FIELD)
    try:
        return tools.vault().open(str(account.fields.get(TOKEN_FIELD)), place)
    except SealBroken as error:
        # The account is not marked: its token works again once a key that was left out is back.
        raise ReconnectRequired from error
