"""States, pending connections and deletions in Firestore: their paths, and what their documents hold.

| path                                              | what                                           |
|---------------------------------------------------|------------------------------------------------|
| ``oauthStates/{state}``                           | one authorization window, for ten minutes      |
| ``threadsPendingConnections/{id}``                | one code that waits for the app, five minutes  |
| ``threadsDeletions/{code}``                       | a data deletion, kept for a while once done    |
"""

import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any, TypeVar

from threads.accounts.repository import Condition
from threads.base.errors import ServiceUnavailable
from threads.cloud.firestore import Repository, as_written, conflicts, patience
from threads.connections.states import (
    CONNECT,
    PENDING,
    PROVIDER,
    USED_LIFETIME,
    Asked,
    Deletion,
    End,
    ExpectedAccount,
    OAuthState,
    OneTime,
    PendingConnection,
    Use,
    Used,
    UsedUp,
    unusable,
)

if TYPE_CHECKING:
    from google.cloud.firestore import Client, DocumentReference, Query

STATES = "oauthStates"
PENDING_CONNECTIONS = "threadsPendingConnections"
DELETIONS = "threadsDeletions"

Fields = Mapping[str, Any]
"""A document's fields."""

DELETE_PAGE = 200
"""States that are deleted in one commit."""

T = TypeVar("T", OAuthState, PendingConnection)


