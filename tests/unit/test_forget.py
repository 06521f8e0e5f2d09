"""What Meta wants forgotten: for all users, whatever happens in between, and only what was there then."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from tests.unit.fakes import ACCOUNT, NOW, TEXT, UID, Died, listed, made
from tests.unit.whole_store import WholeWorld
from threads import publish
from threads.disconnect import disconnect
from threads.errors import DeletionNotFound, InProgress, ServiceUnavailable
from threads.forget import PAUSE, SETTLES, STATUS_LIFETIME, finish_deletions, is_done, request_deletion
from threads.graph import GraphReply, GraphRequest
from threads.ledger import LEASE, Point, new_record
from threads.posts import Submission, read_task_body
from threads.records import Held
from threads.signed_request import SignedRequest
from threads.texts import Counting

TOMORROW = NOW + timedelta(days=1)
OTHER = "17841400000000000"
SIGNED_IN = f"threads:{ACCOUNT}"
CODE = "c0de"


def signed(user_id: str = ACCOUNT, issued_at: datetime = NOW, code: str = CODE) -> SignedRequest:
    """Return what Meta has signed."""
    return SignedRequest(user_id, issued_at, code)


def schedule(world: WholeWorld, key: str, uid: str = UID, account_id: str = ACCOUNT) -> str:
    """Schedule a text for tomorrow; return the post's name."""
    wanted = Submission(uid, TEXT, account_id, key, scheduled_time=TOMORROW)
    return publish.schedule(world.tools, uid, wanted).post_id


def sweep(world: WholeWorld) -> dict[str, int]:
    """Let a minute be had for the deletions that are due; return what came of them."""
    return dict(finish_deletions(world.tools, world.clock.now + timedelta(minutes=1)))


def finish(world: WholeWorld) -> None:
    """Let pass what a deletion waits for, and the sweep that finishes it."""
    world.clock.now += SETTLES
    assert sweep(world) == {"done": 1}


def left(world: WholeWorld) -> list[Held]:
    """Return the records of the account, of all users."""
    return [held for page in world.ledger.pages_of(ACCOUNT) for held in page]


def full() -> WholeWorld:
    """Return a world in which two users have connected the account and used it, and one another one, too."""
    world = WholeWorld(SIGN_IN="on")
    world.store.join(ACCOUNT, "bob")
    world.store.join(OTHER, "bob")
    world.users.saved[SIGNED_IN] = ("Ada", "https://cdn.example/ada.jpg")
    world.say(made("8"))
    world.deliver()
    for uid in (UID, "bob"):
        schedule(world, "later", uid)
    schedule(world, "theirs", "bob", OTHER)
    return world


def check_forgotten(world: WholeWorld) -> None:
    """Check that nothing of the account is left, and everything of the other one."""
    assert (world.store.account_ids(), world.store.account_ids("bob")) == ([], [OTHER])
    assert [*world.store.cards] == [("bob", OTHER)]
    assert world.store.defaults == {UID: None, "bob": OTHER}
    assert world.store.outcomes == [(OTHER, NOW)]
    assert world.ledger.claims == {}
    assert left(world) == []
    assert len(world.ledger.find("bob", OTHER, limit=9)) == 1
    assert world.users.saved == {}
    assert len({*world.tasks.deleted}) == 2


def test_an_account_is_forgotten_for_every_user() -> None:
    """Token, card, posts, claims, outcomes, tasks, user go, for all who connected it; other accounts stay."""
    world = full()
    assert request_deletion(world.tools, signed()) == "running"
    check_forgotten(world)
    assert not is_done(world.tools.store, CODE)
    finish(world)
    check_forgotten(world)
    assert is_done(world.tools.store, CODE)


def test_what_was_scheduled_is_never_published() -> None:
    """A task whose deletion came too late finds no post, and Threads is not called."""
    world = full()
    [task, *_] = world.tasks.created
    request_deletion(world.tools, signed())
    world.clock.now = TOMORROW
    calls = len(world.calls)
    with pytest.raises(InProgress):
        publish.deliver_task(world.tools, task.uid, task.post_id, world.delivery(by_task=True))
    assert len(world.calls) == calls


