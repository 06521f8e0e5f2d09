"""The fault matrix's virtual systems behave as the real ones, and a sample of its cells holds."""

from datetime import timedelta

import pytest

from tests.faults import f6, f8, mutants
from tests.faults.__main__ import WIDTH, report
from tests.faults.cells import FROZEN, REFUSED, Cell, judge, read_key, run_cell
from tests.faults.enumeration import pairs, singles
from tests.faults.model import Crash, World
from tests.faults.result import Result, Size
from tests.faults.scenarios import CAROUSEL, COMPOSED, FAILING, IMAGE, MEDIA, SCENARIOS, TEXT, THREAD
from tests.faults.virtual_firestore import VirtualRecords
from tests.faults.virtual_queue import VirtualQueue
from tests.faults.virtual_threads import VirtualThreads
from tests.faults.visits import Timing
from threads import containers
from threads.errors import ServiceUnavailable, ThreadsError
from threads.failures import is_missing_container
from threads.ledger import Point, new_record
from threads.posts import Content
from threads.records import AlreadyClaimed, Overtaken
from threads.wire import Secret

TOKEN = Secret("token")
SAMPLE = 37
"""Every so-manieth cell is tried here: a prime, so that all kinds of them are."""


def threads_in(world: World) -> VirtualThreads:
    """Return a Threads that is quick with media and slow with lists."""
    return VirtualThreads(world, ready_after=timedelta(seconds=2), lag=timedelta(seconds=3))


def created(threads: VirtualThreads) -> str:
    """Return a new container, of a picture."""
    reply = threads.send(containers.create_container_request(TOKEN, IMAGE.parameters()))
    return containers.read_created_id(reply)


REPLY = Content({"text": "Yes."})


def published_at_once(threads: VirtualThreads) -> str:
    """Publish a text in a single call."""
    request = containers.create_container_request(TOKEN, TEXT.parameters(), auto_publish_text=True)
    return containers.read_created_id(threads.send(request))


def published(threads: VirtualThreads, name: str) -> str:
    """Publish a container."""
    return containers.read_published_id(threads.send(containers.publish_container_request(TOKEN, name)))


# --- the virtual systems ----------------------------------------------------------------------------------


def test_a_container_is_published_once() -> None:
    """A second call for the same container is an error, and makes no second post."""
    world = World()
    threads = threads_in(world)
    name = created(threads)
    with pytest.raises(ThreadsError) as early:
        published(threads, name)
    assert is_missing_container(early.value)
    world.pass_time(timedelta(seconds=2))
    media_id = published(threads, name)
    with pytest.raises(ThreadsError):
        published(threads, name)
    assert [post.id for post in threads.posts] == [media_id]


def test_a_post_is_listed_after_a_while() -> None:
    """Lists lag; with the time that they are asked for, older posts are left out."""
    world = World()
    threads = threads_in(world)
    threads.add_old_post(TEXT.parameters(), timedelta(minutes=10))
    media_id = published_at_once(threads)
    look = containers.recent_posts_request(TOKEN, world.now - timedelta(minutes=1))
    assert containers.read_recent_posts(threads.send(look)) == []
    world.pass_time(timedelta(seconds=3))
    assert [post.media_id for post in containers.read_recent_posts(threads.send(look))] == [media_id]


def test_a_reply_answers_a_post_that_is_out() -> None:
    """A reply to nothing is refused; one that is out stands in the list of replies, and in no other."""
    world = World()
    threads = threads_in(world)
    root = published_at_once(threads)
    reply = containers.create_container_request(TOKEN, REPLY.parameters() | {"reply_to_id": "7"})
    with pytest.raises(ThreadsError) as refusal:
        containers.read_created_id(threads.send(reply))
    assert is_missing_container(refusal.value)
    reply = containers.create_container_request(TOKEN, REPLY.parameters() | {"reply_to_id": root})
    media_id = published(threads, containers.read_created_id(threads.send(reply)))
    world.pass_time(timedelta(seconds=3))
    lists = {
        path: containers.read_recent_posts(
            threads.send(containers.recent_posts_request(TOKEN, world.now - timedelta(minutes=1), path=path))
        )
        for path in ("/me/threads", "/me/replies")
    }
    assert [post.media_id for post in lists["/me/threads"]] == [root]
    assert [post.media_id for post in lists["/me/replies"]] == [media_id]


