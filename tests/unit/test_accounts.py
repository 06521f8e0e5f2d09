"""Connected accounts: what is stored, what the app renders, and which account a request means."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from threads import accounts
from threads.accounts import Connection
from threads.errors import AccountNotFound, MissingAccount, ReconnectRequired
from threads.oauth import Grants, LongLivedToken, Profile, ShortLivedToken
from threads.tokens import refresh_at
from threads.wire import Secret

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TERM = timedelta(seconds=5183944)
SECOND = timedelta(seconds=1)
CARD = {
    "displayName": "Ada L.",
    "username": "ada",
    "avatarUrl": "https://scontent.example/p.jpg",
    "accountType": "user",
    "status": "active",
    "expiresAt": NOW + TERM,
    "enabled_for_repost": False,
}


def connection(
    account_id: str = "17841405793187218",
    *,
    now: datetime = NOW,
    granted: tuple[str, ...] = ("a", "b"),
    refused: tuple[str, ...] = (),
    **extra: Any,
) -> Connection:
    """Return what the calls of a connection have brought."""
    profile = Profile(account_id, "Ada L.", "ada", "https://scontent.example/p.jpg", extra)
    short = ShortLivedToken(Secret("short"), "99900000000000001")
    long = LongLivedToken(Secret("t"), "bearer", TERM)
    return accounts.new_connection(profile, short, long, Grants(granted, refused), now)


def test_the_document_is_the_promised_one() -> None:
    """An account's document has the promised fields and no others; the token in it is the sealed one."""
    assert accounts.account_document(connection(threads_biography="hi"), "sealed") == {
        "accountId": "17841405793187218",
        "accessToken": "sealed",
        "tokenType": "bearer",
        "expiresIn": 5183944,
        "expiresAt": NOW + TERM,
        "refreshAt": refresh_at("17841405793187218", NOW, TERM),
        "updatedAt": NOW,
        "connectedAt": NOW,
        "scopes": ["a", "b"],
        "status": "active",
        "profile": {
            "platformId": "17841405793187218",
            "displayName": "Ada L.",
            "username": "ada",
            "avatarUrl": "https://scontent.example/p.jpg",
            "accountType": "user",
        },
        "extra": {"threadsUserId": "99900000000000001", "threads_biography": "hi"},
    }


def test_a_profile_field_cannot_pass_for_ours() -> None:
    """Whatever fields an app asks for, the user id stays the one of the token."""
    document = accounts.account_document(connection(threadsUserId="1"), "sealed")
    assert document["extra"]["threadsUserId"] == "99900000000000001"


def test_the_first_account_becomes_the_default() -> None:
    """The summary of a first connection has one card, which is the default."""
    assert accounts.summary_document(connection("1"), {}) == {
        "defaultAccountId": "1",
        "connectedCount": 1,
        "accounts": {"1": CARD},
        "updatedAt": NOW,
    }


def test_a_second_account_joins() -> None:
    """Another account adds a card, and the default stays what it was."""
    before = accounts.summary_document(connection("1"), {})
    summary = accounts.summary_document(connection("2"), before)
    assert (summary["defaultAccountId"], summary["connectedCount"]) == ("1", 2)
    assert summary["accounts"] == {"1": CARD, "2": CARD}


@pytest.mark.parametrize("reason", ["token_rejected", "token_unreadable"])
def test_a_reconnect_keeps_the_choices_and_nothing_of_the_failure(reason: str) -> None:
    """What the user has chosen outlives a reconnect; what was wrong with the old token does not."""
    summary = accounts.summary_document(connection("1"), {})
    _, card = accounts.reconnect_change(reason, NOW)
    broken = summary["accounts"]["1"] | card | {"enabled_for_repost": True}
    later = NOW + timedelta(days=1)
    again = accounts.summary_document(connection("1", now=later), {**summary, "accounts": {"1": broken}})
    assert again["accounts"]["1"] == {**CARD, "expiresAt": later + TERM, "enabled_for_repost": True}
    assert again["updatedAt"] == later


def test_what_was_refused_stands_on_the_card_until_it_is_granted() -> None:
    """A card names what was asked for and not granted; connecting again says anew what that is."""
    summary = accounts.summary_document(connection("1", refused=("c", "d")), {})
    assert summary["accounts"]["1"] == {**CARD, "refusedScopes": ["c", "d"]}
    less = accounts.summary_document(connection("1", refused=("d",)), summary)
    assert less["accounts"]["1"]["refusedScopes"] == ["d"]
    assert accounts.summary_document(connection("1"), less)["accounts"]["1"] == CARD


