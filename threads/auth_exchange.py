"""From a code to a stored account: what th_auth_callback and th_auth_finish have in common.

    1 write    use up what the code came with, a state or a link: from here on this request alone goes on
    4 calls    code → short-lived token → long-lived token → profile, and what was granted
    1 commit   account, summary, and how the state or the link ended

Nothing is saved before all of them have answered, and then everything at once.
"""

import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from threads import oauth
from threads.accounts import (
    TOKEN_FIELD,
    Connection,
    account_document,
    new_connection,
    public_profile,
    summary_document,
)
from threads.documents import Found
from threads.errors import (
    CallerError,
    InProgress,
    ServiceError,
    ServiceUnavailable,
    ThreadsError,
    WrongAccount,
)
from threads.tools import Tools
from threads.vault import Place

EXCHANGE_TIME = timedelta(minutes=2)
"""How long a used state may be without an outcome: the function's own time limit. After that its process is
dead, and connecting has to be started again."""

CONNECTED = "connected"
FAILED = "failed"


def use_up(tools: Tools, found: Found, change: Mapping[str, Any] | None = None) -> Found:
    """Use up a state or a link, and return it as it is now.

    Raises:
        InProgress: another request has come first.

    """
    used = tools.store.use_up_state(found, {**usage(tools), **(change or {})})
    if used is None:
        raise InProgress
    return used


def usage(tools: Tools) -> dict[str, Any]:
    """Return what says that a state is used, when, and by which request."""
    return {"usedAt": tools.now(), "usedBy": secrets.token_hex(16)}


def exchange(tools: Tools, code: oauth.AuthorizationCode, used: Found) -> Connection:
    """Exchange the code, and ask whose token it is and what it may do.

    Raises:
        ThreadsError: Threads refused the code, or did not answer.
        WrongAccount: it is another account than the one to connect again.

    """
    config, send = tools.config, tools.graph.send
    short = oauth.read_short_lived_token(send(oauth.code_exchange_request(config, code)))
    long = oauth.read_long_lived_token(send(oauth.token_exchange_request(config, short)))
    request = oauth.profile_request(long, config.profile_fields)
    profile = oauth.read_profile(send(request), config.profile_fields)
    _check_account(used.fields.get("account"), profile)
    return new_connection(profile, short, long, _grants(tools, long, used.fields["scopes"]), tools.now())


def save(tools: Tools, uid: str, connection: Connection, used: Found) -> None:
    """Save the account for a user, with its token sealed, and note on the state or link that it is there."""
    profile = connection.profile
    place = Place(tools.project(), uid, profile.id, TOKEN_FIELD)
    outcome = {
        "status": CONNECTED,
        "accountId": profile.id,
        "profile": public_profile(profile),
        "refusedScopes": list(connection.refused_scopes),
    }
    tools.store.save_account(
        uid,
        profile.id,
        account=account_document(connection, tools.vault().seal(connection.token, place)),
        at_first={"createdAt": connection.now},
        summarize=lambda before: summary_document(connection, before),
        state=used.id,
        outcome={"outcome": outcome},
    )


def note_failure(tools: Tools, used: Found, error: ServiceError) -> None:
    """Note on a used state or link that it has failed, so that nobody waits for it.

    A code works once: whatever the error, connecting has to be started again, and its text says so.
    """
    if not isinstance(error, CallerError):
        error.message = f"{error.message.rstrip('.')}. Start connecting again."
        error.next_action = "connect_again"
    with suppress(ServiceUnavailable):  # then a reload finds no outcome, and says so in the end
        tools.store.finish_state(used, {"outcome": {"status": FAILED, "error": error.code}})


def _check_account(wanted: Mapping[str, Any] | None, profile: oauth.Profile) -> None:
    """Let only the account pass that is to be connected again, if it is a certain one."""
    if not wanted or wanted["id"] == profile.id:
        return
    if not wanted["username"]:
        raise WrongAccount
    raise WrongAccount(
        f"@{profile.username} was chosen in the window, and @{wanted['username']} is to be connected again. "
        "Nothing was changed. Start again, and switch accounts at Threads first."
    )


def _grants(tools: Tools, token: oauth.LongLivedToken, asked: list[str]) -> oauth.Grants:
    """Return what was granted; as long as Threads does not say, what was asked for."""
    try:
        return oauth.read_grants(tools.graph.send(oauth.grants_request(token)), asked)
    except ThreadsError:
        return oauth.Grants(tuple(asked))
