"""Running cells by the ten thousand, in two processes, and adding up what they came to."""

import multiprocessing
import zlib
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from itertools import islice

from tests.faults.cells import Cell, Verdict, run_cell
from tests.faults.enumeration import pairs, singles
from tests.faults.result import Failure, Result
from tests.faults.scenarios import SCENARIOS, Scenario
from tests.faults.visits import Timing

WORKERS = 2

CHUNK = 16

MOST_FAILURES = 20
"""Failures that are told of each row; all of them are counted."""

MAX_DELIVERIES_AFTER = 10
"""So many deliveries after the last trouble, a post has ended."""


@dataclass
class Tally:
    """What a number of cells came to."""

    cells: int = 0
    duplicates: int = 0
    lost: int = 0
    windows: Counter[str] = field(default_factory=Counter)
    unknown: int = 0
    failures: list[tuple[str, str]] = field(default_factory=list)
    """Keys, and why."""
    most_deliveries: int = 0
    conflicts: int = 0
    slow: list[tuple[str, str]] = field(default_factory=list)
    """Keys of cells that took more deliveries than promised."""

    def add(self, key: str, verdict: Verdict) -> None:
        """Count a cell."""
        self.cells += 1
        self.duplicates += verdict.duplicates
        self.lost += verdict.lost
        self.unknown += verdict.unknown
        self.conflicts += verdict.conflicts
        self.most_deliveries = max(self.most_deliveries, verdict.deliveries)
        if verdict.window:
            self.windows[verdict.window] += 1
        if verdict.duplicates or verdict.lost:
            self.failures.append((key, verdict.why))
        if verdict.deliveries > MAX_DELIVERIES_AFTER:
            self.slow.append((key, f"{verdict.deliveries} deliveries"))

    def merge(self, other: "Tally") -> None:
        """Count another tally's cells."""
        self.cells += other.cells
        self.duplicates += other.duplicates
        self.lost += other.lost
        self.windows += other.windows
        self.unknown += other.unknown
        self.conflicts += other.conflicts
        self.failures += other.failures
        self.most_deliveries = max(self.most_deliveries, other.most_deliveries)
        self.slow += other.slow

    def result(self, seconds: float, *, least: int) -> Result:
        """Return what a row shows that has at least so many cells."""
        result = Result(self.cells, self.duplicates, self.lost, seconds)
        result.windows = dict(sorted(self.windows.items()))
        result.failures = [Failure(f"{why:.80}", key) for key, why in self.failures[:MOST_FAILURES]]
        if self.cells < least:
            result.failures.append(Failure(f"only {self.cells} cells were found; there were {least}"))
        result.notes = [
            f"{self.conflicts} commits were refused, as their precondition did not hold",
            f"{self.unknown} posts were left for a person to look at (UNKNOWN)",
            f"the slowest took {self.most_deliveries} deliveries after its last fault",
        ]
        return result


def tally_of_all(step: int) -> Tally:
    """Run every cell with one thing wrong, and one in so many pairs. The order is always the same."""
    total = Tally()
    firsts = [cell for scenario in SCENARIOS.values() for cell in firsts_of(scenario, total)]
    add_up(partial(family, pairs, step), firsts, total)
    return total


def firsts_of(scenario: Scenario, total: Tally) -> list[Cell]:
    """Return a row's cells with one thing wrong, after counting the one with nothing."""
    calm = Cell(scenario, Timing.NONE, {})
    story, verdict = run_cell(calm)
    total.add(calm.key, verdict)
    return list(singles(scenario, story.world.names))


def add_up(work: Callable[[Cell], Tally], cells: Iterable[Cell], total: Tally) -> None:
    """Do something with each cell, in two processes, and add what it comes to."""
    # spawned processes would import everything anew; nothing here has threads that a fork could break
    with multiprocessing.get_context("fork").Pool(WORKERS) as pool:
        for tally in pool.imap(work, cells, chunksize=CHUNK):
            total.merge(tally)


def family(seconds: Callable[[Cell, list[str]], Iterable[Cell]], step: int, first: Cell) -> Tally:
    """Run a cell, and one in so many of those that have another thing wrong after it."""
    tally = Tally()
    story, verdict = run_cell(first)
    tally.add(first.key, verdict)
    for second in islice(
        seconds(first, story.world.names), zlib.crc32(first.key.encode()) % step, None, step
    ):
        tally.add(second.key, run_cell(second)[1])
    return tally
