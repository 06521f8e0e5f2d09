"""A connection: what is stored of it, and which of two tokens an account keeps."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from threads.accounts.account import StoredAccount
from threads.accounts.changes import reconnect_change
from threads.accounts.connection import (
    Connection,
    ConnectionChange,
    account_document,
    connection_change,
    new_connection,
)
from threads.accounts.summary import StoredSummary, cards_answer
from threads.accounts.token_lifetime import refresh_at
from threads.base.secret import Secret
from threads.graph.oauth import Grants, LongLivedToken, Profile, ShortLivedToken

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND, LATER = timedelta(seconds=1), NOW + timedelta(days=1)
TERM = timedelta(seconds=5183944)
SEALED = {"accessToken": "sealed", "sealedThreadsUserId": "sealed, too"}
BEFORE = {"accessToken": "sealed before", "sealedThreadsUserId": "sealed before, too"}


def connection(
    *,
    now: datetime = NOW,
    granted: tuple[str, ...] = ("a", "b"),
    refused: tuple[str, ...] = (),
    **extra: Any,
) -> Connection:
    """Return what the calls of a connection have brought."""
    profile = Profile("17841405793187218", "Ada L.", "ada", "https://scontent.example/p.jpg", extra)
    short = ShortLivedToken(Secret("short"), "99900000000000001")
    long = LongLivedToken(Secret("t"), "bearer", TERM)
    return new_connection(profile, short, long, Grants((*granted, *refused), granted), now)


def first_change() -> ConnectionChange:
    """Return what the first connection of a first account changes."""
    change = connection_change(
        connection(), BEFORE, summary=StoredSummary("ada"), account=None, is_alive=lambda: False
    )
    assert change
    return change


def connected_again(
    changes: dict[str, Any] | None = None, *, is_alive: bool = True, **new: Any
) -> ConnectionChange | None:
    """Connect the account once more, a day later unless told otherwise.

    Args:
        changes: what has changed on the account since its first connection.
        is_alive: whether Threads answers to its token.
        new: the new connection.

    """
    first = first_change()
    return connection_change(
        connection(**{"now": LATER, **new}),
        SEALED,
        summary=StoredSummary("ada", first.summary, NOW),
        account=StoredAccount("ada", "17841405793187218", {**first.account, **(changes or {})}, NOW),
        is_alive=lambda: is_alive,
    )


# --- what is stored -----------------------------------------------------------------------------------------


def test_the_document_is_the_promised_one() -> None:
    """An account's document has the promised fields and no others; the token in it is the sealed one."""
    assert account_document(connection(threads_biography="hi"), SEALED) == {
        "accountId": "17841405793187218",
        **SEALED,
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
    """The user id stays the one of the token, whatever profile fields an app asks for."""
    document = account_document(connection(threadsUserId="1"), SEALED)
    assert document["extra"]["threadsUserId"] == "99900000000000001"


def test_a_first_connection_gives_an_account_its_age() -> None:
    """A new account's document says when it was created; the card has the same end as the token."""
    first = first_change()
    assert first.account == {**account_document(connection(), BEFORE), "createdAt": NOW}
    assert first.summary["accounts"]["17841405793187218"]["expiresAt"] == NOW + TERM


def test_every_connection_says_when_it_was_made() -> None:
    """So does one that leaves the old token in its place. When the account was created stays, too."""
    for granted in (("a", "b"), ("a",)):
        again = connected_again(granted=granted)
        assert again
        assert again.account["connectedAt"] == LATER
        assert "createdAt" not in again.account


def test_a_reconnect_clears_the_documents_failure_too() -> None:
    """The document is merged: so what says why the old token died has to be overwritten."""
    failure = reconnect_change("token_rejected", NOW).account
    merged = {**failure, **account_document(connection(), SEALED)}
    assert merged["status"] == "active"
    assert merged.get("statusReason") is None


def test_nothing_of_the_token_is_in_what_clients_see() -> None:
    """Summary and cards hold no field of the token's, not even sealed."""
    summary = first_change().summary
    shown = str(summary) + str(cards_answer(StoredSummary("ada", summary, NOW)))
    assert "accessToken" not in shown
    assert "sealed" not in shown
    assert "Secret" not in shown


# --- which token is kept ------------------------------------------------------------------------------------

NARROWER: list[dict[str, Any]] = [
    {"granted": ("a",)},
    {"granted": ("a",), "refused": ("c",)},
]


@pytest.mark.parametrize("new", NARROWER, ids=str)
def test_a_narrower_window_takes_no_permission_away(new: dict[str, Any]) -> None:
    """A token that can do more stays, unless its owner refused that; only the profile is the new one."""
    change = connected_again(threads_biography="new", **new)
    assert change
    assert change.account.keys().isdisjoint({"accessToken", "scopes", "status", "tokenType", "createdAt"})
    assert change.account.keys().isdisjoint({"expiresIn", "expiresAt", "refreshAt"})
    assert change.account["profile"]["username"] == "ada"
    assert change.account["extra"]["threads_biography"] == "new"
    assert change.summary == {"accounts": first_change().summary["accounts"], "updatedAt": LATER}


REPLACED: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"granted": ("a", "b", "c")}),
    ({}, {"granted": ("a", "c")}),
    ({}, {"granted": ("a",), "refused": ("b",)}),
    ({"scopes": ["a", "b", "c"]}, {"granted": ("a",), "refused": ("b",)}),
    ({"scopes": None}, {"granted": ("a",)}),
    ({"status": "reconnect_required"}, {"granted": ("a",)}),
    ({"accessToken": None}, {"granted": ("a",)}),
    ({"expiresAt": LATER}, {"granted": ("a",), "is_alive": False}),
    ({"status": "reconnect_required"}, {"now": NOW - SECOND}),
    ({"accessToken": None}, {"now": NOW - SECOND}),
    ({"expiresAt": None}, {"now": NOW - SECOND}),
    ({}, {"now": NOW}),
    ({}, {"granted": ("a",), "is_alive": False}),
    ({}, {"now": NOW - SECOND, "is_alive": False}),
]


