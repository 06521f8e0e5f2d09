"""An account's end at its user's wish: what becomes of token, posts and card, and of the default account."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from tests.unit.world import ACCOUNT, IMAGE, NOW, TEXT, UID, Died, World, made, post_id, summary_path
from threads.accounts.sweep import sweep
from threads.base.errors import AccountNotFound, ReconnectRequired, ServiceUnavailable
from threads.connections.disconnect import DISCONNECT_TIME, PAGE, disconnect, look_after
from threads.posts.content import Content
from threads.posts.ledger import LEASE, State, new_record
from threads.posts.submission import Submission
from threads.publishing import publish
from threads.publishing import schedule as later

TOMORROW = NOW + timedelta(days=1)
OTHER = "17841400000000000"


def schedule(world: World, *keys: str, account_id: str = ACCOUNT, uid: str = UID) -> list[str]:
    """Schedule a text for tomorrow under each key; return the posts' names."""
    wanted = [Submission(uid, TEXT, account_id, key, scheduled_time=TOMORROW) for key in keys]
    return [later.schedule(world.publishing, uid, one, world.delivery()).root.post_id for one in wanted]


def state(world: World, name: str, uid: str = UID) -> State:
    """Return how far a post is."""
    post = world.post(name, uid)
    assert post
    return post.record.state


def test_an_account_goes_with_its_token_and_card() -> None:
    """Nothing is left of an account but its posts; what is returned has the other accounts' cards."""
    world = World()
    world.connect(OTHER)
    done = disconnect(world.connections, UID, ACCOUNT)
    assert world.account_ids() == [OTHER]
    assert [*done.summary.cards] == [OTHER]
    assert (done.summary.fields["connectedCount"], done.cancelled) == (1, 0)


def test_another_account_becomes_the_default_one() -> None:
    """One of those that are left, the first by its name."""
    world = World()
    world.connect("3")
    world.connect("2")
    assert disconnect(world.connections, UID, ACCOUNT).summary.default_account_id == "2"
    assert disconnect(world.connections, UID, "3").summary.default_account_id == "2"


@pytest.mark.parametrize("has_summary", [True, False])
def test_the_last_accounts_summary_goes_with_it(*, has_summary: bool) -> None:
    """Where nothing is left to show, nothing is kept, nor is a summary made that was not there."""
    world = World()
    if not has_summary:
        world.database.delete(summary_path(UID))
    assert disconnect(world.connections, UID, ACCOUNT).summary.fields == {}
    assert (world.summary(), world.account_ids()) == (None, [])


def test_what_was_scheduled_is_cancelled() -> None:
    """Every scheduled post of the account is cancelled, and its task deleted; other accounts' go on."""
    world = World()
    world.connect(OTHER)
    mine = schedule(world, "a", "b", "c")
    [theirs] = schedule(world, "a", account_id=OTHER)
    tasks = {task.name for task in world.tasks.created if task.post_id in mine}
    assert disconnect(world.connections, UID, ACCOUNT).cancelled == 3
    assert {state(world, name) for name in mine} == {State.CANCELLED}
    assert {*world.tasks.deleted} == tasks
    assert state(world, theirs) is State.NEW


def test_other_users_of_the_account_keep_it() -> None:
    """The same account, connected by two users, is one user's to disconnect for themselves alone."""
    world = World()
    world.connect(ACCOUNT, uid="bob")
    [theirs] = schedule(world, "a", uid="bob")
    disconnect(world.connections, UID, ACCOUNT)
    assert world.account_ids("bob") == [ACCOUNT]
    assert world.account(ACCOUNT, "bob").is_active
    assert state(world, theirs, "bob") is State.NEW


def test_more_posts_than_a_page_has_are_cancelled() -> None:
    """However many are scheduled, all of them are cancelled, past those that cannot be."""
    world = World()
    record = new_record(ACCOUNT, TEXT, NOW)
    leased = replace(record, owner="x", lease_until=NOW + LEASE)
    for number in range(2 * PAGE + 1):
        world.put_post(f"{number:04}", leased if number % 2 else record)
    assert disconnect(world.connections, UID, ACCOUNT).cancelled == PAGE + 1
    assert {state(world, f"{number:04}") for number in range(0, 2 * PAGE + 1, 2)} == {State.CANCELLED}


def test_what_is_out_stays_in_the_history() -> None:
    """Records of posts that have ended stay what they are."""
    world = World()
    world.say(made("8"))
    published = world.deliver()
    disconnect(world.connections, UID, ACCOUNT)
    assert world.record() == published


@pytest.mark.parametrize(("content", "place"), [(IMAGE, "after commit NEW"), (TEXT, "after commit SENT")])
def test_a_post_that_a_delivery_has_leased_is_left_to_it(content: Content, place: str) -> None:
    """A post that is being published, or may be out, is not called cancelled."""
    world = World()
    world.deaths.next = place
    with pytest.raises(Died):
        world.deliver(content)
    before = world.record()
    assert disconnect(world.connections, UID, ACCOUNT).cancelled == 0
    assert world.record() == before


