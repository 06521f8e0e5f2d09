"""th_auth_start, th_auth_callback and th_auth_finish: connecting an account, and signing in with one."""

from collections.abc import Mapping, Sequence
from typing import Any

from threads.accounts.summary import refused_member
from threads.base.errors import Forbidden, ServiceError
from threads.base.validation import Fields
from threads.connections import pkce
from threads.connections.callback import Callback, Outcome, complete
from threads.connections.finish import Confirmation, finish
from threads.connections.parts import ConnectionParts
from threads.connections.start import STATE_LIFETIME, Wish, start
from threads.connections.states import CONNECT, MODES
from threads.functions.callers import User, Visitor
from threads.functions.endpoint import error_notes, lifetime_notes
from threads.functions.request import HttpRequest
from threads.functions.response import HttpResponse, error_headers, json_error, page, redirect

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
"""The most characters of a parameter."""

YES = (True, "1", "true", "True")
"""The values that mean true in a query, where everything is a text, and in a body."""


# --- th_auth_start ------------------------------------------------------------------------------------------


def starts_sign_in(request: HttpRequest) -> bool:
    """Return whether th_auth_start is called to sign in. Then no user needs to be signed in.

    An unknown mode needs no user either: the handler refuses it and names it.
    """
    return _start_members(request).get("mode") not in (None, "", CONNECT)


def th_auth_start(parts: ConnectionParts, request: HttpRequest, caller: User | Visitor) -> HttpResponse:
    """Answer th_auth_start."""
    fields = _start_fields(request)
    wish, is_redirect = _wish(fields, caller), fields.flag("redirect")
    fields.check()
    url = start(parts, wish)
    if is_redirect:
        return redirect(url)
    lifetime = int(STATE_LIFETIME.total_seconds())
    return HttpResponse(body={"ok": True, "authUrl": url, "expiresIn": lifetime})


def _start_members(request: HttpRequest) -> dict[str, Any]:
    """Return the parameters of the query and the body, and unknown ones, so that an error names them."""
    known = request.query(*START_PARAMETERS)
    return {**dict.fromkeys(request.flask.args), **known, **request.optional_json()}


def _start_fields(request: HttpRequest) -> Fields:
    members = _start_members(request)
    if members.get("redirect") in YES:
        members["redirect"] = True
    fields = Fields(members, known=START_PARAMETERS)
    for name in request.query(*START_PARAMETERS).keys() & request.optional_json().keys():
        fields.problem(name, "invalid_request", "stands in the query and in the body.")
    if {"returnTo", "return_to"} <= members.keys():
        fields.problem("return_to", "invalid_request", "is another name of returnTo: send one of them.")
    return fields


