"""The load of F3 and F4: posts that a queue brings to the function's own process, all in swift time.

The queue's retries are those of a usual queue; that 429 and 503 slow it down is turned off, as that goes by
real time, while everything else is swift.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import grpc
from google.cloud import firestore, tasks_v2
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from emulator.cloud_tasks import World as Tasks
from emulator.cloud_tasks import queue
from emulator.cloud_tasks import serve as serve_tasks
from emulator.threads_api import World, serve
from tests.faults.servant import Servant
from tests.faults.stage import (
    Accounts,
    Person,
    configuration,
    content_of,
    firebase,
    task_body,
    world,
)
from tests.faults.swift import Swift, SwiftClock

QUEUE = "projects/demo-threads/locations/us-central1/queues/threads-publish"
SERVICE_ACCOUNT = "tasks@demo-threads.iam.gserviceaccount.com"

AT_A_TIME = 16

FLAGS = {
    "max-attempts": 25,
    "min-backoff": "10s",
    "max-backoff": "300s",
    "max-doublings": 5,
    "max-concurrent-dispatches": AT_A_TIME,
}
"""Of the queue; the attempts are those of queue.yaml, a few more than the function uses."""

POSTS_EACH = 150
"""Of an account: Threads allows 250 a day."""

KINDS = ("text", "text", "text", "image", "video")
"""What is published, at random."""

TICK = 0.02
"""Real seconds after which the queue is told that swift time has gone on."""


class Order(NamedTuple):
    """A post that was asked for; no other post has its text."""

    person: Person
    text: str


@dataclass
class Load:
    """Everything that runs, and what was ordered."""

    threads: World
    tasks: Tasks
    servant: Servant
    client: firestore.Client
    accounts: Accounts
    random: Random
    swift: Swift
    calls: Path
    queue: tasks_v2.CloudTasksClient
    prefix: str = field(default_factory=lambda: format(time.time_ns(), "x"))
    orders: list[Order] = field(default_factory=list)
    _people: list[Person] = field(default_factory=list)

    def order(self, count: int) -> None:
        """Give so many posts to the queue."""
        for _ in range(count):
            number = len(self.orders)
            if number % POSTS_EACH == 0:
                self._people.append(self.accounts.connect(f"{self.prefix}-{number}"))
            order = Order(self._people[-1], f"Post {number}")
            self.orders.append(order)
            content = content_of(self.random.choice(KINDS), order.text)
            self._enqueue(task_body(order.person, f"submission-{number}", content))

    def _enqueue(self, body: dict[str, Any]) -> None:
        token = tasks_v2.OidcToken(service_account_email=SERVICE_ACCOUNT, audience=self.servant.url)
        request = tasks_v2.HttpRequest(url=self.servant.url, body=json.dumps(body).encode(), oidc_token=token)
        self.queue.create_task(parent=QUEUE, task=tasks_v2.Task(http_request=request))

    def left(self) -> int:
        """Return how many tasks the queue has, and duplicates that are still to come."""
        with self.tasks.changed:
            waiting = sum(len(queue.tasks) for queue in self.tasks.queues.values())
            return max(waiting + len(self.tasks.repetitions), self.tasks.under_way)

    def drain(self, until: int, patience: float) -> float:
        """Wait until so few tasks are left; return how many real seconds that took."""
        began = time.monotonic()
        while self.left() > until and time.monotonic() < began + patience:
            time.sleep(TICK)
        return time.monotonic() - began


@contextmanager
def load(random: Random) -> Iterator[Load]:
    """Start Firestore, Threads, the queue and the function, and end them with the block."""
    suite, swift = firebase().environment, Swift.from_now()
    threads, tasks = world(), Tasks([queue(QUEUE, FLAGS)])
    threads.clock, tasks.clock = SwiftClock(swift), SwiftClock(swift)
    tasks.settings = replace(tasks.settings, throttling=False)
    tasks.journal = deque()  # of any length
    with ExitStack() as stack:
        calls = Path(stack.enter_context(TemporaryDirectory())) / "calls"
        emulator = stack.enter_context(serve(threads))
        servant = stack.enter_context(Servant(calls))
        queues = stack.enter_context(serve_tasks(tasks))
        stack.enter_context(_ticking(tasks))
        caller = {
            "TASKS_SERVICE_ACCOUNT": SERVICE_ACCOUNT,
            "TASKS_AUDIENCE": servant.url,
            "TASKS_ISSUER": tasks.issuer,
            "TASKS_CERTS_URL": f"{queues.url}/certs",
            "TASKS_API_URL": f"http://{queues.host}",
            "PUBLISH_QUEUE": QUEUE,
            "PUBLISH_URL": servant.url,
            "REFRESH_URL": servant.url,
        }
        environment = configuration(suite, emulator.url, caller)
        client = firestore.Client()
        transport = CloudTasksGrpcTransport(channel=grpc.insecure_channel(queues.host))
        servant.start({**environment, **swift.environment})
        yield Load(
            threads,
            tasks,
            servant,
            client,
            Accounts(client, threads, environment),
            random,
            swift,
            calls,
            tasks_v2.CloudTasksClient(transport=transport),
        )


@contextmanager
def _ticking(tasks: Tasks) -> Iterator[None]:
    """Let the queue look at its clock often: it waits in real seconds for what is due in swift ones."""
    ended = threading.Event()

    def tick() -> None:
        while not ended.wait(TICK):
            with tasks.changed:
                tasks.changed.notify_all()

    thread = threading.Thread(target=tick, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