def test_a_carousel_needs_its_finished_media() -> None:
    """Media come first and cannot be published; one that is not finished keeps the carousel from being."""
    world = World()
    threads = threads_in(world)
    media = [containers.create_container_request(TOKEN, form) for form in CAROUSEL.child_parameters()]
    names = [containers.read_created_id(threads.send(request)) for request in media]
    whole = containers.create_container_request(TOKEN, CAROUSEL.parameters(names))
    with pytest.raises(ThreadsError):
        containers.read_created_id(threads.send(whole))
    world.pass_time(timedelta(seconds=2))
    with pytest.raises(ThreadsError):
        published(threads, names[0])
    carousel = containers.read_created_id(threads.send(whole))
    world.pass_time(timedelta(seconds=2))
    assert published(threads, carousel) == threads.posts[-1].id
    single = containers.read_created_id(
        threads.send(containers.create_container_request(TOKEN, TEXT.parameters()))
    )
    with pytest.raises(ThreadsError):
        containers.read_created_id(
            threads.send(containers.create_container_request(TOKEN, CAROUSEL.parameters([single])))
        )


@pytest.mark.parametrize(
    ("fault", "posts", "later"),
    [
        ("timeout_no_effect", 0, 0),
        ("timeout_with_effect", 1, 1),
        ("late_effect", 0, 1),
        ("5xx_with_effect", 1, 1),
        ("truncated", 1, 1),
    ],
)
def test_a_fault_has_its_effect(fault: str, posts: int, later: int) -> None:
    """A call that goes wrong publishes at once, later or not at all, and its answer is of no use."""
    world = World({0: fault})
    threads = threads_in(world)
    with pytest.raises(ThreadsError):
        published_at_once(threads)
    assert len(threads.posts) == posts
    world.pass_time(timedelta(minutes=2))
    assert len(threads.posts) == later


def test_records_are_compared_and_set() -> None:
    """Of two writers of one version the second is overtaken, and a media id is one post's."""
    world = World()
    records = VirtualRecords(world)
    first = records.create("u", "a", new_record("1", TEXT.as_json(), world.now))
    assert records.create("u", "a", new_record("2", {}, world.now)) == first
    claimed = records.write(first, first.record.claimed("me", world.now))
    with pytest.raises(Overtaken):
        records.write(first, first.record.claimed("other", world.now))
    records.write(claimed, claimed.record.sending(world.now).published("7", world.now), media_id="7")
    second = records.create("u", "b", new_record("1", TEXT.as_json(), world.now).sending(world.now))
    with pytest.raises(AlreadyClaimed):
        records.write(second, second.record.published("7", world.now), media_id="7")
    assert records.read("u", "b") == second


def test_a_late_commit_loses_against_a_change() -> None:
    """A commit that arrives late is one of the version it was made for."""
    world = World({2: "commit_30s_late"})
    records = VirtualRecords(world)
    held = records.create("u", "a", new_record("1", TEXT.as_json(), world.now))
    with pytest.raises(ServiceUnavailable):
        records.write(held, held.record.claimed("late", world.now))
    changed = records.write(held, held.record.claimed("me", world.now))
    world.pass_time(timedelta(minutes=1))
    assert records.read("u", "a") == changed


def test_a_task_name_works_once() -> None:
    """A task that has been created before is left as it is."""
    world, created_tasks = World(), list[str]()
    queue = VirtualQueue(
        world,
        is_configured=True,
        deliver_at=lambda name, *_: created_tasks.append(name),
        drop=created_tasks.remove,
    )
    for _ in range(2):
        queue.enqueue("t", uid="u", post_id="a", due_at=world.now)
    queue.delete("t")
    queue.enqueue("t", uid="u", post_id="a", due_at=world.now)
    assert created_tasks == []


def test_a_crash_is_nothing_that_the_service_can_catch() -> None:
    """A crash passes every ``except Exception``."""
    assert not issubclass(Crash, Exception)


# --- the cells --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_sample_of_the_cells_holds(name: str) -> None:
    """Nothing is published twice or lost; the whole matrix is ``python -m tests.faults``."""
    calm = Cell(SCENARIOS[name], Timing.NONE, {})
    firsts = list(singles(calm.scenario, run_cell(calm)[0].world.names))
    cells = firsts[::SAMPLE]
    for first in firsts[:: SAMPLE * 3]:
        cells += list(pairs(first, run_cell(first)[0].world.names))[:: SAMPLE * 3]
    verdicts = {cell.key: run_cell(cell)[1] for cell in cells}
    wrong = {key: verdict for key, verdict in verdicts.items() if verdict.duplicates or verdict.lost}
    assert cells
    assert not wrong


