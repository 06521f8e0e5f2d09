"""The story of the callback: the browser is back from the authorization window, and the account gets saved.

    1 read     the state
    1 write    use it up: from here on this request alone goes on
    3 calls    code → short-lived token → long-lived token → profile
    1 commit   account, summary, and how the state ended

Nothing is saved before all three calls have answered, and then everything at once. A callback that is loaded
again finds how its state ended and answers the same, without a call.
"""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from threads import oauth
from threads.accounts import TOKEN_FIELD, account_document, new_connection, public_profile, summary_document
from threads.auth_start import PROVIDER
from threads.config import Config
from threads.documents import Found
from threads.errors import (
    InProgress,
    InvalidReturnTo,
    InvalidState,
    RejectedByThreads,
    ServiceError,
    ServiceUnavailable,
)
from threads.return_to import ReturnTo, validate_return_to
from threads.tools import Tools
from threads.vault import Place
from threads.wire import is_document_id

EXCHANGE_TIME = timedelta(minutes=2)
"""How long a used state may be without an outcome: the function's own time limit. After that its process is
dead, and connecting has to be started again."""

CONNECTED = "connected"
CANCELLED = "cancelled"
FAILED = "failed"


@dataclass(frozen=True)
class Callback:
    """What Threads' redirect carries; nothing of it is verified."""

    unverified_state: str
    unverified_code: str
    unverified_error: str


@dataclass(frozen=True)
class Outcome:
    """How a connection ended."""

    status: str
    """``connected``, ``cancelled`` or ``failed``."""
    return_to: ReturnTo | None = None
    account_id: str | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)
    error: ServiceError | None = None

    def parameters(self) -> dict[str, str]:
        """Return what the app finds in the query of its returnTo."""
        given = {
            "threads": self.status,
            "accountId": self.account_id,
            "error": self.error.code if self.error else None,
        }
        return {name: value for name, value in given.items() if value}


def finish(tools: Tools, callback: Callback) -> Outcome:
    """Bring a connection to its end, or find the end it has come to.

    Raises:
        InvalidState: there is no such state; where it would lead is not known either.
        ServiceUnavailable: Firestore does not answer; Threads was not called.

    """
    state = callback.unverified_state
    found = tools.store.read_state(state) if is_document_id(state) else None
    if found is None or found.fields.get("provider") != PROVIDER:
        raise InvalidState
    return_to = _return_to(tools.config, found)
    now = tools.now()
    if found.fields.get("usedAt"):
        return _earlier_outcome(found, return_to, now)
    if found.fields["expiresAt"] <= now:
        return Outcome(
            FAILED, return_to, error=InvalidState("This connection attempt is too old. Start again.")
        )
    denial = _denial(callback, return_to)
    change = {"usedAt": now, "usedBy": secrets.token_hex(16), **(_as_fields(denial) if denial else {})}
    used = tools.store.use_up_state(found, change)
    if used is None:
        return Outcome(FAILED, return_to, error=InProgress())
    return denial or _connect(tools, callback, used, return_to)


def _connect(tools: Tools, callback: Callback, used: Found, return_to: ReturnTo | None) -> Outcome:
    """Exchange the code and save the account; note a failure, so that a reload does not wait for anything."""
    try:
        code = oauth.validate_code(callback.unverified_code)
        if code is None:
            raise RejectedByThreads("Threads sent no usable code. Start again.")
        return _exchange_and_save(tools, code, used, return_to)
    except ServiceError as error:
        outcome = Outcome(FAILED, return_to, error=error)
        with suppress(ServiceUnavailable):  # then a reload finds no outcome, and says so in the end
            tools.store.finish_state(used, _as_fields(outcome))
        return outcome


def _exchange_and_save(
    tools: Tools, code: oauth.AuthorizationCode, used: Found, return_to: ReturnTo | None
) -> Outcome:
    config, send = tools.config, tools.graph.send
    short = oauth.read_short_lived_token(send(oauth.code_exchange_request(config, code)))
    long = oauth.read_long_lived_token(send(oauth.token_exchange_request(config, short)))
    request = oauth.profile_request(long, config.profile_fields)
    profile = oauth.read_profile(send(request), config.profile_fields)
    connection = new_connection(profile, short, long, used.fields["scopes"], tools.now())
    uid = used.fields["uid"]
    sealed = tools.vault().seal(long.secret, Place(tools.project(), uid, profile.id, TOKEN_FIELD))
    outcome = Outcome(CONNECTED, return_to, profile.id, public_profile(profile))
    tools.store.save_account(
        uid,
        profile.id,
        account=account_document(connection, sealed),
        at_first={"createdAt": connection.now},
        summarize=lambda before: summary_document(connection, before),
        state=used.id,
        outcome=_as_fields(outcome),
    )
    return outcome


def _return_to(config: Config, found: Found) -> ReturnTo | None:
    """Return where the state leads, checked anew: the allowed origins may have changed since."""
    try:
        unverified = found.fields.get("returnTo")
        return validate_return_to(unverified, config.allowed_origins) if unverified else None
    except InvalidReturnTo:
        return None


def _denial(callback: Callback, return_to: ReturnTo | None) -> Outcome | None:
    """Return the end when the window was left without a code (RFC 6749, section 4.1.2.1)."""
    if not callback.unverified_error:
        return None
    if callback.unverified_error == "access_denied":
        return Outcome(CANCELLED, return_to)
    return Outcome(
        FAILED, return_to, error=RejectedByThreads("Threads did not authorize the app. Start again.")
    )


def _as_fields(outcome: Outcome) -> dict[str, Any]:
    return {
        "outcome": {
            "status": outcome.status,
            "accountId": outcome.account_id,
            "profile": dict(outcome.profile),
            "error": outcome.error.code if outcome.error else None,
        }
    }


def _earlier_outcome(found: Found, return_to: ReturnTo | None, now: datetime) -> Outcome:
    """Answer a state that was used before as it was answered then."""
    outcome = found.fields.get("outcome")
    if outcome is None and found.fields["usedAt"] + EXCHANGE_TIME > now:
        return Outcome(FAILED, return_to, error=InProgress())
    if outcome is None or outcome["status"] == FAILED:
        return Outcome(FAILED, return_to, error=InvalidState())
    return Outcome(outcome["status"], return_to, outcome["accountId"], outcome["profile"])