def test_a_delivery_in_between_publishes_or_is_cancelled() -> None:
    """Of a delivery and the cancelling of its post, one comes first; the delivery's post does not count."""
    world = World()
    [name] = schedule(world, "a")

    def begin() -> None:
        post = world.post(name)
        assert post
        world.put_post(name, post.record.leased("other", NOW))

    world.comes_between(begin, number=2)
    assert disconnect(world.connections, UID, ACCOUNT).cancelled == 0
    assert state(world, name) is State.NEW


def test_nothing_is_published_from_the_first_commit_on() -> None:
    """Once the token is taken nothing begins with it, whatever is not done yet."""
    world = World()
    [name] = schedule(world, "a")
    world.dies_before_commit(2)
    with pytest.raises(Died):
        disconnect(world.connections, UID, ACCOUNT)
    world.clock.now = TOMORROW
    publish.deliver_task(world.publishing, UID, name, world.delivery(by_task=True))
    assert state(world, name) is State.FAILED
    with pytest.raises(ReconnectRequired):
        schedule(world, "b")
    assert world.calls == []
    assert world.card()["status"] == "reconnect_required"


@pytest.mark.parametrize("number", range(1, 6))
def test_a_disconnection_that_died_is_finished_by_the_next_one(number: int) -> None:
    """Wherever a process dies, the same request finds the account and does the rest."""
    world = World()
    names = schedule(world, "a", "b", "c")
    world.dies_before_commit(number)
    with pytest.raises(Died):
        disconnect(world.connections, UID, ACCOUNT)
    assert world.account_ids() == [ACCOUNT]
    disconnect(world.connections, UID, ACCOUNT)
    assert {state(world, name) for name in names} == {State.CANCELLED}
    assert (world.account_ids(), world.summary()) == ([], None)


def test_after_the_last_commit_there_is_nothing_to_repeat() -> None:
    """A disconnection with three posts is five commits; the account is then not there any more."""
    world = World()
    schedule(world, "a", "b", "c")
    world.dies_before_commit(6)
    disconnect(world.connections, UID, ACCOUNT)
    with pytest.raises(AccountNotFound):
        disconnect(world.connections, UID, ACCOUNT)


@pytest.mark.parametrize("name", ["17841400000000001", "x", "../1", "1" * 400])
def test_an_unknown_account_is_not_found(name: str) -> None:
    """An account that the user has not connected, or that cannot be one, changes nothing."""
    world = World()
    world.connect(OTHER, uid="bob")
    for account_id in (name, OTHER):
        with pytest.raises(AccountNotFound):
            disconnect(world.connections, UID, account_id)
    assert (world.account_ids(), world.account_ids("bob")) == ([ACCOUNT], [OTHER])


@pytest.mark.parametrize("number", [1, 2])
def test_what_others_change_meanwhile_does_not_hinder(number: int) -> None:
    """Where the document has changed since it was read, it is read again, and the account goes."""
    world = World()
    world.comes_between(lambda: world.change_account(refreshAt=TOMORROW), number)
    disconnect(world.connections, UID, ACCOUNT)
    assert world.account_ids() == []


def test_an_account_that_is_connected_again_meanwhile_stays() -> None:
    """A user who connects the account while it is being disconnected has asked for that last."""
    world = World()
    world.comes_between(lambda: world.connect(ACCOUNT), number=2)
    done = disconnect(world.connections, UID, ACCOUNT)
    assert world.account().is_active
    assert [*done.summary.cards] == [ACCOUNT]


@pytest.mark.parametrize("first", [1, 2])
def test_an_account_that_never_rests_is_tried_later(first: int) -> None:
    """Where the document changes again and again, the caller is told to come back."""
    world = World()

    def again(number: int) -> None:
        if number >= first:
            world.change_account(refreshAt=NOW + timedelta(seconds=number))

    world.wire.before_commit = again
    with pytest.raises(ServiceUnavailable):
        disconnect(world.connections, UID, ACCOUNT)
    assert world.account_ids() == [ACCOUNT]


def test_accounts_that_are_disconnected_at_once_all_go() -> None:
    """A dozen requests of one user change one summary: each waits a moment and tries again."""
    world = World()
    others = [str(number) for number in range(2, 14)]
    for other in others:
        world.connect(other)

    def another(number: int) -> None:
        # The first commit takes the token away. Before each further one, another account goes.
        if number > 1 and others:
            world.wire.before_commit = lambda _number: None
            disconnect(world.connections, UID, others.pop())
            world.wire.before_commit = another

    world.wire.before_commit = another
    disconnect(world.connections, UID, ACCOUNT)
    assert (world.account_ids(), world.summary(), others) == ([], None, [])
    assert len(set(world.clock.pauses)) > 3


@pytest.mark.parametrize("has_other", [True, False])
def test_a_card_without_an_account_goes(*, has_other: bool) -> None:
    """Whatever has left it there: its posts are cancelled, and what was its user's choice is made anew."""
    world = World()
    if has_other:
        world.connect(OTHER)
    [name] = schedule(world, "a")
    world.delete_account()
    done = disconnect(world.connections, UID, ACCOUNT)
    assert ([*done.summary.cards], done.cancelled) == ([OTHER] if has_other else [], 1)
    assert (state(world, name), world.summary() is None) == (State.CANCELLED, not has_other)
    with pytest.raises(AccountNotFound):
        disconnect(world.connections, UID, ACCOUNT)


