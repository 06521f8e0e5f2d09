"""The story of th_auth_finish: the app says who is waiting for the code that came back, and it is exchanged.

    1 read     the link
    1 write    use it up: from here on this request alone goes on
    4 calls    code → short-lived token → long-lived token → profile, and what was granted
    1 commit   account, summary, and how the link ended; where there is a summary, it fails on it, and
               a read and another one follow

To sign in, between the calls and the commit:

    3 calls    Firebase is asked for the user, creates or updates it, and signs its custom token

Why this is a step of its own, and what a link is: ``auth_link``.
"""

from typing import NamedTuple

from threads.accounts import Connection
from threads.auth_exchange import EXCHANGE_TIME, exchange, note_failure, save, use_up
from threads.auth_link import CODE_FIELD, is_handle, is_link, link_id, open_code
from threads.auth_start import SIGN_IN, check_sign_in
from threads.documents import Found
from threads.errors import Forbidden, InProgress, InvalidHandle, ServiceError
from threads.oauth import AuthorizationCode
from threads.pkce import is_answered
from threads.tools import Tools
from threads.users import uid_of
from threads.wire import Secret


class Confirmation(NamedTuple):
    """What the app sends: the handle, and either whose ID token came with it or the verifier of a sign-in."""

    unverified_handle: str
    uid: str | None
    unverified_verifier: str | None


class Finished(NamedTuple):
    """What has come of it."""

    uid: str
    connection: Connection
    custom_token: Secret | None
    """To sign in with."""


def finish(tools: Tools, confirmation: Confirmation) -> Finished:
    """Exchange the code of a link and save the account, for the one who has opened the window.

    Raises:
        InvalidHandle: there is no such link, it is used, or older than five minutes.
        Forbidden: somebody else has begun it, and the link stays as it is; nobody signs in with Threads here;
            or the user is disabled.
        InProgress: another request is at it.
        WrongAccount: it is another account than the one to connect again.
        ThreadsError: Threads refused the code, or did not answer; the link is used up.
        ServiceUnavailable: Firestore or Firebase does not answer; once the link is used up, its
            ``retryable`` is false, as that of every error.

    """
    link = _find_link(tools, confirmation.unverified_handle)
    _check_owner(tools, link, confirmation)
    _check_usable(tools, link)
    code = open_code(tools, link)
    used = use_up(tools, link, {CODE_FIELD: None})
    try:
        return _complete(tools, code, used)
    except ServiceError as error:
        note_failure(tools, used, error)
        raise


def _find_link(tools: Tools, unverified_handle: str) -> Found:
    found = tools.store.read_state(link_id(unverified_handle)) if is_handle(unverified_handle) else None
    if found is None or not is_link(found):
        raise InvalidHandle
    return found


def _check_owner(tools: Tools, link: Found, confirmation: Confirmation) -> None:
    """Let only the one pass who has opened the window: another one's code is not his."""
    if link.fields["mode"] == SIGN_IN:
        check_sign_in(tools.config)
        verifier = confirmation.unverified_verifier
        is_owner = verifier is not None and is_answered(link.fields["challenge"], verifier)
    else:
        is_owner = confirmation.uid is not None and confirmation.uid == link.fields["uid"]
    if not is_owner:
        raise Forbidden(
            "Somebody else has begun this connection, so it was not finished. "
            "If you want to connect your account, start here yourself."
        )


def _check_usable(tools: Tools, link: Found) -> None:
    now, used_at = tools.now(), link.fields.get("usedAt")
    if used_at and not link.fields.get("outcome") and used_at + EXCHANGE_TIME > now:
        raise InProgress
    if used_at or link.fields["expiresAt"] <= now:
        raise InvalidHandle


def _complete(tools: Tools, code: AuthorizationCode, used: Found) -> Finished:
    connection = exchange(tools, code, used)
    if used.fields["mode"] == SIGN_IN:
        uid, custom_token = _sign_in(tools, connection)
    else:
        uid, custom_token = used.fields["uid"], None
    save(tools, uid, connection, used)
    return Finished(uid, connection, custom_token)


def _sign_in(tools: Tools, connection: Connection) -> tuple[str, Secret]:
    """Return the uid and a custom token of the user whom this account is; before anything else is saved."""
    profile = connection.profile
    uid = uid_of(profile.id)
    tools.users.save(uid, display_name=profile.display_name, photo_url=profile.avatar_url)
    return uid, tools.users.custom_token(uid)
