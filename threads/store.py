"""Firestore: every path that the service reads or writes, and nothing about what the documents mean.

| path                                              | what                                           |
|---------------------------------------------------|------------------------------------------------|
| ``oauthStates/{state}``                           | one authorization window, once and ten minutes |
| ``users/{uid}/integrations/threads``              | the summary that the web app renders           |
| ``users/{uid}/integrations/threads/accounts/{id}``| an account with its sealed token               |

Preconditions instead of transactions: one round trip each, and of any number of racers one wins.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from threads.errors import Forbidden, ServiceUnavailable
from threads.wire import is_document_id, is_threads_id

if TYPE_CHECKING:
    from google.cloud.firestore import Client, DocumentReference

Fields = Mapping[str, Any]
"""A document's fields."""

RPC_TIMEOUT = 10.0
"""Seconds for one call to Firestore, its repetitions within. The client's own limit for reads is 300."""

SAVE_ATTEMPTS = 5
"""How often an account is saved anew because another connection of the same user came between: two windows at
once are a handful of writers at most."""


class Found(NamedTuple):
    """A document that was read."""

    id: str
    fields: Fields
    version: Any
    """Its last change: the precondition of the next one."""


class Store:
    """The service's documents. Firestore is loaded, and its client opened, with the first call."""

    def __init__(self, client: "Callable[[], Client]") -> None:
        """Take what returns the client, the same one each time."""
        self._client = client

    # --- states -------------------------------------------------------------------------------------------

    def create_state(self, state: str, fields: Fields) -> None:
        """Write a new state. One write."""
        # A state that is there already is this one, written by a commit that was repeated.
        with self._rpc(), _conflicts():
            self._state(state).create(dict(fields), **_patience())

    def read_state(self, state: str) -> Found | None:
        """Read a state. One read."""
        with self._rpc():
            snapshot = self._state(state).get(**_patience())
        return Found(state, snapshot.to_dict() or {}, snapshot.update_time) if snapshot.exists else None

    def use_up_state(self, found: Found, change: Fields) -> Found | None:
        """Change a state unless somebody has since it was read; return it as it is now, or None. One write.

        Firestore's client repeats a commit whose answer was lost, and then fails on its own change: who
        changed the state is decided by ``usedBy``, which must be in the change.
        """
        with self._rpc() as client, _conflicts() as conflict:
            unchanged = client.write_option(last_update_time=found.version)
            written = self._state(found.id).update(dict(change), option=unchanged, **_patience())
            return Found(found.id, {**found.fields, **change}, written.update_time)
        now = self.read_state(found.id) if conflict else None
        return now if now and now.fields.get("usedBy") == change["usedBy"] else None

    def finish_state(self, used: Found, change: Fields) -> None:
        """Note how a used state ended, unless that has been done. One write."""
        with self._rpc() as client, _conflicts():
            unchanged = client.write_option(last_update_time=used.version)
            self._state(used.id).update(dict(change), option=unchanged, **_patience())

    # --- accounts -------------------------------------------------------------------------------------------

    def save_account(  # noqa: PLR0913 - what one commit holds
        self,
        uid: str,
        account_id: str,
        *,
        account: Fields,
        at_first: Fields,
        summarize: Callable[[Fields], Fields],
        state: str,
        outcome: Fields,
    ) -> None:
        """Save an account, the summary and how its state ended, all or nothing.

        A user's first account costs one commit. Where a summary is there already, that commit fails on it,
        and a read and a second commit add to what it holds.

        Args:
            uid: whose account it is.
            account_id: the account's id.
            account: its fields; others that its document has are kept.
            at_first: further fields for a document that is new.
            summarize: makes the new summary from the one there is; gets an empty one when there is none.
            state: the used state.
            outcome: the state's change.

        """
        with self._rpc() as client:
            summary, document = self._summary(uid), self._account(uid, account_id)
            for attempt in range(SAVE_ATTEMPTS):
                before = _by_path(client.get_all([summary, document], **_patience())) if attempt else {}
                old, known = before.get(summary.path), document.path in before
                batch = client.batch()
                if old is None:
                    batch.create(summary, dict(summarize({})))
                else:
                    option = client.write_option(last_update_time=old.version)
                    batch.update(summary, dict(summarize(old.fields)), option=option)
                batch.set(document, {**account, **({} if known else at_first)}, merge=True)
                batch.update(self._state(state), dict(outcome))
                with _conflicts() as conflict:
                    batch.commit(**_patience())
                if not conflict:
                    return
        raise ServiceUnavailable

    def read_summary(self, uid: str) -> Fields:
        """Read the summary, empty when there is none. One read."""
        with self._rpc():
            return self._summary(uid).get(**_patience()).to_dict() or {}

    def find_accounts(self, uid: str, unverified_account_id: str | None) -> list[Found]:
        """Return the named account, or without a name the first two. One read."""
        with self._rpc():
            accounts = self._summary(uid).collection("accounts")
            if unverified_account_id is None:
                snapshots = accounts.limit(2).get(**_patience())
            elif is_threads_id(unverified_account_id):
                snapshots = [accounts.document(unverified_account_id).get(**_patience())]
            else:
                snapshots = []
        return list(_by_path(snapshots).values())

    def change_account(self, uid: str, found: Found, *, change: Fields, card: Fields) -> bool:
        """Change an account and its card unless somebody has since it was read; say if so. One commit."""
        with self._rpc() as client, _conflicts() as conflict:
            batch = client.batch()
            option = client.write_option(last_update_time=found.version)
            batch.update(self._account(uid, found.id), dict(change), option=option)
            summary = {"accounts": {found.id: dict(card)}, "updatedAt": change["updatedAt"]}
            batch.set(self._summary(uid), summary, merge=True)
            batch.commit(**_patience())
        return not conflict

    # --- paths and errors -----------------------------------------------------------------------------------

    def _state(self, state: str) -> "DocumentReference":
        reference: DocumentReference = self._client().collection("oauthStates").document(state)
        return reference

    def _summary(self, uid: str) -> "DocumentReference":
        if not is_document_id(uid):
            raise Forbidden("This user id cannot be served.")
        user: DocumentReference = self._client().collection("users").document(uid)
        summary: DocumentReference = user.collection("integrations").document("threads")
        return summary

    def _account(self, uid: str, account_id: str) -> "DocumentReference":
        account: DocumentReference = self._summary(uid).collection("accounts").document(account_id)
        return account

    @contextmanager
    def _rpc(self) -> "Iterator[Client]":
        """Lend the client, and turn Firestore's troubles into ours: their texts may hold paths."""
        client = self._client()
        from google.api_core.exceptions import GoogleAPICallError, RetryError  # noqa: PLC0415 - heavy

        try:
            yield client
        except (GoogleAPICallError, RetryError) as error:
            raise ServiceUnavailable from error


def _patience() -> dict[str, Any]:
    """Return how long each call may take, and what is repeated within that time."""
    from google.api_core import exceptions, retry  # noqa: PLC0415 - heavy

    passing = retry.if_exception_type(
        exceptions.ServiceUnavailable, exceptions.InternalServerError, exceptions.ResourceExhausted
    )
    return {"retry": retry.Retry(predicate=passing, timeout=RPC_TIMEOUT), "timeout": RPC_TIMEOUT}


@contextmanager
def _conflicts() -> Iterator[list[Exception]]:
    """Take note when a precondition did not hold, instead of failing."""
    from google.api_core.exceptions import AlreadyExists, FailedPrecondition, NotFound  # noqa: PLC0415 - heavy

    conflict: list[Exception] = []
    try:
        yield conflict
    except (AlreadyExists, FailedPrecondition, NotFound) as error:
        conflict.append(error)


def _by_path(snapshots: Any) -> dict[str, Found]:
    """Return the documents that exist."""
    return {it.reference.path: Found(it.id, it.to_dict(), it.update_time) for it in snapshots if it.exists}
