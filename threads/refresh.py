"""The story of one account's token that is refreshed before it ends.

    1 commit    a lease: of any number of refreshes at the same time, one goes on
    1 call      the old token for a new one
    1 commit    the new token, when it ends and is refreshed again, and the card

Whatever goes wrong in passing leaves the account as it is, and due again some hours later, until the day its
token ends: there are weeks for it. Only a token that Threads calls dead, or one that has run out, makes the
account ask for a reconnect.
"""

from enum import StrEnum
from typing import NamedTuple

from threads import oauth, tokens
from threads.account_graph import AccountGraph
from threads.accounts import (
    ACTIVE,
    TOKEN_EXPIRED,
    TOKEN_FIELD,
    TOKEN_REJECTED,
    reconnect_change,
    refreshed_change,
)
from threads.documents import Found
from threads.errors import ReconnectRequired, ServiceError, ServiceUnavailable, ThreadsError
from threads.oauth import LongLivedToken
from threads.store import SAVE_ATTEMPTS
from threads.tokens import Turn
from threads.tools import Tools
from threads.vault import SealBroken, token_place
from threads.wire import Secret


class Outcome(StrEnum):
    """What has become of a refresh."""

    REFRESHED = "refreshed"
    NOT_DUE = "not_due"
    IN_PROGRESS = "in_progress"
    POSTPONED = "postponed"
    """Something went wrong that passes."""
    ENDED = "ended"
    """The account asks for a reconnect."""
    OVERTAKEN = "overtaken"
    """The account was connected again, or is gone."""


class Refresh(NamedTuple):
    """How a refresh has ended."""

    outcome: Outcome
    account: Found | None = None
    """The account as it is now, where it is known; of one that was overtaken None if it is gone."""
    error: ServiceError | None = None
    """What went wrong: for the log."""


def refresh_account(tools: Tools, uid: str, account_id: str) -> Refresh:
    """Refresh the token of the account with this id. One read before the rest.

    Raises:
        ServiceUnavailable: Firestore does not answer; the account stays due.

    """
    account = _read(tools, uid, account_id)
    return refresh(tools, uid, account) if account else Refresh(Outcome.OVERTAKEN)


def refresh(tools: Tools, uid: str, account: Found) -> Refresh:
    """Refresh the token of an account that has been read, if it is due.

    Raises:
        ServiceUnavailable: Firestore does not answer; the account stays due.

    """
    now = tools.now()
    turn = tokens.turn(account.fields, now) if account.fields.get("status") == ACTIVE else Turn.NOT_DUE
    if turn is Turn.RUN_OUT:
        return _end(tools, uid, account, TOKEN_EXPIRED)
    if turn is not Turn.REFRESH:
        return Refresh(Outcome(turn), account)
    token = _open(tools, uid, account)
    if token is None:
        # Not the account's fault: its token works again once a key that was left out is back.
        return _postpone(tools, uid, account, ReconnectRequired("No key of TOKEN_KEYS opens this token."))
    leased = tools.store.change_account(uid, account, change={"refreshingUntil": now + tokens.LEASE})
    if leased is None:
        return Refresh(Outcome.IN_PROGRESS, account)
    try:
        fresh = oauth.read_refreshed_token(tools.graph.send(oauth.refresh_request(token)))
    except ThreadsError as error:
        return _refused(tools, uid, leased, token, error)
    return _save(tools, uid, leased, token, fresh)


def _refused(tools: Tools, uid: str, account: Found, token: Secret, error: ThreadsError) -> Refresh:
    """Tell a dead token from whatever else it may be."""
    if error.verdict.suspect:
        error = AccountGraph(tools.graph, token).confirmed(error)
    if isinstance(error, ReconnectRequired):
        return _end(tools, uid, account, TOKEN_REJECTED, error)
    return _postpone(tools, uid, account, error)


def _save(tools: Tools, uid: str, account: Found, old: Secret, fresh: LongLivedToken) -> Refresh:
    """Put the new token in the old one's place, and in no other's.

    An account that was disconnected stays so, and one that was connected again keeps the token of that. But
    neither a lost answer of Firestore nor a writer who changed something else may cost the new token: Threads
    might not take the old one any more. Who comes between is a delivery that marks the account, or a command
    that seals it anew.
    """
    sealed = tools.vault().seal(fresh.secret, token_place(tools.project(), uid, account.id))
    change, card = refreshed_change(account.id, fresh, sealed, tools.now())
    for _ in range(SAVE_ATTEMPTS):
        try:
            saved = tools.store.change_account(uid, account, change=change, card=card)
            there = saved or _read(tools, uid, account.id)
        except ServiceUnavailable:
            continue  # the next try finds out whether this one was carried out
        if there is None:
            return Refresh(Outcome.OVERTAKEN)
        if there.fields.get(TOKEN_FIELD) == sealed:
            return Refresh(Outcome.REFRESHED, there)
        held = _open(tools, uid, there)
        if held != old:  # sealed anew meanwhile, a token is the same under another text
            return Refresh(Outcome.REFRESHED if held == fresh.secret else Outcome.OVERTAKEN, there)
        account = there
    raise ServiceUnavailable


def _postpone(tools: Tools, uid: str, account: Found, error: ServiceError) -> Refresh:
    """Let the account be, and come back later; whoever has changed it meanwhile knows better."""
    due_at = tokens.retry_at(account.id, account.fields, tools.now())
    change = {"refreshAt": due_at, "refreshingUntil": None}
    changed = tools.store.change_account(uid, account, change=change)
    return Refresh(Outcome.POSTPONED, changed or account, error)


def _end(tools: Tools, uid: str, account: Found, reason: str, error: ServiceError | None = None) -> Refresh:
    """Let the account's owner know that it has to be connected again."""
    change, card = reconnect_change(reason, tools.now())
    ended = tools.store.change_account(uid, account, change=change, card=card)
    if ended is None:
        return Refresh(Outcome.OVERTAKEN, _read(tools, uid, account.id))
    return Refresh(Outcome.ENDED, ended, error)


def _read(tools: Tools, uid: str, account_id: str) -> Found | None:
    return next(iter(tools.store.find_accounts(uid, account_id)), None)


def _open(tools: Tools, uid: str, account: Found) -> Secret | None:
    try:
        place = token_place(tools.project(), uid, account.id)
        return tools.vault().open(str(account.fields.get(TOKEN_FIELD)), place)
    except SealBroken:
        return None
