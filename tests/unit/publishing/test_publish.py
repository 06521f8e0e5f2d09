"""The story of a post around its delivery: whose account, what is recorded, what waits for its time."""

from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.support import OTHER_KEY, graph_error, reply
from tests.unit.world import (
    ACCOUNT,
    IMAGE,
    NOW,
    PROJECT,
    TEXT,
    UID,
    Said,
    World,
    is_,
    listed,
    made,
    post_id,
    quota,
    silence,
)
from threads.accounts.vault import Vault
from threads.base.errors import (
    AccountNotFound,
    IdempotencyMismatch,
    InProgress,
    InvalidRequest,
    MissingAccount,
    PostNotFound,
    Problem,
    ReconnectRequired,
    ServiceError,
    ServiceUnavailable,
    ThreadsUnavailable,
)
from threads.base.secret import Secret
from threads.posts.content import Content
from threads.posts.ledger import LEASE, RECORD_LIFETIME, Record, State, new_record
from threads.posts.submission import Submission
from threads.publishing import publish, schedule
from threads.publishing.delete_and_repost import with_permalink
from threads.publishing.schedule import QUEUE_PAUSE

OTHER = "17841400000000002"
REFUSAL = InvalidRequest(Problem("text", "text_too_long", "is too long."))
LIMIT = reply(403, graph_error(4))


def submission(content: Content = TEXT, account_id: str | None = None, **more: Any) -> Submission:
    """Return a request to publish."""
    return Submission(UID, content, account_id, "key", **more)


def published(world: World, wanted: Submission, *, by_task: bool = False, is_last: bool = False) -> Record:
    """Publish a submission, and return its record."""
    delivery = world.delivery(by_task=by_task, is_last=is_last)
    return publish.publish(world.publishing, UID, wanted, delivery).root.record


def brought(world: World, *, is_last: bool = False) -> Record:
    """Bring the task of a post, and return its record."""
    delivery = world.delivery(by_task=True, is_last=is_last)
    return publish.deliver_task(world.publishing, UID, post_id("key"), delivery).root.record


# --- a server in trouble --------------------------------------------------------------------------------

TROUBLE: list[list[Said]] = [
    [reply(500, graph_error(190, 463))],
    [reply(400, graph_error(100)), reply(502, graph_error(190))],
    [made("7"), reply(500, graph_error(102))],
    [made("7"), is_("FINISHED"), reply(503, graph_error(190)), is_("FINISHED")],
]


@pytest.mark.parametrize("said", TROUBLE, ids=range(len(TROUBLE)))
def test_a_server_in_trouble_disconnects_nobody(said: list[Said]) -> None:
    """Whatever it says of the token, with a 5xx it proves nothing: the account is not marked."""
    world = World()
    world.say(*said)
    with suppress(ServiceError):
        published(world, submission(IMAGE, ACCOUNT))
    assert world.graph.is_done()
    assert not world.is_marked()


# --- whose account ------------------------------------------------------------------------------------------


def test_the_only_account_is_meant() -> None:
    """A request without an account is published to the only one, with the token that was sealed for it."""
    world = World()
    world.say(made("8"))
    record = published(world, submission())
    assert (record.account_id, record.media_id) == (ACCOUNT, "8")
    [request] = world.graph.requests
    assert request.token
    assert request.token.reveal().startswith("THQWJ")


def test_the_named_account_is_meant() -> None:
    """With several accounts, the one that the request names is published to."""
    world = World()
    world.connect(OTHER)
    world.say(made("8"))
    assert published(world, submission(account_id=OTHER)).account_id == OTHER


def test_the_only_account_named_or_not_is_the_same_post() -> None:
    """Whether a request names the only account makes no other post of it."""
    world = World()
    world.say(made("8"))
    first = published(world, submission())
    assert published(world, submission(account_id=ACCOUNT)) == first
    assert world.calls == ["create_container"]


def without_account(world: World) -> None:
    """Disconnect the account."""
    world.delete_account()


def with_two_accounts(world: World) -> None:
    """Connect another account."""
    world.connect(OTHER)


def with_dead_token(world: World) -> None:
    """Note on the account that its token is dead."""
    world.connect(ACCOUNT, status="reconnect_required")


def with_old_token(world: World) -> None:
    """Let the token run out."""
    world.connect(ACCOUNT, expiresAt=NOW)


def without_key(world: World) -> None:
    """Lose the key that has sealed the token."""
    world.vault = Vault({"other": Secret(OTHER_KEY)}, lambda: PROJECT)


