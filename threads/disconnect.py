"""The story of an account's end: first its token, then its posts, then the account itself.

    1 read, 1 commit     no token, and a card that says so: from here on nothing is published with it
    1 read a page,
    1 commit a post      what nobody has begun to publish is cancelled, and its task deleted
    2 reads, 1 commit    account and card are gone, and another account is the default one; with the last
                         account the summary is gone

Whoever comes after a crash finds an account without a token, and goes on with it. A delivery that is at a
post just then has the token in memory and ends that post, and nothing that follows it in its thread; one that
comes later finds no account. The records of posts stay: they are the user's own history.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from threads.access import find_account
from threads.accounts import disconnect_change, is_connected_after, is_without_token, summary_without
from threads.errors import InProgress, InvalidRequest, ServiceUnavailable
from threads.ledger import TRANSITIONS, State
from threads.manage import cancel
from threads.records import Held
from threads.store import SAVE_ATTEMPTS
from threads.tools import Tools

PAGE = 200
"""Posts that are read at once."""

CANCELLABLE = tuple(state for state in State if (state, State.CANCELLED) in TRANSITIONS)
"""States of a post that may be cancelled."""


class Disconnected(NamedTuple):
    """What has come of it."""

    summary: Mapping[str, Any]
    cancelled: int
    """Posts that will not be published."""


def disconnect(tools: Tools, uid: str, account_id: str) -> Disconnected:
    """Cancel what an account was to publish, and forget the account; return what is left.

    Raises:
        AccountNotFound: the user has no such account.
        ServiceUnavailable: Firestore did not do its part; the same request goes on.

    """
    take_token(tools, uid, account_id)
    cancelled = cancel_posts(tools, uid, account_id)
    remove(tools, uid, account_id)
    return Disconnected(tools.store.read_summary(uid), cancelled)


def take_token(tools: Tools, uid: str, account_id: str, *, until: datetime | None = None) -> None:
    """Take an account's token away, so that nobody begins anything with it.

    Args:
        tools: the outside world.
        uid: whose account it is.
        account_id: the account.
        until: a connection that was made after this moment keeps its token. None: whenever it was made.

    Raises:
        AccountNotFound: the user has no such account.
        ServiceUnavailable: others change the account again and again.

    """
    for _ in range(SAVE_ATTEMPTS):
        account = find_account(tools, uid, account_id)
        if is_without_token(account.fields) or (until and is_connected_after(account.fields, until)):
            return
        change, card = disconnect_change(tools.now())
        if tools.store.change_account(uid, account, change=change, card=card):
            return
    raise ServiceUnavailable


def cancel_posts(tools: Tools, uid: str, account_id: str) -> int:
    """Cancel an account's posts that nobody has begun to publish; return how many."""
    return sum(
        _is_cancelled(tools, held) for state in CANCELLABLE for held in _posts(tools, uid, account_id, state)
    )


def remove(tools: Tools, uid: str, account_id: str) -> None:
    """Delete an account without a token, and its card; one that has been connected again stays.

    Raises:
        ServiceUnavailable: others change account or summary again and again.

    """
    for _ in range(SAVE_ATTEMPTS):
        found = tools.store.find_accounts(uid, account_id)
        if not found or not is_without_token(found[0].fields):
            return
        if tools.store.delete_account(
            uid, found[0], lambda before: summary_without(before, account_id, tools.now())
        ):
            return
    raise ServiceUnavailable


def _posts(tools: Tools, uid: str, account_id: str, state: State) -> Iterator[Held]:
    after = None
    while page := tools.records.find(uid, account_id, limit=PAGE, state=state, after=after):
        yield from page
        after = page[-1].post_id


def _is_cancelled(tools: Tools, held: Held) -> bool:
    """Cancel a post, unless a delivery is at it, or has left it without knowing whether it is out."""
    try:
        cancel(tools, held)
    except (InProgress, InvalidRequest):
        return False
    return True
