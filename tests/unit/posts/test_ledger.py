"""The record of a post: every change it may go through, no other, and how it lies in Firestore."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from itertools import product, starmap
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.firestore.database import Database
from tests.unit.posts.full_record import full_record
from threads.base.errors import OUTAGE_PAUSE, MissingScope, RejectedByThreads
from threads.cloud.firestore import RPC_TIMEOUT
from threads.graph.client import CALL_DEADLINE
from threads.posts.content import Content
from threads.posts.ledger import (
    BUDGET,
    CHECK_FIELD,
    CLOCK_ALLOWANCE,
    CONTAINER_SETTLES,
    LATE,
    LEASE,
    RECORD_LIFETIME,
    SETTLE,
    TERMINAL,
    TRANSITIONS,
    TTL_FIELD,
    WAKES_IN_A_ROW,
    Record,
    State,
    as_document,
    content_hash,
    ended_badly,
    from_document,
    new_record,
    task_id,
)
from threads.posts.submission import MAX_SCHEDULE

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
ERROR = {"code": "x", "message": "No.", "retryable": False, "nextAction": "look"}
CONTENT = Content({"text": "hello", "imageUrl": "https://cdn.example/a.jpg"})

TEXT = Content({"text": "hello"})

Change = Callable[[Record, datetime], Record]

MOVES: dict[str, tuple[State, Change]] = {
    "sending": (State.SENT, lambda record, now: record.sending(now)),
    "armed": (State.ARMED, lambda record, now: record.armed("7", now)),
    "without_single_call": (State.NEW, lambda record, now: record.without_single_call(now)),
    "without_container": (State.NEW, lambda record, now: record.without_container(now)),
    "published": (State.PUBLISHED, lambda record, now: record.published("8", now)),
    "found": (State.PUBLISHED, lambda record, now: record.found("8", now)),
    "failed": (State.FAILED, lambda record, now: record.failed(ERROR, now)),
    "left_unknown": (State.UNKNOWN, lambda record, now: record.left_unknown(ERROR, now)),
    "cancelled": (State.CANCELLED, lambda record, now: record.cancelled(ERROR, now)),
}
"""The methods that lead to another state."""

STAYS: dict[str, Change] = {
    "leased": lambda record, now: record.leased("me", now),
    "released": lambda record, now: record.released(now, ERROR),
    "followed_up": lambda record, now: record.followed_up("task", now + SECOND, now),
    "postponed_until": lambda record, now: record.postponed_until(now + SECOND, "task", ERROR, now),
    "with_children": lambda record, now: record.with_children([{"id": "6", "replaced": 0}], now),
    "creating_from": lambda record, now: record.creating_from(now + SECOND, now),
    "publishing": lambda record, now: record.publishing(now),
    "unsettled": lambda record, now: record.unsettled(now),
    "seen_out": lambda record, now: record.seen_out(now),
    "shared": lambda record, now: record.shared(now, now),
    "found_at": lambda record, now: record.found_at("https://x.example", now),
    "refused_again": lambda record, now: record.refused_again(now),
    "deleted": lambda record, now: record.deleted(now),
    "left_to": lambda record, now: record.left_to("task", now + SECOND, now),
    "changed": lambda record, now: record.changed(TEXT, now, now + SECOND),
    "woken": lambda record, now: record.woken(now),
    "expected": lambda record, now: record.expected(now + SECOND, now),
    "thread_ended": lambda record, now: record.thread_ended(now),
}
"""Those that change something else."""

BOTH: dict[str, Change] = {"withdrawn": lambda record, now: record.withdrawn(now)}
"""Leads back from SENT, and changes the intent of ARMED."""


def in_state(state: State, **changes: Any) -> Record:
    """Return a record in a state."""
    return replace(new_record("1", CONTENT, NOW), state=state, **changes)


# --- transitions --------------------------------------------------------------------------------------------


def test_nothing_leaves_an_end() -> None:
    """Every state that is not an end has a way out. Of the ends, only an id that was found is given up."""
    left = {before for before, _ in TRANSITIONS}
    assert left == {*State} - TERMINAL | {State.PUBLISHED}
    assert {after for before, after in TRANSITIONS if before in TERMINAL} == {State.SENT, State.ARMED}
    assert all(TRANSITIONS.values())
    assert len(set(TRANSITIONS)) == len(TRANSITIONS)


def test_every_state_is_reached() -> None:
    """Whatever state a record can have, it has come there from NEW, and comes to an end from there."""
    reached = {State.NEW}
    for _ in State:
        reached |= {after for before, after in TRANSITIONS if before in reached}
    assert reached == {*State}
    for state in {*State} - TERMINAL:
        assert {after for before, after in TRANSITIONS if before is state} & TERMINAL


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("before", State)
def test_a_record_moves_along_the_table_only(before: State, name: str) -> None:
    """Every method that leads to another state does so where the table allows it, and raises elsewhere."""
    after, move = MOVES[name]
    if (before, after) in TRANSITIONS:
        assert move(in_state(before), NOW).state is after
    else:
        with pytest.raises(ValueError, match=f"never goes from {before} to {after}"):
            move(in_state(before), NOW)


@pytest.mark.parametrize(
    ("before", "after"), [pair for pair in product(State, State) if pair not in TRANSITIONS]
)
def test_what_is_not_in_the_table_does_not_happen(before: State, after: State) -> None:
    """There is no other way from a state to any state, itself included."""
    with pytest.raises(ValueError, match="never goes"):
        in_state(before)._moved(after, NOW)


@pytest.mark.parametrize("change", STAYS.values(), ids=STAYS)
@pytest.mark.parametrize("state", State)
def test_other_changes_keep_the_state(state: State, change: Change) -> None:
    """A record also changes within its state, and says when."""
    later = NOW + SECOND
    changed = change(in_state(state), later)
    assert (changed.state, changed.updated_at) == (state, later)


@pytest.mark.parametrize("state", State)
def test_what_was_not_published_goes_back(state: State) -> None:
    """A text that was certainly not published is new again; a container stays armed, without its intent."""
    sent = in_state(state, ambiguous=True, sent_at=NOW, settles_at=NOW)
    withdrawn = sent.withdrawn(NOW)
    assert withdrawn.state is (State.NEW if state is State.SENT else state)
    assert (withdrawn.ambiguous, withdrawn.sent_at, withdrawn.settles_at) == (False, None, None)


def test_every_method_is_in_a_table_of_these_tests() -> None:
    """A new method that changes a record comes with its row."""
    looks = {"is_terminal", "status", "is_leased", "is_settled"}
    looks |= {"expected_at", "check_at", "next_action", "next_action_at", "place", "is_waiting_untouched"}
    public = {name for name in vars(Record) if not name.startswith("_")}
    methods = public - looks - {field.name for field in fields(Record)}
    assert methods == {*MOVES, *STAYS, *BOTH, "reopened", "not_out"}  # these have tests of their own


class Life(RuleBasedStateMachine):
    """A record through any sequence of changes that the table allows."""

    def __init__(self) -> None:
        """Begin with a new post."""
        super().__init__()
        self.record = new_record("1", CONTENT, NOW)
        self.now = NOW

    @precondition(lambda self: not self.record.is_terminal)
    @rule(name=st.sampled_from([*MOVES]), seconds=st.integers(0, 400))
    def move(self, name: str, seconds: int) -> None:
        """Try to go to another state."""
        self.now += seconds * SECOND
        after, move = MOVES[name]
        if (self.record.state, after) in TRANSITIONS:
            self.record = move(self.record, self.now)

    @precondition(lambda self: self.record.is_found)
    @rule(seconds=st.integers(0, 400))
    def go_on(self, seconds: int) -> None:
        """Give up the id that was found."""
        self.now += seconds * SECOND
        self.record = self.record.reopened(self.now)

    @precondition(lambda self: not self.record.is_terminal)
    @rule(change=st.sampled_from([*STAYS.values(), *BOTH.values()]), seconds=st.integers(0, 400))
    def change(self, change: Change, seconds: int) -> None:
        """Change within a state."""
        self.now += seconds * SECOND
        self.record = change(self.record, self.now)

    @rule()
    def look(self) -> None:
        """Look at it, which is all that can be done once it has ended."""
        assert self.record.status

    @invariant()
    def comes_back_from_its_document(self) -> None:
        """Check that it comes back from Firestore as it was."""
        assert from_document(as_document(self.record)) == self.record

    @invariant()
    def says_that_a_text_may_be_out(self) -> None:
        """Check that what may be out says so, and from when until when it is looked for."""
        if self.record.state is State.SENT:
            assert self.record.ambiguous
        if self.record.ambiguous and not self.record.is_terminal:
            assert self.record.sent_at
            assert self.record.settles_at

    @invariant()
    def is_nobodys_at_its_end(self) -> None:
        """Check that nobody holds what has ended, and that only an unknown end is ambiguous."""
        if self.record.is_terminal:
            assert (self.record.owner, self.record.lease_until, self.record.due_at) == (None, None, None)
            assert self.record.ambiguous is (self.record.state is State.UNKNOWN)
            assert (self.record.media_id is not None) is (self.record.state is State.PUBLISHED)


def test_any_life_of_a_record_makes_sense() -> None:
    """In whatever order changes come, a record can be stored, and says whether its post may be out."""
    run_state_machine_as_test(Life)


# --- the lease ----------------------------------------------------------------------------------------------


def test_a_lease_is_held_until_its_end() -> None:
    """A lease excludes others up to its last moment, and not beyond; no lease excludes nobody."""
    record = new_record("1", CONTENT, NOW)
    claimed = record.leased("me", NOW)
    assert (claimed.owner, claimed.lease_until, claimed.attempts) == ("me", NOW + LEASE, 1)
    assert not record.is_leased(NOW)
    assert claimed.is_leased(NOW + LEASE - SECOND)
    assert not claimed.is_leased(NOW + LEASE)
    assert not claimed.released(NOW).is_leased(NOW)


def test_a_claim_begins_anew() -> None:
    """A delivery begins without the last one's error and plan, and counts itself."""
    waiting = in_state(State.NEW, attempts=3).postponed_until(NOW + SECOND, "task", ERROR, NOW)
    claimed = waiting.leased("me", NOW)
    assert (claimed.error, claimed.next_action, claimed.due_at, claimed.attempts) == (None, "wait", None, 4)
    assert (claimed.postponed, claimed.task) == (1, "task")


