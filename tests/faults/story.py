"""One run of a cell: who delivers the request when, until it has ended and nobody comes any more.

What is run is the service's own code, ``threads.publish`` and ``threads.manage``; its tools are the virtual
systems. A delivery that is to happen in the middle of another one is run there, nested.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, cast

from tests.faults.model import START, Crash, World
from tests.faults.scenarios import MEDIA, Caller, Scenario
from tests.faults.stand_ins import ACCOUNT, CONFIGS, UID, tools_with
from tests.faults.virtual_firestore import VirtualRecords, VirtualStore
from tests.faults.virtual_queue import VirtualQueue
from tests.faults.virtual_threads import VirtualThreads
from tests.faults.visits import SECOND, WAITS, Agenda, Answered, Job, Timing
from threads import manage, publish
from threads.chain import reply_name
from threads.claims import Delivery
from threads.errors import InProgress, ServiceError
from threads.ledger import MAX_DELIVERIES, Point, State
from threads.posts import Submission
from threads.records import Held

BACKOFF = timedelta(seconds=10)
"""When somebody whose connection broke comes again, and the queue's shortest wait."""
IN_AN_HOUR = START + timedelta(hours=1)
TWO_HOURS = timedelta(hours=2)
MANY = 80
"""More deliveries than any run needs: one that comes so far never ends."""


_POINTS = {point: f"point:{point}" for point in Point}


