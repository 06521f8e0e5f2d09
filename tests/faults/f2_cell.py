"""One cell of F2: a post that meets a crash, a fault and a duplicate, and what became of it."""

import os
from collections.abc import Iterator
from contextlib import redirect_stdout
from datetime import timedelta
from io import StringIO
from itertools import product
from typing import Any, NamedTuple

from tests.e2e.world import summary_path
from tests.faults.f2_bench import DEADLINE, Answer, Bench, Crash
from tests.faults.graph_faults import FAULTS, script
from tests.faults.stage import Person, content_of, task_body
from threads.ledger import LEASE, Point

TIMINGS = ("none", "same_moment", "right_after", "after_lease")
"""When the same task comes a second time. With ``after_lease`` the process does not die: it is frozen, the
lease runs out, the duplicate does its work, and then the process wakes up and goes on."""

MOST_DELIVERIES = 10

AFTERWARDS = timedelta(minutes=10)
"""By then every late effect has shown."""

_MOMENT = timedelta(seconds=1)


class Kind(NamedTuple):
    """What is published, how, and which of its calls fails."""

    name: str
    medium: str
    path: str = "/threads"
    text_mode: str = "single_step"


KINDS = (
    Kind("text", "text"),
    Kind("image", "image", "/threads_publish"),
    Kind("video", "video", "/threads_publish"),
)
"""The matrix' three media: the fault is on the call that publishes."""

MORE_KINDS = (
    Kind("text-two-step", "text", "/threads_publish", "two_step"),
    Kind("image-create", "image"),
    Kind("video-create", "video"),
)
"""Beyond it: text by way of a container, and faults on the call that creates one."""


class Cell(NamedTuple):
    """One case."""

    point: Point
    fault: str
    timing: str
    kind: Kind

    @property
    def key(self) -> str:
        """Its name."""
        return f"{self.point}/{self.fault}/{self.timing}/{self.kind.name}"


def cells(kinds: tuple[Kind, ...]) -> list[Cell]:
    """Return every combination."""
    return [Cell(*case) for case in product(Point, FAULTS, TIMINGS, kinds)]


class Verdict(NamedTuple):
    """What became of a cell."""

    key: str
    duplicates: int = 0
    lost: int = 0
    problem: str = ""
    reached: bool = False
    """Whether any delivery came to the point."""
    met: bool = True
    """Whether any call met the fault."""
    deliveries: int = 0
    story: str = ""
    log: str = ""


class _Run:
    """A cell while it runs."""

    def __init__(self, bench: Bench, cell: Cell, person: Person) -> None:
        self._bench = bench
        self._cell = cell
        self._body = task_body(person, "submission", content_of(cell.kind.medium, "Once, please."))
        self._is_due = True
        """The crash, and the duplicate with it, are still to come."""
        self.deliveries = 0
        self.story: list[str] = []

    def until_final(self) -> Answer:
        """Deliver as Cloud Tasks does until the post has ended; then once more."""
        for answer in self._deliveries():
            if answer.is_final:
                break
            self._bench.advance(_wait(answer))
        self._bench.advance(AFTERWARDS)
        return self._told("replay", self._bench.deliver(self._body, self.deliveries))

    @property
    def was_reached(self) -> bool:
        return not self._is_due

    def _deliveries(self) -> Iterator[Answer]:
        while self.deliveries < MOST_DELIVERIES:
            was_due = self._is_due
            answer = self._told("task", self._bench.deliver(self._body, self.deliveries, self._reached))
            self.deliveries += 1
            crashed_now = was_due and not self._is_due
            never = self.deliveries == 1 and self._is_due
            timing = self._cell.timing
            if (timing == "right_after" and crashed_now) or (timing != "none" and never):
                self._duplicate()
            yield answer

    def _reached(self, point: Point) -> None:
        """Die at the cell's point, once; with the duplicate before, after, or instead of it."""
        if point is not self._cell.point or not self._is_due:
            return
        self._is_due = False
        if self._cell.timing == "after_lease":
            self._bench.advance(LEASE + _MOMENT)
            self._duplicate()
            return
        if self._cell.timing == "same_moment":
            self._duplicate()
        self.story.append(f"dies: {point}")
        raise Crash

    def _duplicate(self) -> None:
        self._told("duplicate", self._bench.deliver_beside(self._body, self.deliveries))

    def _told(self, what: str, answer: Answer) -> Answer:
        said = answer.body.get("status") or (answer.body.get("error") or {}).get("code", "")
        self.story.append(f"{what}: {answer.status} {said}")
        return answer


def _wait(answer: Answer) -> timedelta:
    """Return when the queue comes again: after a crash or beside another delivery, when the lease is over."""
    if answer.status in {0, 409}:
        return LEASE + _MOMENT
    return answer.wait or _MOMENT


def play(bench: Bench, cell: Cell, number: int) -> Verdict:
    """Run a cell, and look at what is out and what the ledger says."""
    person = bench.begin(f"f2-{os.getpid()}-{number}", text_mode=cell.kind.text_mode)
    if answer := script(cell.fault, deadline=DEADLINE.total_seconds()):
        match = {"method": "POST", "path": cell.kind.path}
        bench.threads.control("POST", "answers", match=match, **answer)
    run = _Run(bench, cell, person)
    with redirect_stdout(StringIO()) as log:
        last = run.until_final()
    verdict = _judged(bench, cell, person, last)
    return verdict._replace(
        reached=run.was_reached,
        met=not bench.world.answers,
        deliveries=run.deliveries,
        story="; ".join(run.story),
        log=log.getvalue(),
    )


def _judged(bench: Bench, cell: Cell, person: Person, last: Answer) -> Verdict:
    out = [post["id"] for post in bench.threads.posts() if post["account_id"] == person.account_id]
    found = [
        post.to_dict() or {} for post in bench.client.collection(f"{summary_path(person.uid)}/posts").stream()
    ]
    problem = _problem(bench, out, found, last)
    duplicates = max(0, len(out) - 1)
    return Verdict(cell.key, duplicates, lost=int(bool(problem) and not duplicates), problem=problem)


def _problem(bench: Bench, out: list[str], found: list[dict[str, Any]], last: Answer) -> str:
    """Return what is wrong: nothing, if one post is out and everything says so."""
    if len(out) != 1 or len(found) != 1:
        return f"{len(out)} posts are out, there are {len(found)} records ({_said(found)})"
    [record], [media_id] = found, out
    if (record["state"], record["mediaId"]) != ("PUBLISHED", media_id):
        return f"{media_id} is out, the record says {_said(found)}"
    if (last.status, last.body.get("id")) != (200, media_id):
        return f"a last delivery is answered {last.status} {last.body}"
    claim = bench.document(f"threadsClaims/{media_id}")
    return "" if claim else "nobody has claimed the media id"


def _said(found: list[dict[str, Any]]) -> str:
    return ", ".join(f"{record['state']} {record.get('mediaId')} {record.get('error')}" for record in found)
