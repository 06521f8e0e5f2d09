"""Accounts and summaries in Firestore: their paths, and how they are read and written, not what they mean.

| path                                              | what                                           |
|---------------------------------------------------|------------------------------------------------|
| ``users/{uid}/integrations/threads``              | the summary that the web app renders           |
| ``users/{uid}/integrations/threads/accounts/{id}``| an account with its sealed token               |
| ``threadsAlarms/refreshes``                       | when it was last said that most refreshes fail |
| ``threadsAlarms/deadTokens``                      | when Threads has last called tokens dead       |
| ``threadsAlarms/sweep``                           | where the next sweep goes on                   |
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from threads.accounts.account import OWNER_FIELD, TOKEN_FIELD, TOKEN_ID_FIELD, StoredAccount
from threads.accounts.changes import AccountChange
from threads.accounts.connection import ConnectionChange
from threads.accounts.summary import StoredSummary
from threads.accounts.token_lifetime import DEAD_SPAN, FEW_DEAD
from threads.base.errors import ServiceUnavailable
from threads.base.side_by_side import in_rounds
from threads.base.validation import is_threads_id
from threads.cloud.firestore import (
    Repository,
    as_written,
    at,
    conflicts,
    is_refused,
    owner_of,
    path_of,
    patience,
)

if TYPE_CHECKING:
    from google.cloud.firestore import DocumentReference, DocumentSnapshot

SUMMARY = "users/{uid}/integrations/threads"
"""The document that the web app renders: a card for each account."""

ACCOUNTS = "users/{uid}/integrations/threads/accounts"
"""The collection of a user's accounts, each with its sealed token."""

ALARM = "threadsAlarms/refreshes"
"""The document that says when the last alarm about all accounts was raised."""

DEAD_TOKENS = "threadsAlarms/deadTokens"
"""The document that says when tokens have last died, whosever they were."""

PLACE = "threadsAlarms/sweep"
"""The document that says where the next sweep goes on, if there was too much for one."""

Fields = Mapping[str, Any]
"""A document's fields."""

SAVE_ATTEMPTS = 5
"""How often a change of an account or a summary is tried while other writers come first. There are only a
handful of them."""

WHOLE_PAGE = 50
"""Accounts that are read at once with all that is in them, which may be a megabyte each."""

NAMES_PAGE = 1000
"""Accounts that are found at once with nothing but their paths."""

CONNECT_ATTEMPTS = 25
"""How often saving or removing an account is tried while other accounts of its user are. Of any number of
requests at once, one succeeds each time. So this is enough for two dozen of them."""


class Due(NamedTuple):
    """A document of any collection ``accounts`` that is due for a refresh: since when, and its path."""

    refresh_at: datetime
    path: str


class Sealed(NamedTuple):
    """A document of any collection ``accounts``: its path, and the account with its token if it is ours."""

    path: str
    account: StoredAccount | None


class Condition(NamedTuple):
    """A change of one more document in the same commit, which is made only if nothing else has changed it."""

    reference: "DocumentReference"
    change: Fields
    version: Any
    """When the document was last changed."""


