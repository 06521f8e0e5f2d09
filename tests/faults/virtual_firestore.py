"""What the calls to the in-memory Firestore meet in a cell: how long they take, and what goes wrong.

The real repositories run on it. Documents, versions and preconditions are those of ``tests.firestore``, which
keeps them as the emulator does.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from google.api_core import exceptions

from tests.faults.model import World
from tests.firestore.calls import Call
from tests.firestore.client import Client
from tests.firestore.database import Database
from tests.firestore.errors import refusal
from threads.posts.ledger import CHECK_FIELD, TERMINAL, from_document, may_begin_again

PROJECT = "demo-threads"

ANSWERS_IN = timedelta(milliseconds=20)

PATIENCE = timedelta(seconds=10)
"""How long a call takes that fails."""

LATE = timedelta(seconds=30)

CREATE, WRITE, READ = "firestore:create", "firestore:write", "firestore:read"

COMMIT_FAULTS = ("unavailable", "answer_lost", "commit_30s_late", "repeated")
"""Nothing happens; it happens, and the answer is lost; it happens later; the client repeats it as the first
answer was lost, and fails on its own change."""

AFTER_ITS_END = ("resumeAt", CHECK_FIELD, "deletedAt", "status", "updatedAt", "wakes", "task")
"""What changes in the record of a post that is out: until its thread has ended, and when it is deleted."""

FAULTS: Mapping[str, tuple[str, ...]] = {
    CREATE: COMMIT_FAULTS,
    WRITE: COMMIT_FAULTS,
    READ: ("unavailable",),
}
"""What can go wrong, by place."""


class VirtualFirestore:
    """A Firestore of a cell's own."""

    def __init__(self, world: World) -> None:
        """Take the world; there are no documents."""
        self.database = Database(lambda: world.now)
        self.client = Client(self.database, project=PROJECT, intercept=self._intercept)
        self.conflicts = 0
        """Commits that were refused: their precondition did not hold."""
        self._world = world

    def _intercept(self, call: Call[Any]) -> Callable[[], None]:
        """Let a call happen in its time, or do with it what the plan says."""
        world, place = self._world, _place(call)
        if call.kind == "commit":
            call.carry_out = partial(self._carry_out, call.paths, call.carry_out)
        fault = world.at(place)
        if fault == "commit_30s_late":
            world.later(LATE, call.apply)
        if fault in {"unavailable", "commit_30s_late"}:
            self._fail()
        world.pass_time(ANSWERS_IN)
        if fault == "repeated":
            call.apply()
        return partial(self._answer, f"{place}:after", fault)

    def _answer(self, place: str, fault: str | None) -> None:
        self._world.at(place)
        if fault == "answer_lost":
            self._fail()

    def _fail(self) -> None:
        self._world.pass_time(PATIENCE)
        raise refusal(exceptions.ServiceUnavailable, "no answer")

    def _carry_out(self, paths: Sequence[str], carry_out: Callable[[], Any]) -> Any:
        ended = {path: self._said(path) for path in paths if self._has_ended(path)}
        try:
            committed = carry_out()
        except exceptions.GoogleAPICallError as error:
            self.conflicts += 1
            self._world.note(f"      conflict: {type(error).__name__}")
            raise
        changed = [path for path, before in ended.items() if self._said(path) != before]
        changed = [path for path in changed if not self._is_looked_for_again(path, ended[path])]
        assert not changed, f"nothing changes a post that has ended: {changed}"
        if self._world.trace is not None:
            self._tell(paths)
        return committed

    def _said(self, path: str) -> dict[str, Any]:
        """Return the fields of a post, except those that may still change."""
        fields = self.database.fields(path) or {}
        return {name: value for name, value in fields.items() if name not in AFTER_ITS_END}

    def _is_looked_for_again(self, path: str, before: Mapping[str, Any]) -> bool:
        """Return whether a post has lost an id that was only found to the one that Threads answered it to."""
        after = self.database.fields(path) or {}
        return bool(before.get("isFound")) and after.get("state") not in TERMINAL

    def _has_ended(self, path: str) -> bool:
        document = self.database.read(path)
        if document is None or document.fields.get("state") not in TERMINAL:
            return False
        return not may_begin_again(from_document(document.fields))

    def _tell(self, paths: Sequence[str]) -> None:
        for path in paths:
            fields = self.database.fields(path) or {}
            told = [f"{name} {fields[name]}" for name in ("state", "ambiguous", "owner") if name in fields]
            self._world.note(f"      {path.rpartition('/')[2]:.8} {', '.join(told)}")


def _place(call: Call[Any]) -> str:
    if call.kind != "commit":
        return READ
    return CREATE if call.verbs[0] == "create" else WRITE
