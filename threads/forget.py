"""The story of what Meta wants forgotten: an account whose owner has removed the app, or asked for deletion.

    1 write       what is to be forgotten, before anything else: whoever comes after a crash finds it
    at once
      2 reads     the account's connections, of all users
      1 write     their ids, to which nothing leads afterwards
      for each    its token goes first, then the account itself, what its authorization windows have come to,
                  and the user of the app who signs in with it
      a page      its posts' records with their claims and tasks, of all users, but for those that a delivery
                  is at, or that may be out
      1 write     from when on all that was under way has ended
    from then on, by the hourly sweep
                  the same once more, with all records; what is under way still is left for another time
      1 write     done; whose it was is not known any more

Everything is safe to repeat. What was connected after the request was issued is not what it is about, and
neither are the posts of that connection: a request that comes late or again, from Meta or from somebody who
has got hold of it, does nothing to them. Meta hears yes as soon as it is written down.

What the app itself sends about the account afterwards, by a task of its own, is the app's business.
"""

from collections import Counter
from contextlib import suppress
from datetime import datetime, timedelta

from threads.accounts import ID_FIELDS, is_connected_after, is_without_token
from threads.disconnect import remove, take_token
from threads.documents import Found
from threads.errors import AccountNotFound, DeletionNotFound, ServiceUnavailable, name_of
from threads.ledger import CLOCK_ALLOWANCE, LEASE, SETTLE_SILENCE, Record
from threads.records import Held
from threads.signed_request import SignedRequest
from threads.store import Store
from threads.tools import Tools
from threads.users import uid_of
from threads.wire import is_document_id

RUNNING = "running"
DONE = "done"

STATUS_LIFETIME = timedelta(days=90)
"""How long somebody can look up that their data has been deleted."""

SETTLES = LEASE + SETTLE_SILENCE
"""After how long nothing goes on that began before an account lost its token: a delivery has ended, and a
post without an answer has appeared or never will."""

PAUSE = timedelta(minutes=10)
"""Between two tries of a deletion: less than the hour between two sweeps, and more than one of them lasts, so
that all others come before it is tried again."""

BUDGET = timedelta(seconds=20)
"""How long Meta waits for an answer while records are erased; the last page may need a while more."""

PAGE = 100
"""Deletions that are read at once."""


def request_deletion(tools: Tools, signed: SignedRequest) -> str:
    """Write down whom to forget, and begin; return the deletion's state, or what went wrong, in a word.

    In either case the sweep goes on with it.

    Raises:
        ServiceUnavailable: it could not be written down.

    """
    now = tools.now()
    fields = {
        "state": RUNNING,
        "userId": signed.user_id,
        "issuedAt": signed.issued_at,
        "requestedAt": now,
        "dueAt": now + PAUSE,
    }
    return _try(tools, tools.store.create_deletion(signed.code, fields), now + BUDGET)


def finish_deletions(tools: Tools, ends: datetime) -> Counter[str]:
    """Go on with the deletions that are due, until the time is up; return how many, by what came of them.

    Each is put at the end of the line before it is tried, whatever comes of it.

    Raises:
        ServiceUnavailable: Firestore does not say which.

    """
    outcomes: Counter[str] = Counter()
    while due := tools.store.find_deletions(tools.now(), PAGE):
        for deletion in due:
            tools.store.change_deletion(deletion.id, {"dueAt": tools.now() + PAUSE})
            outcomes[_try(tools, deletion, ends)] += 1
            if tools.now() >= ends:
                return outcomes
    return outcomes


def is_done(store: Store, unverified_code: str) -> bool:
    """Say whether a deletion is done.

    Raises:
        DeletionNotFound: nobody has asked for it, or long ago.

    """
    found = store.read_deletion(unverified_code) if is_document_id(unverified_code) else None
    if found is None:
        raise DeletionNotFound
    return bool(found.fields["state"] == DONE)


def _try(tools: Tools, deletion: Found, ends: datetime) -> str:
    """Go on with a deletion; return its state, or what went wrong, in a word."""
    try:
        return _go_on(tools, deletion, ends)
    except Exception as error:  # noqa: BLE001 - an odd document is not the other deletions' trouble
        return name_of(error)


