"""The service in an outage: its real handlers, over virtual systems that can be gone for hours.

Here is who calls the functions: the web app, Cloud Tasks by ``queue.yaml``, and Cloud Scheduler.
"""

import io
import json
from collections import deque
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from flask import Request
from werkzeug.test import EnvironBuilder

from tests.faults import parts
from tests.faults.outage_orders import Order, Way
from tests.faults.side_by_side import SideBySide
from tests.faults.virtual_firestore import VirtualFirestore
from tests.faults.virtual_queue import VirtualQueue
from tests.faults.virtual_threads import VirtualThreads
from tests.faults.wrongs import BY_STEP, LASTING
from threads.base.secret import Secret
from threads.base.side_by_side import AT_ONCE
from threads.functions.callers import Scheduler, Task, User
from threads.functions.publish import publish_threads
from threads.functions.request import HttpRequest
from threads.functions.upkeep import th_upkeep
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply, GraphRequest
from threads.posts.ledger import Record, from_document
from threads.publishing.parts import PublishingParts
from threads.publishing.share import Shares

FAULTS = 0.2
"""The share of calls to Threads that go wrong before the outage."""

UPKEEP_PAUSE = timedelta(minutes=3)
"""How often Cloud Scheduler calls, by functions.yaml."""

READY = (timedelta(seconds=1.5), timedelta(seconds=20), timedelta(seconds=150))
"""How long Threads processes files: of one account the first, of the next one the second, and so on."""

LAG = timedelta(seconds=3)

AT_A_TIME, GAP = 80, timedelta(milliseconds=2)
MOST_TRIES = 25
BACKOFF, LONGEST = timedelta(seconds=2), timedelta(minutes=5)
"""The queue, by queue.yaml."""

THREADS = 80
"""Requests that the instance serves at once, by functions.yaml."""

BEARABLE = LASTING | {"not_found_4279009", "4279009_with_effect", "rate_limit_with_effect"}
"""Left out: after these a post may end as failed, or wait for an hour."""


@dataclass
class Brought:
    """A task in the queue."""

    body: Mapping[str, Any]
    tries: int = 0


