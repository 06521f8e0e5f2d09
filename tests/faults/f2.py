"""F2: the real function on Threads over HTTP and Firestore's emulator: crash x fault x duplicate x medium.

python -m tests.faults.f2 [key]
"""

import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.faults.f2_bench import Bench
from tests.faults.f2_cell import KINDS, MORE_KINDS, Cell, Verdict, cells, play
from tests.faults.result import Result, Size
from tests.faults.stage import firebase

WORKERS = 4
"""Processes that run cells, each with a Threads of its own: two cores, and hanging calls to wait for."""

CHUNK = 12
SHOWN = 20
"""Failures that are told in full."""

_benches: list[Bench] = []
"""A worker's own."""


def run(size: Size, seed: int, only: str | None) -> Result:
    """Run every cell, or those whose key begins with ``only``, told step by step; nothing is random.

    The full size has as many cells again: faults on the call that creates, and text by way of a container.
    """
    kinds = KINDS + MORE_KINDS if size is Size.FULL or only else KINDS
    wanted = [cell for cell in cells(kinds) if cell.key.startswith((only or "").removeprefix("F2:"))]
    environment = firebase().environment
    began = time.monotonic()
    with ProcessPoolExecutor(
        min(WORKERS, len(wanted) or 1), get_context("spawn"), initializer=_open, initargs=(environment,)
    ) as workers:
        verdicts = list(workers.map(_play, enumerate(wanted), chunksize=1 if only else CHUNK))
    result = _result(verdicts, time.monotonic() - began, seed)
    if only:
        result.notes += [f"{verdict.key}: {verdict.story}\n{verdict.log}" for verdict in verdicts]
    return result


def _open(environment: dict[str, str]) -> None:
    _benches.append(Bench(environment))


def _play(numbered: tuple[int, Cell]) -> Verdict:
    number, cell = numbered
    return play(_benches[0], cell, number)


def _result(verdicts: list[Verdict], seconds: float, seed: int) -> Result:
    reached = sum(verdict.reached for verdict in verdicts)
    met = sum(verdict.met for verdict in verdicts)
    deliveries = Counter(verdict.deliveries for verdict in verdicts)
    most = ", ".join(f"{count} in {number}" for number, count in sorted(deliveries.items()))
    return Result(
        "F2",
        "the real function, real servers",
        cells=len(verdicts),
        duplicates=sum(verdict.duplicates for verdict in verdicts),
        lost=sum(verdict.lost for verdict in verdicts),
        seconds=seconds,
        seed=seed,
        failures=list(_failures(verdicts)),
        notes=[
            f"{len(verdicts) / max(seconds, 0.001):.1f} cells/s",
            f"{reached} posts came to their crash point, {met} met their fault, all had their duplicate",
            f"deliveries until terminal: {most}",
        ],
    )


def _failures(verdicts: Iterable[Verdict]) -> Iterator[str]:
    wrong = [verdict for verdict in verdicts if verdict.problem]
    for verdict in wrong[:SHOWN]:
        yield f"{verdict.problem} [{verdict.story}]: python -m tests.faults --only F2:{verdict.key}"
    if len(wrong) > SHOWN:
        yield f"and {len(wrong) - SHOWN} more"


if __name__ == "__main__":
    print(run(Size.CI, 0, sys.argv[1] if len(sys.argv) > 1 else None))  # noqa: T201 - a command
