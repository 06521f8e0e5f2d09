"""What Meta wants forgotten: for all users, whatever happens in between, and only what was there then."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from tests.unit.fakes import ACCOUNT, NOW, TEXT, UID, Died, made
from tests.unit.whole_store import WholeWorld
from threads import publish
from threads.disconnect import PAGE
from threads.errors import DeletionNotFound, InProgress, ServiceUnavailable
from threads.forget import STATUS_LIFETIME, finish_deletions, forget, is_done, request_deletion
from threads.ledger import Point, State, new_record
from threads.posts import Submission
from threads.signed_request import SignedRequest

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
    assert world.store.outcomes == [OTHER]
    assert world.ledger.claims == {}
    assert world.ledger.find(UID, ACCOUNT, limit=9) == world.ledger.find("bob", ACCOUNT, limit=9) == []
    assert len(world.ledger.find("bob", OTHER, limit=9)) == 1
    assert world.users.saved == {}
    assert len(world.tasks.deleted) == 2


def test_an_account_is_forgotten_for_every_user() -> None:
    """Token, card, posts, claims, outcomes, tasks, user go, for all who connected it; other accounts stay."""
    world = full()
    assert request_deletion(world.tools, signed())
    check_forgotten(world)


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
    """It is on record before anything is deleted, and afterwards says that it was done, and not for whom."""
    world = full()
    world.dies_before_commit(2)
    with pytest.raises(Died):
        request_deletion(world.tools, signed())
    assert world.store.deletions[CODE] == {
        "state": "running",
        "userId": ACCOUNT,
        "issuedAt": NOW,
        "requestedAt": NOW,
        "expiresAt": NOW + STATUS_LIFETIME,
    }
    assert not is_done(world.tools.store, CODE)
    world.clock.forward(seconds=60)
    assert finish_deletions(world.tools) == 1
    assert is_done(world.tools.store, CODE)
    done = world.store.deletions[CODE]
    assert (done["completedAt"], "userId" in done) == (world.clock.now, False)
    assert ACCOUNT not in str(done)


@pytest.mark.parametrize("number", range(1, 40))
def test_wherever_it_dies_it_is_finished(number: int) -> None:
    """A process that dies before any commit leaves what the sweep, or Meta's repetition, finishes."""
    world = full()
    world.dies_before_commit(number)
    try:
        request_deletion(world.tools, signed())
    except Died:
        if number == 1:  # nothing is on record: Meta was not answered, and asks again
            request_deletion(world.tools, signed())
        else:
            assert finish_deletions(world.tools) == 1
    else:
        assert number > 10, "fewer commits than there are things to delete"
    check_forgotten(world)
    assert is_done(world.tools.store, CODE)


def test_trouble_is_left_to_the_sweep() -> None:
    """Once it is on record Meta is told so, whatever fails then; the next sweep does the rest."""
    world = full()
    world.users.is_out_of_order = True
    assert not request_deletion(world.tools, signed())
    assert finish_deletions(world.tools) == 0
    world.users.is_out_of_order = False
    assert finish_deletions(world.tools) == 1
    check_forgotten(world)
    assert finish_deletions(world.tools) == 0


def test_one_deletions_trouble_is_not_the_others() -> None:
    """A deletion that fails again does not keep the sweep from the next one."""
    world = WholeWorld()
    world.store.join(OTHER)
    for code, user_id in (("a", ACCOUNT), ("b", OTHER)):
        fields = {"state": "running", "userId": user_id, "issuedAt": NOW}
        world.store.create_deletion(code, fields)

    def always(number: int) -> None:
        if world.store.account_ids() and ACCOUNT in world.store.account_ids():
            world.store.change(ACCOUNT, refreshAt=NOW + timedelta(seconds=number))

    world.store.before_commit = always
    assert finish_deletions(world.tools) == 1
    assert world.store.account_ids() == [ACCOUNT]


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
    assert request_deletion(world.tools, signed("12345"))
    assert is_done(world.tools.store, CODE)
    assert world.store.account_ids() == [ACCOUNT]


def test_a_repeated_request_changes_nothing() -> None:
    """Sent again, in any order, it is answered the same, and finds nothing to do."""
    world = full()
    for code in (CODE, CODE, "other"):
        assert request_deletion(world.tools, signed(code=code))
    check_forgotten(world)