def test_a_reconnect_clears_the_documents_failure_too() -> None:
    """The document is merged: so what says why the old token died has to be overwritten."""
    change, _ = accounts.reconnect_change("token_rejected", NOW)
    merged = {**change, **accounts.account_document(connection(), "sealed")}
    assert merged["status"] == "active"
    assert merged.get("statusReason") is None


LATER = NOW + timedelta(days=1)


def stored(**changes: Any) -> dict[str, Any]:
    """Return an account as its first connection has left it, with what has changed since."""
    return {**accounts.account_document(connection("1"), "sealed before"), "createdAt": NOW, **changes}


def connected_again(account: dict[str, Any], **new: Any) -> accounts.Changes | None:
    """Connect the account once more, a day later unless it says otherwise."""
    summary = accounts.summary_document(connection("1"), {})
    again = connection("1", **{"now": LATER, **new})
    return accounts.connection_change(again, "sealed", summary=summary, account=account)


NARROWER: list[dict[str, Any]] = [
    {"granted": ("a",)},
    {"granted": ("a",), "refused": ("c",)},
]


@pytest.mark.parametrize("new", NARROWER, ids=str)
def test_a_narrower_window_takes_no_permission_away(new: dict[str, Any]) -> None:
    """A token that can do what nobody has refused stays; only the profile is what it is now."""
    changes = connected_again(stored(), threads_biography="new", **new)
    assert changes
    summary, account = changes
    assert account.keys().isdisjoint({"accessToken", "scopes", "status", "tokenType", "createdAt"})
    assert account.keys().isdisjoint({"expiresIn", "expiresAt", "refreshAt"})
    assert account["profile"]["username"] == "ada"
    assert account["extra"]["threads_biography"] == "new"
    assert summary == {"accounts": {"1": CARD}, "updatedAt": LATER}


REPLACED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"granted": ("a", "b", "c")}),
    ({}, {"granted": ("a", "c")}),
    ({}, {"granted": ("a",), "refused": ("b",)}),
    ({"scopes": ["a", "b", "c"]}, {"granted": ("a",), "refused": ("b",)}),
    ({"scopes": None}, {"granted": ("a",)}),
    ({"status": "reconnect_required"}, {"granted": ("a",)}),
    ({"accessToken": None}, {"granted": ("a",)}),
    ({"expiresAt": LATER}, {"granted": ("a",)}),
    ({"status": "reconnect_required"}, {"now": NOW - SECOND}),
    ({"accessToken": None}, {"now": NOW - SECOND}),
    ({"expiresAt": None}, {"now": NOW - SECOND}),
    ({}, {"now": NOW}),
]


@pytest.mark.parametrize(("old", "new"), REPLACED, ids=str)
def test_a_token_is_replaced_by_one_that_is_no_worse(old: dict[str, Any], new: dict[str, Any]) -> None:
    """What is new counts, what was refused is gone, a token that does not work is worth nothing."""
    changes = connected_again(stored(**old), **new)
    assert changes
    summary, account = changes
    assert account["accessToken"] == "sealed"
    assert account["scopes"] == list(new.get("granted", ("a", "b")))
    assert account["expiresAt"] == summary["accounts"]["1"]["expiresAt"]
    assert "createdAt" not in account


@pytest.mark.parametrize("new", [{}, {"granted": ("a",)}, {"granted": ("a", "b", "c")}], ids=str)
def test_an_older_connection_changes_nothing(new: dict[str, Any]) -> None:
    """Whose token was issued before the one that is there has been overtaken by another window."""
    assert connected_again(stored(), now=NOW - SECOND, **new) is None


def test_a_first_connection_gives_an_account_its_age() -> None:
    """What is not there yet is created."""
    changes = accounts.connection_change(connection("1"), "sealed", summary={}, account={})
    assert changes
    assert changes[1] == {**accounts.account_document(connection("1"), "sealed"), "createdAt": NOW}
    assert changes[0] == accounts.summary_document(connection("1"), {})


def test_making_a_summary_changes_nothing() -> None:
    """The summary that was read stays as it was read: a commit that fails is tried with it again."""
    before = accounts.summary_document(connection("1"), {})
    copy = {**before, "accounts": {"1": dict(before["accounts"]["1"])}}
    accounts.summary_document(connection("1", now=NOW + timedelta(days=9)), before)
    accounts.summary_document(connection("2"), before)
    assert before == copy


