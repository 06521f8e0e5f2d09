"""Many requests at the same moment, each on a connection of its own."""

import json
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from threading import Barrier
from typing import Any, NamedTuple
from urllib.parse import urlsplit

CROWD = 100

PATIENCE = 120.0
"""Seconds that one of them waits for its answer."""


class Reply(NamedTuple):
    """What one of them got."""

    status: int
    body: Mapping[str, Any]


class Request(NamedTuple):
    """What everybody sends; the answer must be JSON."""

    url: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: Mapping[str, Any] | None = None

    def send(self, ready: Callable[[], object] = lambda: None) -> Reply:
        """Connect, call ``ready``, which may wait for the others, then send."""
        connection = HTTPConnection(urlsplit(self.url).netloc, timeout=PATIENCE)
        try:
            connection.connect()
            ready()
            raw = None if self.body is None else json.dumps(self.body).encode()
            headers = {"Content-Type": "application/json", **self.headers}
            connection.request(self.method, self.target, raw, headers)
            response = connection.getresponse()
            return Reply(response.status, json.loads(response.read()))
        finally:
            connection.close()


class Crowd:
    """As many threads as there are requests."""

    def __init__(self, threads: ThreadPoolExecutor) -> None:
        """Take the threads; they must be as many as the crowd."""
        self._threads = threads

    def send(self, request: Request) -> list[Reply]:
        """Let everybody send the same at once; return what each of them got."""
        start = Barrier(CROWD, timeout=PATIENCE)
        sent = [self._threads.submit(request.send, start.wait) for _ in range(CROWD)]
        return [reply.result() for reply in sent]


@contextmanager
def crowd() -> Iterator[Crowd]:
    """Gather the crowd for the length of a block."""
    with ThreadPoolExecutor(CROWD, thread_name_prefix="crowd") as threads:
        yield Crowd(threads)
