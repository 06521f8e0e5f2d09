"""Interceptors: what one sees of a call, and the faults that it causes."""

from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import pytest
from google.api_core.exceptions import AlreadyExists, FailedPrecondition, NotFound, ServiceUnavailable
from google.api_core.retry import Retry
from google.cloud.firestore import SERVER_TIMESTAMP, And, FieldFilter, GeoPoint, Increment

from tests.faults.model import START, Crash, World
from tests.firestore.calls import Bill, Call
from tests.firestore.client import Client
from tests.firestore.database import Database
from tests.firestore.errors import refusal
from threads.base import errors
from threads.posts.content import Content
from threads.posts.ledger import new_record
from threads.posts.repository import Overtaken, PostRepository, StoredPost

LATE = timedelta(seconds=30)
RECORD = new_record("1", Content({"text": "hello"}), START)
POST = "users/ada/integrations/threads/posts/post"
CLAIM = "threadsClaims/8"


class Faults:
    """The fault matrix's world, over the calls of one client."""

    def __init__(self, plan: dict[int, str]) -> None:
        """Take what goes wrong at which place."""
        self.world = World(plan)
        self.database = Database(lambda: self.world.now)
        self.records = PostRepository(Client(self.database, intercept=self.meet).provide)

    def meet(self, call: Call[Any]) -> Callable[[], None]:
        """Let what is planned for this call happen."""
        fault = self.world.at(call.kind)
        if fault == "commit_30s_late":
            self.world.later(LATE, call.apply)
        if fault in {"unavailable", "commit_30s_late"}:
            raise refusal(ServiceUnavailable, "")
        if fault == "repeated":
            call.apply()
        return lambda: self.answer(call.kind, is_lost=fault == "answer_lost")

    def answer(self, kind: str, *, is_lost: bool) -> None:
        """Let the answer come, or not."""
        if self.world.at(f"{kind}:after") == "crash":
            raise Crash
        if is_lost:
            raise refusal(ServiceUnavailable, "")


def seen(client: Client) -> list[Call[Any]]:
    """Return the list that a client's calls are then kept in."""
    calls: list[Call[Any]] = []
    client.intercept = calls.append
    return calls


# --- what an interceptor sees -------------------------------------------------------------------------------


def test_every_kind_of_call_is_seen() -> None:
    """A call names its documents or its collection; a commit also says what it does."""
    client = Client()
    calls = seen(client)
    document, other = client.document("things/a"), client.collection("others").document("b")
    document.create({"a": 1})
    document.get()
    list(client.get_all([document, other]))
    client.collection("things").limit(1).get()
    client.collection_group("things").get()
    batch = client.batch()
    batch.set(other, {})
    batch.update(document, {"a": 2})
    batch.commit()
    document.set({})
    document.update({"a": 1})
    document.delete()
    assert [(call.kind, list(call.paths), list(call.verbs)) for call in calls] == [
        ("commit", ["things/a"], ["create"]),
        ("get", ["things/a"], []),
        ("batch_get", ["things/a", "others/b"], []),
        ("query", ["things"], []),
        ("query", ["things"], []),
        ("commit", ["others/b", "things/a"], ["set", "update"]),
        ("commit", ["things/a"], ["set"]),
        ("commit", ["things/a"], ["update"]),
        ("commit", ["things/a"], ["delete"]),
    ]


def test_documents_are_charged_for_as_google_does() -> None:
    """A query costs what it finds, and one read if that is nothing. A count costs a read for each 1,000."""
    client, bill = Client(), Bill()
    for number in range(1001):
        client.database.put(f"things/{number}", {})
    client.intercept = bill.follow
    things, missing = client.collection("things"), client.document("others/a")
    missing.get()
    list(client.get_all([missing, client.document("things/1")]))
    assert bill == Bill(reads=3)
    things.limit(4).get()
    client.collection("others").get()
    assert bill == Bill(reads=8)
    things.count().get()
    assert bill == Bill(reads=10)
    batch = client.batch()
    batch.set(missing, {})
    batch.delete(client.document("things/1"))
    batch.commit()
    assert bill == Bill(reads=10, writes=1, deletes=1)


def test_an_interceptor_sees_how_long_a_caller_waits() -> None:
    """A test may demand that no call waits for ever."""
    client = Client()
    calls = seen(client)
    retry = Retry()
    client.document("things/a").get(retry=retry, timeout=10)
    client.document("things/a").get()
    assert [(call.retry, call.timeout) for call in calls] == [(retry, 10), (None, None)]


