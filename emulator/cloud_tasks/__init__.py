"""A Cloud Tasks emulator: it takes tasks over gRPC and delivers them over HTTP, on this machine.

names               the names of queues and tasks
errors              every error that a call can end with
messages            the messages of the protocol
retries             when a failed task is tried again
configuration       the configuration of a queue, from the flags of gcloud
rates               how fast a queue dispatches
settings            what can be chosen
tokens              OIDC tokens, and the key that verifies them
journal             the attempts that were made
model               queues, tasks and deliveries
duplicates          scripts for deliveries that happen more than once
world               the whole state
checks              the rules for a new task
tasks               the rules behind the calls
attempts            the beginning and the end of an attempt
schedule            which task is delivered next, and when
request             the HTTP request of a delivery
sender              sends requests to targets
dispatcher          the threads that deliver tasks
rpc                 the calls, over gRPC
control             the controls: queues, tasks, dispatches, waiting until nothing is due
control_deliveries  the controls for extra deliveries
application         the HTTP side: controls and keys
server              serves the emulator
__main__            the command line

``World`` holds the state. ``serve`` serves it on two ports::

    with serve(World([queue("projects/p/locations/l/queues/q")])) as emulator:
        channel = grpc.insecure_channel(emulator.host)
        client = CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
"""

from emulator.cloud_tasks.configuration import queue, read_flags
from emulator.cloud_tasks.server import Emulator, PortTakenError, serve
from emulator.cloud_tasks.settings import Settings
from emulator.cloud_tasks.world import World

__all__ = ["Emulator", "PortTakenError", "Settings", "World", "queue", "read_flags", "serve"]