class ConnectionRepository(Repository):
    """States, pending connections and deletions."""

    # --- states and pending connections -------------------------------------------------------------------

    def create_state(self, new: OAuthState, now: datetime) -> None:
        """Write a new state. One write."""
        fields = {
            "provider": PROVIDER,
            "isConfirmed": new.is_confirmed,
            "returnTo": new.unverified_return_to,
            **_asked_fields(new.asked),
            "createdAt": now,
            "expiresAt": new.expires_at,
        }
        # If the state exists already, it is this one: the client has retried its own commit.
        with self.rpc(), conflicts():
            self._state(new.state).create(fields, **patience())

    def read_state(self, state: str) -> OAuthState | None:
        """Read a state, or return None if there is none or it is another provider's. One read."""
        with self.rpc():
            snapshot = self.get(self._state(state))
        fields = snapshot.to_dict() or {}
        return (
            _oauth_state(state, fields, snapshot.update_time) if fields.get("provider") == PROVIDER else None
        )

    def read_pending(self, pending_id: str) -> PendingConnection | None:
        """Read a pending connection. One read."""
        with self.rpc():
            snapshot = self.get(self._pending(pending_id))
        return (
            _pending(pending_id, snapshot.to_dict() or {}, snapshot.update_time) if snapshot.exists else None
        )

    def use_up(
        self, found: T, now: datetime, end: End | None = None, code_id: str | None = None
    ) -> Used[T] | None:
        """Use up what was read, or return None if another request has done so since. One write.

        A pending connection then loses its code. Firestore's client retries a commit whose answer was lost.
        The retry then fails on the client's own change, or has no time left. So ``usedBy`` decides which
        request has used it up.

        Args:
            found: what was read.
            now: the time.
            end: how it has ended, if nothing follows.
            code_id: the code that a state is used up with, if any.

        Raises:
            InvalidState, InvalidHandle: it was deleted meanwhile.
            ServiceUnavailable: Firestore does not answer, and nothing was used up.

        """
        mine = secrets.token_hex(16)
        change = {
            **_usage(now, end, code_id),
            "usedBy": mine,
            **({"code": None} if isinstance(found, PendingConnection) else {}),
        }
        reference = self._reference(found)
        with suppress(ServiceUnavailable), self.rpc() as client, conflicts():
            unchanged = client.write_option(last_update_time=found.version)
            written = reference.update(change, option=unchanged, **patience())
            return Used(found, written.update_time)
        with self.rpc():
            there = reference.get(**patience())
        if not there.exists:
            raise unusable(found)
        if there.update_time == found.version:
            raise ServiceUnavailable  # it is unchanged
        is_mine = (there.to_dict() or {}).get("usedBy") == mine
        return Used(found, there.update_time) if is_mine else None

    def make_pending(self, state: OAuthState, new: PendingConnection, now: datetime) -> bool:
        """Use a state up and write its pending connection, and return whether this was done. One commit.

        The commit does both or nothing. It also fails if another request came first, or if the client has
        retried its own commit. Then the state tells which request came first.
        """
        fields = {
            "provider": PROVIDER,
            **_asked_fields(new.asked),
            "code": new.sealed_code,
            "createdAt": now,
            "expiresAt": new.expires_at,
        }
        usage = _usage(now, End(PENDING), new.pending_id)
        with self.rpc() as client, conflicts() as conflict:
            batch = client.batch()
            unchanged = client.write_option(last_update_time=state.version)
            batch.update(self._state(state.state), usage, option=unchanged)
            batch.create(self._pending(new.pending_id), fields)
            batch.commit(**patience())
        return not conflict

    def settle(self, of: OneTime, version: Any, end: End) -> End:
        """Write how something used up has ended, and return how it has: an end that is there already stays.

        One write; if it has changed since, a read. Once this is answered, ``condition`` holds no more. So a
        commit that is still under way saves nothing.

        Args:
            of: what was used up.
            version: when it was last changed, as far as the caller knows.
            end: how it has ended, unless it has ended already.

        Raises:
            InvalidState, InvalidHandle: it was deleted meanwhile.
            ServiceUnavailable: Firestore does not answer. The end is not known.

        """
        reference = self._reference(of)
        with self.rpc() as client, conflicts():
            unchanged = client.write_option(last_update_time=version)
            reference.update({"outcome": _end_fields(end)}, option=unchanged, **patience())
            return end
        with self.rpc():
            there = reference.get(**patience())
        if not there.exists:
            raise unusable(of)
        return _end((there.to_dict() or {}).get("outcome")) or end

    def condition(self, used: UsedUp, end: End) -> Condition:
        """Return the change that says how something used up has ended, for the commit that saves the account.

        It holds only as long as nothing else has changed the document: not its end, and not a deletion.
        """
        return Condition(self._reference(used.of), {"outcome": _end_fields(end)}, used.version)

    def delete_ends(self, account_id: str, *, until: datetime | None = None) -> None:
        """Delete the states and pending connections that ended with an account, or that wait for it."""
        self._delete_named(("outcome.accountId", "account.id"), account_id, until)

    def delete_begun_by(self, uid: str, *, until: datetime) -> None:
        """Delete the states and pending connections of a user that began by a moment."""
        self._delete_named(("uid",), uid, until)

    def _delete_named(self, fields: Sequence[str], value: str, until: datetime | None) -> None:
        """Delete the states and pending connections that have a value in one of these fields.

        For each collection and field, this costs a read and a commit for each page, and a last read.

        Args:
            fields: the fields.
            value: the value.
            until: those that began after this moment stay. None: all are deleted.

        """
        from google.cloud.firestore import FieldFilter  # noqa: PLC0415 - heavy

        def query(collection: str, field: str, client: "Client") -> "Query":
            return client.collection(collection).where(filter=FieldFilter(field, "==", value))

        for collection, field in product((STATES, PENDING_CONNECTIONS), fields):
            for page in self.pages(partial(query, collection, field), DELETE_PAGE):
                with self.rpc() as client:
                    batch = client.batch()
                    for snapshot in page:
                        if not (until and _is_later(snapshot.to_dict() or {}, until)):
                            batch.delete(snapshot.reference)
                    batch.commit(**patience())

    # --- deletions ----------------------------------------------------------------------------------------

    def create_deletion(self, deletion: Deletion, now: datetime) -> Deletion:
        """Write a deletion and return it, or the one that exists already. One write, which sets the clock."""
        whom = {"uid": deletion.uid} if deletion.uid else {"userId": deletion.threads_user_id}
        fields = {
            "state": deletion.state,
            **whom,
            "issuedAt": deletion.issued_at,
            "requestedAt": now,
            "dueAt": deletion.due_at,
        }
        asked_at = self._clock.machine()
        with self.rpc(), conflicts():
            written = self._deletion(deletion.code).create(fields, **patience())
            self._clock.hear(asked_at, written.update_time)
            return deletion
        there = self.read_deletion(deletion.code)
        if there is None:
            raise ServiceUnavailable  # it was done long ago and expired just now
        return there

    def read_deletion(self, code: str) -> Deletion | None:
        """Read a deletion. One read."""
        with self.rpc():
            snapshot = self._deletion(code).get(**patience())
        return _deletion(code, snapshot.to_dict() or {}) if snapshot.exists else None

    def find_deletions(self, now: datetime, limit: int) -> list[Deletion]:
        """Return the deletions that are due by now, the longest due first. One read."""
        from google.cloud.firestore import FieldFilter  # noqa: PLC0415 - heavy

        with self.rpc() as client:
            due = client.collection(DELETIONS).where(filter=FieldFilter("dueAt", "<=", now))
            snapshots = due.order_by("dueAt").limit(limit).get(**patience())
        return [_deletion(snapshot.id, snapshot.to_dict() or {}) for snapshot in snapshots]

    def change_deletion(self, code: str, change: Fields) -> None:
        """Change a deletion, unless it has expired. None removes a field. One write."""
        with self.rpc(), conflicts():
            self._deletion(code).update(as_written(change), **patience())

    # --- paths --------------------------------------------------------------------------------------------

    def _reference(self, found: OneTime) -> "DocumentReference":
        return self._state(found.state) if isinstance(found, OAuthState) else self._pending(found.pending_id)

    def _state(self, state: str) -> "DocumentReference":
        reference: DocumentReference = self._client().collection(STATES).document(state)
        return reference

    def _pending(self, pending_id: str) -> "DocumentReference":
        reference: DocumentReference = self._client().collection(PENDING_CONNECTIONS).document(pending_id)
        return reference

    def _deletion(self, code: str) -> "DocumentReference":
        reference: DocumentReference = self._client().collection(DELETIONS).document(code)
        return reference


