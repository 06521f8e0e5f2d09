"""States, pending connections and deletions in Firestore: used once, in one commit, and never mixed up."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.windows import ASKED, CHALLENGE, Windows
from tests.unit.world import ACCOUNT, NOW, UID, World
from threads.accounts.account import StoredAccount
from threads.accounts.connection import ConnectionChange
from threads.accounts.summary import StoredSummary
from threads.base.errors import InvalidHandle, InvalidState, ServiceUnavailable
from threads.connections.repository import DELETE_PAGE, ConnectionRepository, T
from threads.connections.states import (
    CANCELLED,
    CONNECT,
    CONNECTED,
    DONE,
    FAILED,
    PENDING,
    RUNNING,
    SIGN_IN,
    USED_LIFETIME,
    Asked,
    Deletion,
    End,
    ExpectedAccount,
    OAuthState,
    PendingConnection,
    Use,
    Used,
    UsedUp,
)

LATER = NOW + timedelta(minutes=5)
STATE = OAuthState("state", Asked(CONNECT, UID, tuple(ASKED)), "https://app.example/", True, LATER)
WAITING = PendingConnection("pending", STATE.asked, "k1:sealed", LATER)
WELL = End(CONNECTED, "17", {"username": "ada"}, ("threads_delete",))


def repository(world: World) -> ConnectionRepository:
    """Return the repository."""
    return world.connections.repository


def begun(world: World, state: OAuthState = STATE) -> OAuthState:
    """Write a state, and return it as it is read."""
    repository(world).create_state(state, NOW)
    return state_of(world, state.state)


def state_of(world: World, name: str = STATE.state) -> OAuthState:
    """Read a state that is there."""
    found = repository(world).read_state(name)
    assert found
    return found


def waiting(world: World, new: PendingConnection = WAITING) -> PendingConnection:
    """Write a pending connection, and return it as it is read."""
    state = begun(world, replace(STATE, state=f"of {new.pending_id}", asked=new.asked))
    assert repository(world).make_pending(state, new, NOW)
    return pending_of(world, new.pending_id)


def pending_of(world: World, name: str = WAITING.pending_id) -> PendingConnection:
    """Read a pending connection that is there."""
    found = repository(world).read_pending(name)
    assert found
    return found


Found = OAuthState | PendingConnection
KINDS: dict[str, Callable[[World], Any]] = {"state": begun, "pending": waiting}
"""How each of the two kinds that are used once is made."""

each_kind = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)
each_fault = pytest.mark.parametrize("fault", ["loses_answers", "repeats"])


def path_of(found: Found) -> str:
    """Return where a state, or a pending connection, lies."""
    if isinstance(found, OAuthState):
        return f"oauthStates/{found.state}"
    return f"threadsPendingConnections/{found.pending_id}"


# --- what is read is what was written -----------------------------------------------------------------------


ASKS = [
    STATE.asked,
    Asked(CONNECT, UID, (), ExpectedAccount("17", "ada")),
    Asked(CONNECT, UID, (), ExpectedAccount("17", None)),
    Asked(SIGN_IN, None, ("threads_basic",), challenge=CHALLENGE),
]


def as_written(read: T) -> T:
    """Return what was read without what Firestore adds: a version, and the microseconds of its clock."""
    return replace(read, version=None, expires_at=read.expires_at.replace(microsecond=0))


@pytest.mark.parametrize("asked", ASKS)
def test_what_a_window_was_opened_for_is_read_as_it_was_written(asked: Asked) -> None:
    """State and pending connection both remember it; neither is used."""
    world = World()
    state = begun(world, replace(STATE, asked=asked))
    assert as_written(state) == replace(STATE, asked=asked)
    pending = waiting(world, replace(WAITING, asked=asked))
    assert as_written(pending) == replace(WAITING, asked=asked)


ENDS = [
    WELL,
    End(CANCELLED),
    End(FAILED, error="wrong_account"),
    End(PENDING),
]


@each_kind
@pytest.mark.parametrize("end", ENDS, ids=lambda end: end.status)
def test_an_end_is_read_as_it_was_written(make: Callable[[World], Any], end: End) -> None:
    """It is the same whether it was written with the use, or afterwards."""
    world = World()
    at_once = repository(world).use_up(make(world), NOW, end)
    assert at_once
    assert end_of(world, at_once) == end
    world = World()
    used = used_up(world, make(world))
    assert end_of(world, used) is None
    assert settled(world, used, end) == end
    assert end_of(world, used) == end


def test_a_state_without_a_mode_is_a_connections() -> None:
    """A document that lacks what is optional is read with what is usual."""
    world = World()
    world.database.put("oauthStates/state", {"provider": "threads", "uid": UID, "expiresAt": LATER})
    expected = OAuthState("state", Asked(CONNECT, UID, ()), None, False, LATER)
    assert replace(state_of(world), version=None) == expected


# --- two kinds ----------------------------------------------------------------------------------------------


def test_a_state_and_a_pending_connection_are_never_taken_for_each_other() -> None:
    """By the same id, each is found as what it is only, and using one up leaves the other as it was."""
    world, name = World(), "the same id"
    state = begun(world, replace(STATE, state=name))
    assert repository(world).read_pending(name) is None
    waiting(world, replace(WAITING, pending_id="another"))
    assert repository(world).read_state("another") is None
    pending = waiting(world, replace(WAITING, pending_id=name))
    assert (type(state_of(world, name)), type(pending_of(world, name))) == (OAuthState, PendingConnection)
    assert repository(world).use_up(state, NOW)
    assert pending_of(world, name) == pending
    assert repository(world).use_up(pending, NOW)
    assert (state_of(world, name).use, pending_of(world, name).use) == (Use(NOW), Use(NOW))


@pytest.mark.parametrize("provider", [None, "", "instagram"])
def test_what_another_provider_has_written_is_no_state(provider: str | None) -> None:
    """An app may have states of its own in the same collection."""
    world = World()
    begun(world)
    fields = world.database.fields("oauthStates/state") or {}
    world.database.put("oauthStates/state", {**fields, "provider": provider})
    assert repository(world).read_state("state") is None


# --- once ---------------------------------------------------------------------------------------------------


@each_kind
def test_of_two_requests_one_uses_it_up(make: Callable[[World], Any]) -> None:
    """Whichever comes between reading and writing, the other one gets nothing, and changes nothing."""
    world = World()
    found = make(world)
    first: list[object] = []
    world.comes_between(lambda: first.append(repository(world).use_up(found, NOW)))
    assert repository(world).use_up(found, NOW + timedelta(seconds=1)) is None
    assert [type(used) for used in first] == [Used]
    assert (world.database.fields(path_of(found)) or {})["usedAt"] == NOW


@each_kind
@each_fault
def test_who_has_used_it_up_knows_it_though_the_answer_was_lost(
    make: Callable[[World], Any], fault: str
) -> None:
    """The request knows its own change, and goes on. No other request can use it up after that."""
    world = World()
    found = make(world)
    setattr(world.wire, fault, 1)
    used = repository(world).use_up(found, NOW)
    assert used
    assert (used.of, used.asked) == (found, found.asked)
    assert used.version == world.database.version(path_of(found))
    assert repository(world).use_up(found, NOW) is None


@each_kind
@each_fault
def test_a_lost_answer_does_not_make_anothers_use_ones_own(make: Callable[[World], Any], fault: str) -> None:
    """A request that comes second, and hears nothing, has not used it up."""
    world = World()
    found = make(world)
    assert repository(world).use_up(found, NOW)
    setattr(world.wire, fault, 1)
    assert repository(world).use_up(found, NOW) is None


@each_kind
def test_what_could_not_be_used_up_can_be_later(make: Callable[[World], Any]) -> None:
    """Where Firestore did nothing, or says nothing at all, the caller is told so, and tries again."""
    world = World()
    found = make(world)
    for fails in (1, 2):
        world.wire.fails = fails
        with pytest.raises(ServiceUnavailable):
            repository(world).use_up(found, NOW)
    assert repository(world).use_up(found, NOW)


@each_kind
def test_what_is_gone_cannot_be_used_up(make: Callable[[World], Any]) -> None:
    """A state or pending connection that was deleted since it was read does not come back."""
    world = World()
    found = make(world)
    world.database.delete(path_of(found))
    with pytest.raises((InvalidState, InvalidHandle)):
        repository(world).use_up(found, NOW)
    assert world.database.fields(path_of(found)) is None


@each_kind
def test_what_is_used_up_is_kept_for_its_exchange(make: Callable[[World], Any]) -> None:
    """It expires an hour after it was used, not when it would have expired unused."""
    world = World()
    found = make(world)
    repository(world).use_up(found, NOW)
    assert (world.database.fields(path_of(found)) or {})["expiresAt"] == NOW + USED_LIFETIME


def test_a_used_pending_connection_has_no_code() -> None:
    """The code is taken away with the use, in the same commit."""
    world = World()
    pending = waiting(world)
    commits = world.wire.commits
    repository(world).use_up(pending, NOW)
    assert (pending_of(world).sealed_code, world.wire.commits) == (None, commits + 1)


# --- a state becomes a pending connection -------------------------------------------------------------------


def test_a_state_is_used_up_with_its_pending_connection() -> None:
    """One commit does both, and the state says where its code went."""
    world = World()
    state, commits = begun(world), world.wire.commits
    assert repository(world).make_pending(state, WAITING, NOW)
    assert world.wire.commits == commits + 1
    assert state_of(world).use == Use(NOW, End(PENDING), WAITING.pending_id)
    assert pending_of(world).use is None


def test_a_state_that_is_used_already_leads_to_no_pending_connection() -> None:
    """All or nothing: where the state has changed, the code is not kept."""
    world = World()
    state = begun(world)
    repository(world).use_up(state, NOW)
    before = world.everything()
    assert not repository(world).make_pending(state, WAITING, NOW)
    assert world.everything() == before


def test_a_pending_connection_is_not_overwritten() -> None:
    """All or nothing: where one is there, the state is not used up."""
    world = World()
    waiting(world)
    state = begun(world)
    before = world.everything()
    assert not repository(world).make_pending(state, replace(WAITING, sealed_code="k1:another"), NOW)
    assert world.everything() == before


def test_a_repeated_commit_makes_one_pending_connection() -> None:
    """The client meets its own change; the state tells that it was this one."""
    world = World()
    state = begun(world)
    world.wire.repeats = 1
    assert not repository(world).make_pending(state, WAITING, NOW)
    assert state_of(world).use == Use(NOW, End(PENDING), WAITING.pending_id)
    assert pending_of(world).sealed_code == WAITING.sealed_code


# --- how it ends --------------------------------------------------------------------------------------------


def end_of(world: World, used: UsedUp) -> End | None:
    """Return how something used up has ended, as a later request reads it."""
    of = used.of
    there = state_of(world, of.state) if isinstance(of, OAuthState) else pending_of(world, of.pending_id)
    assert there.use
    return there.use.end


def settled(world: World, used: UsedUp, end: End) -> End:
    """Write how something used up has ended, and return how it has."""
    return repository(world).settle(used.of, used.version, end)


def saved(world: World, used: UsedUp, account_id: str = "17") -> bool:
    """Save an account, with the end of what was used up for it; return whether that was done."""

    def change(summary: StoredSummary, _account: StoredAccount | None) -> ConnectionChange:
        cards = {**summary.cards, account_id: {"status": "active"}}
        return ConnectionChange({"accounts": cards}, {"accountId": account_id})

    also = repository(world).condition(used, WELL)
    return world.accounts.repository.connect(UID, account_id, change, pause=lambda: None, also=also)


def used_up(world: World, found: Any) -> Any:
    """Use something up."""
    used = repository(world).use_up(found, NOW)
    assert used
    return used


@each_kind
def test_an_account_and_its_end_are_one_commit(make: Callable[[World], Any]) -> None:
    """A crash cannot leave an account whose window never ended, or the other way round."""
    world = Windows()
    used, commits = used_up(world, make(world)), world.wire.commits
    assert saved(world, used)
    assert world.wire.commits == commits + 1
    assert end_of(world, used) == WELL
    assert world.has_account("17")


@each_kind
@each_fault
def test_an_account_and_its_end_are_there_though_the_answer_was_lost(
    make: Callable[[World], Any], fault: str
) -> None:
    """The end tells that the account is saved; a repeated commit is refused, and does no harm."""
    world = World()
    used = used_up(world, make(world))

    def trouble(number: int) -> None:
        if number == last:
            setattr(world.wire, fault, 1)

    last = world.wire.commits + 2  # the first one fails on the summary that is there
    world.wire.before_commit = trouble
    if fault == "loses_answers":
        with pytest.raises(ServiceUnavailable):
            saved(world, used)
    else:
        assert not saved(world, used)
    assert settled(world, used, End(FAILED)) == WELL
    assert {*world.account_ids()} == {ACCOUNT, "17"}


@each_kind
def test_where_the_end_cannot_be_written_no_account_is_saved(make: Callable[[World], Any]) -> None:
    """What was forgotten while its code was exchanged stays forgotten, and is found out at once."""
    world = World()
    found = make(world)
    used = used_up(world, found)
    world.database.delete(path_of(found))
    before, commits = world.everything(), world.wire.commits
    assert not saved(world, used)
    with pytest.raises((InvalidState, InvalidHandle)):
        settled(world, used, End(FAILED))
    assert (world.everything(), world.wire.commits) == (before, commits + 2)


@each_kind
def test_what_has_failed_saves_nothing_later(make: Callable[[World], Any]) -> None:
    """Once a failure is written, a commit that is still under way is refused: what was told stays true."""
    world = World()
    used = used_up(world, make(world))
    failure = End(FAILED, error="service_unavailable")
    assert settled(world, used, failure) == failure
    assert not saved(world, used)
    assert (end_of(world, used), world.account_ids()) == (failure, [ACCOUNT])


@each_kind
def test_a_failure_that_is_written_late_does_not_undo_a_success(make: Callable[[World], Any]) -> None:
    """A request that did not hear that the account was saved cannot make its end a failure."""
    world = World()
    used = used_up(world, make(world))
    saved(world, used)
    assert settled(world, used, End(FAILED, error="service_unavailable")) == WELL
    assert end_of(world, used) == WELL


@each_kind
def test_a_repeated_failure_is_one_failure(make: Callable[[World], Any]) -> None:
    """A commit that meets its own change has nothing left to do."""
    world = World()
    used = used_up(world, make(world))
    world.wire.repeats = 1
    assert settled(world, used, End(FAILED, error="x")) == End(FAILED, error="x")
    assert end_of(world, used) == End(FAILED, error="x")


def test_a_repeated_commit_makes_one_state() -> None:
    """A state that is there already is the one that was to be written."""
    world = World()
    world.wire.repeats = 1
    assert as_written(begun(world)) == STATE


# --- what is left of an account -----------------------------------------------------------------------------


NAMED: dict[str, dict[str, Any]] = {
    "ended": {"outcome": {"status": "connected", "accountId": "17", "profile": {"username": "ada"}}},
    "begun": {"account": {"id": "17", "username": "ada"}},
    "failed": {"account": {"id": "17"}, "outcome": {"status": "failed", "error": "wrong_account"}},
    "both": {"account": {"id": "17"}, "outcome": {"status": "connected", "accountId": "17"}},
}
OTHERS: dict[str, dict[str, Any]] = {
    "another": {"account": {"id": "18"}, "outcome": {"status": "connected", "accountId": "18"}},
    "nobody": {"account": None, "outcome": {"status": "cancelled"}},
}
COLLECTIONS = ("oauthStates", "threadsPendingConnections")


def windows(world: World) -> list[str]:
    """Return where states and pending connections lie."""
    return [path for collection in COLLECTIONS for path in world.database.paths(f"{collection}/")]


def test_a_forgotten_account_is_named_by_no_state_and_no_pending_connection() -> None:
    """Those that ended with it, and those that wait for it, are gone from both collections; others stay."""
    world = World()
    for collection in COLLECTIONS:
        for name, fields in (NAMED | OTHERS).items():
            world.database.put(f"{collection}/{name}", fields)
    repository(world).delete_ends("17")
    assert windows(world) == [f"{collection}/{name}" for collection in COLLECTIONS for name in OTHERS]


@pytest.mark.parametrize("fields", NAMED.values(), ids=NAMED)
def test_what_was_begun_later_stays(fields: dict[str, Any]) -> None:
    """A window that was opened after a moment is another connection's. One without a moment is old."""
    world = World()
    moments = {"before": NOW - timedelta(seconds=1), "at": NOW, "after": LATER, "without": None}
    for collection in COLLECTIONS:
        for name, moment in moments.items():
            world.database.put(f"{collection}/{name}", {**fields, "createdAt": moment})
    repository(world).delete_ends("17", until=NOW)
    assert windows(world) == [f"{collection}/after" for collection in COLLECTIONS]