@pytest.mark.parametrize(("old", "new"), REPLACED, ids=str)
def test_a_token_is_replaced_by_one_that_is_no_worse(old: dict[str, Any], new: dict[str, Any]) -> None:
    """The new token counts, and what was refused is gone; an old one that does not work is worth nothing."""
    change = connected_again(old, **new)
    assert change
    assert change.account["accessToken"] == "sealed"
    assert change.account["scopes"] == list(new.get("granted", ("a", "b")))
    assert change.account["expiresAt"] == change.summary["accounts"]["17841405793187218"]["expiresAt"]
    assert "createdAt" not in change.account


@pytest.mark.parametrize(
    "new", [{}, {"granted": ("a", "b", "c")}, {"granted": ("a",), "refused": ("b",)}], ids=str
)
def test_a_stored_token_is_only_asked_about_if_the_new_one_may_be_dropped(new: dict[str, Any]) -> None:
    """An ordinary reconnect costs no call more, and neither does a first connection."""
    account = StoredAccount("ada", "17841405793187218", first_change().account, NOW)
    for stored in (account, None):
        assert connection_change(
            connection(**{"now": LATER, **new}),
            SEALED,
            summary=StoredSummary("ada"),
            account=stored,
            is_alive=lambda: pytest.fail("nobody needs to know"),
        )


@pytest.mark.parametrize("new", [{}, {"granted": ("a",)}, {"granted": ("a", "b", "c")}], ids=str)
def test_an_older_connection_changes_nothing(new: dict[str, Any]) -> None:
    """A token that was issued before the stored one has been overtaken by another window."""
    assert connected_again(now=NOW - SECOND, **new) is None
