"""Reading an account's profile again, so that its card shows today's name, handle and picture.

    1 call      the profile
    1 commit    account and card, if something has changed

A webhook names an account by its handle only. So the account's document gets the new one, too.

The profile also tells whose the token is. Threads may have changed a person's id. If the id is not known,
one more call asks for the id that came with the token. If that is not known either, the token is another
person's: the account ends, and nothing is published with it.
"""

from contextlib import suppress

from threads.accounts.account import OWNER_FIELD, StoredAccount
from threads.accounts.changes import AccountChange, another_persons_change
from threads.accounts.parts import AccountParts
from threads.accounts.repository import SAVE_ATTEMPTS
from threads.accounts.summary import public_profile, shown_profile
from threads.accounts.vault import SealBroken
from threads.base.errors import ServiceUnavailable, ThreadsError
from threads.base.scopes import DEFAULT_SCOPES
from threads.base.secret import Secret
from threads.graph import oauth

NOT_THEIRS = "Threads has given this account the token of another person."


def read_profile_again(parts: AccountParts, account: StoredAccount) -> bool:
    """Read an account's profile, and change account and card if it is not the stored one.

    An error changes nothing: the next refresh of the token tries again. Nor is anything changed if another
    writer comes first.

    Returns:
        Whether the token may be used. False: it is another person's, and the account has ended.

    """
    with suppress(SealBroken, ThreadsError, ServiceUnavailable):
        token = parts.vault.open_token(account)
        profile = oauth.read_profile(parts.graph.send(oauth.profile_request(token)))
        ids = parts.vault.sealed_ids(account)
        is_known = not ids or profile.id in ids
        if not is_known and profile.id != account.account_id and not _is_of(parts, token, ids):
            _end(parts, account)
            return False
        if is_known and public_profile(profile) == account.fields.get("profile"):
            return True
        new = {"profile": public_profile(profile), "updatedAt": parts.now()}
        if not is_known:  # Meta may ask for it to be forgotten
            new[OWNER_FIELD] = parts.vault.seal_ids({*ids, profile.id}, account.uid, account.account_id)
        parts.repository.change(account, AccountChange(new, card=shown_profile(profile)))
    return True


def _is_of(parts: AccountParts, token: Secret, ids: frozenset[str]) -> bool:
    """Return whether Threads says that a token belongs to a person with one of these ids. One call."""
    with suppress(ThreadsError):
        return oauth.read_grants(parts.graph.send(oauth.grants_request(token)), DEFAULT_SCOPES).user_id in ids
    return False


def _end(parts: AccountParts, account: StoredAccount) -> None:
    """End an account that has another person's token, as long as it has this token. One commit."""
    there: StoredAccount | None = account
    for _ in range(SAVE_ATTEMPTS):
        if there is None or there.sealed_token != account.sealed_token:
            return
        if parts.repository.change(there, another_persons_change(parts.now())):
            return
        there = parts.repository.read(account.uid, account.account_id)
    raise ServiceUnavailable
