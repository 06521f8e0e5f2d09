"""What changes in an account's document, and on its card, when something happens to its token."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from threads.accounts.account import (
    ACTIVE,
    OWNER_FIELD,
    RECONNECT_REQUIRED,
    TOKEN_FIELD,
    TROUBLES,
    StoredAccount,
)
from threads.accounts.token_lifetime import (
    FIRST_LOOK,
    is_alarming,
    is_in_last_week,
    refresh_at_once_alive,
    retry_at,
    token_times,
)
from threads.base.scopes import may_publish
from threads.graph.oauth import Grants, LongLivedToken

TOKEN_REJECTED = "token_rejected"  # noqa: S105 - a reason to connect again
TOKEN_EXPIRED = "token_expired"  # noqa: S105 - the same
DISCONNECTING = "disconnecting"
ANOTHER_PERSON = "another_person"


_WELL = {"status": ACTIVE, "statusReason": None, "refreshError": None}
"""What the card of an account says whose token works. None removes a field."""


_UNTROUBLED = dict.fromkeys(TROUBLES)
"""What an account's document says if its last refresh did not fail."""


@dataclass(frozen=True)
class AccountChange:
    """New fields of an account's document, and of its card in the summary. None removes a field."""

    account: Mapping[str, Any]
    card: Mapping[str, Any] | None = None


def reconnect_change(reason: str, now: datetime) -> AccountChange:
    """Return what changes when a token turns out to be dead.

    Threads may be wrong. So the account is due again, to be looked at, for a while.
    """
    return AccountChange(
        account={
            "status": RECONNECT_REQUIRED,
            "endedAt": now,
            "refreshAt": now + FIRST_LOOK,
            "refreshingUntil": None,
            **_UNTROUBLED,
            "updatedAt": now,
        },
        card={"status": RECONNECT_REQUIRED, "statusReason": reason, "refreshError": None},
    )


def another_persons_change(now: datetime) -> AccountChange:
    """Return what changes when a token turns out to be another person's.

    It works. So the account is not looked at again: only its owner can connect it.
    """
    change = reconnect_change(ANOTHER_PERSON, now)
    return AccountChange({**change.account, "endedAt": None, "refreshAt": None}, change.card)


def refreshed_change(
    account: StoredAccount, token: LongLivedToken, sealed: str, now: datetime
) -> AccountChange:
    """Return what changes when a token has been refreshed.

    If the account was marked meanwhile because of its old token, it becomes active again.
    """
    fields = {
        TOKEN_FIELD: sealed,
        "tokenType": token.token_type,
        **token_times(account.account_id, now, token.expires_in),
        "status": ACTIVE,
        "endedAt": None,
        "alarmedAt": None,
        "refreshingUntil": None,
        **_UNTROUBLED,
        "updatedAt": now,
    }
    # An older version has written cards that do not say whether the account may publish.
    shown = {"expiresAt": fields["expiresAt"], "canPublish": may_publish(account.scopes)}
    return AccountChange(fields, card={**_WELL, **shown})


def revived_change(account: StoredAccount, now: datetime) -> AccountChange:
    """Return what changes when a token works that Threads has called dead."""
    fields = {"status": ACTIVE, "endedAt": None, **_UNTROUBLED, "updatedAt": now}
    return AccountChange({**fields, "refreshAt": refresh_at_once_alive(account, now)}, card=_WELL)


def granted_change(
    account: StoredAccount, grants: Grants, sealed_owner: str | None, now: datetime
) -> AccountChange | None:
    """Return what changes when Threads tells what a token may do, or whose it is, which was not known before.

    Returns:
        The change, or None if Threads has told nothing new.

    """
    owner = {OWNER_FIELD: sealed_owner} if sealed_owner else {}
    if account.scopes is not None or grants.granted is None:
        return AccountChange({**owner, "updatedAt": now}) if owner else None
    fields = {**owner, "scopes": list(grants.granted), "updatedAt": now}
    refused = {"refusedScopes": list(grants.refused) or None}
    return AccountChange(fields, card={**refused, "canPublish": may_publish(grants.granted)})


def postponed_change(
    account: StoredAccount, now: datetime, *, error: str, dead_since: datetime | None
) -> AccountChange:
    """Return what changes when a refresh has failed. It is tried again later.

    The card shows the error if the token's end is near, and as long as Threads calls the token dead.

    Args:
        account: the account before.
        now: the time.
        error: the code of the error.
        dead_since: since when Threads has answered nothing else than that the token is dead, if it has.

    """
    fields = {
        "refreshAt": retry_at(account, now),
        "refreshingUntil": None,
        "refreshError": error,
        "deadSince": dead_since,
    }
    if is_alarming(account, now):
        return AccountChange({**fields, "alarmedAt": now, "updatedAt": now}, card={"refreshError": error})
    if not dead_since and not account.moment("deadSince"):
        return AccountChange(fields)
    shown = error if dead_since or is_in_last_week(account, now) else None
    return AccountChange({**fields, "updatedAt": now}, card={"refreshError": shown})


def disconnect_change(now: datetime) -> AccountChange:
    """Return what changes when disconnecting begins: the account loses its token.

    It is due from then on, so that the hourly sweep finishes what a request could not.
    """
    change = reconnect_change(DISCONNECTING, now)
    return AccountChange({**change.account, TOKEN_FIELD: None, "refreshAt": now}, change.card)
