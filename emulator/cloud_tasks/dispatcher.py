"""Carries deliveries out: one thread that waits until something is due, and one for each request."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import TYPE_CHECKING

from emulator.cloud_tasks import attempts, schedule
from emulator.cloud_tasks.messages import HIGHEST_CONCURRENCY
from emulator.cloud_tasks.requesting import request_of
from emulator.cloud_tasks.sender import Sender

if TYPE_CHECKING:
    from emulator.cloud_tasks.attempts import Delivery
    from emulator.cloud_tasks.world import World

_log = logging.getLogger(__name__)

#: No wait is longer, so that a machine that slept, or whose time was set, is noticed.
LONGEST_WAIT_SECONDS = 60.0


class Dispatcher:
    """Dispatches the tasks of a world, from ``start`` to ``stop``."""

    def __init__(self, world: World) -> None:
        """Start nothing yet."""
        self._world = world
        self._sender = Sender()
        # Threads are made as they are needed; the queues' own limits say how many that is.
        self._threads = ThreadPoolExecutor(HIGHEST_CONCURRENCY, thread_name_prefix="delivery")
        self._thread = Thread(target=self._run, name="dispatcher", daemon=True)
        self._stopping = False

    def start(self) -> None:
        """Begin to dispatch."""
        self._thread.start()

    def stop(self) -> None:
        """Dispatch nothing more, and break off what is under way."""
        with self._world.changed:
            self._stopping = True
            self._world.changed.notify_all()
        self._thread.join()
        self._sender.close()
        self._threads.shutdown(cancel_futures=True)

    def _run(self) -> None:
        with self._world.changed:
            while not self._stopping:
                for delivery in schedule.begin_due(self._world):
                    self._threads.submit(self._deliver, delivery)
                pause = schedule.pause(self._world)
                self._world.changed.wait(
                    LONGEST_WAIT_SECONDS if pause is None else min(pause, LONGEST_WAIT_SECONDS)
                )

    def _deliver(self, delivery: Delivery) -> None:
        """Make one request, and say what came of it whatever happens."""
        try:
            outcome = self._sender.send(request_of(self._world, delivery))
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not lose the task
            _log.exception("A delivery of %s failed in the emulator", delivery.task.name)
            outcome = attempts.Outcome(None, error=repr(error))
        with self._world.changed:
            attempts.finish(self._world, delivery, outcome)
            self._world.changed.notify_all()
