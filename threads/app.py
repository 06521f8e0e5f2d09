"""The functions themselves, and the one place that wires their tools together.

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
from functools import cache
from http import HTTPStatus
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from threads.answer import Answer, error_headers, json_error, page, redirect
from threads.call import Call
from threads.config import Config, read_config
from threads.edge import Endpoint, error_notes
from threads.errors import Forbidden, InProgress, ServiceError
from threads.identity import Identity, Task
from threads.store import Store
from threads.wire import Fields

if TYPE_CHECKING:
    import firebase_admin
    from google.cloud import firestore

    from threads.auth_callback import Outcome
    from threads.publish import Published
    from threads.tools import Tools
    from threads.vault import Vault

CONFIG: Config = read_config(os.environ)

START_PARAMETERS = ("returnTo", "return_to", "scopes", "redirect")

MAX_PARAMETER = 4096
"""Characters of a parameter of th_auth_start that are looked at."""


# --- handlers -----------------------------------------------------------------------------------------------


def _auth_start(call: Call) -> Answer:
    from threads import auth_start  # noqa: PLC0415 - lazy

    uid = _identity().user(call.authorization).uid
    call.notes["uid"] = uid
    given = call.query(*START_PARAMETERS)
    body = call.optional_json()
    fields = Fields({**given, **body}, known=START_PARAMETERS)
    for name in given.keys() & body.keys():
        fields.problem(name, "invalid_request", "stands in the query and in the body.")
    return_to = fields.text("returnTo", limit=MAX_PARAMETER) or fields.text("return_to", limit=MAX_PARAMETER)
    scopes = [
        scope
        for entry in fields.texts("scopes", limit=MAX_PARAMETER)
        for scope in entry.replace(",", " ").split()
    ]
    fields.check()
    wish = auth_start.Wish(uid=uid, unverified_return_to=return_to, unverified_scopes=scopes)
    url = auth_start.start(CONFIG, _store(), wish, now=datetime.now(UTC))
    if str(given.get("redirect", body.get("redirect"))) in {"1", "True"}:
        return redirect(url)
    lifetime = int(auth_start.STATE_LIFETIME.total_seconds())
    return Answer(body={"ok": True, "authUrl": url, "expiresIn": lifetime})


def _auth_callback(call: Call) -> Answer:
    from threads import auth_callback  # noqa: PLC0415 - lazy

    given = call.query("state", "code", "error")
    callback = auth_callback.Callback(
        unverified_state=given.get("state", ""),
        unverified_code=given.get("code", ""),
        unverified_error=given.get("error", ""),
    )
    outcome = auth_callback.finish(_tools(), callback)
    if outcome.error:
        call.notes |= error_notes(outcome.error)
    if isinstance(outcome.error, InProgress):
        raise outcome.error
    if outcome.return_to:
        return redirect(outcome.return_to.with_outcome(outcome.parameters()))
    return _outcome_answer(call, outcome)


def _publish(call: Call) -> Answer:
    from threads import posts, publish  # noqa: PLC0415 - lazy

    caller = _identity().caller(call.authorization)
    if isinstance(caller, Task):
        call.notes["caller"] = "task"
        return _publish_task(call)
    call.notes["uid"] = caller.uid
    submission = posts.read_web_body(call.json(), call.request.headers.get("Idempotency-Key"))
    if submission.user_id not in (None, caller.uid):
        raise Forbidden("The body names another user than the ID token.")
    wants_all = "return=representation" in call.request.headers.get("Prefer", "")
    published = publish.publish(_tools(), caller.uid, submission, permalink=wants_all)
    return _published_answer(call, published)


def _publish_task(call: Call) -> Answer:
    """Publish a task's post; what no other try can change is an answer that ends the task."""
    from threads import posts, publish  # noqa: PLC0415 - lazy

    try:
        submission = posts.read_task_body(call.untyped_json())
        uid = submission.user_id or ""
        call.notes["uid"] = uid
        return _published_answer(call, publish.publish(_tools(), uid, submission, permalink=False))
    except ServiceError as error:
        call.notes |= error_notes(error)
        if not error.retryable:
            return Answer(body={"ok": False, "status": "failed", "error": error.as_json()})
        # 429 is the web app's word for a limit; to the queue everything that passes is 503.
        status = HTTPStatus.CONFLICT if isinstance(error, InProgress) else HTTPStatus.SERVICE_UNAVAILABLE
        return json_error(error)._replace(status=status)


def _published_answer(call: Call, published: "Published") -> Answer:
    call.notes |= {
        "postId": published.post_id,
        "accountId": published.account_id,
        "mediaId": published.media_id,
    }
    return Answer(body=published.as_json())


def _accounts(call: Call) -> Answer:
    from threads.accounts import cards_answer  # noqa: PLC0415 - lazy

    uid = _identity().user(call.authorization).uid
    call.notes["uid"] = uid
    return Answer(body=cards_answer(_store().read_summary(uid)))


# --- answers of the callback --------------------------------------------------------------------------------


def _outcome_answer(call: Call, outcome: "Outcome") -> Answer:
    """Answer a callback that leads nowhere: JSON for a program, a page for a person."""
    if outcome.error:
        return _callback_error(call, outcome.error)
    if call.accepts_json():
        found = {"accountId": outcome.account_id, "profile": outcome.profile} if outcome.account_id else {}
        return Answer(body={"ok": outcome.account_id is not None, "status": outcome.status, **found})
    if outcome.account_id is None:
        return page("Not connected", "You did not allow the app to use your Threads account.")
    return page("Connected", f"@{outcome.profile['username']} is connected. You can close this page.")


def _callback_error(call: Call, error: ServiceError) -> Answer:
    if call.accepts_json():
        return json_error(error)
    wait = error.retry_after
    waiting = isinstance(error, InProgress)
    answer = page(
        "Connecting…" if waiting else "Not connected",
        error.message,
        status=error.status,
        reload_after=int(wait.total_seconds()) if waiting and wait else None,
    )
    return answer._replace(headers=error_headers(error))


# --- wiring -------------------------------------------------------------------------------------------------


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
    from threads.tools import Tools  # noqa: PLC0415 - lazy

    return Tools(
        config=CONFIG,
        store=_store(),
        graph=GraphClient(CONFIG.graph_url, CONFIG.graph_version, connections=CONFIG.graph_connections),
        vault=_vault,
        project=lambda: str(_firestore().project),
        now=lambda: datetime.now(UTC),
        sleep=lambda pause: time.sleep(pause.total_seconds()),
    )


# --- the functions ------------------------------------------------------------------------------------------

AUTH_START = Endpoint(
    "th_auth_start",
    methods=("GET", "POST"),
    handler=_auth_start,
    allowed_origins=CONFIG.allowed_origins,
    project=CONFIG.project,
)
AUTH_CALLBACK = Endpoint(
    "th_auth_callback",
    methods=("GET",),
    handler=_auth_callback,
    error_answer=_callback_error,
    project=CONFIG.project,
)
PUBLISH = Endpoint(
    "publish_threads",
    methods=("POST",),
    handler=_publish,
    allowed_origins=CONFIG.allowed_origins,
    project=CONFIG.project,
)
ACCOUNTS = Endpoint(
    "th_accounts",
    methods=("GET",),
    handler=_accounts,
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
