"""What Meta wants forgotten: for all users, whatever happens in between, and only what was there then."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.support import reply
from tests.unit.world import (
    ACCOUNT,
    NOW,
    TEXT,
    UID,
    Died,
    World,
    listed,
    made,
)
from threads.accounts.profile import read_profile_again
from threads.base.config import Counting
from threads.base.errors import DeletionNotFound, InProgress, ServiceUnavailable
from threads.connections.deletion import (
    ERASE_TIME,
    PAUSE,
    SETTLES,
    STATUS_LIFETIME,
    WAITS,
    finish_deletions,
    forget_user,
    is_done,
    request_deletion,
)
from threads.connections.disconnect import disconnect
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply, GraphRequest
from threads.graph.signed_request import SignedRequest
from threads.posts import repository
from threads.posts.ledger import LEASE, as_document, new_record
from threads.posts.repository import PostRepository, StoredPost
from threads.posts.submission import Submission, read_task_body
from threads.publishing import publish
from threads.publishing import schedule as later

TOMORROW = NOW + timedelta(days=1)
OTHER, CHANGED = "17841400000000000", "17841400000000009"
SIGNED_IN = f"threads:{ACCOUNT}"
CODE = "c0de"


def signed(user_id: str = ACCOUNT, issued_at: datetime = NOW, code: str = CODE) -> SignedRequest:
    """Return what Meta has signed."""
    return SignedRequest(user_id, issued_at, code)


def schedule(world: World, key: str, uid: str = UID, account_id: str = ACCOUNT) -> str:
    """Schedule a text for tomorrow; return the post's name."""
    wanted = Submission(uid, TEXT, account_id, key, scheduled_time=TOMORROW)
    return later.schedule(world.publishing, uid, wanted, world.delivery()).root.post_id


def sweep(world: World) -> dict[str, int]:
    """Sweep for a minute; return what came of the deletions that are due."""
    return dict(finish_deletions(world.connections, world.clock.now + timedelta(minutes=1)).outcomes)


def finish(world: World) -> None:
    """Let the time pass that a deletion waits for, and let a sweep finish it."""
    world.clock.now += SETTLES
    assert sweep(world) == {"done": 1}


def left(world: World) -> list[StoredPost]:
    """Return the records of the account, of all users."""
    return [post for page in world.posts.repository.pages_of(ACCOUNT) for post in page]


def deletion(world: World) -> dict[str, Any]:
    """Return the document of the deletion."""
    return world.database.fields(f"threadsDeletions/{CODE}") or {}


def join(world: World, account_id: str = ACCOUNT, uid: str = UID) -> None:
    """Connect an account now, for the first time or again, in a window that is remembered.

    Another window is under way just then, to connect the same account once more.
    """
    now = world.clock()
    world.connect(account_id, uid=uid, at=now)
    window = {"provider": "threads", "uid": uid, "createdAt": now}
    name = f"{uid}-{account_id}-{now.timestamp()}"
    ended = {"status": "connected", "accountId": account_id, "profile": {"username": "ada"}}
    world.database.put(f"oauthStates/{name}", {**window, "outcome": ended})
    world.database.put(f"threadsPendingConnections/{name}", {**window, "account": {"id": account_id}})


def windows(world: World) -> list[tuple[str, datetime]]:
    """Return the accounts that windows have ended with, or are to end with, and when these were opened."""
    everything = world.everything()
    ended = [fields for path, fields in everything.items() if path.startswith("oauthStates/")]
    waiting = [fields for path, fields in everything.items() if path.startswith("threadsPendingConnections/")]
    return [
        *((fields["outcome"]["accountId"], fields["createdAt"]) for fields in ended),
        *((fields["account"]["id"], fields["createdAt"]) for fields in waiting),
    ]


def full() -> World:
    """Return a world in which two users have connected the account and used it, and one another one, too."""
    world = World(SIGN_IN="on")
    join(world)
    join(world, ACCOUNT, "bob")
    join(world, OTHER, "bob")
    world.users.saved[SIGNED_IN] = ("Ada", "https://cdn.example/ada.jpg")
    world.say(made("8"))
    world.deliver()
    for uid in (UID, "bob"):
        schedule(world, "later", uid)
    schedule(world, "theirs", "bob", OTHER)
    return world


def check_forgotten(world: World) -> None:
    """Check that nothing of the account is left, and everything of the other one."""
    assert (world.account_ids(), world.account_ids("bob")) == ([], [OTHER])
    theirs = world.summary("bob") or {}
    assert (world.summary(), [*theirs["accounts"]], theirs["defaultAccountId"]) == (None, [OTHER], OTHER)
    assert windows(world) == [(OTHER, NOW)] * 2
    assert world.claims == {}
    assert left(world) == []
    assert len(world.posts.repository.find("bob", OTHER, limit=9)) == 1
    assert world.users.saved == {}
    assert len({*world.tasks.deleted}) == 2