AGAIN: list[Callable[[WholeWorld], object]] = [
    lambda world: request_deletion(world.tools, signed()),
    lambda world: request_deletion(world.tools, signed(code="another")),
    lambda world: forget(world.tools, ACCOUNT, NOW),
]


@pytest.mark.parametrize("again", AGAIN, ids=range(len(AGAIN)))
def test_a_later_connection_is_not_what_an_old_request_is_about(
    again: Callable[[WholeWorld], object],
) -> None:
    """A request that comes again does nothing to an account that was connected after it, or to its user."""
    world = full()
    request_deletion(world.tools, signed())
    world.clock.forward(seconds=3600)
    world.store.join(ACCOUNT, SIGNED_IN, at=world.clock.now)
    world.users.saved[SIGNED_IN] = ("Ada", None)
    name = schedule(world, "new", SIGNED_IN)
    again(world)
    assert world.store.fields(ACCOUNT, SIGNED_IN)["status"] == "active"
    assert world.ledger.read(SIGNED_IN, name)
    assert world.users.saved == {SIGNED_IN: ("Ada", None)}


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


def test_a_delivery_under_way_finds_its_record_gone_and_stops() -> None:
    """What is being published when its account is forgotten leaves no record behind."""
    world = WholeWorld()

    def forgotten(_request: object) -> object:
        request_deletion(world.tools, signed())
        return made("8")

    world.say(forgotten)  # type: ignore[arg-type]
    with pytest.raises(InProgress):
        world.deliver()
    assert world.ledger.find(UID, ACCOUNT, limit=9) == []
    assert world.ledger.claims == {}


def test_many_posts_are_erased_in_pages() -> None:
    """However many records there are, and whatever state they are in, all of them go with their claims."""
    world = WholeWorld()
    record = new_record(ACCOUNT, TEXT.as_json(), NOW)
    for number in range(2 * PAGE + 1):
        sent = record.sending(NOW)
        world.ledger.put(UID, str(number), sent.published(f"{number}", NOW) if number % 2 else sent)
        world.ledger.claims[str(number)] = (UID, str(number))
    world.ledger.claims = {name: it for name, it in world.ledger.claims.items() if int(name) % 2}
    request_deletion(world.tools, signed())
    assert world.ledger.find(UID, ACCOUNT, limit=9999) == []
    assert world.ledger.claims == {}


def test_a_post_that_changes_meanwhile_is_erased_as_it_is_then() -> None:
    """A record that was published between being read and being erased goes with the claim it has got."""
    world = WholeWorld()
    world.dies_at = Point.INTENT_WRITTEN
    with pytest.raises(Died):
        world.deliver()
    [held] = world.ledger.find(UID, ACCOUNT, limit=9)
    assert held.record.state is State.SENT

    def published(_number: int) -> None:
        world.ledger.before_commit = lambda _number: None
        world.ledger.write(held, held.record.published("8", NOW), media_id="8")

    world.ledger.before_commit = published
    request_deletion(world.tools, signed())
    assert world.ledger.find(UID, ACCOUNT, limit=9) == []
    assert world.ledger.claims == {}


def test_a_post_that_never_rests_is_left_to_the_sweep() -> None:
    """Where a record changes again and again, the deletion stays unfinished, and the account where it was."""
    world = WholeWorld()
    record = new_record(ACCOUNT, TEXT.as_json(), NOW).sending(NOW)
    world.ledger.put(UID, "p", record)

    def again(_number: int) -> None:
        world.ledger.put(UID, "p", record)

    world.ledger.before_commit = again
    assert not request_deletion(world.tools, signed())
    assert world.store.account_ids() == [ACCOUNT]
    world.ledger.before_commit = lambda _number: None
    assert finish_deletions(world.tools) == 1
    assert world.store.account_ids() == []


@pytest.mark.parametrize("code", ["", "unknown", "a/b", ".", "__x__", "x" * 2000, "\ud800"])
def test_a_code_that_nobody_got_is_not_found(code: str) -> None:
    """Only a code that was given out says anything."""
    with pytest.raises(DeletionNotFound):
        is_done(WholeWorld().tools.store, code)
