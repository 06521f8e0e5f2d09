"""The real function on Threads over HTTP and Firestore's emulator: crash x fault x duplicate x medium."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from tests.faults.bench import Bench
from tests.faults.real_cell import KINDS, MORE_KINDS, WIDE_KINDS, Cell, Verdict, cells, play
from tests.faults.result import Failure, Result, Size
from tests.faults.stage import firebase
from tests.faults.watched import DISTINCT_PLACES, PLACES, RESPONSE

WORKERS = 4
"""Processes that run cells, each with a Threads of its own: two cores, and hanging calls to wait for."""

WIDE_PLACES = ("after publish", RESPONSE)
"""Of the small size, in the wider world."""

CHUNK = 12
SHOWN = 20
"""Failures that are told in full."""

_benches: list[Bench] = []
"""A worker's own."""


def run(size: Size, seed: int, only: str | None) -> Result:
    """Run every cell, or those whose key begins with ``only``, told step by step; nothing is random.

    The full size has all places, and further kinds of posts.
    """
    is_small = size is Size.CI and not only
    places, kinds = (DISTINCT_PLACES, KINDS) if is_small else (PLACES, KINDS + MORE_KINDS)
    wide_places = WIDE_PLACES if is_small else places
    wanted = [
        cell
        for cell in cells(places, kinds) + cells(wide_places, WIDE_KINDS)
        if cell.key.startswith(only or "")
    ]
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
        cells=len(verdicts),
        duplicates=sum(verdict.duplicates for verdict in verdicts),
        lost=sum(verdict.lost for verdict in verdicts),
        seconds=seconds,
        seed=seed,
        windows=dict(Counter(verdict.window for verdict in verdicts if verdict.window)),
        failures=list(_failures(verdicts)),
        notes=[
            f"{len(verdicts) / max(seconds, 0.001):.1f} cells/s",
            f"{reached} posts came to their place, {met} met their fault, all had their duplicate",
            f"deliveries until terminal: {most}",
        ],
    )


def _failures(verdicts: Iterable[Verdict]) -> Iterator[Failure]:
    wrong = [verdict for verdict in verdicts if verdict.problem]
    for verdict in wrong[:SHOWN]:
        yield Failure(f"{verdict.problem} [{verdict.story}]", verdict.key)
    if len(wrong) > SHOWN:
        yield Failure(f"and {len(wrong) - SHOWN} more")
