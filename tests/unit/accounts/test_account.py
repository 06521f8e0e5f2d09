"""An account as it is stored: what its document says, which one a request means, and whether it works."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from threads.accounts.account import StoredAccount, check_connected, check_scopes, select_account
from threads.base.errors import AccountNotFound, MissingAccount, MissingScope, ReconnectRequired
from threads.base.scopes import DEFAULT_SCOPES

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND, TERM = timedelta(seconds=1), timedelta(days=60)
REPLIES, DELETE = "threads_manage_replies", "threads_delete"


def stored(account_id: str = "1", **fields: Any) -> StoredAccount:
    """Return an account whose document has these fields."""
    return StoredAccount("ada", account_id, fields, NOW)


# --- what a document says -----------------------------------------------------------------------------------


def test_a_document_is_read_by_its_meaning() -> None:
    """Each property is the field that a connection writes."""
    account = stored(
        status="active",
        accessToken="sealed",
        scopes=["threads_basic"],
        profile={"username": "ada"},
        expiresAt=NOW,
    )
    assert account.is_active
    assert (account.sealed_token, account.scopes, account.username) == ("sealed", ["threads_basic"], "ada")
    assert account.expires_at == account.moment("expiresAt") == NOW


def test_an_empty_document_says_nothing() -> None:
    """A document without fields is no mistake: it has no token, no name, no end, and is not active."""
    account = stored()
    assert not account.is_active
    assert (account.sealed_token, account.scopes, account.username, account.expires_at) == (None,) * 4
    assert not account.has_run_out(NOW)
    assert not account.is_connected_after(NOW)


ODD: list[tuple[dict[str, Any], str, Any]] = [
    ({"status": "reconnect_required"}, "is_active", False),
    ({"status": None}, "is_active", False),
    ({"accessToken": None}, "sealed_token", None),
    ({"accessToken": ""}, "sealed_token", None),
    ({"scopes": []}, "scopes", []),
    ({"profile": None}, "username", None),
    ({"profile": {}}, "username", None),
    ({"expiresAt": "soon"}, "expires_at", None),
    ({"expiresAt": 1767225600}, "expires_at", None),
]


@pytest.mark.parametrize(("fields", "name", "expected"), ODD, ids=range(len(ODD)))
def test_what_another_writer_left_breaks_nothing(fields: dict[str, Any], name: str, expected: object) -> None:
    """A field that is empty, or of another kind, counts as missing."""
    assert getattr(stored(**fields), name) == expected


LIVES: list[tuple[Any, bool]] = [
    (NOW - SECOND, True),
    (NOW, True),
    (NOW + SECOND, False),
    (None, False),
    ("yesterday", False),
]


@pytest.mark.parametrize(("expires_at", "has_run_out"), LIVES, ids=str)
def test_a_token_runs_out_at_its_end(expires_at: object, has_run_out: bool) -> None:  # noqa: FBT001 - a table
    """At the moment that the document names; a token without an end does not run out."""
    assert stored(expiresAt=expires_at).has_run_out(NOW) is has_run_out


MOMENTS: list[tuple[dict[str, Any], bool]] = [
    ({"createdAt": NOW, "connectedAt": NOW + SECOND}, True),
    ({"createdAt": NOW, "connectedAt": NOW}, False),
    ({"createdAt": NOW + SECOND, "connectedAt": NOW}, False),
    ({"createdAt": NOW + SECOND}, True),
    ({"createdAt": NOW}, False),
    ({"connectedAt": "later"}, False),
    ({}, False),
]


@pytest.mark.parametrize(("fields", "is_after"), MOMENTS, ids=range(len(MOMENTS)))
def test_the_last_connection_counts(fields: dict[str, Any], is_after: bool) -> None:  # noqa: FBT001 - a table
    """Where a document does not say when the account was last connected, its first connection counts."""
    account = replace(stored(**fields), version=NOW + SECOND)
    assert account.is_connected_after(NOW) is is_after


def test_no_clock_moves_a_connection_into_the_future() -> None:
    """A machine that was a day ahead has written a later time than Firestore's, which is the right one."""
    ahead = stored(connectedAt=NOW + timedelta(days=1))
    assert not replace(ahead, version=NOW).is_connected_after(NOW)
    assert replace(ahead, version=NOW + SECOND).is_connected_after(NOW)


# --- which one is meant -------------------------------------------------------------------------------------


def test_the_only_account_is_meant() -> None:
    """One account needs no name; several do; a missing or unknown one is not found."""
    one, another = stored("1"), stored("2")
    assert select_account([one], None) is one
    assert select_account([one], "1") is one
    with pytest.raises(MissingAccount) as several:
        select_account([one, another], None)
    assert (several.value.status, several.value.code) == (400, "missing_account")
    for named in (None, "1"):
        with pytest.raises(AccountNotFound) as nothing:
            select_account([], named)
        assert (nothing.value.status, nothing.value.code) == (404, "account_not_found")


# --- whether it can be used ---------------------------------------------------------------------------------

USABLE: list[dict[str, Any]] = [{}, {"status": "active"}, {"expiresAt": None}, {"expiresAt": NOW - SECOND}]


@pytest.mark.parametrize("fields", USABLE, ids=range(len(USABLE)))
def test_a_living_token_is_used(fields: dict[str, Any]) -> None:
    """An account is used until Threads has said that its token is dead: a clock does not know it."""
    check_connected(stored(**fields))


def test_a_dead_token_is_not_tried() -> None:
    """An account whose token is dead asks for a reconnect, without a call to Threads."""
    with pytest.raises(ReconnectRequired) as ended:
        check_connected(stored(status="reconnect_required", expiresAt=NOW + TERM))
    assert (ended.value.status, ended.value.next_action) == (409, "reconnect")


GRANTED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({}, (*DEFAULT_SCOPES, REPLIES, DELETE)),
    ({"scopes": None}, (REPLIES,)),
    ({"scopes": []}, ()),
    ({"scopes": [*DEFAULT_SCOPES]}, DEFAULT_SCOPES),
    ({"scopes": [*DEFAULT_SCOPES, DELETE]}, (*DEFAULT_SCOPES, DELETE)),
]


@pytest.mark.parametrize(("fields", "needed"), GRANTED, ids=range(len(GRANTED)))
def test_an_account_that_has_granted_what_is_needed_is_used(
    fields: dict[str, Any], needed: tuple[str, ...]
) -> None:
    """So is one whose scopes are not known: Threads will refuse what it may not do."""
    check_scopes(stored(**fields), needed)


MISSING: list[tuple[list[str], tuple[str, ...], list[str]]] = [
    ([*DEFAULT_SCOPES], (*DEFAULT_SCOPES, REPLIES), [REPLIES]),
    ([*DEFAULT_SCOPES], (DELETE, REPLIES), [DELETE, REPLIES]),
    ([], DEFAULT_SCOPES, [*DEFAULT_SCOPES]),
    (["threads_manage_replies_too"], (REPLIES,), [REPLIES]),
]


@pytest.mark.parametrize(("granted", "needed", "missing"), MISSING, ids=range(len(MISSING)))
def test_a_scope_that_is_missing_is_named(
    granted: list[str], needed: tuple[str, ...], missing: list[str]
) -> None:
    """The refusal names every scope that is missing, and asks for a reconnect."""
    with pytest.raises(MissingScope) as refusal:
        check_scopes(stored(scopes=granted), needed)
    assert f"({' and '.join(missing)})" in refusal.value.message
    assert refusal.value.as_json()["scopes"] == missing
    assert (refusal.value.status, refusal.value.next_action) == (403, "reconnect")
    assert not refusal.value.retryable