TROUBLES: list[tuple[Any, type[ServiceError]]] = [
    (without_account, AccountNotFound),
    (with_two_accounts, MissingAccount),
    (with_dead_token, ReconnectRequired),
    (without_key, ReconnectRequired),
]


@pytest.mark.parametrize(("arrange", "trouble"), TROUBLES, ids=range(len(TROUBLES)))
def test_the_web_app_is_told_what_keeps_a_post_back(arrange: Any, trouble: type[ServiceError]) -> None:
    """A request that cannot be published is an error and no record: it may be sent again when it can."""
    world = World()
    arrange(world)
    with pytest.raises(trouble):
        published(world, submission())
    assert world.trail == []


@pytest.mark.parametrize(("arrange", "trouble"), TROUBLES, ids=range(len(TROUBLES)))
def test_a_tasks_failure_is_recorded(arrange: Any, trouble: type[ServiceError]) -> None:
    """Nobody reads a task's answer: what keeps its post back for good is in the record, once."""
    world = World()
    arrange(world)
    record = published(world, submission(), by_task=True)
    assert (record.state, record.owner, record.expires_at) == (State.FAILED, None, NOW + RECORD_LIFETIME)
    assert (record.error or {})["code"] == trouble.code
    assert published(world, submission(), by_task=True) == record
    assert world.trail == ["commit FAILED"]


def test_a_tasks_refused_content_is_recorded() -> None:
    """What is wrong with a task's content stands in the record with every broken rule."""
    world = World()
    record = published(world, submission(refusal=REFUSAL), by_task=True)
    assert (record.state, record.error) == (State.FAILED, REFUSAL.as_json())
    assert world.calls == []


@pytest.mark.parametrize("by_task", [False, True])
def test_a_store_that_does_not_answer_is_no_failure(by_task: bool) -> None:  # noqa: FBT001 - a column
    """Where the accounts cannot be read nothing is recorded, and the request is to be sent again."""
    world = World()
    world.wire.refuses = "/accounts"
    with pytest.raises(ServiceUnavailable):
        published(world, submission(), by_task=by_task)
    assert world.trail == []


# --- the same request again ---------------------------------------------------------------------------------


@pytest.mark.parametrize("by_task", [False, True])
@pytest.mark.parametrize("arrange", [without_key, with_dead_token, with_old_token], ids=range(3))
def test_what_is_out_stays_out(arrange: Any, by_task: bool) -> None:  # noqa: FBT001 - a column
    """A post that was published is answered as such, whatever has become of its account."""
    world = World()
    world.say(made("8"))
    record = published(world, submission(account_id=ACCOUNT))
    arrange(world)
    assert published(world, submission(account_id=ACCOUNT), by_task=by_task) == record


def test_a_waiting_post_of_a_dead_account_stays() -> None:
    """The web app learns that the account has to be connected again; the post waits for that."""
    world = World()
    world.say(reply(503))
    with pytest.raises(ThreadsUnavailable):
        published(world, submission(IMAGE, ACCOUNT))
    with_dead_token(world)
    with pytest.raises(ReconnectRequired):
        published(world, submission(IMAGE, ACCOUNT))
    world.connect(ACCOUNT)
    world.say(made("7"), is_("FINISHED"), made("8"))
    assert published(world, submission(IMAGE, ACCOUNT)).media_id == "8"


@pytest.mark.parametrize(
    ("said", "state"), [([reply(503)], State.FAILED), ([silence(), listed()], State.UNKNOWN)]
)
def test_a_waiting_post_of_a_task_ends_with_its_account(said: list[Any], state: State) -> None:
    """A task's post whose account has died has failed, or is unknown where it may be out."""
    world = World()
    content = IMAGE if state is State.FAILED else TEXT
    world.say(*said)
    with pytest.raises(ThreadsUnavailable):
        published(world, submission(content, ACCOUNT), by_task=True)
    with_dead_token(world)
    assert published(world, submission(content, ACCOUNT), by_task=True).state is state


@pytest.mark.parametrize("by_task", [False, True])
def test_another_content_under_the_same_key_is_refused(by_task: bool) -> None:  # noqa: FBT001 - a column
    """A key that is another post's is told, whether or not the request could be published otherwise."""
    world = World()
    world.say(made("8"))
    record = published(world, submission(account_id=ACCOUNT))
    other = submission(Content({"text": "hello!"}), ACCOUNT)
    with pytest.raises(IdempotencyMismatch):
        published(world, other, by_task=by_task)
    with_dead_token(world)
    with pytest.raises(IdempotencyMismatch):
        published(world, other, by_task=by_task)
    assert world.record() == record


