"""F2's workbench, one in each worker process: the whole function, its own Threads, and a clock by hand.

The function is ``main.publish_threads`` behind functions-framework, with its configuration in the
environment; put in its place are the clock, the sleep, and the place where a process dies.
"""

import os
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from google.cloud import firestore

from emulator.threads_api import serve
from tests.e2e.functions import ROOT
from tests.e2e.oidc import issuer
from tests.e2e.world import Threads
from tests.faults.stage import Accounts, Person, configuration, publish_with, world

if TYPE_CHECKING:
    from threads.ledger import Point
    from threads.tools import Tools

DEADLINE = timedelta(seconds=0.4)
"""Stands for the 15 s that a call to Threads may take: real time, so that a hanging one costs little."""

Hook = Callable[["Point"], None]


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
        self._text_mode = "single_step"
        self._function = self._load()

    def begin(self, uid: str, *, text_mode: str) -> Person:
        """Begin anew: an empty Threads whose clock stands still, and a user with an account."""
        self.world.reset()
        self.world.clock.freeze()
        self._text_mode = text_mode
        return self.accounts.connect(uid)

    def advance(self, by: timedelta) -> None:
        """Let time pass, here and at Threads."""
        with self.world.lock:
            self.world.clock.advance(by)
            self.world.carry_out_late_effects()

    def deliver(self, body: Mapping[str, Any], retry: int, hook: Hook | None = None) -> Answer:
        """Bring the function a task, as Cloud Tasks does; ``hook`` is told of each point it reaches."""
        self._hooks.hook = hook
        headers = {"Authorization": self._authorization, "X-CloudTasks-TaskRetryCount": str(retry)}
        try:
            response = self._function.test_client().post("/", json=body, headers=headers)
        except Crash:
            return Answer(0, {})
        finally:
            self._hooks.hook = None
        wait = response.headers.get("Retry-After")
        return Answer(response.status_code, response.json, wait and timedelta(seconds=int(wait)))

    def deliver_beside(self, body: Mapping[str, Any], retry: int) -> Answer:
        """Deliver in another thread, while this one stands still inside a delivery of its own."""
        answers: list[Answer] = []
        thread = threading.Thread(target=lambda: answers.append(self.deliver(body, retry)))
        thread.start()
        thread.join()
        return answers[0]

    def document(self, path: str) -> dict[str, Any] | None:
        """Return a document's fields, or None."""
        fields: dict[str, Any] | None = self.client.document(path).get().to_dict()
        return fields

    def _load(self) -> Any:
        from functions_framework import create_app  # noqa: PLC0415 - reads the environment

        from threads import client  # noqa: PLC0415 - loaded when it is needed

        client.CALL_DEADLINE = DEADLINE
        publish_with(self._tools)
        return create_app("publish_threads", str(ROOT / "main.py"))  # type: ignore[no-untyped-call]

    def _tools(self) -> "Tools":
        from threads import app  # noqa: PLC0415 - reads the environment

        real = app._tools()
        return real._replace(
            config=replace(real.config, text_mode=self._text_mode),
            now=self._now,
            sleep=self.advance,
            reached=self._reached,
        )

    def _now(self) -> datetime:
        return self.world.now()

    def _reached(self, point: "Point") -> None:
        if hook := self._hooks.hook:
            hook(point)
