"""Sends deliveries to apps, one after the other, from a thread of its own. Nothing else calls anybody."""

from __future__ import annotations

import contextlib
import socket
import time
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from emulator.threads_api import webhooks
from emulator.threads_api.deliveries import ANSWER_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse

    from emulator.threads_api.model import Delivery
    from emulator.threads_api.world import World

_NOT_SUBSCRIBED = "not sent: the app did not confirm the subscription"


@contextmanager
def sending(world: World) -> Iterator[None]:
    """Send what waits in the world's outbox until the block ends; an answer that is awaited then is not."""
    sender = _Sender(world)
    sender.start()
    try:
        yield
    finally:
        sender.stop()


class _Sender(Thread):
    """Takes deliveries out of the line; holds the world only between calls, never during one."""

    def __init__(self, world: World) -> None:
        super().__init__(daemon=True)
        self._world = world
        self._stopped = False
        self._connection: HTTPConnection | None = None

    def run(self) -> None:
        while (delivery := self._next()) is not None:
            with self._world.lock:
                subscribing = webhooks.missing_subscription(self._world, delivery)
            if subscribing is None or self._subscribe(subscribing, delivery):
                self._send(delivery)
            else:
                self._end(delivery, error=_NOT_SUBSCRIBED)

    def stop(self) -> None:
        """End the thread; a call that is under way is cut off."""
        with self._world.lock:
            self._stopped = True
            self._world.mail.notify_all()
            connection = self._connection
        if connection is not None and connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        self.join(timeout=1)

    def _next(self) -> Delivery | None:
        """Wait for the next delivery; None when it is time to stop."""
        with self._world.lock:
            self._world.mail.wait_for(lambda: self._stopped or self._world.outbox)
            return None if self._stopped else self._world.outbox.popleft()

    def _subscribe(self, subscribing: Delivery, delivery: Delivery) -> bool:
        self._send(subscribing)
        confirmed = webhooks.is_confirmed(subscribing)
        if confirmed:
            with self._world.lock:
                self._world.subscriptions.add((delivery.app_id, delivery.url))
        return confirmed

    def _send(self, delivery: Delivery) -> None:
        seconds = self._world.settings.app_answer_seconds
        ends_at = time.monotonic() + seconds
        try:
            self._connection = _connection(delivery.url, seconds)
            with contextlib.closing(self._connection) as connection:
                status, answer = _exchange(connection, delivery, ends_at)
        except TimeoutError:
            self._end(delivery, error=f"no answer within {seconds:g} s")
        except (OSError, HTTPException, ValueError) as error:
            self._end(delivery, error=f"{type(error).__name__}: {error}")
        else:
            self._end(delivery, status=status, answer=answer)
        finally:
            self._connection = None

    def _end(
        self,
        delivery: Delivery,
        *,
        status: int | None = None,
        answer: str | None = None,
        error: str | None = None,
    ) -> None:
        with self._world.lock:
            delivery.status, delivery.answer, delivery.error = status, answer, error
            self._world.mail.notify_all()


def _connection(url: str, seconds: float) -> HTTPConnection:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(parts.hostname or "", parts.port, timeout=seconds)


def _exchange(connection: HTTPConnection, delivery: Delivery, ends_at: float) -> tuple[int, str]:
    """Return status and the beginning of the answer's text; redirects are not followed."""
    parts = urlsplit(delivery.url)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    connection.request(delivery.method, path, delivery.body.encode() or None, delivery.headers)
    connection.sock.settimeout(_left(ends_at))
    response = connection.getresponse()
    return response.status, _text(connection, response, ends_at)


def _text(connection: HTTPConnection, response: HTTPResponse, ends_at: float) -> str:
    """Read no more than is kept, and no longer than there is time, however slowly it drips."""
    content = b""
    while len(content) < ANSWER_LENGTH:
        left = _left(ends_at)
        if connection.sock is not None:
            connection.sock.settimeout(left)
        chunk = response.read1(ANSWER_LENGTH - len(content))
        if not chunk:
            break
        content += chunk
    return content.decode(errors="replace")


def _left(ends_at: float) -> float:
    left = ends_at - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