def test_a_post_in_other_hands_is_not_ended() -> None:
    """A delivery whose account has just died leaves the post to the one that is at it."""
    world = World()
    leased = world.put_post(post_id("key"), published_by_other(world))
    with_dead_token(world)
    with pytest.raises(InProgress):
        published(world, submission(account_id=ACCOUNT), by_task=True)
    with pytest.raises(InProgress):
        brought(world)
    assert world.record() == leased.record
    world.clock.forward(seconds=LEASE.total_seconds())
    assert brought(world).state is State.FAILED


def published_by_other(world: World) -> Record:
    """Return the record of a post that another delivery is just publishing."""
    record = new_record(ACCOUNT, TEXT, world.clock.now)
    return record.leased("other", world.clock.now)


# --- later --------------------------------------------------------------------------------------------------

TOMORROW = NOW + timedelta(days=1)


def scheduled(world: World, **more: Any) -> Record:
    """Schedule a text, and return its record."""
    return schedule.schedule(world.publishing, UID, submission(**more), world.delivery()).root.record


def test_a_scheduled_post_waits_for_its_task() -> None:
    """The task is there before the record that promises it, both for the same moment, and nothing is sent."""
    world = World()
    record = scheduled(world, scheduled_time=TOMORROW)
    assert world.trail == ["task", "commit NEW"]
    [task] = world.tasks.created
    assert (task.uid, task.post_id, task.due_at, task.name) == (UID, post_id("key"), TOMORROW, record.task)
    assert (record.status, record.due_at, record.scheduled_time) == ("scheduled", TOMORROW, TOMORROW)
    assert record.expires_at == TOMORROW + RECORD_LIFETIME
    assert record.attempts == 0


def test_a_queued_post_is_next() -> None:
    """A post for the queue is brought at once, but not before its record is there."""
    world = World()
    record = scheduled(world, is_queued=True)
    assert (record.due_at, record.scheduled_time) == (NOW + QUEUE_PAUSE, None)


def test_a_scheduled_post_is_published_by_its_task() -> None:
    """The task finds content and account in the record."""
    world = World()
    scheduled(world, scheduled_time=TOMORROW)
    world.clock.now = TOMORROW
    world.say(made("8"))
    record = brought(world)
    assert (record.state, record.media_id, record.due_at, record.attempts) == (State.PUBLISHED, "8", None, 1)


def test_the_same_request_schedules_once() -> None:
    """A repeated request finds the first one's record and task; another time or content is refused."""
    world = World()
    record = scheduled(world, scheduled_time=TOMORROW)
    world.clock.forward(seconds=59)
    assert scheduled(world, scheduled_time=TOMORROW) == record
    assert len(world.tasks.created) == 1
    with pytest.raises(IdempotencyMismatch):
        scheduled(world, scheduled_time=TOMORROW + timedelta(hours=1))
    with pytest.raises(IdempotencyMismatch):
        published(world, submission())
    assert world.record() == record


@pytest.mark.parametrize(
    ("wanted", "field"), [({"scheduled_time": TOMORROW}, "scheduledTime"), ({"is_queued": True}, "queue")]
)
def test_without_a_queue_nothing_is_scheduled(wanted: dict[str, Any], field: str) -> None:
    """A service without a queue says so, by the name of what was asked for."""
    world = World(has_queue=False)
    with pytest.raises(InvalidRequest) as refusal:
        scheduled(world, **wanted)
    [problem] = refusal.value.problems
    assert (problem.field, problem.code, refusal.value.status) == (field, "no_queue", 400)
    assert world.trail == []


@pytest.mark.parametrize(
    ("arrange", "trouble"),
    [
        (without_account, AccountNotFound),
        (with_two_accounts, MissingAccount),
        (with_dead_token, ReconnectRequired),
    ],
    ids=range(3),
)
def test_nothing_is_scheduled_for_no_account(arrange: Any, trouble: type[ServiceError]) -> None:
    """What no account could publish is refused when it is scheduled."""
    world = World()
    arrange(world)
    with pytest.raises(trouble):
        scheduled(world, scheduled_time=TOMORROW)
    assert world.trail == []


