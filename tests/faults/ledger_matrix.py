"""Posts of one call, or of one container: every stop, fault and duplicate, at every place of every row.

The service's own publishing runs on its real repositories, over a Firestore in memory, and a virtual Threads
and queue. So every conflict of the real commits is gone through, too.
"""

import time
from functools import cache

from tests.faults.cells import read_key, run_cell
from tests.faults.result import Failure, Result, Size
from tests.faults.tally import Tally, tally_of_all

EACH_PAIR = {Size.CI: 5, Size.FULL: 1}
"""Of the pairs, one in so many is run. Single things are all run."""

LEAST_CELLS = {Size.CI: 45_000, Size.FULL: 190_000}


@cache
def everything(size: Size) -> tuple[Tally, float]:
    """Run the cells of a size once, however many rows ask; return how long it took, too."""
    began = time.monotonic()
    return tally_of_all(EACH_PAIR[size]), time.monotonic() - began


def run(size: Size, _seed: int, only: str | None) -> Result:
    """Run the cells of a size, or the one with a key. Nothing here is random."""
    if only:
        return replay(only)
    tally, seconds = everything(size)
    return tally.result(seconds, least=LEAST_CELLS[size])


def replay(key: str) -> Result:
    """Run one cell, with a note for each place and call."""
    story, verdict = run_cell(read_key(key), is_traced=True)
    result = Result(1, verdict.duplicates, verdict.lost)
    result.windows = {verdict.window: 1} if verdict.window else {}
    result.failures = [Failure(verdict.why, key)] if verdict.why else []
    result.notes = [*(story.world.trace or []), str(verdict)]
    return result
