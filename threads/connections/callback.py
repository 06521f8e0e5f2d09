"""The work of ``th_auth_callback``: the browser comes back from the authorization window.

In immediate mode, the callback saves the account:

    1 read     the state
    1 write    use it up: from here on only this request goes on
    4 calls    code → short-lived token → long-lived token → profile and granted scopes, side by side
    1 commit   account, summary, and how the state ended; if there is a summary already, the commit fails on
               it, and a read and another commit follow

If the app confirms connections, the callback keeps the code (``pending``) and does not call Threads:

    1 read     the state
    1 commit   use it up, and write the pending connection

If the browser loads the callback again, the callback finds how the state ended. It gives the same answer
without calling Threads, for an hour and as long as the account is connected (1 read more). Of all codes, a
state answers only to the one that it was used up with: not to another account's, nor to any after a cancel.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hmac import compare_digest
from typing import Any

from threads.base.config import Config
from threads.base.errors import InProgress, InvalidReturnTo, InvalidState, RejectedByThreads, ServiceError
from threads.base.validation import is_document_id
from threads.connections.exchange import exchange, failed, is_connected, save
from threads.connections.parts import ConnectionParts
from threads.connections.pending import code_id, handle_of, new_pending, pending_id
from threads.connections.return_to import ReturnTo, validate_return_to
from threads.connections.start import is_confirmed
from threads.connections.states import CANCELLED, FAILED, PENDING, End, OAuthState, Use, Used
from threads.graph import oauth


@dataclass(frozen=True)
class Callback:
    """What Threads' redirect carries. None of it is verified."""

    unverified_state: str
    unverified_code: str
    unverified_error: str

    def code(self) -> oauth.AuthorizationCode | None:
        """Return the code, if there is one and no error."""
        return None if self.unverified_error else oauth.validate_code(self.unverified_code)


@dataclass(frozen=True)
class Outcome:
    """How a callback ended."""

    status: str
    """``connected``, ``cancelled``, ``failed``, or ``pending``: the app must confirm the connection."""
    return_to: ReturnTo | None = None
    account_id: str | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)
    refused_scopes: Sequence[str] = ()
    handle: str | None = field(default=None, repr=False)
    """The handle of the pending connection. No log may hold it."""
    error: ServiceError | None = None
    uid: str | None = None
    """The user who began the connection. None to sign in."""
    is_lifetime_known: bool = True
    """Whether Threads has said how long a new account's token lasts."""

    def parameters(self) -> dict[str, str]:
        """Return the parameters that the app finds in the query of its returnTo."""
        given = {
            "threads": self.status,
            "accountId": self.account_id,
            "refused": ",".join(self.refused_scopes),
            "error": self.error.code if self.error else None,
        }
        return {name: value for name, value in given.items() if value}


def complete(parts: ConnectionParts, callback: Callback) -> Outcome:
    """Finish a connection, or keep its code for the app, or return how it ended earlier.

    Raises:
        InvalidState: there is no such state. So it is not known either where the browser should return to.
        InProgress: another request is working on the connection, or Firestore does not tell whether the
            account was saved. A reload finds out.
        ServiceUnavailable: Firestore does not answer, and Threads was not called. A reload goes on, unless
            the state was used up after all: then the user must start connecting again.

    """
    state = _find_state(parts, callback.unverified_state)
    return replace(_complete(parts, callback, state), uid=state.asked.uid)


def _complete(parts: ConnectionParts, callback: Callback, state: OAuthState) -> Outcome:
    return_to = _return_to(parts.config, state)
    if state.use:
        return _earlier_outcome(parts, state, state.use, callback, return_to)
    if state.expires_at <= parts.now():
        too_old = InvalidState("This connection attempt is too old. Start again.")
        return Outcome(FAILED, return_to, error=too_old)
    code = callback.code()
    if code is None:
        return _deny(parts, callback, state, return_to)
    # If the user was promised that the app confirms the connection, a changed configuration does not matter.
    if state.is_confirmed or is_confirmed(parts.config, state.asked.mode):
        return _keep(parts, callback, state, return_to, code)
    return _connect(parts, _use_up(parts, state, code_id=code_id(state.state, code)), return_to, code)


