"""Data deletion: a Threads user is forgotten for Meta, or a user of the app for the app.

An account's owner has removed the app or asked for deletion, and Meta passes this on. Or the app forgets one
of its users: then all accounts of this user go, with all records, but no other user's.

    1 write       whom to forget, before anything else: after a crash, the sweep finds the deletion
    at once
      3 reads     the accounts of this Threads user, whichever users of the app have connected them
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
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NamedTuple

from threads.accounts.account import ID_FIELDS, StoredAccount
from threads.accounts.repository import ACCOUNTS
from threads.accounts.token_lifetime import share
from threads.base.errors import AccountNotFound, DeletionNotFound, ServiceUnavailable, name_of
from threads.base.side_by_side import in_rounds
from threads.base.validation import is_document_id
from threads.cloud.firestore import at
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

WAITS = timedelta(days=1)
"""How long a deletion waits, once everything has settled, for records that seem to be under way, and for what
it cannot read or prove. Nothing of ours takes that long, and a client may have written such documents."""

PAGE = 100
"""Deletions that are read at once."""


class Finished(NamedTuple):
    """What came of the deletions of an hour."""

    outcomes: Counter[str]
    """How many had each outcome."""
    passed_over: list[str]
    """The paths of documents that could not be read."""


class Connections(NamedTuple):
    """Who has connected a Threads user: connections, each by its uid and the id of its account."""

    proven: set[tuple[str, str]]
    """The service has written that they are about this Threads user, and Threads has said their ids."""
    alone: set[tuple[str, str]]
    """The service has written that they are about this Threads user, and a client may have chosen their ids.
    They count for their own users alone."""
    unproven: set[tuple[str, str]]
    """Their documents say it, and count for their own users alone."""
    account_ids: set[str]
    """The ids of the proven ones. They count for all users."""
    unread: list[str]
    """The paths of what could not be read, or not yet."""
    unseen: set[str]
    """The users of whom nothing was looked at, because the time was up."""


@dataclass(frozen=True)
class Attempt:
    """One try of a deletion."""

    until: datetime
    """What began later is not what the deletion is about."""
    ends: datetime
    """When the time is up."""
    is_last: bool
    """Whether everything has settled that was under way at first."""
    is_final: bool
    """Whether nothing is waited for any more."""
    passed_over: list[str]
    odd: list[str] = field(default_factory=list)
    """The paths of the records that this version cannot read."""

    def note_odd(self, path: str) -> None:
        """Note a record that cannot be read."""
        self.odd.append(path)
        self.passed_over.append(path)


def request_deletion(parts: ConnectionParts, signed: SignedRequest) -> str:
    """Write a deletion and begin it, and return its state or, in a word, what went wrong.

    In both cases the sweep goes on with it.

    Raises:
        ServiceUnavailable: the deletion could not be written.

    """
    now = parts.now()
    deletion = Deletion(signed.code, RUNNING, signed.user_id, signed.issued_at, due_at=now + PAUSE)
    written = parts.repository.create_deletion(deletion, now)
    return _try(parts, written, parts.now() + ERASE_TIME)  # the clock may just have been set


def forget_user(parts: ConnectionParts, uid: str) -> str:
    """Write the deletion of a user of the app and begin it, and return its confirmation code.

    The sweep goes on with it, whatever happens.

    Raises:
        ServiceUnavailable: the deletion could not be written.

    """
    now = parts.now()
    deletion = Deletion(secrets.token_hex(16), RUNNING, None, now, due_at=now + PAUSE, uid=uid)
    written = parts.repository.create_deletion(deletion, now)
    _try(parts, written, parts.now() + ERASE_TIME)
    return deletion.code


def finish_deletions(parts: ConnectionParts, ends: datetime) -> Finished:
    """Go on with the deletions that are due until the time is up, and return what came of them.

    Each deletion goes to the end of the line before it is tried, whatever its outcome.

    Raises:
        ServiceUnavailable: Firestore does not list the deletions.

    """
    done = Finished(Counter(), [])
    while due := parts.repository.find_deletions(parts.now(), PAGE):
        for deletion in due:
            parts.repository.change_deletion(deletion.code, {"dueAt": parts.now() + PAUSE})
            done.outcomes[_try(parts, deletion, ends, done.passed_over)] += 1
            if parts.now() >= ends:
                return done
    return done


def is_done(parts: ConnectionParts, unverified_code: str) -> bool:
    """Return whether a deletion is done.

    Raises:
        DeletionNotFound: there was never such a deletion, or it has expired.

    """
    found = parts.repository.read_deletion(unverified_code) if is_document_id(unverified_code) else None
    if found is None:
        raise DeletionNotFound
    return found.state == DONE


def _try(
    parts: ConnectionParts, deletion: Deletion, ends: datetime, passed_over: list[str] | None = None
) -> str:
    """Go on with a deletion, and return its state or, in a word, what went wrong."""
    odd: list[str] = [] if passed_over is None else passed_over
    try:
        return _go_on(parts, deletion, ends, odd)
    except Exception as error:  # noqa: BLE001 - an odd document must not stop the other deletions
        return name_of(error)


def _go_on(parts: ConnectionParts, deletion: Deletion, ends: datetime, passed_over: list[str]) -> str:
    """Do what can be done by now, and return the deletion's state.

    Raises:
        ServiceUnavailable: a service failed, or did not answer. The next try goes on.

    """
    now, settles_at = parts.now(), deletion.settles_at
    if deletion.state == DONE or (settles_at and settles_at > now):
        return deletion.state
    attempt = Attempt(
        until=deletion.issued_at + ISSUED_ALLOWANCE,
        ends=ends,
        is_last=settles_at is not None,
        is_final=settles_at is not None and settles_at + WAITS <= now,
        passed_over=passed_over,
    )
    forget = _forget_own if deletion.uid else _forget_person
    is_gone = forget(parts, deletion, attempt)
    now = parts.now()
    if not attempt.is_last:
        parts.repository.change_deletion(deletion.code, {"settlesAt": now + SETTLES, "dueAt": now + SETTLES})
    elif is_gone:
        parts.repository.change_deletion(deletion.code, _done(now))
        return DONE
    return RUNNING


def _done(now: datetime) -> dict[str, object]:
    gone = dict.fromkeys(("uid", "userId", "accountIds", "dueAt", "settlesAt", "searchedTo"))
    return {"state": DONE, **gone, "completedAt": now, "expiresAt": now + STATUS_LIFETIME}


def _forget_own(parts: ConnectionParts, deletion: Deletion, attempt: Attempt) -> bool:
    """Forget a user of the app, and return whether everything is gone."""
    uid = deletion.uid or ""
    connections = {(it.uid, it.account_id) for it in parts.accounts.repository.all_of(uid)}
    is_gone = _remove_all(parts, connections, attempt)
    parts.repository.delete_begun_by(uid, until=attempt.until)
    pages = parts.posts.repository.pages_of_user(uid, attempt.note_odd)
    return _erase(parts, pages, attempt) and is_gone


def _forget_person(parts: ConnectionParts, deletion: Deletion, attempt: Attempt) -> bool:
    """Forget a Threads user for all users of the app, and return whether everything is gone.

    A document that the service has not sealed may be a client's. So it counts for its own user alone, it
    comes last, and the deletion does not wait for it for ever.
    """
    if not deletion.threads_user_id:
        raise ValueError("This deletion does not say whom to forget.")
    found = _find(parts, deletion, attempt)
    account_ids = sorted({deletion.threads_user_id, *deletion.account_ids, *found.account_ids})
    parts.repository.change_deletion(deletion.code, {"accountIds": account_ids})
    is_gone = _remove_all(parts, found.proven | found.alone, attempt)
    if is_gone and found.unseen:  # the next try goes on behind these
        searched_to = min(_lot(deletion, uid) for uid in found.unseen)
        parts.repository.change_deletion(deletion.code, {"searchedTo": searched_to})
    if not attempt.is_last:
        _forget_people(parts, account_ids, attempt.until)
    posts = parts.posts.repository
    for account_id in account_ids:
        is_gone = _erase(parts, posts.pages_of(account_id, attempt.note_odd), attempt) and is_gone
    own = [*sorted(found.alone), *sorted(found.unproven)]
    is_gone = _forget_own_records(parts, own, attempt) and is_gone
    return is_gone and not found.unseen and (attempt.is_final or not found.unread)


def _find(parts: ConnectionParts, deletion: Deletion, attempt: Attempt) -> Connections:
    """Find who has connected a Threads user. Once somebody is found, it takes half of the time at most.

    A rule of the app may let users write below their own path, with any id. So another id than the one that
    Meta has named counts only if Threads has said it, and the service has sealed it together with that one.
    The id of a document is a client's choice, even if the service has sealed something in it.

    Each document is read by itself, so that one that a client has filled costs only its own turn.
    """
    repository, found = parts.accounts.repository, Connections(set(), set(), set(), set(), [], set())
    threads_user_id, ends = deletion.threads_user_id or "", parts.now() + (attempt.ends - parts.now()) / 2
    named = {it for name in ID_FIELDS for it in repository.find_connected(name, threads_user_id)}
    seen = {uid for uid, _ in named if _lot(deletion, uid) < deletion.searched_to}
    for uid, account_id in _in_turn(deletion, named, seen):
        path = f"{at(ACCOUNTS, uid)}/{account_id}"
        if parts.now() >= (ends if found.proven else attempt.ends):
            found.unread.append(path)
            continue
        seen.add(uid)
        try:
            account = repository.read(uid, account_id)
        except ServiceUnavailable:
            found.unread.append(path)
            attempt.passed_over.append(path)
            continue
        if account:
            _sort_in(parts, account, threads_user_id, found)
    found.unseen.update({uid for uid, _ in named} - seen)
    return found


def _in_turn(deletion: Deletion, named: set[tuple[str, str]], seen: set[str]) -> list[tuple[str, str]]:
    """Return the connections that name a person in the order in which they are looked at.

    First come the users whom no try has come to. Each user's first one, which is the one whose id Meta has
    named, as nearly all are that are not a client's, comes before any user's second one.
    """
    own = sorted(named, key=lambda it: (it[1] != deletion.threads_user_id, it))
    rounds = in_rounds(own, lambda it: it[0])
    turns = sorted(rounds, key=lambda turn: (turn[1][0] in seen, turn[0], _lot(deletion, turn[1][0])))
    return [it for _, it in turns]


def _lot(deletion: Deletion, uid: str) -> float:
    """Return a user's place in a search: one that nobody can choose, and the same in each try."""
    return share(f"{deletion.code} {uid}")


