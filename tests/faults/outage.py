"""A long outage: a thousand posts were accepted, and then functions, queue and Firestore are gone for hours.

In the middle of it all, every process dies, the queue is purged, and Firestore stops. An hour later there are
new processes, and after two hours Firestore is back. From then on, only the upkeep comes, and what tasks it
makes. It holds when a quarter of an hour later every accepted post has ended, each is out once, none is lost,
and the log has one ERROR for each that came late, and none for the others.

It runs twice: with a queue, and with as many posts without one.
"""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from random import Random

from tests.faults.model import START
from tests.faults.outage_orders import BUSY, Order, Times, orders
from tests.faults.outage_stage import UPKEEP_PAUSE, Stage
from tests.faults.result import Failure, Result, Size
from threads.posts.content import Content
from threads.posts.ledger import Record, State
from threads.posts.submission import Submission
from threads.publishing.thread import reply_name

ORDERS = {Size.FULL: 1_030, Size.CI: 150}
"""Of each of the two runs. A few are not accepted: the process dies before there is a record."""

LEAST = 0.97
"""The share of the orders that must have been accepted, or the run proves less than it says."""

TIMES = Times(
    begins=START,
    dies=START + timedelta(minutes=5),  # before the upkeep has anything to do
    returns=START + timedelta(hours=2, minutes=5),
)
NEW_PROCESSES = TIMES.dies + timedelta(hours=1)

WITHIN = timedelta(minutes=15)
"""How long after the outage, or after its own time, each post has ended."""

AFTERWARDS = timedelta(hours=3)
"""In this time, nothing more may happen."""

SHOWN = 20


def run(size: Size, seed: int, only: str | None) -> Result:
    """Run with a queue and without one; ``only`` is the number of orders."""
    began, count = time.monotonic(), int(only) if only else ORDERS[size]
    result = Result(0, 0, 0, seed=seed)
    for has_queue in (True, False):
        outage = Outage(seed, count, has_queue=has_queue)
        outage.happen()
        _add(result, outage, count)
    result.seconds = time.monotonic() - began
    result.failures = result.failures[:SHOWN]
    return result


def _add(result: Result, outage: "Outage", count: int) -> None:
    """Add what came of a run."""
    accepted, duplicates, complaints = len(outage.accepted), outage.duplicates(), outage.complaints()
    result.cells += accepted
    result.duplicates += len(duplicates)
    result.lost += len(complaints)
    too_few = [f"only {accepted} of {count} were accepted"] if accepted < LEAST * count else []
    for why in (*duplicates, *complaints, *outage.bugs, *too_few):
        result.failures.append(Failure(f"{outage.name}: {why:.300}", str(count)))
    result.notes += outage.notes()


