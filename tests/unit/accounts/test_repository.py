"""Accounts and summaries in Firestore: one commit each, and no other writer's change is overwritten."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from tests.firestore.calls import Call
from tests.unit.world import ACCOUNT, NOW, UID, World, account_path, summary_path
from threads.accounts.account import ID_FIELDS, USERNAME_FIELD, StoredAccount
from threads.accounts.changes import AccountChange
from threads.accounts.connection import ConnectionChange
from threads.accounts.repository import (
    CONNECT_ATTEMPTS,
    SAVE_ATTEMPTS,
    AccountRepository,
    Condition,
    Due,
    Sealed,
)
from threads.accounts.summary import StoredSummary
from threads.base.errors import ServiceUnavailable

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)


def repository(world: World) -> AccountRepository:
    """Return the repository."""
    return world.accounts.repository


def cost(world: World) -> tuple[int, int]:
    """Return how often Firestore was read and written."""
    return world.wire.reads, world.wire.commits


# --- finding a user's accounts ------------------------------------------------------------------------------


def test_an_account_is_found_with_its_user_and_version() -> None:
    """A named account costs one read; what is found can be compared with what lies there."""
    world = World()
    assert repository(world).read(UID, ACCOUNT) == world.account()
    assert repository(world).find(UID, ACCOUNT) == [world.account()]
    assert cost(world) == (2, 0)


def test_without_a_name_two_accounts_are_enough() -> None:
    """The first two tell one account from several; another user's are not among them."""
    world = World()
    world.connect("9", uid="bob")
    assert repository(world).find(UID, None) == [world.account()]
    world.connect("2")
    world.connect("3")
    assert [account.account_id for account in repository(world).find(UID, None)] == [ACCOUNT, "2"]


@pytest.mark.parametrize("name", ["9", "", "me", "..", "1/posts/2", "1" * 33])
def test_what_is_no_account_is_not_found(name: str) -> None:
    """An unknown id finds nothing; a text that cannot be an id of Threads' is not even looked for."""
    world = World()
    assert repository(world).read(UID, name) is None
    assert cost(world) == (1 if name == "9" else 0, 0)


# --- changing an account ------------------------------------------------------------------------------------


def test_an_account_and_its_card_change_in_one_commit() -> None:
    """None takes a field away; other fields, other cards and the user's choices stay."""
    world = World()
    world.connect("2")
    before, summary = world.account(), world.summary()
    assert summary
    change = AccountChange(
        {"status": "reconnect_required", "refreshAt": None, "updatedAt": NOW},
        {"status": "reconnect_required", "statusReason": "token_rejected"},
    )
    changed = repository(world).change(before, change)
    assert cost(world) == (0, 1)
    assert changed == world.account()
    kept = {name: value for name, value in before.fields.items() if name != "refreshAt"}
    assert world.account().fields == {**kept, "status": "reconnect_required", "updatedAt": NOW}
    card = {**summary["accounts"][ACCOUNT], "status": "reconnect_required", "statusReason": "token_rejected"}
    cards = {**summary["accounts"], ACCOUNT: card}
    assert world.summary() == {**summary, "accounts": cards, "updatedAt": NOW}


def test_a_change_without_a_card_leaves_the_summary_alone() -> None:
    """A lease, for example, is not the web app's to see."""
    world = World()
    version = world.database.version(summary_path(UID))
    assert repository(world).change(world.account(), AccountChange({"refreshingUntil": NOW}))
    assert world.database.version(summary_path(UID)) == version


def test_an_account_changes_although_its_card_has_no_room() -> None:
    """A summary at Firestore's limit cannot take a word more. The account decides; its card only shows it."""
    world = World()
    world.wire.full, before = summary_path(UID), world.summary()
    changed = repository(world).change(world.account(), AccountChange({"a": 1, "updatedAt": NOW}, {"b": 2}))
    assert changed == world.account()
    assert (world.account().fields["a"], world.summary()) == (1, before)