@pytest.mark.parametrize("before", [{"accounts": None, "defaultAccountId": None}, {"other": 1}])
def test_a_summary_of_anything_is_sound(before: dict[str, Any]) -> None:
    """A summary without cards, as another writer may leave it, is taken for an empty one."""
    assert accounts.summary_document(connection("1"), before)["connectedCount"] == 1
    assert accounts.cards_answer(before)["accounts"] == []


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
    assert accounts.cards_answer(summary) == {
        "ok": True,
        "defaultAccountId": "3",
        "connectedCount": 4,
        "accounts": [
            {"accountId": "3", "username": "max", "status": "reconnect_required"},
            {"accountId": "4", "username": None},
            {"accountId": "2", "username": "ada"},
            {"accountId": "1", "username": "zoe", "expiresAt": "2026-01-01T00:00:00Z"},
        ],
    }
    nobody = {"ok": True, "accounts": [], "defaultAccountId": None, "connectedCount": 0}
    assert accounts.cards_answer({}) == nobody


def test_the_only_account_is_meant() -> None:
    """One account needs no name; several do; none, or an unknown one, is not found."""
    assert accounts.select_account(["a"], None) == "a"
    assert accounts.select_account(["a"], "1") == "a"
    with pytest.raises(MissingAccount) as several:
        accounts.select_account(["a", "b"], None)
    assert (several.value.status, several.value.code) == (400, "missing_account")
    for named in (None, "1"):
        with pytest.raises(AccountNotFound) as nothing:
            accounts.select_account([], named)
        assert (nothing.value.status, nothing.value.code) == (404, "account_not_found")


USABLE: list[dict[str, Any]] = [{}, {"status": "active"}, {"expiresAt": None}, {"expiresAt": NOW + SECOND}]
ENDED: list[dict[str, Any]] = [
    {"status": "reconnect_required", "expiresAt": NOW + TERM},
    {"status": "active", "expiresAt": NOW},
    {"expiresAt": NOW - SECOND},
]


@pytest.mark.parametrize("account", USABLE)
def test_a_living_token_passes(account: dict[str, Any]) -> None:
    """An account is used until the second in which its token ends."""
    accounts.check_connected(account, NOW)


@pytest.mark.parametrize("account", ENDED)
def test_a_dead_token_is_not_tried(account: dict[str, Any]) -> None:
    """An account whose token is dead or has run out asks for a reconnect, without a call to Threads."""
    with pytest.raises(ReconnectRequired) as ended:
        accounts.check_connected(account, NOW)
    assert (ended.value.status, ended.value.next_action) == (409, "reconnect")


def test_nothing_of_the_token_is_in_what_clients_see() -> None:
    """Summary and cards hold no field of the token's, not even sealed."""
    summary = accounts.summary_document(connection("1"), {})
    shown = str(summary) + str(accounts.cards_answer(summary))
    assert "accessToken" not in shown
    assert "Secret" not in shown


# --- since when ---------------------------------------------------------------------------------------------


def test_every_connection_says_when_it_was_made() -> None:
    """Also one that leaves a token in its place; when the account was first connected stays, too."""
    later = NOW + timedelta(hours=1)
    first = accounts.connection_change(connection(), "sealed", summary={}, account={})
    assert first
    assert (first[1]["createdAt"], first[1]["connectedAt"]) == (NOW, NOW)
    for granted in (("a", "b"), ("a",)):
        again = connection(now=later, granted=granted)
        changed = accounts.connection_change(again, "other", summary=first[0], account=first[1])
        assert changed
        assert (changed[1]["connectedAt"], "createdAt" in changed[1]) == (later, False)


MOMENTS: list[tuple[dict[str, Any], bool]] = [
    ({"createdAt": NOW, "connectedAt": NOW + timedelta(seconds=1)}, True),
    ({"createdAt": NOW, "connectedAt": NOW}, False),
    ({"createdAt": NOW + timedelta(seconds=1), "connectedAt": NOW}, False),
    ({"createdAt": NOW + timedelta(seconds=1)}, True),
    ({"createdAt": NOW}, False),
    ({"connectedAt": "later"}, False),
    ({}, False),
]


@pytest.mark.parametrize(("fields", "is_after"), MOMENTS, ids=range(len(MOMENTS)))
def test_the_last_connection_counts(fields: dict[str, Any], is_after: bool) -> None:  # noqa: FBT001 - a table
    """Where a document does not say when it was connected, it says when that was done first; or nothing."""
    assert accounts.is_connected_after(fields, NOW) is is_after
