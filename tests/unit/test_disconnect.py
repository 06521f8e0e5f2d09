"""An account's end at its user's wish: what becomes of token, posts and card, and of the default account."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.fakes import ACCOUNT, IMAGE, NOW, TEXT, UID, Died, made, post_id
from tests.unit.whole_store import WholeWorld
from threads import publish
from threads.accounts import summary_without
from threads.disconnect import PAGE, disconnect
from threads.errors import AccountNotFound, ReconnectRequired, ServiceUnavailable
from threads.ledger import LEASE, Point, Record, State, new_record
from threads.posts import Submission

TOMORROW = NOW + timedelta(days=1)
OTHER = "17841400000000000"


def schedule(world: WholeWorld, *keys: str, account_id: str = ACCOUNT, uid: str = UID) -> list[str]:
    """Schedule a text for tomorrow under each key; return the posts' names."""
    wanted = [Submission(uid, TEXT, account_id, key, scheduled_time=TOMORROW) for key in keys]
    return [publish.schedule(world.tools, uid, one).post_id for one in wanted]


def state(world: WholeWorld, name: str, uid: str = UID) -> State:
    """Return how far a post is."""
    held = world.ledger.read(uid, name)
    assert held
    return held.record.state


def test_an_account_goes_with_its_token_and_card() -> None:
    """Nothing is left of an account but its posts; the answer has the cards that are left."""
    world = WholeWorld()
    world.store.join(OTHER)
    done = disconnect(world.tools, UID, ACCOUNT)
    assert world.store.account_ids() == [OTHER]
    assert [*done.summary["accounts"]] == [OTHER]
    assert (done.summary["connectedCount"], done.cancelled) == (1, 0)


def test_another_account_becomes_the_default_one() -> None:
    """The default account is one that is left, the first by its name, or none."""
    world = WholeWorld()
    world.store.join("3")
    world.store.join("2")
    assert disconnect(world.tools, UID, ACCOUNT).summary["defaultAccountId"] == "2"
    assert disconnect(world.tools, UID, "3").summary["defaultAccountId"] == "2"
    assert disconnect(world.tools, UID, "2").summary == {}


def test_the_last_accounts_summary_goes_with_it() -> None:
    """Where nothing is left to show, nothing is kept."""
    assert summary_without({"accounts": {"1": {}}, "defaultAccountId": "1"}, "1", NOW) is None
    assert summary_without({}, "1", NOW) is None


def test_what_was_scheduled_is_cancelled() -> None:
    """Every scheduled post of the account is cancelled, and its task deleted; other accounts' go on."""
    world = WholeWorld()
    world.store.join(OTHER)
    mine = schedule(world, "a", "b", "c")
    [theirs] = schedule(world, "a", account_id=OTHER)
    tasks = {task.name for task in world.tasks.created if task.post_id in mine}
    assert disconnect(world.tools, UID, ACCOUNT).cancelled == 3
    assert {state(world, name) for name in mine} == {State.CANCELLED}
    assert {*world.tasks.deleted} == tasks
    assert state(world, theirs) is State.NEW


def test_other_users_of_the_account_keep_it() -> None:
    """The same account, connected by two users, is one user's to disconnect for themselves alone."""
    world = WholeWorld()
    world.store.join(ACCOUNT, "bob")
    [theirs] = schedule(world, "a", uid="bob")
    disconnect(world.tools, UID, ACCOUNT)
    assert world.store.account_ids("bob") == [ACCOUNT]
    assert world.store.fields(ACCOUNT, "bob")["status"] == "active"
    assert state(world, theirs, "bob") is State.NEW


def test_more_posts_than_a_page_has_are_cancelled() -> None:
    """However many are scheduled, all of them are cancelled, past those that cannot be."""
    world = WholeWorld()
    record = new_record(ACCOUNT, TEXT.as_json(), NOW)
    for number in range(2 * PAGE + 1):
        held = replace(record, owner="x", lease_until=NOW + LEASE) if number % 2 else record
        world.ledger.put(UID, f"{number:04}", held)
    assert disconnect(world.tools, UID, ACCOUNT).cancelled == PAGE + 1
    assert {state(world, f"{number:04}") for number in range(0, 2 * PAGE + 1, 2)} == {State.CANCELLED}