def test_what_comes_back_later_is_nobodys() -> None:
    """A post that is left to a task is free, says by which task it goes on, and counts it."""
    held = in_state(State.ARMED).leased("me", NOW)
    followed, postponed = (
        held.followed_up("a", NOW + SECOND, NOW),
        held.postponed_until(NOW + SECOND, "b", ERROR, NOW),
    )
    assert (followed.owner, followed.lease_until, followed.task, followed.follow_ups) == (None, None, "a", 1)
    assert (followed.due_at, followed.error) == (None, None)
    assert (postponed.owner, postponed.lease_until, postponed.task) == (None, None, "b")
    assert (postponed.due_at, postponed.error, postponed.follow_ups) == (NOW + SECOND, ERROR, 0)
    assert postponed.expires_at == NOW + SECOND + RECORD_LIFETIME


# --- what may be out ----------------------------------------------------------------------------------------


def test_what_may_be_out_settles_minutes_after_its_call_has_ended() -> None:
    """Whatever came back instead of an id: a post that was published may be missing from lists as long."""
    new = in_state(State.NEW)
    sent = new.sending(NOW)
    assert sent.settles_at == NOW + SETTLE
    assert not sent.is_settled(NOW + SETTLE - SECOND)
    assert sent.is_settled(NOW + SETTLE)
    assert new.is_settled(NOW)
    ended = NOW + 15 * SECOND
    assert sent.unsettled(ended).settles_at == ended + SETTLE