def test_an_account_is_found_by_either_id() -> None:
    """Which of an account's two ids Meta sends is not certain: each finds it."""
    for user_id in (ACCOUNT, "99"):
        world = WholeWorld(SIGN_IN="on")
        world.store.change(ACCOUNT, extra={"threadsUserId": "99"})
        world.users.saved[SIGNED_IN] = ("Ada", None)
        request_deletion(world.tools, signed(user_id))
        assert (world.store.account_ids(), world.users.saved) == ([], {})


def test_a_deletion_is_written_down_and_told() -> None:
    """It is on record before anything is deleted, and afterwards says that it was done, and not for whom.

    Until then it does not expire, and keeps the ids to which nothing else leads any more.
    """
    world = full()
    world.dies_before_commit(2)
    with pytest.raises(Died):
        request_deletion(world.tools, signed())
    written = {"state": "running", "userId": ACCOUNT, "issuedAt": NOW, "requestedAt": NOW}
    assert world.store.deletions[CODE] == {**written, "dueAt": NOW + PAUSE}
    world.clock.now += PAUSE
    assert sweep(world) == {"running": 1}
    due_at = world.clock.now + SETTLES
    kept = {"accountIds": [ACCOUNT], "dueAt": due_at, "settlesAt": due_at}
    assert world.store.deletions[CODE] == written | kept
    assert not is_done(world.tools.store, CODE)
    finish(world)
    assert is_done(world.tools.store, CODE)
    assert world.store.deletions[CODE] == {
        "state": "done",
        "issuedAt": NOW,
        "requestedAt": NOW,
        "completedAt": world.clock.now,
        "expiresAt": world.clock.now + STATUS_LIFETIME,
    }


@pytest.mark.parametrize("number", range(1, 40))
def test_wherever_it_dies_it_is_finished(number: int) -> None:
    """A process that dies before any commit leaves what the sweep, or Meta's repetition, finishes."""
    world = full()
    world.dies_before_commit(number)
    try:
        request_deletion(world.tools, signed())
        world.clock.now += SETTLES
        sweep(world)
    except Died:
        if number == 1:  # nothing is on record: Meta was not answered, and asks again
            request_deletion(world.tools, signed())
        for _ in range(2):
            world.clock.now += SETTLES + PAUSE
            sweep(world)
    else:
        assert number > 13, "fewer commits than there are things to delete"
    check_forgotten(world)
    assert is_done(world.tools.store, CODE)


def test_trouble_is_left_to_the_sweep() -> None:
    """Once it is on record Meta is told so, whatever fails then; a later sweep does the rest, and is told."""
    world = full()
    world.users.is_out_of_order = True
    assert request_deletion(world.tools, signed()) == "service_unavailable"
    assert sweep(world) == {}
    world.clock.now += PAUSE
    assert sweep(world) == {"service_unavailable": 1}
    world.users.is_out_of_order = False
    world.clock.now += PAUSE
    assert sweep(world) == {"running": 1}
    finish(world)
    check_forgotten(world)
    assert sweep(world) == {}


def running(world: WholeWorld, code: str, user_id: str, **fields: object) -> None:
    """Write a deletion down that nobody has begun with."""
    world.store.deletions[code] = {
        "state": "running",
        "userId": user_id,
        "issuedAt": NOW,
        "requestedAt": NOW,
        "dueAt": NOW,
        **fields,
    }


def never_rests(world: WholeWorld) -> None:
    """Let somebody change the account before each commit."""

    def always(number: int) -> None:
        if ACCOUNT in world.store.account_ids():
            world.store.change(ACCOUNT, refreshAt=NOW + timedelta(seconds=number))

    world.store.before_commit = always


def test_deletions_that_fail_do_not_keep_others_waiting() -> None:
    """However many fail again and again, each of the others has its turn in the same sweep."""
    world = WholeWorld()
    world.store.join(OTHER)
    for number in range(150):
        running(world, f"a{number:03}", ACCOUNT, dueAt=NOW - timedelta(days=1))
    running(world, "z", OTHER)
    never_rests(world)
    assert sweep(world) == {"service_unavailable": 150, "running": 1}
    assert world.store.account_ids() == [ACCOUNT]


