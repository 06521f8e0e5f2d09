"""Posts that are made of several: a carousel of twenty, and threads, over the ledger matrix's systems.

Of the carousel's media three fail at first, each in another way; a thread has ten posts, or four and a film
among them. More has to hold than for a single post: one carousel with its twenty files in their order, of
which only the failed ones were created again; one root, and each reply once, answering the one before.
"""

import time
from collections.abc import Iterator

from tests.faults.cells import Cell, run_cell
from tests.faults.enumeration import pairs
from tests.faults.ledger_matrix import replay
from tests.faults.result import Result, Size
from tests.faults.scenarios import COMPOSED
from tests.faults.tally import Tally, add_up, firsts_of
from tests.faults.virtual_firestore import COMMIT_FAULTS
from tests.faults.visits import Timing

LEAST_CELLS = {Size.CI: 3_400, Size.FULL: 37_000}

FAULTS_OF_CI = frozenset(
    {
        *("crash", "5xx_no_effect", "5xx_with_effect", "timeout_no_effect", "timeout_with_effect"),
        *("reset_mid_body", "late_effect", "breaks", "vanishes"),
        *COMMIT_FAULTS,
    }
)
"""A stop at every place. At every call to Threads a lost answer and a 5xx, with and without effect, and a
container that fails. At every commit, all that can go wrong there. The next delivery comes when it is told
to."""

THINNED = {"carousel-task", "thread-task", "thread2"}
EACH_OF_THINNED = 2
"""One in so many cells is run of rows that differ from another one in who brings them, or the root's way."""

FIRSTS, SECONDS = 7, 53
"""Of pairs, one in so many first things, and of each of these one in so many second ones. They are primes, so
that all kinds are among them."""


def run(size: Size, _seed: int, only: str | None) -> Result:
    """Run the cells of a size, or the one with a key. Nothing here is random."""
    if only:
        return replay(only)
    began, tally = time.monotonic(), Tally()
    if size is Size.CI:
        add_up(_alone, _few(tally), tally)
    else:
        singles = list(_many(tally))
        add_up(_alone, singles, tally)
        add_up(_with_seconds, singles[::FIRSTS], tally)
    return tally.result(time.monotonic() - began, least=LEAST_CELLS[size])


def _few(total: Tally) -> Iterator[Cell]:
    for scenario in COMPOSED.values():
        for cell in firsts_of(scenario, total):
            if cell.timing is Timing.NONE and FAULTS_OF_CI.issuperset(cell.plan.values()):
                yield cell


def _many(total: Tally) -> Iterator[Cell]:
    """Yield every single thing that can go wrong at every place, at every timing."""
    for scenario in COMPOSED.values():
        step = EACH_OF_THINNED if scenario.name in THINNED else 1
        yield from firsts_of(scenario, total)[::step]


def _alone(cell: Cell) -> Tally:
    tally = Tally()
    tally.add(cell.key, run_cell(cell)[1])
    return tally


def _with_seconds(first: Cell) -> Tally:
    """Run cells that have another thing wrong after the first one."""
    tally = Tally()
    for second in list(pairs(first, run_cell(first)[0].world.names))[::SECONDS]:
        tally.add(second.key, run_cell(second)[1])
    return tally
