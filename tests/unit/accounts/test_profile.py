"""An account's profile, read again: what its card shows, and how it is found."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.support import OTHER_KEY, TOKEN, graph_error, reply
from tests.unit.world import ACCOUNT, NOW, PROJECT, UID, World, silence
from threads.accounts.access_token import find_open_account
from threads.accounts.account import USERNAME_FIELD
from threads.accounts.profile import read_profile_again
from threads.accounts.vault import Vault
from threads.base.errors import ReconnectRequired
from threads.base.secret import Secret
from threads.connections.disconnect import look_after
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply

DAY = timedelta(days=1)

PICTURE = "https://p.example/2"
RENAMED = {"id": ACCOUNT, "username": "ada.k", "name": "Ada K.", "threads_profile_picture_url": PICTURE}
SHOWN = {"displayName": "Ada K.", "username": "ada.k", "avatarUrl": PICTURE, "accountType": "user"}


def read_again(answer: Any, **connected: Any) -> World:
    """Return a world in which Threads has told an account's profile again."""
    world = World()
    world.connect(ACCOUNT, **connected)
    world.graph.always[Step.READ_PROFILE] = answer
    read_profile_again(world.accounts, world.account())
    return world


def test_who_has_a_new_name_handle_and_picture_has_them_on_the_card() -> None:
    """Card and account change in one commit, and nothing else of them does."""
    before = World()
    world = read_again(reply(200, RENAMED))
    assert world.card() == {**before.card(), **SHOWN}
    profile = {"platformId": ACCOUNT, **SHOWN}
    assert world.account().fields["profile"] == profile
    assert world.token() == TOKEN
    assert (world.wire.commits, world.calls) == (1, [Step.READ_PROFILE])
    [asked] = world.graph.requests
    assert asked.token
    assert asked.token.reveal() == TOKEN


def test_a_renamed_handle_is_found_by_the_new_one() -> None:
    """A webhook names an account by its handle alone."""
    repository = read_again(reply(200, RENAMED)).accounts.repository
    assert repository.find_connected(USERNAME_FIELD, "ada.k") == [(UID, ACCOUNT)]
    assert repository.find_connected(USERNAME_FIELD, f"user{ACCOUNT}") == []


def test_who_has_changed_nothing_costs_no_commit() -> None:
    """Most profiles are as they were."""
    world = read_again(reply(200, RENAMED), profile={"platformId": ACCOUNT, **SHOWN})
    assert world.wire.commits == 0


@pytest.mark.parametrize("answer", [silence(), reply(500), reply(400, graph_error(190)), reply(200, {})])
def test_a_profile_that_threads_does_not_tell_changes_nothing(answer: Any) -> None:
    """The account stays as it is: the token has just been refreshed, and the next time tries again."""
    assert read_again(answer).wire.commits == 0


def test_neither_firestore_nor_a_missing_key_nor_another_writer_is_in_the_way() -> None:
    """Reading a profile again is the last step of a refresh, and never makes it fail."""

    def unreachable(world: World) -> None:
        world.wire.fails_commits = 1

    def keyless(world: World) -> None:
        world.vault = Vault({"other": Secret(OTHER_KEY)}, lambda: PROJECT)

    def overtaken(world: World) -> None:
        world.comes_between(lambda: world.change_account(scopes=["threads_basic"]))

    for trouble in (unreachable, keyless, overtaken):
        world = World()
        world.graph.always[Step.READ_PROFILE] = reply(200, RENAMED)
        account = world.account()
        trouble(world)
        read_profile_again(world.accounts, account)
        assert world.card()["username"] == f"user{ACCOUNT}"


def grants(user_id: str) -> GraphReply:
    """Return whose token it is, as Threads says it."""
    return reply(200, {"data": {"is_valid": True, "scopes": ["threads_basic"], "user_id": user_id}})


ANOTHERS = reply(200, {**RENAMED, "id": "2"})


