"""The only code that calls Threads: one HTTP request in, one reply out.

It retries nothing and follows no redirect. No URL or header reaches an exception or a log line, because they
hold tokens.
"""

import logging
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from contextlib import suppress
from contextvars import ContextVar
from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy
from threading import Lock
from typing import Any, Protocol

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import HTTPError

from threads.graph.error_codes import NO_ANSWER, NOT_SENT
from threads.graph.protocol import GraphReply, GraphRequest

CALL_DEADLINE = timedelta(seconds=15)
"""For one call as a whole. The slowest good answers of Meta that were seen took about ten seconds. A caller's
own request must be longer than several calls."""

CONNECT_TIMEOUT = timedelta(seconds=5)

MAX_REPLY_BYTES = 1 << 20
"""Far above any answer to the calls made here."""

_CHUNK_BYTES = 1 << 16

_clock = time.monotonic

# urllib3 logs URLs: every URL at DEBUG, and at WARNING the URL of an answer with an odd header.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class Graph(Protocol):
    """A client that sends Graph requests; ``GraphClient`` is the real one."""

    def send(self, request: GraphRequest) -> GraphReply:
        """Return the reply. If no answer came, the reply says so."""


class Call:
    """What its caller and the thread that makes it must agree on: whether it is sent, and whether it is over.

    Whichever comes first decides. If the caller gives up first, nothing leaves any more. If the first bytes
    leave first, the outcome is open, and giving up cuts the line, so that the thread does not wait for it.
    """

    _deciding = Lock()
    """One for all calls: a connection serves one after the other."""

    def __init__(self) -> None:
        """Begin now."""
        self.ends = _clock() + CALL_DEADLINE.total_seconds()
        self.is_sent = False
        """Whether a byte may have left."""
        self._is_over = False
        self._connection: _Connection | None = None
        self._line: socket.socket | None = None

    def check_in(self, connection: "_Connection") -> None:
        """Let the connection write, right now.

        Raises:
            TimeoutError: it is too late, even if the caller, frozen with the whole process, has not noticed.

        """
        with self._deciding:
            if self._is_over or _clock() >= self.ends:
                raise TimeoutError
            connection.call, self._connection, self._line = self, connection, connection.sock
            self.is_sent = True

    def give_up(self) -> None:
        """End the call, unless it has ended and its connection serves another one."""
        with self._deciding:
            self._is_over = True
            if self._line is not None and self._connection and self._connection.call is self:
                with suppress(OSError):
                    # Not SSLSocket's own method: it takes the TLS away from the thread that uses it.
                    socket.socket.shutdown(self._line, socket.SHUT_RDWR)


_current: ContextVar[Call] = ContextVar("call")
"""The call that this thread makes. Nothing else leads from ``requests`` down to the connection."""


class _Connection(HTTPConnection):
    """A connection that looks at the clock once more when it is open, right before anything leaves."""

    call: Call | None = None
    """The call that it serves, or has served last."""

    def send(self, data: Any) -> None:
        """Write a part of a request. The first part opens the connection."""
        if self.sock is None:
            self.connect()
        _current.get().check_in(self)
        super().send(data)


class _SecureConnection(_Connection, HTTPSConnection):
    """The same with TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class GraphClient:
    """Sends Graph requests over persistent connections. Threads may share it."""

    def __init__(self, base_url: str, version: str, *, connections: int) -> None:
        """Take the API's base URL, its version (``v1.0``) and how many requests may run at once."""
        self._base_url = base_url
        self._version = version
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="graph")
        self._session = requests.Session()
        # A call that carries a token must send neither a password from ~/.netrc nor a cookie.
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
        adapter.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def send(self, request: GraphRequest) -> GraphReply:
        """Send a request and return the reply. A reply with status 0 means that no usable answer came.

        The call runs in a thread of its own, because ``requests`` applies its time-out to each read: an
        answer that comes byte by byte would never time out. And nothing can interrupt the search for a host's
        name: the caller leaves the thread to it, and whatever is found comes too late to send anything.
        """
        call = Call()
        running = self._threads.submit(self._call, request, call)
        try:
            return running.result(CALL_DEADLINE.total_seconds())
        except Late as late:
            running.cancel()
            call.give_up()
            return _no_answer(call, late)

    def _call(self, request: GraphRequest, call: Call) -> GraphReply:
        _current.set(call)
        left = call.ends - _clock()
        if left <= 0:
            return _no_answer(call, TimeoutError())
        prefix = f"/{self._version}" if request.versioned else ""
        headers = {"Accept": "application/json"}
        if request.token is not None:
            headers["Authorization"] = f"Bearer {request.token.reveal()}"
        try:
            with self._session.request(
                request.method,
                f"{self._base_url}{prefix}{request.path}",
                params=dict(request.query),
                data=None if request.form is None else dict(request.form),
                headers=headers,
                timeout=(min(CONNECT_TIMEOUT.total_seconds(), left), left),
                allow_redirects=False,
                stream=True,
            ) as response:
                named = {name.lower(): value for name, value in response.headers.items()}
                return GraphReply(response.status_code, named, _read(response))
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            return _no_answer(call, error)


def _read(response: requests.Response) -> bytes:
    """Return the body, unless it is too long."""
    body = bytearray()
    while piece := response.raw.read1(_CHUNK_BYTES, decode_content=True):
        body += piece
        if len(body) > MAX_REPLY_BYTES:
            raise requests.exceptions.ContentDecodingError
    return bytes(body)


def _no_answer(call: Call, error: Exception) -> GraphReply:
    """Return the reply of a call that failed, with the exception's type. Its text would contain the URL."""
    failure = type(error).__name__
    return GraphReply(NO_ANSWER, failure=failure if call.is_sent else NOT_SENT + failure)
