"""F1: the ledger's own logic, over a virtual Graph, Firestore and queue."""

import time
from functools import cache

from tests.faults.cells import read_key, run_cell
from tests.faults.result import Result, Size
from tests.faults.tally import MOST_FAILURES, Tally, tally_of_all

WHAT = "the ledger: faults x stops x duplicates"

LEAST_CELLS = 190_000


@cache
def everything() -> tuple[Tally, float]:
    """Run every cell once, for F1 and F7; return how long it took, too."""
    began = time.monotonic()
    return tally_of_all(), time.monotonic() - began


def run(_size: Size, _seed: int, only: str | None) -> Result:
    """Run all cells, in each size, or the one with a key. Nothing here is random."""
    if only:
        return replay(only)
    tally, seconds = everything()
    result = Result("F1", WHAT, tally.cells, tally.duplicates, tally.lost, seconds)
    result.windows = dict(sorted(tally.windows.items()))
    result.failures = [told("F1", key, why) for key, why in tally.failures[:MOST_FAILURES]]
    result.notes.append(f"{tally.unknown} posts were left for a person to look at (UNKNOWN)")
    if tally.cells < LEAST_CELLS:
        result.failures.append(f"only {tally.cells} cells were found; there were {LEAST_CELLS}")
    return result


def told(row: str, key: str, why: str) -> str:
    """Return what went wrong, and on a second line how to see it again."""
    return f"{why:.80}\npython -m tests.faults --only {row}:{key}"


def replay(key: str, row: str = "F1") -> Result:
    """Run one cell, with a note for each place and call."""
    story, verdict = run_cell(read_key(key), is_traced=True)
    result = Result(row, key, 1, verdict.duplicates, verdict.lost)
    result.windows = {verdict.window: 1} if verdict.window else {}
    result.failures = [told(row, key, verdict.why)] if verdict.why else []
    result.notes = [*(story.world.trace or []), str(verdict)]
    return result
