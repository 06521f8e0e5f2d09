"""Connected accounts: their documents, the cards that the web app renders, and which one is meant.

A document is what Firestore holds, plain dictionaries; reading and writing them is the store's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from threads.errors import AccountNotFound, MissingAccount, MissingScope, ReconnectRequired
from threads.oauth import Grants, LongLivedToken, Profile, ShortLivedToken
from threads.tokens import issued_at, token_times
from threads.wire import Secret, as_json_time

ACTIVE = "active"
RECONNECT_REQUIRED = "reconnect_required"

TOKEN_REJECTED = "token_rejected"  # noqa: S105 - a reason to connect again
TOKEN_EXPIRED = "token_expired"  # noqa: S105 - the same

T = TypeVar("T")

Changes = tuple[dict[str, Any], dict[str, Any]]
"""What changes in a user's summary, and what on an account."""

TOKEN_FIELD = "accessToken"  # noqa: S105 - the name of a field

ID_FIELDS = ("accountId", "extra.threadsUserId")
"""Where Threads' id of an account's owner stands. Both are that: one came with the profile, one with the
token, and which of them Meta names where it speaks of a user is not certain."""

USERNAME_FIELD = "profile.username"
"""What the account was called when it was connected."""


@dataclass(frozen=True)
class Connection:
    """An account that has just been authorized, with everything that is to be stored of it."""

    profile: Profile
    threads_user_id: str
    token: Secret
    token_type: str
    expires_in: int
    expires_at: datetime
    scopes: tuple[str, ...]
    """What was granted."""
    refused_scopes: tuple[str, ...]
    """What was asked for and not granted."""
    now: datetime


def new_connection(
    profile: Profile, short: ShortLivedToken, long: LongLivedToken, grants: Grants, now: datetime
) -> Connection:
    """Put together what the calls of a connection have brought."""
    return Connection(
        profile=profile,
        threads_user_id=short.user_id,
        token=long.secret,
        token_type=long.token_type,
        expires_in=int(long.expires_in.total_seconds()),
        expires_at=now + long.expires_in,
        scopes=grants.granted,
        refused_scopes=grants.refused,
        now=now,
    )


def public_profile(profile: Profile) -> dict[str, Any]:
    """Return the profile as it is stored and answered."""
    return {
        "platformId": profile.id,
        "displayName": profile.display_name,
        "username": profile.username,
        "avatarUrl": profile.avatar_url,
        "accountType": "user",
    }


def connection_change(
    connection: Connection, sealed_token: str, *, summary: Mapping[str, Any], account: Mapping[str, Any]
) -> Changes | None:
    """Return what a connection changes in the summary, and on the account; both may be there already.

    A token that works is not given away for an older one, and not for one that can do less without anybody
    having refused it: the window of a sign-in asks for what every connection asks for, and no more.

    Args:
        connection: the new one.
        sealed_token: its token.
        summary: the one there is, or nothing.
        account: the document there is, or nothing.

    Returns:
        the fields of both. None where nothing changes: the account was connected again meanwhile.

    """
    works = _has_working_token(account, connection.now)
    if works and _is_newer(account, connection):
        return None
    if works and _can_do_more(account, connection):
        return _summary_with_profile(connection, summary), _profile_fields(connection)
    first = {} if account else {"createdAt": connection.now}
    return summary_document(connection, summary), {**account_document(connection, sealed_token), **first}


def _has_working_token(account: Mapping[str, Any], now: datetime) -> bool:
    is_active = account.get("status") == ACTIVE
    return is_active and not is_without_token(account) and not has_run_out(account, now)


def _is_newer(account: Mapping[str, Any], connection: Connection) -> bool:
    issued = issued_at(account)
    return issued is not None and issued > connection.now


def _can_do_more(account: Mapping[str, Any], connection: Connection) -> bool:
    """Say whether an account's token can do all that the new one can and more, which nobody has refused."""
    there, new = {*(account.get("scopes") or ())}, {*connection.scopes}
    return new < there and there.isdisjoint(connection.refused_scopes)


