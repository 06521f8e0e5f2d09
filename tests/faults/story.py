"""One run of a cell: who delivers the request when, until it has ended and no delivery is left.

What is run is the service's own code, ``threads.publishing`` on the real repositories, over the virtual
systems. A delivery that is to happen in the middle of another one is run there, nested.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from tests.faults import parts
from tests.faults.model import START, Crash, World
from tests.faults.parts import UID
from tests.faults.scenarios import MEDIA, Caller, Scenario
from tests.faults.virtual_firestore import VirtualFirestore
from tests.faults.virtual_queue import VirtualQueue
from tests.faults.virtual_threads import VirtualThreads
from tests.faults.visits import SECOND, WAITS, Agenda, Answered, Job, Timing
from threads.base.errors import InProgress, ServiceError
from threads.posts.ledger import BUDGET, LATE, TERMINAL, Record, State, from_document
from threads.publishing import delete_and_repost, publish, schedule, upkeep
from threads.publishing.lease import Delivery
from threads.publishing.parts import PublishingParts
from threads.publishing.retry_rules import TASK, WAKE

BACKOFF = timedelta(seconds=10)
"""When a caller whose connection broke comes again, and the queue's shortest wait."""
TWO_HOURS = timedelta(hours=2)
UPKEEP_PAUSE = timedelta(minutes=3)
"""How often the upkeep comes."""
MANY = 80
"""More deliveries than any run needs: one that comes so far never ends."""


