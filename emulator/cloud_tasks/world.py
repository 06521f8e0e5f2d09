"""The whole state of the emulated service, and its lock. No rules here.

The rules are functions that take the World (``tasks``, ``schedule``, ``attempts``). They are called while
``World.changed`` is held, so that none of them sees the work of another half done.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections import deque
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Condition
from typing import TYPE_CHECKING

from emulator.base import world
from emulator.base.world import JOURNAL_LENGTH
from emulator.cloud_tasks.model import Queue
from emulator.cloud_tasks.settings import Settings
from emulator.cloud_tasks.tokens import Signer

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from emulator.cloud_tasks.configuration import QueueConfiguration
    from emulator.cloud_tasks.duplicates import Script
    from emulator.cloud_tasks.journal import Dispatch
    from emulator.cloud_tasks.model import Delivery


@dataclass(order=True)
class Repetition:
    """A delivery that will be made again."""

    due: datetime
    number: int
    delivery: Delivery = field(compare=False)


class World(world.World[Settings]):
    """The state of one emulator."""

    def __init__(self, queues: Iterable[QueueConfiguration] = (), settings: Settings | None = None) -> None:
        """Begin with these queues and settings."""
        super().__init__(settings or Settings())
        #: The lock. Code that changes what may be due must notify it.
        self.changed = Condition()
        self.signer = Signer()
        #: The address of the gRPC side, as ``address:port``. The server sets it.
        self.host = ""
        #: How many requests are being made, duplicates included.
        self.under_way = 0
        self._configurations = list(queues)
        self._numbers = itertools.count(1)
        self._begin()

    def reset(self) -> None:
        """Return to empty queues, the first settings and real time."""
        super().reset()
        self._begin()

    def _begin(self) -> None:
        self.queues = {one.name: Queue(one) for one in self._configurations}
        self.scripts: list[Script] = []
        #: A heap.
        self.repetitions: list[Repetition] = []
        self.journal: deque[Dispatch] = deque(maxlen=JOURNAL_LENGTH)
        # Always the same seed, so that a run with random duplicates can be repeated.
        self.random = random.Random(1)  # noqa: S311 - not a secret

    @property
    def issuer(self) -> str:
        """The ``iss`` of OIDC tokens."""
        return self.settings.issuer or self.url

    def forget_old_names(self, queue: Queue) -> None:
        """Free the names of tasks that ended long enough ago."""
        taken_for = timedelta(seconds=self.settings.name_taken_seconds)
        while queue.ended:
            name, oldest = next(iter(queue.ended.items()))
            if self.now() < oldest.at + taken_for:
                return
            del queue.ended[name]

    def new_number(self) -> int:
        """Return a number that is higher than all before."""
        return next(self._numbers)

    def repeat(self, delivery: Delivery, due: datetime) -> None:
        """Plan to make a delivery again."""
        heapq.heappush(self.repetitions, Repetition(due, self.new_number(), delivery))
