"""All of the store that an account's end needs: accounts of many users, their summaries, and deletions."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from tests.unit.account_store import AccountStore, path_of
from tests.unit.fakes import ACCOUNT, NOW, UID, Died, World
from tests.unit.support import TOKEN, config
from threads.documents import Found, owner_of
from threads.tools import Tools
from threads.vault import Vault

Fields = Mapping[str, Any]


class WholeStore(AccountStore):
    """What lies in Firestore beside the posts."""

    def __init__(self, vault: Vault) -> None:
        """Begin without anything."""
        super().__init__(vault)
        self.defaults: dict[str, str | None] = {}
        self.deletions: dict[str, dict[str, Any]] = {}
        self.outcomes: list[tuple[str, datetime]] = []
        """The accounts that authorization windows have ended with, and when they were begun."""

    def join(self, account_id: str, uid: str = UID, *, at: datetime = NOW, **changes: Any) -> Found:
        """Connect an account for a user, for the first time or again, with all that its document says."""
        first = {} if path_of(uid, account_id) in self._documents else {"createdAt": at}
        fields = {
            **first,
            "accountId": account_id,
            "connectedAt": at,
            "profile": {"username": f"user{account_id}"},
            "extra": {"threadsUserId": account_id},
        }
        found = self.connect(account_id, TOKEN, uid=uid, at=at, **{**fields, **changes})
        self.cards[uid, account_id]["username"] = f"user{account_id}"
        self.defaults[uid] = self.defaults.get(uid) or account_id
        self.outcomes.append((account_id, at))
        return found

    def account_ids(self, uid: str = UID) -> list[str]:
        """Return the accounts that a user has."""
        return [it.id for path, it in self._documents.items() if owner_of(path) == uid]

    def read_summary(self, uid: str) -> dict[str, Any]:
        """Return a user's summary, empty when there is none."""
        self._read()
        cards = {name: card for (owner, name), card in self.cards.items() if owner == uid}
        if not cards:
            return {}
        return {"defaultAccountId": self.defaults.get(uid), "accounts": cards, "connectedCount": len(cards)}

    def change_summary(self, uid: str, change: Callable[[Fields], Fields]) -> Fields:
        """Change a user's summary by what it holds."""
        before = self.read_summary(uid)
        after = dict(change(before))
        self._commit()
        self._summarize(uid, after)
        return before | after

    def delete_account(self, uid: str, found: Found, summarize: Callable[[Fields], Fields | None]) -> bool:
        """Delete an account and change the summary, or delete it, unless somebody has changed the account."""
        after = summarize(self.read_summary(uid)) or {"accounts": {}, "defaultAccountId": None}
        self._commit()
        there = self._documents.get(path_of(uid, found.id))
        if there is None or there.version != found.version:
            return False
        self.delete(found.id, uid)
        self._summarize(uid, after)
        return True

    def find_connections(self, field: str, value: str) -> list[tuple[str, Found]]:
        """Return the accounts, of all users, that have a value in a field."""
        self._read()
        return [
            (uid, it)
            for path, it in self._documents.items()
            if (uid := owner_of(path)) and _member(it.fields, field) == value
        ]

    def create_deletion(self, code: str, fields: Fields) -> Found:
        """Write a deletion down, and return it, or the one that is there already."""
        self._commit()
        return Found(code, self.deletions.setdefault(code, dict(fields)), None)

    def read_deletion(self, code: str) -> Found | None:
        """Read a deletion."""
        self._read()
        return Found(code, self.deletions[code], None) if code in self.deletions else None

    def find_deletions(self, now: datetime, limit: int) -> list[Found]:
        """Return deletions that are due, the longest due first."""
        self._read()
        due = {code: it for code, it in self.deletions.items() if it.get("dueAt") and it["dueAt"] <= now}
        found = sorted(due, key=lambda code: (due[code]["dueAt"], code))
        return [Found(code, due[code], None) for code in found[:limit]]

    def change_deletion(self, code: str, change: Fields) -> None:
        """Change a deletion; None takes a field away."""
        self._commit()
        fields = {**self.deletions[code], **change}
        self.deletions[code] = {name: value for name, value in fields.items() if value is not None}

    def delete_outcomes(self, account_id: str, *, until: datetime | None = None) -> None:
        """Delete the states that ended with an account, those of later windows excepted."""
        self._commit()
        self.outcomes = [it for it in self.outcomes if it[0] != account_id or (until and it[1] > until)]

    def _commit(self) -> None:
        self._fail()
        self.commits += 1
        self.before_commit(self.commits)

    def _summarize(self, uid: str, after: Mapping[str, Any]) -> None:
        for name in [name for owner, name in self.cards if owner == uid]:
            del self.cards[uid, name]
        self.cards |= {(uid, name): dict(card) for name, card in after["accounts"].items()}
        self.defaults[uid] = after.get("defaultAccountId", self.defaults.get(uid))


class WholeWorld(World):
    """A world whose store has everything; one account is connected."""

    def __init__(self, **variables: str) -> None:
        """Take what is configured differently."""
        super().__init__()
        self.config = config(**variables)
        self.store = WholeStore(self.vault)
        self.store.join(ACCOUNT)

    @property
    def tools(self) -> Tools:
        """The world as the stories get it."""
        return super().tools._replace(store=self.store)  # type: ignore[arg-type]

    def dies_before_commit(self, number: int) -> None:
        """Let the process die before a commit, the store's and the ledger's counted together."""
        counted = iter(range(1, number + 1))

        def one_more(_number: int) -> None:
            if next(counted, number) == number:
                self.store.before_commit = self.ledger.before_commit = lambda _number: None
                raise Died

        self.store.before_commit = self.ledger.before_commit = one_more


def _member(fields: Mapping[str, Any], path: str) -> Any:
    value: Any = fields
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
