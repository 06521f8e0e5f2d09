"""Posts in a wider world: lists that lag, texts that change, clocks that are wrong, tasks that never come.

The systems are those of the ledger's matrix, and so is what goes wrong. Here, Threads, the queue, the clocks
and the owner do more of what ``docs/world.md`` allows them. Also, at every place of a run the process may
die, the browser be closed and the queue purged (``abandon``), and the owner may delete what is out.
"""

import time
from functools import partial

from tests.faults.enumeration import wide_pairs
from tests.faults.ledger_matrix import replay
from tests.faults.result import Result, Size
from tests.faults.scenarios import WIDE
from tests.faults.tally import Tally, add_up, family, firsts_of

EACH_PAIR = {Size.CI: 97, Size.FULL: 3}
"""Of the pairs, one in so many is run. Single things are all run."""

LEAST_CELLS = {Size.CI: 15_000, Size.FULL: 150_000}


def run(size: Size, _seed: int, only: str | None) -> Result:
    """Run the cells of a size, or the one with a key. Nothing here is random."""
    if only:
        return replay(only)
    began, tally = time.monotonic(), Tally()
    firsts = [cell for scenario in WIDE.values() for cell in firsts_of(scenario, tally)]
    add_up(partial(family, wide_pairs, EACH_PAIR[size]), firsts, tally)
    return tally.result(time.monotonic() - began, least=LEAST_CELLS[size])
