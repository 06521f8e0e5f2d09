"""The summary of a user's accounts: its cards, the default account, and what the web app is answered."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from threads.accounts.changes import reconnect_change
from threads.accounts.summary import (
    StoredSummary,
    cards_answer,
    fresh_card,
    with_choice,
    with_connected_card,
    without_card,
)
from threads.graph.oauth import Profile

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TERM = timedelta(seconds=5183944)
CARD = {
    "displayName": "Ada L.",
    "username": "ada",
    "avatarUrl": "https://scontent.example/p.jpg",
    "accountType": "user",
    "status": "active",
    "expiresAt": NOW + TERM,
    "enabled_for_repost": False,
    "canPublish": True,
}


def stored(fields: Mapping[str, Any]) -> StoredSummary:
    """Return a summary with these fields."""
    return StoredSummary("ada", fields, NOW)


def connected(
    account_id: str,
    before: Mapping[str, Any] | None = None,
    *,
    now: datetime = NOW,
    refused: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Return the summary's fields once an account was connected."""
    profile = Profile(account_id, "Ada L.", "ada", "https://scontent.example/p.jpg")
    summary = stored(before) if before else StoredSummary("ada")
    return with_connected_card(summary, account_id, fresh_card(profile, now + TERM, refused), now)


def test_the_first_account_becomes_the_default() -> None:
    """The summary of a first connection has one card, which is the default."""
    assert connected("1") == {
        "defaultAccountId": "1",
        "connectedCount": 1,
        "accounts": {"1": CARD},
        "updatedAt": NOW,
    }


def test_a_second_account_joins() -> None:
    """Another account adds a card, and the default stays what it was."""
    summary = connected("2", connected("1"))
    assert (summary["defaultAccountId"], summary["connectedCount"]) == ("1", 2)
    assert summary["accounts"] == {"1": CARD, "2": CARD}


@pytest.mark.parametrize("reason", ["token_rejected", "token_unreadable"])
def test_a_reconnect_keeps_the_choices_and_nothing_of_the_failure(reason: str) -> None:
    """What the user has chosen outlives a reconnect; what was wrong with the old token does not."""
    first = connected("1")
    failure = reconnect_change(reason, NOW).card
    assert failure
    broken = {**first["accounts"]["1"], **failure, "enabled_for_repost": True}
    later = NOW + timedelta(days=1)
    again = connected("1", {**first, "accounts": {"1": broken}}, now=later)
    assert again["accounts"]["1"] == {**CARD, "expiresAt": later + TERM, "enabled_for_repost": True}
    assert again["updatedAt"] == later


def test_what_was_refused_stands_on_the_card_until_it_is_granted() -> None:
    """A card names what was asked for and not granted; connecting again says anew what that is."""
    summary = connected("1", refused=("c", "d"))
    assert summary["accounts"]["1"] == {**CARD, "refusedScopes": ["c", "d"]}
    less = connected("1", summary, refused=("d",))
    assert less["accounts"]["1"]["refusedScopes"] == ["d"]
    assert connected("1", less)["accounts"]["1"] == CARD


def test_an_account_that_may_not_publish_says_so() -> None:
    """The app knows it before anybody writes a post. Connected again with the permission, it may."""
    summary = connected("1", refused=("threads_content_publish",))
    assert summary["accounts"]["1"]["canPublish"] is False
    assert connected("1", summary)["accounts"]["1"]["canPublish"] is True


@pytest.mark.parametrize(
    ("refused", "may"), [({}, True), ({"refusedScopes": ["threads_content_publish"]}, False)], ids=str
)
def test_a_card_of_an_older_version_is_answered_with_whether_it_may_publish(
    refused: dict[str, Any], *, may: bool
) -> None:
    """It does not stand on the card, but what was refused does."""
    [card] = cards_answer(StoredSummary("u", {"accounts": {"1": refused}}))["accounts"]
    assert card["canPublish"] is may


def test_making_a_summary_changes_nothing() -> None:
    """The summary that was read stays as it was read: a commit that fails is tried with it again."""
    before = connected("1")
    copy = {**before, "accounts": {"1": dict(before["accounts"]["1"])}}
    connected("1", before, now=NOW + timedelta(days=9))
    connected("2", before)
    stored(before).cards["3"] = {}
    assert before == copy


ODD_SUMMARIES: list[dict[str, Any]] = [
    {"accounts": None, "defaultAccountId": None},
    {"other": 1},
    {"accounts": ["1"], "defaultAccountId": {"a": 1}},
    {"accounts": "1"},
]


@pytest.mark.parametrize("before", ODD_SUMMARIES)
def test_a_summary_of_anything_is_sound(before: dict[str, Any]) -> None:
    """A summary without cards, as another writer may leave it, counts as an empty one."""
    assert connected("1", before)["connectedCount"] == 1
    assert cards_answer(stored(before))["accounts"] == []
    assert without_card(stored(before), "1", NOW) is None


@pytest.mark.parametrize("odd", [None, "a card of another kind", ["username"], {"username": 7}])
def test_a_card_of_anything_hinders_nothing(odd: Any) -> None:
    """What is not a card stays in its place until its account is connected, changed or removed."""
    before = {"accounts": {"1": odd, "2": CARD}, "defaultAccountId": "1"}
    assert connected("3", before)["accounts"] == {"1": odd, "2": CARD, "3": CARD}
    assert connected("1", before)["accounts"]["1"] == CARD
    chosen = with_choice(stored(before), "1", enabled_for_repost=True, is_default=False, now=NOW)
    assert chosen["accounts"]["1"]["enabled_for_repost"] is True
    gone = without_card(stored(before), "2", NOW)
    assert gone
    assert (gone["accounts"], gone["defaultAccountId"]) == ({"1": odd}, "1")
    was_default = without_card(stored({**before, "defaultAccountId": "2"}), "2", NOW) or {}
    assert was_default["defaultAccountId"] == "1"


def test_the_cards_are_answered_default_first() -> None:
    """The app gets every card with its id, times as text, the default first and the rest by name."""
    summary = {
        "defaultAccountId": "3",
        "accounts": {
            "1": {"username": "zoe", "expiresAt": NOW},
            "2": {"username": "ada"},
            "3": {"username": "max", "status": "reconnect_required"},
            "4": {"username": None},
        },
    }
    well = {"canPublish": True}
    assert cards_answer(stored(summary)) == {
        "ok": True,
        "defaultAccountId": "3",
        "connectedCount": 4,
        "accounts": [
            {"accountId": "3", **well, "username": "max", "status": "reconnect_required"},
            {"accountId": "4", **well, "username": None},
            {"accountId": "2", **well, "username": "ada"},
            {"accountId": "1", **well, "username": "zoe", "expiresAt": "2026-01-01T00:00:00Z"},
        ],
    }
    nothing = {"ok": True, "accounts": [], "defaultAccountId": None, "connectedCount": 0}
    assert cards_answer(StoredSummary("ada")) == nothing
