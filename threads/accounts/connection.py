"""A connection: an account that has just been authorized, and what it changes in the stored documents."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from threads.accounts.account import ACTIVE, OWNER_FIELD, TOKEN_FIELD, TROUBLES, StoredAccount
from threads.accounts.summary import (
    StoredSummary,
    fresh_card,
    public_profile,
    with_connected_card,
    with_profile,
)
from threads.accounts.token_lifetime import issued_at, token_times
from threads.accounts.vault import Vault
from threads.base.secret import Secret
from threads.graph.oauth import Grants, LongLivedToken, Profile, ShortLivedToken


@dataclass(frozen=True)
class Connection:
    """An account that has just been authorized, with everything that is stored of it."""

    account_id: str
    """The account that it is of. If Threads has changed the profile's id, it is the one from before."""
    profile: Profile
    threads_user_id: str
    token: Secret
    token_type: str
    expires_in: timedelta
    is_lifetime_known: bool
    grants: Grants
    now: datetime

    @property
    def refused_scopes(self) -> tuple[str, ...]:
        """The scopes that were requested and not granted."""
        return self.grants.refused


@dataclass(frozen=True)
class ConnectionChange:
    """What a connection changes in the user's summary and in the account's document."""

    summary: Mapping[str, Any]
    account: Mapping[str, Any]


def new_connection(
    profile: Profile, short: ShortLivedToken, long: LongLivedToken, grants: Grants, now: datetime
) -> Connection:
    """Return a connection, made of the answers to its calls."""
    return Connection(
        account_id=profile.id,
        profile=profile,
        threads_user_id=short.user_id,
        token=long.secret,
        token_type=long.token_type,
        expires_in=long.expires_in,
        is_lifetime_known=long.is_lifetime_known,
        grants=grants,
        now=now,
    )


def connection_change(
    connection: Connection,
    sealed: Mapping[str, str],
    *,
    summary: StoredSummary,
    account: StoredAccount | None,
    is_alive: Callable[[], bool],
) -> ConnectionChange | None:
    """Return what a connection changes in the summary and in the account's document.

    An older token never replaces a token that works. A token with fewer scopes does not replace one either,
    unless its owner has refused a scope: the window of a sign-in asks only for the scopes that every
    connection asks for.

    The new token is good: it has just told its profile. So it is dropped only for a token that Threads still
    answers to, not for one that its owner has ended by removing the app.

    Args:
        connection: the new connection.
        sealed: the sealed fields of its document (``sealed_fields``).
        summary: the user's summary.
        account: the account as it is stored, or None if it is new.
        is_alive: returns whether the stored token works at Threads. It is only asked if that matters.

    Returns:
        The fields of both. None if nothing changes, because the account was connected again meanwhile.

    """
    if account and _may_work(account):
        issued = issued_at(account)
        is_overtaken = issued is not None and issued > connection.now
        if (is_overtaken or _can_do_more(account, connection)) and is_alive():
            if is_overtaken:
                return None
            changed = with_profile(summary, connection.account_id, connection.profile, connection.now)
            owner = {OWNER_FIELD: sealed[OWNER_FIELD]}
            return ConnectionChange(changed, {**_profile_fields(connection), **owner})
    first = dict.fromkeys(TROUBLES) if account else {"createdAt": connection.now}
    card = fresh_card(connection.profile, connection.now + connection.expires_in, connection.refused_scopes)
    changed = with_connected_card(summary, connection.account_id, card, connection.now)
    return ConnectionChange(changed, {**account_document(connection, sealed), **first})


def _may_work(account: StoredAccount) -> bool:
    return account.is_active and account.sealed_token is not None


def _can_do_more(account: StoredAccount, connection: Connection) -> bool:
    """Return whether the stored token has all scopes of the new one, and others that were not refused.

    If Threads has not said which scopes the new one has, it has at most those that were asked for.
    """
    grants = connection.grants
    there, new = {*(account.scopes or ())}, {*(grants.asked if grants.granted is None else grants.granted)}
    return new < there and there.isdisjoint(connection.refused_scopes)


def sealed_fields(
    vault: Vault, uid: str, connection: Connection, account: StoredAccount | None
) -> dict[str, str]:
    """Return the sealed fields of an account's document: its token, and whose it is.

    Only ids that Threads itself has said are sealed, now or earlier, of the same person. The account's own id
    may be none of them: a client can write a document under any id.
    """
    account_id, ids = connection.account_id, {connection.threads_user_id, connection.profile.id}
    earlier = vault.sealed_ids(account) if account else frozenset()
    if connection.threads_user_id in earlier:
        ids |= earlier
    return {
        TOKEN_FIELD: vault.seal_token(connection.token, uid, account_id),
        OWNER_FIELD: vault.seal_ids(ids, uid, account_id),
    }


def account_document(connection: Connection, sealed: Mapping[str, str]) -> dict[str, Any]:
    """Return the account's document without ``createdAt``, which only the first connection sets."""
    return {
        "accountId": connection.account_id,
        **sealed,
        "tokenType": connection.token_type,
        **token_times(connection.account_id, connection.now, connection.expires_in),
        "scopes": None if connection.grants.granted is None else list(connection.grants.granted),
        "status": ACTIVE,
        **_profile_fields(connection),
    }


def _profile_fields(connection: Connection) -> dict[str, Any]:
    """Return the fields of an account's document that are not about its token."""
    return {
        "updatedAt": connection.now,
        "connectedAt": connection.now,
        "profile": public_profile(connection.profile),
        "extra": {**connection.profile.extra, "threadsUserId": connection.threads_user_id},
    }
