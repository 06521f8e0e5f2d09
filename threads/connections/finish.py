"""th_auth_finish: the app confirms a connection, and the code that came back is exchanged.

    1 read     the pending connection
    1 write    use it up: from here on only this request goes on
    4 calls    code → short-lived token → long-lived token → profile, and the granted scopes
    1 commit   account, summary, and how it ended; if there is a summary already, the commit fails on it, and
               a read and another commit follow

To sign in, there are more calls between these calls and the commit:

    3 calls    Firebase looks the user up, creates or updates the user, and signs a custom token

``pending`` explains why this is a step of its own.
"""

from typing import NamedTuple

from threads.accounts.connection import Connection
from threads.base.errors import Forbidden, InProgress, InvalidHandle, ServiceError
from threads.base.secret import Secret
from threads.cloud.users import uid_of
from threads.connections.exchange import exchange, failed, save
from threads.connections.parts import ConnectionParts
from threads.connections.pending import is_handle, open_code, pending_id
from threads.connections.pkce import is_answered
from threads.connections.start import check_sign_in
from threads.connections.states import SIGN_IN, PendingConnection, Used
from threads.graph.oauth import AuthorizationCode


class Confirmation(NamedTuple):
    """What the app sends: the handle, and the uid of its ID token or the verifier of a sign-in."""

    unverified_handle: str
    uid: str | None
    unverified_verifier: str | None


class Finished(NamedTuple):
    """A finished connection."""

    uid: str
    connection: Connection
    custom_token: Secret | None
    """The token to sign in with. None if the user did not sign in."""


def finish(parts: ConnectionParts, confirmation: Confirmation) -> Finished:
    """Exchange the code of a pending connection and save the account, for the user who opened the window.

    Raises:
        InvalidHandle: the handle does not exist, was used, or is older than five minutes.
        Forbidden: another user began the connection, which stays as it is; sign-in with Threads is off; or
            the user is disabled.
        InProgress: another request is working on the connection.
        WrongAccount: the user chose another account than the one to connect again.
        ThreadsError: Threads refused the code, or did not answer. The handle is used up.
        ServiceUnavailable: Firestore or Firebase does not answer. Once the handle is used up, no error is
            ``retryable``, and neither is this one.

    """
    pending = _find_pending(parts, confirmation.unverified_handle)
    _check_owner(parts, pending, confirmation)
    _check_usable(parts, pending)
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


def _check_usable(parts: ConnectionParts, pending: PendingConnection) -> None:
    now = parts.now()
    if pending.use and pending.use.may_be_running(now):
        raise InProgress
    if pending.use or pending.expires_at <= now:
        raise InvalidHandle


def _complete(parts: ConnectionParts, code: AuthorizationCode, used: Used[PendingConnection]) -> Finished:
    connection = exchange(parts, code, used)
    if used.asked.mode == SIGN_IN:
        uid = uid_of(connection.profile.id)
        custom_token = _sign_in(parts, uid, connection)
    else:
        uid, custom_token = used.asked.uid or "", None
    save(parts, uid, connection, used)
    return Finished(uid, connection, custom_token)


def _sign_in(parts: ConnectionParts, uid: str, connection: Connection) -> Secret:
    """Create or update the user who signs in with this account, and return their custom token.

    This comes before anything else is saved.
    """
    profile = connection.profile
    parts.users.save(uid, display_name=profile.display_name, photo_url=profile.avatar_url)
    return parts.users.custom_token(uid)
