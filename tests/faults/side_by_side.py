"""Many processes in one virtual time: each goes on until it waits, and then whoever is due next goes on.

Each is a thread of this process, of which only one runs at a time, and which one is told by the clock and by
the order of things. So every call to the outside is a place where others come between, and the same run
always goes the same way.
"""

import threading
import traceback
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from heapq import heappop, heappush
from itertools import count, islice
from random import Random
from typing import TypeVar

from tests.faults.model import Crash, World

_T = TypeVar("_T")
_R = TypeVar("_R")


class _Line:
    """What one process does for one request."""

    def __init__(self) -> None:
        self.turn = threading.Semaphore(0)
        self.dies_now = False
        """While it waits for an answer that never comes, and to a call that nobody gets."""
        self.dies_next = False
        """After its call has had its effect, or at the next one."""


class SideBySide(World):
    """A world in which any number of processes are under way."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.bugs: list[str] = []
        """What processes raised that they must not raise."""
        self._events: list[tuple[datetime, int, Callable[[], object]]] = []
        self._numbers = count()
        self._under_way: dict[_Line, None] = {}
        self._running: _Line | None = None
        self._baton = threading.Semaphore(0)

    # --- from outside -------------------------------------------------------------------------------------

    def run(self, until: datetime) -> None:
        """Let everything happen that is due until a moment."""
        while self._events and self._events[0][0] <= until:
            self.now, _, effect = heappop(self._events)
            effect()
        self.now = until

    def begin(self, work: Callable[[], object]) -> None:
        """Let a process begin now."""
        self.later(timedelta(), lambda: self._start(work))

    def kill(self, random: Random) -> int:
        """End every process, and return how many there were. Half of their calls still have an effect."""
        for line in self._under_way:
            line.dies_next = True
            line.dies_now = random.random() < 1 / 2
        return len(self._under_way)

    # --- from within --------------------------------------------------------------------------------------

    def at(self, name: str) -> str | None:
        """Come by a place; return what goes wrong there.

        Raises:
            Crash: the process was killed.

        """
        if self._running and self._running.dies_next:
            raise Crash
        return self.act(name)

    def later(self, delay: timedelta, effect: Callable[[], object]) -> None:
        """Let something happen after a while."""
        heappush(self._events, (self.now + delay, next(self._numbers), effect))

    def pass_until(self, moment: datetime) -> None:
        """Let others go on until a moment.

        Raises:
            Crash: the process was killed.

        """
        line = self._running
        assert line, "nobody waits outside of a process"
        self.later(max(moment - self.now, timedelta()), lambda: self._go_on(line))
        self._wait(line)

    def each(self, work: Callable[[_T], _R], things: Iterable[_T], /, *, at_once: int) -> list[_R]:
        """Do the same with several things, so many at once, and return the results in order.

        Raises:
            Crash: the process was killed.

        """
        line, left, results = self._running, enumerate(things), dict[int, _R]()
        assert line
        hands = at_once

        def do_one_after_the_other() -> None:
            nonlocal hands
            try:
                for number, thing in left:
                    results[number] = work(thing)
            finally:
                hands -= 1
                if not hands:
                    self.later(timedelta(), lambda: self._go_on(line))

        for _ in islice(count(), at_once):
            self.begin(do_one_after_the_other)
        self._wait(line)
        return [results[number] for number in sorted(results)]

    # --- the baton ----------------------------------------------------------------------------------------

    def _start(self, work: Callable[[], object]) -> None:
        line = _Line()
        self._under_way[line] = None
        threading.Thread(target=self._work, args=(line, work), daemon=True).start()
        self._go_on(line)

    def _work(self, line: _Line, work: Callable[[], object]) -> None:
        line.turn.acquire()
        try:
            work()
        except Crash:
            pass
        except BaseException:  # noqa: BLE001 - whatever it is, the run must know, and go on
            self.bugs.append(traceback.format_exc(limit=-3))
        finally:
            del self._under_way[line]
            self._baton.release()

    def _go_on(self, line: _Line) -> None:
        self._running = line
        line.turn.release()
        self._baton.acquire()
        self._running = None

    def _wait(self, line: _Line) -> None:
        self._baton.release()
        line.turn.acquire()
        if line.dies_now:
            raise Crash
