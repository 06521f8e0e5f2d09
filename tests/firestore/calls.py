"""One call to Firestore, and how a test makes it fail, come late or happen twice.

A client's interceptor is a function. It gets each call before the call has an effect, and may return a second
function, which runs after the call, also after a refused one. The caller gets any exception that one of the
two raises. There are no retries here: raise what the real client raises after its last one.

| fault                                            | what the interceptor does                               |
|--------------------------------------------------|---------------------------------------------------------|
| the call does not arrive                         | raises                                                  |
| the answer is lost                               | returns a function that raises                          |
| the commit is applied later                      | keeps ``call.apply`` for that moment, and raises        |
| the commit is repeated, and meets its own change | calls ``call.apply()``                                  |
| another writer comes between                     | writes to the database, or returns a function that does |
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, Literal, TypeVar

from google.api_core.exceptions import GoogleAPICallError
from google.api_core.retry import Retry

from tests.firestore.database import Committed, Database
from tests.firestore.writes import Verb, Write

Answer = TypeVar("Answer")

COUNTED_FOR_A_READ = 1000
"""Index entries that a query for a number takes for the price of one document."""


@dataclass(slots=True)
class Call(Generic[Answer]):
    """One call, as an interceptor sees it."""

    kind: Literal["get", "batch_get", "query", "count", "commit"]
    paths: Sequence[str]
    """The documents. For a query: the path of its collection, or the id of its collection group."""
    verbs: Sequence[Verb]
    """What a commit does to each of the documents."""
    retry: Retry | None
    timeout: float | None
    """How long the caller waits, in seconds."""
    carry_out: Callable[[], Answer]

    def apply(self) -> bool:
        """Apply a commit, now or later; return False where a precondition failed."""
        try:
            self.carry_out()
        except GoogleAPICallError:
            return False
        return True


Interceptor = Callable[[Call[Any]], Callable[[], object] | None]


@dataclass
class Bill:
    """What Google charges for, in documents: https://firebase.google.com/docs/firestore/pricing."""

    reads: int = 0
    writes: int = 0
    deletes: int = 0

    def follow(self, call: Call[Any]) -> None:
        """Charge for a call when it is carried out. A refused commit costs nothing here."""
        carry_out = call.carry_out

        def charged() -> Any:
            answer = carry_out()
            deleted = sum(verb == "delete" for verb in call.verbs)
            self.deletes += deleted
            self.writes += len(call.verbs) - deleted
            if call.kind == "query":
                self.reads += max(1, len(answer))  # one that finds nothing costs a read
            elif call.kind == "count":
                self.reads += max(1, math.ceil(len(answer) / COUNTED_FOR_A_READ))
            elif call.kind != "commit":
                self.reads += len(call.paths)
            return answer

        call.carry_out = charged


@dataclass(slots=True)
class Channel:
    """The way from a client to the database: every call goes through the interceptor."""

    database: Database
    intercept: Interceptor | None

    def commit(self, writes: Sequence[Write], retry: Retry | None, timeout: float | None) -> Committed:
        """Apply writes, all or none."""
        paths, verbs = [write.path for write in writes], [write.verb for write in writes]
        carry_out = partial(self.database.commit, tuple(writes))
        return self.answer(Call("commit", paths, verbs, retry, timeout, carry_out))

    def answer(self, call: Call[Answer]) -> Answer:
        """Carry out a call, between the two functions of the interceptor."""
        after = self.intercept(call) if self.intercept else None
        try:
            return call.carry_out()
        finally:
            if after:
                after()
