"""Disconnecting an account: first its token goes, then its posts, then the account itself.

    1 read, 1 commit     remove the token, and say so on the card: from here on nothing is published with it
    1 read a page,
    1 commit a post      cancel the posts that no delivery has begun to publish
    2 reads, 1 commit    delete account and card, and make another account the default one; with the last
                         account, delete the summary
    1 call a task        delete the tasks of the cancelled posts, as long as Cloud Tasks answers. A task that
                         is left finds that there is nothing to do

If the time is up before the account is deleted, or after a crash, the account is there without its token. The
hourly sweep finds it and goes on, and so does the next request. If a delivery is publishing a
post just then, it has the token in memory. It finishes that post, but no post that follows in the thread. A
later delivery finds no account. The records of posts stay: they are the user's own history.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from threads.accounts.access_token import find_account
from threads.accounts.account import StoredAccount
from threads.accounts.changes import disconnect_change
from threads.accounts.profile import NOT_THEIRS, read_profile_again
from threads.accounts.refresh import Outcome, Refresh, refresh_account
from threads.accounts.repository import CONNECT_ATTEMPTS, SAVE_ATTEMPTS
from threads.accounts.summary import StoredSummary, without_card
from threads.base.errors import (
    AccountNotFound,
    InProgress,
    InvalidRequest,
    ReconnectRequired,
    ServiceUnavailable,
)
from threads.connections.parts import ConnectionParts
from threads.posts.cancel import cancel_record
from threads.posts.ledger import TRANSITIONS, State
from threads.posts.parts import PostParts
from threads.posts.repository import StoredPost

PAGE = 200
"""Posts that are read at once."""

DISCONNECT_TIME = timedelta(seconds=30)
"""How long one request or one task disconnects an account: a person waits for it. The last call may take some
seconds more. A hundred posts take about five."""

CANCELLABLE = tuple(state for state in State if (state, State.CANCELLED) in TRANSITIONS)
"""The states in which a post can be cancelled."""


class Disconnected(NamedTuple):
    """What is left after an account was disconnected."""

    summary: StoredSummary
    """Until everything is done, it has the account's card, which says ``disconnecting``."""
    cancelled: int
    """How many posts were cancelled."""


def disconnect(parts: ConnectionParts, uid: str, account_id: str) -> Disconnected:
    """Cancel the posts that an account has not published yet, and delete the account, or begin to.

    Raises:
        AccountNotFound: the user has no such account.
        ServiceUnavailable: Firestore failed, or did not answer. The same request goes on.

    """
    ends = parts.now() + DISCONNECT_TIME
    try:
        take_token(parts, uid, account_id)
    except AccountNotFound:
        if account_id not in parts.accounts.repository.read_summary(uid).cards:
            raise  # otherwise its card is left, and goes
    cancelled = _finish(parts, uid, account_id, ends)
    return Disconnected(parts.accounts.repository.read_summary(uid), cancelled)


def look_after(parts: ConnectionParts, uid: str, account_id: str) -> Refresh:
    """Do what is due for an account: go on with disconnecting it, or refresh its token and then its card.

    Raises:
        ServiceUnavailable: Firestore does not answer; the account stays due.

    """
    done = refresh_account(parts.accounts, uid, account_id)
    if done.account and done.account.sealed_token is None:
        _finish(parts, uid, account_id, parts.now() + DISCONNECT_TIME)
        return done._replace(outcome=Outcome.DISCONNECTED)
    if done.account is None or done.outcome is not Outcome.REFRESHED:
        return done
    if not read_profile_again(parts.accounts, done.account):
        error = ReconnectRequired(NOT_THEIRS)
        return done._replace(outcome=Outcome.ANOTHER_PERSON, error=error, is_alarm=True)
    return done


def _finish(parts: ConnectionParts, uid: str, account_id: str, ends: datetime) -> int:
    """Go on with disconnecting an account until the time is up, and return how many posts were cancelled."""
    cancelled = []
    for post in _cancellable(parts.posts, uid, account_id):
        if parts.now() >= ends:
            break
        if _is_cancelled(parts.posts, post):
            cancelled.append(post)
    else:
        remove(parts, uid, account_id)
    _delete_tasks(parts.posts, cancelled, ends)
    return len(cancelled)


def _delete_tasks(parts: PostParts, posts: list[StoredPost], ends: datetime) -> None:
    with suppress(ServiceUnavailable):  # a task that is left finds that there is nothing to do
        for post in posts:
            if parts.now() >= ends:
                return
            if post.record.task:
                parts.queue.delete(post.record.task)


def take_token(parts: ConnectionParts, uid: str, account_id: str, *, until: datetime | None = None) -> None:
    """Remove an account's token, so that nothing begins with it any more.

    Args:
        parts: the outside world.
        uid: the account's user.
        account_id: the account.
        until: an account that was connected after this moment keeps its token. None: every account loses it.

    Raises:
        AccountNotFound: the user has no such account.
        ServiceUnavailable: other writers change the account again and again.

    """
    for _ in range(SAVE_ATTEMPTS):
        account = find_account(parts.accounts, uid, account_id)
        if account.sealed_token is None or (until and account.is_connected_after(until)):
            return
        if parts.accounts.repository.change(account, disconnect_change(parts.now())):
            return
    raise ServiceUnavailable


def remove(parts: ConnectionParts, uid: str, account_id: str) -> None:
    """Delete an account that has no token, and its card, or what is left of them.

    An account that was connected again stays.

    Raises:
        ServiceUnavailable: other writers change the account or the summary again and again.

    """
    repository = parts.accounts.repository
    for attempt in range(CONNECT_ATTEMPTS):
        if attempt:
            parts.pause()
        account = repository.read(uid, account_id) or StoredAccount(uid, account_id, {}, version=None)
        if account.sealed_token is not None:
            return
        if repository.delete(account, lambda before: without_card(before, account_id, parts.now())):
            return
    raise ServiceUnavailable


def _cancellable(parts: PostParts, uid: str, account_id: str) -> Iterator[StoredPost]:
    for state in CANCELLABLE:
        after = None
        while page := parts.repository.find(uid, account_id, limit=PAGE, state=state, after=after):
            yield from page
            after = page[-1].post_id


def _is_cancelled(parts: PostParts, post: StoredPost) -> bool:
    """Cancel a post, and return whether it is cancelled.

    It is not if a delivery holds the lease, or if it is not known whether the post is out.
    """
    try:
        cancel_record(parts, post)
    except (InProgress, InvalidRequest):
        return False
    return True