@pytest.mark.parametrize("said", [grants("2"), silence(), reply(200, {"data": {"is_valid": True}})])
def test_an_account_that_gets_another_persons_token_ends(said: GraphReply) -> None:
    """Nothing is published with it, it is not looked at again, and a person is told whose account it is."""
    world = World()
    world.connect(ACCOUNT, refreshAt=NOW - 9 * DAY, at=NOW - 50 * DAY)
    world.graph.always |= {Step.READ_PROFILE: ANOTHERS, Step.READ_GRANTS: said}
    world.say(reply(200, {"access_token": "new", "expires_in": 5183944}))
    world.comes_between(lambda: world.change_account(note="another writer's"), 3)
    done = look_after(world.connections, UID, ACCOUNT)
    assert (done.outcome, done.is_alarm, bool(done.error)) == ("another_person", True, True)
    assert world.is_marked()
    assert world.card()["statusReason"] == "another_person"
    assert "2" not in str(world.card().get("platformId"))
    for _ in range(3):
        world.clock.now += DAY
        assert look_after(world.connections, UID, ACCOUNT).outcome == "not_due"
        with pytest.raises(ReconnectRequired):
            find_open_account(world.accounts, UID, ACCOUNT)
    assert world.calls[-1] == Step.READ_GRANTS


def test_a_request_that_gets_another_persons_token_does_not_use_it() -> None:
    """On the last day, a request refreshes the token itself."""
    world = World()
    world.connect(ACCOUNT, refreshAt=NOW, at=NOW - 60 * DAY + DAY / 2)
    world.graph.always |= {Step.READ_PROFILE: ANOTHERS, Step.READ_GRANTS: grants("2")}
    world.say(reply(200, {"access_token": "new", "expires_in": 5183944}))
    with pytest.raises(ReconnectRequired):
        find_open_account(world.accounts, UID, ACCOUNT)
    assert world.is_marked()


def test_a_person_whose_id_has_changed_keeps_the_account() -> None:
    """The id that came with the token tells. The new one is sealed, and costs no second question."""
    world = World()
    world.graph.always |= {Step.READ_PROFILE: ANOTHERS, Step.READ_GRANTS: grants(ACCOUNT)}
    for _ in range(2):
        assert read_profile_again(world.accounts, world.account())
    assert world.vault.sealed_ids(world.account()) == {ACCOUNT, "2"}
    assert world.calls == [Step.READ_PROFILE, Step.READ_GRANTS, Step.READ_PROFILE]


def test_an_id_that_was_not_sealed_yet_is() -> None:
    """Accounts of earlier versions have one id of two, and Meta may name the other one."""
    world = World()
    seal = world.vault.seal_ids({"99"}, UID, ACCOUNT)
    profile = {"platformId": ACCOUNT, **SHOWN}
    world.change_account(sealedThreadsUserId=seal, profile=profile)
    world.graph.always[Step.READ_PROFILE] = reply(200, RENAMED)
    assert read_profile_again(world.accounts, world.account())
    assert world.vault.sealed_ids(world.account()) == {"99", ACCOUNT}


def test_the_hourly_run_reads_it_after_each_refresh() -> None:
    """First the new token is stored. An account that is not due is not asked about."""
    world = World()
    world.graph.always[Step.READ_PROFILE] = reply(200, RENAMED)
    look_after(world.connections, UID, ACCOUNT)
    assert world.calls == []
    world.change_account(refreshAt=NOW)
    world.clock.forward(seconds=2 * 86400)
    world.say(reply(200, {"access_token": "new", "expires_in": 5183944}))
    assert look_after(world.connections, UID, ACCOUNT).outcome == "refreshed"
    assert world.calls == [Step.REFRESH_TOKEN, Step.READ_PROFILE]
    assert (world.token(), world.card()["username"]) == ("new", "ada.k")
    [_, asked] = world.graph.requests
    assert asked.token
    assert asked.token.reveal() == "new"
