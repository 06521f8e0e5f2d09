"""Firestore: every path that the service reads or writes, and nothing about what the documents mean.

| path                                              | what                                           |
|---------------------------------------------------|------------------------------------------------|
| ``oauthStates/{state}``                           | one authorization window, once and ten minutes;|
|                                                   | or a link: one code that waits for the app     |
| ``users/{uid}/integrations/threads``              | the summary that the web app renders           |
| ``users/{uid}/integrations/threads/accounts/{id}``| an account with its sealed token               |
| ``threadsDeletions/{code}``                       | what Meta wants forgotten, until it is, and    |
|                                                   | that it was                                    |

Posts are in ``records``, which are kept by other rules.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from threads.accounts import TOKEN_FIELD
from threads.documents import Documents, Found, conflicts, owner_of, patience
from threads.errors import ServiceUnavailable
from threads.wire import is_threads_id

if TYPE_CHECKING:
    from google.cloud.firestore import DocumentReference

Fields = Mapping[str, Any]
"""A document's fields."""

DELETE_PAGE = 200
"""States that are deleted in one commit."""

SAVE_ATTEMPTS = 5
"""How often a change of an account or a summary is tried anew because somebody came between: a handful of
writers at most."""

CONNECT_ATTEMPTS = 25
"""How often an account is saved anew when it is connected, as its code cannot be used again. Of any number of
windows at once one gets through each time: it is enough for two dozen of one user."""


class Due(NamedTuple):
    """Something in an ``accounts`` that is to be refreshed: since when, and where it lies."""

    refresh_at: datetime
    path: str


