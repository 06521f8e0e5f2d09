"""Sends requests to targets, on connections that are kept alive. Knows nothing about tasks."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections import defaultdict
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPException
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from emulator.base.http_client import Deadline, chunks, connection_to, read_response, request_target
from emulator.cloud_tasks.checks import METHODS_WITH_BODY
from emulator.cloud_tasks.messages import Method
from emulator.cloud_tasks.model import Outcome
from emulator.cloud_tasks.retries import read_retry_after

if TYPE_CHECKING:
    from http.client import HTTPConnection

    from emulator.cloud_tasks.request import Request

#: A connection that was idle for longer is not used again, because its other end may just be closing it: a
#: request that is lost in that way cannot be told from one that took effect. Common servers close idle
#: connections after two seconds or more.
IDLE_SECONDS = 1.0

#: The scheme, the host and the port of a URL.
_Target = tuple[str, str, int | None]


@dataclass
class _Idle:
    connection: HTTPConnection
    since: float = field(default_factory=time.monotonic)


class Sender:
    """Opens, keeps and closes the connections."""

    def __init__(self) -> None:
        """Begin without connections."""
        self._lock = Lock()
        self._idle: defaultdict[_Target, list[_Idle]] = defaultdict(list)
        self._busy: set[HTTPConnection] = set()
        self._closed = False

    def send(self, request: Request) -> Outcome:
        """Send a request and return its outcome. Redirects are not followed."""
        deadline = Deadline(request.seconds)
        parts = urlsplit(request.url)
        target = (parts.scheme.lower(), parts.hostname or "", parts.port)
        connection = self._take(target, request)
        try:
            self._connect(connection)
            outcome, reusable = _exchange(connection, request, deadline)
        except TimeoutError:
            outcome, reusable = _too_late(deadline), False
        except (OSError, HTTPException, ValueError) as error:
            outcome, reusable = Outcome(None, error=f"{type(error).__name__}: {error}"), False
        self._give_back(target, connection, reusable=reusable)
        return outcome

    def close(self) -> None:
        """Close every connection, even those that wait for an answer."""
        with self._lock:
            self._closed = True
            connections = [*self._busy, *(one.connection for many in self._idle.values() for one in many)]
            self._idle.clear()
        for connection in connections:
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def _take(self, target: _Target, request: Request) -> HTTPConnection:
        with self._lock:
            connection = self._usable(self._idle[target]) or connection_to(request.url)
            self._busy.add(connection)
        connection.timeout = request.seconds
        return connection

    @staticmethod
    def _usable(idle: list[_Idle]) -> HTTPConnection | None:
        """Return the newest connection that can be used again. Close the newer ones that cannot."""
        fresh_since = time.monotonic() - IDLE_SECONDS
        while idle:
            newest = idle.pop()
            if newest.since > fresh_since and not _is_closing(newest.connection):
                return newest.connection
            newest.connection.close()
        return None

    def _connect(self, connection: HTTPConnection) -> None:
        if connection.sock is None:
            connection.connect()
        # ``close`` cannot close a connection that is just being opened.
        if self._closed:
            raise ConnectionAbortedError("the emulator is ending")

    def _give_back(self, target: _Target, connection: HTTPConnection, *, reusable: bool) -> None:
        with self._lock:
            self._busy.discard(connection)
            if reusable and not self._closed:
                self._idle[target].append(_Idle(connection))
                return
        connection.close()


def _is_closing(connection: HTTPConnection) -> bool:
    """Return whether the other end has closed the connection: before a request nothing else can arrive."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _exchange(connection: HTTPConnection, request: Request, deadline: Deadline) -> tuple[Outcome, bool]:
    """Return the outcome of a request, and whether the connection can be used again."""
    connection.sock.settimeout(deadline.left())
    _send(connection, request)
    response = read_response(connection, deadline)
    # The body does not matter, but it must be read before the connection can be used again.
    for _ in chunks(connection, response, deadline):
        pass
    outcome = Outcome(response.status, read_retry_after(response.getheader("Retry-After")))
    return outcome, not response.will_close


def _send(connection: HTTPConnection, request: Request) -> None:
    connection.putrequest(request.method, request_target(request.url), skip_accept_encoding=True)
    for name, value in request.headers.items():
        connection.putheader(name, value.encode())
    if request.body or Method[request.method] in METHODS_WITH_BODY:
        connection.putheader("Content-Length", str(len(request.body)))
    connection.endheaders(request.body or None)


def _too_late(deadline: Deadline) -> Outcome:
    return Outcome(
        None, error=f"no answer within {deadline.seconds:g} s", stands_for=HTTPStatus.GATEWAY_TIMEOUT
    )