def test_an_account_is_forgotten_for_every_user() -> None:
    """Token, card, posts, claims, windows, tasks, user go, for all who connected it; other accounts stay."""
    world = full()
    assert request_deletion(world.connections, signed()) == "running"
    check_forgotten(world)
    assert not is_done(world.connections, CODE)
    finish(world)
    check_forgotten(world)
    assert is_done(world.connections, CODE)


def test_what_was_scheduled_is_never_published() -> None:
    """A task whose deletion came too late finds no post, and Threads is not called."""
    world = full()
    [task, *_] = world.tasks.created
    request_deletion(world.connections, signed())
    world.clock.now = TOMORROW
    calls = len(world.calls)
    with pytest.raises(InProgress):
        publish.deliver_task(world.publishing, task.uid, task.post_id, world.delivery(by_task=True))
    assert len(world.calls) == calls


def test_an_account_is_found_by_either_id() -> None:
    """Which of an account's two ids Meta sends is not certain: each finds it."""
    for user_id in (ACCOUNT, "99"):
        world = World(SIGN_IN="on")
        world.connect(ACCOUNT, threads_user_id="99")
        world.users.saved[SIGNED_IN] = ("Ada", None)
        request_deletion(world.connections, signed(user_id))
        assert (world.account_ids(), world.users.saved) == ([], {})


def test_a_person_is_found_by_the_id_that_threads_has_changed() -> None:
    """A refresh learns of the new one, and Meta may name it: what has the old one is found by it, for all."""
    world = full()
    world.graph.always[Step.READ_PROFILE] = reply(200, {"id": CHANGED, "username": "ada"})
    granted = {"is_valid": True, "scopes": ["threads_basic"], "user_id": ACCOUNT}
    world.graph.always[Step.READ_GRANTS] = reply(200, {"data": granted})
    for uid in (UID, "bob"):
        read_profile_again(world.accounts, world.account(uid=uid))
    request_deletion(world.connections, signed(CHANGED))
    finish(world)
    check_forgotten(world)