def test_what_is_out_stays_in_the_history() -> None:
    """Records of posts that have ended stay what they are."""
    world = WholeWorld()
    world.say(made("8"))
    published = world.deliver()
    disconnect(world.tools, UID, ACCOUNT)
    assert world.record() == published


@pytest.mark.parametrize("point", [Point.CLAIMED, Point.INTENT_WRITTEN])
def test_a_post_that_a_delivery_is_at_is_left_to_it(point: Point) -> None:
    """What is being published, or may be out, is not called cancelled."""
    world = WholeWorld()
    world.dies_at = point
    with pytest.raises(Died):
        world.deliver(IMAGE if point is Point.CLAIMED else TEXT)
    before = world.record()
    assert disconnect(world.tools, UID, ACCOUNT).cancelled == 0
    assert world.record() == before


def test_a_delivery_in_between_publishes_or_is_cancelled() -> None:
    """A delivery that begins while its post is cancelled wins, or loses, and is not counted if it wins."""
    world = WholeWorld()
    [name] = schedule(world, "a")

    def begins(_number: int) -> None:
        held = world.ledger.read(UID, name)
        assert held
        world.ledger.put(UID, name, held.record.claimed("other", NOW))

    world.ledger.before_commit = begins
    assert disconnect(world.tools, UID, ACCOUNT).cancelled == 0
    assert state(world, name) is State.NEW


def test_nothing_is_published_from_the_first_commit_on() -> None:
    """Once the token is taken nobody begins anything with it, whatever is not done yet."""
    world = WholeWorld()
    [name] = schedule(world, "a")
    world.dies_before_commit(2)
    with pytest.raises(Died):
        disconnect(world.tools, UID, ACCOUNT)
    world.clock.now = TOMORROW
    publish.deliver_task(world.tools, UID, name, world.delivery(by_task=True))
    assert state(world, name) is State.FAILED
    with pytest.raises(ReconnectRequired):
        schedule(world, "b")
    assert world.calls == []
    assert world.store.cards[UID, ACCOUNT]["status"] == "reconnect_required"


@pytest.mark.parametrize("number", range(1, 6))
def test_a_disconnection_that_died_is_finished_by_the_next_one(number: int) -> None:
    """Wherever a process dies, the same request finds the account and does the rest."""
    world = WholeWorld()
    names = schedule(world, "a", "b", "c")
    world.dies_before_commit(number)
    with pytest.raises(Died):
        disconnect(world.tools, UID, ACCOUNT)
    assert world.store.account_ids() == [ACCOUNT]
    disconnect(world.tools, UID, ACCOUNT)
    assert {state(world, name) for name in names} == {State.CANCELLED}
    assert (world.store.account_ids(), world.store.cards) == ([], {})


def test_after_the_last_commit_there_is_nothing_to_repeat() -> None:
    """A disconnection with three posts is five commits; the account is then not there any more."""
    world = WholeWorld()
    schedule(world, "a", "b", "c")
    world.dies_before_commit(6)
    disconnect(world.tools, UID, ACCOUNT)
    with pytest.raises(AccountNotFound):
        disconnect(world.tools, UID, ACCOUNT)


@pytest.mark.parametrize("name", ["17841400000000001", "x", "../1", "1" * 400])
def test_an_unknown_account_is_not_found(name: str) -> None:
    """An account that the user has not connected, or that cannot be one, changes nothing."""
    world = WholeWorld()
    world.store.join(OTHER, "bob")
    for account_id in (name, OTHER):
        with pytest.raises(AccountNotFound):
            disconnect(world.tools, UID, account_id)
    assert (world.store.account_ids(), world.store.account_ids("bob")) == ([ACCOUNT], [OTHER])


