"""A workbench, one in each worker process: the whole function, its own Threads, and a clock by hand.

The function is ``main.publish_threads`` behind functions-framework, with its configuration in the
environment. It gets another clock and another queue, and its calls to the outside tell where it is.
"""

import os
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from google.cloud import firestore

from emulator.threads_api import serve
from tests.e2e.functions import ROOT
from tests.e2e.oidc import issuer
from tests.e2e.world import Threads
from tests.faults.stage import Accounts, Person, configuration, in_time, publish_with, world
from tests.faults.watched import (
    RESPONSE,
    At,
    WatchedAccounts,
    WatchedGraph,
    WatchedPosts,
    WatchedQueue,
)
from threads.publishing.parts import PublishingParts

DEADLINE = timedelta(seconds=0.4)
"""Stands for the 15 s that a call to Threads may take: real time, so that a hanging one costs little."""


VIDEO_SECONDS = 20.0
"""Where there is a queue: longer than the function waits by itself, so that a follow-up task comes."""


class Crash(BaseException):
    """The process dies here. No ``Exception``: nothing of the service may catch it."""


class Answer(NamedTuple):
    """What the queue got for a delivery; status 0 when the process died."""

    status: int
    body: Mapping[str, Any]
    wait: timedelta | None = None
    """Its ``Retry-After``."""

    @property
    def is_final(self) -> bool:
        """Whether the queue is done with the task, and the post has ended."""
        ends = {"published", "failed", "unknown", "cancelled"}
        return self.status == 200 and self.body.get("status") in ends


class Bench:
    """The function with everything around it."""

    def __init__(self, suite: Mapping[str, str]) -> None:
        """Serve Threads and the tasks' issuer until the process ends, and load the function."""
        stack = ExitStack()
        emulator = stack.enter_context(serve(world()))
        self.world = emulator.world
        self.threads = Threads(emulator.url)
        tasks = stack.enter_context(issuer())
        os.environ.update(configuration(suite, self.threads.url, tasks.environment))
        self.client = firestore.Client()
        self.accounts = Accounts(self.client, self.world, os.environ)
        self._authorization = f"Bearer {tasks.token(exp=2**33)}"
        self._hooks = threading.local()
        self._stack = stack
        self.queue = WatchedQueue(self._at)
        self._function, self._parts = self._load()

    def begin(self, uid: str, *, text_mode: str, has_queue: bool) -> Person:
        """Begin anew: an empty Threads whose clock stands still, and a user with an account."""
        self.world.reset()
        self.world.clock.freeze()
        self.queue.is_configured = has_queue
        if has_queue:
            self.world.settings = replace(self.world.settings, video_seconds=VIDEO_SECONDS)
        self.queue.take_new()
        config = replace(self._parts.config, text_mode=text_mode)
        publish_with(replace(self._parts, config=config), lambda: self._at(RESPONSE))
        return self.accounts.connect(uid)

    def change_threads(self, settings: Mapping[str, Any]) -> None:
        """Change settings of the Threads emulator, until the next post begins anew."""
        self.world.settings = self.world.settings.changed(settings)

    def now(self) -> datetime:
        """Return the time, here and at Threads."""
        return self.world.now()

    def advance(self, by: timedelta) -> None:
        """Let time pass, here and at Threads."""
        with self.world.lock:
            self.world.clock.advance(by)
            self.world.carry_out_late_effects()

    def deliver(self, task: Mapping[str, Any], retry: int, at: At | None = None, name: str = "") -> Answer:
        """Bring the function a task, as Cloud Tasks does; ``at`` is told of each place it comes by."""
        self._hooks.at = at
        headers = {"Authorization": self._authorization, "X-CloudTasks-TaskRetryCount": str(retry)}
        if name:
            headers["X-CloudTasks-TaskName"] = name
        try:
            response = self._function.test_client().post("/", json=task, headers=headers)
        except Crash:
            return Answer(0, {})
        finally:
            self._hooks.at = None
        wait = response.headers.get("Retry-After")
        return Answer(response.status_code, response.json, wait and timedelta(seconds=int(wait)))

    def deliver_beside(self, task: Mapping[str, Any], retry: int) -> Answer:
        """Deliver in another thread, while this one stands still inside a delivery of its own."""
        answers: list[Answer] = []
        thread = threading.Thread(target=lambda: answers.append(self.deliver(task, retry)))
        thread.start()
        thread.join()
        return answers[0]

    def document(self, path: str) -> dict[str, Any] | None:
        """Return a document's fields, or None."""
        fields: dict[str, Any] | None = self.client.document(path).get().to_dict()
        return fields

    def _load(self) -> tuple[Any, PublishingParts]:
        from functions_framework import create_app  # noqa: PLC0415 - reads the environment

        from threads import app  # noqa: PLC0415 - the same
        from threads.graph import client  # noqa: PLC0415 - loaded when it is needed

        client.CALL_DEADLINE = DEADLINE
        parts = in_time(app._publishing, now=self.now, sleep=self.advance)
        accounts = replace(
            parts.accounts,
            repository=WatchedAccounts(app._firestore, self._at),
            graph=WatchedGraph(parts.accounts.graph, self._at),
        )
        posts = replace(parts.posts, repository=WatchedPosts(app._firestore, self._at), queue=self.queue)
        function = create_app("publish_threads", str(ROOT / "main.py"))  # type: ignore[no-untyped-call]
        return function, replace(parts, accounts=accounts, posts=posts)

    def _at(self, place: str) -> None:
        if at := getattr(self._hooks, "at", None):
            at(place)
