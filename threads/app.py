"""What each function consists of: its handler, and who may call it. Here the parts are put together.

To add a function: a handler in ``functions``, an ``Endpoint`` below, its name in ``main.py``, and how it is
deployed in ``functions.yaml``; if no signed-in user calls it, also in ``WITHOUT_USERS`` below.
CONTRIBUTING.md has the whole list, with tests and pages. No other place creates the real parts.

The parts are created while this module loads. The connections that they need are opened with the first
request: gunicorn forks in between, and no connection would survive that.
"""

import gc
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import cache, partial
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from flask import Request, Response

from threads.accounts.parts import AccountParts
from threads.accounts.repository import AccountRepository
from threads.accounts.vault import Vault
from threads.base.config import Config, read_config
from threads.base.side_by_side import AT_ONCE
from threads.cloud.clock import ServerClock
from threads.cloud.tasks import TaskQueue
from threads.cloud.users import FirebaseUsers
from threads.connections.parts import ConnectionParts
from threads.connections.repository import ConnectionRepository
from threads.functions import accounts, auth, meta, publish, refresh, upkeep
from threads.functions.callers import Callers, anybody
from threads.functions.endpoint import Endpoint, ErrorAnswer, bare, default_error
from threads.functions.request import HttpRequest
from threads.functions.response import HttpResponse
from threads.functions.visits import Visits
from threads.graph.client import GraphClient
from threads.posts.parts import PostParts
from threads.posts.repository import PostRepository
from threads.publishing.parts import PublishingParts
from threads.publishing.share import Shares

if TYPE_CHECKING:
    import firebase_admin
    from google.cloud import firestore
    from google.cloud.tasks_v2 import CloudTasksClient

CONFIG: Config = read_config(os.environ)

FIREBASE_TIMEOUT = timedelta(seconds=10)
"""The time limit for each part of a call to Firebase Authentication: connecting, and each read. By default,
firebase-admin waits for two minutes, which is as long as connecting an account may take in all."""

_T = TypeVar("_T")
_R = TypeVar("_R")
_Parts = TypeVar("_Parts")
_Caller = TypeVar("_Caller")
_making = threading.RLock()


def _once(make: Callable[[], _T]) -> Callable[[], _T]:
    """Return a function that creates a thing with its first call, and then returns the same thing.

    If several first calls come at once, one of them creates it. With ``cache`` alone, each would.
    """
    kept = cache(make)

    def get() -> _T:
        with _making:
            return kept()

    return get


# --- connections, opened with the first request that needs them ---------------------------------------------


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


# --- parts --------------------------------------------------------------------------------------------------


def _sleep(pause: timedelta) -> None:
    time.sleep(pause.total_seconds())


def _is_never_gone(_uid: str) -> bool:
    return False


def _side_by_side(work: Callable[[_T], _R], things: Iterable[_T]) -> Iterator[_R]:
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="side-by-side") as pool:
        yield from pool.map(work, things)


def _both(first: Callable[[], _T], second: Callable[[], _R]) -> tuple[_T, _R]:
    with ThreadPoolExecutor(1, thread_name_prefix="both") as pool:
        other = pool.submit(second)
        return first(), other.result()


_clock = ServerClock()
_now = _clock.now
_queue = TaskQueue(CONFIG, _cloud_tasks)
_callers = Callers(CONFIG, _firebase)
_users = FirebaseUsers(_firebase)
_accounts = AccountParts(
    repository=AccountRepository(_firestore, _clock),
    graph=GraphClient(CONFIG.graph_url, CONFIG.graph_version, connections=CONFIG.graph_connections),
    app_token=CONFIG.app_token,
    vault=Vault(CONFIG.token_keys, lambda: str(_firestore().project)),
    queue=_queue,
    now=_now,
    side_by_side=_side_by_side,
)
_posts = PostParts(PostRepository(_firestore, _clock), _queue, _now)
_publishing = PublishingParts(
    CONFIG,
    _accounts,
    _posts,
    now=_now,
    sleep=_sleep,
    shares=Shares(CONFIG.graph_connections),
    is_gone=_users.is_gone if CONFIG.are_users_checked else _is_never_gone,
)
_connections = ConnectionParts(
    CONFIG,
    repository=ConnectionRepository(_firestore, _clock),
    accounts=_accounts,
    posts=_posts,
    users=_users,
    now=_now,
    sleep=_sleep,
    both=_both,
)


