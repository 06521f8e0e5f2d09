"""A connected account as it is stored: whose it is, what its document says, and which one a request means.

``repository`` reads and writes the documents. ``changes`` says what may change in them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from threads.base.errors import AccountNotFound, MissingAccount, MissingScope, ReconnectRequired

ACTIVE = "active"
RECONNECT_REQUIRED = "reconnect_required"

TOKEN_FIELD = "accessToken"  # noqa: S105 - the name of a field

OWNER_FIELD = "sealedThreadsUserId"
"""The field with the sealed ids of the owner. A rule of the app may let a user write the readable ids, and
nobody but the service writes this field so that it opens."""

TOKEN_ID_FIELD = "extra.threadsUserId"  # noqa: S105 - the name of a field
"""The field with the id that came with the token."""

ID_FIELDS = ("accountId", TOKEN_ID_FIELD, "profile.platformId")
"""The fields that hold Threads' ids of the account's owner: the first profile's, the token's, and the latest
profile's. Meta does not say which of them its callbacks name, so a search tries all."""

TROUBLES = ("refreshError", "deadSince")
"""The fields that say that the last refresh has failed, and since when Threads has called the token dead."""

USERNAME_FIELD = "profile.username"
"""The field with the username that the account had when it was connected."""


@dataclass(frozen=True)
class StoredAccount:
    """An account's document as it was read, with the uid of its user."""

    uid: str
    account_id: str
    fields: Mapping[str, Any]
    version: Any
    """When it was last changed. This is the precondition of the next change."""

    @property
    def is_active(self) -> bool:
        """Whether the account is not known to need a reconnect."""
        return self.fields.get("status") == ACTIVE

    @property
    def is_ended(self) -> bool:
        """Whether the account asks for a reconnect."""
        return self.fields.get("status") == RECONNECT_REQUIRED

    @property
    def has_failed(self) -> bool:
        """Whether the last refresh of its token has failed."""
        return self.fields.get("refreshError") is not None

    @property
    def sealed_token(self) -> str | None:
        """The sealed token. None once disconnecting has begun, until the account is connected again."""
        sealed = self.fields.get(TOKEN_FIELD)
        return str(sealed) if sealed else None

    @property
    def threads_user_id(self) -> str | None:
        """Threads' id of the owner, as the document says it."""
        extra = self.fields.get("extra")
        user_id = extra.get("threadsUserId") if isinstance(extra, Mapping) else None
        return user_id if isinstance(user_id, str) else None

    @property
    def scopes(self) -> Sequence[str] | None:
        """The scopes that it has granted, or None if they are not known."""
        return self.fields.get("scopes")

    @property
    def username(self) -> str | None:
        """The username that the account had when it was connected."""
        return (self.fields.get("profile") or {}).get("username")

    @property
    def expires_at(self) -> datetime | None:
        """When its token expires."""
        return self.moment("expiresAt")

    def has_run_out(self, now: datetime) -> bool:
        """Return whether its token has expired."""
        return self.expires_at is not None and self.expires_at <= now

    def is_connected_after(self, moment: datetime) -> bool:
        """Return whether the account was connected, for the first time or again, after a moment."""
        connected_at = self.moment("connectedAt") or self.moment("createdAt")
        if connected_at is None:
            return False
        # No connection is later than the last change, by Firestore's clock, whatever a machine's has said.
        changed_at = self.version if isinstance(self.version, datetime) else connected_at
        return min(connected_at, changed_at) > moment

    def moment(self, name: str) -> datetime | None:
        """Return a field that is a moment, or None if it is missing or something else."""
        value = self.fields.get(name)
        return value if isinstance(value, datetime) else None


def select_account(candidates: Sequence[StoredAccount], unverified_account_id: str | None) -> StoredAccount:
    """Return the account that a request means.

    Args:
        candidates: the account that the request names, or the user's first two accounts if it names none.
        unverified_account_id: the id that the request names, if any.

    Raises:
        MissingAccount: the request names no account, and there are several.
        AccountNotFound: there is no such account.

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


def check_connected(account: StoredAccount) -> None:
    """Refuse an account whose token is known to be dead. Only Threads knows whether a token has expired.

    Raises:
        ReconnectRequired: its token is known to be dead.

    """
    if account.is_ended:
        raise ReconnectRequired


def check_scopes(account: StoredAccount, needed: Iterable[str]) -> None:
    """Refuse an account that has not granted these scopes.

    Raises:
        MissingScope: at least one scope is not granted; the message names each.

    """
    granted = account.scopes
    missing = [scope for scope in needed if granted is not None and scope not in granted]
    if missing:
        raise MissingScope(
            f"This account has not allowed the app what this needs ({' and '.join(missing)}). "
            "Connect it again, and allow it."
        ).needing(missing)
