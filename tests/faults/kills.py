"""The function's own process is killed under load, again and again, and the queue brings everything back."""

import time
from collections import Counter
from random import Random

from tests.faults.audit import firestore_calls, judge
from tests.faults.chance import be_slow
from tests.faults.load import AT_A_TIME, Load, load
from tests.faults.result import Failure, Result, Size

KILLS = {Size.FULL: 200, Size.CI: 25}

POSTS_EACH = 15
"""Ordered before each kill: more than a process gets done until it dies, so that all its threads are busy."""

UPTIME = (0.05, 0.8)
"""Real seconds between which a process may serve."""

SLOW, SLOW_SECONDS = 0.5, 0.05
"""The share of the calls that are answered late, and how late: done at Threads, not yet known here."""

PATIENCE = 600.0
"""Real seconds that the queue may take in the end."""

SHOWN = 20


def run(size: Size, seed: int, only: str | None) -> Result:
    """Publish and kill; ``only`` is the number of kills. When a kill strikes is not repeatable."""
    kills = int(only) if only else KILLS[size]
    random = Random(seed)  # noqa: S311 - repeatable
    with load(random) as scene:
        be_slow(scene.threads, random, share=SLOW, seconds=SLOW_SECONDS)
        began = time.monotonic()
        for _ in range(kills):
            scene.servant.prepare()
            scene.order(POSTS_EACH)
            time.sleep(random.uniform(*UPTIME))
            scene.servant.kill()
            scene.servant.succeed()
        killing = time.monotonic() - began
        draining = scene.drain(0, PATIENCE)
        return _result(scene, kills, seed, killing, draining)


def _result(scene: Load, kills: int, seed: int, killing: float, draining: float) -> Result:
    left, judged = scene.left(), judge(scene)
    failures = [Failure(failure, str(kills)) for failure in judged.failures[:SHOWN]]
    failures += [Failure(f"{left} tasks are left", str(kills))] if left else []
    errors = Counter((entry.error or "").partition(":")[0] for entry in scene.tasks.journal)
    refused = errors.pop("ConnectionRefusedError", 0)
    broken = errors.total() - errors.pop("", 0)
    return Result(
        cells=kills,
        duplicates=judged.duplicates,
        lost=judged.lost,
        seconds=killing + draining,
        seed=seed,
        failures=failures,
        notes=[
            f"{len(scene.orders)} posts, {AT_A_TIME} at a time",
            f"{broken} deliveries broke off, {refused} found no process",
            f"{killing:.0f} s of killing, {draining:.0f} s until all was terminal",
            f"{firestore_calls(scene)}; {dict(judged.states)}",
        ],
    )
