"""What the tests of the Cloud Tasks emulator use: Google's client, the controls, and a target."""

from __future__ import annotations

import json
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import grpc
import pytest
import requests
from google.cloud.tasks_v2 import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from werkzeug.wrappers import Request, Response

from emulator.base.http_server import listening, serving
from emulator.cloud_tasks import World, queue
from emulator.cloud_tasks.model import Queue

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.cloud_tasks import Emulator

LOCATION = "projects/demo-threads/locations/us-central1"
QUEUE = f"{LOCATION}/queues/threads-publish"
OTHER_QUEUE = f"{LOCATION}/queues/other"
SERVICE_ACCOUNT = "tasks@demo-threads.iam.gserviceaccount.com"

#: Long enough for a busy machine. No test waits that long.
TIMEOUT_SECONDS = 20


@dataclass
class Received:
    """A request that the target received."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    #: The port of the other end of the connection.
    port: int

    def told(self) -> dict[str, str]:
        """Return the headers of Cloud Tasks, without the common beginning of their names."""
        start = "X-Cloudtasks-"
        return {name[len(start) :]: it for name, it in self.headers.items() if name.startswith(start)}


@dataclass
class Target:
    """An HTTP server that answers 200, or as a test has scripted, and remembers its requests."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    #: The next answers, statuses with headers; after them ``usual``.
    answers: deque[tuple[int, dict[str, str]]] = field(default_factory=deque)
    usual: int = 200
    #: While it is cleared, requests wait for their answers.
    gate: threading.Event = field(default_factory=threading.Event)
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def will_answer(self, *statuses: int, **headers: str) -> None:
        """Script the next answers, all with these headers (``Retry_After`` means ``Retry-After``)."""
        written = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.extend((status, written) for status in statuses)

    def names(self) -> list[str]:
        """Return the ids of the tasks that arrived."""
        return [it.headers["X-Cloudtasks-Taskname"] for it in self.received]

    def application(self, environ: Any, start_response: Any) -> Any:
        """Serve one request. This is a WSGI application."""
        request = Request(environ)
        with self._lock:
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
            self.received.append(
                Received(
                    request.method,
                    request.full_path,
                    dict(request.headers),
                    request.get_data(),
                    environ["REMOTE_PORT"],
                )
            )
            status, headers = self.answers.popleft() if self.answers else (self.usual, {})
        self.gate.wait(TIMEOUT_SECONDS)
        with self._lock:
            self._at_once -= 1
        return Response(status=status, headers=headers)(environ, start_response)


def eventually(target: Target, count: int) -> None:
    """Wait until the target has received this many requests."""
    arrived = threading.Event()
    for _ in range(2000):
        if len(target.received) >= count:
            return
        arrived.wait(0.005)
    pytest.fail(f"{len(target.received)} of {count} requests arrived")


@contextmanager
def target_server(port: int = 0) -> Iterator[Target]:
    """Serve a target; port 0 chooses a free one."""
    target = Target()
    target.gate.set()
    with (
        listening("127.0.0.1", port) as (target.url, listener),
        serving(listener, target.application, verbose=False),
    ):
        yield target
        target.gate.set()


@dataclass
class CloudTasks:
    """The emulator as its users see it, Google's client and the controls, and its world."""

    #: A ``CloudTasksClient``; it takes dicts for messages, which its annotations do not say.
    client: Any
    url: str
    http: requests.Session
    world: World

    def create(self, target: Target | str, task_id: str | None = None, /, **task: Any) -> str:
        """Create a task and return its name. Fields of its HTTP request are in ``http``."""
        url = target if isinstance(target, str) else target.url
        whole = {"http_request": {"url": url, **task.pop("http", {})}, **task}
        if task_id is not None:
            whole["name"] = f"{QUEUE}/tasks/{task_id}"
        return str(self.client.create_task(parent=QUEUE, task=whole).name)

    def see(self, name: str, member: str | None = None) -> Any:
        """GET a control, and return a member of its answer."""
        answer = self.http.get(f"{self.url}/_emulator/{name}", timeout=TIMEOUT_SECONDS)
        assert answer.ok, answer.text
        return answer.json()[member or name]

    def control(self, name: str, /, **body: Any) -> Any:
        """POST to a control, which must accept it."""
        answer = self.http.post(f"{self.url}/_emulator/{name}", json=body, timeout=TIMEOUT_SECONDS)
        assert answer.ok, answer.text
        return answer.json()

    def freeze(self) -> None:
        """Freeze the emulator's clock."""
        self.control("clock", freeze=True)

    def advance(self, seconds: float) -> None:
        """Put the clock forward, and wait until what is due has been delivered."""
        self.control("clock", advance_seconds=seconds)
        self.settle()

    def settle(self) -> None:
        """Wait until no request is being made and none is due."""
        assert self.see(f"idle?seconds={TIMEOUT_SECONDS}", "idle"), "requests are still due"

    def in_seconds(self, seconds: float) -> datetime:
        """Return a future moment of the emulator's time."""
        return datetime.fromisoformat(self.see("clock", "now")) + timedelta(seconds=seconds)

    def configure(self, name: str = QUEUE, **flags: object) -> None:
        """Put an empty queue with these flags (``max_attempts=3``) into the place of the queue."""
        written = {flag.replace("_", "-"): _written(value) for flag, value in flags.items()}
        with self.world.changed:
            self.world.queues[name] = Queue(queue(name, written))


@contextmanager
def cloud_tasks(emulator: Emulator) -> Iterator[CloudTasks]:
    """Connect to an emulator in which nothing has happened yet."""
    with grpc.insecure_channel(emulator.host) as channel, requests.Session() as http:
        client = CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        tasks = CloudTasks(client, emulator.url, http, emulator.world)
        tasks.control("reset")
        yield tasks


def json_body(**fields: Any) -> bytes:
    """Return a JSON body."""
    return json.dumps(fields).encode()


def _written(value: object) -> object:
    return f"{value.total_seconds()}s" if isinstance(value, timedelta) else value
