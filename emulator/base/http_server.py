"""Serves a WSGI application over HTTP/1.1 with keep-alive, a thread per connection."""

from __future__ import annotations

import os
import socket
from contextlib import contextmanager, suppress
from io import BytesIO
from threading import Thread
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import ClientDisconnected
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler
from werkzeug.wrappers import Request

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import WSGIApplication, WSGIEnvironment

#: Connections that may wait to be accepted.
BACKLOG = 128
#: How often the server checks whether it should stop.
STOP_POLL_SECONDS = 0.02


class PortTakenError(OSError):
    """Another program listens on the wanted port."""


@contextmanager
def listening(host: str, port: int) -> Iterator[tuple[str, socket.socket]]:
    """Listen until the block ends; yield the URL and the socket. Raises PortTakenError."""
    with _listener(host, port) as listener:
        shown_host = f"[{host}]" if ":" in host else host
        yield f"http://{shown_host}:{listener.getsockname()[1]}", listener


@contextmanager
def serving(
    listener: socket.socket,
    application: WSGIApplication,
    *,
    verbose: bool,
    handler: type[Handler] | None = None,
) -> Iterator[None]:
    """Serve ``application`` on a listening socket until the block ends; ``verbose`` logs each request."""
    server = Server(listener, application, handler or (LoggingHandler if verbose else Handler))
    thread = Thread(target=server.serve_forever, args=(STOP_POLL_SECONDS,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()


def with_body_read(environ: WSGIEnvironment) -> Request:
    """Read the whole body: unread bytes would be taken for the next request on this connection."""
    request = Request(environ)
    body = request.get_data()
    environ["wsgi.input"] = BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return request


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        raise PortTakenError(f"Cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}.") from error


class Handler(WSGIRequestHandler):
    """Serves the requests of one connection. Werkzeug's own handler closes the connection after each one."""

    server: Server
    protocol_version = "HTTP/1.1"
    # Send a small answer at once, head and body together.
    disable_nagle_algorithm = True
    wbufsize = -1

    def run_wsgi(self) -> None:
        """Serve one request. The application must read the whole body and set Content-Length."""
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
        """Close the connection if the client is gone, or if a script broke the connection."""
        try:
            yield
        except (OSError, ClientDisconnected):
            self.close_connection = True

    def finish(self) -> None:
        """Close the connection, even if the last answer could not be sent."""
        with suppress(OSError):
            super().finish()

    def _begin(self, status: str, headers: list[tuple[str, str]], _exc_info: object = None, /) -> Any:
        """Write the head of the answer: WSGI's ``start_response``. The application may tell the time."""
        code, _, reason = status.partition(" ")
        self.log_request(int(code))
        self.send_response_only(int(code), reason)
        self.send_header("Server", self.version_string())
        if "date" not in {name.lower() for name, _ in headers}:
            self.send_header("Date", self.date_time_string())
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        return self.wfile.write

    def log(self, *_: object) -> None:
        """Stay silent."""

    def log_request(self, *_: object) -> None:
        """Stay silent, and do not even format the line."""


class LoggingHandler(Handler):
    """Logs each request on stderr."""

    log = WSGIRequestHandler.log  # type: ignore[assignment]
    log_request = WSGIRequestHandler.log_request  # type: ignore[assignment]


class Server(ThreadedWSGIServer):
    """Remembers its connections, so that it can close the idle ones when it stops."""

    def __init__(self, listener: socket.socket, app: WSGIApplication, handler: type[Handler]) -> None:
        """Serve on a socket that already listens."""
        self._connections: set[socket.socket] = set()
        host, port = listener.getsockname()[:2]
        with listener:
            super().__init__(host, port, app, handler, fd=listener.fileno())

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember a connection."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that is closed."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def replace(self, plain: socket.socket, secured: socket.socket) -> None:
        """Remember a connection by the socket that has taken the place of its first one."""
        self._connections.discard(plain)
        self._connections.add(secured)

    def server_close(self) -> None:
        """Stop listening, and close every connection."""
        super().server_close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
