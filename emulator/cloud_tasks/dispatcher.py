"""Delivers tasks: one thread waits until a delivery is due, and another one makes each request."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import TYPE_CHECKING

from emulator.cloud_tasks import attempts, schedule
from emulator.cloud_tasks.configuration import HIGHEST_CONCURRENCY
from emulator.cloud_tasks.model import Outcome
from emulator.cloud_tasks.request import request_of
from emulator.cloud_tasks.sender import Sender

if TYPE_CHECKING:
    from emulator.cloud_tasks.model import Delivery
    from emulator.cloud_tasks.world import World

_log = logging.getLogger(__name__)

#: No wait is longer. After the machine has slept, or its time was changed, the thread must look again.
LONGEST_WAIT_SECONDS = 60.0


class Dispatcher:
    """Dispatches the tasks of a world, from ``start`` to ``stop``."""

    def __init__(self, world: World) -> None:
        """Prepare the threads, and start none."""
        self._world = world
        self._sender = Sender()
        # A pool makes threads only when they are needed.
        self._threads = ThreadPoolExecutor(HIGHEST_CONCURRENCY, thread_name_prefix="delivery")
        self._thread = Thread(target=self._run, name="dispatcher", daemon=True)
        self._stopping = False

    def start(self) -> None:
        """Begin to dispatch."""
        self._thread.start()

    def stop(self) -> None:
        """Stop dispatching, and break off the requests that are being made."""
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
        """Make one request, and record its outcome even if the emulator fails."""
        try:
            outcome = self._sender.send(request_of(self._world, delivery))
        except Exception as error:  # noqa: BLE001 - an error of the emulator must not lose the task
            _log.exception("A delivery of %s failed in the emulator", delivery.task.name)
            outcome = Outcome(None, error=repr(error))
        with self._world.changed:
            attempts.finish(self._world, delivery, outcome)
            self._world.changed.notify_all()
