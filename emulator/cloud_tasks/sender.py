"""Sends requests and reads what came back, on connections that are kept alive. Knows nothing of tasks."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections import defaultdict
from dataclasses import dataclass, field
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from emulator.cloud_tasks.attempts import Outcome
from emulator.cloud_tasks.checks import METHODS_WITH_BODY
from emulator.cloud_tasks.messages import Method
from emulator.cloud_tasks.retries import read_retry_after

if TYPE_CHECKING:
    from http.client import HTTPResponse

    from emulator.cloud_tasks.requesting import Request

#: A connection that was idle for longer is not used again: its other end may be closing it, and a request
#: that was lost so could not be told from one that took effect. The shortest patience of the servers that
#: a target is likely to have is two seconds.
IDLE_SECONDS = 1.0
_CHUNK = 65_536

_Target = tuple[str, str, int | None]


@dataclass
class _Idle:
    connection: HTTPConnection
    since: float = field(default_factory=time.monotonic)


class Sender:
    """Opens, keeps and closes the connections."""

    def __init__(self) -> None:
        """Begin without a connection."""
        self._lock = Lock()
        self._idle: defaultdict[_Target, list[_Idle]] = defaultdict(list)
        self._busy: set[HTTPConnection] = set()
        self._closed = False

    def send(self, request: Request) -> Outcome:
        """Send a request and return what came of it; redirects are not followed."""
        ends_at = time.monotonic() + request.seconds
        parts = urlsplit(request.url)
        target = (parts.scheme.lower(), parts.hostname or "", parts.port)
        connection = self._take(target, request.seconds)
        try:
            self._connect(connection)
            outcome, reusable = _exchange(connection, request, ends_at)
        except TimeoutError:
            outcome, reusable = _too_late(request), False
        except (OSError, HTTPException, ValueError) as error:
            outcome, reusable = Outcome(None, error=f"{type(error).__name__}: {error}"), False
        self._give_back(target, connection, reusable=reusable)
        return outcome

    def close(self) -> None:
        """Break every connection, also those that wait for an answer."""
        with self._lock:
            self._closed = True
            connections = [*self._busy, *(one.connection for many in self._idle.values() for one in many)]
            self._idle.clear()
        for connection in connections:
            if connection.sock is not None:
                with contextlib.suppress(OSError):
                    connection.sock.shutdown(socket.SHUT_RDWR)

    def _take(self, target: _Target, seconds: float) -> HTTPConnection:
        with self._lock:
            connection = self._usable(self._idle[target]) or _new(target)
            self._busy.add(connection)
        connection.timeout = seconds
        return connection

    @staticmethod
    def _usable(idle: list[_Idle]) -> HTTPConnection | None:
        """Return the connection that was used last, if it can be used again; close those that cannot."""
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
        # ``close`` could not break a connection that was just being made.
        if self._closed:
            raise ConnectionAbortedError("the emulator is ending")

    def _give_back(self, target: _Target, connection: HTTPConnection, *, reusable: bool) -> None:
        with self._lock:
            self._busy.discard(connection)
            if reusable and not self._closed:
                self._idle[target].append(_Idle(connection))
                return
        connection.close()


def _new(target: _Target) -> HTTPConnection:
    scheme, host, port = target
    return (HTTPSConnection if scheme == "https" else HTTPConnection)(host, port)


def _is_closing(connection: HTTPConnection) -> bool:
    """Tell whether the other end has closed: nobody answers before he is asked."""
    poll = select.poll()
    poll.register(connection.sock, select.POLLIN)
    return bool(poll.poll(0))


def _exchange(connection: HTTPConnection, request: Request, ends_at: float) -> tuple[Outcome, bool]:
    """Return what came of the request, and whether the connection is good for another one."""
    connection.sock.settimeout(_left(ends_at))
    _send(connection, request)
    connection.sock.settimeout(_left(ends_at))
    response = connection.getresponse()
    _read_to_the_end(connection, response, ends_at)
    outcome = Outcome(response.status, read_retry_after(response.getheader("Retry-After")))
    return outcome, not response.will_close


def _send(connection: HTTPConnection, request: Request) -> None:
    parts = urlsplit(request.url)
    path = parts.path or "/"
    connection.putrequest(
        request.method, f"{path}?{parts.query}" if parts.query else path, skip_accept_encoding=True
    )
    for name, value in request.headers.items():
        connection.putheader(name, value.encode())
    if request.body or Method[request.method] in METHODS_WITH_BODY:
        connection.putheader("Content-Length", str(len(request.body)))
    connection.endheaders(request.body or None)


def _read_to_the_end(connection: HTTPConnection, response: HTTPResponse, ends_at: float) -> None:
    """Read the body, which nobody looks at, so that the connection can be used again."""
    while not response.isclosed():
        if connection.sock is not None:
            connection.sock.settimeout(_left(ends_at))
        elif time.monotonic() > ends_at:
            raise TimeoutError
        if not response.read1(_CHUNK):
            response.close()


def _left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _too_late(request: Request) -> Outcome:
    return Outcome(
        None, error=f"no answer within {request.seconds:g} s", stands_for=HTTPStatus.GATEWAY_TIMEOUT
    )
