"""A post at the real function that meets a crash, a fault and a duplicate, and what became of it."""

import os
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from io import StringIO
from itertools import product
from typing import Any, NamedTuple

from tests.e2e.world import summary_path
from tests.faults.bench import DEADLINE, Answer, Bench, Crash
from tests.faults.cells import FROZEN, UNLISTED
from tests.faults.graph_faults import FAULTS, script
from tests.faults.stage import Person, content_of, task_body
from threads.posts.ledger import LEASE, SETTLE

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
    has_queue: bool = False
    text: str = "Once, please."
    threads: tuple[tuple[str, Any], ...] = ()
    """Settings of the Threads emulator."""

    @property
    def in_one_call(self) -> bool:
        """Whether the text goes out in a single call, with the windows that this leaves open."""
        return self.medium == "text" and self.text_mode == "single_step"


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
    Kind("video-queue", "video", "/threads_publish", has_queue=True),
)
"""Beyond it: text in a container, faults on the call that creates one, and a video that a task looks at."""


LATE = ("listing_seconds", (SETTLE - timedelta(seconds=20)).total_seconds())
LOST = ("published_containers_stay", False)
CHANGED = ("shown_texts", "changed")

WIDE_KINDS = (
    Kind("text-late", "text", threads=(LATE,)),
    Kind("text-changed", "text", text="Once & #only, please\u200b \u2764\ufe0f", threads=(CHANGED,)),
    Kind("image-late-lost", "image", "/threads_publish", threads=(LATE, LOST)),
    Kind("image-changed-lost", "image", "/threads_publish", text="Once & #only", threads=(CHANGED, LOST)),
)
"""In a wider world: lists that lag, texts that are shown changed, containers that are lost once published."""


class Cell(NamedTuple):
    """One case."""

    place: str
    fault: str
    timing: str
    kind: Kind

    @property
    def key(self) -> str:
        """Its name."""
        place = self.place.replace(" ", "-")
        return f"{place}/{self.fault}/{self.timing}/{self.kind.name}"

    @property
    def window(self) -> str:
        """The window that a text in a single call leaves open here: see ``docs/guarantees.md``."""
        if not self.kind.in_one_call:
            return ""
        if self.fault == "late_effect" and LATE in self.kind.threads:
            return UNLISTED
        return FROZEN if (self.place, self.timing) == ("before create", "after_lease") else ""


def cells(places: Sequence[str], kinds: Sequence[Kind]) -> list[Cell]:
    """Return every combination."""
    return [Cell(*case) for case in product(places, FAULTS, TIMINGS, kinds)]


class Verdict(NamedTuple):
    """What became of a cell."""

    key: str
    duplicates: int = 0
    lost: int = 0
    window: str = ""
    """The window that the duplicates come through; they are not counted then."""
    problem: str = ""
    reached: bool = False
    """Whether any delivery came to the place."""
    met: bool = True
    """Whether any call met the fault."""
    deliveries: int = 0
    story: str = ""
    log: str = ""


@dataclass
class _Task:
    """A task that is delivered until it is answered well."""

    body: Mapping[str, Any]
    due_at: datetime
    name: str = ""
    tries: int = 0


class _Run:
    """A cell while it runs."""

    def __init__(self, bench: Bench, cell: Cell, person: Person) -> None:
        self._bench = bench
        self._cell = cell
        self._body = task_body(person, "submission", content_of(cell.kind.medium, cell.kind.text))
        self._tasks = [_Task(self._body, bench.now())]
        self._is_due = True
        """The crash, and the duplicate with it, are still to come."""
        self.deliveries = 0
        self.story: list[str] = []

    def until_final(self) -> Answer:
        """Deliver as Cloud Tasks does until the post has ended; then once more."""
        while self._tasks and self.deliveries < MOST_DELIVERIES:
            task = min(self._tasks, key=lambda task: task.due_at)
            self._bench.advance(max(task.due_at - self._bench.now(), timedelta(0)))
            answer = self._delivered(task)
            if answer.is_final:
                break
            self._tasks = [it for it in self._tasks if it is not task or answer.status != HTTPStatus.OK]
            task.due_at = self._bench.now() + _wait(answer)
            self._take_over_tasks()
        self._bench.advance(AFTERWARDS)
        return self._told("replay", self._bench.deliver(self._body, self.deliveries))

    @property
    def was_reached(self) -> bool:
        return not self._is_due

    def _delivered(self, task: _Task) -> Answer:
        was_due = self._is_due
        answer = self._told("task", self._bench.deliver(task.body, task.tries, self._at, task.name))
        task.tries += 1
        self.deliveries += 1
        crashed_now = was_due and not self._is_due
        never = self.deliveries == 1 and self._is_due
        timing = self._cell.timing
        if (timing == "right_after" and crashed_now) or (timing != "none" and never):
            self._duplicate()
        return answer

    def _take_over_tasks(self) -> None:
        """Deliver from now on what the function has left to tasks of its own."""
        for task in self._bench.queue.take_new():
            body = {"userId": task.uid, "postId": task.post_id}
            self._tasks.append(_Task(body, task.due_at, task.name))

    def _at(self, place: str) -> None:
        """Die at the cell's place, once; with the duplicate before, after, or instead of it."""
        if place != self._cell.place or not self._is_due:
            return
        self._is_due = False
        if self._cell.timing == "after_lease":
            self._bench.advance(LEASE + _MOMENT)
            self._duplicate()
            return
        if self._cell.timing == "same_moment":
            self._duplicate()
        self.story.append(f"dies {place}")
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
    kind = cell.kind
    person = bench.begin(f"f2-{os.getpid()}-{number}", text_mode=kind.text_mode, has_queue=kind.has_queue)
    bench.change_threads(dict(kind.threads))
    if answer := script(cell.fault, deadline=DEADLINE.total_seconds()):
        match = {"method": "POST", "path": kind.path}
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
    if duplicates and cell.window:
        return Verdict(cell.key, window=cell.window)
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
    return "" if claim else "no record has claimed the media id"


def _said(found: list[dict[str, Any]]) -> str:
    return ", ".join(f"{record['state']} {record.get('mediaId')} {record.get('error')}" for record in found)
