"""The functions, and the one place that wires the service's parts together.

Nothing heavy is imported with this module: ``preload`` does that for the function that is served, the rest
comes with the first request that needs it. Connections are opened only then: gunicorn forks before, and they
would not survive that.
"""

import gc
import os
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from threads import connecting, publishing
from threads.config import Config, read_config
from threads.edge import Endpoint
from threads.identity import Identity
from threads.service import Service
from threads.store import Store

if TYPE_CHECKING:
    import firebase_admin
    from google.cloud import firestore
    from google.cloud.tasks_v2 import CloudTasksClient

    from threads.tools import Tools
    from threads.vault import Vault

CONFIG: Config = read_config(os.environ)

_T = TypeVar("_T")
_making = threading.RLock()


def _once(make: Callable[[], _T]) -> Callable[[], _T]:
    """Make a thing with the first call, once however many come at the same time (``cache`` makes several)."""
    kept = cache(make)

    def get() -> _T:
        with _making:
            return kept()

    return get


@_once
def _firestore() -> "firestore.Client":
    from google.cloud import firestore  # noqa: PLC0415 - heavy

    return firestore.Client(project=CONFIG.project)


@_once
def _cloud_tasks() -> "CloudTasksClient":
    from google.cloud import tasks_v2  # noqa: PLC0415 - heavy

    if CONFIG.tasks_api is None:
        return tasks_v2.CloudTasksClient()
    import grpc  # noqa: PLC0415 - heavy
    from google.cloud.tasks_v2.services.cloud_tasks.transports import (  # noqa: PLC0415 - heavy
        CloudTasksGrpcTransport,
    )

    emulator = grpc.insecure_channel(CONFIG.tasks_api)
    return tasks_v2.CloudTasksClient(transport=CloudTasksGrpcTransport(channel=emulator))


@_once
def _firebase() -> "firebase_admin.App":
    import firebase_admin.auth  # noqa: PLC0415 - heavy

    return firebase_admin.initialize_app(options={"projectId": CONFIG.project} if CONFIG.project else None)


@_once
def _store() -> Store:
    return Store(_firestore)


@_once
def _identity() -> Identity:
    return Identity(CONFIG, _firebase)


@_once
def _vault() -> "Vault":
    from threads.vault import Vault  # noqa: PLC0415 - heavy

    return Vault(CONFIG.token_keys)


@_once
def _tools() -> "Tools":
    from threads.client import GraphClient  # noqa: PLC0415 - heavy
    from threads.records import Records  # noqa: PLC0415 - lazy
    from threads.tasks import Queue  # noqa: PLC0415 - lazy
    from threads.tools import Tools  # noqa: PLC0415 - lazy

    return Tools(
        config=CONFIG,
        store=_store(),
        records=Records(_firestore),
        tasks=Queue(CONFIG, _cloud_tasks),
        graph=GraphClient(CONFIG.graph_url, CONFIG.graph_version, connections=CONFIG.graph_connections),
        vault=_vault,
        project=lambda: str(_firestore().project),
        now=lambda: datetime.now(UTC),
        sleep=lambda pause: time.sleep(pause.total_seconds()),
    )


SERVICE = Service(CONFIG, _identity, _store, _tools)

AUTH_START = Endpoint(
    "th_auth_start",
    methods=("GET", "POST"),
    handler=partial(connecting.th_auth_start, SERVICE),
    allowed_origins=CONFIG.allowed_origins,
    project=CONFIG.project,
)
AUTH_CALLBACK = Endpoint(
    "th_auth_callback",
    methods=("GET",),
    handler=partial(connecting.th_auth_callback, SERVICE),
    error_answer=connecting.callback_error,
    project=CONFIG.project,
)
PUBLISH = Endpoint(
    "publish_threads",
    methods=("POST",),
    handler=partial(publishing.publish_threads, SERVICE),
    allowed_origins=CONFIG.allowed_origins,
    project=CONFIG.project,
)
POSTS = Endpoint(
    "th_posts",
    methods=("GET", "DELETE"),
    handler=partial(publishing.th_posts, SERVICE),
    allowed_origins=CONFIG.allowed_origins,
    project=CONFIG.project,
)
ACCOUNTS = Endpoint(
    "th_accounts",
    methods=("GET",),
    handler=partial(connecting.th_accounts, SERVICE),
    allowed_origins=CONFIG.allowed_origins,
    project=CONFIG.project,
)


def preload() -> None:
    """Load, while the process starts, what the first request will need: imports are most of a cold start.

    Here they are quicker than with that request, which is served in a forked process, where each page of
    memory that an import touches is copied first; and quicker without the garbage collector, which finds
    nothing in new modules. What was loaded is left out of later collections as well (``gc.freeze``).
    """
    modules = ["google.cloud.firestore", "google.api_core.retry"]
    if os.environ.get("FUNCTION_TARGET") != AUTH_CALLBACK.name:  # the one that has no signed-in user
        modules.append("firebase_admin.auth")
    gc.disable()
    for module in modules:
        import_module(module)
    gc.freeze()
    gc.enable()
