"""Serves the emulator, in a process of its own or inside a test."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from emulator.base.http_server import PortTakenError, listening, serving
from emulator.threads_api.application import make_application
from emulator.threads_api.face import Emulator
from emulator.threads_api.sender import sending

if TYPE_CHECKING:
    from collections.abc import Iterator

    from emulator.threads_api.world import World

__all__ = ["Emulator", "PortTakenError", "serve"]


@contextmanager
def serve(
    world: World, *, host: str = "127.0.0.1", port: int = 0, verbose: bool = False
) -> Iterator[Emulator]:
    """Serve ``world``, and send its deliveries, until the block ends. Port 0 chooses a free one.

    Raises:
        PortTakenError: another program listens on the port.

    """
    application = make_application(world)
    with (
        listening(host, port) as (world.url, listener),
        sending(world),
        serving(listener, application, verbose=verbose),
    ):
        yield Emulator(world.url, world, application)
