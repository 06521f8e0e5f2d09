"""The story of what a user chooses for an account: that it is the default one, and what it may do."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple

from threads.accounts import summary_with_choice
from threads.store import Store


class Choice(NamedTuple):
    """What the user has chosen for one account."""

    unverified_account_id: str
    enabled_for_repost: bool | None = None
    """None: as it is."""
    is_default: bool = False
    """False: as it is."""


def choose(store: Store, uid: str, choice: Choice, *, now: datetime) -> Mapping[str, Any]:
    """Write a choice into the user's summary, and return that.

    Raises:
        AccountNotFound: the user has no such account.
        ServiceUnavailable: Firestore did not do it.

    """
    return store.change_summary(
        uid,
        lambda before: summary_with_choice(
            before,
            choice.unverified_account_id,
            enabled_for_repost=choice.enabled_for_repost,
            is_default=choice.is_default,
            now=now,
        ),
    )