def _wish(fields: Fields, caller: User | Visitor) -> Wish:
    """Return what the caller asks for. Broken rules become problems of ``fields``."""
    mode = fields.text("mode", limit=MAX_PARAMETER) or CONNECT
    if mode not in MODES:
        fields.problem("mode", "invalid_request", f"must be {' or '.join(MODES)}.")
    return Wish(
        mode=mode,
        uid=caller.uid if isinstance(caller, User) else None,
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


# --- th_auth_callback ---------------------------------------------------------------------------------------


def th_auth_callback(parts: ConnectionParts, request: HttpRequest, _caller: Visitor) -> HttpResponse:
    """Answer th_auth_callback. The state tells whose connection it is."""
    _check_navigation(request)
    given = request.query("state", "code", "error")
    outcome = complete(
        parts,
        Callback(
            unverified_state=given.get("state", ""),
            unverified_code=given.get("code", ""),
            unverified_error=given.get("error", ""),
        ),
    )
    known = {"uid": outcome.uid, "accountId": outcome.account_id, "connection": outcome.status}
    request.notes |= {name: value for name, value in known.items() if value}
    request.notes |= lifetime_notes(is_known=outcome.is_lifetime_known)
    if outcome.error:
        request.notes |= error_notes(outcome.error)
    if outcome.return_to and outcome.handle:
        return redirect(outcome.return_to.with_handle(outcome.handle))
    if outcome.return_to:
        return redirect(outcome.return_to.with_outcome(outcome.parameters()))
    return _outcome_page(request, outcome)


def _check_navigation(request: HttpRequest) -> None:
    """Refuse a callback to which no person has navigated. It works once, and would be used up unseen.

    Browsers load pages ahead of time, and say so in a header. No page has a reason to embed this one.

    Raises:
        Forbidden: the page was loaded ahead of time, or embedded. Nothing is used up.

    Sources: https://wicg.github.io/nav-speculation/prefetch.html (``Sec-Purpose``; browsers used the other
    names before), https://www.w3.org/TR/fetch-metadata/#sec-fetch-dest-header

    """
    headers = request.flask.headers
    purpose = " ".join(
        headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Purpose", "X-Moz")
    ).lower()
    is_early = any(word in purpose for word in ("prefetch", "prerender", "preview"))
    # A program's request says "empty", and an old browser's has no such header.
    if is_early or headers.get("Sec-Fetch-Dest", "document") not in {"document", "empty"}:
        raise Forbidden(
            "This address works once. Open it in a window of its own, not ahead of time or in a frame."
        )


def _outcome_page(request: HttpRequest, outcome: Outcome) -> HttpResponse:
    """Answer a callback that has no returnTo: with JSON for a program, with a page for a person."""
    if outcome.error:
        return callback_error(request, outcome.error)
    account_id, refused = outcome.account_id, outcome.refused_scopes
    if request.accepts_json():
        found = _connected(account_id, outcome.profile, refused) if account_id else {}
        return HttpResponse(body={"ok": account_id is not None, "status": outcome.status, **found})
    if account_id is None:
        return page("Not connected", "You did not allow the app to use your Threads account.")
    lacking = f" You did not allow {', '.join(refused)}: what needs it will not work." if refused else ""
    return page(
        "Connected", f"@{outcome.profile['username']} is connected.{lacking} You can close this page."
    )


def callback_error(request: HttpRequest, error: ServiceError) -> HttpResponse:
    """Answer an error of a connection: with JSON for a program, with a page for a person."""
    if request.accepts_json():
        return json_error(error)
    wait = error.retry_after if error.retryable else None
    response = page(
        "Connecting…" if error.retryable else "Not connected",
        error.message,
        status=error.status,
        reload_after=int(wait.total_seconds()) if wait else None,
    )
    return response._replace(headers=error_headers(error))


# --- th_auth_finish -----------------------------------------------------------------------------------------


def finishes_sign_in(request: HttpRequest) -> bool:
    """Return whether th_auth_finish is called to sign in: with a verifier. Then no user is signed in yet."""
    return request.json().get("verifier") not in (None, "")


def th_auth_finish(parts: ConnectionParts, request: HttpRequest, caller: User | Visitor) -> HttpResponse:
    """Answer th_auth_finish."""
    fields = Fields(request.json(), known=FINISH_PARAMETERS)
    handle = fields.text("handle", limit=MAX_PARAMETER)
    verifier = fields.text("verifier", limit=MAX_PARAMETER)
    if handle is None and not fields.has_problem("handle"):
        fields.problem("handle", "invalid_request", "is missing: it stands behind #th_link= in returnTo.")
    if verifier is not None and not pkce.is_verifier(verifier):
        fields.problem("verifier", "invalid_request", "must be 43 to 128 unreserved characters (RFC 7636).")
    fields.check()
    uid = caller.uid if isinstance(caller, User) else None
    finished = finish(parts, Confirmation(handle or "", uid=uid, unverified_verifier=verifier))
    end, token = finished.end, finished.custom_token
    account_id = end.account_id or ""
    request.notes |= {"uid": finished.uid, "accountId": account_id}
    request.notes |= lifetime_notes(is_known=finished.is_lifetime_known)
    connected = _connected(account_id, end.profile, end.refused_scopes)
    custom_token = {"customToken": token.reveal()} if token else {}
    return HttpResponse(body={"ok": True, **connected, **custom_token})


def _connected(account_id: str, profile: Mapping[str, Any], refused: Sequence[str]) -> dict[str, Any]:
    """Return the members of a JSON answer about a connected account."""
    return {"accountId": account_id, "profile": profile, **refused_member(refused)}
