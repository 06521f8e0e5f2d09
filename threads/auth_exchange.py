"""From a code to a stored account: what th_auth_callback and th_auth_finish have in common.

    1 write    use up what the code came with, a state or a link: from here on this request alone goes on
    4 calls    code → short-lived token → long-lived token → profile, and what was granted
    1 commit   account, summary, and how the state or the link ended

Where the user has a summary already, that commit fails on it, and the account costs

    1 read     summary and account
    1 commit   the same, by what they hold

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
    Changes,
    Connection,
    connection_change,
    new_connection,
    public_profile,
)
from threads.documents import Found
from threads.errors import (
    CallerError,
    InProgress,
    RejectedByThreads,
    ServiceError,
    ServiceUnavailable,
    ThreadsError,
    WrongAccount,
)
from threads.tools import Tools
from threads.vault import Place, SealBroken, token_place

EXCHANGE_TIME = timedelta(minutes=2)
"""How long a used state may be without an outcome: the time limit of the functions that exchange codes. After
that nobody is told any more what came of it, and connecting has to be started again. What was running may run
on for a while, and save the account all the same: then a reload says so."""

USED_LIFETIME = timedelta(hours=1)
"""How long a used state is kept at least: its exchange and a reload find it. It may be used in the last
second of its time, and would then be deleted at any moment."""

MAX_SAVE_PAUSE = timedelta(milliseconds=400)
"""Between two attempts to save an account: windows that came at once shall not come at once again."""

CONNECTED = "connected"
FAILED = "failed"


def use_up(tools: Tools, found: Found, change: Mapping[str, Any] | None = None) -> Found:
    """Use up a state or a link, and return it as it is now.

    Raises:
        InProgress: another request has come first.
        ServiceUnavailable: Firestore does not answer.

    """
    mine = {**usage(tools), "usedBy": secrets.token_hex(16)}
    used = tools.store.use_up_state(found, {**mine, **(change or {})})
    if used is None:
        raise InProgress
    return used


def usage(tools: Tools) -> dict[str, Any]:
    """Return what says that a state is used, and since when."""
    now = tools.now()
    return {"usedAt": now, "expiresAt": now + USED_LIFETIME}


def exchange(tools: Tools, code: oauth.AuthorizationCode, used: Found) -> Connection:
    """Exchange the code, and ask whose token it is and what it may do.

    Raises:
        ThreadsError: Threads refused the code, or did not answer.
        WrongAccount: it is another account than the one to connect again.

    """
    config, send = tools.config, tools.graph.send
    short = oauth.read_short_lived_token(send(oauth.code_exchange_request(config, code)))
    long = oauth.read_long_lived_token(send(oauth.token_exchange_request(config, short)))
    issued_at = tools.now()
    request = oauth.profile_request(long, config.profile_fields)
    profile = oauth.read_profile(send(request), config.profile_fields)
    _check_account(used.fields.get("account"), profile)
    return new_connection(profile, short, long, _grants(tools, long, used.fields["scopes"]), issued_at)


def save(tools: Tools, uid: str, connection: Connection, used: Found) -> None:
    """Save the account for a user, with its token sealed, and note on the state or link that it is there.

    Raises:
        ServiceUnavailable: it is not saved, or Firestore does not say.

    """
    profile = connection.profile
    place = token_place(tools.project(), uid, profile.id)
    sealed = tools.vault().seal(connection.token, place)

    def change(summary: Mapping[str, Any], account: Mapping[str, Any]) -> Changes | None:
        if account and not _opens(tools, account, place):
            account = {**account, TOKEN_FIELD: None}
        return connection_change(connection, sealed, summary=summary, account=account)

    outcome = {
        "status": CONNECTED,
        "accountId": profile.id,
        "profile": public_profile(profile),
        "refusedScopes": list(connection.refused_scopes),
    }
    try:
        tools.store.save_account(
            uid,
            profile.id,
            change=change,
            pause=lambda: tools.sleep(MAX_SAVE_PAUSE * secrets.randbelow(100) / 100),
            state=used.id,
            outcome={"outcome": outcome},
        )
    except ServiceUnavailable:
        if not _is_connected(tools, used):
            raise


def note_failure(tools: Tools, used: Found, error: ServiceError) -> None:
    """Note on a used state or link that it has failed, so that nobody waits for it.

    A code works once: whatever the error, the same request does not pass later, connecting has to be started
    again, and the error says so.
    """
    if not isinstance(error, CallerError):
        is_told = isinstance(error, RejectedByThreads)
        why = error.message if is_told else "This connection could not be finished."
        error.message = f"{why.rstrip('.')}. Start connecting again."
        error.retryable, error.retry_after, error.next_action = False, None, "connect_again"
    with suppress(ServiceUnavailable):  # then a reload finds no outcome, and says so in the end
        tools.store.finish_state(used, {"outcome": {"status": FAILED, "error": error.code}})


def _is_connected(tools: Tools, used: Found) -> bool:
    """Say whether a state or link has ended well: the answer to the commit that says so may have got lost."""
    there = tools.store.read_state(used.id)
    outcome = there.fields.get("outcome") if there else None
    return outcome is not None and outcome["status"] == CONNECTED


def _opens(tools: Tools, account: Mapping[str, Any], place: Place) -> bool:
    """Say whether a key opens an account's token; without one, the token is as good as none."""
    try:
        tools.vault().open(str(account.get(TOKEN_FIELD)), place)
    except SealBroken:
        return False
    return True


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
