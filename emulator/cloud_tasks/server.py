"""Serves the emulator on its two ports, in a process of its own or inside a test."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.base.http_server import PortTakenError, listening, serving
from emulator.cloud_tasks.application import make_application
from emulator.cloud_tasks.dispatcher import Dispatcher
from emulator.cloud_tasks.rpc import serving_calls

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.cloud_tasks.world import World

__all__ = ["Emulator", "PortTakenError", "serve"]


@dataclass(frozen=True)
class Emulator:
    """A running emulator."""

    #: The address for gRPC, as ``address:port``.
    host: str
    #: The URL of the controls and the keys.
    url: str
    world: World


@contextmanager
def serve(
    world: World, *, host: str = "127.0.0.1", port: int = 0, http_port: int = 0, verbose: bool = False
) -> Iterator[Emulator]:
    """Serve ``world``, and dispatch its tasks, until the block ends. Port 0 chooses a free one.

    Raises:
        PortTakenError: another program listens on a port.

    """
    with listening(host, http_port) as (world.url, listener), serving_calls(world, host, port) as world.host:
        dispatcher = Dispatcher(world)
        dispatcher.start()
        try:
            with serving(listener, make_application(world), verbose=verbose):
                yield Emulator(world.host, world.url, world)
        finally:
            dispatcher.stop()
