"""What changes in an account's document, and on its card, when something happens to its token."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from threads.accounts.account import ACTIVE, RECONNECT_REQUIRED, TOKEN_FIELD
from threads.accounts.token_lifetime import token_times
from threads.graph.oauth import LongLivedToken

TOKEN_REJECTED = "token_rejected"  # noqa: S105 - a reason to connect again
TOKEN_EXPIRED = "token_expired"  # noqa: S105 - the same


@dataclass(frozen=True)
class AccountChange:
    """New fields of an account's document, and of its card in the summary. None removes a field."""

    account: Mapping[str, Any]
    card: Mapping[str, Any] | None = None


def reconnect_change(reason: str, now: datetime) -> AccountChange:
    """Return what changes when a token turns out to be dead. The account is not refreshed any more."""
    return AccountChange(
        account={
            "status": RECONNECT_REQUIRED,
            "refreshAt": None,
            "refreshingUntil": None,
            "updatedAt": now,
        },
        card={"status": RECONNECT_REQUIRED, "statusReason": reason},
    )


def refreshed_change(account_id: str, token: LongLivedToken, sealed: str, now: datetime) -> AccountChange:
    """Return what changes when a token has been refreshed.

    If the account was marked meanwhile because of its old token, it becomes active again.
    """
    account = {
        TOKEN_FIELD: sealed,
        "tokenType": token.token_type,
        **token_times(account_id, now, token.expires_in),
        "status": ACTIVE,
        "refreshingUntil": None,
        "updatedAt": now,
    }
    return AccountChange(
        account, card={"status": ACTIVE, "statusReason": None, "expiresAt": account["expiresAt"]}
    )


def disconnect_change(now: datetime) -> AccountChange:
    """Return what changes when disconnecting begins: the account loses its token.

    It is due from then on, so that the hourly sweep finishes what a request could not.
    """
    change = reconnect_change("disconnecting", now)
    return AccountChange({**change.account, TOKEN_FIELD: None, "refreshAt": now}, change.card)
