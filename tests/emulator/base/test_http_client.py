"""Requests with a deadline: it covers the whole answer, however slowly that arrives."""

from __future__ import annotations

import socket
import threading
import time

import pytest

from emulator.base.http_client import Deadline, chunks, connection_to, read_response, request_target


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://a.example", "/"),
        ("http://a.example/b/c?d=e#f", "/b/c?d=e"),
        ("https://a.example:1?d", "/?d"),
    ],
)
def test_a_request_line_has_path_and_query(url: str, target: str) -> None:
    """An empty path is a slash, and a fragment is not sent."""
    assert request_target(url) == target


def test_a_deadline_ends() -> None:
    """Nothing is left after it."""
    assert 0 < Deadline(10).left() <= 10
    with pytest.raises(TimeoutError):
        Deadline(0).left()


def test_a_body_that_drips_is_cut_off() -> None:
    """Each byte comes in time, but the whole answer does not."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dripping = threading.Thread(target=_drip, args=(listener,), daemon=True)
        dripping.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        began, deadline = time.monotonic(), Deadline(0.3)
        connection = connection_to(url)
        connection.request("GET", request_target(url))
        response = read_response(connection, deadline)
        with pytest.raises(TimeoutError):
            list(chunks(connection, response, deadline))
        connection.close()
        assert 0.2 < time.monotonic() - began < 2
        dripping.join(timeout=10)


def _drip(listener: socket.socket) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            time.sleep(0.02)
            try:
                connection.sendall(b"x")
            except OSError:
                return
