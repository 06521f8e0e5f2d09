"""The gRPC side: each method of ``google.cloud.tasks.v2.CloudTasks`` that the emulator has, and its rule.

The client's package has no servicer class, so the methods are registered by name.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc
from google.cloud.tasks_v2 import types

from emulator.cloud_tasks import queues, tasks
from emulator.cloud_tasks.errors import Refused
from emulator.http_server import PortTakenError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emulator.cloud_tasks.world import World

    Rule = Callable[[World, Any], Any]

SERVICE = "google.cloud.tasks.v2.CloudTasks"

#: Each method with its request's class and its rule; all others are UNIMPLEMENTED.
METHODS: dict[str, tuple[Any, Rule]] = {
    "CreateQueue": (types.CreateQueueRequest, queues.create),
    "GetQueue": (types.GetQueueRequest, queues.get),
    "ListQueues": (types.ListQueuesRequest, queues.list_all),
    "UpdateQueue": (types.UpdateQueueRequest, queues.update),
    "DeleteQueue": (types.DeleteQueueRequest, queues.delete),
    "PurgeQueue": (types.PurgeQueueRequest, queues.purge),
    "PauseQueue": (types.PauseQueueRequest, queues.pause),
    "ResumeQueue": (types.ResumeQueueRequest, queues.resume),
    "CreateTask": (types.CreateTaskRequest, tasks.create),
    "GetTask": (types.GetTaskRequest, tasks.get),
    "ListTasks": (types.ListTasksRequest, tasks.list_all),
    "DeleteTask": (types.DeleteTaskRequest, tasks.delete),
    "RunTask": (types.RunTaskRequest, tasks.run),
}

#: Calls served at once. They wait for nothing but the lock.
THREADS = 16
#: How long calls that are being served have to end.
ENDING_SECONDS = 0.2


@contextmanager
def serving_calls(world: World, host: str, port: int) -> Iterator[str]:
    """Serve calls until the block ends, and yield ``address:port``. Raises PortTakenError."""
    handlers = {name: _handler(world, *method) for name, method in METHODS.items()}
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="call")
    server = grpc.server(
        threads,
        handlers=[grpc.method_handlers_generic_handler(SERVICE, handlers)],
        # Or two emulators could share a port without either of them noticing.
        options=[("grpc.so_reuseport", 0)],
    )
    address = f"[{host}]" if ":" in host else host
    try:
        chosen = server.add_insecure_port(f"{address}:{port}")
    except RuntimeError as error:
        raise PortTakenError(f"Cannot listen on {host}:{port}.") from error
    server.start()
    try:
        yield f"{address}:{chosen}"
    finally:
        server.stop(ENDING_SECONDS).wait()
        threads.shutdown()


def _handler(world: World, request_class: Any, rule: Rule) -> grpc.RpcMethodHandler[Any, Any]:
    def call(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            with world.changed:
                answer = rule(world, request)
                world.changed.notify_all()
                # While nobody else can change what it shows.
                return answer.SerializeToString()
        except Refused as refused:
            context.abort(refused.code, str(refused))

    return grpc.unary_unary_rpc_method_handler(call, request_deserializer=request_class.pb().FromString)