# --- the functions ------------------------------------------------------------------------------------------


def _endpoint(
    handler: Callable[[_Parts, HttpRequest, _Caller], HttpResponse],
    parts: _Parts,
    *methods: str,
    caller: Callable[[HttpRequest], _Caller],
    for_pages: bool = False,
    error_answer: ErrorAnswer = default_error,
) -> Endpoint[_Caller]:
    """Return a function. With ``for_pages``, the app's pages may call it (CORS)."""
    return Endpoint(
        name=handler.__name__,
        methods=methods,
        caller=caller,
        handler=partial(handler, parts),
        allowed_origins=CONFIG.allowed_origins if for_pages else (),
        error_answer=error_answer,
        errors_url=CONFIG.errors_url,
        project=CONFIG.project,
    )


AUTH_START = _endpoint(
    auth.th_auth_start,
    _connections,
    "GET",
    "POST",
    caller=_callers.user_unless(auth.starts_sign_in, Visits()),
    for_pages=True,
)
AUTH_CALLBACK = _endpoint(
    auth.th_auth_callback, _connections, "GET", caller=anybody, error_answer=auth.callback_error
)
AUTH_FINISH = _endpoint(
    auth.th_auth_finish,
    _connections,
    "POST",
    caller=_callers.user_unless(auth.finishes_sign_in),
    for_pages=True,
)
PUBLISH = _endpoint(
    publish.publish_threads, _publishing, "POST", caller=_callers.user_or_task, for_pages=True
)
POSTS = _endpoint(
    publish.th_posts, _publishing, "GET", "POST", "PATCH", "DELETE", caller=_callers.user, for_pages=True
)
ACCOUNTS = _endpoint(
    accounts.th_accounts, _connections, "GET", "PATCH", "DELETE", caller=_callers.user_or_task, for_pages=True
)
REFRESH_TOKENS = _endpoint(refresh.th_refresh_tokens, _connections, "POST", caller=_callers.scheduler_or_task)
UPKEEP = _endpoint(upkeep.th_upkeep, _publishing, "POST", caller=_callers.scheduler)
DEAUTHORIZE = _endpoint(meta.th_deauthorize, _connections, "POST", caller=_callers.meta)
DELETE_DATA = _endpoint(
    meta.th_delete_data,
    _connections,
    "GET",
    "POST",
    caller=_callers.meta_or_visitor,
    error_answer=meta.deletion_error,
)
WEBHOOK = _endpoint(meta.th_webhook, _publishing, "GET", "POST", caller=_callers.meta_webhook)


def not_ours(request: Request) -> Response | None:
    """Answer the two paths that functions-framework keeps for itself: with our headers, and in time."""
    is_ours = request.path not in {"/robots.txt", "/favicon.ico"}
    return None if is_ours else bare(request, HTTPStatus.NOT_FOUND)


WITHOUT_USERS = (AUTH_CALLBACK, REFRESH_TOKENS, UPKEEP, DEAUTHORIZE, DELETE_DATA, WEBHOOK)
"""Functions that no signed-in user calls."""


def preload() -> None:
    """Load what the first request will need while the process starts: imports are most of a cold start.

    Here imports are quicker than with the first request. That request is served in a forked process, where
    each page of memory that an import touches must be copied first. They are also quicker without the garbage
    collector, which finds nothing in new modules. Later collections leave the loaded modules out, too
    (``gc.freeze``).

    functions-framework would make Cloud Run's time limit of a request gunicorn's limit for a worker's sign of
    life. An instance that was frozen while it was idle gives none, and would be ended with its next request.
    """
    os.environ.pop("CLOUD_RUN_TIMEOUT_SECONDS", None)
    modules = ["google.cloud.firestore", "google.api_core.retry"]
    if os.environ.get("FUNCTION_TARGET") not in {endpoint.name for endpoint in WITHOUT_USERS}:
        modules += ["firebase_admin.auth"]
    gc.disable()
    for module in modules:
        import_module(module)
    gc.freeze()
    gc.enable()
