"""An account and its token: which one is meant, whether it can do what is asked, and who may see it."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.unit.account_store import LIFETIME, AccountStore
from tests.unit.fakes import ACCOUNT, NOW, UID, Said, World, silence
from tests.unit.support import OTHER_KEY, TOKEN, graph_error, reply
from threads import access
from threads.errors import AccountNotFound, MissingAccount, MissingScope, ReconnectRequired, ServiceError
from threads.graph import GraphReply, GraphRequest
from threads.scopes import DEFAULT_SCOPES
from threads.vault import Vault
from threads.wire import Secret

if TYPE_CHECKING:
    from threads.store import Store

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
    """Who has not granted what is needed learns everything that is missing."""
    world = World()
    world.connect(ACCOUNT, scopes=granted)
    with pytest.raises(MissingScope) as refusal:
        access.open_token(world.tools, UID, world.accounts.found[ACCOUNT], needed)
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


# --- a token that is about to end ---------------------------------------------------------------------------

NEW = reply(200, {"access_token": "THAAnew", "expires_in": 5184000})


class Ending:
    """An account with some hours left, which weeks of sweeps have not refreshed."""

    def __init__(self, *, left: timedelta = timedelta(hours=23), **changes: Any) -> None:
        """Connect it 60 days and some hours ago."""
        self.world = World()
        self.store = AccountStore(self.world.vault)
        self.store.connect(ACCOUNT, TOKEN, at=NOW + left - LIFETIME, **{"refreshAt": NOW, **changes})

    def open(self, *said: Said) -> str:
        """Open the account's token while Threads says this."""
        self.world.say(*said)
        tools = self.world.tools._replace(store=cast("Store", self.store))
        return access.open_token(tools, UID, self.store.found(ACCOUNT)).reveal()


def test_a_token_on_its_last_day_is_refreshed_before_it_is_used() -> None:
    """Whoever publishes keeps the account alive; the next one finds the new token."""
    scene = Ending()
    assert scene.open(NEW) == "THAAnew"
    assert scene.open() == "THAAnew"
    assert (scene.world.calls, scene.store.reads, scene.store.commits) == (["refresh_token"], 0, 2)


ORDINARY: list[dict[str, Any]] = [
    {"left": timedelta(days=1)},
    {"left": timedelta(days=60), "refreshAt": NOW - timedelta(days=30)},
    {"refreshAt": NOW + timedelta(minutes=1)},
    {"expiresIn": 3600 * 24},
    {"expiresAt": None},
    {"left": timedelta(days=1), "refreshAt": None},
]


@pytest.mark.parametrize("changes", ORDINARY, ids=str)
def test_an_ordinary_token_costs_nothing(changes: dict[str, Any]) -> None:
    """With more than a day left, just tried, too young, or without an end: no read, no commit, no call."""
    scene = Ending(**changes)
    assert scene.open() == TOKEN
    assert (scene.world.calls, scene.store.reads, scene.store.commits) == ([], 0, 0)


def test_an_account_that_no_sweep_finds_is_refreshed_on_its_last_day() -> None:
    """One that was connected before there was a time to refresh it lives on if it is used."""
    assert Ending(refreshAt=None).open(NEW) == "THAAnew"


def test_an_account_that_is_disconnected_meanwhile_hands_out_nothing() -> None:
    """Who asked for the token before the account went gets none, neither the old nor the new one."""
    scene = Ending()

    def asked(_request: GraphRequest) -> GraphReply:
        scene.store.delete(ACCOUNT)
        return NEW

    with pytest.raises(AccountNotFound):
        scene.open(asked)


def test_an_account_that_is_connected_again_meanwhile_hands_out_its_new_token() -> None:
    """That the old token is dead by then does not matter: there is another."""
    scene = Ending()

    def asked(_request: GraphRequest) -> GraphReply:
        scene.store.connect(ACCOUNT, "THAAother")
        return reply(400, graph_error(190))

    assert scene.open(asked) == "THAAother"


def test_a_token_that_somebody_else_is_refreshing_is_used_as_it_is() -> None:
    """The old one still works: nobody waits."""
    scene = Ending(refreshingUntil=NOW + timedelta(seconds=1))
    assert scene.open() == TOKEN
    assert scene.world.calls == []


PASSING: list[Said] = [silence(), reply(500, b""), reply(429, b""), reply(400, graph_error(10))]


@pytest.mark.parametrize("said", PASSING, ids=range(len(PASSING)))
def test_a_refresh_that_does_not_pass_keeps_nobody_from_publishing(said: Said) -> None:
    """The old token is used, and the next request does not try again at once."""
    scene = Ending()
    assert scene.open(said) == TOKEN
    assert scene.open() == TOKEN
    assert scene.world.calls == ["refresh_token"]


def test_a_firestore_in_trouble_keeps_nobody_from_publishing() -> None:
    """Where no lease can be had, the old token is used."""
    scene = Ending()
    scene.store.fails = 1
    assert scene.open() == TOKEN


def test_a_dead_token_is_found_out_before_it_is_used() -> None:
    """What Threads calls dead while it is refreshed is not tried: the account has to be connected again."""
    scene = Ending()
    with pytest.raises(ReconnectRequired) as dead:
        scene.open(reply(400, graph_error(190, 463)))
    assert dead.value.evidence
    assert scene.store.fields(ACCOUNT)["status"] == "reconnect_required"