def _sort_in(
    parts: ConnectionParts, account: StoredAccount, threads_user_id: str, found: Connections
) -> None:
    vault, it = parts.accounts.vault, (account.uid, account.account_id)
    ids = vault.sealed_ids(account)
    if account.account_id == threads_user_id and vault.has_sealed(account):
        found.proven.add(it)
    elif threads_user_id not in ids:
        found.unproven.add(it)
    elif account.account_id not in ids:
        found.alone.add(it)
    else:
        found.proven.add(it)
        found.account_ids.add(account.account_id)


def _forget_own_records(parts: ConnectionParts, connections: list[tuple[str, str]], attempt: Attempt) -> bool:
    """Delete what counts for its own user alone, and return whether the deletion need not wait for the rest.

    A client may have written these documents, however many, or a key is missing.
    """
    posts, left = parts.posts.repository, len(connections)
    for uid, account_id in connections:
        if parts.now() >= attempt.ends:
            break
        with suppress(ServiceUnavailable):
            is_gone = _remove_all(parts, {(uid, account_id)}, attempt)
            if parts.config.is_sign_in_on and not attempt.is_last and uid == uid_of(account_id):
                _forget_user(parts, account_id)
            pages = posts.pages_of(account_id, attempt.note_odd, uid=uid)
            left -= _erase(parts, pages, attempt) and is_gone
    return left == 0 or attempt.is_final


