"""What changes on an account, and on its card, when something happens to its token."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from threads.accounts.account import StoredAccount
from threads.accounts.changes import disconnect_change, reconnect_change, refreshed_change
from threads.accounts.token_lifetime import token_times
from threads.base.scopes import DEFAULT_SCOPES
from threads.base.secret import Secret
from threads.graph.oauth import LongLivedToken

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TERM = timedelta(days=60)


def test_a_dead_token_is_no_longer_refreshed() -> None:
    """The account asks for a reconnect, its card says why, and a sweep looks at it once more in an hour."""
    change = reconnect_change("token_rejected", NOW)
    assert change.account == {
        "status": "reconnect_required",
        "endedAt": NOW,
        "refreshAt": NOW + timedelta(hours=1),
        "refreshingUntil": None,
        "refreshError": None,
        "deadSince": None,
        "updatedAt": NOW,
    }
    reason = {"statusReason": "token_rejected", "refreshError": None}
    assert change.card == {"status": "reconnect_required", **reason}


def test_a_refreshed_token_lifts_the_mark() -> None:
    """The new token comes with its times; an account that was marked meanwhile becomes active again."""
    account = StoredAccount("u", "1", {}, version=None)
    change = refreshed_change(account, LongLivedToken(Secret("t"), "bearer", TERM), "sealed", NOW)
    assert change.account == {
        "accessToken": "sealed",
        "tokenType": "bearer",
        **token_times("1", NOW, TERM),
        "status": "active",
        "endedAt": None,
        "alarmedAt": None,
        "refreshingUntil": None,
        "refreshError": None,
        "deadSince": None,
        "updatedAt": NOW,
    }
    well = {"status": "active", "statusReason": None, "refreshError": None}
    assert change.card == {**well, "expiresAt": NOW + TERM, "canPublish": True}


@pytest.mark.parametrize(
    ("scopes", "may"), [(None, True), (DEFAULT_SCOPES, True), (["threads_basic"], False), ([], False)]
)
def test_a_refresh_says_whether_the_account_may_publish(scopes: Sequence[str] | None, *, may: bool) -> None:
    """A card that an older version has written does not say it."""
    account = StoredAccount("u", "1", {"scopes": scopes}, version=None)
    change = refreshed_change(account, LongLivedToken(Secret("t"), "bearer", TERM), "sealed", NOW)
    assert (change.card or {})["canPublish"] is may


def test_a_disconnected_account_loses_its_token_first() -> None:
    """From then on nothing begins with it, and the app sees why."""
    change = disconnect_change(NOW)
    begun = {"accessToken": None, "refreshAt": NOW}
    assert change.account == {**reconnect_change("disconnecting", NOW).account, **begun}
    assert change.card
    assert change.card["statusReason"] == "disconnecting"