def test_a_test_plants_and_looks_without_a_call() -> None:
    """No interceptor sees it, and no fault meets it."""
    client = Client()
    calls = seen(client)
    database = client.database
    version = database.put("things/a", {"a": [1]})
    database.put("things/b", {})
    assert database.fields("things/a") == {"a": [1]}
    assert database.version("things/a") == version
    assert database.paths() == ["things/a", "things/b"]
    assert database.paths("things/b") == ["things/b"]
    database.delete("things/a")
    assert database.fields("things/a") is None
    assert database.version("things/a") is None
    assert not calls


def test_clients_share_a_database_and_no_interceptor() -> None:
    """So another writer is spared the faults of the first."""
    database = Database()
    first, second = Client(database), Client(database)
    calls = seen(first)
    second.document("things/a").create({"a": 1})
    assert not calls
    assert first.document("things/a").get().to_dict() == {"a": 1}
    assert first.document("things/a") != second.document("things/a")


def test_versions_are_the_clocks_and_never_equal() -> None:
    """Where the clock stands still or goes back, a version is the next microsecond."""
    times = [START, START, START - LATE, START + LATE]
    database = Database(iter(times).__next__)
    versions = [database.put("things/a", {"a": number}) for number in range(len(times))]
    second = timedelta(microseconds=1)
    assert versions == [START, START + second, START + 2 * second, START + LATE]


# --- the faults that it causes ------------------------------------------------------------------------------


def test_a_call_that_does_not_arrive_has_no_effect() -> None:
    """Its caller gets what the interceptor raised."""
    faults = Faults({0: "unavailable"})
    with pytest.raises(errors.ServiceUnavailable):
        faults.records.create("ada", "post", RECORD)
    assert not faults.database.paths()
    assert faults.world.names == ["commit"]


def test_a_commit_without_an_answer_has_an_effect() -> None:
    """Its caller cannot know."""
    faults = Faults({0: "answer_lost"})
    with pytest.raises(errors.ServiceUnavailable):
        faults.records.create("ada", "post", RECORD)
    assert faults.database.paths() == [POST]
    assert faults.world.names == ["commit", "commit:after"]


def test_a_process_may_die_before_the_answer() -> None:
    """Every exception of an interceptor reaches the caller."""
    faults = Faults({1: "crash"})
    with pytest.raises(Crash):
        faults.records.create("ada", "post", RECORD)
    assert faults.database.paths() == [POST]


def test_a_commit_may_come_late() -> None:
    """At the moment that the interceptor chooses."""
    faults = Faults({0: "commit_30s_late"})
    with pytest.raises(errors.ServiceUnavailable):
        faults.records.create("ada", "post", RECORD)
    faults.world.pass_time(LATE - timedelta(seconds=1))
    assert not faults.database.paths()
    faults.world.pass_time(timedelta(seconds=1))
    assert faults.database.version(POST) == START + LATE


def test_a_late_commit_keeps_its_preconditions() -> None:
    """It has no effect where another writer was faster, and raises nothing."""
    faults = Faults({2: "commit_30s_late"})
    held = faults.records.create("ada", "post", RECORD)
    with pytest.raises(errors.ServiceUnavailable):
        faults.records.write(held, RECORD.leased("d1", START), media_id="8")
    faults.records.write(held, RECORD.leased("d2", START))
    faults.world.pass_time(LATE)
    assert faults.database.paths() == [POST]


def test_a_repeated_commit_meets_its_own_change() -> None:
    """The second try fails with its precondition, and the repository finds that the record is its own."""
    faults = Faults({0: "repeated", 6: "repeated"})
    faults.records.create("ada", "post", RECORD)
    held = faults.records.read("ada", "post")
    assert held
    claimed = held.record.leased("d1", START)
    written = faults.records.write(held, claimed, media_id="8")
    assert written == StoredPost("ada", "post", claimed, faults.database.version(POST))
    assert faults.database.paths() == [CLAIM, POST]
    calls = ["commit", "get", "get", "commit", "get"]
    assert faults.world.names == [name for call in calls for name in (call, f"{call}:after")]


def test_a_new_record_recognizes_itself() -> None:
    """The repository recognizes the repeated commit of a record that it has just created."""
    faults = Faults({2: "repeated"})
    held = faults.records.create("ada", "post", RECORD)
    assert faults.records.write(held, RECORD.leased("d1", START))


@pytest.mark.parametrize(
    ("write", "error"),
    [
        (lambda document, _: document.create({}), AlreadyExists),
        (lambda document, unchanged: document.update({"a": 2}, unchanged), FailedPrecondition),
        (lambda document, unchanged: document.delete(unchanged), FailedPrecondition),
        (lambda document, _: document.set({"a": 2}, merge=True), None),
        (lambda document, _: document.update({"a": 2}), None),
        (lambda document, _: document.delete(), None),
    ],
)
def test_only_a_precondition_notices_a_repetition(
    write: Callable[[Any, Any], object], error: type[Exception] | None
) -> None:
    """A write without one is carried out twice."""
    client = Client()
    document = client.document("things/a")
    version = client.database.put("things/a", {"a": 1})
    if error is AlreadyExists:
        client.database.delete("things/a")
    applied: list[bool] = []

    def repeat(call: Call[Any]) -> None:
        applied.append(call.apply())

    client.intercept = repeat
    with pytest.raises(error) if error else nullcontext():
        write(document, client.write_option(last_update_time=version))
    assert applied == [True]