def test_a_search_begins_with_the_first_call() -> None:
    """A container that is published again is looked for from the first time on, until the last settles."""
    first = in_state(State.ARMED).publishing(NOW)
    second = first.publishing(NOW + 60 * SECOND)
    assert (second.sent_at, second.settles_at) == (NOW, NOW + 60 * SECOND + SETTLE)


def test_a_published_container_is_listed_within_the_settle_time() -> None:
    """It may have been published just before it was first seen so, and nothing later makes this longer."""
    armed = in_state(State.ARMED).publishing(NOW)
    seen = armed.seen_out(NOW + 30 * SECOND)
    assert (seen.ambiguous, seen.out_since) == (True, NOW + 30 * SECOND)
    assert seen.settles_at == NOW + 30 * SECOND + SETTLE
    assert seen.seen_out(NOW + 60 * SECOND).settles_at == seen.settles_at
    assert seen.withdrawn(NOW).out_since is None


def test_a_container_that_is_not_out_after_all_is_never_replaced() -> None:
    """Once a call to publish it was unclear, its record says so for good."""
    unclear = in_state(State.ARMED, container_id="7").publishing(NOW).unsettled(NOW)
    settled = unclear.not_out(NOW + SETTLE)
    assert (settled.ambiguous, settled.settles_at, settled.sent_at) == (False, None, NOW)
    assert settled.publishing(NOW + SETTLE).sent_at == NOW


