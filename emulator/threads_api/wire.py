"""Everything between the socket and the routes: the lock, the journal, the version, and scripted answers.

Only this module sleeps, or resets a connection.
"""

from __future__ import annotations

import socket
import struct
import time
from typing import TYPE_CHECKING, Any, NoReturn

from werkzeug.http import http_date
from werkzeug.wrappers import Response

from emulator.base.control import PREFIX
from emulator.base.http_server import with_body_read
from emulator.threads_api.answers import Drop, take_answer, without_version
from emulator.threads_api.inferred import SLASH_AT_THE_END, takes
from emulator.threads_api.journal import Entry
from emulator.threads_api.world import LateEffect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from werkzeug.datastructures import MultiDict
    from werkzeug.wrappers import Request

    from emulator.threads_api.answers import Answer
    from emulator.threads_api.world import World


class Wire:
    """The WSGI application around the routes."""

    def __init__(self, routes: WSGIApplication, world: World) -> None:
        """Wrap ``routes``, which serve ``world``."""
        self._routes = routes
        self._world = world

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Serve one request. The answer tells the emulator's time."""
        return self._serve(environ, self._dated(start_response))

    def _dated(self, start_response: StartResponse) -> StartResponse:
        def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
            return start_response(status, [*headers, ("Date", http_date(self._world.now()))], *more)

        return start

    def _serve(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = with_body_read(environ)
        self._mount(environ)
        if environ["PATH_INFO"].startswith(PREFIX):
            return self._perform(environ)(environ, start_response)
        with self._world.lock:
            entry = self._enter(request)
            answer = take_answer(self._world.answers, entry)
        if answer is None:
            response = self._perform(environ)
            entry.status = response.status_code
            return response(environ, start_response)
        return self._play(answer, entry, environ, start_response)

    def _mount(self, environ: WSGIEnvironment) -> None:
        """Move the version out of the path, to where WSGI has what a path begins with: URLs keep it."""
        asked = environ["PATH_INFO"]
        path = without_version(asked)
        environ["SCRIPT_NAME"] = asked.removesuffix(path)
        if path.endswith("/") and path != "/" and takes(self._world.settings, SLASH_AT_THE_END):
            path = path.removesuffix("/")
        environ["PATH_INFO"] = path

    def _perform(self, environ: WSGIEnvironment) -> Response:
        """Serve a request while no other one is served, after the late effects that were due before it."""
        with self._world.lock:
            self._world.carry_out_late_effects()
            response = Response.from_app(self._routes, environ, buffered=True)
            # The request may have put the clock forward.
            self._world.carry_out_late_effects()
            return response

    def _enter(self, request: Request) -> Entry:
        """Add the request to the journal."""
        entry = Entry(
            self._world.now(),
            request.method,
            request.path,
            _as_sent(request.args),
            _as_sent(request.form),
            dict(request.headers),
        )
        self._world.journal.append(entry)
        return entry

    def _play(
        self, answer: Answer, entry: Entry, environ: WSGIEnvironment, start_response: StartResponse
    ) -> Iterable[bytes]:
        """Do what a script says: first the effect, then the delay, then the answer or the reset."""
        real = self._effect(answer, environ)
        time.sleep(answer.delay.total_seconds())
        entry.dropped = answer.drop
        if answer.drop in (Drop.BEFORE, Drop.AFTER):
            reset_connection(environ)
        response = answer.over(real)
        if answer.drop is Drop.MID_BODY:
            return _half(response, environ, start_response)
        entry.status = response.status_code
        return response(environ, start_response)

    def _effect(self, answer: Answer, environ: WSGIEnvironment) -> Response | None:
        """Serve the request now, later by the emulator's clock, or not at all."""
        if not answer.effect:
            return None
        if not answer.effect_delay:
            return self._perform(environ)
        with self._world.lock:
            due = self._world.now() + answer.effect_delay
            self._world.late_effects.append(
                LateEffect(due, lambda: Response.from_app(self._routes, environ, buffered=True))
            )
        return None


def _as_sent(values: MultiDict[str, str]) -> dict[str, str | list[str]]:
    """Return each name with its value, or with the list of its values if it was sent several times."""
    return {name: all_of[0] if len(all_of) == 1 else all_of for name, all_of in values.lists()}


def _half(response: Response, environ: WSGIEnvironment, start_response: StartResponse) -> Iterator[bytes]:
    """Announce the whole body, send half of it, and reset the connection."""
    body = response.get_data()
    response(environ, start_response)
    yield body[: len(body) // 2]
    reset_connection(environ)


def reset_connection(environ: WSGIEnvironment) -> NoReturn:
    """Close the connection so that the client sees a reset (RST) instead of an orderly end.

    With a linger time of zero, closing discards unsent bytes and resets the connection. The socket must be
    detached first: the server's file objects would keep it open.
    """
    connection: socket.socket = environ["werkzeug.socket"]
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    socket.close(connection.detach())
    raise ConnectionResetError
