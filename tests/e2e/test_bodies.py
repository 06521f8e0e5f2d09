"""Bodies that are broken or do not end, as the real server passes them on. No emulator is needed."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPResponse

import pytest

from emulator.suite.ports import HOST
from tests.e2e.functions import ROOT, Function
from tests.unit.support import ENVIRONMENT
from threads.functions.endpoint import HEADERS

THREADS = 4
"""How many requests the server serves at once."""

PATIENCE = 1.0
"""The seconds that ``hasty`` gives a body."""


@pytest.fixture(scope="module")
def posts() -> Iterator[Function]:
    """Serve th_posts, which refuses a caller without a token before it looks at the body."""
    with _serve("th_posts") as process:
        yield process


@pytest.fixture(scope="module")
def webhook() -> Iterator[Function]:
    """Serve th_webhook, which reads the body first: it is signed."""
    with _serve("th_webhook") as process:
        yield process


def _serve(target: str) -> Function:
    hasty = {"FUNCTION_SOURCE": "tests/e2e/hasty.py", "PYTHONPATH": str(ROOT)}
    return Function(target, {**ENVIRONMENT, **hasty, "THREADS": str(THREADS)})


class Answer(HTTPResponse):
    """An answer on a socket that the test has written to itself."""

    def __init__(self, connection: socket.socket) -> None:
        """Wait for it."""
        super().__init__(connection)
        self.begin()
        self.content = self.read().decode()


def connect(function: Function, method: str, path: str, *headers: str) -> socket.socket:
    """Open a connection and send the head of a request."""
    connection = socket.create_connection((HOST, function.port), timeout=10 * PATIENCE)
    head = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", *headers, "", ""]
    connection.sendall("\r\n".join(head).encode())
    return connection


def check_headers(answer: Answer) -> None:
    """Require the headers that all answers have."""
    assert {name: answer.getheader(name) for name in HEADERS} == HEADERS


# --- broken -------------------------------------------------------------------------------------------------

BROKEN = {
    "no size": b"zz\r\nabc\r\n0\r\n\r\n",
    "a negative size": b"-3\r\nabc\r\n0\r\n\r\n",
    "an empty size": b"\r\nabc\r\n0\r\n\r\n",
    "no end of the chunk": b"3\r\nabcdef\r\n0\r\n\r\n",
    "a broken extension": b'3;"=\r\nabc\r\n0\r\n\r\n',
    "cut in the size": b"3",
    "cut in the chunk": b"5\r\nabc",
    "cut after the chunk": b"3\r\nabc\r\n",
    "cut before the trailer": b"3\r\nabc\r\n0\r\n",
    "a broken trailer": b"3\r\nabc\r\n0\r\nno header\r\n\r\n",
}


def answer_to(function: Function, body: bytes) -> "Answer":
    """Send a body in chunks and nothing more, and return the answer."""
    with connect(function, "POST", "/", "Transfer-Encoding: chunked") as connection:
        connection.sendall(body)
        connection.shutdown(socket.SHUT_WR)
        return Answer(connection)


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_broken_body_is_planned_for(webhook: Function, body: bytes) -> None:
    """A body that breaks HTTP's rules is the client's mistake, and answered like all others."""
    answer = answer_to(webhook, body)
    assert (answer.status, '"invalid_request"' in answer.content) == (400, True), answer.content
    check_headers(answer)


@pytest.mark.parametrize("body", BROKEN.values(), ids=BROKEN)
def test_a_broken_body_that_nobody_wants_changes_nothing(posts: Function, body: bytes) -> None:
    """Who is refused before the body is read gets that answer, whatever the body is."""
    answer = answer_to(posts, body)
    assert answer.status == 401, answer.content
    check_headers(answer)


def test_a_body_shorter_than_announced_is_not_taken_for_whole(webhook: Function) -> None:
    """A body that ends early is not read as if it were all."""
    with connect(webhook, "POST", "/", "Content-Length: 10") as connection:
        connection.sendall(b"{}")
        connection.shutdown(socket.SHUT_WR)
        answer = Answer(connection)
    assert (answer.status, "ends early" in answer.content) == (400, True), answer.content


# --- slow ---------------------------------------------------------------------------------------------------

DRIPPING = {
    "read": ("webhook", "POST", "/", "Content-Length: 1000", 400),
    "read, chunked": ("webhook", "POST", "/", "Transfer-Encoding: chunked", 400),
    "behind a 401": ("posts", "POST", "/", "Content-Length: 1000", 401),
    "behind a 401, chunked": ("posts", "POST", "/", "Transfer-Encoding: chunked", 401),
    "behind a 405": ("posts", "PUT", "/", "Content-Length: 1000", 405),
    "behind a preflight": ("posts", "OPTIONS", "/", "Content-Length: 1000", 405),
    "where nothing is": ("posts", "POST", "/robots.txt", "Content-Length: 1000", 404),
    "of the platform": ("posts", "POST", "/__/health", "Content-Length: 1000", 204),
}


@pytest.mark.parametrize(("name", "method", "path", "length", "status"), DRIPPING.values(), ids=DRIPPING)
def test_slow_clients_hold_no_thread_beyond_the_deadline(
    request: pytest.FixtureRequest, name: str, method: str, path: str, length: str, status: int
) -> None:
    """As many clients as there are threads send a byte now and then: soon all are answered."""
    function: Function = request.getfixturevalue(name)
    started = time.monotonic()
    with ExitStack() as stack:
        slow = [stack.enter_context(connect(function, method, path, length)) for _ in range(THREADS)]
        waiting = stack.enter_context(connect(function, "PUT", "/"))
        waiting.setblocking(False)
        while not _has_answer(waiting):
            assert time.monotonic() - started < 4 * PATIENCE, "the clients hold their threads"
            for connection in slow:
                _drip(connection)
            time.sleep(0.1)
        waiting.setblocking(True)
        assert Answer(waiting).status == 405
        for connection in slow:
            answer = Answer(connection)
            assert answer.status == status, answer.content
            check_headers(answer)


def _drip(connection: socket.socket) -> None:
    try:
        connection.sendall(b"1")
    except OSError:
        return  # the server has hung up


def _has_answer(connection: socket.socket) -> bool:
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except BlockingIOError:
        return False
