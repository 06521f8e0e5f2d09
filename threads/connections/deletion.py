"""Data deletion: a Threads user is forgotten for Meta, or a user of the app for the app.

An account's owner has removed the app or asked for deletion, and Meta passes this on. Or the app forgets one
of its users: then all accounts of this user go, with all records, but no other user's.

    1 write       whom to forget, before anything else: after a crash, the sweep finds the deletion
    at once
      2 reads     the accounts of this Threads user, whichever users of the app have connected them
      1 write     their ids, because nothing else leads to them afterwards
      for each    delete its token first, then the account itself, its states and pending connections, and
                  the user of the app who signs in with it
      a page      delete the records of its posts with their claims and tasks, of all users, except those
                  that a delivery has leased, or that may be out
      1 write     when everything that was under way will have ended
    from then on, by the hourly sweep
                  the same again, with all records; those that are still under way wait for the next try
      1 write     done; the document no longer tells whom it was about

Every step is safe to repeat. A deletion concerns only what was connected before Meta issued it. It does not
touch a later connection or its posts, even if the request comes late, or again, from Meta or from a person
who has got hold of it. Once the deletion is written, the request succeeds, even if the first try fails.

If the app itself later sends something about the account, by a task of its own, the app must deal with it.
"""

import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta

from threads.accounts.account import ID_FIELDS
from threads.base.errors import AccountNotFound, DeletionNotFound, ServiceUnavailable, name_of
from threads.base.validation import is_document_id
from threads.cloud.users import uid_of
from threads.connections.disconnect import remove, take_token
from threads.connections.parts import ConnectionParts
from threads.connections.states import DONE, RUNNING, Deletion
from threads.graph.signed_request import SignedRequest
from threads.posts.ledger import LEASE, SETTLE, Record
from threads.posts.parts import PostParts
from threads.posts.repository import StoredPost

STATUS_LIFETIME = timedelta(days=90)
"""How long a person can look up that their data has been deleted."""

ISSUED_ALLOWANCE = timedelta(seconds=5)
"""How far the clock that dates Meta's notices may be behind ours. An account that is connected later than
this after a notice was connected again, and stays."""

SETTLES = LEASE + SETTLE
"""After this time, everything that began before an account lost its token has ended: deliveries are over, and
a post without an answer has appeared or never will."""

PAUSE = timedelta(minutes=10)
"""The pause between two tries of a deletion. It is less than the hour between two sweeps. It is longer than a
sweep, so that a sweep tries all others before it tries one again."""

ERASE_TIME = timedelta(seconds=20)
"""How long a caller waits for an answer while records are erased. The last page may take a little longer."""

PAGE = 100
"""Deletions that are read at once."""


def request_deletion(parts: ConnectionParts, signed: SignedRequest) -> str:
    """Write a deletion and begin it, and return its state or, in a word, what went wrong.

    In both cases the sweep goes on with it.

    Raises:
        ServiceUnavailable: the deletion could not be written.

    """
    now = parts.now()
    deletion = Deletion(signed.code, RUNNING, signed.user_id, signed.issued_at, due_at=now + PAUSE)
    return _try(parts, parts.repository.create_deletion(deletion, now), now + ERASE_TIME)


def forget_user(parts: ConnectionParts, uid: str) -> str:
    """Write the deletion of a user of the app and begin it, and return its confirmation code.

    The sweep goes on with it, whatever happens.

    Raises:
        ServiceUnavailable: the deletion could not be written.

    """
    now = parts.now()
    deletion = Deletion(secrets.token_hex(16), RUNNING, None, now, due_at=now + PAUSE, uid=uid)
    _try(parts, parts.repository.create_deletion(deletion, now), now + ERASE_TIME)
    return deletion.code


def finish_deletions(parts: ConnectionParts, ends: datetime) -> Counter[str]:
    """Go on with the deletions that are due until the time is up, and count their outcomes.

    Each deletion goes to the end of the line before it is tried, whatever its outcome.

    Raises:
        ServiceUnavailable: Firestore does not list the deletions.

    """
    outcomes: Counter[str] = Counter()
    while due := parts.repository.find_deletions(parts.now(), PAGE):
        for deletion in due:
            parts.repository.change_deletion(deletion.code, {"dueAt": parts.now() + PAUSE})
            outcomes[_try(parts, deletion, ends)] += 1
            if parts.now() >= ends:
                return outcomes
    return outcomes


def is_done(parts: ConnectionParts, unverified_code: str) -> bool:
    """Return whether a deletion is done.

    Raises:
        DeletionNotFound: there was never such a deletion, or it has expired.

    """
    found = parts.repository.read_deletion(unverified_code) if is_document_id(unverified_code) else None
    if found is None:
        raise DeletionNotFound
    return found.state == DONE


def _try(parts: ConnectionParts, deletion: Deletion, ends: datetime) -> str:
    """Go on with a deletion, and return its state or, in a word, what went wrong."""
    try:
        return _go_on(parts, deletion, ends)
    except Exception as error:  # noqa: BLE001 - an odd document must not stop the other deletions
        return name_of(error)


