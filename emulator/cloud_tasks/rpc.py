"""The gRPC side: the two methods of ``google.cloud.tasks.v2.CloudTasks`` that the service calls.

Google's package has no servicer class, so the methods are registered by name.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import grpc

from emulator.base.http_server import PortTakenError
from emulator.cloud_tasks import tasks
from emulator.cloud_tasks.errors import Refused, not_served
from emulator.cloud_tasks.messages import CreateTaskRequest, DeleteTaskRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from emulator.cloud_tasks.world import World

    Rule = Callable[[World, Any], Any]

SERVICE = "google.cloud.tasks.v2.CloudTasks"

#: Each method with the class of its request and its rule. All others are UNIMPLEMENTED.
METHODS: dict[str, tuple[Any, Rule]] = {
    "CreateTask": (CreateTaskRequest, tasks.create),
    "DeleteTask": (DeleteTaskRequest, tasks.delete),
}

#: How many calls are served at once. They wait only for the lock.
THREADS = 16
#: How long calls may take to finish when the emulator ends.
ENDING_SECONDS = 0.2


@contextmanager
def serving_calls(world: World, host: str, port: int) -> Iterator[str]:
    """Serve calls until the block ends, and yield ``address:port``. Raises PortTakenError."""
    methods = {f"/{SERVICE}/{name}": _handler(world, *method) for name, method in METHODS.items()}
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="call")
    server = grpc.server(
        threads,
        handlers=[_Calls(methods)],
        # Otherwise two emulators could listen on the same port.
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


class _Calls(grpc.GenericRpcHandler):
    """Finds what serves a call. Without a method of that name, it is a refusal that says what there is."""

    def __init__(self, methods: dict[str, grpc.RpcMethodHandler[Any, Any]]) -> None:
        """Take the methods by their paths."""
        self._methods = methods

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any]:
        """Return what serves a call, whatever it is."""
        return self._methods.get(details.method) or grpc.unary_unary_rpc_method_handler(
            _refuse(details.method)
        )


def _refuse(path: str) -> Callable[[Any, grpc.ServicerContext], Any]:
    def call(_request: Any, context: grpc.ServicerContext) -> Any:
        refused = not_served(path.strip("/").replace("/", "."), f"{' and '.join(METHODS)} of {SERVICE}")
        context.abort(refused.code, str(refused))

    return call


def _handler(world: World, request_class: Any, rule: Rule) -> grpc.RpcMethodHandler[Any, Any]:
    def call(request: Any, context: grpc.ServicerContext) -> Any:
        try:
            with world.changed:
                answer = rule(world, request)
                world.changed.notify_all()
                return answer.SerializeToString()
        except Refused as refused:
            context.abort(refused.code, str(refused))

    return grpc.unary_unary_rpc_method_handler(call, request_deserializer=request_class.FromString)