def test_a_post_is_not_promised_without_its_task() -> None:
    """Where Cloud Tasks does not take the task, no record says that the post is scheduled."""
    world = World()
    world.tasks.is_out_of_order = True
    with pytest.raises(ServiceUnavailable):
        scheduled(world, scheduled_time=TOMORROW)
    assert world.post(post_id("key")) is None


# --- a task of ours -----------------------------------------------------------------------------------------


def test_a_task_without_a_record_ends_by_itself() -> None:
    """A task whose record is just being written comes again; the last time nobody will write it any more."""
    world = World()
    with pytest.raises(InProgress):
        brought(world)
    with pytest.raises(PostNotFound):
        brought(world, is_last=True)


def test_a_task_of_a_post_that_has_ended_does_nothing() -> None:
    """A task that comes twice, or for a cancelled post, asks nothing of Threads and writes nothing."""
    world = World()
    scheduled(world, scheduled_time=TOMORROW)
    world.clock.now = TOMORROW
    world.say(made("8"))
    record = brought(world)
    trail = [*world.trail]
    assert brought(world) == record
    assert world.trail == trail


def test_a_task_of_a_post_without_an_account_fails_it() -> None:
    """A scheduled post whose account is gone when its time has come has failed, and says why."""
    world = World()
    scheduled(world, scheduled_time=TOMORROW)
    without_account(world)
    world.clock.now = TOMORROW
    record = brought(world)
    assert (record.state, (record.error or {})["code"]) == (State.FAILED, "account_not_found")
    assert record.next_action == "connect_account"


def test_a_task_that_cannot_read_the_account_comes_again() -> None:
    """A store that does not answer ends no post."""
    world = World()
    scheduled(world, scheduled_time=TOMORROW)
    world.clock.now = TOMORROW
    world.wire.refuses = "/accounts"
    with pytest.raises(ServiceUnavailable):
        brought(world)
    assert world.record().status == "scheduled"


def test_a_postponed_post_goes_on() -> None:
    """A post that waits for its account is published by the task that it was left to."""
    world = World()
    world.say(LIMIT, quota(0))
    waiting = published(world, submission(), by_task=True)
    assert waiting.due_at
    world.clock.now = waiting.due_at
    world.say(made("8"))
    assert brought(world).media_id == "8"


# --- the permalink ------------------------------------------------------------------------------------------

ADDRESS = "https://www.threads.com/@ada/post/8"


def out(world: World) -> Any:
    """Publish a text, and return what is held of it."""
    world.say(made("8"))
    return publish.publish(world.publishing, UID, submission(), world.delivery()).root


def test_a_permalink_is_asked_for_once() -> None:
    """Who wants the address gets it, and the record keeps it."""
    world = World()
    held = out(world)
    world.say(reply(200, {"id": "8", "permalink": ADDRESS}))
    held = with_permalink(world.publishing, held)
    assert held.record.permalink == world.record().permalink == ADDRESS
    assert with_permalink(world.publishing, held) == held
    assert world.calls == ["create_container", "read_media"]


@pytest.mark.parametrize(
    "answer", [reply(503), silence(), reply(200, {"id": "8"}), reply(400, graph_error(190))], ids=range(4)
)
def test_a_post_without_an_address_is_out_all_the_same(answer: Any) -> None:
    """Not getting the address is no failure of what is published."""
    world = World()
    held = out(world)
    world.say(answer)
    assert with_permalink(world.publishing, held) == held


@pytest.mark.parametrize("arrange", [without_account, with_dead_token, without_key], ids=range(3))
def test_an_address_is_not_worth_an_error(arrange: Any) -> None:
    """Neither is an account that has gone since, or a record that somebody else has just changed."""
    world = World()
    held = out(world)
    arrange(world)
    assert with_permalink(world.publishing, held) == held


def test_an_address_that_another_has_noted_is_no_error() -> None:
    """Two that ask at once get their answers, whoever writes first."""
    world = World()
    held = out(world)
    world.put_post(post_id("key"), replace(held.record, permalink=ADDRESS))
    world.say(reply(200, {"id": "8", "permalink": ADDRESS}))
    assert with_permalink(world.publishing, held).record.permalink == ADDRESS


def test_only_a_published_post_has_an_address() -> None:
    """Nothing is asked for a post that is not out."""
    world = World()
    held = schedule.schedule(
        world.publishing, UID, submission(scheduled_time=TOMORROW), world.delivery()
    ).root
    assert with_permalink(world.publishing, held) == held
    assert world.calls == []
