"""The only code that calls Threads: one HTTP request in, one reply out.

It retries nothing and follows no redirect. No URL or header reaches an exception or a log line, because they
hold tokens.
"""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy
from typing import Protocol

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NewConnectionError

from threads.graph.error_codes import NO_ANSWER, NOT_SENT
from threads.graph.protocol import GraphReply, GraphRequest

CALL_DEADLINE = timedelta(seconds=15)
"""For one call as a whole. The slowest good answers of Meta that were seen took about ten seconds. A caller's
own request must be longer than several calls."""

CONNECT_TIMEOUT = timedelta(seconds=5)

MAX_REPLY_BYTES = 1 << 20
"""Far above any answer to the calls made here."""

_CHUNK_BYTES = 1 << 16

# urllib3 logs URLs: every URL at DEBUG, and at WARNING the URL of an answer with an odd header.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class Graph(Protocol):
    """A client that sends Graph requests; ``GraphClient`` is the real one."""

    def send(self, request: GraphRequest) -> GraphReply:
        """Return the reply. If no answer came, the reply says so."""


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
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def send(self, request: GraphRequest) -> GraphReply:
        """Send a request and return the reply. A reply with status 0 means that no usable answer came.

        The call runs in a thread of its own, because ``requests`` applies its time-out to each read: an
        answer that comes byte by byte would never time out.
        """
        call = self._threads.submit(self._call, request, time.monotonic() + CALL_DEADLINE.total_seconds())
        try:
            return call.result(CALL_DEADLINE.total_seconds())
        except Late:
            return GraphReply(NO_ANSWER, failure=NOT_SENT if call.cancel() else "Timeout")

    def _call(self, request: GraphRequest, ends: float) -> GraphReply:
        left = ends - time.monotonic()
        if left <= 0:
            return GraphReply(NO_ANSWER, failure=NOT_SENT)
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
                return GraphReply(response.status_code, named, _read(response, ends))
        except (requests.RequestException, HTTPError, OSError, ValueError) as error:
            return GraphReply(NO_ANSWER, failure=_failure(error))


def _read(response: requests.Response, ends: float) -> bytes:
    """Return the body, unless it is too long or comes too late."""
    body = bytearray()
    while piece := response.raw.read1(_CHUNK_BYTES, decode_content=True):
        body += piece
        if len(body) > MAX_REPLY_BYTES:
            raise requests.exceptions.ContentDecodingError
        if time.monotonic() > ends:
            raise requests.Timeout
    return bytes(body)


def _failure(error: Exception) -> str:
    """Return one word for what went wrong: the exception's type. Its text would contain the URL."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError):
        return NOT_SENT
    return type(error).__name__
