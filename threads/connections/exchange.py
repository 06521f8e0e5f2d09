"""From a code to a stored account: what th_auth_callback and th_auth_finish have in common.

    1 write    use up what the code came with: from here on only this request goes on
    4 calls    code → short-lived token → long-lived token → profile and granted scopes, side by side
    1 read     only if a certain account was asked for, and the profile has another id: is it the same person?
    1 commit   account, summary, and how the window has ended

If the user has a summary already, that commit fails on it. Then more steps follow:

    1 read     summary and account, and what the code came with
    1 read     only if the account is new: has the user one of the same person under another id?
    1 call     only if the account's old token can do more, or is newer: does it still work?
    1 commit   the same, added to what they hold

Nothing is saved before all calls are answered. Then everything is saved at once, or nothing is, if what the
code came with has ended or was deleted meanwhile.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

from threads.accounts.access_token import is_token_alive
from threads.accounts.account import StoredAccount
from threads.accounts.connection import (
    Connection,
    ConnectionChange,
    connection_change,
    new_connection,
    sealed_fields,
)
from threads.accounts.summary import StoredSummary, public_profile
from threads.base.errors import (
    CallerError,
    InProgress,
    InvalidRequest,
    Problem,
    RejectedByThreads,
    ServiceError,
    ServiceUnavailable,
    ThreadsError,
    WrongAccount,
)
from threads.cloud.firestore import is_refused
from threads.connections.parts import ConnectionParts
from threads.connections.states import CONNECTED, FAILED, Asked, End, UsedUp
from threads.graph import oauth

_NO_ROOM = Problem(
    "accounts", "invalid_request", "of this user leave no room for another one. Disconnect one first."
)
"""Firestore refuses a summary of more than 1 MiB, and does so each time."""

_NOT_KNOWN = "It is not known yet whether this account is connected. Look again in a moment."


def exchange(parts: ConnectionParts, code: oauth.AuthorizationCode, used: UsedUp) -> Connection:
    """Exchange the code for a token, and ask for the token's profile and scopes.

    Raises:
        ThreadsError: Threads refused the code, or did not answer.
        WrongAccount: the user chose another account than the one to connect again.

    """
    config, send = parts.config, parts.accounts.graph.send
    short = oauth.read_short_lived_token(send(oauth.code_exchange_request(config, code)))
    long = oauth.read_long_lived_token(send(oauth.token_exchange_request(config, short)))
    issued_at = parts.now()
    profile, grants = parts.both(
        lambda: _profile(parts, long), lambda: _grants(parts, long, used.asked.scopes)
    )
    account_id = _account_id(parts, used.asked, profile, short.user_id)
    return replace(new_connection(profile, short, long, grants, issued_at), account_id=account_id)


def save(parts: ConnectionParts, uid: str, connection: Connection, used: UsedUp) -> End:
    """Save the account with its sealed token for a user, and write and return that the window has ended well.

    If the user has an account of the same person under another id, that one is connected again.

    Raises:
        InvalidState, InvalidHandle: what the code came with was deleted meanwhile. The account is not saved.
        InProgress: Firestore does not tell whether the account is saved.
        InvalidRequest: the summary has no room for another card.
        ServiceUnavailable: the account is not saved, and will not be.

    """
    try:
        return _save(parts, uid, connection, used)
    except _KnownAs as known:
        return _save(parts, uid, replace(connection, account_id=known.account_id), used)


def _save(parts: ConnectionParts, uid: str, connection: Connection, used: UsedUp) -> End:
    account_id, change = connection.account_id, _change(parts, uid, connection)
    end = End(CONNECTED, account_id, public_profile(connection.profile), connection.refused_scopes)
    also = parts.repository.condition(used, end)
    trouble: ServiceError = ServiceUnavailable()
    try:
        if parts.accounts.repository.connect(uid, account_id, change, pause=parts.pause, also=also):
            return end
    except ServiceUnavailable as error:  # the answer to the commit may have been lost
        if is_refused(error):
            trouble = InvalidRequest(_NO_ROOM)
    try:
        ended = parts.repository.settle(used.of, used.version, End(FAILED, error=trouble.code))
    except ServiceUnavailable:
        raise InProgress(_NOT_KNOWN) from None
    if ended.status != CONNECTED:
        raise trouble
    return ended


def _change(
    parts: ConnectionParts, uid: str, connection: Connection
) -> Callable[[StoredSummary, StoredAccount | None], ConnectionChange | None]:
    """Return what says what the connection changes, given the current summary and account."""
    vault = parts.accounts.vault
    witnessed: dict[str | None, bool] = {}  # other writers may come first: a token is asked about once

    def change(summary: StoredSummary, account: StoredAccount | None) -> ConnectionChange | None:
        def is_alive() -> bool:
            stored = account.sealed_token if account else None
            if account and stored not in witnessed:
                witnessed[stored] = is_token_alive(parts.accounts, account)
            return witnessed.get(stored, False)

        is_as_told = connection.account_id == connection.profile.id
        if account is None and summary.cards and is_as_told:
            person = parts.accounts.repository.find_person(uid, connection.threads_user_id)
            if person and connection.threads_user_id in vault.sealed_ids(person):
                raise _KnownAs(person.account_id)
        sealed = sealed_fields(vault, uid, connection, account)
        return connection_change(connection, sealed, summary=summary, account=account, is_alive=is_alive)

    return change


def is_connected(parts: ConnectionParts, uid: str, end: End) -> bool:
    """Return whether a window ended well, and its account is still connected. One read."""
    account = parts.accounts.repository.read(uid, end.account_id) if end.account_id else None
    return account is not None and account.sealed_token is not None


def failed(parts: ConnectionParts, used: UsedUp, error: ServiceError) -> ServiceError:
    """Write that a connection has failed, so that no request waits for it, and return the caller's error.

    A code works once. Whatever the error is, the same request cannot succeed later. So the error tells the
    user to start connecting again. Only if it is not known whether the account was saved, the same request
    finds out.
    """
    if isinstance(error, InProgress):
        return error
    with suppress(ServiceUnavailable, CallerError):  # a later request finds no end, and writes this one
        parts.repository.settle(used.of, used.version, End(FAILED, error=error.code))
    if isinstance(error, CallerError):
        return error
    why = error.message if isinstance(error, RejectedByThreads) else "This connection could not be finished."
    return error.changed(
        message=f"{why.rstrip('.')}. Start connecting again.",
        retryable=False,
        retry_after=None,
        next_action="connect_again",
    )


class _KnownAs(Exception):
    """The user has an account of the same person under another id."""

    def __init__(self, account_id: str) -> None:
        super().__init__()
        self.account_id = account_id


def _account_id(parts: ConnectionParts, asked: Asked, profile: oauth.Profile, threads_user_id: str) -> str:
    """Return the id of the connected account, and refuse another one than the only one allowed, if any.

    Threads may change the id of a profile (assumed). The id that came with the token still tells whose it is,
    if the service has sealed it in the account's document. A client may have written any other field.
    """
    expected = asked.account
    if not expected or profile.id == expected.account_id:
        return profile.id
    account = parts.accounts.repository.read(asked.uid or "", expected.account_id)
    if account and threads_user_id in parts.accounts.vault.sealed_ids(account):
        return expected.account_id
    if not expected.username:
        raise WrongAccount
    raise WrongAccount(
        f"@{profile.username} was chosen in the window, and @{expected.username} is to be connected again. "
        "Nothing was changed. Start again, and switch accounts at Threads first."
    )


def _profile(parts: ConnectionParts, token: oauth.LongLivedToken) -> oauth.Profile:
    fields = parts.config.profile_fields
    return oauth.read_profile(parts.accounts.graph.send(oauth.profile_request(token.secret, fields)), fields)


def _grants(parts: ConnectionParts, token: oauth.LongLivedToken, asked: tuple[str, ...]) -> oauth.Grants:
    """Return the granted scopes. They are unknown if Threads does not answer, and a refresh asks again.

    Raises:
        RejectedByThreads: the token is not valid.

    """
    try:
        grants = oauth.read_grants(parts.accounts.graph.send(oauth.grants_request(token.secret)), asked)
    except ThreadsError:
        return oauth.Grants(asked)
    if not grants.is_valid:
        raise RejectedByThreads("Threads says that the token it has just issued is not valid.")
    return grants
