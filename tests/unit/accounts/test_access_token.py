"""An account with its token opened: which account is found, whether it can be used, and what is refreshed."""

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.support import OTHER_KEY, TOKEN, graph_error, reply
from tests.unit.world import ACCOUNT, LIFETIME, NOW, PROJECT, UID, Said, World, silence, validity
from threads.accounts import access_token
from threads.accounts.vault import Vault
from threads.base.errors import (
    AccountNotFound,
    MissingAccount,
    MissingScope,
    ReconnectRequired,
    RejectedByThreads,
    ServiceError,
    ThreadsError,
    ThreadsUnavailable,
    Verdict,
)
from threads.base.scopes import DEFAULT_SCOPES
from threads.base.secret import Secret
from threads.graph.protocol import GraphReply, GraphRequest


def test_an_account_is_found_by_its_name_or_as_the_only_one() -> None:
    """The named account is meant, or without a name the only one; which of several is not guessed."""
    world = World()
    assert access_token.find_account(world.accounts, UID, None).account_id == ACCOUNT
    world.connect("2")
    assert access_token.find_account(world.accounts, UID, "2") == world.account("2")
    with pytest.raises(MissingAccount):
        access_token.find_account(world.accounts, UID, None)
    with pytest.raises(AccountNotFound):
        access_token.find_account(world.accounts, UID, "3")


def test_an_open_account_speaks_with_its_token() -> None:
    """What is found and opened in one read is the stored account, and the Threads API with its token."""
    world = World()
    account = access_token.find_open_account(world.accounts, UID, None, DEFAULT_SCOPES)
    assert (account.stored, account.api.token.reveal()) == (world.account(), TOKEN)
    assert (world.wire.reads, world.wire.commits, world.calls) == (1, 0, [])


def other_key(world: World) -> None:
    """Take away the key that sealed the token."""
    world.vault = Vault({"other": Secret(OTHER_KEY)}, lambda: PROJECT)