def test_a_firestore_that_fails_is_tried_later() -> None:
    """Trouble in the middle is a 503, and the same request goes on."""
    world = World()
    [name] = schedule(world, "a")
    world.wire.fails = 1
    with pytest.raises(ServiceUnavailable):
        disconnect(world.connections, UID, ACCOUNT)
    assert disconnect(world.connections, UID, ACCOUNT).cancelled == 1
    assert state(world, name) is State.CANCELLED


def test_cloud_tasks_that_fail_do_not_hinder() -> None:
    """A task that cannot be deleted finds a cancelled post, so the account goes nevertheless."""
    world = World()
    [name] = schedule(world, "a")
    world.tasks.is_out_of_order = True
    assert disconnect(world.connections, UID, ACCOUNT).cancelled == 1
    world.clock.now = TOMORROW
    outcome = publish.deliver_task(world.publishing, UID, name, world.delivery(by_task=True))
    assert outcome.root.record.state is State.CANCELLED


def test_a_silent_queue_is_asked_once() -> None:
    """However many posts are cancelled: the first task that is not deleted in time is the last one tried."""
    world = World()
    schedule(world, *map(str, range(20)))
    asked: list[str] = []

    def silent(task_id: str) -> None:
        asked.append(task_id)
        world.clock.forward(seconds=10)
        raise ServiceUnavailable

    world.tasks.delete = silent  # type: ignore[method-assign]
    assert disconnect(world.connections, UID, ACCOUNT).cancelled == 20
    assert (world.account_ids(), len(asked)) == ([], 1)
    assert world.clock() - NOW == timedelta(seconds=10)


@pytest.mark.parametrize("has_queue", [True, False])
def test_what_a_request_has_no_time_for_is_done_by_the_sweep(*, has_queue: bool) -> None:
    """A request that takes too long ends with a card that says so, and the hourly sweep goes on."""
    world = World()
    world.connect(OTHER)
    names = schedule(world, *map(str, range(12)))
    world.wire.before_commit = lambda _number: world.clock.forward(seconds=5)
    begun = world.clock()
    done = disconnect(world.connections, UID, ACCOUNT)
    assert world.clock() - begun <= DISCONNECT_TIME + timedelta(seconds=5)
    assert 0 < done.cancelled < len(names)
    assert done.summary.cards[ACCOUNT]["statusReason"] == "disconnecting"
    world.tasks.is_configured = has_queue
    for _ in range(3):
        world.clock.forward(seconds=3600)
        look = partial(look_after, world.connections)
        sweep(world.accounts, look)
        for body, _due_at in world.tasks.refreshes.values():
            look(body["userId"], body["accountId"])
    assert world.account_ids() == [OTHER]
    assert {state(world, name) for name in names} == {State.CANCELLED}
    assert [*(world.summary() or {})["accounts"]] == [OTHER]


def test_a_disconnection_that_died_is_finished_by_the_sweep() -> None:
    """Nobody has to repeat the request."""
    world = World()
    [name] = schedule(world, "a")
    world.dies_before_commit(2)
    with pytest.raises(Died):
        disconnect(world.connections, UID, ACCOUNT)
    assert look_after(world.connections, UID, ACCOUNT).outcome == "disconnected"
    assert (world.account_ids(), state(world, name)) == ([], State.CANCELLED)


def test_who_connects_again_keeps_the_account() -> None:
    """A disconnection that was left open ends with a new connection: the sweep leaves that alone."""
    world = World()
    world.dies_before_commit(2)
    with pytest.raises(Died):
        disconnect(world.connections, UID, ACCOUNT)
    world.connect(ACCOUNT)
    assert look_after(world.connections, UID, ACCOUNT).outcome == "not_due"
    assert world.account_ids() == [ACCOUNT]


def test_a_delivery_after_the_end_fails_and_says_why() -> None:
    """A post that could not be cancelled in time is not published: its account is not there."""
    world = World()
    world.put_post("p", new_record(ACCOUNT, IMAGE, NOW).leased("other", NOW))
    disconnect(world.connections, UID, ACCOUNT)
    world.clock.forward(seconds=LEASE.total_seconds() + 1)
    record = publish.deliver_task(world.publishing, UID, "p", world.delivery(by_task=True)).root.record
    assert (record.state, (record.error or {})["code"]) == (State.FAILED, "account_not_found")
    assert world.calls == []


def test_names_do_not_depend_on_the_account_being_there() -> None:
    """After a new connection the same key is the same post: what was cancelled stays so."""
    world = World()
    [name] = schedule(world, "key")
    assert name == post_id("key")
    disconnect(world.connections, UID, ACCOUNT)
    world.connect(ACCOUNT)
    schedule(world, "key")
    assert state(world, name) is State.CANCELLED
