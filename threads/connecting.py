"""What th_auth_start, th_auth_callback and th_auth_finish do with a request.

A handler reads it, calls a story, and answers with what came of it; it is called through an ``Endpoint``,
which turns what it raises into answers. Stories are imported with the first request that needs them.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from threads import pkce
from threads.accounts import public_profile, refused_scopes
from threads.answer import Answer, error_headers, json_error, page, redirect
from threads.call import Call
from threads.edge import error_notes
from threads.errors import Forbidden, InProgress, ServiceError
from threads.service import Service
from threads.wire import Fields

if TYPE_CHECKING:
    from threads.auth_callback import Outcome
    from threads.auth_start import Wish

START_PARAMETERS = (
    "returnTo",
    "return_to",
    "scopes",
    "redirect",
    "accountId",
    "mode",
    "challenge",
)

FINISH_PARAMETERS = ("handle", "verifier")

MAX_PARAMETER = 4096
"""Characters of a parameter that are looked at."""

YES = (True, "1", "true", "True")
"""What stands for true in a query, where everything is a text, and in a body."""


def th_auth_start(service: Service, call: Call) -> Answer:
    """Serve th_auth_start.

    To sign in, nobody has to be signed in: an ID token that comes all the same is not looked at, and changes
    nothing.
    """
    from threads import auth_start  # noqa: PLC0415 - lazy

    fields = _start_fields(call)
    wish, is_redirect = _wish(fields), fields.flag("redirect")
    fields.check()
    if wish.mode == auth_start.CONNECT:
        wish = wish._replace(uid=_user(service, call))
    url = auth_start.start(service.config, service.store(), wish, now=datetime.now(UTC))
    if is_redirect:
        return redirect(url)
    lifetime = int(auth_start.STATE_LIFETIME.total_seconds())
    return Answer(body={"ok": True, "authUrl": url, "expiresIn": lifetime})


def th_auth_callback(service: Service, call: Call) -> Answer:
    """Serve th_auth_callback."""
    from threads import auth_callback  # noqa: PLC0415 - lazy

    _check_navigation(call)
    given = call.query("state", "code", "error")
    callback = auth_callback.Callback(
        unverified_state=given.get("state", ""),
        unverified_code=given.get("code", ""),
        unverified_error=given.get("error", ""),
    )
    outcome = auth_callback.finish(service.tools(), callback)
    if outcome.error:
        call.notes |= error_notes(outcome.error)
    if outcome.return_to and outcome.handle:
        return redirect(outcome.return_to.with_link(outcome.handle))
    if outcome.return_to:
        return redirect(outcome.return_to.with_outcome(outcome.parameters()))
    return _outcome_answer(call, outcome)


def th_auth_finish(service: Service, call: Call) -> Answer:
    """Serve th_auth_finish. A verifier says that it is a sign-in, for which nobody has to be signed in."""
    from threads import auth_finish  # noqa: PLC0415 - lazy

    fields = Fields(call.json(), known=FINISH_PARAMETERS)
    handle = fields.text("handle", limit=MAX_PARAMETER)
    verifier = fields.text("verifier", limit=MAX_PARAMETER)
    if handle is None and not fields.has_problem("handle"):
        fields.problem("handle", "invalid_request", "is missing: it stands behind #th_link= in returnTo.")
    if verifier is not None and not pkce.is_verifier(verifier):
        fields.problem("verifier", "invalid_request", "must be 43 to 128 unreserved characters (RFC 7636).")
    fields.check()
    uid = _user(service, call) if verifier is None else None
    finished = auth_finish.finish(
        service.tools(), auth_finish.Confirmation(handle or "", uid=uid, unverified_verifier=verifier)
    )
    call.notes["uid"] = finished.uid
    profile, token = finished.connection.profile, finished.custom_token
    connected = _connected(profile.id, public_profile(profile), finished.connection.refused_scopes)
    return Answer(body={"ok": True, **connected, **({"customToken": token.reveal()} if token else {})})


def _user(service: Service, call: Call) -> str:
    uid = service.identity().user(call.authorization).uid
    call.notes["uid"] = uid
    return uid


def _start_fields(call: Call) -> Fields:
    """Read the parameters of th_auth_start, which stand in the query or in the body."""
    given, body = call.query(*START_PARAMETERS), call.optional_json()
    members = {**dict.fromkeys(call.request.args), **given, **body}  # first what is unknown, to be named
    if members.get("redirect") in YES:
        members["redirect"] = True
    fields = Fields(members, known=START_PARAMETERS)
    for name in given.keys() & body.keys():
        fields.problem(name, "invalid_request", "stands in the query and in the body.")
    if {"returnTo", "return_to"} <= members.keys():
        fields.problem("return_to", "invalid_request", "is another name of returnTo: send one of them.")
    return fields


def _wish(fields: Fields) -> "Wish":
    """Read what is asked for, not yet by whom; broken rules are noted."""
    from threads import auth_start  # noqa: PLC0415 - lazy

    mode = fields.text("mode", limit=MAX_PARAMETER) or auth_start.CONNECT
    if mode not in auth_start.MODES:
        fields.problem("mode", "invalid_request", f"must be {' or '.join(auth_start.MODES)}.")
    return auth_start.Wish(
        mode=mode,
        uid=None,
        unverified_return_to=fields.text("returnTo", limit=MAX_PARAMETER)
        or fields.text("return_to", limit=MAX_PARAMETER),
        unverified_scopes=[
            scope
            for entry in fields.texts("scopes", limit=MAX_PARAMETER)
            for scope in entry.replace(",", " ").split()
        ],
        unverified_account_id=fields.text("accountId", limit=MAX_PARAMETER),
        unverified_challenge=fields.text("challenge", limit=MAX_PARAMETER),
    )


def _check_navigation(call: Call) -> None:
    """Let only a callback pass that somebody has gone to: it works once, and would be used up unseen.

    Browsers load pages ahead of time, and say so; and no page has a reason to embed this one.

    Raises:
        Forbidden: it is not; nothing is used up.

    Sources: https://wicg.github.io/nav-speculation/prefetch.html (``Sec-Purpose``; the other names are what
    browsers said before), https://www.w3.org/TR/fetch-metadata/#sec-fetch-dest-header

    """
    headers = call.request.headers
    purpose = " ".join(
        headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
    ).lower()
    is_early = any(word in purpose for word in ("prefetch", "prerender", "preview"))
    # A program's request is "empty", and one of an old browser has no such header.
    if is_early or headers.get("Sec-Fetch-Dest", "document") not in {"document", "empty"}:
        raise Forbidden(
            "This address works once. Open it in a window of its own, not ahead of time or in a frame."
        )


def _connected(account_id: str, profile: Mapping[str, Any], refused: Sequence[str]) -> dict[str, Any]:
    """Return what a program is told of a connected account."""
    return {"accountId": account_id, "profile": profile, **refused_scopes(refused)}


def _outcome_answer(call: Call, outcome: "Outcome") -> Answer:
    """Answer a callback that leads nowhere: JSON for a program, a page for a person."""
    if outcome.error:
        return callback_error(call, outcome.error)
    account_id, refused = outcome.account_id, outcome.refused_scopes
    if call.accepts_json():
        found = _connected(account_id, outcome.profile, refused) if account_id else {}
        return Answer(body={"ok": account_id is not None, "status": outcome.status, **found})
    if account_id is None:
        return page("Not connected", "You did not allow the app to use your Threads account.")
    lacking = f" You did not allow {', '.join(refused)}: what needs it will not work." if refused else ""
    return page(
        "Connected", f"@{outcome.profile['username']} is connected.{lacking} You can close this page."
    )


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
