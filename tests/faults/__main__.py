"""``python -m tests.faults``: run the rows of the fault matrix, and print one table.

Options:
    --size full|ci        how much of F3, F4 and F8; the other rows are the same (default: full)
    --seed N              for the rows that roll dice (default: 1)
    --only F1[:key]       one row, or one case of it, told place by place

The exit status is 1 when a row does not hold.
"""

import argparse
import importlib
import sys
from collections.abc import Iterator
from importlib.util import find_spec

from tests.faults.result import Result, Size

ROWS = ("F1", "F2", "F3", "F4", "F5", "F6", "F7", "F8")

WIDTH = 100

LAYOUT = "{:<3} {:<42.42} {:>7} {:>5} {:>5} {:>6} {:>7} {:>5}  {}"


def main() -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--size", type=Size, choices=list(Size), default=Size.FULL)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="")
    given = parser.parse_args()
    row, _, key = given.only.partition(":")
    if row and row not in ROWS:
        parser.error(f"there is no row {row}; there are {', '.join(ROWS)}")
    results = {name: run(name, given.size, given.seed, key or None) for name in ([row] if row else ROWS)}
    sys.stdout.writelines(f"{line}\n" for line in report(results))
    return 0 if all(result is None or result.holds for result in results.values()) else 1


def run(row: str, size: Size, seed: int, key: str | None) -> Result | None:
    """Run a row; None: it is not there."""
    name = f"tests.faults.{row.lower()}"
    if find_spec(name) is None:
        return None
    result = importlib.import_module(name).run(size, seed, key)
    assert isinstance(result, Result)
    return result


def report(results: dict[str, Result | None]) -> Iterator[str]:
    """Yield the table, and below it what it has no room for."""
    yield LAYOUT.format("row", "what", "cells", "dup.", "lost", "window", "seconds", "seed", "verdict")
    yield "-" * WIDTH
    for row, result in results.items():
        yield _line(row, result)
    for row, result in results.items():
        if result:
            yield from _below(row, result)


def _line(row: str, result: Result | None) -> str:
    if result is None:
        return LAYOUT.format(row, "", "", "", "", "", "", "", "not there")
    return LAYOUT.format(
        row,
        result.what,
        result.cells,
        result.duplicates,
        result.lost,
        sum(result.windows.values()),
        f"{result.seconds:.1f}",
        "" if result.seed is None else result.seed,
        "holds" if result.holds else "BROKEN",
    )


def _below(row: str, result: Result) -> Iterator[str]:
    for window, count in result.windows.items():
        yield f"{row}  window  {count:>6}  {window}"
    for note in result.notes:
        yield f"{row}  {note}"
    for failure in result.failures:
        first, *others = failure.splitlines() or [""]
        yield f"{row}  FAILED  {first}"
        yield from (f"            {line}" for line in others)


if __name__ == "__main__":
    sys.exit(main())
