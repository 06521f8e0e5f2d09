"""The HTTP server: kept connections, unread bodies, clients that vanish, and its end."""

from __future__ import annotations

import http.client
import socket
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import requests
from werkzeug.wrappers import Response

from emulator.base.http_server import PortTakenError, listening, serving, with_body_read

if TYPE_CHECKING:
    from collections.abc import Iterator


def application(environ: Any, start_response: Any) -> Any:
    """Answer with the path, or with 404 for ``/missing``. No route reads the body."""
    request = with_body_read(environ)
    status = 404 if request.path == "/missing" else 200
    return Response(f"{request.method} {request.path}", status)(environ, start_response)


@contextmanager
def server() -> Iterator[str]:
    """Serve the application, and yield its URL."""
    with listening("127.0.0.1", 0) as (url, listener), serving(listener, application, verbose=False):
        yield url


def test_connections_are_kept_alive() -> None:
    """Many requests share one connection, with bodies and with errors among them."""
    with server() as url:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        connection.connect()
        own_port = connection.sock.getsockname()
        for method, path, body in (
            ("GET", "/", None),
            ("POST", "/", "text=a"),
            ("GET", "/missing", None),
        ) * 5:
            connection.request(method, path, body)
            answer = connection.getresponse()
            assert answer.version == 11
            assert answer.read().decode() == f"{method} {path}"
            assert connection.sock.getsockname() == own_port
        connection.close()


def test_unread_bodies_do_not_confuse_the_next_request() -> None:
    """A body is never taken for the next request, whether it has a length or comes in chunks."""
    with server() as url, requests.Session() as session:
        for body in (b"x" * 100_000, iter([b"one", b"two"])):
            assert session.post(f"{url}/missing", data=body, timeout=10).status_code == 404
            assert session.get(f"{url}/", timeout=10).status_code == 200


@pytest.mark.parametrize("linger", [0, 1])
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"POST /me HT",
        b"POST /me HTTP/1.1\r\nContent-Length: 50\r\n\r\nhalf",
        b"GET / HTTP/1.1\r\n\r\n",
    ],
)
def test_a_client_that_vanishes_disturbs_nothing(
    sent: bytes, linger: int, capfd: pytest.CaptureFixture[str]
) -> None:
    """It may vanish at any point of a request. The server goes on, and writes nothing to stderr."""
    with server() as url:
        host, port = urlsplit(url).hostname, urlsplit(url).port
        with socket.create_connection((host, port or 0)) as dying:
            dying.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, linger))
            dying.sendall(sent)
        assert requests.get(url, timeout=10).ok
    assert capfd.readouterr() == ("", "")


def test_a_malformed_body_ends_the_connection(capfd: pytest.CaptureFixture[str]) -> None:
    """Where the next request would begin is unknown."""
    with server() as url:
        host, port = urlsplit(url).hostname, urlsplit(url).port
        with socket.create_connection((host, port or 0)) as babbling:
            babbling.sendall(b"POST /me HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n\r\n")
            assert babbling.recv(1) == b""
        assert requests.get(url, timeout=10).ok
    assert capfd.readouterr() == ("", "")


def test_the_end_closes_kept_connections() -> None:
    """After the block the server answers no more, not even on a connection that was kept alive."""
    with requests.Session() as session:
        with server() as url:
            assert session.get(url, timeout=10).ok
        with pytest.raises(requests.ConnectionError):
            session.get(url, timeout=10)


def test_a_taken_port_is_an_error() -> None:
    """The message names the address."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(
                PortTakenError, match=f"^Cannot listen on 127.0.0.1:{port}: Address already in use.$"
            ),
            listening("127.0.0.1", port),
        ):
            pass