class Store(Documents):
    """States, summaries, accounts and deletions."""

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

        Firestore's client repeats a commit whose answer was lost, and then fails on its own change, or has no
        time left for it: who changed the state is decided by ``usedBy``, which must be in the change.
        """
        with suppress(ServiceUnavailable), self.rpc() as client, conflicts():
            unchanged = client.write_option(last_update_time=found.version)
            written = self._state(found.id).update(dict(change), option=unchanged, **patience())
            return Found(found.id, {**found.fields, **change}, written.update_time)
        now = self.read_state(found.id)
        if now and now.version == found.version:
            raise ServiceUnavailable  # nobody has changed it
        return now if now and now.fields.get("usedBy") == change["usedBy"] else None

    def link_state(self, found: Found, change: Fields, *, link_id: str, link: Fields) -> bool:
        """Use a state up and write a link, all or nothing; say if nobody has come first. One commit.

        False also where the client has repeated a commit of its own: then the state says who came first.
        """
        with self.rpc() as client, conflicts() as conflict:
            batch = client.batch()
            unchanged = client.write_option(last_update_time=found.version)
            batch.update(self._state(found.id), dict(change), option=unchanged)
            batch.create(self._state(link_id), dict(link))
            batch.commit(**patience())
        return not conflict

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
        change: Callable[[Fields, Fields], tuple[Fields, Fields] | None],
        pause: Callable[[], None],
        state: str,
        outcome: Fields,
    ) -> None:
        """Save an account, the summary and how its state ended, all or nothing.

        A user's first account costs one commit. Where a summary is there already, that commit fails on it,
        and a read and a second commit add to what it holds.

        Args:
            uid: whose account it is.
            account_id: the account's id.
            change: makes what changes in summary and account from those there are, empty ones where there
                are none; None leaves both as they are.
            pause: waits before a third attempt and each further one, for a time by chance.
            state: the used state.
            outcome: the state's change.

        Raises:
            ServiceUnavailable: others change the summary again and again; the state is gone; or Firestore
                does not answer, and nobody knows whether the commit was carried out.

        """
        with self.rpc() as client:
            summary, document = self.summary(uid), self._account(uid, account_id)
            before: dict[str, Found] = {}
            for attempt in range(CONNECT_ATTEMPTS):
                if attempt > 1:
                    pause()
                if attempt:
                    before = _by_path(client.get_all([summary, document], **patience()))
                old = before.get(summary.path)
                known = before.get(document.path) if old else None
                changes = change(old.fields if old else {}, known.fields if known else {})
                batch = client.batch()
                if changes and old:
                    option = client.write_option(last_update_time=old.version)
                    batch.update(summary, dict(changes[0]), option=option)
                elif changes:
                    batch.create(summary, dict(changes[0]))
                if changes:
                    batch.set(document, dict(changes[1]), merge=True)
                batch.update(self._state(state), dict(outcome))
                with conflicts() as conflict:
                    batch.commit(**patience())
                if not conflict:
                    return
        raise ServiceUnavailable

    def change_summary(self, uid: str, change: Callable[[Fields], Fields]) -> Fields:
        """Change the summary by what it holds, and return it. One read, one commit.

        Args:
            uid: whose it is.
            change: makes the fields that change from the summary there is, an empty one when there is none.

        Raises:
            ServiceUnavailable: others change it again and again.

        """
        with self.rpc() as client:
            summary = self.summary(uid)
            for _ in range(SAVE_ATTEMPTS):
                snapshot = summary.get(**patience())
                before = snapshot.to_dict() or {}
                after = dict(change(before))
                with conflicts():
                    summary.update(
                        after, client.write_option(last_update_time=snapshot.update_time), **patience()
                    )
                    return {**before, **after}
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

    def change_account(
        self, uid: str, found: Found, *, change: Fields, card: Fields | None = None
    ) -> Found | None:
        """Change an account, and its card, unless somebody has since it was read. One commit.

        Args:
            uid: whose account it is.
            found: the account as it was read.
            change: its new fields; None takes a field away.
            card: the same for its card in the summary.

        Returns:
            the account as it is now; None if somebody has changed it.

        """
        with self.rpc() as client, conflicts():
            batch = client.batch()
            option = client.write_option(last_update_time=found.version)
            batch.update(self._account(uid, found.id), _as_written(change), option=option)
            if card is not None:
                summary = {"accounts": {found.id: _as_written(card)}, "updatedAt": change["updatedAt"]}
                batch.set(self.summary(uid), summary, merge=True)
            [written, *_] = batch.commit(**patience())
            fields = {name: value for name, value in {**found.fields, **change}.items() if value is not None}
            return Found(found.id, fields, written.update_time)
        return None

    def delete_account(self, uid: str, found: Found, summarize: Callable[[Fields], Fields | None]) -> bool:
        """Delete an account and change the summary, unless somebody has changed either; say so.

        One read, one commit.

        Args:
            uid: whose account it is.
            found: the account as it was read.
            summarize: makes the fields that change from the summary there is; None deletes it.

        """
        with self.rpc() as client, conflicts() as conflict:
            summary = self.summary(uid)
            before = summary.get(**patience())
            batch = client.batch()
            unchanged = client.write_option(last_update_time=found.version)
            batch.delete(self._account(uid, found.id), option=unchanged)
            if before.exists:
                option = client.write_option(last_update_time=before.update_time)
                after = summarize(before.to_dict() or {})
                if after is None:
                    batch.delete(summary, option=option)
                else:
                    batch.update(summary, dict(after), option=option)
            batch.commit(**patience())
        return not conflict

    # --- accounts across users ------------------------------------------------------------------------------

    def find_connections(self, field: str, value: str) -> list[tuple[str, Found]]:
        """Return the accounts, of all users, that have a value in a field, each with its user. One read."""
        from google.cloud.firestore import FieldFilter  # noqa: PLC0415 - heavy

        with self.rpc() as client:
            accounts = client.collection_group("accounts").where(filter=FieldFilter(field, "==", value))
            snapshots = accounts.get(**patience())
        return [
            (uid, Found(it.id, it.to_dict() or {}, it.update_time))
            for it in snapshots
            if (uid := owner_of(_path(it))) is not None
        ]

    def find_due(self, now: datetime, after: Due | None, limit: int) -> list[Due]:
        """Return what is to be refreshed by now, the longest due first, from behind a place on. One read.

        What lies in an app's own ``accounts`` is among it (see ``owner_of``): a page may end with it.
        """
        from google.cloud.firestore import FieldFilter  # noqa: PLC0415 - heavy

        with self.rpc() as client:
            accounts = client.collection_group("accounts").select(["refreshAt"])
            due = accounts.where(filter=FieldFilter("refreshAt", "<=", now))
            due = due.order_by("refreshAt").order_by("__name__")
            if after:
                due = due.start_after(
                    {"refreshAt": after.refresh_at, "__name__": client.document(after.path)}
                )
            snapshots = due.limit(limit).get(**patience())
        return [Due(it.get("refreshAt"), _path(it)) for it in snapshots]

    def find_sealed(self, after: str | None, limit: int) -> list[tuple[str, Found]]:
        """Return path and token of what lies in any ``accounts``, by path, from behind one. One read."""
        with self.rpc() as client:
            accounts = client.collection_group("accounts").select([TOKEN_FIELD]).order_by("__name__")
            if after:
                accounts = accounts.start_after({"__name__": client.document(after)})
            snapshots = accounts.limit(limit).get(**patience())
        return [(_path(it), Found(it.id, it.to_dict() or {}, it.update_time)) for it in snapshots]

    # --- deletions ------------------------------------------------------------------------------------------

    def create_deletion(self, code: str, fields: Fields) -> Found:
        """Write a deletion down, and return it, or the one that is there already. One write."""
        with self.rpc(), conflicts():
            written = self._deletion(code).create(dict(fields), **patience())
            return Found(code, dict(fields), written.update_time)
        there = self.read_deletion(code)
        if there is None:
            raise ServiceUnavailable  # it was done long ago, and has expired just now
        return there

    def read_deletion(self, code: str) -> Found | None:
        """Read a deletion. One read."""
        with self.rpc():
            snapshot = self._deletion(code).get(**patience())
        return Found(code, snapshot.to_dict() or {}, snapshot.update_time) if snapshot.exists else None

    def find_deletions(self, now: datetime, limit: int) -> list[Found]:
        """Return deletions that are due by now, the longest due first. One read."""
        from google.cloud.firestore import FieldFilter  # noqa: PLC0415 - heavy

        with self.rpc() as client:
            deletions = client.collection("threadsDeletions").where(filter=FieldFilter("dueAt", "<=", now))
            snapshots = deletions.order_by("dueAt").limit(limit).get(**patience())
        return [Found(it.id, it.to_dict() or {}, it.update_time) for it in snapshots]

    def change_deletion(self, code: str, change: Fields) -> None:
        """Change a deletion; one that has expired stays away. One write."""
        with self.rpc(), conflicts():
            self._deletion(code).update(_as_written(change), **patience())

    def delete_outcomes(self, account_id: str, *, until: datetime | None = None) -> None:
        """Delete the states and links that name an account: those that ended with it, or wait for it.

        A read and a commit a page, and a last read, for each of the two fields.

        Args:
            account_id: the account.
            until: those that were begun after this moment stay. None: whenever they were begun.

        """
        from google.cloud.firestore import FieldFilter  # noqa: PLC0415 - heavy

        with self.rpc() as client:
            for field in ("outcome.accountId", "account.id"):
                states = client.collection("oauthStates").where(filter=FieldFilter(field, "==", account_id))
                pages = states.order_by("__name__").limit(DELETE_PAGE)
                while page := pages.get(**patience()):
                    batch = client.batch()
                    for snapshot in page:
                        if not (until and _is_later(snapshot.to_dict() or {}, until)):
                            batch.delete(snapshot.reference)
                    batch.commit(**patience())
                    pages = pages.start_after({"__name__": page[-1].reference})

    def _deletion(self, code: str) -> "DocumentReference":
        reference: DocumentReference = self._client().collection("threadsDeletions").document(code)
        return reference

    def _state(self, state: str) -> "DocumentReference":
        reference: DocumentReference = self._client().collection("oauthStates").document(state)
        return reference

    def _account(self, uid: str, account_id: str) -> "DocumentReference":
        account: DocumentReference = self.summary(uid).collection("accounts").document(account_id)
        return account


def _is_later(state: Fields, moment: datetime) -> bool:
    created_at = state.get("createdAt")
    return isinstance(created_at, datetime) and created_at > moment


def _path(snapshot: Any) -> str:
    path: str = snapshot.reference.path
    return path


def _as_written(fields: Fields) -> dict[str, Any]:
    """Return fields as Firestore takes them: it has a word of its own for taking one away."""
    from google.cloud.firestore import DELETE_FIELD  # noqa: PLC0415 - heavy

    return {name: DELETE_FIELD if value is None else value for name, value in fields.items()}


def _by_path(snapshots: Any) -> dict[str, Found]:
    """Return the documents that exist."""
    return {it.reference.path: Found(it.id, it.to_dict(), it.update_time) for it in snapshots if it.exists}