def _find_state(parts: ConnectionParts, unverified_state: str) -> OAuthState:
    state = parts.repository.read_state(unverified_state) if is_document_id(unverified_state) else None
    if state is None:
        raise InvalidState
    return state


def _return_to(config: Config, state: OAuthState) -> ReturnTo | None:
    """Return the state's returnTo, checked again, because the allowed origins may have changed."""
    unverified = state.unverified_return_to
    try:
        return validate_return_to(unverified, config.allowed_origins) if unverified else None
    except InvalidReturnTo:
        return None


def _use_up(
    parts: ConnectionParts, state: OAuthState, end: End | None = None, *, code_id: str | None = None
) -> Used[OAuthState]:
    """Use a state up.

    Raises:
        InProgress: another request came first.
        InvalidState: the state was deleted meanwhile.
        ServiceUnavailable: Firestore does not answer.

    """
    used = parts.repository.use_up(state, parts.now(), end, code_id)
    if used is None:
        raise InProgress
    return used


def _deny(
    parts: ConnectionParts, callback: Callback, state: OAuthState, return_to: ReturnTo | None
) -> Outcome:
    """End a connection whose window returned no code (RFC 6749, section 4.1.2.1)."""
    error = None
    if not callback.unverified_error:
        error = RejectedByThreads("Threads sent no usable code. Start again.")
    elif callback.unverified_error != "access_denied":
        error = RejectedByThreads("Threads did not authorize the app. Start again.")
    status = FAILED if error else CANCELLED
    _use_up(parts, state, End(status))
    return Outcome(status, return_to, error=error)


def _connect(
    parts: ConnectionParts,
    used: Used[OAuthState],
    return_to: ReturnTo | None,
    code: oauth.AuthorizationCode,
) -> Outcome:
    """Exchange the code and save the account. A failure is an outcome, too, because the app is told of it."""
    try:
        connection = exchange(parts, code, used)
        end = save(parts, used.asked.uid or "", connection, used)
    except InProgress:
        raise
    except ServiceError as error:
        return Outcome(FAILED, return_to, error=failed(parts, used, error))
    return replace(_ended(end, return_to), is_lifetime_known=connection.is_lifetime_known)


def _keep(
    parts: ConnectionParts,
    callback: Callback,
    state: OAuthState,
    return_to: ReturnTo | None,
    code: oauth.AuthorizationCode,
) -> Outcome:
    """Keep the code until the app confirms the connection. Several requests at once get the same handle."""
    if return_to is None:
        raise InvalidState
    handle, now = handle_of(state.state, code), parts.now()
    pending = new_pending(parts.accounts.vault, state, pending_id(handle), code, now)
    if parts.repository.make_pending(state, pending, now):
        return Outcome(PENDING, return_to, handle=handle)
    there = _find_state(parts, state.state)
    if there.use is None:
        raise InProgress  # the commit was refused, but the state is still unused: a reload tries again
    return _earlier_outcome(parts, there, there.use, callback, return_to)


def _earlier_outcome(
    parts: ConnectionParts, state: OAuthState, use: Use, callback: Callback, return_to: ReturnTo | None
) -> Outcome:
    """Give a state that was used before the same answer as then.

    Another code belongs to another account, or comes after the user has cancelled: it connects nothing. And a
    handle is only for a browser with the code. The state is not enough: the user who began the connection
    knows it, and may be an attacker.
    """
    now, code = parts.now(), callback.code()
    is_another = code is not None and not compare_digest(code_id(state.state, code), use.code_id or "")
    if is_another or state.expires_at <= now:
        return Outcome(FAILED, return_to, error=InvalidState())
    if use.may_be_running(now):
        raise InProgress
    end = use.end or parts.repository.settle(state, state.version, End(FAILED))
    if end.status == PENDING and code and return_to:
        return Outcome(PENDING, return_to, handle=handle_of(state.state, code))
    if end.status == CANCELLED or is_connected(parts, state.asked.uid or "", end):
        return _ended(end, return_to)
    return Outcome(FAILED, return_to, error=InvalidState())


def _ended(end: End, return_to: ReturnTo | None) -> Outcome:
    return Outcome(end.status, return_to, end.account_id, end.profile, end.refused_scopes)
