"""The emulated service: every queue, the clock, the settings and the one lock. No rules in here.

The rules are functions over a World (``queues``, ``tasks``, ``schedule``, ``attempts``), called while
``World.changed`` is held, so none of them sees half of another's work.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Condition
from typing import TYPE_CHECKING, Any

from emulator.clock import Clock
from emulator.cloud_tasks.model import Queue
from emulator.cloud_tasks.settings import Settings
from emulator.cloud_tasks.tokens import Signer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from emulator.cloud_tasks.attempts import Delivery
    from emulator.cloud_tasks.duplicates import Script
    from emulator.cloud_tasks.journal import Dispatch

#: The newest attempts that the journal keeps: enough for a long run, and bounded.
JOURNAL_LENGTH = 20_000


@dataclass(order=True)
class Repetition:
    """A delivery that is to be made again."""

    due: datetime
    number: int
    delivery: Delivery = field(compare=False)


class World:
    """The whole state."""

    def __init__(self, queues: Iterable[Any] = (), settings: Settings | None = None) -> None:
        """Begin with these queues, which ``flags.queue`` made, and settings; ``reset`` comes back here."""
        self._first_queues = list(queues)
        self._first_settings = settings or Settings()
        #: The lock. Whoever changes what may be due notifies.
        self.changed = Condition()
        self.clock = Clock()
        self.signer = Signer()
        #: Where the emulator can be reached by HTTP; known once it is served.
        self.url = ""
        #: And by gRPC, as ``address:port``.
        self.host = ""
        self._numbers = itertools.count(1)
        #: Requests that are being made, repeated ones too.
        self.under_way = 0
        self._begin()

    def reset(self) -> None:
        """Go back to the start: the first queues without a task, the first settings, real time."""
        self.clock.reset()
        self._begin()

    def _begin(self) -> None:
        self.queues = {
            message.name: Queue(_copy(message), self.new_number()) for message in self._first_queues
        }
        #: When deleted queues were deleted.
        self.deleted_queues: dict[str, datetime] = {}
        self.settings = self._first_settings
        self.scripts: list[Script] = []
        #: A heap.
        self.repetitions: list[Repetition] = []
        self.journal: deque[Dispatch] = deque(maxlen=JOURNAL_LENGTH)
        # The same each time, so that a run with random duplicates can be had again.
        self.random = random.Random(1)  # noqa: S311 - nothing secret

    @property
    def issuer(self) -> str:
        """The ``iss`` of OIDC tokens."""
        return self.settings.issuer or self.url

    def now(self) -> datetime:
        """Return the emulator's time."""
        return self.clock.now()

    def forget_old_names(self, queue: Queue) -> None:
        """Free the names of a queue's tasks that ended long enough ago."""
        taken_for = timedelta(seconds=self.settings.name_taken_seconds)
        while queue.ended:
            name, oldest = next(iter(queue.ended.items()))
            if self.now() < oldest.at + taken_for:
                return
            del queue.ended[name]

    def new_number(self) -> int:
        """Return a number higher than all before."""
        return next(self._numbers)

    def repeat(self, delivery: Delivery, due: datetime) -> None:
        """Make a delivery again at ``due``."""
        heapq.heappush(self.repetitions, Repetition(due, self.new_number(), delivery))


def _copy(message: Any) -> Any:
    copy = type(message)()
    copy.CopyFrom(message)
    return copy
