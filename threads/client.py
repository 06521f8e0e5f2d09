"""The only code that talks to Threads: one HTTP call in, one reply out.

It repeats nothing, follows no redirect, and lets no URL or header into an exception or a log line: they hold
tokens.
"""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from datetime import timedelta
from http.cookiejar import DefaultCookiePolicy

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError, NewConnectionError

from threads.failures import NO_ANSWER, NOT_SENT
from threads.graph import GraphReply, GraphRequest

CALL_DEADLINE = timedelta(seconds=15)
"""For one call as a whole. Meta's slowest good answers were seen at about ten seconds; a caller's own request
has to outlive several calls."""

CONNECT_TIMEOUT = timedelta(seconds=5)

MAX_REPLY_BYTES = 1 << 20
"""Far above any answer of the calls made here."""

_CHUNK_BYTES = 1 << 16

# urllib3 writes URLs into its log: at DEBUG every one, at WARNING that of an answer with an odd header.
logging.getLogger("urllib3").setLevel(logging.ERROR)


class GraphClient:
    """Sends Graph requests over kept-open connections; safe to share between threads."""

    def __init__(self, base_url: str, version: str, *, connections: int) -> None:
        """Take Threads' address, the API's version (``v1.0``) and how many requests may run at once."""
        self._base_url = base_url
        self._version = version
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="graph")
        self._session = requests.Session()
        # Passwords of ~/.netrc have no business in calls that carry tokens, and neither have cookies.
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=connections, max_retries=0)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    def send(self, request: GraphRequest) -> GraphReply:
        """Send a request and return what came back; a reply with status 0 says that nothing usable did.

        The call runs in a thread of its own, because a time-out of ``requests`` is per read: an answer that
        comes byte by byte would never be late.
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
    """Return the body, unless it becomes too long or too late."""
    body = bytearray()
    while piece := response.raw.read1(_CHUNK_BYTES, decode_content=True):
        body += piece
        if len(body) > MAX_REPLY_BYTES:
            raise requests.exceptions.ContentDecodingError
        if time.monotonic() > ends:
            raise requests.Timeout
    return bytes(body)


def _failure(error: Exception) -> str:
    """Return a word for what went wrong: the exception's kind, never its text, which has the URL in it."""
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError):
        return NOT_SENT
    return type(error).__name__
