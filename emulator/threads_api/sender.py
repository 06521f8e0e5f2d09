"""Sends deliveries to apps, one after the other, in a thread of its own. Only this module calls apps."""

from __future__ import annotations

import contextlib
import socket
from contextlib import contextmanager
from http.client import HTTPException
from threading import Thread
from typing import TYPE_CHECKING

from emulator.base.http_client import Deadline, chunks, connection_to, read_response, request_target
from emulator.threads_api import webhooks
from emulator.threads_api.deliveries import ANSWER_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPConnection

    from emulator.threads_api.delivery import Delivery
    from emulator.threads_api.world import World

_NOT_SUBSCRIBED = "not sent: the app did not confirm the subscription"


@contextmanager
def sending(world: World) -> Iterator[None]:
    """Send the deliveries in the world's outbox until the block ends, which cuts off the last one."""
    sender = _Sender(world)
    sender.start()
    try:
        yield
    finally:
        sender.stop()


class _Sender(Thread):
    """Takes deliveries out of the outbox. It never locks the world while it calls an app."""

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
        """End the thread, and cut off a call that is not finished."""
        with self._world.lock:
            self._stopped = True
            self._world.mail.notify_all()
            connection = self._connection
        if connection is not None and connection.sock is not None:
            with contextlib.suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)
        self.join(timeout=1)

    def _next(self) -> Delivery | None:
        """Wait for the next delivery; None: the thread has to end."""
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
        deadline = Deadline(self._world.settings.app_answer_seconds)
        try:
            self._connection = connection_to(delivery.url)
            with contextlib.closing(self._connection) as connection:
                status, answer = _exchange(connection, delivery, deadline)
        except TimeoutError:
            self._end(delivery, error=f"no answer within {deadline.seconds:g} s")
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


def _exchange(connection: HTTPConnection, delivery: Delivery, deadline: Deadline) -> tuple[int, str]:
    """Send a delivery; return the status and the beginning of the answer."""
    connection.timeout = deadline.left()
    connection.request(
        delivery.method, request_target(delivery.url), delivery.body.encode() or None, delivery.headers
    )
    response = read_response(connection, deadline)
    content = b""
    for chunk in chunks(connection, response, deadline):
        content += chunk
        if len(content) >= ANSWER_LENGTH:
            break
    return response.status, content[:ANSWER_LENGTH].decode(errors="replace")