def _asked_fields(asked: Asked) -> dict[str, Any]:
    account = asked.account
    return {
        "mode": asked.mode,
        "uid": asked.uid,
        "scopes": list(asked.scopes),
        "account": _account_fields(account) if account else None,
        "challenge": asked.challenge,
    }


def _account_fields(account: ExpectedAccount) -> dict[str, Any]:
    return {"id": account.account_id, "username": account.username}


def _asked(fields: Fields) -> Asked:
    account = fields.get("account")
    return Asked(
        mode=fields.get("mode") or CONNECT,
        uid=fields.get("uid"),
        scopes=tuple(fields.get("scopes") or ()),
        account=_expected(account) if account else None,
        challenge=fields.get("challenge"),
    )


def _expected(fields: Fields) -> ExpectedAccount:
    return ExpectedAccount(fields["id"], fields.get("username"))


def _usage(now: datetime, end: End | None, code_id: str | None) -> dict[str, Any]:
    ended = {"outcome": _end_fields(end)} if end else {}
    return {"usedAt": now, "codeId": code_id, "expiresAt": now + USED_LIFETIME, **ended}


def _use(fields: Fields) -> Use | None:
    used_at = fields.get("usedAt")
    return Use(used_at, _end(fields.get("outcome")), fields.get("codeId")) if used_at else None


def _end_fields(end: End) -> dict[str, Any]:
    fields = {
        "status": end.status,
        "accountId": end.account_id,
        "profile": dict(end.profile),
        "refusedScopes": list(end.refused_scopes),
        "error": end.error,
    }
    return {name: value for name, value in fields.items() if value}


def _end(fields: Fields | None) -> End | None:
    if fields is None:
        return None
    return End(
        status=fields["status"],
        account_id=fields.get("accountId"),
        profile=fields.get("profile") or {},
        refused_scopes=tuple(fields.get("refusedScopes") or ()),
        error=fields.get("error"),
    )


def _expires_at(fields: Fields, version: Any) -> datetime:
    """Return when something expires that is not used up, by Firestore's clock.

    The machine that wrote it may have had another time. But it wrote a lifetime, and Firestore knows when:
    until it is used up, nothing changes it.
    """
    expires_at: datetime = fields["expiresAt"]
    created_at = fields.get("createdAt")
    if fields.get("usedAt") or not isinstance(created_at, datetime) or not isinstance(version, datetime):
        return expires_at
    return version + (expires_at - created_at)


def _oauth_state(state: str, fields: Fields, version: Any) -> OAuthState:
    return OAuthState(
        state=state,
        asked=_asked(fields),
        unverified_return_to=fields.get("returnTo"),
        is_confirmed=bool(fields.get("isConfirmed")),
        expires_at=_expires_at(fields, version),
        use=_use(fields),
        version=version,
    )


def _pending(pending_id: str, fields: Fields, version: Any) -> PendingConnection:
    return PendingConnection(
        pending_id=pending_id,
        asked=_asked(fields),
        sealed_code=fields.get("code"),
        expires_at=_expires_at(fields, version),
        use=_use(fields),
        version=version,
    )


def _deletion(code: str, fields: Any) -> Deletion:
    """Return a deletion with its document's values, unchecked. A malformed one fails alone, when tried."""
    return Deletion(
        code=code,
        state=fields.get("state"),
        threads_user_id=fields.get("userId"),
        issued_at=fields.get("issuedAt"),
        due_at=fields.get("dueAt"),
        settles_at=fields.get("settlesAt"),
        account_ids=fields.get("accountIds") or (),
        uid=fields.get("uid"),
        searched_to=fields.get("searchedTo") or 0,
    )


def _is_later(fields: Fields, moment: datetime) -> bool:
    created_at = fields.get("createdAt")
    return isinstance(created_at, datetime) and created_at > moment