def test_a_sweep_goes_on_where_the_last_one_had_no_time_left() -> None:
    """One deletion is tried in any case, and who was tried comes last the next time, whatever came of it."""
    world = WholeWorld()
    for number in ("1", "2", "3"):
        running(world, number, number)
    tried: list[str] = []

    def fails(account_id: str, **_: object) -> None:
        tried.append(account_id)
        raise ServiceUnavailable

    world.store.delete_outcomes = fails  # type: ignore[method-assign]
    for _ in range(5):
        world.clock.now += PAUSE
        assert finish_deletions(world.tools, world.clock.now) == {"service_unavailable": 1}
    assert tried == ["1", "2", "3", "1", "2"]


def test_an_odd_deletion_is_not_the_others_trouble() -> None:
    """A document with which nobody can reckon is counted by what went wrong, and the next one is done."""
    world = WholeWorld()
    running(world, "a", ACCOUNT, issuedAt=datetime.max.replace(tzinfo=UTC))
    running(world, "b", ACCOUNT, issuedAt=None)
    running(world, "c", "4711")
    assert sweep(world) == {"internal OverflowError": 1, "internal TypeError": 1, "running": 1}


def test_much_is_erased_in_many_sweeps() -> None:
    """A deletion that there is no time for goes on with what is left, until nothing is."""
    world = WholeWorld()
    world.ledger.page = 10
    record = new_record(ACCOUNT, TEXT.as_json(), NOW).failed({}, NOW)
    for number in range(100):
        world.ledger.put(UID, f"{number:03}", record)
    erase = world.ledger.erase

    def slowly(posts: Sequence[Held]) -> bool:
        world.clock.forward(seconds=15)
        return erase(posts)

    world.ledger.erase = slowly  # type: ignore[method-assign]
    assert request_deletion(world.tools, signed()) == "running"
    assert len(left(world)) == 80
    world.clock.now += SETTLES
    assert sweep(world) == {"running": 1}
    assert len(left(world)) == 40
    world.clock.now += PAUSE
    sweep(world)
    world.clock.now += PAUSE
    assert sweep(world) == {"done": 1}
    assert left(world) == []


def test_what_cannot_be_written_down_is_not_promised() -> None:
    """Where Firestore fails at once, Meta hears it, and nothing is deleted."""
    world = full()
    world.store.fails = 1
    with pytest.raises(ServiceUnavailable):
        request_deletion(world.tools, signed())
    assert world.store.account_ids() == [ACCOUNT]


def test_an_unknown_account_is_answered_like_any_other() -> None:
    """Whether somebody has an account here cannot be told from the answer."""
    world = WholeWorld()
    assert request_deletion(world.tools, signed("12345")) == request_deletion(full().tools, signed())
    finish(world)
    assert is_done(world.tools.store, CODE)
    assert world.store.account_ids() == [ACCOUNT]


def test_a_repeated_request_changes_nothing() -> None:
    """Sent again, in any order, it is answered the same, and finds nothing to do."""
    world = full()
    for code in (CODE, CODE, "other"):
        assert request_deletion(world.tools, signed(code=code)) == "running"
    world.clock.now += SETTLES
    assert sweep(world) == {"done": 2}
    assert request_deletion(world.tools, signed()) == "done"
    check_forgotten(world)


AGAIN: dict[str, Callable[[WholeWorld], object]] = {
    "the same request": lambda world: request_deletion(world.tools, signed()),
    "another one, issued then": lambda world: request_deletion(world.tools, signed(code="another")),
    "the sweep": sweep,
}


@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN)
@pytest.mark.parametrize("waited", [timedelta(seconds=10), SETTLES + timedelta(hours=1)])
def test_a_later_connection_is_not_what_an_old_request_is_about(
    again: Callable[[WholeWorld], object], waited: timedelta
) -> None:
    """A request that comes again does nothing to an account that was connected after it, or to its user."""
    world = full()
    request_deletion(world.tools, signed())
    world.clock.now += waited
    world.store.join(ACCOUNT, SIGNED_IN, at=world.clock.now)
    world.users.saved[SIGNED_IN] = ("Ada", None)
    name = schedule(world, "new", SIGNED_IN)
    again(world)
    world.clock.now += SETTLES
    sweep(world)
    assert world.store.fields(ACCOUNT, SIGNED_IN)["status"] == "active"
    assert world.ledger.read(SIGNED_IN, name)
    assert world.users.saved == {SIGNED_IN: ("Ada", None)}