def _go_on(parts: ConnectionParts, deletion: Deletion, ends: datetime) -> str:
    """Do what can be done by now, and return the deletion's state.

    Raises:
        ServiceUnavailable: a service failed, or did not answer. The next try goes on.

    """
    settles_at = deletion.settles_at
    if deletion.state == DONE or (settles_at and settles_at > parts.now()):
        return deletion.state
    is_last, until = settles_at is not None, deletion.issued_at + ISSUED_ALLOWANCE
    if deletion.uid:
        accounts = parts.accounts.repository.all_of(deletion.uid)
        _remove_all(parts, {(it.uid, it.account_id) for it in accounts}, until)
        parts.repository.delete_begun_by(deletion.uid, until=until)
        records = [parts.posts.repository.pages_of_user(deletion.uid)]
    else:
        account_ids = _forget_accounts(parts, deletion, until)
        if not is_last:
            _forget_people(parts, account_ids, until)
        records = [parts.posts.repository.pages_of(account_id) for account_id in account_ids]
    left = [pages for pages in records if not _erase(parts, pages, until, ends=ends, is_last=is_last)]
    now = parts.now()
    if not is_last:
        parts.repository.change_deletion(deletion.code, {"settlesAt": now + SETTLES, "dueAt": now + SETTLES})
    elif not left:
        parts.repository.change_deletion(deletion.code, _done(now))
        return DONE
    return RUNNING


def _done(now: datetime) -> dict[str, object]:
    gone = dict.fromkeys(("uid", "userId", "accountIds", "dueAt", "settlesAt"))
    return {"state": DONE, **gone, "completedAt": now, "expiresAt": now + STATUS_LIFETIME}


def _forget_accounts(parts: ConnectionParts, deletion: Deletion, until: datetime) -> list[str]:
    """Delete the account for each user who had connected it by then, and return its ids."""
    threads_user_id = deletion.threads_user_id
    if not threads_user_id:
        raise ValueError("This deletion does not say whom to forget.")
    connections = {
        (account.uid, account.account_id)
        for name in ID_FIELDS
        for account in parts.accounts.repository.find_connected(name, threads_user_id)
    }
    known = {threads_user_id, *deletion.account_ids}
    account_ids = sorted(known | {account_id for _, account_id in connections})
    parts.repository.change_deletion(deletion.code, {"accountIds": account_ids})
    _remove_all(parts, connections, until)
    return account_ids


def _remove_all(parts: ConnectionParts, connections: set[tuple[str, str]], until: datetime) -> None:
    """Delete accounts, each of which is given by its uid and its id, unless they were connected later."""
    for uid, account_id in sorted(connections):
        with suppress(AccountNotFound):  # the user has just disconnected it
            take_token(parts, uid, account_id, until=until)
        remove(parts, uid, account_id)


def _forget_people(parts: ConnectionParts, account_ids: list[str], until: datetime) -> None:
    """Delete what else identifies a person. The last try does not look for what later connections left."""
    for account_id in account_ids:
        parts.repository.delete_ends(account_id, until=until)
        if parts.config.is_sign_in_on:
            _forget_user(parts, account_id)


def _forget_user(parts: ConnectionParts, account_id: str) -> None:
    """Delete the user of the app who signs in with an account. A user with other accounts is needed."""
    uid = uid_of(account_id)
    account = parts.accounts.repository.read(uid, account_id)
    if account and account.sealed_token is not None:
        return  # the user has signed in again since
    cards = parts.accounts.repository.read_summary(uid).cards
    parts.users.forget(uid, is_needed=bool(cards.keys() - {account_id}))


def _erase(
    parts: ConnectionParts,
    pages: Iterator[list[StoredPost]],
    until: datetime,
    *,
    ends: datetime,
    is_last: bool,
) -> bool:
    """Delete records, page by page, if they may be deleted, and return whether all are gone.

    The records of a later connection stay.
    """
    is_gone = True
    for page in pages:
        later = {_account(post) for post in page if post.record.created_at > until}
        again = {account for account in later if _is_connected_again(parts, *account, until)}
        meant = [post for post in page if post.record.created_at <= until or _account(post) not in again]
        resting = [post for post in meant if _is_resting(post.record, parts.now(), is_last=is_last)]
        is_gone = _erase_all(parts.posts, resting) and is_gone and len(resting) == len(meant)
        if parts.now() >= ends:
            return False
    return is_gone


def _account(post: StoredPost) -> tuple[str, str]:
    """Return the uid and the id of a post's account."""
    return (post.uid, post.record.account_id)


def _is_connected_again(parts: ConnectionParts, uid: str, account_id: str, until: datetime) -> bool:
    account = parts.accounts.repository.read(uid, account_id)
    return account is not None and account.is_connected_after(until)


def _is_resting(record: Record, now: datetime, *, is_last: bool) -> bool:
    """Return whether a record may be erased.

    While its post may still be published, the record is what prevents a second one.
    """
    return not record.is_leased(now) and (not record.ambiguous or (is_last and record.is_settled(now)))


def _erase_all(parts: PostParts, posts: list[StoredPost]) -> bool:
    """Delete records with their claims and tasks, and return whether none has changed meanwhile."""
    with suppress(ServiceUnavailable):  # a task that is left would find no post
        for post in posts:
            if post.record.task and not post.record.is_terminal:
                parts.queue.delete(post.record.task)
    if not posts or parts.repository.erase(posts):
        return True
    return not [post for post in posts if not parts.repository.erase([post])]