@pytest.mark.parametrize("other", [World.change_account, World.delete_account])
def test_what_has_changed_since_it_was_read_is_not_overwritten(other: Callable[..., Any]) -> None:
    """The change is not made, neither on the account nor on its card: the other writer's stays."""
    world = World()
    read = world.account()
    other(world, **({"scopes": ["threads_basic"]} if other is World.change_account else {}))
    there, summary = world.database.fields(account_path(UID, ACCOUNT)), world.summary()
    assert repository(world).change(read, AccountChange({"status": "x", "updatedAt": NOW}, {"a": 1})) is None
    assert (world.database.fields(account_path(UID, ACCOUNT)), world.summary()) == (there, summary)


def test_one_change_follows_another() -> None:
    """What a change returns is the account as it is now, which can be changed again."""
    world = World()
    first = repository(world).change(world.account(), AccountChange({"a": 1}))
    assert first
    assert repository(world).change(first, AccountChange({"b": 2}))
    assert repository(world).change(first, AccountChange({"c": 3})) is None
    assert {"a": 1, "b": 2}.items() <= world.account().fields.items()
    assert "c" not in world.account().fields


# --- changing a summary -------------------------------------------------------------------------------------


def test_a_summary_is_changed_by_what_it_holds() -> None:
    """One read and one commit; what is returned is the summary as it is now."""
    world = World()
    before = world.summary()
    assert before
    changed = repository(world).change_summary(UID, lambda it: {"connectedCount": len(it.cards) + 1})
    assert cost(world) == (1, 1)
    assert world.summary() == {**before, "connectedCount": 2}
    assert changed == repository(world).read_summary(UID)


def test_another_writers_change_of_a_summary_is_built_upon() -> None:
    """The commit that came too late is made anew from what the other writer left."""
    world = World()
    world.wire.before_commit = lambda number: void(world.connect("2")) if number == 1 else None
    changed = repository(world).change_summary(UID, lambda it: {"seen": sorted(it.cards)})
    assert changed.fields["seen"] == (world.summary() or {})["seen"] == [ACCOUNT, "2"]
    assert cost(world) == (2, 2)


def test_a_summary_that_never_rests_is_given_up() -> None:
    """After some attempts the caller is told to come again."""
    world = World()
    world.wire.before_commit = lambda number: void(world.connect(str(number)))
    with pytest.raises(ServiceUnavailable):
        repository(world).change_summary(UID, lambda _it: {"seen": True})
    assert world.wire.commits == SAVE_ATTEMPTS
    assert "seen" not in (world.summary() or {})


def test_a_user_without_a_summary_has_an_empty_one() -> None:
    """It has no version, no card and no default account."""
    summary = repository(World()).read_summary("bob")
    assert summary == StoredSummary("bob")
    assert (summary.cards, summary.default_account_id, summary.version) == ({}, None, None)


# --- connecting an account ----------------------------------------------------------------------------------


def card_of(account_id: str, seen: list[Any] | None = None) -> Callable[..., ConnectionChange]:
    """Return what adds an account's card to those there are, and keeps what it was given."""

    def change(summary: StoredSummary, account: StoredAccount | None) -> ConnectionChange:
        if seen is not None:
            seen.append((sorted(summary.cards), account))
        cards = {**summary.cards, account_id: {"status": "active"}}
        return ConnectionChange({"accounts": cards}, {"accountId": account_id, "scopes": ["threads_basic"]})

    return change


def connect(
    world: World,
    account_id: str,
    change: Callable[[StoredSummary, StoredAccount | None], ConnectionChange | None],
    *,
    uid: str = UID,
) -> int:
    """Connect an account, with another change in the same commit; return how often it paused."""
    pauses: list[None] = []
    noted = world.firestore.provide().document("oauthStates/state")
    version = world.database.version("oauthStates/state")
    also = Condition(noted, {"outcome": "connected"}, version)
    repository(world).connect(uid, account_id, change, pause=lambda: pauses.append(None), also=also)
    return len(pauses)