def test_a_found_id_is_given_up_for_an_answered_one() -> None:
    """A post whose id was found goes on where it was, as a post that may be out."""
    for before in (in_state(State.SENT), in_state(State.ARMED, container_id="7")):
        found = before.found("8", NOW, permalink="https://x.example/p")
        assert (found.media_id, found.is_found, found.permalink) == ("8", True, "https://x.example/p")
        again = found.reopened(NOW + SECOND)
        assert (again.state, again.ambiguous, again.is_terminal) == (before.state, True, False)
        assert (again.media_id, again.is_found, again.permalink) == (None, False, None)
        assert again.settles_at == NOW + SECOND + SETTLE


def test_a_post_that_another_has_taken_is_waited_for() -> None:
    """Where an equal post has taken one that may be this one's, its own may come until that has settled."""
    sent = in_state(State.NEW).sending(NOW)
    later = NOW + 60 * SECOND
    assert sent.shared(later, later).settles_at == later + CLOCK_ALLOWANCE + SETTLE
    assert sent.shared(NOW - 60 * SECOND, later).settles_at == sent.settles_at


def test_a_lost_container_leaves_nothing_behind() -> None:
    """Once a container is given up nothing of it is left but its number."""
    armed = in_state(State.NEW).armed("7", NOW).publishing(NOW)
    assert (armed.container_id, armed.container_at) == ("7", NOW)
    assert replace(armed.without_container(NOW), replaced=0) == in_state(State.NEW)
    assert armed.without_container(NOW).armed("17", NOW).without_container(NOW).replaced == 2


def test_a_text_keeps_to_its_container() -> None:
    """A text whose single call came to nothing goes by a container from then on, whatever becomes of that."""
    record = in_state(State.NEW).sending(NOW).without_single_call(NOW)
    assert (record.by_container, record.ambiguous, record.sent_at) == (True, False, None)
    assert record.armed("7", NOW).without_container(NOW).by_container