def test_a_late_notice_is_not_about_a_reconnection() -> None:
    """Who removes the app and connects the same account again, before Meta says so, keeps all of it."""
    world = WholeWorld(SIGN_IN="on")
    world.store.join(ACCOUNT, SIGNED_IN)
    world.users.saved[SIGNED_IN] = ("Ada", None)
    world.clock.forward(seconds=3600)
    removed_at = world.clock.now
    world.clock.forward(seconds=60)
    for uid in (UID, SIGNED_IN):
        world.store.join(ACCOUNT, uid, at=world.clock.now)
    name = schedule(world, "new")
    assert world.store.fields(ACCOUNT)["createdAt"] == NOW
    request_deletion(world.tools, signed(issued_at=removed_at))
    finish(world)
    assert world.store.fields(ACCOUNT)["status"] == "active"
    assert world.store.fields(ACCOUNT, SIGNED_IN)["status"] == "active"
    assert [held.post_id for held in left(world)] == [name]
    assert world.store.outcomes == [(ACCOUNT, NOW + timedelta(seconds=3660))] * 2
    assert world.users.saved == {SIGNED_IN: ("Ada", None)}


@pytest.mark.parametrize("number", range(1, 12))
def test_who_connects_again_while_it_is_forgotten_keeps_the_new_connection(number: int) -> None:
    """Between any two commits of the deletion: account, card and what is scheduled then stay."""
    world = WholeWorld()
    name = schedule(world, "old")
    world.clock.forward(seconds=10)
    counted, scheduled = iter(range(1, number + 1)), []

    def between(_number: int) -> None:
        if next(counted, None) == number:
            world.store.before_commit = world.ledger.before_commit = lambda _number: None
            world.store.join(ACCOUNT, at=world.clock.now)
            scheduled.append(schedule(world, "new"))

    world.store.before_commit = world.ledger.before_commit = between
    request_deletion(world.tools, signed())
    for _ in range(2):
        world.clock.now += SETTLES + PAUSE
        sweep(world)
    if not scheduled:
        assert number > 9, "fewer commits than there are things to delete"
        return
    assert world.store.fields(ACCOUNT)["status"] == "active"
    assert world.store.cards[UID, ACCOUNT]["status"] == "active"
    assert [held.post_id for held in left(world)] == scheduled != [name]
    assert is_done(world.tools.store, CODE)


def test_an_account_without_a_moment_of_its_connection_goes_by_its_first_one() -> None:
    """A document that is older than this field says at least since when it is there."""
    for created_at, is_kept in ((NOW, False), (NOW + timedelta(minutes=1), True), (None, False)):
        world = WholeWorld()
        world.store.change(ACCOUNT, connectedAt=None, createdAt=created_at)
        request_deletion(world.tools, signed())
        assert (world.store.account_ids() == [ACCOUNT]) is is_kept


def test_clocks_that_are_a_little_apart_do_no_harm() -> None:
    """An account that was connected in the second of the request, by another clock, is forgotten."""
    world = WholeWorld()
    request_deletion(world.tools, signed(issued_at=NOW - timedelta(seconds=3)))
    assert world.store.account_ids() == []


def test_a_user_with_other_accounts_stays_without_a_name() -> None:
    """Who signs in with Threads, and has other accounts connected, keeps those, without name and picture."""
    world = WholeWorld(SIGN_IN="on")
    world.store.join(ACCOUNT, SIGNED_IN)
    world.store.join(OTHER, SIGNED_IN)
    world.users.saved[SIGNED_IN] = ("Ada", "https://cdn.example/ada.jpg")
    request_deletion(world.tools, signed())
    assert world.users.saved == {SIGNED_IN: ("", None)}
    assert world.store.account_ids(SIGNED_IN) == [OTHER]


def test_a_user_who_had_disconnected_the_account_is_forgotten_too() -> None:
    """The user of the app is found by name, whether or not the account is still there."""
    world = WholeWorld(SIGN_IN="on")
    world.users.saved[SIGNED_IN] = ("Ada", None)
    world.store.delete(ACCOUNT)
    request_deletion(world.tools, signed())
    assert world.users.saved == {}


def test_without_sign_in_firebase_is_not_asked() -> None:
    """Users of the app are its own business where nobody signs in with Threads."""
    world = WholeWorld()
    world.users.is_out_of_order = True
    assert request_deletion(world.tools, signed())