class Story:
    """A request, and all that deliver it."""

    def __init__(
        self, scenario: Scenario, timing: Timing, plan: Mapping[int, str], *, is_traced: bool = False
    ) -> None:
        """Take the row, when duplicates come, and what goes wrong at which place."""
        self.scenario = scenario
        self.timing = timing
        self.world = World(plan, is_traced=is_traced)
        self.world.act = self._act
        self.threads = self._threads()
        self.firestore = VirtualFirestore(self.world)
        parts.connect(self.firestore)
        self._agenda = Agenda()
        self.queue = VirtualQueue(
            self.world, is_configured=scenario.has_queue, deliver_at=self._task_at, drop=self._agenda.drop
        )
        self._machines = [self._machine(ahead) for ahead in scenario.machines_ahead]
        self.names, self.posts = scenario.names, scenario.posts
        self.answers: list[Answered] = [Answered() for _ in self.names]
        """The last answer to each request."""
        self.needless = 0
        """Containers of a carousel's media that were asked for although there was a good one on record."""
        self.deliveries = 0
        self.since_trouble = 0
        """Deliveries since the last thing went wrong, until every post had ended."""
        self.most_after_trouble = 0
        self.was_cancelled = False
        self.root_deleted_at: datetime | None = None
        self._abandoned: set[Job] = set()
        """Nobody brings these any more."""
        self._attempts: dict[Job, int] = {}
        self._running: list[Job] = []
        self._deadline = self.world.now
        """Of the request that is served; of nested ones, the last."""
        self._is_troubled = False
        """Something has gone wrong in the delivery that is running, and the next one is not arranged yet."""
        self._duplicated = False

    def _threads(self) -> VirtualThreads:
        """Return a Threads as the row has it, with what the owner has posted before."""
        scenario = self.scenario
        threads = VirtualThreads(
            self.world,
            ready_after=scenario.ready_after,
            lag=scenario.lag,
            lists_all=scenario.lists_all,
            failing=scenario.failing,
            shown=scenario.shown,
            ahead=scenario.threads_ahead,
        )
        threads.asked_to_create = self._asked_to_create
        threads.deadline = self._last_moment
        threads.add_old_post(scenario.parameters, timedelta(minutes=10))
        if scenario.by_hand:
            threads.add_old_post(scenario.by_hand.parameters(), timedelta())
        return threads

    def _machine(self, ahead: timedelta) -> PublishingParts:
        """Return what a process works with whose machine's clock is ahead so far."""
        clock = parts.clock_of(self.world, ahead)
        return parts.publishing_parts(
            *(self.world, clock, self.firestore, self.threads, self.queue), text_mode=self.scenario.text_mode
        )

    def run(self) -> None:
        """Let everything happen."""
        for twin in range(len(self.names)):
            self._agenda.note(self.world.now, Job(self.scenario.caller, twin))
        self._work_off(until=None)
        self._reconnect()
        self.world.pass_time(TWO_HOURS)  # for what comes late
        self._work_off(until=None)
        self._keep_up()

    def _keep_up(self) -> None:
        """Let the upkeep come while a post is open to which nobody returns; it brings each back so often."""
        for _ in range(2 * (WAKE.times or 0)):
            states = [self.state(name) for names in self.posts for name in names]
            if all(state in TERMINAL for state in states if state):
                return
            if self.is_abandoned:
                parts.connect(self.firestore)  # the user connects again what is refused, and no more
            self._agenda.note(self.world.now + LATE + UPKEEP_PAUSE, Job(Caller.UPKEEP))
            self._work_off(until=None)

    def _reconnect(self) -> None:
        """Let the user do what answers ask for, again and again: connect the account, repeat the request."""
        while waiting := [twin for twin, answered in enumerate(self.answers) if _asks_for_account(answered)]:
            parts.connect(self.firestore)
            for twin in waiting:
                self._agenda.note(self.world.now, Job(self.scenario.caller, twin))
            self._work_off(until=None)

    @property
    def is_abandoned(self) -> bool:
        """Whether a process has died, and nobody came again."""
        return bool(self._abandoned)

    def has_ended(self) -> bool:
        """Return whether every post has, or the one before it in its thread without being out."""
        return all(self._has_ended(names) for names in self.posts)

    def _has_ended(self, names: Sequence[str]) -> bool:
        for name in names:
            state = self.state(name)
            if state is not State.PUBLISHED:
                return state in TERMINAL
        return True

    def state(self, name: str) -> State | None:
        """Return how far a post has come, None where it has no record."""
        document = self.firestore.database.read(_path(name))
        return State(document.fields["state"]) if document else None

    def record(self, name: str) -> Record | None:
        """Return a post's record."""
        fields = self.firestore.database.fields(_path(name))
        return from_document(fields) if fields else None

    def owner_of(self, media_id: str) -> str | None:
        """Return the name of the post that a media id belongs to."""
        claim = self.firestore.database.fields(f"threadsClaims/{media_id}")
        return claim["postId"] if claim else None

    def is_own(self, twin: int, media_id: str) -> bool:
        """Return whether a post has what a request's first post was to have."""
        [form] = [post.form for post in self.threads.posts if post.id == media_id]
        wanted = self.scenario.submissions[twin].content.parameters()
        return all(form[name] == value for name, value in wanted.items() if name != "children")

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
        if job.caller is not Caller.UPKEEP:
            self.answers[job.twin] = answered
        self._come_again(job, answered)

    def _answer(self, job: Job) -> Answered:
        around, self._deadline = self._deadline, self.world.now + BUDGET
        try:
            self._call(job)
        except Crash:
            return Answered(is_crash=True)
        except ServiceError as error:
            return Answered(error=error)
        finally:
            self._deadline = around
        return Answered()

    def _call(self, job: Job) -> None:
        machine = self._machines[self.deliveries % len(self._machines)]
        if job.caller is Caller.UPKEEP:
            assert all(late.why != "odd" for late in upkeep.upkeep(machine))
            return
        tries = self._attempts[job]
        delivery = Delivery(f"d{self.deliveries}", ends=machine.now() + BUDGET)
        if job.task:
            delivery = delivery._replace(by_task=True, is_last=TASK.is_used_up(tries), task=job.task)
            publish.deliver_task(machine, UID, job.post, delivery)
            return
        submission = self.scenario.submissions[job.twin]
        if job.caller is Caller.SCHEDULE:
            schedule.schedule(machine, UID, submission, delivery)
            return
        if job.caller is Caller.TASK:
            delivery = delivery._replace(by_task=True, is_last=tries >= self.scenario.tries)
        publish.publish(machine, UID, submission, delivery)

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
        is_used_up = job.caller is Caller.TASK and self._attempts[job] >= self.scenario.tries
        return not is_used_up and job not in self._abandoned

    def _wait(self, job: Job, answered: Answered) -> timedelta | None:
        """Return when who brought it comes again; None: it is done."""
        error, now = answered.error, self.world.now
        if answered.is_crash:
            return BACKOFF
        if error is None or not error.retryable:
            return None
        if isinstance(error, InProgress):
            records = [record for name in self.posts[job.twin] if (record := self.record(name))]
            if leases := [record.lease_until or now for record in records if record.is_leased(now)]:
                return max(leases) - now + SECOND
        return max(BACKOFF if job.task else SECOND, error.retry_after or SECOND)

    def _task_at(self, task: str, uid: str, post_id: str, due_at: datetime) -> None:
        assert uid == UID
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
        record = self.record(self.names[0]) if "is_carousel_item" in form else None
        if record and record.children:
            child = record.children[MEDIA.index(form["image_url"])]
            container = self.threads.containers.get(child["id"])
            self.needless += container is not None and not container.fate

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
        elif action == "delete":
            self.threads.delete_all()
        elif action == "abandon":
            self._abandon()
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

    def _abandon(self) -> None:
        """Let the process die, and nobody come again: the browser is closed, and the queue is purged."""
        self._abandoned.update(self._running, self._agenda.clear())
        raise Crash

    def _last_moment(self) -> datetime:
        """Return until when a post may be sent: until the request ends, or the lease on the post.

        The upkeep has time for each post. And with a wrong clock, no request counts its time right.
        """
        is_by_lease = any(self.scenario.machines_ahead) or self._running[-1].caller is Caller.UPKEEP
        if not is_by_lease:
            return self._deadline
        records = (self.record(name) for names in self.posts for name in names)
        return max(record.lease_until or START for record in records if record)

    def _cancel(self, twin: int) -> None:
        parts = self._machines[0]
        with suppress(ServiceError):
            removed = delete_and_repost.remove(parts, UID, self.names[twin])
            self.was_cancelled = True
            if removed.record.state is State.PUBLISHED:
                self.root_deleted_at = self.world.now
                delete_and_repost.cancel_rest(parts, removed)


def _path(name: str) -> str:
    return f"{parts.SUMMARY_PATH}/posts/{name}"


def _asks_for_account(answered: Answered) -> bool:
    return answered.error is not None and answered.error.next_action == "reconnect"
