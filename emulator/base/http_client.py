"""Sends HTTP requests whose answer must be complete by a deadline. Redirects are not followed."""

from __future__ import annotations

import time
from http.client import HTTPConnection, HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse

_CHUNK = 65_536


class Deadline:
    """The end of the time that an exchange may take, in real time."""

    def __init__(self, seconds: float) -> None:
        """Begin now."""
        self.seconds = seconds
        self._ends_at = time.monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left. Raises TimeoutError when none are."""
        left = self._ends_at - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left


def connection_to(url: str) -> HTTPConnection:
    """Return a connection to the server of a URL, not yet opened."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme.lower() == "https" else HTTPConnection
    return kind(parts.hostname or "", parts.port)


def request_target(url: str) -> str:
    """Return what a request line says of a URL: the path and the query (RFC 9112, section 3.2.1)."""
    parts = urlsplit(url)
    path = parts.path or "/"
    return f"{path}?{parts.query}" if parts.query else path


def read_response(connection: HTTPConnection, deadline: Deadline) -> HTTPResponse:
    """Read the head of an answer. Raises TimeoutError when it comes too late."""
    connection.sock.settimeout(deadline.left())
    return connection.getresponse()


def chunks(connection: HTTPConnection, response: HTTPResponse, deadline: Deadline) -> Iterator[bytes]:
    """Yield the body of an answer as it arrives. Raises TimeoutError when it comes too late."""
    while not response.isclosed():
        left = deadline.left()
        # After ``Connection: close`` the connection has given its socket to the response.
        if connection.sock is not None:
            connection.sock.settimeout(left)
        if chunk := response.read1(_CHUNK):
            yield chunk
        else:
            response.close()
