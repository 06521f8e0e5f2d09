"""Serves the emulator over HTTP/1.1 with keep-alive, a thread per connection; on its own or inside a test."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

from emulator.threads_api.application import make_application

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import WSGIApplication

    from emulator.threads_api.world import World

#: Connections that may wait to be accepted.
BACKLOG = 128
#: How often the server looks whether it should stop.
STOP_POLL_SECONDS = 0.02


class PortTakenError(OSError):
    """Something else listens on the wanted port."""


@dataclass(frozen=True)
class Emulator:
    """A running emulator."""

    url: str
    world: World


@contextmanager
def serve(
    world: World, *, host: str = "127.0.0.1", port: int = 0, verbose: bool = False
) -> Iterator[Emulator]:
    """Serve ``world`` until the block ends; port 0 takes a free one. Raises PortTakenError."""
    handler = LoggingHandler if verbose else Handler
    server = Server(_listener(host, port), make_application(world), handler)
    thread = Thread(target=server.serve_forever, args=(STOP_POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        shown_host = f"[{host}]" if ":" in host else host
        yield Emulator(f"http://{shown_host}:{server.port}", world)
    finally:
        server.shutdown()
        thread.join()


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise PortTakenError(f"Cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}.") from error


class Handler(WSGIRequestHandler):
    """Serves the requests of one connection; Werkzeug's own handler closes it after each."""

    protocol_version = "HTTP/1.1"
    # Small answers must leave at once, and head and body together.
    disable_nagle_algorithm = True
    wbufsize = -1

    def run_wsgi(self) -> None:
        """Serve one request. The application reads the whole body and announces the length of its answer."""
        self.environ = self.make_environ()
        if self.headers.get("Expect", "").lower() == "100-continue":
            self.send_response_only(100)
            self.end_headers()
            self.wfile.flush()
        with self._closing_when_broken():
            for chunk in self.server.app(self.environ, self._begin):
                self.wfile.write(chunk)
                self.wfile.flush()

    @contextmanager
    def _closing_when_broken(self) -> Iterator[None]:
        """End the connection when the client is gone, or was cut off on purpose."""
        try:
            yield
        except (OSError, ClientDisconnected):
            self.close_connection = True

    def finish(self) -> None:
        """End the connection, also when the last answer could not be sent."""
        with suppress(OSError):
            super().finish()

    def _begin(self, status: str, headers: list[tuple[str, str]], _exc_info: object = None, /) -> Any:
        """Write the head of the answer: WSGI's ``start_response``."""
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        return self.wfile.write

    def log(self, *_: object) -> None:
        """Stay silent."""

    def log_request(self, *_: object) -> None:
        """Stay silent, without building the line first."""


class LoggingHandler(Handler):
    """The same with an access log on stderr."""

    log = WSGIRequestHandler.log  # type: ignore[assignment]
    log_request = WSGIRequestHandler.log_request  # type: ignore[assignment]


class Server(ThreadedWSGIServer):
    """Remembers its connections, so that stopping ends those that are kept alive."""

    def __init__(self, listener: socket.socket, app: WSGIApplication, handler: type[Handler]) -> None:
        """Serve on a socket that listens already."""
        self._connections: set[socket.socket] = set()
        host, port = listener.getsockname()[:2]
        with listener:
            super().__init__(host, port, app, handler, fd=listener.fileno())

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember a connection."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that ends."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def server_close(self) -> None:
        """Stop listening, and end every open connection."""
        super().server_close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
