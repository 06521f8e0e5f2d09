"""The story of the callback: the browser is back from the authorization window.

Where connections are immediate, the account gets saved:

    1 read     the state
    1 write    use it up: from here on this request alone goes on
    4 calls    code → short-lived token → long-lived token → profile, and what was granted
    1 commit   account, summary, and how the state ended; where there is a summary, it fails on it, and
               a read and another one follow

Where the app confirms them, the code is kept (``auth_link``), and Threads is not called:

    1 read     the state
    1 commit   use it up, and write the link

A callback that is loaded again finds how its state ended and answers the same, without a call.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hmac import compare_digest
from typing import Any

from threads import oauth
from threads.accounts import public_profile
from threads.auth_exchange import (
    CONNECTED,
    EXCHANGE_TIME,
    FAILED,
    exchange,
    note_failure,
    save,
    usage,
    use_up,
)
from threads.auth_link import handle_of, is_link, link_id, new_link
from threads.auth_start import PROVIDER, is_confirmed
from threads.config import Config
from threads.documents import Found
from threads.errors import InProgress, InvalidReturnTo, InvalidState, RejectedByThreads, ServiceError
from threads.return_to import ReturnTo, validate_return_to
from threads.tools import Tools
from threads.wire import is_document_id

CANCELLED = "cancelled"
LINKED = "linked"


@dataclass(frozen=True)
class Callback:
    """What Threads' redirect carries; nothing of it is verified."""

    unverified_state: str
    unverified_code: str
    unverified_error: str

    def code(self) -> oauth.AuthorizationCode | None:
        """Return the code, if there is one and no error beside it."""
        return None if self.unverified_error else oauth.validate_code(self.unverified_code)


@dataclass(frozen=True)
class Outcome:
    """How a callback ended."""

    status: str
    """``connected``, ``cancelled``, ``failed``, or ``linked``: the app has to confirm it."""
    return_to: ReturnTo | None = None
    account_id: str | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)
    refused_scopes: Sequence[str] = ()
    handle: str | None = field(default=None, repr=False)
    """The link's, which no log may hold."""
    error: ServiceError | None = None

    def parameters(self) -> dict[str, str]:
        """Return what the app finds in the query of its returnTo."""
        given = {
            "threads": self.status,
            "accountId": self.account_id,
            "refused": ",".join(self.refused_scopes),
            "error": self.error.code if self.error else None,
        }
        return {name: value for name, value in given.items() if value}


def finish(tools: Tools, callback: Callback) -> Outcome:
    """Bring a connection to its end, or as far as the app's turn, or find the end it has come to.

    Raises:
        InvalidState: there is no such state; where it would lead is not known either.
        InProgress: another request is at it.
        ServiceUnavailable: Firestore does not answer; Threads was not called. A reload goes on, unless what
            uses the state up was carried out after all: then it has to be started again.

    """
    found = _find_state(tools, callback.unverified_state)
    return_to = _return_to(tools.config, found)
    if found.fields.get("usedAt"):
        return _earlier_outcome(found, callback, return_to, tools.now())
    if found.fields["expiresAt"] <= tools.now():
        return Outcome(
            FAILED, return_to, error=InvalidState("This connection attempt is too old. Start again.")
        )
    code = callback.code()
    if code is None:
        return _deny(tools, callback, found, return_to)
    # Who was promised that the app confirms it is asked, whatever the configuration says by now.
    if found.fields.get("isConfirmed") or is_confirmed(tools.config, found.fields.get("mode")):
        return _link(tools, callback, found, return_to, code)
    return _connect(tools, found, return_to, code)


def _find_state(tools: Tools, unverified_state: str) -> Found:
    found = tools.store.read_state(unverified_state) if is_document_id(unverified_state) else None
    # A link lies in the same collection; its name is no state.
    if found is None or found.fields.get("provider") != PROVIDER or is_link(found):
        raise InvalidState
    return found


def _return_to(config: Config, found: Found) -> ReturnTo | None:
    """Return where the state leads, checked anew: the allowed origins may have changed since."""
    try:
        unverified = found.fields.get("returnTo")
        return validate_return_to(unverified, config.allowed_origins) if unverified else None
    except InvalidReturnTo:
        return None


def _deny(tools: Tools, callback: Callback, found: Found, return_to: ReturnTo | None) -> Outcome:
    """End a connection whose window was left without a code (RFC 6749, section 4.1.2.1)."""
    error = None
    if not callback.unverified_error:
        error = RejectedByThreads("Threads sent no usable code. Start again.")
    elif callback.unverified_error != "access_denied":
        error = RejectedByThreads("Threads did not authorize the app. Start again.")
    status = FAILED if error else CANCELLED
    use_up(tools, found, {"outcome": {"status": status}})
    return Outcome(status, return_to, error=error)


def _connect(
    tools: Tools, found: Found, return_to: ReturnTo | None, code: oauth.AuthorizationCode
) -> Outcome:
    """Exchange the code and save the account; a failure is an outcome, too, as the app is told of it."""
    used = use_up(tools, found)
    try:
        connection = exchange(tools, code, used)
        save(tools, used.fields["uid"], connection, used)
    except ServiceError as error:
        note_failure(tools, used, error)
        return Outcome(FAILED, return_to, error=error)
    profile = public_profile(connection.profile)
    return Outcome(CONNECTED, return_to, connection.profile.id, profile, connection.refused_scopes)


def _link(
    tools: Tools,
    callback: Callback,
    found: Found,
    return_to: ReturnTo | None,
    code: oauth.AuthorizationCode,
) -> Outcome:
    """Keep the code for the app to confirm; of several requests at once all lead to the same link."""
    if return_to is None:
        raise InvalidState
    handle = handle_of(found.id, code)
    name = link_id(handle)
    change = {**usage(tools), "outcome": {"status": LINKED, "handle": name}}
    if tools.store.link_state(found, change, link_id=name, link=new_link(tools, found, name, code)):
        return Outcome(LINKED, return_to, handle=handle)
    return _earlier_outcome(_find_state(tools, found.id), callback, return_to, tools.now())


def _earlier_outcome(found: Found, callback: Callback, return_to: ReturnTo | None, now: datetime) -> Outcome:
    """Answer a state that was used before as it was answered then."""
    outcome = found.fields.get("outcome")
    if outcome is None and found.fields["usedAt"] + EXCHANGE_TIME > now:
        raise InProgress
    if outcome is None or outcome["status"] == FAILED:
        return Outcome(FAILED, return_to, error=InvalidState())
    if outcome["status"] == LINKED:
        return _earlier_link(found, callback, return_to, outcome["handle"])
    return Outcome(
        outcome["status"],
        return_to,
        outcome.get("accountId"),
        outcome.get("profile") or {},
        outcome.get("refusedScopes") or (),
    )


def _earlier_link(found: Found, callback: Callback, return_to: ReturnTo | None, name: str) -> Outcome:
    """Tell the handle again, but only to who has the code: the state is known to who has begun it."""
    code = callback.code()
    handle = handle_of(found.id, code) if code else None
    if handle is None or return_to is None or not compare_digest(name, link_id(handle)):
        return Outcome(FAILED, return_to, error=InvalidState())
    return Outcome(LINKED, return_to, handle=handle)