class Stage(SideBySide):
    """Everything that runs, with one instance of each function."""

    def __init__(self, random: Random, *, has_queue: bool) -> None:
        """Take the dice; nobody has an account yet."""
        super().__init__()
        self.act = self._wrong
        self.random = random
        self.is_troubled = True
        """Whether calls to Threads go wrong now and then."""
        self.firestore_is_away = False
        self.functions_are_away = False
        self.answers: dict[str, int] = {}
        """The status that each request of the web app was answered with, by its key."""
        self.accepted: set[str] = set()
        """Keys of posts that were said to be published, scheduled, or at least on record."""
        self.log = io.StringIO()
        self.firestore = VirtualFirestore(self)
        self.queue = VirtualQueue(
            self, is_configured=has_queue, deliver_at=self._create_task, drop=self._drop
        )
        self.threads: dict[str, VirtualThreads] = {}
        """By account, and token."""
        self._tasks: dict[str, Brought] = {}
        self._waiting: deque[str] = deque()
        self._brought: set[str] = set()
        """Names of the tasks whose deliveries are under way."""
        self._next_at = self.now
        self.parts = self._new_process()

    def _new_process(self) -> PublishingParts:
        """Return what a process works with: of what another one has counted, it knows nothing."""
        made = parts.publishing_parts(
            *(self, parts.clock_of(self), self.firestore, self, self.queue), text_mode="single_step"
        )
        accounts = replace(made.accounts, side_by_side=partial(self.each, at_once=AT_ONCE))
        return replace(made, accounts=accounts, shares=Shares(THREADS))

    # --- the outage ---------------------------------------------------------------------------------------

    def go_down(self) -> int:
        """Kill the functions, purge the queue, stop Firestore; return how many requests were under way."""
        self.is_troubled = False
        self.firestore_is_away = self.functions_are_away = True
        self._tasks.clear()
        self._waiting.clear()
        self._brought.clear()
        return self.kill(self.random)

    def restart(self) -> None:
        """Let there be new processes."""
        self.functions_are_away = False
        self.parts = self._new_process()

    # --- Threads ------------------------------------------------------------------------------------------

    def connect(self, order: Order) -> None:
        """Let a user have the account of a post."""
        account_id = order.account_id
        if account_id not in self.threads:
            ready_after, first = READY[len(self.threads) % len(READY)], (len(self.threads) + 1) * 10**12
            self.threads[account_id] = VirtualThreads(self, ready_after=ready_after, lag=LAG, first_id=first)
            self.firestore.database.commit(parts.connection(order.uid, account_id, account_id))

    def send(self, request: GraphRequest) -> GraphReply:
        """Send a call of the service to the Threads of its account."""
        return self.threads[(request.token or Secret("")).reveal()].send(request)

    # --- callers ------------------------------------------------------------------------------------------

    def ask(self, order: Order) -> None:
        """Ask for a post, once."""
        self.connect(order)
        if order.way is Way.ORCHESTRATOR:
            self._add_task(order.key, order.body(), order.at)
        else:
            self.later(order.at - self.now, lambda: self.begin(partial(self._ask, order)))

    def _ask(self, order: Order) -> None:
        status, body = self._publish(order.body(), {}, User(order.uid))
        self.answers[order.key] = status
        if "postId" in body:
            self.accepted.add(order.key)

    def _publish(
        self, body: Mapping[str, Any], headers: Mapping[str, str], caller: User | Task
    ) -> tuple[int, Mapping[str, Any]]:
        built = EnvironBuilder(method="POST", json=dict(body), headers=[*headers.items()])
        response = publish_threads(self.parts, HttpRequest(Request(built.get_environ())), caller)
        return response.status, response.body if isinstance(response.body, dict) else {}

    def call_upkeep_from(self, moment: datetime) -> None:
        """Let Cloud Scheduler call from a moment on."""
        self.later(moment - self.now, self._call_upkeep)

    def _call_upkeep(self) -> None:
        self.later(UPKEEP_PAUSE, self._call_upkeep)
        if not self.functions_are_away:
            self.begin(self._upkeep)

    def _upkeep(self) -> None:
        request = HttpRequest(Request(EnvironBuilder(method="POST").get_environ()))
        th_upkeep(self.parts, request, Scheduler())

    def go_on(self, until: datetime) -> None:
        """Let everything happen until a moment."""
        with redirect_stdout(self.log):
            self.run(until)

    def lines(self) -> list[dict[str, Any]]:
        """Return the lines of the log."""
        return [json.loads(line) for line in self.log.getvalue().splitlines()]

    # --- the queue ----------------------------------------------------------------------------------------

    def _create_task(self, name: str, uid: str, post_id: str, due_at: datetime) -> None:
        self._add_task(name, {"userId": uid, "postId": post_id}, due_at)

    def _add_task(self, name: str, body: Mapping[str, Any], due_at: datetime) -> None:
        self._tasks[name] = task = Brought(body)
        self._bring_at(name, task, due_at)

    def _drop(self, name: str) -> None:
        self._tasks.pop(name, None)

    def _bring_at(self, name: str, task: Brought, moment: datetime) -> None:
        self.later(max(moment - self.now, timedelta()), lambda: self._due(name, task))

    def _due(self, name: str, task: Brought) -> None:
        if self._tasks.get(name) is task:
            self._waiting.append(name)
            self._dispatch()

    def _dispatch(self) -> None:
        while self._waiting and len(self._brought) < AT_A_TIME:
            name = self._waiting.popleft()
            if task := self._tasks.get(name):
                self._brought.add(name)
                self._next_at = max(self.now, self._next_at + GAP)
                self.later(self._next_at - self.now, partial(self.begin, partial(self._bring, name, task)))

    def _bring(self, name: str, task: Brought) -> None:
        if self._tasks.get(name) is not task:  # the queue was purged just now
            return
        headers = {"X-CloudTasks-TaskName": name, "X-CloudTasks-TaskRetryCount": str(task.tries)}
        status, _ = self._publish(task.body, headers, Task())
        self._brought.discard(name)
        task.tries += 1
        if self._tasks.get(name) is task:
            if status < 300 or task.tries >= MOST_TRIES:
                del self._tasks[name]
            else:
                pause = min(BACKOFF * 2 ** min(task.tries - 1, 10), LONGEST)
                self._bring_at(name, task, self.now + pause)
        self._dispatch()

    # --- what goes wrong ----------------------------------------------------------------------------------

    def _wrong(self, place: str) -> str | None:
        system, _, what = place.partition(":")
        if place.endswith(":after"):
            return None
        if system == "firestore" and self.firestore_is_away:
            return "unavailable"
        if system == "graph" and self.is_troubled and self.random.random() < FAULTS:
            wrongs = [it.name for it in BY_STEP[Step(what)] if not it.fate and it.name not in BEARABLE]
            return self.random.choice(wrongs)
        return None

    # --- what has become of it ----------------------------------------------------------------------------

    def record(self, uid: str, post_id: str) -> Record | None:
        """Return a post's record."""
        fields = self.firestore.database.fields(f"users/{uid}/integrations/threads/posts/{post_id}")
        return from_document(fields) if fields else None