def test_however_many_there_are_all_go() -> None:
    """They are deleted in pages, and those that stay do not stop the rest."""
    world = World()
    for number in range(2 * DELETE_PAGE + 1):
        created_at = LATER if number < DELETE_PAGE else NOW
        fields = {"createdAt": created_at, "account": {"id": "17"}}
        world.database.put(f"threadsPendingConnections/{number:04}", fields)
    repository(world).delete_ends("17", until=NOW)
    assert len(windows(world)) == DELETE_PAGE


# --- deletions ----------------------------------------------------------------------------------------------


def deletion(code: str = "code", **changes: Any) -> Deletion:
    """Return a deletion that is to begin."""
    return replace(Deletion(code, RUNNING, "17", NOW, due_at=LATER), **changes)


@each_fault
def test_a_deletion_is_written_once(fault: str) -> None:
    """A second request with the same code finds the first one's deletion, however far that is."""
    world = World()
    setattr(world.wire, fault, 1)
    if fault == "loses_answers":
        with pytest.raises(ServiceUnavailable):
            repository(world).create_deletion(deletion(), NOW)
    assert repository(world).create_deletion(deletion(), NOW) == deletion()
    repository(world).change_deletion("code", {"state": DONE, "userId": None, "dueAt": None})
    there = repository(world).create_deletion(deletion(), LATER)
    assert there == deletion(state=DONE, threads_user_id=None, due_at=None)
    assert repository(world).read_deletion("code") == there


def test_deletions_come_in_the_order_in_which_they_are_due() -> None:
    """The longest due comes first; what is not due yet, or done, does not come."""
    world = World()
    for number, code in enumerate(("c", "a", "b")):
        due = deletion(code, due_at=NOW + timedelta(seconds=number))
        repository(world).create_deletion(due, NOW)
    repository(world).create_deletion(deletion("done"), NOW)
    repository(world).change_deletion("done", {"dueAt": None})
    at = NOW + timedelta(seconds=1)
    assert [due.code for due in repository(world).find_deletions(at, 9)] == ["c", "a"]
    assert [due.code for due in repository(world).find_deletions(at, 1)] == ["c"]


def test_a_deletion_that_has_expired_stays_away() -> None:
    """A change of a deletion that is gone writes nothing."""
    world = World()
    repository(world).change_deletion("code", {"state": RUNNING})
    assert repository(world).read_deletion("code") is None
