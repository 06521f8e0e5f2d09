"""When the faults stop, every post comes to its end. Counted over the cells of the ledger's matrix."""

from tests.faults import ledger_matrix
from tests.faults.result import Failure, Result, Size
from tests.faults.tally import MAX_DELIVERIES_AFTER, MOST_FAILURES


def run(size: Size, _seed: int, only: str | None) -> Result:
    """Look at how many deliveries each cell took after its last fault."""
    if only:
        return ledger_matrix.replay(only)
    tally, seconds = ledger_matrix.everything(size)
    result = Result(tally.cells, 0, len(tally.slow), seconds)
    result.failures = [Failure(why, key) for key, why in tally.slow[:MOST_FAILURES]]
    result.notes.append(f"the slowest took {tally.most_deliveries} of {MAX_DELIVERIES_AFTER} deliveries")
    return result