@pytest.fixture
def world() -> World:
    """Return a world in which a window waits for its outcome."""
    world = World()
    world.database.put("oauthStates/state", {"provider": "threads"})
    return world


def outcome(world: World) -> Any:
    """Return what the commit's other write has left."""
    return (world.database.fields("oauthStates/state") or {}).get("outcome")


def test_a_first_account_costs_one_commit(world: World) -> None:
    """Account, summary and the other write are there together; nothing was read."""
    assert connect(world, "2", card_of("2"), uid="bob") == 0
    assert cost(world) == (0, 1)
    assert world.account("2", "bob").fields == {"accountId": "2", "scopes": ["threads_basic"]}
    assert (world.card("2", "bob"), outcome(world)) == ({"status": "active"}, "connected")


def test_a_further_account_is_added_to_the_others(world: World) -> None:
    """The first commit fails on the summary that is there; one read and a second commit add to it."""
    seen: list[Any] = []
    before = world.card()
    assert connect(world, "2", card_of("2", seen)) == 0
    assert cost(world) == (1, 2)
    assert seen == [([], None), ([ACCOUNT], None)]
    assert (world.card(), world.card("2")) == (before, {"status": "active"})


def test_a_reconnected_account_is_shown_to_the_change_and_merged(world: World) -> None:
    """What the change does not name stays on the document."""
    seen: list[Any] = []
    before = world.account()
    connect(world, ACCOUNT, card_of(ACCOUNT, seen))
    assert seen[-1] == ([ACCOUNT], before)
    assert world.account().fields == {**before.fields, "scopes": ["threads_basic"]}


def test_where_nothing_changes_only_the_other_write_is_made(world: World) -> None:
    """A connection that was overtaken by a newer one still gets its outcome."""
    before = world.account(), world.summary()
    connect(world, ACCOUNT, lambda _summary, _account: None)
    assert (world.account(), world.summary()) == before
    assert outcome(world) == "connected"


def test_of_many_windows_each_is_tried_again(world: World) -> None:
    """A commit that comes too late is made anew, with a pause before the third attempt and each further."""

    def another(number: int) -> None:
        if number <= 4:
            world.connect(f"10{number}")

    world.wire.before_commit = another
    assert connect(world, "2", card_of("2")) == 3
    assert cost(world) == (4, 5)
    assert (world.summary() or {})["accounts"].keys() == {ACCOUNT, "2", "101", "102", "103", "104"}


def test_a_summary_that_never_rests_saves_nothing(world: World) -> None:
    """All or nothing: after the last attempt there is neither an account nor a card nor an outcome."""
    world.wire.before_commit = lambda number: void(world.connect(f"10{number}"))
    with pytest.raises(ServiceUnavailable):
        connect(world, "2", card_of("2"))
    assert world.wire.commits == CONNECT_ATTEMPTS
    assert (world.has_account("2"), outcome(world)) == (False, None)
    assert "2" not in (world.summary() or {})["accounts"]


def test_without_what_the_other_write_changes_nothing_is_saved(world: World) -> None:
    """A window whose state is gone or has changed meanwhile connects nothing. This is found out at once."""

    def gone() -> None:
        world.database.delete("oauthStates/state")

    def changed() -> None:
        world.database.put("oauthStates/state", {"outcome": "failed"})

    for change in (gone, changed):
        world.database.put("oauthStates/state", {"provider": "threads"})
        world.comes_between(change)
        commits = world.wire.commits
        assert connect(world, "2", card_of("2"), uid="bob") == 0
        assert world.wire.commits == commits + 1
        assert (world.has_account("2", "bob"), world.summary("bob")) == (False, None)


# --- deleting an account ------------------------------------------------------------------------------------


def without(account_id: str) -> Callable[[StoredSummary], dict[str, Any] | None]:
    """Return what takes an account's card away, and a summary without cards."""

    def summarize(before: StoredSummary) -> dict[str, Any] | None:
        cards = {name: card for name, card in before.cards.items() if name != account_id}
        return {"accounts": cards} if cards else None

    return summarize