def test_a_deletion_is_written_down_and_told() -> None:
    """It is on record before anything is deleted. In the end it says that it was done, and not for whom.

    Until then it does not expire, and keeps the ids to which nothing else leads any more.
    """
    world = full()
    world.dies_before_commit(2)
    with pytest.raises(Died):
        request_deletion(world.connections, signed())
    written = {"state": "running", "userId": ACCOUNT, "issuedAt": NOW, "requestedAt": NOW}
    assert deletion(world) == {**written, "dueAt": NOW + PAUSE}
    world.clock.now += PAUSE
    assert sweep(world) == {"running": 1}
    due_at = world.clock.now + SETTLES
    kept = {"accountIds": [ACCOUNT], "dueAt": due_at, "settlesAt": due_at}
    assert deletion(world) == written | kept
    assert not is_done(world.connections, CODE)
    finish(world)
    assert is_done(world.connections, CODE)
    assert deletion(world) == {
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
        request_deletion(world.connections, signed())
        world.clock.now += SETTLES
        sweep(world)
    except Died:
        if number == 1:  # nothing is on record: Meta was not answered, and asks again
            request_deletion(world.connections, signed())
        for _ in range(2):
            world.clock.now += SETTLES + PAUSE
            sweep(world)
    else:
        assert number > 13, "fewer commits than there are things to delete"
    check_forgotten(world)
    assert is_done(world.connections, CODE)


def test_trouble_is_left_to_the_sweep() -> None:
    """Once it is on record Meta is told so, whatever fails then; a later sweep does the rest, and is told."""
    world = full()
    world.users.is_out_of_order = True
    assert request_deletion(world.connections, signed()) == "service_unavailable"
    assert sweep(world) == {}
    world.clock.now += PAUSE
    assert sweep(world) == {"service_unavailable": 1}
    world.users.is_out_of_order = False
    world.clock.now += PAUSE
    assert sweep(world) == {"running": 1}
    finish(world)
    check_forgotten(world)
    assert sweep(world) == {}


def running(world: World, code: str, user_id: str | None, **fields: object) -> None:
    """Write down a deletion that has not begun; a field that is None is not there."""
    written = {
        "state": "running",
        "userId": user_id,
        "issuedAt": NOW,
        "requestedAt": NOW,
        "dueAt": NOW,
        **fields,
    }
    kept = {name: value for name, value in written.items() if value is not None}
    world.database.put(f"threadsDeletions/{code}", kept)


def never_rests(world: World) -> None:
    """Let another writer change the account before each commit."""

    def always(number: int) -> None:
        if world.has_account():
            world.change_account(refreshAt=NOW + timedelta(seconds=number))

    world.wire.before_commit = always


def test_deletions_that_fail_do_not_keep_others_waiting() -> None:
    """However many fail again and again, each of the others has its turn in the same sweep."""
    world = World()
    world.connect(OTHER)
    for number in range(150):
        running(world, f"a{number:03}", ACCOUNT, dueAt=NOW - timedelta(days=1))
    running(world, "z", OTHER)
    never_rests(world)
    assert sweep(world) == {"service_unavailable": 150, "running": 1}
    assert world.account_ids() == [ACCOUNT]


def test_a_sweep_goes_on_where_the_last_one_had_no_time_left() -> None:
    """Each sweep tries one deletion at least, and one that was tried comes last the next time."""
    world = World(SIGN_IN="on")
    for number in ("1", "2", "3"):
        running(world, number, number)
    world.users.is_out_of_order = True
    tried: list[str] = []
    for _ in range(5):
        world.clock.now += PAUSE
        assert finish_deletions(world.connections, world.clock.now).outcomes == {"service_unavailable": 1}
        due_at = world.clock.now + PAUSE
        paths = world.database.paths("threadsDeletions/")
        tried += [path[-1] for path in paths if (world.database.fields(path) or {})["dueAt"] == due_at]
    assert tried == ["1", "2", "3", "1", "2"]


def test_an_odd_deletion_is_not_the_others_trouble() -> None:
    """A document that makes no sense is counted by what went wrong with it, and the next one is done."""
    world = World()
    running(world, "a", ACCOUNT, issuedAt=datetime.max.replace(tzinfo=UTC))
    running(world, "b", ACCOUNT, issuedAt=None)
    running(world, "c", ACCOUNT, accountIds=5)
    running(world, "d", None)
    running(world, "e", "4711", state=None)
    running(world, "f", "4711")
    wrong = {"internal OverflowError": 1, "internal TypeError": 2, "internal ValueError": 1}
    assert sweep(world) == {**wrong, "running": 2}
    assert world.account_ids() == [ACCOUNT]


def test_much_is_erased_in_many_sweeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A deletion that there is no time for goes on with what is left, until nothing is."""
    world = World()
    record = new_record(ACCOUNT, TEXT, NOW).failed({}, NOW)
    for number in range(100):
        world.put_post(f"{number:03}", record)
    monkeypatch.setattr(repository, "PAGE", 10)
    before_erasing(monkeypatch, lambda: world.clock.forward(seconds=15))
    assert request_deletion(world.connections, signed()) == "running"
    assert len(left(world)) == 80
    world.clock.now += SETTLES
    assert sweep(world) == {"running": 1}
    assert len(left(world)) == 40
    world.clock.now += PAUSE
    sweep(world)
    world.clock.now += PAUSE
    assert sweep(world) == {"done": 1}
    assert left(world) == []


def before_erasing(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do something each time that records have been read and are about to be erased."""
    erase = PostRepository.erase

    def act_and_erase(posts: PostRepository, meant: Sequence[StoredPost]) -> bool:
        act()
        return erase(posts, meant)

    monkeypatch.setattr(PostRepository, "erase", act_and_erase)


def test_what_cannot_be_written_down_is_not_promised() -> None:
    """Where Firestore fails at once, Meta hears it, and nothing is deleted."""
    world = full()
    world.wire.fails = 1
    with pytest.raises(ServiceUnavailable):
        request_deletion(world.connections, signed())
    assert world.account_ids() == [ACCOUNT]


def test_an_unknown_account_is_answered_like_any_other() -> None:
    """The answer does not tell whether a person has an account here."""
    world = World()
    assert request_deletion(world.connections, signed("12345")) == request_deletion(
        full().connections, signed()
    )
    finish(world)
    assert is_done(world.connections, CODE)
    assert world.account_ids() == [ACCOUNT]


def test_a_repeated_request_changes_nothing() -> None:
    """Sent again, in any order, it is answered the same, and finds nothing to do."""
    world = full()
    for code in (CODE, CODE, "other"):
        assert request_deletion(world.connections, signed(code=code)) == "running"
    world.clock.now += SETTLES
    assert sweep(world) == {"done": 2}
    assert request_deletion(world.connections, signed()) == "done"
    check_forgotten(world)


AGAIN: dict[str, Callable[[World], object]] = {
    "the same request": lambda world: request_deletion(world.connections, signed()),
    "another one, issued then": lambda world: request_deletion(world.connections, signed(code="another")),
    "the sweep": sweep,
}


@pytest.mark.parametrize("again", AGAIN.values(), ids=AGAIN)
@pytest.mark.parametrize("waited", [timedelta(seconds=10), SETTLES + timedelta(hours=1)])
def test_a_later_connection_is_not_what_an_old_request_is_about(
    again: Callable[[World], object], waited: timedelta
) -> None:
    """A request that comes again does nothing to an account that was connected after it, or to its user."""
    world = full()
    request_deletion(world.connections, signed())
    world.clock.now += waited
    join(world, ACCOUNT, SIGNED_IN)
    world.users.saved[SIGNED_IN] = ("Ada", None)
    name = schedule(world, "new", SIGNED_IN)
    again(world)
    world.clock.now += SETTLES
    sweep(world)
    assert world.account(ACCOUNT, SIGNED_IN).is_active
    assert world.post(name, SIGNED_IN)
    assert world.users.saved == {SIGNED_IN: ("Ada", None)}


def test_a_late_notice_is_not_about_a_reconnection() -> None:
    """A person who removes the app and connects the account again, before Meta says so, keeps all of it."""
    world = World(SIGN_IN="on")
    for uid in (UID, SIGNED_IN):
        join(world, ACCOUNT, uid)
    world.users.saved[SIGNED_IN] = ("Ada", None)
    world.clock.forward(seconds=3600)
    removed_at = world.clock.now
    world.clock.forward(seconds=60)
    for uid in (UID, SIGNED_IN):
        join(world, ACCOUNT, uid)
    name = schedule(world, "new")
    assert world.account().fields["createdAt"] == NOW
    request_deletion(world.connections, signed(issued_at=removed_at))
    finish(world)
    assert world.account().is_active
    assert world.account(ACCOUNT, SIGNED_IN).is_active
    assert [post.post_id for post in left(world)] == [name]
    assert windows(world) == [(ACCOUNT, NOW + timedelta(seconds=3660))] * 4
    assert world.users.saved == {SIGNED_IN: ("Ada", None)}


@pytest.mark.parametrize("number", range(1, 12))
def test_who_connects_again_while_it_is_forgotten_keeps_the_new_connection(number: int) -> None:
    """Before any commit of the deletion: account, card and what is scheduled then stay."""
    world = World()
    name = schedule(world, "old")
    world.clock.forward(seconds=10)
    scheduled: list[str] = []

    def connect_again() -> None:
        world.connect(ACCOUNT, at=world.clock.now)
        scheduled.append(schedule(world, "new"))

    world.comes_between(connect_again, number)
    request_deletion(world.connections, signed())
    for _ in range(2):
        world.clock.now += SETTLES + PAUSE
        sweep(world)
    if not scheduled:
        assert number > 9, "fewer commits than there are things to delete"
        return
    assert world.account().is_active
    assert world.card()["status"] == "active"
    assert [post.post_id for post in left(world)] == scheduled != [name]
    assert is_done(world.connections, CODE)


def test_an_account_without_a_moment_of_its_connection_goes_by_its_first_one() -> None:
    """A document that is older than this field says at least since when it is there."""
    for created_at, is_kept in ((NOW, False), (NOW + timedelta(minutes=1), True), (None, False)):
        world = World()
        world.clock.forward(seconds=120)
        world.change_account(connectedAt=None, createdAt=created_at)
        request_deletion(world.connections, signed())
        assert (world.account_ids() == [ACCOUNT]) is is_kept


def test_clocks_that_are_a_little_apart_do_no_harm() -> None:
    """An account that was connected in the second of the request, by another clock, is forgotten."""
    world = World()
    request_deletion(world.connections, signed(issued_at=NOW - timedelta(seconds=3)))
    assert world.account_ids() == []


def test_a_user_with_other_accounts_stays_without_a_name() -> None:
    """A user who signs in with Threads keeps other accounts, and loses name and picture."""
    world = World(SIGN_IN="on")
    world.connect(ACCOUNT, uid=SIGNED_IN)
    world.connect(OTHER, uid=SIGNED_IN)
    world.users.saved[SIGNED_IN] = ("Ada", "https://cdn.example/ada.jpg")
    request_deletion(world.connections, signed())
    assert world.users.saved == {SIGNED_IN: ("", None)}
    assert world.account_ids(SIGNED_IN) == [OTHER]


def test_a_user_who_had_disconnected_the_account_is_forgotten_too() -> None:
    """The user of the app is found by name, whether or not the account is still there."""
    world = World(SIGN_IN="on")
    world.users.saved[SIGNED_IN] = ("Ada", None)
    world.delete_account()
    request_deletion(world.connections, signed())
    assert world.users.saved == {}


def test_without_sign_in_firebase_is_not_asked() -> None:
    """Without sign-in with Threads, the users of the app are its own business."""
    world = World()
    world.users.is_out_of_order = True
    assert request_deletion(world.connections, signed())


# --- what a client has written ------------------------------------------------------------------------------

ATTACKER, HERS = "mallory", "17841466666666666"


def plant(world: World, account_id: str = ACCOUNT, **fields: Any) -> None:
    """Write an account's document as a client does whose app lets users write below their own path."""
    path = f"users/{ATTACKER}/integrations/threads/accounts/{account_id}"
    world.database.put(path, {"extra": {"threadsUserId": HERS}, **fields})


PLANTED: list[dict[str, Any]] = [
    {},
    {"accountId": HERS},
    {"profile": {"platformId": HERS}},
    {"accountId": ACCOUNT, "accessToken": "k1:AAAA", "sealedThreadsUserId": "k1:AAAA"},
    {"accessToken": 5, "sealedThreadsUserId": {"a": 1}, "connectedAt": "soon", "status": []},
]


@pytest.mark.parametrize("fields", PLANTED, ids=range(len(PLANTED)))
def test_an_id_that_a_client_has_written_forgets_nobody_else(fields: dict[str, Any]) -> None:
    """Who writes another's account id beside her own id, and asks Meta to be forgotten, is: nobody else."""
    world = full()
    world.connect(HERS, uid=ATTACKER)
    plant(world, **fields)
    mine = {path: it for path, it in world.everything().items() if ATTACKER not in path}
    request_deletion(world.connections, signed(HERS))
    finish(world)
    assert {path: it for path, it in world.everything().items() if path in mine} == mine
    assert world.users.saved
    assert world.account_ids(ATTACKER) == []
    assert world.tasks.deleted == []


def test_seals_that_a_client_has_copied_prove_nothing() -> None:
    """She has read another's seals, or has her own: at another place, none of them opens."""
    for uid, account_id in ((ATTACKER, HERS), (UID, ACCOUNT)):
        world = full()
        world.connect(HERS, uid=ATTACKER)
        copied = world.account(account_id, uid).fields
        plant(world, **{name: copied[name] for name in ("accessToken", "sealedThreadsUserId")})
        request_deletion(world.connections, signed(HERS))
        finish(world)
        assert world.account_ids() == [ACCOUNT]
        assert len(left(world)) == 3


def test_an_account_counts_for_all_only_if_threads_has_said_its_id() -> None:
    """A client chooses a document's place, and may get the service to seal what it writes there."""
    world = full()
    world.connect(ACCOUNT, uid=ATTACKER, threads_user_id=HERS)
    world.change_account(uid=ATTACKER, sealedThreadsUserId=world.vault.seal_ids({HERS}, ATTACKER, ACCOUNT))
    for uid in (ATTACKER, "bob"):
        world.put_post("planted", new_record(ACCOUNT, TEXT, NOW).failed({}, NOW), uid)
    mine = {path: it for path, it in world.everything().items() if ATTACKER not in path}
    request_deletion(world.connections, signed(HERS))
    finish(world)
    assert {path: it for path, it in world.everything().items() if path in mine} == mine
    assert world.users.saved
    assert (world.account_ids(ATTACKER), world.post("planted", ATTACKER)) == ([], None)


def test_a_record_that_a_client_has_written_takes_no_claim_away() -> None:
    """The claim of another's post stays, although a record that names its media id is erased."""
    world = full()
    record = new_record(HERS, TEXT, NOW).sending(NOW).published("8", NOW)
    world.put_post("p", record, ATTACKER)
    request_deletion(world.connections, signed(HERS))
    finish(world)
    assert world.post("p", ATTACKER) is None
    assert world.claims.keys() == {"8"}
    request_deletion(world.connections, signed(code="other"))
    world.clock.now += SETTLES
    sweep(world)
    assert world.claims == {}


def test_thousands_of_planted_documents_do_not_keep_a_person_from_being_forgotten() -> None:
    """Those of the person go first. The others go as far as there is time, and are waited for a day."""
    world = full()
    for number in range(1000):
        plant(world, str(number), extra={"threadsUserId": ACCOUNT}, accountId=ACCOUNT)
    world.wire.before_commit = lambda _number: world.clock.forward(seconds=1)
    request_deletion(world.connections, signed())
    check_forgotten(world)
    world.clock.now += SETTLES
    assert sweep(world) == {"running": 1}
    world.clock.now += WAITS
    assert sweep(world) == {"done": 1}
    check_forgotten(world)
    assert len(world.account_ids(ATTACKER)) > 800


@pytest.mark.parametrize("fails", [False, True])
def test_slow_documents_keep_no_person_from_being_forgotten(*, fails: bool) -> None:
    """Meta is answered in time, the person's own come first, and the rest is waited for a day at most."""
    world = full()
    for number in range(40):
        plant(world, str(number), extra={"threadsUserId": ACCOUNT}, accountId=ACCOUNT)

    world.reads_slowly(lambda path: f"{ATTACKER}/" in path, 3, fails=fails)
    request_deletion(world.connections, signed())
    assert world.clock.now - NOW < ERASE_TIME + timedelta(seconds=10)
    check_forgotten(world)
    world.clock.now += SETTLES
    assert sweep(world) == {"running": 1}
    world.clock.now += WAITS
    assert sweep(world) == {"done": 1}
    check_forgotten(world)


@pytest.mark.parametrize("fails", [False, True])
def test_no_number_of_slow_users_keeps_a_person_from_being_forgotten(*, fails: bool) -> None:
    """Each try goes on where the last one had no time left, until all have been looked at."""
    world = full()
    slow = [f"users/a{number}/integrations/threads/accounts/{ACCOUNT}" for number in range(60)]
    for path in slow:
        world.database.put(path, {"accountId": ACCOUNT, "extra": {"threadsUserId": ACCOUNT}})

    world.reads_slowly(slow.__contains__, 30, fails=fails)
    request_deletion(world.connections, signed())
    world.clock.now += SETTLES
    for _ in range(40):
        sweep(world)
        world.clock.forward(seconds=3600)
    check_forgotten(world)
    assert deletion(world)["state"] == "done"


def odd_records(world: World) -> None:
    """Write records that name the account: of an unknown state, leased or open for ever, and not records."""
    path = f"users/{ATTACKER}/integrations/threads/posts"
    never = datetime(9999, 1, 1, tzinfo=UTC)
    good = as_document(new_record(ACCOUNT, TEXT, NOW))
    world.database.put(f"{path}/state", good | {"state": "UNHEARD_OF"})
    world.database.put(f"{path}/lease", good | {"owner": "x", "leaseUntil": never})
    world.database.put(f"{path}/open", good | {"state": "SENT", "ambiguous": True, "settlesAt": never})
    world.database.put(f"{path}/moments", good | {"createdAt": "x", "owner": "x", "leaseUntil": "y"})
    world.database.put(f"{path}/nothing", {"accountId": ACCOUNT})


def test_records_that_make_no_sense_are_passed_over_and_named() -> None:
    """A newer version may have written them, or a client: others go, and these, too, after a day."""
    world = full()
    odd_records(world)
    assert request_deletion(world.connections, signed()) == "running"
    assert {post.uid for post in left(world)} == {ATTACKER}
    world.clock.now += SETTLES
    done = finish_deletions(world.connections, world.clock.now + timedelta(minutes=1))
    assert done.outcomes == {"running": 1}
    assert [path.rpartition("/")[2] for path in done.passed_over] == ["nothing", "state"]
    world.clock.now += WAITS
    assert sweep(world) == {"done": 1}
    assert not [path for path in world.database.paths() if ATTACKER in path]


# --- what is under way --------------------------------------------------------------------------------------


def test_without_accounts_there_is_no_summary() -> None:
    """Where nothing is left of a user's accounts, nothing says so either."""
    world = World()
    request_deletion(world.connections, signed())
    assert world.summary() is None


def test_a_delivery_under_way_ends_its_post_and_the_record_goes_later() -> None:
    """What is being published when its account is forgotten is known while that may matter, and goes."""
    world = World()

    def forgotten(_request: GraphRequest) -> GraphReply:
        request_deletion(world.connections, signed())
        return made("8")

    world.say(forgotten)
    assert world.deliver().media_id == "8"
    finish(world)
    assert (left(world), world.claims) == ([], {})


def sent_in_vain(world: World) -> None:
    """Let a process die after it has sent a text."""
    world.say(made("8"))
    world.deaths.next = "after create_container"
    with pytest.raises(Died):
        world.deliver()


def test_forgotten_and_connected_again_a_post_is_not_sent_twice() -> None:
    """A post that may be out is looked for before its key is used again: its record has stayed."""
    world = World()
    sent_in_vain(world)
    world.clock.forward(seconds=10)
    request_deletion(world.connections, signed(issued_at=world.clock.now))
    world.clock.forward(seconds=10)
    world.connect(ACCOUNT, at=world.clock.now)
    same = Submission(UID, TEXT, ACCOUNT, "key")
    with pytest.raises(InProgress):
        publish.publish(world.publishing, UID, same, world.delivery())
    world.clock.now += LEASE
    world.say(listed("8"))
    assert publish.publish(world.publishing, UID, same, world.delivery()).root.record.media_id == "8"
    assert world.calls == ["create_container", "list_posts"]


def test_while_the_delivery_goes_on_the_same_key_is_the_same_post() -> None:
    """Forgotten and connected again in the middle of a call, one request stays one post."""
    world = World()
    same = Submission(UID, TEXT, ACCOUNT, "key")

    def during(_request: GraphRequest) -> GraphReply:
        request_deletion(world.connections, signed())
        world.clock.forward(seconds=10)
        world.connect(ACCOUNT, at=world.clock.now)
        with pytest.raises(InProgress):
            publish.publish(world.publishing, UID, same, world.delivery())
        return made("8")

    world.say(during)
    publish.publish(world.publishing, UID, same, world.delivery())
    again = publish.publish(world.publishing, UID, same, world.delivery())
    assert (again.root.record.media_id, world.calls) == ("8", ["create_container"])


def test_what_a_new_delivery_has_leased_is_waited_for() -> None:
    """An old post that its key has brought to a new connection is not taken from that delivery."""
    world = World()
    sent_in_vain(world)
    request_deletion(world.connections, signed())
    world.clock.now += SETTLES - timedelta(seconds=10)
    world.connect(ACCOUNT, at=world.clock.now)
    [post] = left(world)
    world.posts.repository.write(post, post.record.leased("new", world.clock.now))
    world.clock.forward(seconds=10)
    assert sweep(world) == {"running": 1}
    assert len(left(world)) == 1
    world.clock.now += LEASE + PAUSE
    assert sweep(world) == {"done": 1}
    assert left(world) == []


def task_of_the_app(world: World) -> None:
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
    publish.publish(world.publishing, UID, task, world.delivery(by_task=True))


LATE: dict[str, Callable[[World], object]] = {
    "published": lambda world: publish.publish(
        world.publishing, UID, Submission(UID, TEXT, ACCOUNT, "key"), world.delivery()
    ),
    "scheduled": lambda world: schedule(world, "k"),
    "refused": task_of_the_app,
}


@pytest.mark.parametrize("late", LATE.values(), ids=LATE)
def test_what_had_read_the_account_before_leaves_nothing(late: Callable[[World], object]) -> None:
    """A record that is written after the account went is erased by the sweep."""
    world = World()
    world.say(made("8"))
    world.comes_between(lambda: request_deletion(world.connections, signed()))
    late(world)
    assert len(left(world)) == 1
    finish(world)
    assert (left(world), world.claims) == ([], {})
    assert {task.name for task in world.tasks.created} == {*world.tasks.deleted}


def test_records_of_an_account_that_was_disconnected_before_go_too() -> None:
    """No account leads to them any more. They are found by its id, for all users."""
    world = World()
    world.connect(ACCOUNT, uid="bob")
    world.say(made("8"))
    world.deliver()
    schedule(world, "later", "bob")
    for uid in (UID, "bob"):
        disconnect(world.connections, uid, ACCOUNT)
    assert len(left(world)) == 2
    request_deletion(world.connections, signed())
    finish(world)
    assert (left(world), world.claims) == ([], {})


def test_records_are_found_by_the_accounts_own_id_whichever_meta_names() -> None:
    """Meta may name another id than the one posts go by; that is kept once the account is gone."""
    world = World()
    world.connect(ACCOUNT, threads_user_id="99")
    sent_in_vain(world)
    request_deletion(world.connections, signed("99"))
    assert (len(left(world)), world.account_ids()) == (1, [])
    finish(world)
    assert left(world) == []


def test_many_posts_are_erased_in_pages() -> None:
    """However many records there are, and whatever state they are in, all of them go with their claims."""
    world = World()
    sent = new_record(ACCOUNT, TEXT, NOW).sending(NOW)
    for number in range(101):
        name = str(number)
        world.put_post(name, sent.published(name, NOW) if number % 2 else sent)
        if number % 2:
            world.claim(name, name)
    request_deletion(world.connections, signed())
    assert len(left(world)) == 51
    finish(world)
    assert (left(world), world.claims) == ([], {})


def test_a_post_that_changes_meanwhile_is_erased_as_it_is_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that was published between being read and being erased goes with the claim it has got."""
    world = World()
    sent_in_vain(world)
    request_deletion(world.connections, signed())
    [post] = left(world)

    def publish_once() -> None:
        if not world.claims:
            world.posts.repository.write(post, post.record.published("8", NOW), media_id="8")

    before_erasing(monkeypatch, publish_once)
    world.clock.now += SETTLES
    assert sweep(world) == {"running": 1}
    assert (len(left(world)), len(world.claims)) == (1, 1)
    world.clock.now += PAUSE
    assert sweep(world) == {"done": 1}
    assert (left(world), world.claims) == ([], {})


def test_one_record_that_changes_does_not_keep_its_page() -> None:
    """A record that other writers change all the time stays alone, until it rests."""
    world = World()
    record = new_record(ACCOUNT, TEXT, NOW).failed({}, NOW)
    for name in ("p", "q"):
        world.put_post(name, record)

    def change(number: int) -> None:
        world.put_post("p", replace(record, updated_at=NOW + timedelta(seconds=number)))

    world.wire.before_commit = change
    assert request_deletion(world.connections, signed()) == "running"
    world.clock.now += SETTLES
    assert sweep(world) == {"running": 1}
    assert [post.post_id for post in left(world)] == ["p"]
    world.wire.before_commit = lambda _number: None
    world.clock.now += PAUSE
    assert sweep(world) == {"done": 1}
    assert left(world) == []


def test_a_queue_in_trouble_does_not_hinder() -> None:
    """A task that cannot be deleted finds no post, so the record goes nevertheless."""
    world = World()
    schedule(world, "later")
    world.tasks.is_out_of_order = True
    request_deletion(world.connections, signed())
    assert left(world) == []


@pytest.mark.parametrize("code", ["", "unknown", "a/b", ".", "__x__", "x" * 2000, "\ud800"])
def test_a_code_that_nobody_got_is_not_found(code: str) -> None:
    """Only a code that was given out says anything."""
    with pytest.raises(DeletionNotFound):
        is_done(World().connections, code)


# --- a user of the app --------------------------------------------------------------------------------------


def test_a_user_is_forgotten_with_all_that_is_theirs() -> None:
    """All accounts, records, claims, windows and tasks of one user go, and nothing of another's."""
    world = full()
    forget_user(world.connections, "bob")
    assert (world.account_ids("bob"), world.summary("bob")) == ([], None)
    assert [*world.posts.repository.pages_of_user("bob")] == []
    assert world.account_ids() == [ACCOUNT]
    assert windows(world) == [(ACCOUNT, NOW)] * 2
    assert [post.uid for post in left(world)] == [UID] * 2
    assert world.claims.keys() == {"8"}
    assert len({*world.tasks.deleted}) == 2
    assert world.users.saved
    finish(world)
    assert not [text for text in map(str, world.everything().values()) if "bob" in text]


def test_a_forgotten_users_post_under_way_goes_later() -> None:
    """A record whose post may still be published is what prevents a second one, so it stays until then."""
    world = World()
    world.put_post("p", new_record(ACCOUNT, TEXT, NOW).leased("other", NOW))
    code = forget_user(world.connections, UID)
    assert world.post("p")
    assert not is_done(world.connections, code)
    finish(world)
    assert world.post("p") is None
    assert is_done(world.connections, code)


def test_records_of_accounts_that_were_disconnected_before_go_with_their_user() -> None:
    """The user's history is the user's, whichever account it was published with."""
    world = World()
    world.say(made("8"))
    world.deliver()
    disconnect(world.connections, UID, ACCOUNT)
    forget_user(world.connections, UID)
    assert [*world.posts.repository.pages_of_user(UID)] == []
    assert world.claims == {}


@pytest.mark.parametrize("number", range(2, 7))
def test_wherever_forgetting_a_user_dies_it_is_finished(number: int) -> None:
    """Once it is written down, a sweep does the rest."""
    world = full()
    world.dies_before_commit(number)
    with suppress(Died):
        forget_user(world.connections, "bob")
    for _ in range(2):
        world.clock.now += SETTLES
        sweep(world)
    assert (world.account_ids("bob"), world.account_ids()) == ([], [ACCOUNT])
    assert [*world.posts.repository.pages_of_user("bob")] == []


def test_a_user_who_connects_again_keeps_that() -> None:
    """Forgetting is about what was there before."""
    world = World()
    schedule(world, "before")
    forget_user(world.connections, UID)
    world.clock.forward(seconds=3600)
    join(world)
    kept = schedule(world, "after")
    finish(world)
    assert world.account_ids() == [ACCOUNT]
    assert [post.post_id for page in world.posts.repository.pages_of_user(UID) for post in page] == [kept]