def account_document(connection: Connection, sealed_token: str) -> dict[str, Any]:
    """Return the account's document without ``createdAt``, which only the first connection sets."""
    return {
        "accountId": connection.profile.id,
        TOKEN_FIELD: sealed_token,
        "tokenType": connection.token_type,
        **token_times(connection.profile.id, connection.now, timedelta(seconds=connection.expires_in)),
        "scopes": list(connection.scopes),
        "status": ACTIVE,
        **_profile_fields(connection),
    }


def _profile_fields(connection: Connection) -> dict[str, Any]:
    """Return the part of an account's document that is not about its token."""
    return {
        "updatedAt": connection.now,
        "connectedAt": connection.now,
        "profile": public_profile(connection.profile),
        "extra": {**connection.profile.extra, "threadsUserId": connection.threads_user_id},
    }


def refused_scopes(scopes: Sequence[str]) -> dict[str, list[str]]:
    """Return the member that names what was asked for and not granted; no member when that is nothing."""
    return {"refusedScopes": list(scopes)} if scopes else {}


def summary_document(connection: Connection, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summary with this account's card in it; what the user has chosen before is kept."""
    cards = dict(before.get("accounts") or {})
    account_id = connection.profile.id
    old = cards.get(account_id, {})
    kept = {name: old[name] for name in old if name not in ("statusReason", "refusedScopes")}
    cards[account_id] = {
        "enabled_for_repost": False,
        **kept,
        **_shown_profile(connection),
        "status": ACTIVE,
        "expiresAt": connection.expires_at,
        **refused_scopes(connection.refused_scopes),
    }
    return {
        "defaultAccountId": before.get("defaultAccountId") or account_id,
        "connectedCount": len(cards),
        "accounts": cards,
        "updatedAt": connection.now,
    }


def _summary_with_profile(connection: Connection, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return what changes in the summary when an account keeps its token, and gets its profile anew."""
    cards = dict(before.get("accounts") or {})
    account_id = connection.profile.id
    cards[account_id] = {**cards.get(account_id, {}), **_shown_profile(connection)}
    return {"accounts": cards, "updatedAt": connection.now}


def _shown_profile(connection: Connection) -> dict[str, Any]:
    """Return the part of a card that is the profile."""
    profile = public_profile(connection.profile)
    return {name: profile[name] for name in ("displayName", "username", "avatarUrl", "accountType")}


def cards_answer(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the cards as the web app gets them, the default account's first."""
    default = summary.get("defaultAccountId")
    cards = [
        {"accountId": account_id, **{name: _jsonable(value) for name, value in card.items()}}
        for account_id, card in (summary.get("accounts") or {}).items()
    ]
    cards.sort(key=lambda card: (card["accountId"] != default, card.get("username") or ""))
    return {"ok": True, "accounts": cards, "defaultAccountId": default, "connectedCount": len(cards)}


def select_account(candidates: Sequence[T], unverified_account_id: str | None) -> T:
    """Pick the account that a request means, out of the one it names or the first two of all.

    Raises:
        MissingAccount: it names none and there are several.
        AccountNotFound: there is none.

    """
    if not candidates:
        raise AccountNotFound(
            "No Threads account is connected. Connect one first."
            if unverified_account_id is None
            else "You have not connected the Threads account that accountId names."
        )
    if unverified_account_id is None and len(candidates) > 1:
        raise MissingAccount
    return candidates[0]


def check_connected(account: Mapping[str, Any], now: datetime) -> None:
    """Let only an account pass whose token can work.

    Raises:
        ReconnectRequired: its token is known to be dead, or has run out.

    """
    if account.get("status") == RECONNECT_REQUIRED or has_run_out(account, now):
        raise ReconnectRequired


def has_run_out(account: Mapping[str, Any], now: datetime) -> bool:
    """Say whether an account's token has ended by itself."""
    expires_at = account.get("expiresAt")
    return expires_at is not None and bool(expires_at <= now)


def check_scopes(account: Mapping[str, Any], needed: Iterable[str]) -> None:
    """Let only an account pass that has granted these permissions.

    Raises:
        MissingScope: naming what is not granted.

    """
    granted = account.get("scopes")
    missing = [scope for scope in needed if granted is not None and scope not in granted]
    if missing:
        raise MissingScope(
            f"This account has not allowed the app what this needs ({' and '.join(missing)}). "
            "Connect it again, and allow it."
        )


def reconnect_change(reason: str, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what changes on an account, and on its card, when its token turns out to be dead.

    Nothing is left to be refreshed: no sweep finds the account any more. (None takes a field away.)
    """
    change = {"status": RECONNECT_REQUIRED, "refreshAt": None, "refreshingUntil": None, "updatedAt": now}
    return change, {"status": RECONNECT_REQUIRED, "statusReason": reason}


def refreshed_change(
    account_id: str, token: LongLivedToken, sealed_token: str, now: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what changes on an account, and on its card, when its token has been refreshed.

    Whoever has marked the account meanwhile, because of the token that it had, was wrong about this one.
    """
    change = {
        TOKEN_FIELD: sealed_token,
        "tokenType": token.token_type,
        **token_times(account_id, now, token.expires_in),
        "status": ACTIVE,
        "refreshingUntil": None,
        "updatedAt": now,
    }
    return change, {"status": ACTIVE, "statusReason": None, "expiresAt": change["expiresAt"]}


def disconnect_change(now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what changes on an account, and on its card, when its end begins: it loses its token."""
    change, card = reconnect_change("disconnecting", now)
    return {**change, TOKEN_FIELD: None}, card


def is_without_token(account: Mapping[str, Any]) -> bool:
    """Say whether an account's end has begun; connecting it again would bring a new token."""
    return not account.get(TOKEN_FIELD)


def is_connected_after(account: Mapping[str, Any], moment: datetime) -> bool:
    """Say whether an account was connected, for the first time or again, after a moment."""
    connected_at = account.get("connectedAt") or account.get("createdAt")
    return isinstance(connected_at, datetime) and connected_at > moment


def summary_with_choice(
    before: Mapping[str, Any],
    account_id: str,
    *,
    enabled_for_repost: bool | None,
    is_default: bool,
    now: datetime,
) -> dict[str, Any]:
    """Return what changes in the summary when the user chooses something for an account.

    Args:
        before: the summary.
        account_id: the account.
        enabled_for_repost: whether the app may repost with it. None leaves it as it is.
        is_default: make it the default account. False leaves that as it is.
        now: the time.

    Raises:
        AccountNotFound: the user has no such account.

    """
    cards = dict(before.get("accounts") or {})
    if account_id not in cards:
        raise AccountNotFound("You have not connected the Threads account that accountId names.")
    if enabled_for_repost is not None:
        cards[account_id] = {**cards[account_id], "enabled_for_repost": enabled_for_repost}
    default = {"defaultAccountId": account_id} if is_default else {}
    return {"accounts": cards, **default, "updatedAt": now}


def summary_without(before: Mapping[str, Any], account_id: str, now: datetime) -> dict[str, Any] | None:
    """Return what changes in the summary when an account goes; None when it was the last one.

    One that is left becomes the default one.
    """
    cards = {name: card for name, card in (before.get("accounts") or {}).items() if name != account_id}
    if not cards:
        return None
    default = before.get("defaultAccountId")
    if default not in cards:
        default = min(cards, key=lambda name: cards[name].get("username") or "")
    return {"accounts": cards, "defaultAccountId": default, "connectedCount": len(cards), "updatedAt": now}


def _jsonable(value: Any) -> Any:
    return as_json_time(value) if isinstance(value, datetime) else value
