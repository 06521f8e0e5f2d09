"""Firestore: every path that the service reads or writes, and nothing about what the documents mean.

| path                                              | what                                           |
|---------------------------------------------------|------------------------------------------------|
| ``oauthStates/{state}``                           | one authorization window, once and ten minutes |
| ``users/{uid}/integrations/threads``              | the summary that the web app renders           |
| ``users/{uid}/integrations/threads/accounts/{id}``| an account with its sealed token               |

Posts are in ``records``, which are kept by other rules.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from threads.documents import Documents, Found, conflicts, patience
from threads.errors import ServiceUnavailable
from threads.wire import is_threads_id

if TYPE_CHECKING:
    from google.cloud.firestore import DocumentReference

Fields = Mapping[str, Any]
"""A document's fields."""

SAVE_ATTEMPTS = 5
"""How often an account is saved anew because another connection of the same user came between: two windows at
once are a handful of writers at most."""


class Store(Documents):
    """States, summaries and accounts."""

    # --- states -------------------------------------------------------------------------------------------

    def create_state(self, state: str, fields: Fields) -> None:
        """Write a new state. One write."""
        # A state that is there already is this one, written by a commit that was repeated.
        with self.rpc(), conflicts():
            self._state(state).create(dict(fields), **patience())

    def read_state(self, state: str) -> Found | None:
        """Read a state. One read."""
        with self.rpc():
            snapshot = self._state(state).get(**patience())
        return Found(state, snapshot.to_dict() or {}, snapshot.update_time) if snapshot.exists else None

    def use_up_state(self, found: Found, change: Fields) -> Found | None:
        """Change a state unless somebody has since it was read; return it as it is now, or None. One write.

        Firestore's client repeats a commit whose answer was lost, and then fails on its own change: who
        changed the state is decided by ``usedBy``, which must be in the change.
        """
        with self.rpc() as client, conflicts() as conflict:
            unchanged = client.write_option(last_update_time=found.version)
            written = self._state(found.id).update(dict(change), option=unchanged, **patience())
            return Found(found.id, {**found.fields, **change}, written.update_time)
        now = self.read_state(found.id) if conflict else None
        return now if now and now.fields.get("usedBy") == change["usedBy"] else None

    def finish_state(self, used: Found, change: Fields) -> None:
        """Note how a used state ended, unless that has been done. One write."""
        with self.rpc() as client, conflicts():
            unchanged = client.write_option(last_update_time=used.version)
            self._state(used.id).update(dict(change), option=unchanged, **patience())

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
        with self.rpc() as client:
            summary, document = self.summary(uid), self._account(uid, account_id)
            for attempt in range(SAVE_ATTEMPTS):
                before = _by_path(client.get_all([summary, document], **patience())) if attempt else {}
                old, known = before.get(summary.path), document.path in before
                batch = client.batch()
                if old is None:
                    batch.create(summary, dict(summarize({})))
                else:
                    option = client.write_option(last_update_time=old.version)
                    batch.update(summary, dict(summarize(old.fields)), option=option)
                batch.set(document, {**account, **({} if known else at_first)}, merge=True)
                batch.update(self._state(state), dict(outcome))
                with conflicts() as conflict:
                    batch.commit(**patience())
                if not conflict:
                    return
        raise ServiceUnavailable

    def read_summary(self, uid: str) -> Fields:
        """Read the summary, empty when there is none. One read."""
        with self.rpc():
            return self.summary(uid).get(**patience()).to_dict() or {}

    def find_accounts(self, uid: str, unverified_account_id: str | None) -> list[Found]:
        """Return the named account, or without a name the first two. One read."""
        with self.rpc():
            accounts = self.summary(uid).collection("accounts")
            if unverified_account_id is None:
                snapshots = accounts.limit(2).get(**patience())
            elif is_threads_id(unverified_account_id):
                snapshots = [accounts.document(unverified_account_id).get(**patience())]
            else:
                snapshots = []
        return list(_by_path(snapshots).values())

    def change_account(self, uid: str, found: Found, *, change: Fields, card: Fields) -> bool:
        """Change an account and its card unless somebody has since it was read; say if so. One commit."""
        with self.rpc() as client, conflicts() as conflict:
            batch = client.batch()
            option = client.write_option(last_update_time=found.version)
            batch.update(self._account(uid, found.id), dict(change), option=option)
            summary = {"accounts": {found.id: dict(card)}, "updatedAt": change["updatedAt"]}
            batch.set(self.summary(uid), summary, merge=True)
            batch.commit(**patience())
        return not conflict

    def _state(self, state: str) -> "DocumentReference":
        reference: DocumentReference = self._client().collection("oauthStates").document(state)
        return reference

    def _account(self, uid: str, account_id: str) -> "DocumentReference":
        account: DocumentReference = self.summary(uid).collection("accounts").document(account_id)
        return account


def _by_path(snapshots: Any) -> dict[str, Found]:
    """Return the documents that exist."""
    return {it.reference.path: Found(it.id, it.to_dict(), it.update_time) for it in snapshots if it.exists}