# --- what is under way --------------------------------------------------------------------------------------


def test_without_accounts_there_is_no_summary() -> None:
    """Where nothing is left of a user's accounts, nothing says so either."""
    world = WholeWorld()
    request_deletion(world.tools, signed())
    assert world.store.read_summary(UID) == {}


def test_a_delivery_under_way_ends_its_post_and_the_record_goes_later() -> None:
    """What is being published when its account is forgotten is known while that may matter, and goes."""
    world = WholeWorld()

    def forgotten(_request: GraphRequest) -> GraphReply:
        request_deletion(world.tools, signed())
        return made("8")

    world.say(forgotten)
    assert world.deliver().media_id == "8"
    finish(world)
    assert (left(world), world.ledger.claims) == ([], {})


def sent_in_vain(world: WholeWorld) -> None:
    """Let a process die after it has sent a text."""
    world.say(made("8"))
    world.dies_at = Point.AFTER_PUBLISH_SENT
    with pytest.raises(Died):
        world.deliver()


def test_forgotten_and_connected_again_a_post_is_not_sent_twice() -> None:
    """A post that may be out is looked for before its key is used again: its record has stayed."""
    world = WholeWorld()
    sent_in_vain(world)
    world.clock.forward(seconds=10)
    request_deletion(world.tools, signed(issued_at=world.clock.now))
    world.clock.forward(seconds=10)
    world.store.join(ACCOUNT, at=world.clock.now)
    same = Submission(UID, TEXT, ACCOUNT, "key")
    with pytest.raises(InProgress):
        publish.publish(world.tools, UID, same, world.delivery())
    world.clock.now += LEASE
    world.say(listed("8"))
    assert publish.publish(world.tools, UID, same, world.delivery()).record.media_id == "8"
    assert world.calls == ["create_container", "list_posts"]


def test_while_the_delivery_goes_on_the_same_key_is_the_same_post() -> None:
    """Forgotten and connected again in the middle of a call, one request stays one post."""
    world = WholeWorld()
    same = Submission(UID, TEXT, ACCOUNT, "key")

    def during(_request: GraphRequest) -> GraphReply:
        request_deletion(world.tools, signed())
        world.clock.forward(seconds=10)
        world.store.join(ACCOUNT, at=world.clock.now)
        with pytest.raises(InProgress):
            publish.publish(world.tools, UID, same, world.delivery())
        return made("8")

    world.say(during)
    publish.publish(world.tools, UID, same, world.delivery())
    again = publish.publish(world.tools, UID, same, world.delivery())
    assert (again.record.media_id, world.calls) == ("8", ["create_container"])


def test_what_a_new_delivery_holds_is_waited_for() -> None:
    """An old post that its key has brought to a new connection is not taken from that delivery's hands."""
    world = WholeWorld()
    sent_in_vain(world)
    request_deletion(world.tools, signed())
    world.clock.now += SETTLES - timedelta(seconds=10)
    world.store.join(ACCOUNT, at=world.clock.now)
    [held] = left(world)
    world.ledger.write(held, held.record.claimed("new", world.clock.now))
    world.clock.forward(seconds=10)
    assert sweep(world) == {"running": 1}
    assert len(left(world)) == 1
    world.clock.now += LEASE + PAUSE
    assert sweep(world) == {"done": 1}
    assert left(world) == []


def before_commit(world: WholeWorld, act: Callable[[], object]) -> None:
    """Do something just before the ledger's next commit."""

    def once(_number: int) -> None:
        world.ledger.before_commit = lambda _number: None
        act()

    world.ledger.before_commit = once


def task_of_the_app(world: WholeWorld) -> None:
    """Let the app's own task bring a text with more letters than a post may have."""
    body = {
        "userId": UID,
        "postSubmissionId": "s",
        "request": {
            "post": {
                "content": {"text": "x" * 900, "platform": [{"platform": "threads", "accountId": ACCOUNT}]}
            }
        },
    }
    task = read_task_body(body, Counting.UTF8_BYTES)
    assert isinstance(task, Submission)
    publish.publish(world.tools, UID, task, world.delivery(by_task=True))


