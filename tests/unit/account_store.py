"""Accounts of many users in memory, as Firestore keeps them: documents with versions, found across users."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from tests.unit.fakes import NOW, PROJECT, UID
from threads.accounts import TOKEN_FIELD
from threads.documents import Found
from threads.errors import ServiceUnavailable
from threads.store import Due
from threads.tokens import token_times
from threads.vault import Place, Vault
from threads.wire import Secret

LIFETIME = timedelta(days=60)


class AccountStore:
    """The part of the store that refreshing needs."""

    def __init__(self, vault: Vault) -> None:
        """Begin without an account."""
        self.vault = vault
        self.cards: dict[tuple[str, str], dict[str, Any]] = {}
        self.reads = self.commits = 0
        self.before_commit: Callable[[int], None] = lambda _number: None
        """Called before each commit with its number, from 1 on: others may come between."""
        self.loses_answers = 0
        """How many of the next commits are carried out without an answer."""
        self.fails = 0
        """How many of the next calls fail without having done anything."""
        self._documents: dict[str, Found] = {}
        self._versions = count(1)

    def connect(
        self, account_id: str, token: str, *, uid: str = UID, at: datetime = NOW, **changes: Any
    ) -> Found:
        """Store an account as a connection does, at a moment: what it does not write of a document stays."""
        path = path_of(uid, account_id)
        kept = self._documents[path].fields if path in self._documents else {}
        sealed = self.vault.seal(Secret(token), self.place(uid, account_id))
        self.cards[uid, account_id] = {"status": "active", "username": "ada"}
        times = token_times(account_id, at, LIFETIME)
        return self.put(path, {**kept, TOKEN_FIELD: sealed, "status": "active", **times, **changes})

    def put(self, path: str, fields: Mapping[str, Any]) -> Found:
        """Write a document, whatever is there; None takes a field away."""
        kept = {name: value for name, value in fields.items() if value is not None}
        self._documents[path] = Found(path.rpartition("/")[2], kept, next(self._versions))
        return self._documents[path]

    def change(self, account_id: str, uid: str = UID, **changes: Any) -> Found:
        """Change fields of an account, as another writer does."""
        return self.put(path_of(uid, account_id), {**self.fields(account_id, uid), **changes})

    def delete(self, account_id: str, uid: str = UID) -> None:
        """Delete an account."""
        del self._documents[path_of(uid, account_id)]

    def found(self, account_id: str, uid: str = UID) -> Found:
        """Return an account."""
        return self._documents[path_of(uid, account_id)]

    def fields(self, account_id: str, uid: str = UID) -> dict[str, Any]:
        """Return the fields of an account's document."""
        return self.found(account_id, uid).fields

    def token(self, account_id: str, uid: str = UID, vault: Vault | None = None) -> str:
        """Return an account's token."""
        sealed = self.fields(account_id, uid)[TOKEN_FIELD]
        return (vault or self.vault).open(sealed, self.place(uid, account_id)).reveal()

    def place(self, uid: str, account_id: str) -> Place:
        """Return where an account's token belongs."""
        return Place(PROJECT, uid, account_id, TOKEN_FIELD)

    # --- what the store does --------------------------------------------------------------------------------

    def find_accounts(self, uid: str, unverified_account_id: str | None) -> list[Found]:
        """Return the named account."""
        self._read()
        assert unverified_account_id
        there = self._documents.get(path_of(uid, unverified_account_id))
        return [there] if there else []

    def change_account(
        self,
        uid: str,
        found: Found,
        *,
        change: Mapping[str, Any],
        card: Mapping[str, Any] | None = None,
    ) -> Found | None:
        """Change an account and its card unless somebody has since it was read."""
        self._fail()
        self.commits += 1
        self.before_commit(self.commits)
        path = path_of(uid, found.id)
        there = self._documents.get(path)
        if there is None or there.version != found.version:
            return None
        written = self.put(path, {**there.fields, **change})
        if card is not None:
            merged = {**self.cards[uid, found.id], **card}
            self.cards[uid, found.id] = {name: value for name, value in merged.items() if value is not None}
            assert change["updatedAt"], "the summary's"
        if self.loses_answers:
            self.loses_answers -= 1
            raise ServiceUnavailable
        return written

    def find_due(self, now: datetime, after: Due | None, limit: int) -> list[Due]:
        """Return what is due, the longest due first."""
        self._read()
        due = [
            Due(it.fields["refreshAt"], path)
            for path, it in self._documents.items()
            if it.fields.get("refreshAt") and it.fields["refreshAt"] <= now
        ]
        return sorted(it for it in due if after is None or it > after)[:limit]

    def find_sealed(self, after: str | None, limit: int) -> list[tuple[str, Found]]:
        """Return everything in any ``accounts``, by path."""
        self._read()
        paths = sorted(path for path in self._documents if after is None or path > after)
        return [(path, self._documents[path]) for path in paths[:limit]]

    def _read(self) -> None:
        self._fail()
        self.reads += 1

    def _fail(self) -> None:
        if self.fails:
            self.fails -= 1
            raise ServiceUnavailable


def path_of(uid: str, account_id: str) -> str:
    """Return where a user's account lies."""
    return f"users/{uid}/integrations/threads/accounts/{account_id}"