# --- the end ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "name"),
    [
        (State.SENT, "published"),
        (State.SENT, "failed"),
        (State.SENT, "left_unknown"),
        (State.ARMED, "cancelled"),
    ],
)
def test_an_end_frees_the_record(before: State, name: str) -> None:
    """Nobody holds what has ended, and it is remembered for its lifetime from then on."""
    held = in_state(before, ambiguous=True, due_at=NOW).leased("me", NOW)
    ended = MOVES[name][1](held, NOW + SECOND)
    assert (ended.owner, ended.lease_until, ended.due_at, ended.is_terminal) == (None, None, None, True)
    assert ended.expires_at == NOW + SECOND + RECORD_LIFETIME
    assert ended.ambiguous is (name == "left_unknown")


def test_an_end_says_what_to_do() -> None:
    """A post that was not published has its error, and what its owner can do."""
    sent = in_state(State.SENT)
    assert (sent.failed(ERROR, NOW).error, sent.failed(ERROR, NOW).next_action) == (ERROR, "look")
    assert (sent.left_unknown(ERROR, NOW).error, sent.left_unknown(ERROR, NOW).next_action) == (ERROR, "look")
    published = sent.published("8", NOW, instagram_status="FAILED")
    assert (published.media_id, published.is_found, published.error) == ("8", False, None)
    assert published.instagram_status == "FAILED"


def test_a_deleted_post_was_published() -> None:
    """A post that its owner has deleted keeps its state and its media id, and has a word of its own."""
    deleted = in_state(State.SENT).published("8", NOW).deleted(NOW + SECOND)
    assert (deleted.state, deleted.status, deleted.media_id) == (State.PUBLISHED, "deleted", "8")
    assert deleted.deleted_at == NOW + SECOND


STATUSES = [
    *((state, None, "processing") for state in (State.NEW, State.ARMED, State.SENT)),
    *((state, NOW, "scheduled") for state in (State.NEW, State.ARMED, State.SENT)),
    (State.PUBLISHED, None, "published"),
    (State.FAILED, None, "failed"),
    (State.CANCELLED, None, "cancelled"),
    (State.UNKNOWN, None, "unknown"),
]


@pytest.mark.parametrize(("state", "due_at", "word"), STATUSES)
def test_each_state_has_its_word(state: State, due_at: datetime | None, word: str) -> None:
    """The app reads how far a post is in one word."""
    assert in_state(state, due_at=due_at).status == word


# --- a new record, its hash, its tasks ----------------------------------------------------------------------


def test_a_new_record_is_kept_beyond_its_time() -> None:
    """A scheduled post is remembered as long as any other, from the moment that it is due."""
    due = NOW + MAX_SCHEDULE
    assert new_record("1", CONTENT, NOW).expires_at == NOW + RECORD_LIFETIME
    assert new_record("1", CONTENT, NOW, scheduled_time=due).expires_at == due + RECORD_LIFETIME
    assert new_record("1", CONTENT, NOW, scheduled_time=NOW - SECOND).expires_at == NOW + RECORD_LIFETIME


CONTENTS = st.dictionaries(st.text(max_size=2), st.text(max_size=3), max_size=4)


@given(content=CONTENTS, data=st.data())
def test_the_order_of_a_content_is_no_part_of_it(content: dict[str, str], data: st.DataObject) -> None:
    """The same members in another order are the same request, at every depth."""
    names = data.draw(st.permutations([*content]))
    other = {name: content[name] for name in names}
    assert content_hash(Content(other), None) == content_hash(Content(content), None)
    nested = [content_hash(Content({"media": [it]}), NOW) for it in (other, content)]
    assert nested[0] == nested[1]


@given(one=CONTENTS, other=CONTENTS)
def test_another_content_is_another_request(one: dict[str, str], other: dict[str, str]) -> None:
    """What differs in any member differs in its hash."""
    assert (content_hash(Content(one), None) == content_hash(Content(other), None)) is (one == other)


