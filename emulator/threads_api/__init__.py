"""A Threads emulator: ``graph.threads.net`` and Threads' authorization window, on this machine.

``World`` holds the state, ``serve`` puts it on a port::

    app = App("1000000000000001", "emulator-secret", ("http://127.0.0.1:5001/callback",))
    with serve(World([app])) as emulator:
        requests.get(f"{emulator.url}/v1.0/me", ...)

Nothing in here imports from ``threads/``. Media URLs are never fetched; apps are called at the addresses that
they are registered with, and nowhere else.
"""

from emulator.threads_api.model import Account, App
from emulator.threads_api.server import Emulator, PortTakenError, serve
from emulator.threads_api.settings import Settings
from emulator.threads_api.world import World

__all__ = ["Account", "App", "Emulator", "PortTakenError", "Settings", "World", "serve"]
