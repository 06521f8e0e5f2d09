"""Time, and the places where something may happen: what every virtual system shares. Nothing of the ledger's.

A run of a cell passes *places*, numbered from 0 in the order in which it comes by them: before and after each
call to the outside, and each of the ledger's points. A plan says what happens at which place. As nothing here
is random, the same plan always gives the same run.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush

START = datetime(2026, 1, 1, 12, tzinfo=UTC)

NOBODY: Mapping[int, str] = {}
"""A plan in which nothing happens."""


class Crash(BaseException):
    """The process dies here: nothing in it goes on, as with ``kill -9``."""


class World:
    """A clock that moves when something takes time, and the places that a run has passed."""

    def __init__(self, plan: Mapping[int, str] = NOBODY, *, is_traced: bool = False) -> None:
        """Take what happens at which place; ``is_traced`` keeps a line for each place."""
        self.now = START
        self.names: list[str] = []
        """The places so far."""
        self.trace: list[str] | None = [] if is_traced else None
        self.act: Callable[[str], str | None] = _stay_calm
        """Does what the plan says; returns what the called system must do itself, its own fault."""
        self._plan = plan
        self._later: list[tuple[datetime, int, Callable[[], object]]] = []
        self._number = 0

    def at(self, name: str) -> str | None:
        """Come by a place; return the fault that the plan has for it.

        Raises:
            Crash: the process dies here.

        """
        number = len(self.names)
        self.names.append(name)
        action = self._plan.get(number)
        if self.trace is not None:
            self.note(f"{number:4}  {name}" + (f"  <-- {action}" if action else ""))
        return self.act(action) if action else None

    def note(self, line: str) -> None:
        """Add a line to the trace."""
        if self.trace is not None:
            self.trace.append(f"{(self.now - START).total_seconds():9.2f}  {line}")

    def pass_time(self, span: timedelta) -> None:
        """Let time pass, and with it everything happen that is due."""
        self.pass_until(self.now + span)

    def pass_until(self, moment: datetime) -> None:
        """Let time pass until a moment; one that is over changes nothing."""
        while self._later and self._later[0][0] <= moment:
            due, _, effect = heappop(self._later)
            self.now = max(self.now, due)
            effect()
        self.now = max(self.now, moment)

    def later(self, delay: timedelta, effect: Callable[[], object]) -> None:
        """Let something happen after a while, whatever has happened until then."""
        self._number += 1
        heappush(self._later, (self.now + delay, self._number, effect))


def _stay_calm(action: str) -> str | None:
    return action
