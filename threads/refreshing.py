"""What th_refresh_tokens does with a request.

A handler reads it, calls a story, and answers with what came of it; it is called through an ``Endpoint``,
which turns what it raises into answers. Stories are imported with the first request that needs them.
"""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from threads.answer import Answer
from threads.call import Call
from threads.edge import error_notes
from threads.errors import InternalError, InvalidRequest, Problem, ServiceError
from threads.service import Service
from threads.store import Due
from threads.wire import Fields, is_document_id, is_threads_id

if TYPE_CHECKING:
    from threads.tools import Tools

MAX_ID = 1500
"""Characters of an id; Firestore's limit is as many bytes."""

MAX_PATH = 6000
"""The same for a document's path, which Firestore limits to 6 KiB."""

BUDGET = timedelta(seconds=90)
"""After how much of the hour's call no other deletion is begun: a minute is the sweep's (``sweep.BUDGET``),
and what is left of two, after which the function ends, is for the last one."""


def th_refresh_tokens(service: Service, call: Call) -> Answer:
    """Serve th_refresh_tokens: a sweep's first page for Cloud Scheduler, another or one account for a task.

    What passes is answered 200: a 503 would slow the queue down, which posts share, and the next hour's sweep
    tries again in any case.
    """
    service.identity().check_refresher(call.authorization)
    wanted = _read(call.optional_json())
    try:
        _carry_out(service, call, wanted)
    except ServiceError as error:
        if not error.retryable:
            raise
        call.notes |= error_notes(error)
        return Answer(body={"ok": False})
    return Answer(body={"ok": True})


def _read(body: dict[str, Any]) -> tuple[str, str] | Due | None:
    """Return whose account is to be refreshed, or from where on a sweep goes on; None where it begins.

    Raises:
        InvalidRequest: the body says something else.

    """
    if "after" in body:
        return _read_place(body)
    return _read_names(body) if body else None


def _read_names(body: dict[str, Any]) -> tuple[str, str]:
    fields = Fields(body, known={"userId", "accountId"})
    uid, account_id = (fields.text(name, limit=MAX_ID) or "" for name in ("userId", "accountId"))
    if not is_document_id(uid):
        fields.problem("userId", "invalid_request", "must be a user's id.")
    if not is_threads_id(account_id):
        fields.problem("accountId", "invalid_request", "must be the id of a Threads account.")
    fields.check()
    return uid, account_id


def _read_place(body: dict[str, Any]) -> Due:
    fields = Fields(body, known={"after"})
    place = Fields(fields.object("after"), known={"refreshAt", "path"})
    refresh_at, path = place.moment("refreshAt"), place.text("path", limit=MAX_PATH) or ""
    fields.check()
    place.check()
    if refresh_at is None or not _is_document_path(path):
        raise InvalidRequest(Problem("after", "invalid_request", "must be a place that a sweep has come to."))
    return Due(refresh_at, path)


def _carry_out(service: Service, call: Call, wanted: tuple[str, str] | Due | None) -> None:
    """Sweep or refresh, and let the log line say what came of it."""
    tools = service.tools()
    if wanted is None:
        _do_the_hours_work(tools, call)
    elif isinstance(wanted, Due):
        _sweep(tools, call, wanted)
    else:
        _refresh(tools, call, *wanted)


def _do_the_hours_work(tools: "Tools", call: Call) -> None:
    """Sweep; then, whatever came of it, go on with deletions: they keep no token from being refreshed."""
    from threads import forget  # noqa: PLC0415 - lazy

    ends = tools.now() + BUDGET
    try:
        _sweep(tools, call, None)
    finally:
        outcomes = forget.finish_deletions(tools, ends)
        call.notes["deletions"] = dict(outcomes)
        _alarm(call, outcomes.keys() - {forget.RUNNING, forget.DONE})


def _sweep(tools: "Tools", call: Call, after: Due | None) -> None:
    from threads import sweep  # noqa: PLC0415 - lazy

    swept = sweep.sweep(tools, after)
    call.notes["sweep"] = dict(swept.counts)
    _alarm(call, (name for name in swept.counts if name.startswith(("overdue", InternalError.code))))
    if swept.error:
        raise swept.error


def _alarm(call: Call, troubles: Iterable[str]) -> None:
    """Let the log line be an error where somebody has to look: at the queue, a deletion, an odd document."""
    if any(troubles):
        call.notes["severity"] = "ERROR"


def _refresh(tools: "Tools", call: Call, uid: str, account_id: str) -> None:
    from threads import refresh  # noqa: PLC0415 - lazy

    call.notes |= {"uid": uid, "accountId": account_id}
    done = refresh.refresh_account(tools, uid, account_id)
    call.notes["refresh"] = done.outcome
    if done.error:
        call.notes |= error_notes(done.error)


def _is_document_path(path: str) -> bool:
    segments = path.split("/")
    return len(segments) % 2 == 0 and all(map(is_document_id, segments))
