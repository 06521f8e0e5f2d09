"""What these tests stand on: a valid environment, replies, and a server that says what it is told."""

import base64
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from threads.base.config import Config, read_config
from threads.base.errors import InvalidRequest
from threads.graph.protocol import GraphReply

SECRET = "the-app-secret-0123456789abcdef"
TOKEN = "THQWJplanted" + "Zx9" * 20
KEY = base64.b64encode(bytes(range(32))).decode()
OTHER_KEY = base64.b64encode(bytes(range(32, 64))).decode()

ENVIRONMENT = {
    "THREADS_APP_ID": "1234567890123456",
    "THREADS_APP_SECRET": SECRET,
    "THREADS_REDIRECT_URI": "https://functions.example/th_auth_callback",
    "DATA_DELETION_URL": "https://functions.example/th_delete_data",
    "TOKEN_KEYS": f"k1:{KEY}",
    "ALLOWED_ORIGINS": "https://app.example,https://admin.example:8443,http://localhost:5000",
}
"""All that a service has to be told where no emulator is, and one URL more, for tests that change another."""


def config(**variables: str) -> Config:
    """Return a configuration with these variables set or changed."""
    return read_config({**ENVIRONMENT, **variables})


def reply(status: int, body: object = b"", headers: Mapping[str, str] | None = None) -> GraphReply:
    """Return a reply of Threads; a body that is not bytes becomes JSON."""
    return GraphReply(status, headers or {}, body if isinstance(body, bytes) else json.dumps(body).encode())


HTML = b"<!DOCTYPE html><html><body>Sorry, something went wrong.</body></html>"
"""What stands in front of Threads says when Threads does not."""


def graph_error(code: object, subcode: object = None, message: object = "no", **more: Any) -> dict[str, Any]:
    """Return the Graph API's envelope around an error, with all that Meta puts into it."""
    error = {
        "message": message,
        "type": "OAuthException" if code in (102, 190) else "THApiException",
        "code": code,
        "error_subcode": subcode,
        "is_transient": False,
        "fbtrace_id": "AbC_1-x",
        **more,
    }
    return {"error": {name: value for name, value in error.items() if value is not None}}


def broken_rules(error: InvalidRequest) -> set[tuple[str, str]]:
    """Return field and code of everything that an error complains of."""
    return {(problem.field, problem.code) for problem in error.problems}


@dataclass
class Received:
    """One request that a loopback server has read."""

    connection: int
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Script = Callable[[Received, socket.socket], bool | None]
"""Answers a request on the socket; True keeps the connection open for the next one."""


@dataclass
class Loopback:
    """A server on 127.0.0.1 that answers as its script says, and remembers what it was asked."""

    script: Script
    received: list[Received] = field(default_factory=list)
    url: str = ""
    stopping: threading.Event = field(default_factory=threading.Event)
    """Set at the end, so that a script which waits does not outlive its test."""

    def serve(self, listener: socket.socket) -> None:
        """Take connections until the listener is closed."""
        for number in range(1000):
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(number, connection), daemon=True).start()

    def _converse(self, number: int, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as stream:
            while request := _read_request(number, stream):
                self.received.append(request)
                if not self.script(request, connection):
                    return


def _read_request(number: int, stream: BinaryIO) -> Received | None:
    method, _, rest = stream.readline().decode("latin-1").partition(" ")
    headers: dict[str, str] = {}
    while line := stream.readline().decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", "0")))
    return Received(number, method, rest.partition(" ")[0], headers, body) if method else None


@contextmanager
def loopback(script: Script) -> Iterator[Loopback]:
    """Run a loopback server on a free port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = Loopback(script, url=f"http://127.0.0.1:{listener.getsockname()[1]}")
        threading.Thread(target=server.serve, args=(listener,), daemon=True).start()
        try:
            yield server
        finally:
            server.stopping.set()
            listener.shutdown(socket.SHUT_RDWR)


def http(body: bytes, status: str = "200 OK", *headers: str) -> bytes:
    """Return a complete HTTP/1.1 response."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def always(response: bytes) -> Script:
    """Return a script that gives the same answer each time and keeps the connection."""

    def answer(_request: Received, connection: socket.socket) -> bool:
        connection.sendall(response)
        return True

    return answer


def serve_json(value: Any) -> Script:
    """Return a script that answers with a JSON document."""
    return always(http(json.dumps(value).encode(), "200 OK", "Content-Type: application/json"))