def changes_before(world: WholeWorld, number: int, change: Callable[[], Any]) -> None:
    """Let somebody change something just before one of the store's commits."""

    def once(count: int) -> None:
        if count == number:
            world.store.before_commit = lambda _number: None
            change()

    world.store.before_commit = once


@pytest.mark.parametrize("number", [1, 2])
def test_what_others_change_meanwhile_does_not_hinder(number: int) -> None:
    """Where the document has changed since it was read, it is read again, and the account goes."""
    world = WholeWorld()
    changes_before(world, number, lambda: world.store.change(ACCOUNT, refreshAt=TOMORROW))
    disconnect(world.tools, UID, ACCOUNT)
    assert world.store.account_ids() == []


def test_an_account_that_is_connected_again_meanwhile_stays() -> None:
    """Whoever connects the account while it is being disconnected gets what they came for last."""
    world = WholeWorld()
    changes_before(world, 2, lambda: world.store.join(ACCOUNT))
    done = disconnect(world.tools, UID, ACCOUNT)
    assert world.store.fields(ACCOUNT)["status"] == "active"
    assert [*done.summary["accounts"]] == [ACCOUNT]


@pytest.mark.parametrize("first", [1, 2])
def test_an_account_that_never_rests_is_tried_later(first: int) -> None:
    """Where the document changes again and again, the caller is told to come back."""
    world = WholeWorld()

    def again(number: int) -> None:
        if number >= first:
            world.store.change(ACCOUNT, refreshAt=NOW + timedelta(seconds=number))

    world.store.before_commit = again
    with pytest.raises(ServiceUnavailable):
        disconnect(world.tools, UID, ACCOUNT)
    assert world.store.account_ids() == [ACCOUNT]


def test_a_firestore_that_fails_is_tried_later() -> None:
    """Trouble in the middle is a 503, and the same request goes on."""
    world = WholeWorld()
    [name] = schedule(world, "a")
    world.store.fails = 1
    with pytest.raises(ServiceUnavailable):
        disconnect(world.tools, UID, ACCOUNT)
    assert disconnect(world.tools, UID, ACCOUNT).cancelled == 1
    assert state(world, name) is State.CANCELLED


def test_cloud_tasks_that_fail_do_not_hinder() -> None:
    """A task that cannot be deleted finds a cancelled post: the account goes all the same."""
    world = WholeWorld()
    [name] = schedule(world, "a")
    world.tasks.is_out_of_order = True
    assert disconnect(world.tools, UID, ACCOUNT).cancelled == 1
    world.clock.now = TOMORROW
    held = publish.deliver_task(world.tools, UID, name, world.delivery(by_task=True))
    assert held.record.state is State.CANCELLED


def test_a_delivery_after_the_end_fails_and_says_why() -> None:
    """A post that nobody could cancel in time is not published: its account is not there."""
    world = WholeWorld()
    world.ledger.put(UID, "p", held_elsewhere())
    disconnect(world.tools, UID, ACCOUNT)
    world.clock.forward(seconds=LEASE.total_seconds() + 1)
    held = publish.deliver_task(world.tools, UID, "p", world.delivery(by_task=True))
    assert (held.record.state, (held.record.error or {})["code"]) == (State.FAILED, "account_not_found")
    assert world.calls == []


def held_elsewhere() -> Record:
    """Return the record of an image that a delivery has just begun."""
    return new_record(ACCOUNT, IMAGE.as_json(), NOW).claimed("other", NOW)


def test_names_do_not_depend_on_the_account_being_there() -> None:
    """After a new connection the same key is the same post: what was cancelled stays so."""
    world = WholeWorld()
    [name] = schedule(world, "key")
    assert name == post_id("key")
    disconnect(world.tools, UID, ACCOUNT)
    world.store.join(ACCOUNT)
    schedule(world, "key")
    assert state(world, name) is State.CANCELLED