class Story:
    """A request, and everybody who has to do with it."""

    def __init__(
        self, scenario: Scenario, timing: Timing, plan: Mapping[int, str], *, is_traced: bool = False
    ) -> None:
        """Take the row, when duplicates come, and what goes wrong at which place."""
        self.scenario = scenario
        self.timing = timing
        self.world = World(plan, is_traced=is_traced)
        self.world.act = self._act
        self.threads = VirtualThreads(
            self.world,
            ready_after=scenario.ready_after,
            lag=scenario.lag,
            lists_all=scenario.lists_all,
            failing=scenario.failing,
        )
        self.threads.asked_to_create = self._asked_to_create
        self.threads.add_old_post(scenario.content.parameters(), timedelta(minutes=10))
        self.records = VirtualRecords(self.world)
        self._agenda = Agenda()
        self.queue = VirtualQueue(
            self.world, is_configured=scenario.has_queue, deliver_at=self._task_at, drop=self._agenda.drop
        )
        self.store = VirtualStore(self.world, ACCOUNT)
        self.tools = tools_with(
            self.world,
            config=CONFIGS[scenario.text_mode],
            store=cast("Any", self.store),
            records=self.records,
            tasks=self.queue,
            graph=self.threads,
            reached=self._reached,
        )
        is_later = scenario.caller is Caller.SCHEDULE
        self.submissions = [
            Submission(UID, scenario.content, ACCOUNT, key, IN_AN_HOUR if is_later else None)
            for key in (("a", "b") if scenario.is_twin else ("a",))
        ]
        self.names = [submission.post_id(UID) for submission in self.submissions]
        replies = range(1, len(scenario.content.replies) + 1)
        self.posts = [[name, *(reply_name(name, number) for number in replies)] for name in self.names]
        """The names of each request's posts: one, or those of a thread in order."""
        self.answers: list[Answered] = [Answered() for _ in self.names]
        """The last answer to each request."""
        self.needless = 0
        """Containers of a carousel's media that were asked for although there was a good one on record."""
        self.deliveries = 0
        self.since_trouble = 0
        """Deliveries since the last thing went wrong, until every post had ended."""
        self.most_after_trouble = 0
        self.was_cancelled = False
        self._attempts: dict[Job, int] = {}
        self._running: list[Job] = []
        self._is_troubled = False
        """Something has gone wrong in the delivery that is running, and nobody has come for it yet."""
        self._duplicated = False

    def run(self) -> None:
        """Let everything happen."""
        for twin in range(len(self.names)):
            self._agenda.note(self.world.now, Job(self.scenario.caller, twin))
        self._work_off(until=None)
        self._reconnect()
        self.world.pass_time(TWO_HOURS)  # for what comes late
        self._work_off(until=None)

    def _reconnect(self) -> None:
        """Let the user do what answers ask for, again and again: connect the account, repeat the request."""
        while waiting := [twin for twin, answered in enumerate(self.answers) if _asks_for_account(answered)]:
            self.store.reconnect()
            for twin in waiting:
                self._agenda.note(self.world.now, Job(self.scenario.caller, twin))
            self._work_off(until=None)

    def has_ended(self) -> bool:
        """Say whether every post has, or the one before it in its thread without being out."""
        return all(self._has_ended(names) for names in self.posts)

    def _has_ended(self, names: list[str]) -> bool:
        ends = (self.records.peek(UID, name) for name in names if self.records.has_ended(name))
        states = [held.record.state for held in ends if held]
        return len(states) == len(names) or any(state is not State.PUBLISHED for state in states)

    def held(self, name: str) -> Held | None:
        """Return a post's record."""
        return self.records.peek(UID, name)

    def deliver(self, job: Job) -> None:
        """Make one delivery, and see who comes next for it."""
        self.deliveries += 1
        assert self.deliveries < MANY, "never ends"
        self.since_trouble += not self.has_ended()
        self._attempts[job] = self._attempts.get(job, 0) + 1
        self._running.append(job)
        if self.world.trace is not None:
            self.world.note(f"--> {job.caller} {self.deliveries}")
        answered = self._answer(job)
        if self.world.trace is not None:
            self.world.note(f"<-- {'crash' if answered.is_crash else repr(answered.error or 'ok'):.70}")
        self._running.pop()
        self.answers[job.twin] = answered
        self._come_again(job, answered)

    def _answer(self, job: Job) -> Answered:
        try:
            return Answered(self._call(job))
        except Crash:
            return Answered(is_crash=True)
        except ServiceError as error:
            return Answered(error=error)

    def _call(self, job: Job) -> Held:
        owner, tries = f"d{self.deliveries}", self._attempts[job]
        if job.task:
            delivery = Delivery(owner, by_task=True, is_last=tries >= MAX_DELIVERIES, task=job.task)
            return publish.deliver_task(self.tools, UID, job.post, delivery)
        submission = self.submissions[job.twin]
        if job.caller is Caller.SCHEDULE:
            return publish.schedule(self.tools, UID, submission)
        by_task = job.caller is Caller.TASK
        delivery = Delivery(owner, by_task=by_task, is_last=by_task and tries >= self.scenario.tries)
        return publish.publish(self.tools, UID, submission, delivery)

    # --- who comes when -----------------------------------------------------------------------------------

    def _come_again(self, job: Job, answered: Answered) -> None:
        wait = self._wait(job, answered)
        if self._is_troubled and not self._running:
            self._is_troubled = False
            if self.timing in WAITS and not self._duplicated:
                self._duplicated = True
                wait = WAITS[self.timing]
        if wait is not None and self._may_come_again(job):
            self._agenda.note(self.world.now + wait, job)

    def _may_come_again(self, job: Job) -> bool:
        return job.caller is not Caller.TASK or self._attempts[job] < self.scenario.tries

    def _wait(self, job: Job, answered: Answered) -> timedelta | None:
        """Return when who brought it comes again; None: it is done."""
        error, now = answered.error, self.world.now
        if answered.is_crash:
            return BACKOFF
        if error is None or not error.retryable:
            return None
        if isinstance(error, InProgress):
            records = [held.record for name in self.posts[job.twin] if (held := self.held(name))]
            if leases := [record.lease_until or now for record in records if record.is_held(now)]:
                return max(leases) - now + SECOND
        return max(BACKOFF if job.task else SECOND, error.retry_after or SECOND)

    def _task_at(self, task: str, post_id: str, due_at: datetime) -> None:
        [twin] = [twin for twin, names in enumerate(self.posts) if post_id in names]
        self._agenda.note(due_at, Job(Caller.TASK, twin, task, post_id))

    def _work_off(self, until: datetime | None) -> None:
        """Make every delivery that is due, one after the other."""
        while entry := self._agenda.take(until):
            moment, job = entry
            self.world.pass_until(moment)
            self.deliver(job)

    # --- what goes wrong ----------------------------------------------------------------------------------

    def _asked_to_create(self, form: Mapping[str, str]) -> None:
        """Count a call for a medium of which a good container is on record."""
        held = self.held(self.names[0])
        if "is_carousel_item" in form and held and held.record.children:
            child = held.record.children[MEDIA.index(form["image_url"])]
            container = self.threads.containers.get(child["id"])
            self.needless += container is not None and not container.fate

    def _reached(self, point: Point) -> None:
        self.world.at(_POINTS[point])

    def _act(self, action: str) -> str | None:
        """Do what the plan says at this place, or leave it to the system that is called."""
        self.most_after_trouble = max(self.most_after_trouble, self.since_trouble)
        self.since_trouble = 0
        job = self._running[-1]
        self._is_troubled = True
        if self.timing is Timing.SAME and not self._duplicated:
            self._duplicated = True
            self.deliver(job)
        if action == "crash":
            raise Crash
        if action.startswith("freeze"):
            self._freeze(timedelta(seconds=int(action[6:])), job)
        elif action == "duplicate":
            self.deliver(job)
        elif action == "cancel":
            self._cancel(job.twin)
        else:
            return action
        return None

    def _freeze(self, span: timedelta, job: Job) -> None:
        """Let the process stand still, while others may come."""
        end = self.world.now + span
        if self.timing in WAITS and not self._duplicated and WAITS[self.timing] < span:
            self._duplicated = True
            self._agenda.note(self.world.now + WAITS[self.timing], job)
        self._work_off(until=end)
        self.world.pass_until(end)

    def _cancel(self, twin: int) -> None:
        with suppress(ServiceError):
            manage.remove(self.tools, UID, self.names[twin])
            self.was_cancelled = True


def _asks_for_account(answered: Answered) -> bool:
    return answered.error is not None and answered.error.next_action == "reconnect"
