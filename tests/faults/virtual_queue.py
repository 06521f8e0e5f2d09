"""A Cloud Tasks queue in memory: a name works once, and a task comes back until it is answered well."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from tests.faults.model import World
from threads.base.errors import ServiceUnavailable

ANSWERS_IN = timedelta(milliseconds=20)

PATIENCE = timedelta(seconds=10)

ENQUEUE, DELETE = "queue:enqueue", "queue:delete"

FAULTS: Mapping[str, tuple[str, ...]] = dict.fromkeys((ENQUEUE, DELETE), ("unavailable", "answer_lost"))
"""What can go wrong, by place: nothing happens; it happens, and the answer is lost."""


class VirtualQueue:
    """The queue; ``deliver_at`` is told when to bring a task, ``drop`` not to bring it any more."""

    def __init__(
        self,
        world: World,
        *,
        is_configured: bool,
        deliver_at: Callable[[str, str, str, datetime], None],
        drop: Callable[[str], None],
    ) -> None:
        """Take the world, whether there is a queue at all, and who brings tasks."""
        self.is_configured = is_configured
        self._world = world
        self._deliver_at = deliver_at
        self._drop = drop
        self._names: set[str] = set()

    def enqueue(self, task_id: str, *, uid: str, post_id: str, due_at: datetime) -> None:
        """Create a task; a name that was used before is left as it is."""
        fault = self._begin(ENQUEUE)
        if task_id not in self._names:
            self._names.add(task_id)
            self._deliver_at(task_id, uid, post_id, due_at)
        self._end(ENQUEUE, fault)

    def delete(self, task_id: str) -> None:
        """Delete a task; its name stays used."""
        fault = self._begin(DELETE)
        self._drop(task_id)
        self._end(DELETE, fault)

    def _begin(self, place: str) -> str | None:
        fault = self._world.at(place)
        if fault == "unavailable":
            self._world.pass_time(PATIENCE)
            raise ServiceUnavailable
        self._world.pass_time(ANSWERS_IN)
        return fault

    def _end(self, place: str, fault: str | None) -> None:
        self._world.at(place + ":after")
        if fault == "answer_lost":
            raise ServiceUnavailable