def test_another_writer_comes_between_a_read_and_a_commit() -> None:
    """Who changes a document after it was read prevents the commit of the one that read it."""
    database = Database(lambda: START)
    client = Client(database)
    records, others = PostRepository(client.provide), PostRepository(Client(database).provide)
    held = records.create("ada", "post", RECORD)
    client.intercept = lambda _: lambda: others.write(held, RECORD.leased("d2", START))
    read = records.read("ada", "post")
    client.intercept = None
    assert read
    assert read.version == held.version
    with pytest.raises(Overtaken):
        records.write(read, read.record.leased("d1", START))


def test_a_refused_commit_has_an_answer_too() -> None:
    """The second function runs after a conflict, too, and its exception counts."""
    client = Client()
    lost = refusal(ServiceUnavailable, "")

    def lose() -> None:
        raise lost

    client.intercept = lambda _: lose
    with pytest.raises(ServiceUnavailable) as caught:
        client.document("things/a").update({"a": 1})
    assert isinstance(caught.value.__context__, NotFound)


def test_a_commit_is_carried_out_at_one_moment() -> None:
    """Many threads that change one document by its version lose no change."""
    client = Client(Database(lambda: datetime.now(UTC)))
    document = client.document("things/a")
    document.create({"n": 0})

    def count() -> None:
        done = 0
        while done < 100:
            read = document.get()
            unchanged = client.write_option(last_update_time=read.update_time)
            try:
                document.update({"n": read.get("n") + 1}, unchanged)
            except FailedPrecondition:
                continue
            done += 1

    threads = [Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert document.get().get("n") == 400


# --- what is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "use",
    [
        lambda client: client.transaction(),
        lambda client: client.collection("a").list_documents(),
        lambda client: client.collection("a").count().stream(),
        lambda client: client.document("a/b").collections(),
        lambda client: client.document("a/b").get().create_time,
        lambda client: client.batch().write_results,
    ],
)
def test_what_is_unknown_is_refused(use: Callable[[Any], object]) -> None:
    """The error names what is missing."""
    with pytest.raises(NotImplementedError, match="in-memory Firestore has no"):
        use(Client())


@pytest.mark.parametrize(
    "use",
    [
        lambda it: it.where(filter=FieldFilter("a", "not-in", [1])),
        lambda it: it.where(filter=FieldFilter("a", "array_contains", 1)),
        lambda it: it.where(filter=FieldFilter("a", "==", None)),
        lambda it: it.where(filter=And([FieldFilter("a", "==", 1)])),
        lambda it: it.where(filter=FieldFilter("__name__", "==", it.document("a"))),
        lambda it: it.where(filter=FieldFilter("a", "==", it.document("a"))),
        lambda it: it.where(filter=FieldFilter("a", "<", 1)).where(filter=FieldFilter("b", "<", 1)).get(),
        lambda it: it.where(filter=FieldFilter("a", "<", 1)).order_by("b").get(),
        lambda it: it.order_by("__name__", direction="DESCENDING"),
        lambda it: it.order_by("a").start_after([1]),
        lambda it: it.order_by("a").start_after(it.document("a").get()),
        lambda it: it.order_by("__name__").start_after({"__name__": "a"}),
        lambda it: it.order_by("a").start_after({"a": 1}).order_by("b"),
        lambda it: it.document("a").set({"a": 1}, merge=["a"]),
        lambda it: it.document("a").set({"a": SERVER_TIMESTAMP}),
        lambda it: it.document("a").set({"a": Increment(1)}),
        lambda it: it.document("a").set({"a": it.document("b")}),
        lambda it: it.document("a").set({"a": GeoPoint(0, 0)}),
        lambda it: it.document("a").delete(Client().write_option(exists=False)),
    ],
)
def test_an_unknown_use_of_a_known_method_is_refused(use: Callable[[Any], object]) -> None:
    """Nothing is guessed: each of these means something to the real client."""
    client = Client()
    with pytest.raises(NotImplementedError):
        use(client.collection("things"))
    assert not client.database.paths()


def test_two_writes_of_a_document_in_a_batch_are_refused() -> None:
    """The server has rules for that which nothing here needs."""
    client = Client()
    batch = client.batch()
    batch.set(client.document("a/b"), {"a": 1})
    batch.update(client.document("a/b"), {"a": 2})
    with pytest.raises(NotImplementedError):
        batch.commit()
    assert not client.database.paths()
