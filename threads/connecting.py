"""What th_auth_start, th_auth_callback and th_accounts do with a request.

A handler reads it, calls a story, and answers with what came of it; it is called through an ``Endpoint``,
which turns what it raises into answers. Stories are imported with the first request that needs them.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from threads.answer import Answer, error_headers, json_error, page, redirect
from threads.call import Call
from threads.edge import error_notes
from threads.errors import InProgress, ServiceError
from threads.service import Service
from threads.wire import Fields

if TYPE_CHECKING:
    from threads.auth_callback import Outcome

START_PARAMETERS = ("returnTo", "return_to", "scopes", "redirect")

MAX_PARAMETER = 4096
"""Characters of a parameter of th_auth_start that are looked at."""


def th_auth_start(service: Service, call: Call) -> Answer:
    """Serve th_auth_start."""
    from threads import auth_start  # noqa: PLC0415 - lazy

    uid = service.identity().user(call.authorization).uid
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
    url = auth_start.start(service.config, service.store(), wish, now=datetime.now(UTC))
    if str(given.get("redirect", body.get("redirect"))) in {"1", "True"}:
        return redirect(url)
    lifetime = int(auth_start.STATE_LIFETIME.total_seconds())
    return Answer(body={"ok": True, "authUrl": url, "expiresIn": lifetime})


def th_auth_callback(service: Service, call: Call) -> Answer:
    """Serve th_auth_callback."""
    from threads import auth_callback  # noqa: PLC0415 - lazy

    given = call.query("state", "code", "error")
    callback = auth_callback.Callback(
        unverified_state=given.get("state", ""),
        unverified_code=given.get("code", ""),
        unverified_error=given.get("error", ""),
    )
    outcome = auth_callback.finish(service.tools(), callback)
    if outcome.error:
        call.notes |= error_notes(outcome.error)
    if isinstance(outcome.error, InProgress):
        raise outcome.error
    if outcome.return_to:
        return redirect(outcome.return_to.with_outcome(outcome.parameters()))
    return _outcome_answer(call, outcome)


def th_accounts(service: Service, call: Call) -> Answer:
    """Serve th_accounts."""
    from threads.accounts import cards_answer  # noqa: PLC0415 - lazy

    uid = service.identity().user(call.authorization).uid
    call.notes["uid"] = uid
    return Answer(body=cards_answer(service.store().read_summary(uid)))


def _outcome_answer(call: Call, outcome: "Outcome") -> Answer:
    """Answer a callback that leads nowhere: JSON for a program, a page for a person."""
    if outcome.error:
        return callback_error(call, outcome.error)
    if call.accepts_json():
        found = {"accountId": outcome.account_id, "profile": outcome.profile} if outcome.account_id else {}
        return Answer(body={"ok": outcome.account_id is not None, "status": outcome.status, **found})
    if outcome.account_id is None:
        return page("Not connected", "You did not allow the app to use your Threads account.")
    return page("Connected", f"@{outcome.profile['username']} is connected. You can close this page.")


def callback_error(call: Call, error: ServiceError) -> Answer:
    """Say that a connection has failed: JSON for a program, a page for a person."""
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
