"""What the tests of the Cloud Tasks emulator use: Google's client, the controls, and a target."""

from __future__ import annotations

import json
import threading
from collections import deque
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import grpc
import requests
from google.cloud.tasks_v2 import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport
from werkzeug.wrappers import Request, Response

from emulator.http_server import listening, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.cloud_tasks import Emulator

LOCATION = "projects/demo-threads/locations/us-central1"
QUEUE = f"{LOCATION}/queues/threads-publish"
SERVICE_ACCOUNT = "tasks@demo-threads.iam.gserviceaccount.com"

#: Long enough for a busy machine; nothing here waits that long.
TIMEOUT_SECONDS = 20


@dataclass
class Received:
    """A request that came to the target."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    #: Of the connection that it came on.
    port: int

    def told(self) -> dict[str, str]:
        """Return what Cloud Tasks says of the task, without the common beginning of the names."""
        start = "X-Cloudtasks-"
        return {name[len(start) :]: it for name, it in self.headers.items() if name.startswith(start)}


@dataclass
class Target:
    """An HTTP server that answers 200, or as a test has scripted, and remembers what came."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    #: Statuses with headers; when there are none left, ``usual``.
    answers: deque[tuple[int, dict[str, str]]] = field(default_factory=deque)
    usual: int = 200
    #: While it is closed, requests wait for their answers.
    gate: threading.Event = field(default_factory=threading.Event)
    most_at_once: int = 0
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def will_answer(self, *statuses: int, **headers: str) -> None:
        """Script the next answers, all with these headers (``Retry_After`` is ``Retry-After``)."""
        written = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.extend((status, written) for status in statuses)

    def names(self) -> list[str]:
        """Return the ids of the tasks that came."""
        return [it.headers["X-Cloudtasks-Taskname"] for it in self.received]

    def application(self, environ: Any, start_response: Any) -> Any:
        """Serve one request: WSGI."""
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


@contextmanager
def target_server(port: int = 0) -> Iterator[Target]:
    """Serve a target, on a free port unless one is given."""
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
    """The emulator as its users see it: Google's client, and the controls."""

    #: A ``CloudTasksClient``; it takes dicts for messages, which its annotations do not say.
    client: Any
    url: str
    http: requests.Session

    def create(self, target: Target | str, task_id: str | None = None, /, **task: Any) -> str:
        """Create a task; fields of its HTTP request stand in ``http``. Returns its name."""
        url = target if isinstance(target, str) else target.url
        whole = {"http_request": {"url": url, **task.pop("http", {})}, **task}
        if task_id is not None:
            whole["name"] = f"{QUEUE}/tasks/{task_id}"
        return str(self.client.create_task(parent=QUEUE, task=whole).name)

    def see(self, name: str, member: str | None = None) -> Any:
        """GET a control, and return what it holds."""
        answer = self.http.get(f"{self.url}/_emulator/{name}", timeout=TIMEOUT_SECONDS)
        assert answer.ok, answer.text
        return answer.json()[member or name]

    def control(self, name: str, /, **body: Any) -> Any:
        """POST to a control that must accept it."""
        answer = self.http.post(f"{self.url}/_emulator/{name}", json=body, timeout=TIMEOUT_SECONDS)
        assert answer.ok, answer.text
        return answer.json()

    def freeze(self) -> None:
        """Let the emulator's clock stand still."""
        self.control("clock", freeze=True)

    def advance(self, seconds: float) -> None:
        """Put the clock forward, and wait for what is due then."""
        self.control("clock", advance_seconds=seconds)
        self.settle()

    def settle(self) -> None:
        """Wait until nothing is due and nothing under way."""
        assert self.see(f"idle?seconds={TIMEOUT_SECONDS}", "idle"), "the emulator does not come to rest"

    def configure(self, **limits: Any) -> None:
        """Change the queue's limits: ``max_attempts=3`` and the like."""
        rates = ("max_dispatches_per_second", "max_concurrent_dispatches")
        queue: dict[str, Any] = {"name": QUEUE, "rate_limits": {}, "retry_config": {}}
        paths = []
        for name, value in limits.items():
            part = "rate_limits" if name in rates else "retry_config"
            queue[part][name] = value
            paths.append(f"{part}.{name}")
        self.client.update_queue(queue=queue, update_mask={"paths": paths})


@contextmanager
def cloud_tasks(emulator: Emulator) -> Iterator[CloudTasks]:
    """Connect to an emulator in which nothing has happened yet."""
    with grpc.insecure_channel(emulator.host) as channel, requests.Session() as http:
        client = CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
        tasks = CloudTasks(client, emulator.url, http)
        tasks.control("reset")
        yield tasks


def json_body(**fields: Any) -> bytes:
    """Return a JSON body."""
    return json.dumps(fields).encode()