SPARSE = 397
"""The same for posts that are made of several, whose cells take longer."""


@pytest.mark.parametrize("name", COMPOSED)
def test_a_sample_of_the_composed_cells_holds(name: str) -> None:
    """A carousel comes out once and whole, a thread once and in order; all of it is F8."""
    calm = Cell(COMPOSED[name], Timing.NONE, {})
    cells = [calm, *list(singles(calm.scenario, run_cell(calm)[0].world.names))[::SPARSE]]
    verdicts = {cell.key: run_cell(cell)[1] for cell in cells}
    assert not {key: verdict for key, verdict in verdicts.items() if verdict.duplicates or verdict.lost}


def test_a_calm_carousel_replaces_what_fails() -> None:
    """Each file has one container, the three that fail have two, and the carousel one."""
    story, _ = run_cell(Cell(COMPOSED["carousel"], Timing.NONE, {}))
    created = [it.form.get("image_url", "") for it in story.threads.containers.values()]
    assert sorted(created) == sorted([*MEDIA, *FAILING, ""])
    assert len(story.threads.posts) == 1


def test_a_process_can_die_at_each_point_of_each_post() -> None:
    """The matrix lets it die at every point that a calm thread passes: each of them in each of its posts."""
    story, _ = run_cell(Cell(COMPOSED["thread2"], Timing.NONE, {}))
    places = story.world.names
    many = len(THREAD.replies) + 1
    calm = set(Point) - {Point.RELEASED}
    assert {point: places.count(f"point:{point}") for point in calm} == dict.fromkeys(calm, many)
    dying = {
        next(iter(cell.plan)) for cell in singles(story.scenario, places) if "crash" in cell.plan.values()
    }
    assert dying == set(range(len(places)))
    assert "crash" in f8.FAULTS_OF_CI


def test_a_thread_out_of_order_is_told() -> None:
    """A reply that answers another post than the one before, or a lost file of a carousel, is no whole."""
    story, verdict = run_cell(Cell(COMPOSED["thread"], Timing.NONE, {}))
    assert not verdict.why
    story.threads.posts[5].form["reply_to_id"] = story.threads.posts[0].id
    assert "answers" in judge(story, {}).why
    story, _ = run_cell(Cell(COMPOSED["carousel"], Timing.NONE, {}))
    [post] = story.threads.posts
    post.form["children"] = post.form["children"].partition(",")[2]
    assert "other files" in judge(story, {}).why


def test_a_key_names_its_cell() -> None:
    """A cell that is read from its key runs as it did."""
    key = "text1/lease/5.timeout_with_effect+11.crash"
    assert read_key(key).key == key
    runs = [run_cell(read_key(key), is_traced=True)[0].world.trace for _ in range(2)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("key", "window"),
    [
        ("text1/settle/5.freeze300", FROZEN),
        ("text2/settle/18.freeze300", ""),
        ("text2/none/18.late_effect_1h", ""),
        ("text2/none/18.late_effect_1h+39.content_100", REFUSED),
    ],
)
def test_a_window_is_counted_apart(key: str, window: str) -> None:
    """What the design leaves open to a single call is told by its name; a container leaves no duplicate."""
    verdict = run_cell(read_key(key))[1]
    assert (verdict.window, verdict.duplicates) == (window, 0)


@pytest.mark.parametrize("name", f6.CASES)
def test_every_mutant_is_caught(name: str) -> None:
    """The cells that are named for a mutant catch it, and not the real ledger."""
    case = f6.CASES[name]
    assert not f6.caught_by(case)
    with case.mutant():
        assert f6.caught_by(case)


def test_mutants_leave_nothing_behind() -> None:
    """After a mutant the ledger is as it was."""
    with mutants.settle_is_zero():
        pass
    assert f6.run(Size.CI, 1, "settle_is_zero").holds


def test_the_table_is_narrow() -> None:
    """Every line of the table fits, and a row that is not there says so."""
    wide = Result("F2", "w" * 200, 999_999, 0, 0, 9999.9, 99999)
    table = [line for line in report({"F2": wide, "F3": None}) if not line.startswith("F2  ")]
    assert max(map(len, table)) <= WIDTH
    assert table[-1].endswith("not there")
