"""The story of what Meta wants forgotten: an account whose owner has removed the app, or asked for deletion.

    1 write       what is to be forgotten, before anything else: whoever comes after a crash finds it
    2 reads       the account's connections, of all users
    for each      its token goes first, then its posts with their claims, what its authorization windows have
                  come to, the user of the app who signs in with it, and the account itself last
    1 write       done; whose it was is not known any more

Everything is safe to repeat. What was connected after the request was issued is not what it is about: one
that comes again, from Meta or from somebody who has got hold of it, does nothing to it. What was left undone
is finished by the hourly sweep, so that Meta hears yes as soon as it is written down.

What is kept: the records of an account that its user had disconnected before, to which nothing leads from the
account, until they expire 30 days after their posts have ended.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from threads.accounts import ID_FIELDS, is_without_token
from threads.auth_finish import UID_PREFIX
from threads.disconnect import PAGE, cancel_posts, remove, take_token
from threads.documents import Found
from threads.errors import AccountNotFound, DeletionNotFound, ServiceError, ServiceUnavailable
from threads.ledger import CLOCK_ALLOWANCE
from threads.signed_request import SignedRequest
from threads.store import SAVE_ATTEMPTS, Store
from threads.tools import Tools
from threads.wire import is_document_id

RUNNING = "running"
DONE = "done"

STATUS_LIFETIME = timedelta(days=90)
"""How long somebody can look up that their data has been deleted."""

DELETIONS_AT_ONCE = 100
"""Unfinished deletions that one sweep goes on with."""


def request_deletion(tools: Tools, signed: SignedRequest) -> bool:
    """Write down whom to forget, and do it; say whether it is done. If not, the sweep finishes it.

    Raises:
        ServiceUnavailable: it could not be written down.

    """
    now = tools.now()
    fields = {
        "state": RUNNING,
        "userId": signed.user_id,
        "issuedAt": signed.issued_at,
        "requestedAt": now,
        "expiresAt": now + STATUS_LIFETIME,
    }
    deletion = tools.store.create_deletion(signed.code, fields)
    with suppress(ServiceError):
        _finish(tools, deletion)
        return True
    return False


def finish_deletions(tools: Tools) -> int:
    """Go on with what was left undone; return how many deletions are done now.

    Raises:
        ServiceUnavailable: Firestore does not say which.

    """
    done = 0
    for deletion in tools.store.find_deletions(RUNNING, DELETIONS_AT_ONCE):
        with suppress(ServiceError):  # one account's trouble is not the others'
            _finish(tools, deletion)
            done += 1
    return done


def is_done(store: Store, unverified_code: str) -> bool:
    """Say whether a deletion is done.

    Raises:
        DeletionNotFound: nobody has asked for it, or long ago.

    """
    found = store.read_deletion(unverified_code) if is_document_id(unverified_code) else None
    if found is None:
        raise DeletionNotFound
    return bool(found.fields["state"] == DONE)


def _finish(tools: Tools, deletion: Found) -> None:
    if deletion.fields["state"] == DONE:
        return
    forget(tools, deletion.fields["userId"], deletion.fields["issuedAt"])
    done = {"state": DONE, "userId": None, "completedAt": tools.now()}
    tools.store.change_deletion(deletion.id, done)


def forget(tools: Tools, user_id: str, issued_at: datetime) -> None:
    """Delete all that is stored of an account as it was connected at a moment, for every user.

    Raises:
        ServiceUnavailable: something did not do its part; the same call goes on.

    """
    connections = _connections(tools, user_id, issued_at)
    for uid, account_id in connections:
        with suppress(AccountNotFound):  # its user was quicker
            take_token(tools, uid, account_id)
        cancel_posts(tools, uid, account_id)
        _erase_posts(tools, uid, account_id)
        tools.store.delete_outcomes(account_id)
    if tools.config.is_sign_in_on:
        for account_id in {user_id, *(account_id for _, account_id in connections)}:
            _forget_user(tools, account_id)
    for uid, account_id in connections:
        remove(tools, uid, account_id)


def _connections(tools: Tools, user_id: str, issued_at: datetime) -> list[tuple[str, str]]:
    """Return user and account of each connection that was there at a moment."""
    found = {
        (uid, account.id): account.fields
        for name in ID_FIELDS
        for uid, account in tools.store.find_connections(name, user_id)
    }
    return [names for names, fields in found.items() if not _is_later(fields, issued_at)]


def _is_later(account: Mapping[str, Any], moment: datetime) -> bool:
    created_at = account.get("createdAt")
    return isinstance(created_at, datetime) and created_at > moment + CLOCK_ALLOWANCE


def _erase_posts(tools: Tools, uid: str, account_id: str) -> None:
    """Delete an account's records with their claims; a delivery that is at one finds it gone, and stops."""
    missed = 0
    while page := tools.records.find(uid, account_id, limit=PAGE):
        missed = 0 if tools.records.erase(page) else missed + 1
        if missed == SAVE_ATTEMPTS:
            raise ServiceUnavailable


def _forget_user(tools: Tools, account_id: str) -> None:
    """Delete the user of the app who signs in with an account; one on whom other accounts hang is needed."""
    uid = f"{UID_PREFIX}{account_id}"
    found = tools.store.find_accounts(uid, account_id)
    if found and not is_without_token(found[0].fields):
        return  # has signed in again since
    cards = tools.store.read_summary(uid).get("accounts") or {}
    tools.users.forget(uid, is_needed=bool(cards.keys() - {account_id}))
