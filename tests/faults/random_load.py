"""Thousands of posts through a real queue to the function's own process, with faults and duplicates."""

import time
from dataclasses import replace
from random import Random

from tests.faults.audit import firestore_calls, judge
from tests.faults.chance import go_wrong
from tests.faults.load import Load, load
from tests.faults.result import Failure, Result, Size
from threads.graph.client import CALL_DEADLINE

POSTS = {Size.FULL: 10_000, Size.CI: 1_000}

FAULTS = 0.2
"""The share of the calls that create or publish and go wrong."""

DUPLICATES = 0.1
"""The share of the deliveries that happen twice."""

DUPLICATE_GAP = 300.0
"""Swift seconds within which the second one comes: beside the first, after it, and after its lease."""

VIDEO_SECONDS = 20.0
"""Longer than the function waits by itself: a follow-up task comes."""

PATIENCE = 900.0
"""Real seconds that the queue may take."""

SHOWN = 20


def run(size: Size, seed: int, only: str | None) -> Result:
    """Publish; ``only`` is the number of posts.

    The seed repeats the choices; which request comes first is the machine's.
    """
    count = int(only) if only else POSTS[size]
    random = Random(seed)  # noqa: S311 - repeatable
    with load(random) as scene:
        deadline = scene.swift.real(CALL_DEADLINE)
        scene.threads.settings = replace(scene.threads.settings, video_seconds=VIDEO_SECONDS)
        scene.tasks.settings = replace(
            scene.tasks.settings, duplicate_share=DUPLICATES, duplicate_gap_seconds=DUPLICATE_GAP
        )
        scene.tasks.random = random
        go_wrong(scene.threads, random, share=FAULTS, deadline=deadline)
        began = time.monotonic()
        scene.order(count)
        rate = _drained(scene, count, began)
        return _result(scene, count, time.monotonic() - began, rate, seed)


def _drained(scene: Load, count: int, began: float) -> float:
    """Wait until nothing is left to do; return the rate, in posts a second, of the first nine tenths."""
    scene.drain(count // 10, PATIENCE)
    rate = 0.9 * count / (time.monotonic() - began)
    scene.drain(0, PATIENCE)
    return rate


def _result(scene: Load, count: int, seconds: float, rate: float, seed: int) -> Result:
    left, judged = scene.left(), judge(scene)
    failures = [Failure(failure, str(count)) for failure in judged.failures[:SHOWN]]
    failures += [Failure(f"{left} tasks are left", str(count))] if left else []
    dispatched = len(scene.tasks.journal)
    return Result(
        cells=count,
        duplicates=judged.duplicates,
        lost=judged.lost,
        seconds=seconds,
        seed=seed,
        failures=failures,
        notes=[
            f"{rate:.1f} posts/s until nine tenths were done, {count / seconds:.1f} posts/s to the last one",
            f"{FAULTS:.0%} of the calls go wrong, {DUPLICATES:.0%} of the deliveries come twice",
            firestore_calls(scene),
            f"{dispatched} deliveries, {dict(judged.states)}",
        ],
    )