def _go_on(tools: Tools, deletion: Found, ends: datetime) -> str:
    """Do what can be done by now, and return the deletion's state.

    Raises:
        ServiceUnavailable: something did not do its part; another try does.

    """
    fields, settles_at = deletion.fields, deletion.fields.get("settlesAt")
    if fields["state"] == DONE or (settles_at and settles_at > tools.now()):
        return str(fields["state"])
    is_last, until = settles_at is not None, fields["issuedAt"] + CLOCK_ALLOWANCE
    account_ids = _forget_accounts(tools, deletion, until)
    if not is_last:
        _forget_people(tools, account_ids, until)
    left = [it for it in account_ids if not _erase(tools, it, until, ends=ends, is_last=is_last)]
    now = tools.now()
    if not is_last:
        tools.store.change_deletion(deletion.id, {"settlesAt": now + SETTLES, "dueAt": now + SETTLES})
    elif not left:
        tools.store.change_deletion(deletion.id, _done(now))
        return DONE
    return RUNNING


def _done(now: datetime) -> dict[str, object]:
    gone = dict.fromkeys(("userId", "accountIds", "dueAt", "settlesAt"))
    return {"state": DONE, **gone, "completedAt": now, "expiresAt": now + STATUS_LIFETIME}


def _forget_accounts(tools: Tools, deletion: Found, until: datetime) -> list[str]:
    """Delete the account, of each user who had connected it by then; return the ids that it has had."""
    user_id = deletion.fields["userId"]
    connections = {
        (uid, account.id)
        for name in ID_FIELDS
        for uid, account in tools.store.find_connections(name, user_id)
    }
    known = {user_id, *deletion.fields.get("accountIds", ())}
    account_ids = sorted(known | {account_id for _, account_id in connections})
    tools.store.change_deletion(deletion.id, {"accountIds": account_ids})
    for uid, account_id in sorted(connections):
        with suppress(AccountNotFound):  # its user was quicker
            take_token(tools, uid, account_id, until=until)
        remove(tools, uid, account_id)
    return account_ids


def _forget_people(tools: Tools, account_ids: list[str], until: datetime) -> None:
    """Delete what else says who somebody is; what comes of a later connection is not looked for again."""
    for account_id in account_ids:
        tools.store.delete_outcomes(account_id, until=until)
        if tools.config.is_sign_in_on:
            _forget_user(tools, account_id)


def _forget_user(tools: Tools, account_id: str) -> None:
    """Delete the user of the app who signs in with an account; one on whom other accounts hang is needed."""
    uid = uid_of(account_id)
    found = tools.store.find_accounts(uid, account_id)
    if found and not is_without_token(found[0].fields):
        return  # has signed in again since
    cards = tools.store.read_summary(uid).get("accounts") or {}
    tools.users.forget(uid, is_needed=bool(cards.keys() - {account_id}))


def _erase(tools: Tools, account_id: str, until: datetime, *, ends: datetime, is_last: bool) -> bool:
    """Delete an account's records, of all users, as far as they may go; say whether these are all.

    Those that were made by a later connection stay.
    """
    is_gone = True
    for page in tools.records.pages_of(account_id):
        later = {held.uid for held in page if held.record.created_at > until}
        again = {uid for uid in later if _is_connected_again(tools, uid, account_id, until)}
        meant = [held for held in page if held.record.created_at <= until or held.uid not in again]
        resting = [held for held in meant if _is_resting(held.record, tools.now(), is_last=is_last)]
        is_gone = _erase_all(tools, resting) and is_gone and len(resting) == len(meant)
        if tools.now() >= ends:
            return False
    return is_gone


def _is_connected_again(tools: Tools, uid: str, account_id: str, until: datetime) -> bool:
    found = tools.store.find_accounts(uid, account_id)
    return bool(found) and is_connected_after(found[0].fields, until)


def _is_resting(record: Record, now: datetime, *, is_last: bool) -> bool:
    """Say whether a record may go: it is what keeps a post from being sent again while it may be out."""
    return not record.is_held(now) and (not record.ambiguous or (is_last and record.is_settled(now)))


def _erase_all(tools: Tools, posts: list[Held]) -> bool:
    """Delete records with their claims and tasks; say whether nobody has changed one of them meanwhile."""
    with suppress(ServiceUnavailable):  # they would find no post
        for held in posts:
            if held.record.task and not held.record.is_terminal:
                tools.tasks.delete(held.record.task)
    if not posts or tools.records.erase(posts):
        return True
    return not [held for held in posts if not tools.records.erase([held])]