class AccountRepository(Repository):
    """Accounts and summaries."""

    # --- a user's -----------------------------------------------------------------------------------------

    def read_summary(self, uid: str) -> StoredSummary:
        """Read the summary, or return an empty one if there is none. One read."""
        with self.rpc():
            return _summary(uid, self._summary_reference(uid).get(**patience()))

    def change_summary(self, uid: str, change: Callable[[StoredSummary], Fields]) -> StoredSummary:
        """Change the summary and return it. One read, one commit.

        Args:
            uid: the user.
            change: returns the fields that change, given the current summary.

        Raises:
            ServiceUnavailable: other writers change the summary again and again.

        """
        with self.rpc() as client:
            reference = self._summary_reference(uid)
            for _ in range(SAVE_ATTEMPTS):
                before = _summary(uid, reference.get(**patience()))
                after = dict(change(before))
                with conflicts():
                    if before.version:
                        unchanged = client.write_option(last_update_time=before.version)
                        written = reference.update(after, unchanged, **patience())
                    else:
                        written = reference.create(after, **patience())
                    return StoredSummary(uid, {**before.fields, **after}, written.update_time)
        raise ServiceUnavailable

    def read(self, uid: str, unverified_account_id: str) -> StoredAccount | None:
        """Read an account. One read."""
        return next(iter(self.find(uid, unverified_account_id)), None)

    def find(self, uid: str, unverified_account_id: str | None) -> list[StoredAccount]:
        """Return the named account, or the first two if none is named. One read."""
        with self.rpc() as client:
            accounts = client.collection(at(ACCOUNTS, uid))
            snapshots: Sequence[DocumentSnapshot[DocumentReference]]
            if unverified_account_id is None:
                snapshots = self.run(accounts.limit(2))
            elif is_threads_id(unverified_account_id):
                snapshots = [self.get(accounts.document(unverified_account_id))]
            else:
                snapshots = []
        return [_account(uid, snapshot) for snapshot in snapshots if snapshot.exists]

    def find_person(self, uid: str, threads_user_id: str) -> StoredAccount | None:
        """Return a user's account whose owner has this id, whatever the account's own is. One read."""
        from google.cloud.firestore import FieldFilter  # noqa: PLC0415 - heavy

        with self.rpc() as client:
            accounts = client.collection(at(ACCOUNTS, uid))
            owned = accounts.where(filter=FieldFilter(TOKEN_ID_FIELD, "==", threads_user_id))
            snapshots = owned.limit(1).get(**patience())
        return next((_account(uid, snapshot) for snapshot in snapshots), None)

    def all_of(self, uid: str) -> Iterator[StoredAccount]:
        """Yield all accounts of a user. One read a page."""
        for page in self.pages(lambda client: client.collection(at(ACCOUNTS, uid)), WHOLE_PAGE):
            yield from (_account(uid, snapshot) for snapshot in page)

    def change(self, account: StoredAccount, change: AccountChange) -> StoredAccount | None:
        """Change an account and its card, unless the account has changed since it was read. One commit.

        If the card cannot be written, because the summary has no room, another commit changes the account
        alone: the account decides, and its card only shows it.

        Returns:
            The account as it is now, or None if another writer has changed it.

        """
        try:
            return self._change(account, change)
        except ServiceUnavailable as error:
            if change.card is None or not is_refused(error):
                raise
        return self._change(account, replace(change, card=None))

    def _change(self, account: StoredAccount, change: AccountChange) -> StoredAccount | None:
        with self.rpc() as client, conflicts():
            batch = client.batch()
            unchanged = client.write_option(last_update_time=account.version)
            batch.update(self._reference(account), as_written(change.account), option=unchanged)
            if change.card is not None:
                cards = {account.account_id: as_written(change.card)}
                summary = {"accounts": cards, "updatedAt": change.account["updatedAt"]}
                batch.set(self._summary_reference(account.uid), summary, merge=True)
            [written, *_] = batch.commit(**patience())
            merged = {**account.fields, **change.account}
            fields = {name: value for name, value in merged.items() if value is not None}
            return StoredAccount(account.uid, account.account_id, fields, written.update_time)
        return None

    def connect(
        self,
        uid: str,
        account_id: str,
        change: Callable[[StoredSummary, StoredAccount | None], ConnectionChange | None],
        *,
        pause: Callable[[], None],
        also: Condition,
    ) -> bool:
        """Save an account, its card and one more change in one commit: all or nothing.

        A user's first account costs one commit. If the user has a summary already, that commit fails on it.
        Then a read and a second commit add the account to the summary.

        Args:
            uid: the user.
            account_id: the account's id.
            change: returns what changes, given the current summary and account. None changes neither.
            pause: waits for a random time before the third and each further attempt.
            also: one more change. It decides: without it, nothing is saved.

        Returns:
            Whether the account is saved. False: the document of ``also`` has changed or is gone. The change
            may be this one, because the client repeats a commit whose answer was lost.

        Raises:
            ServiceUnavailable: other writers change the summary again and again; or Firestore does not
                answer, and the commit may have been carried out.

        """
        with self.rpc() as client:
            at_summary, at_account = self._summary_reference(uid), self._account_reference(uid, account_id)
            summary, account = StoredSummary(uid), None
            for attempt in range(CONNECT_ATTEMPTS):
                if attempt > 1:
                    pause()
                if attempt:
                    wanted = [at_summary, at_account, also.reference]
                    read = {it.reference.path: it for it in client.get_all(wanted, **patience())}
                    if read[also.reference.path].update_time != also.version:
                        return False
                    summary = _summary(uid, read[at_summary.path])
                    there = read[at_account.path]
                    account = _account(uid, there) if there.exists and summary.version else None
                changed = change(summary, account)
                batch = client.batch()
                if changed and summary.version:
                    unchanged = client.write_option(last_update_time=summary.version)
                    batch.update(at_summary, dict(changed.summary), option=unchanged)
                elif changed:
                    batch.create(at_summary, dict(changed.summary))
                if changed:
                    batch.set(at_account, dict(changed.account), merge=True)
                unchanged = client.write_option(last_update_time=also.version)
                batch.update(also.reference, dict(also.change), option=unchanged)
                with conflicts() as conflict:
                    batch.commit(**patience())
                if not conflict:
                    return True
        raise ServiceUnavailable

    def delete(self, account: StoredAccount, summarize: Callable[[StoredSummary], Fields | None]) -> bool:
        """Delete an account and change the summary, unless either has changed since it was read.

        One read, one commit.

        Args:
            account: the account as it was read. Without a version, it has no document: only its card goes.
            summarize: returns the fields that change, given the current summary. None deletes the summary.

        Returns:
            Whether the account is deleted.

        """
        with self.rpc() as client, conflicts() as conflict:
            reference = self._summary_reference(account.uid)
            before = _summary(account.uid, reference.get(**patience()))
            batch = client.batch()
            if account.version:
                unchanged = client.write_option(last_update_time=account.version)
                batch.delete(self._reference(account), option=unchanged)
            if before.version:
                option = client.write_option(last_update_time=before.version)
                after = summarize(before)
                if after is None:
                    batch.delete(reference, option=option)
                elif after:
                    batch.update(reference, dict(after), option=option)
            batch.commit(**patience())
        return not conflict

    # --- across users -------------------------------------------------------------------------------------

    def find_connected(self, field: str, value: str) -> list[tuple[str, str]]:
        """Return the uids and ids of all users' accounts that have this value in a field. One read a page.

        A rule of the app may let a client write such a document, however large, and however many. So nothing
        in them is read, and each user's first one comes before any user's second one. The users come in a
        random order: who repeats a search that was too long comes to others first. ``Vault.has_sealed`` tells
        a client's documents apart.
        """
        from google.cloud.firestore import FieldFilter  # noqa: PLC0415 - heavy

        named = FieldFilter(field, "==", value)
        pages = self.pages(
            lambda client: client.collection_group("accounts").select(["__name__"]).where(filter=named),
            NAMES_PAGE,
        )
        paths = (path_of(snapshot) for page in pages for snapshot in page)
        owned = [(uid, path.rpartition("/")[2]) for path in paths if (uid := owner_of(path))]
        return [it for _, it in in_rounds(random.sample(owned, len(owned)), lambda it: it[0])]

    def find_due(self, now: datetime, after: Due | None, limit: int) -> list[Due]:
        """Return what is due for a refresh by now, the longest due first, after a place. One read.

        Documents of an app's own ``accounts`` may be among them (see ``owner_of``). A page may end with one.
        Nothing of them is read but the moment, which is small whatever a client has written.
        """
        found = self._find_by_moment("refreshAt", None, now, after, limit)
        return [Due(moment, path) for path, moment in found.items()]

    def find_ending(self, since: datetime, until: datetime, limit: int) -> dict[str, datetime]:
        """Return the paths of documents whose tokens expire after a moment and by another. One read."""
        return self._find_by_moment("expiresAt", since, until, None, limit)

    def _find_by_moment(
        self, field: str, since: datetime | None, until: datetime, after: Due | None, limit: int
    ) -> dict[str, datetime]:
        """Return documents of any ``accounts`` by their paths, with a moment of each, the earliest first."""
        from google.cloud.firestore import FieldFilter  # noqa: PLC0415 - heavy

        with self.rpc() as client:
            query = client.collection_group("accounts").select([field])
            query = query.where(filter=FieldFilter(field, "<=", until))
            if since:
                query = query.where(filter=FieldFilter(field, ">", since))
            query = query.order_by(field).order_by("__name__")
            if after:
                query = query.start_after({field: after.refresh_at, "__name__": client.document(after.path)})
            snapshots = self.run(query.limit(limit))
        return {path_of(snapshot): snapshot.get(field) for snapshot in snapshots}

    def put_off(self, path: str, until: datetime) -> None:
        """Let a sweep look at a document later, whatever else is in it. One commit."""
        with self.rpc() as client, conflicts():
            client.document(path).update({"refreshAt": until}, **patience())

    def read_place(self) -> Due | None:
        """Return where a sweep goes on, if there was too much for the last one. One read."""
        with self.rpc() as client:
            there = client.document(PLACE).get(**patience()).to_dict()
        return Due(there["refreshAt"], there["path"]) if there else None

    def keep_place(self, place: Due | None) -> None:
        """Write where the next sweep goes on. None: at the beginning. One write."""
        with self.rpc() as client:
            reference = client.document(PLACE)
            if place:
                reference.set({"refreshAt": place.refresh_at, "path": place.path}, **patience())
            else:
                reference.delete(**patience())

    def find_sealed(self, after: str | None, limit: int) -> list[Sealed]:
        """Return the documents of every ``accounts`` after a path, with their sealed fields. One read."""
        with self.rpc() as client:
            accounts = (
                client.collection_group("accounts").select([TOKEN_FIELD, OWNER_FIELD]).order_by("__name__")
            )
            if after:
                accounts = accounts.start_after({"__name__": client.document(after)})
            snapshots = accounts.limit(limit).get(**patience())
        owned = ((path_of(snapshot), snapshot) for snapshot in snapshots)
        return [
            Sealed(path, _account(uid, snapshot) if (uid := owner_of(path)) else None)
            for path, snapshot in owned
        ]

    def raise_alarm(self, now: datetime, pause: timedelta) -> bool:
        """Note an alarm about all accounts, and return whether it is raised. One read, one write.

        Args:
            now: the time.
            pause: how long it is not raised again, by any process.

        """

        def change(there: Fields) -> Fields | None:
            raised_at = there.get("raisedAt")
            is_recent = raised_at and timedelta(0) <= now - raised_at < pause
            return None if is_recent else {"raisedAt": now}

        return self._compare_and_set(ALARM, change)

    def note_dead(self, now: datetime) -> bool:
        """Note that a token has died, and return whether few have. One read, one write.

        Of those who note it at the same moment, all but one are told that there are many.
        """
        recent: list[datetime] = []

        def change(there: Fields) -> Fields:
            recent[:] = [moment for moment in there.get("deadAt") or () if abs(now - moment) < DEAD_SPAN]
            return {"deadAt": [*recent, now][-FEW_DEAD - 1 :]}

        return self._compare_and_set(DEAD_TOKENS, change) and len(recent) < FEW_DEAD

    def _compare_and_set(self, path: str, change: Callable[[Fields], Fields | None]) -> bool:
        """Change a document, given its fields, and return whether it is. Another writer may come first."""
        with self.rpc() as client, conflicts():
            reference = client.document(path)
            there = reference.get(**patience())
            changed = change(there.to_dict() or {})
            if changed is None:
                return False
            if there.exists:
                unchanged = client.write_option(last_update_time=there.update_time)
                reference.update(dict(changed), option=unchanged, **patience())
            else:
                reference.create(dict(changed), **patience())
            return True
        return False

    def _reference(self, account: StoredAccount) -> "DocumentReference":
        return self._account_reference(account.uid, account.account_id)

    def _summary_reference(self, uid: str) -> "DocumentReference":
        reference: DocumentReference = self._client().document(at(SUMMARY, uid))
        return reference

    def _account_reference(self, uid: str, account_id: str) -> "DocumentReference":
        reference: DocumentReference = self._client().collection(at(ACCOUNTS, uid)).document(account_id)
        return reference


def _summary(uid: str, snapshot: Any) -> StoredSummary:
    return StoredSummary(uid, snapshot.to_dict() or {}, snapshot.update_time if snapshot.exists else None)


def _account(uid: str, snapshot: Any) -> StoredAccount:
    return StoredAccount(uid, snapshot.id, snapshot.to_dict() or {}, snapshot.update_time)