def test_an_account_goes_with_its_card() -> None:
    """One read and one commit; the last account takes the summary along."""
    world = World()
    world.connect("2")
    assert repository(world).delete(world.account("2"), without("2"))
    assert cost(world) == (1, 1)
    assert (world.account_ids(), (world.summary() or {})["accounts"].keys()) == ([ACCOUNT], {ACCOUNT})
    assert repository(world).delete(world.account(), without(ACCOUNT))
    assert (world.account_ids(), world.summary()) == ([], None)


def test_an_account_without_a_summary_goes_too() -> None:
    """Where another writer has deleted the summary, the account is deleted alone."""
    world = World()
    world.database.delete(summary_path(UID))
    assert repository(world).delete(world.account(), without(ACCOUNT))
    assert (world.has_account(), world.summary()) == (False, None)


@pytest.mark.parametrize("change", [lambda it: it.change_account(a=1), lambda it: it.connect("2")])
def test_an_account_is_not_deleted_over_another_change(change: Callable[[World], object]) -> None:
    """A change of the account, or of the summary, between read and commit keeps both as they are."""
    world = World()
    read = world.account()
    world.wire.before_commit = lambda _number: void(change(world))
    assert not repository(world).delete(read, without(ACCOUNT))
    assert world.has_account()
    assert world.card()


# --- across users -------------------------------------------------------------------------------------------

FOREIGN = ["accounts/1", "banks/x/accounts/1", "users/ada/accounts/1", "users/ada/integrations/x/accounts/1"]
"""Where an app may have ``accounts`` of its own."""


@pytest.mark.parametrize(
    ("field", "value"), [*((field, "2") for field in ID_FIELDS), (USERNAME_FIELD, "user2")]
)
def test_an_account_is_found_for_all_users_that_have_it(field: str, value: str) -> None:
    """By either of its ids, or by its name, each with its user; an app's own ``accounts`` are left out."""
    world = World()
    for uid in ("ada", "bob"):
        world.connect("2", uid=uid)
    for path in FOREIGN:
        world.database.put(path, {**world.account("2").fields})
    assert sorted(repository(world).find_connected(field, value)) == [("ada", "2"), ("bob", "2")]
    assert cost(world) == (1, 0)


def test_one_user_comes_once_before_all_others_have() -> None:
    """However many documents a client writes: each user's first one comes before any user's second one."""
    world = World()
    for number in range(3):
        world.connect(f"1{number}", uid="ada", extra={"threadsUserId": "2"})
    world.connect("2", uid="bob")
    found = [repository(world).find_connected("extra.threadsUserId", "2") for _ in range(20)]
    assert {frozenset(uid for uid, _ in it[:2]) for it in found} == {frozenset(("ada", "bob"))}


