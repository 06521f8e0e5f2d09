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
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from threads import connecting, managing, meta, publishing, refreshing
from threads.answer import Answer
from threads.call import Call
from threads.config import Config, read_config
from threads.edge import Endpoint, ErrorAnswer, default_error
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

FIREBASE_TIMEOUT = timedelta(seconds=10)
"""For each part of a call to Firebase Authentication: connecting, and each read. firebase-admin's own is two
minutes, as long as a whole connection may take."""

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

    project = {"projectId": CONFIG.project} if CONFIG.project else {}
    return firebase_admin.initialize_app(options={"httpTimeout": FIREBASE_TIMEOUT.total_seconds(), **project})


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
    from threads.users import FirebaseUsers  # noqa: PLC0415 - lazy

    return Tools(
        config=CONFIG,
        store=_store(),
        records=Records(_firestore),
        tasks=Queue(CONFIG, _cloud_tasks),
        graph=GraphClient(CONFIG.graph_url, CONFIG.graph_version, connections=CONFIG.graph_connections),
        users=FirebaseUsers(_firebase),
        vault=_vault,
        project=lambda: str(_firestore().project),
        now=lambda: datetime.now(UTC),
        sleep=lambda pause: time.sleep(pause.total_seconds()),
    )


SERVICE = Service(CONFIG, _identity, _store, _tools)


def _endpoint(
    handler: Callable[[Service, Call], Answer],
    *methods: str,
    for_pages: bool = False,
    error_answer: ErrorAnswer = default_error,
) -> Endpoint:
    """Return a function; ``for_pages`` lets the app's pages call it (CORS)."""
    return Endpoint(
        handler.__name__,
        methods=methods,
        handler=partial(handler, SERVICE),
        allowed_origins=CONFIG.allowed_origins if for_pages else (),
        error_answer=error_answer,
        project=CONFIG.project,
    )


AUTH_START = _endpoint(connecting.th_auth_start, "GET", "POST", for_pages=True)
AUTH_CALLBACK = _endpoint(connecting.th_auth_callback, "GET", error_answer=connecting.callback_error)
AUTH_FINISH = _endpoint(connecting.th_auth_finish, "POST", for_pages=True)
PUBLISH = _endpoint(publishing.publish_threads, "POST", for_pages=True)
POSTS = _endpoint(publishing.th_posts, "GET", "POST", "DELETE", for_pages=True)
ACCOUNTS = _endpoint(managing.th_accounts, "GET", "PATCH", "DELETE", for_pages=True)
REFRESH_TOKENS = _endpoint(refreshing.th_refresh_tokens, "POST")
DEAUTHORIZE = _endpoint(meta.th_deauthorize, "POST")
DELETE_DATA = _endpoint(meta.th_delete_data, "GET", "POST", error_answer=meta.deletion_error)
WEBHOOK = _endpoint(meta.th_webhook, "GET", "POST")

WITHOUT_USERS = (AUTH_CALLBACK, REFRESH_TOKENS, DEAUTHORIZE, DELETE_DATA, WEBHOOK)
"""Functions that no signed-in user calls."""


def preload() -> None:
    """Load, while the process starts, what the first request will need: imports are most of a cold start.

    Here they are quicker than with that request, which is served in a forked process, where each page of
    memory that an import touches is copied first; and quicker without the garbage collector, which finds
    nothing in new modules. What was loaded is left out of later collections as well (``gc.freeze``).
    """
    modules = ["google.cloud.firestore", "google.api_core.retry"]
    if os.environ.get("FUNCTION_TARGET") not in {endpoint.name for endpoint in WITHOUT_USERS}:
        modules.append("firebase_admin.auth")
    gc.disable()
    for module in modules:
        import_module(module)
    gc.freeze()
    gc.enable()
