"""Reading an account's profile again, so that its card shows today's name, handle and picture.

    1 call      the profile
    1 commit    account and card, if something has changed

A webhook names an account by its handle only. So the account's document gets the new one, too.
"""

from threads.accounts.account import OWNER_FIELD, StoredAccount
from threads.accounts.changes import AccountChange
from threads.accounts.parts import AccountParts
from threads.accounts.summary import public_profile, shown_profile
from threads.accounts.vault import SealBroken
from threads.base.errors import ServiceUnavailable, ThreadsError
from threads.graph import oauth


def read_profile_again(parts: AccountParts, account: StoredAccount) -> None:
    """Read an account's profile, and change account and card if it is not the stored one.

    An error changes nothing: the next refresh of the token tries again. Nor is anything changed if another
    writer comes first.
    """
    try:
        token = parts.vault.open_token(account)
        profile = oauth.read_profile(parts.graph.send(oauth.profile_request(token)))
        if public_profile(profile) == account.fields.get("profile"):
            return
        new = {"profile": public_profile(profile), "updatedAt": parts.now()}
        ids = parts.vault.sealed_ids(account)
        if ids and profile.id not in ids:  # Threads has changed it, and Meta may ask for it to be forgotten
            new[OWNER_FIELD] = parts.vault.seal_ids({*ids, profile.id}, account.uid, account.account_id)
        parts.repository.change(account, AccountChange(new, card=shown_profile(profile)))
    except (SealBroken, ThreadsError, ServiceUnavailable):
        return
