"""Many requests at once: the CPU time of a post, and the memory of an instance."""

import statistics
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import psutil

from tests.bench.figures import Figure, pairs, ratio
from tests.bench.stage import SAME_CALLS, Client, Stage, plain_account, text
from tests.e2e.functions import Function
from tests.e2e.world import Author

AT_ONCE = 80
"""``concurrency`` in functions.yaml."""

POSTS = 200
ROUNDS = 5
MEBIBYTE = 1024 * 1024
WANTED_MEMORY = 120


class Crowd:
    """Users who send posts to a function, each over a connection of his own."""

    def __init__(self, function: Function, authors: Sequence[Author]) -> None:
        """Take the function and its users."""
        self._clients = [(Client(function, author.headers), author) for author in authors]
        self.post(0)
        [self.worker] = psutil.Process(function.pid).children()

    def post(self, number: int) -> float:
        """Send a text of one of the users."""
        client, author = self._clients[number % len(self._clients)]
        body = {"text": text(), "accountId": author.account_id}
        return client.timed("POST", 200, json=body, params={"account": plain_account(author)})

    def cpu(self) -> float:
        """Send posts one after the other, and return the CPU seconds that each took the worker."""
        before = self._seconds()
        for number in range(POSTS):
            self.post(number % 4)
        return (self._seconds() - before) / POSTS

    def flood(self) -> float:
        """Send as many posts at once as an instance takes, and return the worker's bytes in memory."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            sum(pool.map(self.post, range(2 * AT_ONCE)))
        return float(self.worker.memory_info().rss)

    def _seconds(self) -> float:
        times = self.worker.cpu_times()
        return times.user + times.system


def figures(stage: Stage) -> Iterator[Figure]:
    """Measure what a post costs an instance."""
    authors = [stage.author() for _ in range(AT_ONCE)]
    with ExitStack() as stack:
        ours = Crowd(stack.enter_context(Function("publish_threads", stage.environment)), authors)
        theirs = Crowd(stack.enter_context(Function("same_calls", stage.compared())), authors)
        measured = pairs(ours.cpu, theirs.cpu, ROUNDS)
        yield ratio(
            "CPU time of a text",
            SAME_CALLS,
            measured,
            wanted=1.2,
            unit=lambda seconds: f"{seconds * 1000:.1f} s for 1,000",
        )
        with stage.latency():
            memory = [(ours.flood(), theirs.flood()) for _ in range(3)]
        most = max(it for it, _ in memory) / MEBIBYTE
        yield ratio(
            f"memory of a worker with {AT_ONCE} texts at once", "the same function", memory, unit=mebibytes
        )
        low, high = (pick(it / MEBIBYTE for it, _ in memory) / WANTED_MEMORY for pick in (min, max))
        yield Figure(
            "the same",
            f"{WANTED_MEMORY} MiB",
            statistics.median(it for it, _ in memory) / MEBIBYTE / WANTED_MEMORY,
            low,
            high,
            f"{most:.0f} MiB at most",
            wanted=1.0,
        )


def mebibytes(size: float) -> str:
    """Return a size as people read it."""
    return f"{size / MEBIBYTE:.0f} MiB"