def test_the_order_of_a_list_is_part_of_a_content() -> None:
    """Media in another order are another post; a text is not what looks like it."""
    contents: list[dict[str, Any]] = [
        {"media": ["a", "b"]},
        {"media": ["b", "a"]},
        {"media": "ab"},
        {"text": "1"},
        {"text": 1},
        {"text": None},
        {},
    ]
    assert len({content_hash(Content(content), None) for content in contents}) == len(contents)


def test_another_time_is_another_request() -> None:
    """The time to publish at is part of a request; the zone that it was told in is not."""
    noon = datetime(2026, 5, 2, 12, tzinfo=UTC)
    in_berlin = noon.astimezone(datetime.fromisoformat("2026-05-02T14:00:00+02:00").tzinfo)
    hashes = {content_hash(CONTENT, when) for when in (None, noon, noon + timedelta(microseconds=1))}
    assert len(hashes) == 3
    assert content_hash(CONTENT, in_berlin) == content_hash(CONTENT, noon)


def test_a_hash_is_stable() -> None:
    """A record of today is compared with the requests of another process and another version."""
    expected = "c2aa62d16a995d6e9fa06d4b6e3babff2a07aaf5fbd7651224d7a49cc9c800b9"
    assert content_hash(TEXT, None) == expected


def test_each_delivery_names_its_own_task() -> None:
    """A task has another name than the one that is just running, and the same when it is created again."""
    names = [*starmap(task_id, product(["post-1", "post-11"], range(30), [NOW, NOW + SECOND]))]
    assert len({*names}) == len(names)
    assert task_id("post-1", 1, NOW) == task_id("post-1", 1, NOW)
    assert all(name.isalnum() and len(name) <= 500 for name in names)


# --- who goes on, and when ----------------------------------------------------------------------------------

LATER = NOW + timedelta(hours=1)

OPEN: dict[str, tuple[Record, datetime, str]] = {
    "new": (in_state(State.NEW), NOW, "resume"),
    "leased": (in_state(State.NEW).leased("me", NOW), NOW + LEASE, "wait"),
    "scheduled": (in_state(State.NEW, due_at=LATER), LATER, "wait"),
    "followed up": (in_state(State.ARMED).followed_up("task", LATER, NOW), LATER, "wait"),
    "postponed": (in_state(State.NEW).postponed_until(LATER, "task", {}, NOW), LATER, "wait"),
    "left open": (in_state(State.NEW).released(NOW, {}, pause=SECOND), NOW + SECOND, "resume"),
    "brought back": (in_state(State.NEW).woken(NOW), NOW, "resume"),
    "by a task": (in_state(State.NEW).woken(NOW).left_to("task", LATER, NOW), LATER, "wait"),
}


@pytest.mark.parametrize(
    ("wakes", "task", "pause"),
    [
        (0, None, LATE),
        (1, None, timedelta()),
        (WAKES_IN_A_ROW, None, timedelta()),
        (WAKES_IN_A_ROW + 1, None, LATE),
        (1, "task", LATE),
    ],
)
def test_only_a_post_without_a_task_is_looked_at_again_at_once(
    wakes: int, task: str | None, pause: timedelta
) -> None:
    """And only the first few times, so that it outlasts hours in which Threads is down."""
    record = replace(in_state(State.NEW).released(NOW), wakes=wakes, task=task)
    assert record.check_at == NOW + pause


@pytest.mark.parametrize(("record", "expected_at", "action"), OPEN.values(), ids=OPEN)
def test_a_post_that_has_not_ended_says_what_comes_next(
    record: Record, expected_at: datetime, action: str
) -> None:
    """Whoever wrote an open record last, it tells when to look at it, what its owner may do, and when."""
    document = as_document(record)
    is_left_to_upkeep = record.wakes > 0 and record.task is None
    assert document[CHECK_FIELD] == expected_at + (timedelta() if is_left_to_upkeep else LATE)
    assert (document["nextAction"], document["nextActionAt"]) == (action, expected_at)


