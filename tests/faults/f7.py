"""F7: when the faults stop, every post comes to its end. Counted over the cells of F1."""

from tests.faults import f1
from tests.faults.result import Result, Size
from tests.faults.tally import MAX_DELIVERIES_AFTER, MOST_FAILURES


def run(_size: Size, _seed: int, only: str | None) -> Result:
    """Look at how many deliveries each cell took after its last fault."""
    if only:
        return f1.replay(only)
    tally, seconds = f1.everything()
    result = Result(
        "F7", "after the faults all posts end (F1's cells)", tally.cells, 0, len(tally.slow), seconds
    )
    result.failures = [f1.told("F7", key, why) for key, why in tally.slow[:MOST_FAILURES]]
    result.notes.append(f"the slowest took {tally.most_deliveries} of {MAX_DELIVERIES_AFTER} deliveries")
    return result
