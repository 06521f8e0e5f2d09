"""``python -m tests.faults``: run the rows of the fault matrix, and print one table.

Options:
    --size full|ci        how much of each row; ci is what make test runs (default: full)
    --seed N              for the rows that roll dice (default: 1)
    --only F1[:case]      one row, or one case of it, told place by place

The exit status is 1 when a row does not hold.
"""

import argparse
import importlib
import sys
from collections.abc import Iterator, Mapping

from tests.faults import ROWS
from tests.faults.result import Failure, Result, Size

WIDTH = 100

LAYOUT = "{:<3} {:<42.42} {:>7} {:>5} {:>5} {:>6} {:>7} {:>5}  {}"


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--size", type=Size, choices=list(Size), default=Size.FULL)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    row, _, case = given.only.partition(":")
    if row and row not in ROWS:
        parser.error(f"there is no row {row}; there are {', '.join(ROWS)}")
    results = {name: run(name, given.size, given.seed, case or None) for name in ([row] if row else ROWS)}
    sys.stdout.writelines(f"{line}\n" for line in report(results))
    return 0 if all(result.holds for result in results.values()) else 1


def run(row: str, size: Size, seed: int, case: str | None) -> Result:
    """Run a row, or one case of it."""
    module = importlib.import_module(f"tests.faults.{ROWS[row].module}")
    result: Result = module.run(size, seed, case)
    return result


def report(results: Mapping[str, Result]) -> Iterator[str]:
    """Yield the table, and below it what it has no room for."""
    yield LAYOUT.format("row", "what", "cells", "dup.", "lost", "window", "seconds", "seed", "verdict")
    yield "-" * WIDTH
    for row, result in results.items():
        yield LAYOUT.format(
            row,
            ROWS[row].what,
            result.cells,
            result.duplicates,
            result.lost,
            sum(result.windows.values()),
            f"{result.seconds:.1f}",
            "" if result.seed is None else result.seed,
            "holds" if result.holds else "BROKEN",
        )
    for row, result in results.items():
        for window, count in result.windows.items():
            yield f"{row}  window  {count:>6}  {window}"
        for note in result.notes:
            yield f"{row}  {note}"
        for failure in result.failures:
            yield from _told(row, result, failure)


def _told(row: str, result: Result, failure: Failure) -> Iterator[str]:
    """Yield what went wrong, and how to see it again."""
    seed = "" if result.seed is None else f" --seed {result.seed}"
    case = f":{failure.case}" if failure.case else ""
    yield f"{row}  FAILED  {failure.why}"
    yield f"            python -m tests.faults --only {row}{case}{seed}"


if __name__ == "__main__":
    sys.exit(main())