def test_a_post_that_waits_for_its_owner_says_so() -> None:
    """What only its owner can do has no time; when somebody looks at it again is known."""
    record = in_state(State.NEW).released(NOW, {"nextAction": "reconnect"})
    assert (record.next_action, record.next_action_at, record.check_at) == ("reconnect", None, NOW + LATE)


@pytest.mark.parametrize("name", MOVES)
def test_nobody_looks_at_a_post_that_has_ended(name: str) -> None:
    """An end takes away everything that was to come, and what its owner was offered."""
    after, move = MOVES[name]
    if after in TERMINAL:
        waiting = in_state(State.ARMED, due_at=LATER, follow_up_at=LATER, resume_at=LATER)
        document = as_document(move(waiting, NOW))
        assert not {CHECK_FIELD, "nextActionAt"} & document.keys()


def test_a_thread_is_looked_at_until_it_has_ended() -> None:
    """The root of a thread is out before its replies are. Somebody goes on until all is done or deleted."""
    content = Content({"text": "1", "thread": [{"text": "2"}]})
    sent = replace(new_record("1", content, NOW), state=State.SENT)
    root = sent.published("8", NOW)
    assert root.check_at == NOW + LATE
    assert root.thread_ended(NOW).check_at is None
    assert root.deleted(NOW).check_at is None


def test_a_published_post_keeps_no_error() -> None:
    """What an earlier delivery met is over."""
    left = in_state(State.SENT).released(NOW, {"nextAction": "reconnect"})
    published = left.published("8", NOW)
    assert (published.error, published.next_action) == (None, None)


def test_an_error_names_the_post_of_a_thread_and_its_file() -> None:
    """Of twenty posts with twenty files each, the one is named. What is wrong with the account names none."""
    about = RejectedByThreads("No.").at("media[1]")
    answer = ended_badly(in_state(State.NEW, root="x", position=2), about, NOW).error or {}
    assert answer["details"] == [
        {"field": "thread[2].media[1]", "code": "rejected_by_threads", "message": "No."}
    ]
    assert answer["message"] == "thread[2].media[1]: No."
    assert "details" not in (ended_badly(in_state(State.NEW, position=2), MissingScope(), NOW).error or {})


# --- in Firestore -------------------------------------------------------------------------------------------

MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - given a zone beside
TEXTS = st.text(max_size=5)
NAMES = st.text(min_size=1, max_size=5)
RECORDS = st.builds(
    Record,
    state=st.sampled_from(State),
    account_id=TEXTS,
    content=st.builds(Content, st.dictionaries(NAMES, TEXTS, max_size=3)),
    content_hash=TEXTS,
    created_at=MOMENTS,
    updated_at=MOMENTS,
    expires_at=MOMENTS,
    **{name: st.none() | MOMENTS for name in ("scheduled_time", "due_at", "lease_until", "container_at")},
    **{name: st.none() | MOMENTS for name in ("sent_at", "settles_at", "deleted_at")},
    **{name: st.none() | TEXTS for name in ("task", "owner", "container_id", "media_id", "permalink")},
    instagram_status=st.none() | TEXTS,
    children=st.lists(
        st.fixed_dictionaries({"id": st.none() | TEXTS, "replaced": st.integers(0, 3)}), max_size=3
    ).map(tuple),
    **{name: st.integers(0, 99) for name in ("attempts", "replaced", "follow_ups", "postponed")},
    **{name: st.booleans() for name in ("by_container", "ambiguous")},
    error=st.none() | st.dictionaries(NAMES, TEXTS, max_size=3),
    **{name: st.none() | MOMENTS for name in ("follow_up_at", "resume_at")},
    wakes=st.integers(0, 99),
)


@given(RECORDS)
def test_a_record_comes_back_from_its_document(record: Record) -> None:
    """Nothing of a record is lost in Firestore, and nothing becomes something else on the way.

    A delivery whose commit was repeated recognises its own change by comparing the two.
    """
    database = Database()
    database.put("posts/a", as_document(record))
    assert from_document(database.fields("posts/a") or {}) == record


