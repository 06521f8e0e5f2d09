"""th_refresh_tokens: the hourly sweep, its further pages, and the refresh of one account."""

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any

from threads.accounts.refresh import Outcome, Refresh
from threads.accounts.repository import Due
from threads.accounts.sweep import sweep
from threads.accounts.token_lifetime import ALARM_PAUSE
from threads.base.errors import InternalError, InvalidRequest, Problem, ServiceError
from threads.base.validation import Fields, as_json_time, is_document_id, is_threads_id
from threads.connections.deletion import finish_deletions
from threads.connections.disconnect import look_after
from threads.connections.parts import ConnectionParts
from threads.connections.states import DONE, RUNNING
from threads.functions.callers import Scheduler
from threads.functions.endpoint import error_notes, lifetime_notes, write_line
from threads.functions.request import HttpRequest
from threads.functions.response import HttpResponse

MAX_ID = 1500
"""The most characters of an id. Firestore's limit is as many bytes."""

MAX_PATH = 6000
"""The same for a document's path, which Firestore limits to 6 KiB."""

MAX_NAMED = 20
"""The most paths of documents that could not be read in a log line, which may have 256 KiB."""

DELETION_TIME = timedelta(seconds=90)
"""No deletion begins when the hourly call is older than this. The sweep has a minute of it
(``sweep.SWEEP_TIME``), and the function ends after two. The rest is for the last deletion."""


def th_refresh_tokens(parts: ConnectionParts, request: HttpRequest, _caller: Scheduler) -> HttpResponse:
    """Answer th_refresh_tokens. Cloud Scheduler begins a sweep; a task brings a further page or one account.

    A transient error is answered 200. A 503 would slow down the queue, which posts share, and the next hour's
    sweep tries again anyway.
    """
    wanted = _read(request.optional_json())
    try:
        _carry_out(parts, request, wanted)
    except ServiceError as error:
        if not error.retryable:
            raise
        request.notes |= error_notes(error)
        return HttpResponse(body={"ok": False})
    return HttpResponse(body={"ok": True})


def _read(body: dict[str, Any]) -> tuple[str, str] | Due | None:
    """Return the uid and account id to refresh, the place where a sweep goes on, or None to begin a sweep.

    Raises:
        InvalidRequest: the body is none of these.

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


def _carry_out(parts: ConnectionParts, request: HttpRequest, wanted: tuple[str, str] | Due | None) -> None:
    """Sweep or refresh, and note the result for the log line."""
    if wanted is None:
        _do_the_hours_work(parts, request)
    elif isinstance(wanted, Due):
        _sweep(parts, request, wanted)
    else:
        _refresh(parts, request, *wanted)


def _do_the_hours_work(parts: ConnectionParts, request: HttpRequest) -> None:
    """Sweep, and then go on with deletions, even if the sweep failed.

    Deletions come last, so that they delay no refresh.
    """
    ends = parts.now() + DELETION_TIME
    try:
        _sweep(parts, request, None)
    finally:
        done = finish_deletions(parts, ends)
        request.notes["deletions"] = dict(done.outcomes)
        _note_passed_over(request, "deletions", done.passed_over)
        _alarm(request, done.outcomes.keys() - {RUNNING, DONE})


def _sweep(parts: ConnectionParts, request: HttpRequest, after: Due | None) -> None:
    swept = sweep(parts.accounts, partial(_look_after, parts), after)
    request.notes["sweep"] = dict(swept.counts)
    _note_passed_over(request, "sweep", swept.passed_over)
    _alarm(request, (name for name in swept.counts if name.startswith(("overdue", InternalError.code))))
    if swept.error:
        raise swept.error
    if swept.is_mostly_failing and after is None:
        _raise_alarm(parts, request)


def _look_after(parts: ConnectionParts, uid: str, account_id: str) -> Refresh:
    """Look after an account of a sweep. If something went wrong with it, it gets a line of its own."""
    done = look_after(parts, uid, account_id)
    notes = _notes(done)
    if done.error or done.outcome is Outcome.REVIVED:
        severity = "WARNING" if done.error else "INFO"
        about = {"function": "th_refresh_tokens", "uid": uid, "accountId": account_id}
        message = f"th_refresh_tokens an account is {done.outcome}"
        write_line({"severity": severity, "message": message, **about, **notes})
    return done


def _note_passed_over(request: HttpRequest, where: str, paths: Sequence[str]) -> None:
    """Note how many documents could not be read, and which ones."""
    if paths:
        request.notes[f"{where}PassedOver"] = {"count": len(paths), "paths": list(paths[:MAX_NAMED])}
        request.notes.setdefault("severity", "WARNING")


def _alarm(request: HttpRequest, alarming: Iterable[str]) -> None:
    """Log an ERROR if an outcome needs a person to look: at the queue, a deletion, or an odd document."""
    if any(alarming):
        request.notes["severity"] = "ERROR"


def _refresh(parts: ConnectionParts, request: HttpRequest, uid: str, account_id: str) -> None:
    request.notes |= {"uid": uid, "accountId": account_id}
    done = look_after(parts, uid, account_id)
    request.notes |= _notes(done)


def _notes(done: Refresh) -> dict[str, Any]:
    """Return what the log says of a refresh: with its reason, and as an ERROR if the token expires soon."""
    notes: dict[str, Any] = {"refresh": done.outcome, **lifetime_notes(is_known=done.is_lifetime_known)}
    if done.error:
        notes |= error_notes(done.error)
    if done.is_alarm:
        expires_at = done.account.expires_at if done.account else None
        notes |= {"severity": "ERROR", "expiresAt": expires_at and as_json_time(expires_at)}
    return notes


def _raise_alarm(parts: ConnectionParts, request: HttpRequest) -> None:
    """Log an ERROR that most refreshes fail, once a day, whichever process finds it out."""
    if parts.accounts.repository.raise_alarm(parts.now(), ALARM_PAUSE):
        request.notes |= {"severity": "ERROR", "alarm": "mostly_failing"}


def _is_document_path(path: str) -> bool:
    segments = path.split("/")
    return len(segments) % 2 == 0 and all(map(is_document_id, segments))