def test_due_accounts_come_page_by_page_the_longest_due_first() -> None:
    """Each page begins behind the last one's end, among equals, too; what is not due is not among them."""
    world = World()
    for number in range(7):
        world.connect(str(number), uid=f"user{number % 3}", refreshAt=NOW - (number // 2) * SECOND)
    world.database.put(FOREIGN[1], {"refreshAt": NOW - SECOND})
    expected = sorted(
        [
            *(Due(NOW - (it // 2) * SECOND, account_path(f"user{it % 3}", str(it))) for it in range(7)),
            Due(NOW - SECOND, FOREIGN[1]),
        ]
    )
    first, second, third = expected[:3], expected[3:6], expected[6:]
    for after, page in ((None, first), (first[-1], second), (second[-1], third), (third[-1], [])):
        found = repository(world).find_due(NOW, after, 3)
        assert found == page
    assert repository(world).find_due(NOW - 4 * SECOND, None, 3) == []


def test_a_query_for_all_users_returns_nothing_that_a_client_could_make_large() -> None:
    """What is due, whose token ends, whose account it is: paths and moments, whatever else is in there."""
    world, seen = World(), list[Call[Any]]()
    world.change_account(refreshAt=NOW, expiresAt=NOW)

    def intercept(call: Call[Any]) -> Callable[[], None] | None:
        seen.append(call)
        return world.wire.intercept(call)

    world.firestore.intercept = intercept
    repository(world).find_due(NOW, None, 3)
    repository(world).find_ending(NOW - SECOND, NOW, 3)
    repository(world).find_connected("accountId", ACCOUNT)
    shown = [{*document.fields} for call in seen for _, document in call.carry_out()]
    assert shown == [{"refreshAt"}, {"expiresAt"}, set()]


def test_who_expires_soon_is_found_by_the_moment() -> None:
    """Whether or not it is due; the earliest first. A text is no moment."""
    world = World()
    for number, expires_at in enumerate([NOW, NOW + SECOND, NOW + 2 * SECOND, NOW + 3 * SECOND, "2026"]):
        world.connect(str(number), expiresAt=expires_at)
    found = repository(world).find_ending(NOW, NOW + 2 * SECOND, 9)
    assert [*found.items()] == [(account_path(UID, str(it)), NOW + it * SECOND) for it in (1, 2)]


def test_sealed_tokens_come_page_by_page_and_nothing_else_with_them() -> None:
    """Every document of an ``accounts`` is found, by path; of ours there is the token, to be sealed anew."""
    world = World()
    world.connect("2", uid="bob", accessToken=None)
    world.database.put(FOREIGN[1], {"accessToken": "k1:AAAA"})
    found: list[Sealed] = []
    for path in (FOREIGN[1], account_path(UID, ACCOUNT), account_path("bob", "2")):
        [sealed] = repository(world).find_sealed(found[-1].path if found else None, 1)
        assert sealed.path == path
        found.append(sealed)
    assert repository(world).find_sealed(found[-1].path, 1) == []
    assert [it.account and it.account.fields for it in found] == [
        None,
        {name: world.account().fields[name] for name in ("accessToken", "sealedThreadsUserId")},
        {"sealedThreadsUserId": world.account("2", "bob").fields["sealedThreadsUserId"]},
    ]
    [account] = [it.account for it in found if it.account and it.account.uid == UID]
    assert repository(world).change(account, AccountChange({"accessToken": "k2:BBBB"}))
    assert world.account().sealed_token == "k2:BBBB"


def test_an_alarm_is_the_projects() -> None:
    """Each process asks Firestore: of any number of them one raises it, and none within the day after."""
    world, pause = World(), timedelta(days=1)
    first, second = repository(world), repository(world)
    assert first.raise_alarm(NOW, pause)
    assert cost(world) == (1, 1)
    assert not second.raise_alarm(NOW + pause - SECOND, pause)
    world.comes_between(lambda: first.raise_alarm(NOW + pause, pause))
    assert not second.raise_alarm(NOW + pause, pause)
    assert second.raise_alarm(NOW + 2 * pause, pause)
    assert [*world.database.paths("threadsAlarms/")] == ["threadsAlarms/refreshes"]


def test_how_many_tokens_are_called_dead_is_counted_for_the_project() -> None:
    """Some in an hour are few, whichever process notes them. One more is too many, until an hour is over."""
    world = World()
    first, second = repository(world), repository(world)
    moments = [NOW + number * SECOND for number in range(7)]
    assert [first.note_dead(moment) for moment in moments] == [True] * 5 + [False] * 2
    assert cost(world) == (7, 7)
    assert not second.note_dead(NOW + HOUR)
    assert [second.note_dead(NOW + 2 * HOUR + number * SECOND) for number in range(2)] == [True] * 2
    [path] = world.database.paths("threadsAlarms/")
    assert len((world.database.fields(path) or {})["deadAt"]) <= 6


def test_tokens_that_are_called_dead_at_once_are_not_few() -> None:
    """Who comes second knows only that there are others: so it is not known how many."""
    world = World()
    first, second = repository(world), repository(world)
    for moment in (NOW, NOW + HOUR):
        world.comes_between(lambda moment=moment: first.note_dead(moment))  # type: ignore[misc]
        assert not second.note_dead(moment)


def void(_value: object) -> None:
    """Return nothing."""