UNUSABLE: list[tuple[dict[str, Any], Callable[[World], None], type[ServiceError]]] = [
    ({"status": "reconnect_required"}, lambda _world: None, ReconnectRequired),
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
    """An ended connection is told first, then a missing scope. A token without its key asks to reconnect."""
    world = World()
    account = world.change_account(**fields)
    arrange(world)
    with pytest.raises(trouble):
        access_token.open_account(world.accounts, account, DEFAULT_SCOPES)
    assert (world.account(), world.calls) == (account, [])


def test_another_users_token_does_not_open() -> None:
    """A token belongs to one user and one account: copied to another place it is worth nothing."""
    world = World()
    for copied in (replace(world.account(), uid="bob"), replace(world.account(), account_id="2")):
        with pytest.raises(ReconnectRequired):
            access_token.open_account(world.accounts, copied)


def test_looking_at_an_account_opens_nothing() -> None:
    """An account is checked without a key: scheduling a post needs no token."""
    world = World()
    account = world.change_account(accessToken="never sealed", expiresAt=NOW + timedelta(seconds=1))
    access_token.check_usable(account, DEFAULT_SCOPES)


# --- an error that may hide a dead token --------------------------------------------------------------------

REFUSED = RejectedByThreads("Too long.", verdict=Verdict(is_suspect=True))
DEAD = reply(400, graph_error(190))

REFUSALS: list[tuple[ThreadsError, list[Said], type[ThreadsError], str]] = [
    (REFUSED, [DEAD], ReconnectRequired, "reconnect_required"),
    (REFUSED, [reply(200, {"id": ACCOUNT})], RejectedByThreads, "active"),
    (REFUSED, [silence()], RejectedByThreads, "active"),
    (ThreadsUnavailable(), [], ThreadsUnavailable, "active"),
    (ReconnectRequired(), [DEAD], ReconnectRequired, "reconnect_required"),
    (ReconnectRequired(), [reply(200, {"id": ACCOUNT})], ThreadsUnavailable, "active"),
    (ReconnectRequired(), [silence()], ThreadsUnavailable, "active"),
]


@pytest.mark.parametrize(("refusal", "said", "meaning", "status"), REFUSALS, ids=range(len(REFUSALS)))
def test_a_dead_token_is_noted_wherever_it_shows(
    refusal: ThreadsError, said: list[Said], meaning: type[ThreadsError], status: str
) -> None:
    """What may end an account is confirmed by asking for the profile; one call alone never marks it."""
    world = World()
    world.say(*said)
    account = access_token.find_open_account(world.accounts, UID, ACCOUNT)
    assert type(access_token.understood(world.accounts, account, refusal)) is meaning
    assert (world.account().fields["status"], world.card()["status"]) == (status, status)
    assert world.graph.is_done()


def test_a_dead_token_that_cannot_be_noted_is_still_told() -> None:
    """A failing Firestore does not hide what Threads said: the next call finds it out anew."""
    world = World()
    account = access_token.find_open_account(world.accounts, UID, ACCOUNT)
    world.wire.fails = 1
    world.say(DEAD)
    error = access_token.understood(world.accounts, account, ReconnectRequired("The token is dead."))
    assert (error.message, world.account().is_active) == ("The token is dead.", True)


@pytest.mark.parametrize(
    ("since", "said", "is_good"),
    [
        (timedelta(seconds=29), [], False),
        (timedelta(minutes=1), [reply(200, {"id": ACCOUNT})], True),
        (timedelta(days=7), [reply(200, {"id": ACCOUNT})], True),
        (timedelta(minutes=1), [DEAD], False),
        (timedelta(minutes=1), [silence()], False),
        (timedelta(days=7, seconds=1), [], False),
    ],
    ids=range(6),
)
def test_whoever_needs_an_account_that_has_ended_asks_threads(
    since: timedelta, said: list[Said], *, is_good: bool
) -> None:
    """Threads may have been wrong. For a week, the next use finds out with one call, and need not wait."""
    world = World()
    access_token.note_dead_token(world.accounts, world.account())
    world.clock.now += since
    world.say(*said)
    for _ in range(2 if is_good else 1):
        with nullcontext() if is_good else pytest.raises(ReconnectRequired):
            access_token.find_open_account(world.accounts, UID, ACCOUNT)
    assert world.is_marked() is not is_good
    assert (world.calls, world.graph.is_done()) == (["ask_witness"] * len(said), True)
    assert "statusReason" not in world.card() or not is_good


def test_requests_at_once_all_find_out_that_an_account_lives() -> None:
    """Posts that are due at the same moment go on with the account that one of them has revived."""
    world = World()
    access_token.note_dead_token(world.accounts, world.account())
    world.clock.forward(seconds=60)
    world.graph.always["ask_witness"] = reply(200, {"id": ACCOUNT})

    def find() -> bool:
        return access_token.find_open_account(world.accounts, UID, ACCOUNT).stored.is_active

    world.comes_between(find)
    assert find()


# --- a token that is about to end ---------------------------------------------------------------------------

NEW = reply(200, {"access_token": "THAAnew", "expires_in": 5184000})


class Ending:
    """An account with some hours left, which weeks of sweeps have not refreshed."""

    def __init__(self, *, left: timedelta = timedelta(hours=23), **changes: Any) -> None:
        """Connect it 60 days and some hours ago."""
        self.world = World()
        self.world.graph.always["read_profile"] = silence()
        self.world.connect(ACCOUNT, TOKEN, at=NOW + left - LIFETIME, **{"refreshAt": NOW, **changes})

    def open(self, *said: Said) -> str:
        """Open the account's token while Threads says this."""
        self.world.say(*said)
        account = access_token.open_account(self.world.accounts, self.world.account())
        return account.api.token.reveal()

    @property
    def cost(self) -> tuple[list[str], int, int]:
        """What Threads was asked, and how often Firestore was read and written."""
        return self.world.calls, self.world.wire.reads, self.world.wire.commits


def test_a_token_on_its_last_day_is_refreshed_before_it_is_used() -> None:
    """A request that needs the token keeps the account alive; the next request finds the new token."""
    scene = Ending()
    assert scene.open(NEW) == "THAAnew"
    assert scene.open() == "THAAnew"
    assert scene.cost == (["refresh_token", "read_profile"], 0, 2)


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
    assert scene.cost == ([], 0, 0)


def test_an_account_that_no_sweep_finds_is_refreshed_on_its_last_day() -> None:
    """An account that was connected before there was a time to refresh it lives on if it is used."""
    assert Ending(refreshAt=None).open(NEW) == "THAAnew"


def test_an_account_that_is_disconnected_meanwhile_hands_out_nothing() -> None:
    """A request that began before the account went gets neither the old token nor the new one."""
    scene = Ending()

    def asked(_request: GraphRequest) -> GraphReply:
        scene.world.delete_account()
        return NEW

    with pytest.raises(AccountNotFound):
        scene.open(asked)


def test_an_account_that_is_connected_again_meanwhile_hands_out_its_new_token() -> None:
    """That the old token is dead by then does not matter: there is another."""
    scene = Ending()

    def asked(_request: GraphRequest) -> GraphReply:
        scene.world.connect(ACCOUNT, "THAAother")
        return reply(400, graph_error(190))

    assert scene.open(asked, DEAD, validity(is_valid=False)) == "THAAother"


def test_a_token_that_another_request_is_refreshing_is_used_as_it_is() -> None:
    """The old token still works: the request does not wait for the new one."""
    scene = Ending(refreshingUntil=NOW + timedelta(seconds=1))
    assert scene.open() == TOKEN
    assert scene.world.calls == []


PASSING: list[Said] = [silence(), reply(500, b""), reply(429, b""), reply(400, graph_error(10))]


@pytest.mark.parametrize("said", PASSING, ids=range(len(PASSING)))
def test_a_refresh_that_fails_does_not_keep_a_user_from_publishing(said: Said) -> None:
    """The old token is used, and the next request does not try again at once."""
    scene = Ending()
    assert scene.open(said) == TOKEN
    assert scene.open() == TOKEN
    assert scene.world.calls == ["refresh_token"]


def test_a_firestore_in_trouble_does_not_keep_a_user_from_publishing() -> None:
    """Where the lease cannot be written, the old token is used."""
    scene = Ending()
    scene.world.wire.fails = 1
    assert scene.open() == TOKEN


@pytest.mark.parametrize("third", [validity(is_valid=False), DEAD, silence()], ids=["dead", "190", "silent"])
def test_a_dead_token_is_found_out_before_it_is_used(third: GraphReply) -> None:
    """A token that Threads calls dead while it is refreshed is not used: the account asks for a reconnect.

    A person waits for the answer, so that there is no time for a doubt.
    """
    scene = Ending()
    with pytest.raises(ReconnectRequired) as dead:
        scene.open(reply(400, graph_error(190, 463)), DEAD, third)
    assert dead.value.evidence
    assert scene.world.account().fields["status"] == "reconnect_required"


@pytest.mark.parametrize("left", [timedelta(0), timedelta(hours=-25)])
def test_threads_is_asked_whether_a_token_has_run_out(left: timedelta) -> None:
    """A clock that is hours ahead ends no account: the token is refreshed, if Threads does it."""
    assert Ending(left=left).open(NEW) == "THAAnew"
    scene = Ending(left=left)
    with pytest.raises(ReconnectRequired):
        scene.open(DEAD, DEAD)
    assert scene.world.card()["statusReason"] == "token_expired"
