"""Connected accounts: their documents, the cards that the web app renders, and which one is meant.

A document is what Firestore holds, plain dictionaries; reading and writing them is the store's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from threads.errors import AccountNotFound, MissingAccount, MissingScope, ReconnectRequired
from threads.oauth import LongLivedToken, Profile, ShortLivedToken
from threads.wire import as_json_time

ACTIVE = "active"
RECONNECT_REQUIRED = "reconnect_required"

T = TypeVar("T")

TOKEN_FIELD = "accessToken"  # noqa: S105 - the name of a field


@dataclass(frozen=True)
class Connection:
    """An account that has just been authorized, with everything that is to be stored of it."""

    profile: Profile
    threads_user_id: str
    token_type: str
    expires_in: int
    expires_at: datetime
    scopes: tuple[str, ...]
    now: datetime


def new_connection(
    profile: Profile, short: ShortLivedToken, long: LongLivedToken, scopes: Sequence[str], now: datetime
) -> Connection:
    """Put together what the three calls of a connection have brought."""
    return Connection(
        profile=profile,
        threads_user_id=short.user_id,
        token_type=long.token_type,
        expires_in=int(long.expires_in.total_seconds()),
        expires_at=now + long.expires_in,
        scopes=tuple(scopes),
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


def account_document(connection: Connection, sealed_token: str) -> dict[str, Any]:
    """Return the account's document without ``createdAt``, which only the first connection sets."""
    return {
        "accountId": connection.profile.id,
        TOKEN_FIELD: sealed_token,
        "tokenType": connection.token_type,
        "expiresIn": connection.expires_in,
        "expiresAt": connection.expires_at,
        "updatedAt": connection.now,
        "scopes": list(connection.scopes),
        "status": ACTIVE,
        "profile": public_profile(connection.profile),
        "extra": {**connection.profile.extra, "threadsUserId": connection.threads_user_id},
    }


def summary_document(connection: Connection, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the summary with this account's card in it; what the user has chosen before is kept."""
    cards = dict(before.get("accounts") or {})
    account_id, profile = connection.profile.id, public_profile(connection.profile)
    kept = {name: value for name, value in cards.get(account_id, {}).items() if name != "statusReason"}
    cards[account_id] = {
        "enabled_for_repost": False,
        **kept,
        **{name: profile[name] for name in ("displayName", "username", "avatarUrl", "accountType")},
        "status": ACTIVE,
        "expiresAt": connection.expires_at,
    }
    return {
        "defaultAccountId": before.get("defaultAccountId") or account_id,
        "connectedCount": len(cards),
        "accounts": cards,
        "updatedAt": connection.now,
    }


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
    expires_at = account.get("expiresAt")
    if account.get("status") == RECONNECT_REQUIRED or (expires_at and expires_at <= now):
        raise ReconnectRequired


def check_scopes(account: Mapping[str, Any], needed: Iterable[str]) -> None:
    """Let only an account pass that was asked for these permissions.

    Raises:
        MissingScope: naming what to ask for.

    """
    granted = account.get("scopes")
    missing = [scope for scope in needed if granted is not None and scope not in granted]
    if missing:
        raise MissingScope(
            f"This account has not granted {' and '.join(missing)}. Connect it again, with "
            f"scopes={','.join(missing)}, and allow it."
        )


def reconnect_change(reason: str, now: datetime) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what changes on an account, and on its card, when its token turns out to be dead."""
    change = {"status": RECONNECT_REQUIRED, "updatedAt": now}
    return change, {"status": RECONNECT_REQUIRED, "statusReason": reason}


def _jsonable(value: Any) -> Any:
    return as_json_time(value) if isinstance(value, datetime) else value