def _remove_all(parts: ConnectionParts, connections: set[tuple[str, str]], attempt: Attempt) -> bool:
    """Delete accounts, each given by its uid and its id, unless they were connected later: at least one.

    Returns:
        Whether the time was enough.

    """
    for number, (uid, account_id) in enumerate(sorted(connections)):
        if number and parts.now() >= attempt.ends:
            return False
        with suppress(AccountNotFound):  # the user has just disconnected it
            take_token(parts, uid, account_id, until=attempt.until)
        remove(parts, uid, account_id)
    return True


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


def _erase(parts: ConnectionParts, pages: Iterator[list[StoredPost]], attempt: Attempt) -> bool:
    """Delete records, page by page, if they may be deleted, and return whether all are gone.

    The records of a later connection stay. In the end, what cannot be read goes, too.
    """
    is_gone, known = True, len(attempt.odd)
    for page in pages:
        later = {_account(post) for post in page if _is_later(post, attempt)}
        again = {account for account in later if _is_connected_again(parts, *account, attempt.until)}
        meant = [post for post in page if not _is_later(post, attempt) or _account(post) not in again]
        resting = [post for post in meant if _is_resting(post.record, parts.now(), attempt)]
        is_gone = _erase_all(parts.posts, resting) and is_gone and len(resting) == len(meant)
        if parts.now() >= attempt.ends:
            return False
    odd = attempt.odd[known:]
    for path in odd if attempt.is_final else ():
        parts.posts.repository.erase_odd(path)
    return is_gone and (attempt.is_final or not odd)


def _is_later(post: StoredPost, attempt: Attempt) -> bool:
    created_at = post.record.created_at
    return isinstance(created_at, datetime) and created_at > attempt.until


def _account(post: StoredPost) -> tuple[str, str]:
    """Return the uid and the id of a post's account."""
    return (post.uid, post.record.account_id)


def _is_connected_again(parts: ConnectionParts, uid: str, account_id: str, until: datetime) -> bool:
    account = parts.accounts.repository.read(uid, account_id)
    return account is not None and account.is_connected_after(until)


def _is_resting(record: Record, now: datetime, attempt: Attempt) -> bool:
    """Return whether a record may be erased.

    While its post may still be published, the record is what prevents a second one. But no record says for
    ever that it is needed: a client may have written it.
    """
    if attempt.is_final:
        return True
    try:
        is_settled = not record.ambiguous or (attempt.is_last and record.is_settled(now))
        return is_settled and not record.is_leased(now)
    except TypeError:  # its moments are not moments
        return False


def _erase_all(parts: PostParts, posts: list[StoredPost]) -> bool:
    """Delete records with their claims and tasks, and return whether none has changed meanwhile."""
    with suppress(ServiceUnavailable):  # a task that is left would find no post
        for post in posts:
            if post.record.task and not post.record.is_terminal:
                parts.queue.delete(post.record.task)
    if not posts or parts.repository.erase(posts):
        return True
    return not [post for post in posts if not parts.repository.erase([post])]
