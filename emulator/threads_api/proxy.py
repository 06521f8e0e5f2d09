"""A proxy for clients whose address of Threads is a constant: it answers for the hosts of Threads itself.

A client asks for a tunnel (``CONNECT``, RFC 9110, section 9.3.6). At its other end is the emulator, with a
certificate of its own authority. Every other host is refused, so nothing leaves the machine.
"""

from __future__ import annotations

import json
import ssl
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, ClassVar

from emulator.base.http_server import Handler, LoggingHandler, listening, serving
from emulator.threads_api.certificates import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from wsgiref.types import WSGIEnvironment

    from emulator.threads_api.face import Emulator

#: Where clients find the API, the authorization window and the pages of posts.
HOSTS = (
    "graph.threads.net",
    "graph.threads.com",
    "threads.net",
    "www.threads.net",
    "threads.com",
    "www.threads.com",
)
_HTTPS = "443"


@dataclass(frozen=True)
class Proxy:
    """A running proxy."""

    url: str
    #: The certificate of its authority, which clients must trust.
    ca_file: Path

    @property
    def environment(self) -> dict[str, str]:
        """The variables that take most clients here: curl, Python, Go and Node."""
        ca = str(self.ca_file)
        return {
            "HTTPS_PROXY": self.url,
            "https_proxy": self.url,
            "SSL_CERT_FILE": ca,
            "REQUESTS_CA_BUNDLE": ca,
            "CURL_CA_BUNDLE": ca,
            "NODE_EXTRA_CA_CERTS": ca,
            "NODE_USE_ENV_PROXY": "1",
        }


@contextmanager
def proxying(
    emulator: Emulator,
    *,
    folder: Path | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    verbose: bool = False,
) -> Iterator[Proxy]:
    """Lead clients to an emulator until the block ends. Port 0 chooses a free one.

    Args:
        emulator: the emulator that answers.
        folder: where the authority is kept; by default it is made anew, and gone with the block.
        host: the address to listen on.
        port: the port.
        verbose: whether to log each request.

    Raises:
        PortTakenError: another program listens on the port.
        Malformed: the folder has something else in it.

    """
    with TemporaryDirectory(prefix="threads-emulator-") as passing, listening(host, port) as (url, listener):
        authority = Authority(folder or Path(passing))
        emulator.world.authority = authority.file.read_text(encoding="ascii")
        handler = _handler(authority.server_context(HOSTS), verbose=verbose)
        with serving(listener, emulator.application, verbose=verbose, handler=handler):
            yield Proxy(url, authority.file)
        emulator.world.authority = None


def _handler(tls: ssl.SSLContext, *, verbose: bool) -> type[Handler]:
    kind = LoggingHandler if verbose else Handler
    return type("ProxyHandler", (_ProxyHandler, kind), {"tls": tls})


class _ProxyHandler(Handler):
    """Serves a connection to the proxy: one CONNECT, and then the requests in the tunnel."""

    tls: ClassVar[ssl.SSLContext]
    is_tunnel = False

    def do_CONNECT(self) -> None:  # noqa: N802 - the name that the server looks for
        """Open the tunnel, or refuse it."""
        host, _, port = self.path.rpartition(":")
        if host.lower() not in HOSTS or port != _HTTPS:
            self._refuse(f"This proxy leads to {', '.join(HOSTS)} (port 443) only, not to {self.path}.")
            return
        self.send_response_only(HTTPStatus.OK, "Connection established")
        self.end_headers()
        self.wfile.flush()
        plain = self.connection
        try:
            self.request = self.tls.wrap_socket(plain, server_side=True)
        except OSError:  # most often a client that does not trust the authority
            self.close_connection = True
            return
        self.server.replace(plain, self.request)
        self.setup()
        self.is_tunnel, self.close_connection = True, False

    def run_wsgi(self) -> None:
        """Serve a request of the tunnel. Outside it there is nothing to serve."""
        if self.is_tunnel:
            super().run_wsgi()
        else:
            self._refuse("This is a proxy for https: give clients its address as HTTPS_PROXY.")

    def make_environ(self) -> WSGIEnvironment:
        """Return the request's environment, with the scheme that the client sees."""
        return super().make_environ() | {"wsgi.url_scheme": "https"}

    def handle(self) -> None:
        """Serve the connection. A tunnel that breaks off is its client's business."""
        with suppress(ssl.SSLError):
            super().handle()

    def finish(self) -> None:
        """Close the tunnel, too: the server knows only the connection below it."""
        super().finish()
        if self.is_tunnel:
            self.server.shutdown_request(self.request)

    def _refuse(self, why: str) -> None:
        body = json.dumps({"error": why}).encode()
        headers: list[tuple[str, Any]] = [
            ("Content-Type", "application/json"),
            ("Content-Length", len(body)),
            ("Connection", "close"),
        ]
        self.send_response(HTTPStatus.FORBIDDEN)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True
