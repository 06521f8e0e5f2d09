"""A Cloud Tasks emulator: queues and tasks over gRPC, their dispatch over HTTP, on this machine.

``World`` holds the state, ``serve`` puts it on two ports::

    with serve(World([queue("projects/p/locations/l/queues/q")])) as emulator:
        channel = grpc.insecure_channel(emulator.host)
        client = CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))

Nothing in here imports from ``threads/``.
"""

from emulator.cloud_tasks.flags import queue, read_flags
from emulator.cloud_tasks.server import Emulator, PortTakenError, serve
from emulator.cloud_tasks.settings import Settings
from emulator.cloud_tasks.world import World

__all__ = ["Emulator", "PortTakenError", "Settings", "World", "queue", "read_flags", "serve"]
