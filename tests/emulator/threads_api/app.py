"""The server of an app, which the Threads emulator calls."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from emulator.base.http_server import listening, serving
from tests.emulator.threads_api.client import APP, CALLBACK, TIMEOUT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.emulator.threads_api.client import Client

VERIFY_TOKEN = "a token & more"

Answer = tuple[int, str]


@dataclass
class AppServer:
    """An HTTP server that confirms its subscription, answers 200, and remembers its requests."""

    client: Client
    url: str = ""
    received: list[Request] = field(default_factory=list)
    #: What comes instead of the usual answer; may call the emulator, or wait.
    answer: Callable[[Request], Answer] | None = None
    #: While it is closed, requests wait for their answers.
    gate: threading.Event = field(default_factory=threading.Event)

    def register(self, **fields: Any) -> None:
        """Register the app with its three addresses, or others."""
        addresses = {
            "deauthorize_url": f"{self.url}/deauthorize",
            "delete_url": f"{self.url}/delete",
            "webhook_url": f"{self.url}/webhook?from=threads",
            "webhook_verify_token": VERIFY_TOKEN,
        }
        app = {"id": APP.id, "secret": APP.secret, "redirect_uris": [CALLBACK], "name": APP.name}
        self.client.control("apps", **app | addresses | fields)

    def paths(self) -> list[str]:
        """Return what was called, in order."""
        return [request.path for request in self.received]

    def signed_requests(self) -> list[str]:
        """Return the signed requests that came."""
        return [it.form["signed_request"] for it in self.received if "signed_request" in it.form]

    def notifications(self) -> list[Any]:
        """Return the webhooks that came, parsed."""
        bodies = [it.get_data() for it in self.received if it.path == "/webhook" and it.method == "POST"]
        return [json.loads(body) for body in bodies]

    def application(self, environ: Any, start_response: Any) -> Any:
        """Serve one request: WSGI."""
        request = Request(environ)
        request.get_data(parse_form_data=False)
        self.received.append(request)
        self.gate.wait(TIMEOUT_SECONDS)
        status, text = self.answer(request) if self.answer else _usual(request)
        return Response(text, status=status)(environ, start_response)


def _usual(request: Request) -> Answer:
    if request.method == "GET":
        return 200, request.args["hub.challenge"]
    if request.path == "/delete":
        return 200, json.dumps({"url": "https://app.example/deletions/7", "confirmation_code": "c0de7"})
    return 200, ""


def settled(client: Client) -> list[dict[str, Any]]:
    """Wait until nothing is under way to an app, and return all deliveries."""
    ends = time.monotonic() + TIMEOUT_SECONDS
    while True:
        found: list[dict[str, Any]] = client.see("deliveries")
        if all(it["status"] is not None or it["error"] for it in found):
            return found
        assert time.monotonic() < ends, found
        time.sleep(0.01)


@contextmanager
def app_server(client: Client) -> Iterator[AppServer]:
    """Serve an app that is registered with all its addresses."""
    server = AppServer(client)
    server.gate.set()
    with (
        listening("127.0.0.1", 0) as (server.url, listener),
        serving(listener, server.application, verbose=False),
    ):
        server.register()
        yield server
        server.gate.set()