class Outage:
    """One run."""

    def __init__(self, seed: int, count: int, *, has_queue: bool) -> None:
        """Take the seed, how many posts are asked for, and whether there is a queue."""
        self.name = "with a queue" if has_queue else "without one"
        self.bugs: list[str] = []
        """What processes raised that they must not raise."""
        self._stage = Stage(Random(seed), has_queue=has_queue)  # noqa: S311 - repeatable
        self._orders = list(orders(self._stage.random, count, TIMES, has_queue=has_queue))
        self._killed = 0
        self._late: set[str] = set()
        """Keys of the accepted posts that nobody went on with in time."""
        self._errors: Counter[str] = Counter()
        """How many lines of the log are an ERROR, by post id."""

    def happen(self) -> None:
        """Let everything happen."""
        stage = self._stage
        for order in self._orders:
            stage.ask(order)
        # outage and return are somewhere between two calls
        stage.call_upkeep_from(TIMES.begins + UPKEEP_PAUSE * stage.random.random())
        stage.go_on(TIMES.dies)
        self._killed = stage.go_down()
        stage.go_on(NEW_PROCESSES)
        stage.restart()
        stage.go_on(TIMES.returns)
        open_ones = (order for order in self.accepted if not self._has_ended(order))
        self._late = {order.key for order in open_ones if not _is_for_later(order)}
        stage.firestore_is_away = False
        stage.go_on(TIMES.returns + WITHIN + AFTERWARDS)
        lines = [line for line in stage.lines() if line["severity"] == "ERROR"]
        self._errors = Counter(line.get("postId", "no post") for line in lines)
        self.bugs = stage.bugs

    @property
    def accepted(self) -> list[Order]:
        """The posts of which somebody was told that they are accepted, or can see the record."""
        told = self._stage.accepted
        return [order for order in self._orders if order.key in told or self._records(order)]

    def duplicates(self) -> list[str]:
        """Return what is out more than once."""
        out = Counter(post.form["text"] for it in self._stage.threads.values() for post in it.posts)
        return [f"{text} is out {times} times" for text, times in out.items() if times > 1]

    def complaints(self) -> list[str]:
        """Return what else is wrong."""
        accepted = {order.key for order in self.accepted}
        found = ["an ERROR in the log names no post"] if self._errors["no post"] else []
        for order in self._orders:
            errors = sum(self._errors[name] for name in self._names(order))
            expected = int(order.key in self._late)
            why = self._complaint(order) if order.key in accepted else ""
            if errors != expected:
                why = f"{why} the log has {errors} errors instead of {expected}"
            if why:
                found.append(f"{order.key}, {order.way}, {order.texts[0]}: {why}")
        return found

    def notes(self) -> Iterator[str]:
        """Yield how many posts were late, and how long the last ones took."""
        late = [order for order in self._orders if order.key in self._late]
        ways = ", ".join(f"{count} {way}" for way, count in Counter(str(it.way) for it in late).items())
        yield (
            f"{self.name}: {len(self.accepted)} accepted, {self._killed} requests killed, "
            f"{len(late)} posts late ({ways})"
        )
        late = [order for order in late if self._has_ended(order)]
        for whose, those in (
            ("one user", [order for order in late if order.uid == BUSY]),
            ("all others", [order for order in late if order.uid != BUSY]),
        ):
            if those:
                last = max(self._time_of(order) for order in those) / timedelta(minutes=1)
                yield f"{self.name}: {len(those)} late of {whose}, the last one out after {last:.1f} min"

    # --- what has become of each ----------------------------------------------------------------------------

    def _names(self, order: Order) -> list[str]:
        root = Submission(order.uid, Content({}), order.account_id, order.key).post_id(order.uid)
        return [root, *(reply_name(root, number) for number in range(1, len(order.texts)))]

    def _records(self, order: Order) -> list[Record]:
        records = (self._stage.record(order.uid, name) for name in self._names(order))
        return [record for record in records if record]

    def _has_ended(self, order: Order) -> bool:
        """Return whether all posts of a thread are out, or one has ended otherwise."""
        records = self._records(order)
        is_whole = len(records) == len(order.texts)
        return any(it.is_terminal and it.state is not State.PUBLISHED for it in records) or (
            is_whole and all(it.is_terminal for it in records)
        )

    def _complaint(self, order: Order) -> str:
        """Return what is wrong with an accepted post; nothing, if it is out, or still waits for its time."""
        records = self._records(order)
        if _is_for_later(order):
            return "" if records[0].status == "scheduled" else f"does not wait: {records[0]}"
        if len(records) < len(order.texts):
            return f"{len(records)} of its posts have begun; the last one is {records[-1:]}"
        for record, text in zip(records, order.texts, strict=True):
            if record.state is not State.PUBLISHED:
                return f"{text}: {record.state} {record.error}"
            if record.media_id not in self._media_ids(order, text):
                return f"{text}: its record names {record.media_id}"
        late = self._time_of(order)
        return f"it ended after {late}" if late > WITHIN else ""

    def _time_of(self, order: Order) -> timedelta:
        """Return how long after the outage, or after its own time, a post has ended."""
        return self._records(order)[-1].updated_at - max(TIMES.returns, order.due_at)

    def _media_ids(self, order: Order, text: str) -> list[str]:
        posts = self._stage.threads[order.account_id].posts
        return [post.id for post in posts if post.form["text"] == text]


def _is_for_later(order: Order) -> bool:
    return order.due_at > TIMES.returns + AFTERWARDS
