"""A Firestore in memory: the records and accounts that the stories work with, by Firestore's rules.

A record is kept as the document that ``ledger`` makes of it, so that what is read has been through that.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

from tests.faults.model import World
from threads.documents import Found
from threads.errors import ServiceUnavailable
from threads.ledger import TERMINAL, Record, as_document, from_document
from threads.records import AlreadyClaimed, Held, Overtaken

ANSWERS_IN = timedelta(milliseconds=20)

PATIENCE = timedelta(seconds=10)
"""How long a call takes that fails."""

FAULTS = ("unavailable", "answer_lost", "commit_30s_late", "repeated")
"""Of a commit: nothing happens; it happens, and the answer is lost; it happens later; the client repeats it
as the first answer was lost, and finds its own change."""

READ_FAULTS = ("unavailable",)

LATE = timedelta(seconds=30)


class VirtualRecords:
    """The posts' records and the claims to media ids."""

    def __init__(self, world: World) -> None:
        """Take the world; there are no records."""
        self.claims: dict[str, str] = {}
        self._world = world
        self._documents: dict[str, tuple[dict[str, Any], int]] = {}
        self._version = 0

    def create(self, uid: str, post_id: str, record: Record) -> Held:
        """Write a new record, or return the one that is there."""
        fault = self._begin("ledger:create", lambda: self._put_new(post_id, record))
        is_new = self._put_new(post_id, record)
        version = self._version
        self._end("ledger:create", fault)
        if is_new and fault != "repeated":
            return Held(uid, post_id, record, version)
        if there := self.peek(uid, post_id):
            return there
        raise Overtaken

    def read(self, uid: str, post_id: str) -> Held | None:
        """Read a record."""
        self._begin("ledger:read", dict)
        there = self.peek(uid, post_id)
        self._world.at("ledger:read:after")
        return there

    def write(self, held: Held, record: Record, *, media_id: str | None = None) -> Held:
        """Change a record unless somebody has since it was read, and claim a media id with it."""
        fault = self._begin("ledger:write", lambda: self._put(held, record, media_id))
        is_written = self._put(held, record, media_id)
        version = self._version
        self._end("ledger:write", fault)
        if is_written and fault != "repeated":
            return Held(held.uid, held.post_id, record, version)
        there = self.peek(held.uid, held.post_id)
        if there and there.record == record:
            return there
        if media_id and there and there.version == held.version:
            raise AlreadyClaimed
        raise Overtaken

    def latest(self, *_: Any) -> list[Held]:
        """Nobody asks for lists here."""
        raise NotImplementedError

    def find(self, *_: Any, **__: Any) -> list[Held]:
        """Nobody asks for lists here."""
        raise NotImplementedError

    def pages_of(self, *_: Any) -> Iterator[list[Held]]:
        """Nobody asks for lists here."""
        raise NotImplementedError

    def claimed(self, *_: Any) -> Held | None:
        """Nobody asks by media ids here."""
        raise NotImplementedError

    def erase(self, *_: Any) -> bool:
        """Nobody is forgotten here."""
        raise NotImplementedError

    def peek(self, uid: str, post_id: str) -> Held | None:
        """Return a record without anything happening."""
        document, version = self._documents.get(post_id, ({}, 0))
        return Held(uid, post_id, from_document(document), version) if document else None

    def has_ended(self, post_id: str) -> bool:
        """Say whether a record is there whose post has ended."""
        return post_id in self._documents and self._documents[post_id][0]["state"] in TERMINAL

    def delete(self, post_id: str) -> None:
        """Forget a record: for mutants only."""
        del self._documents[post_id]

    def _begin(self, place: str, effect: Callable[[], object]) -> str | None:
        fault = self._world.at(place)
        assert fault in {None, *FAULTS}
        if fault in {"unavailable", "commit_30s_late"}:
            if fault == "commit_30s_late":
                self._world.later(LATE, effect)
            self._world.pass_time(PATIENCE)
            raise ServiceUnavailable
        self._world.pass_time(ANSWERS_IN)
        return fault

    def _end(self, place: str, fault: str | None) -> None:
        self._world.at(place + ":after")
        if fault == "answer_lost":
            self._world.pass_time(PATIENCE)
            raise ServiceUnavailable

    def _put_new(self, post_id: str, record: Record) -> bool:
        if post_id in self._documents:
            return False
        self._keep(post_id, record)
        return True

    def _put(self, held: Held, record: Record, media_id: str | None) -> bool:
        """Change a document and create a claim: both or neither."""
        before, version = self._documents.get(held.post_id, ({}, -1))
        if version != held.version or media_id in self.claims:
            self._world.note("      conflict")
            return False
        assert before["state"] not in TERMINAL, "nothing changes a post that has ended"
        if media_id:
            self.claims[media_id] = held.post_id
        self._keep(held.post_id, record)
        return True

    def _keep(self, post_id: str, record: Record) -> None:
        self._version += 1
        document = as_document(record)
        self._documents[post_id] = (document, self._version)
        if self._world.trace is not None:
            ambiguous = " ambiguous" if record.ambiguous else ""
            self._world.note(f"      {document['state']}{ambiguous}, owner {record.owner}")


class VirtualStore:
    """One connected account."""

    def __init__(self, world: World, account_id: str) -> None:
        """Take the world and the account."""
        self._world = world
        self._found = Found(account_id, {"accessToken": "sealed", "status": "active"}, 0)

    def find_accounts(self, _uid: str, _account_id: str | None) -> list[Found]:
        """Return the account."""
        self._call("store:find_accounts")
        return [self._found]

    def change_account(
        self, _uid: str, found: Found, *, change: Mapping[str, Any], card: Mapping[str, Any]
    ) -> bool:
        """Change the account unless somebody has since it was read."""
        self._call("store:change_account")
        assert card
        if found.version != self._found.version:
            return False
        self._found = Found(found.id, {**found.fields, **change}, found.version + 1)
        return True

    def reconnect(self) -> None:
        """Connect the account again."""
        self._found = Found(
            self._found.id, {**self._found.fields, "status": "active"}, self._found.version + 1
        )

    def _call(self, place: str) -> None:
        if self._world.at(place):
            self._world.pass_time(PATIENCE)
            raise ServiceUnavailable
        self._world.pass_time(ANSWERS_IN)