LATE: dict[str, Callable[[WholeWorld], object]] = {
    "published": lambda world: world.deliver(),
    "scheduled": lambda world: schedule(world, "k"),
    "refused": task_of_the_app,
}


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
def test_what_had_read_the_account_before_leaves_nothing(late: Callable[[WholeWorld], object]) -> None:
    """A record that is written after the account went is not forgotten to be forgotten."""
    world = WholeWorld()
    world.say(made("8"))
    before_commit(world, lambda: request_deletion(world.tools, signed()))
    late(world)
    assert len(left(world)) == 1
    finish(world)
    assert (left(world), world.ledger.claims) == ([], {})
    assert {task.name for task in world.tasks.created} == {*world.tasks.deleted}


def test_records_of_an_account_that_was_disconnected_before_go_too() -> None:
    """No account leads to them any more: they are found by its id, whoever's they are."""
    world = WholeWorld()
    world.store.join(ACCOUNT, "bob")
    world.say(made("8"))
    world.deliver()
    schedule(world, "later", "bob")
    for uid in (UID, "bob"):
        disconnect(world.tools, uid, ACCOUNT)
    assert len(left(world)) == 2
    request_deletion(world.tools, signed())
    finish(world)
    assert (left(world), world.ledger.claims) == ([], {})


def test_records_are_found_by_the_accounts_own_id_whichever_meta_names() -> None:
    """Meta may name another id than the one posts go by; that is kept once the account is gone."""
    world = WholeWorld()
    world.store.change(ACCOUNT, extra={"threadsUserId": "99"})
    sent_in_vain(world)
    request_deletion(world.tools, signed("99"))
    assert (len(left(world)), world.store.account_ids()) == (1, [])
    finish(world)
    assert left(world) == []


def test_many_posts_are_erased_in_pages() -> None:
    """However many records there are, and whatever state they are in, all of them go with their claims."""
    world = WholeWorld()
    record = new_record(ACCOUNT, TEXT.as_json(), NOW)
    for number in range(101):
        sent = record.sending(NOW)
        world.ledger.put(UID, str(number), sent.published(f"{number}", NOW) if number % 2 else sent)
        if number % 2:
            world.ledger.claims[str(number)] = (UID, str(number))
    request_deletion(world.tools, signed())
    assert len(left(world)) == 51
    finish(world)
    assert (left(world), world.ledger.claims) == ([], {})


def test_a_post_that_changes_meanwhile_is_erased_as_it_is_then() -> None:
    """A record that was published between being read and being erased goes with the claim it has got."""
    world = WholeWorld()
    sent_in_vain(world)
    request_deletion(world.tools, signed())
    [held] = left(world)
    before_commit(world, lambda: world.ledger.write(held, held.record.published("8", NOW), media_id="8"))
    world.clock.now += SETTLES
    assert sweep(world) == {"running": 1}
    world.clock.now += PAUSE
    assert sweep(world) == {"done": 1}
    assert (left(world), world.ledger.claims) == ([], {})


def test_one_record_that_changes_does_not_keep_its_page() -> None:
    """What others change all the time stays alone, and the deletion unfinished, until it rests."""
    world = WholeWorld()
    record = new_record(ACCOUNT, TEXT.as_json(), NOW).failed({}, NOW)
    for name in ("p", "q"):
        world.ledger.put(UID, name, record)
    world.ledger.before_commit = lambda _number: void(world.ledger.put(UID, "p", record))
    assert request_deletion(world.tools, signed()) == "running"
    world.clock.now += SETTLES
    assert sweep(world) == {"running": 1}
    assert [held.post_id for held in left(world)] == ["p"]
    world.ledger.before_commit = lambda _number: None
    world.clock.now += PAUSE
    assert sweep(world) == {"done": 1}
    assert left(world) == []


def void(_value: object) -> None:
    """Return nothing."""


def test_a_queue_in_trouble_does_not_hinder() -> None:
    """A task that cannot be deleted finds no post: the record goes all the same."""
    world = WholeWorld()
    schedule(world, "later")
    world.tasks.is_out_of_order = True
    request_deletion(world.tools, signed())
    assert left(world) == []


@pytest.mark.parametrize("code", ["", "unknown", "a/b", ".", "__x__", "x" * 2000, "\ud800"])
def test_a_code_that_nobody_got_is_not_found(code: str) -> None:
    """Only a code that was given out says anything."""
    with pytest.raises(DeletionNotFound):
        is_done(WholeWorld().tools.store, code)