def test_a_document_has_the_promised_fields() -> None:
    """The document has the fields that the app reads, in its words, and those that the ledger needs."""
    document = as_document(full_record(CONTENT, NOW))
    promised = {
        *("status", "accountId", "content", "mediaId", "permalink", "error", "nextAction", "attempts"),
        *("scheduledTime", "createdAt", "updatedAt", "expiresAt", "instagramStatus", "deletedAt"),
        *("outSince", "isFound"),
        "nextActionAt",
    }
    needed = {
        *("state", "contentHash", "owner", "leaseUntil", "containerId", "containerAt", "sentAt", "ambiguous"),
        *("settlesAt", "byContainer", "replaced", "followUps", "postponed", "dueAt", "task"),
        *("followUpAt", "refused", "root", "position", "resumeAt", "wakes", "createAt"),
        "children",
    }
    assert document.keys() == promised | needed | {TTL_FIELD, CHECK_FIELD}
    assert (document["state"], document["status"], document["accountId"]) == ("NEW", "deleted", "1")
    assert type(document["state"]) is str


def test_a_document_has_nothing_that_says_nothing() -> None:
    """A text post is written with the fields that it uses. Writing all of them would cost twice the time."""
    document = as_document(new_record("1", CONTENT, NOW))
    always = {"state", "status", "accountId", "content", "contentHash", "createdAt", "updatedAt", "expiresAt"}
    assert document.keys() == always | {"nextAction", "nextActionAt", TTL_FIELD, CHECK_FIELD}


def test_a_document_is_forgotten_by_a_name_of_our_own() -> None:
    """The field that Firestore's expiry looks at says the same as ``expiresAt``."""
    record = new_record("1", CONTENT, NOW)
    assert as_document(record)[TTL_FIELD] == record.expires_at == as_document(record)["expiresAt"]


def test_a_document_of_an_earlier_version_is_read() -> None:
    """What says nothing was written, too; and a field that is not known is passed over."""
    document = as_document(new_record("1", CONTENT, NOW))
    older = {**document, "followUps": 0, "ambiguous": False, "children": [], "task": None, "error": None}
    assert from_document({**older, "somethingNew": 1}) == new_record("1", CONTENT, NOW)


# --- numbers ------------------------------------------------------------------------------------------------


def test_a_lease_outlives_all_that_a_delivery_may_still_do() -> None:
    """Within its lease a delivery ends the call it began in time, looks, and writes."""
    rpc = timedelta(seconds=RPC_TIMEOUT)
    rest = LEASE - BUDGET
    assert rest > 2 * CALL_DEADLINE + 2 * rpc
    least = 3 * CALL_DEADLINE + 2 * rpc
    assert least < BUDGET


def test_waits_are_in_order() -> None:
    """An outage's pause and a clock's allowance are short beside the time that a post may take to appear."""
    assert OUTAGE_PAUSE < CLOCK_ALLOWANCE < SETTLE
    assert CALL_DEADLINE < SETTLE
    assert CONTAINER_SETTLES < SETTLE


def test_a_post_is_not_late_while_its_task_may_come() -> None:
    """The queue's longest back-off is over before the upkeep comes. Fifteen minutes are enough for both."""
    root = Path(__file__).parents[3]
    longest = yaml.safe_load((root / "queue.yaml").read_text())["--max-backoff"]
    assert timedelta(seconds=int(longest.removesuffix("s"))) < LATE
    upkeep = yaml.safe_load((root / "functions.yaml").read_text())["endpoints"]["th_upkeep"]
    _, minutes, _ = upkeep["scheduleTrigger"]["schedule"].split()
    settled = timedelta(minutes=15) - SETTLE - LATE - timedelta(minutes=int(minutes))
    assert settled >= timedelta(minutes=2)
