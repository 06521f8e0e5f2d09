"""An account and its token: which one is meant, whether it can do what is asked, and who may see it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.fakes import ACCOUNT, NOW, UID, World
from tests.unit.support import OTHER_KEY, TOKEN
from threads import access
from threads.errors import AccountNotFound, MissingAccount, MissingScope, ReconnectRequired, ServiceError
from threads.scopes import DEFAULT_SCOPES
from threads.vault import Vault
from threads.wire import Secret

REPLIES, DELETE = "threads_manage_replies", "threads_delete"


def test_an_account_is_found_by_its_name_or_as_the_only_one() -> None:
    """The named account is meant, or without a name the only one; which of several is not guessed."""
    world = World()
    assert access.find_account(world.tools, UID, None).id == ACCOUNT
    world.connect("2")
    assert access.find_account(world.tools, UID, "2").id == "2"
    with pytest.raises(MissingAccount):
        access.find_account(world.tools, UID, None)
    with pytest.raises(AccountNotFound):
        access.find_account(world.tools, UID, "3")


GRANTED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({}, (*DEFAULT_SCOPES, REPLIES, DELETE)),
    ({"scopes": None}, (REPLIES,)),
    ({"scopes": []}, ()),
    ({"scopes": [*DEFAULT_SCOPES]}, DEFAULT_SCOPES),
    ({"scopes": [*DEFAULT_SCOPES, DELETE]}, (*DEFAULT_SCOPES, DELETE)),
]


@pytest.mark.parametrize(("fields", "needed"), GRANTED, ids=range(len(GRANTED)))
def test_who_has_granted_what_is_needed_passes(fields: dict[str, Any], needed: tuple[str, ...]) -> None:
    """An account with the scopes passes, and one of which nobody knows the scopes: Threads will say."""
    world = World()
    world.connect(ACCOUNT, **fields)
    assert access.open_token(world.tools, UID, world.accounts.found[ACCOUNT], needed).reveal() == TOKEN


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
    """Who has not granted what is needed learns everything that is missing, as th_auth_start wants it."""
    world = World()
    world.connect(ACCOUNT, scopes=granted)
    with pytest.raises(MissingScope) as refusal:
        access.open_token(world.tools, UID, world.accounts.found[ACCOUNT], needed)
    assert f"scopes={','.join(missing)}," in refusal.value.message
    assert " and ".join(missing) in refusal.value.message
    assert (refusal.value.status, refusal.value.next_action) == (403, "reconnect")
    assert not refusal.value.retryable


def other_key(world: World) -> None:
    """Take away the key that sealed the token."""
    world.vault = Vault({"other": Secret(OTHER_KEY)})


UNUSABLE: list[tuple[dict[str, Any], Callable[[World], None], type[ServiceError]]] = [
    ({"status": "reconnect_required"}, lambda _world: None, ReconnectRequired),
    ({"expiresAt": NOW}, lambda _world: None, ReconnectRequired),
    ({"status": "reconnect_required", "scopes": []}, lambda _world: None, ReconnectRequired),
    ({"scopes": []}, other_key, MissingScope),
    ({"accessToken": "v1.other.AAAA"}, lambda _world: None, ReconnectRequired),
    ({"accessToken": None}, lambda _world: None, ReconnectRequired),
    ({}, other_key, ReconnectRequired),
]


@pytest.mark.parametrize(("fields", "arrange", "trouble"), UNUSABLE, ids=range(len(UNUSABLE)))
def test_a_token_that_cannot_work_is_not_tried(
    fields: dict[str, Any], arrange: Callable[[World], None], trouble: type[ServiceError]
) -> None:
    """A connection that has ended says so first, then a missing scope; what no key opens must reconnect."""
    world = World()
    world.connect(ACCOUNT, **fields)
    arrange(world)
    with pytest.raises(trouble):
        access.open_token(world.tools, UID, world.accounts.found[ACCOUNT], DEFAULT_SCOPES)
    assert world.accounts.changes == []


def test_another_users_token_does_not_open() -> None:
    """A token belongs to one user and one account: copied to another place it is worth nothing."""
    world = World()
    account = world.accounts.found[ACCOUNT]
    for uid, found in (("bob", account), (UID, account._replace(id="2"))):
        with pytest.raises(ReconnectRequired):
            access.open_token(world.tools, uid, found)


def test_looking_at_an_account_opens_nothing() -> None:
    """Whether an account is usable is told without a key: scheduling a post needs no token."""
    world = World()
    world.connect(ACCOUNT, accessToken="sealed by nobody", expiresAt=NOW + timedelta(seconds=1))
    access.check_usable(world.tools, world.accounts.found[ACCOUNT], DEFAULT_SCOPES)
