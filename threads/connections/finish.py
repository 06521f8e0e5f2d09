"""th_auth_finish: the app confirms a connection, and the code that came back is exchanged.

    1 read     the pending connection
    1 write    use it up: from here on only this request goes on
    4 calls    code → short-lived token → long-lived token → profile and granted scopes, side by side
    1 commit   account, summary, and how it ended; if there is a summary already, the commit fails on it, and
               a read and another commit follow

To sign in, there are more calls between these calls and the commit:

    3 calls    Firebase looks the user up, creates or updates the user, and signs a custom token

The same request may come again, because its answer was lost or the user clicked twice. For an hour, it gets
the same answer without a call to Threads, as long as the account is connected:

    2 reads    the pending connection with how it ended, and the account
    3 calls    to sign in: Firebase, as above, with a new custom token

``pending`` explains why this is a step of its own.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from threads.accounts.summary import public_profile
from threads.base.errors import Forbidden, InProgress, InvalidHandle, ServiceError
from threads.base.secret import Secret
from threads.cloud.users import uid_of
from threads.connections.exchange import exchange, failed, is_connected, save
from threads.connections.parts import ConnectionParts
from threads.connections.pending import is_handle, open_code, pending_id
from threads.connections.pkce import is_answered
from threads.connections.start import check_sign_in
from threads.connections.states import FAILED, SIGN_IN, Asked, End, PendingConnection, Use, Used
from threads.graph.oauth import AuthorizationCode


class Confirmation(NamedTuple):
    """What the app sends: the handle, and the uid of its ID token or the verifier of a sign-in."""

    unverified_handle: str
    uid: str | None
    unverified_verifier: str | None


class Finished(NamedTuple):
    """A finished connection."""

    uid: str
    end: End
    """The account with its profile, and the scopes that were refused."""
    custom_token: Secret | None
    """The token to sign in with. None if the user did not sign in."""
    is_lifetime_known: bool = True
    """Whether Threads has said how long a new account's token lasts."""


def finish(parts: ConnectionParts, confirmation: Confirmation) -> Finished:
    """Exchange the code of a pending connection and save the account, for the user who opened the window.

    Raises:
        InvalidHandle: the handle does not exist, is older than five minutes, or has connected nothing, or an
            account that is not connected any more.
        Forbidden: another user began the connection, which stays as it is; sign-in with Threads is off; or
            the user is disabled.
        InProgress: another request is working on the connection, or Firestore does not tell whether the
            account was saved. The same request finds out.
        WrongAccount: the user chose another account than the one to connect again.
        ThreadsError: Threads refused the code, or did not answer. The handle is used up.
        ServiceUnavailable: Firestore or Firebase does not answer. Once the handle is used up, no error is
            ``retryable``, and neither is this one.

    """
    pending = _find_pending(parts, confirmation.unverified_handle)
    _check_owner(parts, pending, confirmation)
    if pending.expires_at <= parts.now():
        raise InvalidHandle
    if pending.use:
        return _earlier(parts, pending, pending.use)
    code = open_code(parts.accounts.vault, pending)
    used = parts.repository.use_up(pending, parts.now())
    if used is None:
        raise InProgress
    try:
        return _complete(parts, code, used)
    except ServiceError as error:
        raise failed(parts, used, error) from error.__cause__


def _find_pending(parts: ConnectionParts, unverified_handle: str) -> PendingConnection:
    named = pending_id(unverified_handle) if is_handle(unverified_handle) else None
    pending = parts.repository.read_pending(named) if named else None
    if pending is None:
        raise InvalidHandle
    return pending


def _check_owner(parts: ConnectionParts, pending: PendingConnection, confirmation: Confirmation) -> None:
    """Refuse a caller who did not open the window, because the code belongs to another person."""
    asked = pending.asked
    if asked.mode == SIGN_IN:
        check_sign_in(parts.config)
        verifier = confirmation.unverified_verifier
        is_owner = verifier is not None and is_answered(asked.challenge or "", verifier)
    else:
        is_owner = confirmation.uid is not None and confirmation.uid == asked.uid
    if not is_owner:
        raise Forbidden(
            "Somebody else has begun this connection, so it was not finished. "
            "If you want to connect your account, start here yourself."
        )


def _earlier(parts: ConnectionParts, pending: PendingConnection, use: Use) -> Finished:
    """Give a handle that was used before the same good answer as then."""
    if use.may_be_running(parts.now()):
        raise InProgress
    end = use.end or parts.repository.settle(pending, pending.version, End(FAILED))
    uid = _uid(pending.asked, end.profile.get("platformId") or "")
    if not is_connected(parts, uid, end):
        raise InvalidHandle
    return Finished(uid, end, _custom_token(parts, pending.asked, uid, end.profile))


def _complete(parts: ConnectionParts, code: AuthorizationCode, used: Used[PendingConnection]) -> Finished:
    connection = exchange(parts, code, used)
    uid = _uid(used.asked, connection.profile.id)
    custom_token = _custom_token(parts, used.asked, uid, public_profile(connection.profile))
    end = save(parts, uid, connection, used)
    return Finished(uid, end, custom_token, connection.is_lifetime_known)


def _uid(asked: Asked, profile_id: str) -> str:
    """Return the user whom an account is connected to: to sign in, it is the profile's own user."""
    return uid_of(profile_id) if asked.mode == SIGN_IN else asked.uid or ""


def _custom_token(
    parts: ConnectionParts, asked: Asked, uid: str, profile: Mapping[str, Any]
) -> Secret | None:
    """Create or update the user who signs in with an account, and return a custom token.

    This comes before anything else is saved. Nothing is done, and there is no token, if the user does not
    sign in.
    """
    if asked.mode != SIGN_IN:
        return None
    parts.users.save(uid, display_name=profile["displayName"], photo_url=profile["avatarUrl"])
    return parts.users.custom_token(uid)
