"""The fault matrix's virtual systems behave as the real ones, and a sample of its cells holds."""

from datetime import timedelta
from functools import partial
from importlib.util import find_spec
from random import Random

import pytest

from tests.faults import ROWS, composed_matrix, mutants, parts, teeth
from tests.faults.__main__ import WIDTH, report
from tests.faults.cells import FROZEN, REFUSED, Cell, judge, read_key, run_cell
from tests.faults.enumeration import pairs, singles
from tests.faults.model import START, Crash, World
from tests.faults.outage import Outage
from tests.faults.parts import ACCOUNT, UID
from tests.faults.result import Failure, Result, Size
from tests.faults.scenarios import CAROUSEL, COMPOSED, FAILING, IMAGE, MEDIA, SCENARIOS, TEXT, THREAD
from tests.faults.side_by_side import SideBySide
from tests.faults.virtual_firestore import CREATE, WRITE, VirtualFirestore
from tests.faults.virtual_queue import VirtualQueue
from tests.faults.virtual_threads import VirtualThreads
from tests.faults.visits import Timing
from tests.faults.watched import CALLS, DISTINCT_PLACES, PLACES
from tests.faults.wrongs import BY_STEP, distinct
from threads.base.errors import ServiceUnavailable, ThreadsError
from threads.base.secret import Secret
from threads.graph import media as calls
from threads.graph.error_codes import is_missing_container
from threads.posts.content import Content
from threads.posts.ledger import Record, new_record
from threads.posts.repository import Overtaken, PostRepository, StoredPost

TOKEN = Secret("token")
COMMITS = {CREATE, WRITE}
SAMPLE = 37
"""One in so many cells is tried here: a prime, so that all kinds of them are."""


def threads_in(world: World) -> VirtualThreads:
    """Return a Threads that is quick with media and slow with lists."""
    return VirtualThreads(world, ready_after=timedelta(seconds=2), lag=timedelta(seconds=3))


def created(threads: VirtualThreads) -> str:
    """Return a new container, of a picture."""
    reply = threads.send(calls.create_container_request(TOKEN, IMAGE.parameters()))
    return calls.read_created_id(reply)


REPLY = Content({"text": "Yes."})


def published_at_once(threads: VirtualThreads) -> str:
    """Publish a text in a single call."""
    request = calls.create_container_request(TOKEN, TEXT.parameters(), auto_publish_text=True)
    return calls.read_created_id(threads.send(request))


def published(threads: VirtualThreads, name: str) -> str:
    """Publish a container."""
    return calls.read_published_id(threads.send(calls.publish_container_request(TOKEN, name)))


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
    look = calls.recent_posts_request(TOKEN, world.now - timedelta(minutes=1))
    assert calls.read_recent_posts(threads.send(look)) == []
    world.pass_time(timedelta(seconds=3))
    assert [post.media_id for post in calls.read_recent_posts(threads.send(look))] == [media_id]


def test_a_reply_answers_a_post_that_is_out() -> None:
    """A reply to nothing is refused; one that is out stands in the list of replies, and in no other."""
    world = World()
    threads = threads_in(world)
    root = published_at_once(threads)
    reply = calls.create_container_request(TOKEN, REPLY.parameters() | {"reply_to_id": "7"})
    with pytest.raises(ThreadsError) as refusal:
        calls.read_created_id(threads.send(reply))
    assert is_missing_container(refusal.value)
    reply = calls.create_container_request(TOKEN, REPLY.parameters() | {"reply_to_id": root})
    media_id = published(threads, calls.read_created_id(threads.send(reply)))
    world.pass_time(timedelta(seconds=3))
    lists = {
        path: calls.read_recent_posts(
            threads.send(calls.recent_posts_request(TOKEN, world.now - timedelta(minutes=1), path=path))
        )
        for path in ("/me/threads", "/me/replies")
    }
    assert [post.media_id for post in lists["/me/threads"]] == [root]
    assert [post.media_id for post in lists["/me/replies"]] == [media_id]


def test_a_carousel_needs_its_finished_media() -> None:
    """Media come first and cannot be published; one that is not finished keeps the carousel from being."""
    world = World()
    threads = threads_in(world)
    media = [calls.create_container_request(TOKEN, form) for form in CAROUSEL.child_parameters()]
    names = [calls.read_created_id(threads.send(request)) for request in media]
    whole = calls.create_container_request(TOKEN, CAROUSEL.parameters(names))
    with pytest.raises(ThreadsError):
        calls.read_created_id(threads.send(whole))
    world.pass_time(timedelta(seconds=2))
    with pytest.raises(ThreadsError):
        published(threads, names[0])
    carousel = calls.read_created_id(threads.send(whole))
    world.pass_time(timedelta(seconds=2))
    assert published(threads, carousel) == threads.posts[-1].id
    single = calls.read_created_id(threads.send(calls.create_container_request(TOKEN, TEXT.parameters())))
    with pytest.raises(ThreadsError):
        calls.read_created_id(
            threads.send(calls.create_container_request(TOKEN, CAROUSEL.parameters([single])))
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


def posts_in(world: World) -> PostRepository:
    """Return the real repository, over a virtual Firestore."""
    return parts.post_parts(parts.clock_of(world), VirtualFirestore(world), parts.NO_QUEUE).repository


def begun(posts: PostRepository, world: World) -> StoredPost:
    """Return a post that has just been written."""
    return posts.create(UID, "a", new_record(ACCOUNT, TEXT, world.now))


def leased(post: StoredPost, owner: str, world: World) -> Record:
    """Return its record with a lease."""
    return post.record.leased(owner, world.now)


@pytest.mark.parametrize(
    ("fault", "owner", "later"),
    [("unavailable", None, None), ("answer_lost", "me", "me"), ("commit_30s_late", None, "me")],
)
def test_a_commit_fails_in_each_way(fault: str, owner: str | None, later: str | None) -> None:
    """The repository is told that Firestore is unavailable, whether the commit is carried out, and when."""
    world = World({2: fault})
    posts = posts_in(world)
    post = begun(posts, world)
    with pytest.raises(ServiceUnavailable):
        posts.write(post, leased(post, "me", world))
    for expected, wait in ((owner, timedelta()), (later, timedelta(minutes=1))):
        world.pass_time(wait)
        there = posts.read(UID, "a")
        assert there
        assert there.record.owner == expected


def test_a_repeated_commit_meets_its_own_change() -> None:
    """The repository finds what it has written itself, although its commit was refused."""
    world = World({2: "repeated"})
    firestore = VirtualFirestore(world)
    posts = parts.post_parts(parts.clock_of(world), firestore, parts.NO_QUEUE).repository
    post = begun(posts, world)
    mine = posts.write(post, leased(post, "me", world))
    assert firestore.conflicts == 1
    assert posts.read(UID, "a") == mine


def test_a_late_commit_loses_against_a_change() -> None:
    """A commit that arrives late is one of the version it was made for."""
    world = World({2: "commit_30s_late"})
    posts = posts_in(world)
    post = begun(posts, world)
    with pytest.raises(ServiceUnavailable):
        posts.write(post, leased(post, "late", world))
    changed = posts.write(post, leased(post, "me", world))
    with pytest.raises(Overtaken):
        posts.write(post, leased(post, "other", world))
    world.pass_time(timedelta(minutes=1))
    assert posts.read(UID, "a") == changed


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


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_repeated_commit_costs_no_delivery(name: str) -> None:
    """A delivery takes its own change for its own, whichever commit the client repeats."""
    calm, _ = run_cell(Cell(SCENARIOS[name], Timing.NONE, {}))
    commits = [number for number, place in enumerate(calm.world.names) if place in COMMITS]
    assert commits
    for commit in commits:
        story, verdict = run_cell(Cell(SCENARIOS[name], Timing.NONE, {commit: "repeated"}))
        assert (story.deliveries, verdict.lost) == (calm.deliveries, 0)
        assert verdict.conflicts > 0


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


def test_a_process_can_die_around_each_call_of_each_post() -> None:
    """The matrix lets it die before and after every call that a calm thread makes, in each of its posts."""
    story, _ = run_cell(Cell(COMPOSED["thread2"], Timing.NONE, {}))
    places = story.world.names
    many = len(THREAD.replies) + 1
    each = ("firestore:create", "graph:create_container", "graph:read_container", "graph:publish_container")
    reads = many + many - 2  # the account for each post, and the root again for each reply but the first
    counted = {"firestore:read": reads, **dict.fromkeys(each, many), "firestore:write": 3 * many + 1}
    assert {place: places.count(place) for place in counted} == counted
    assert all(f"{place}:after" in places for place in counted)
    dying = {
        next(iter(cell.plan)) for cell in singles(story.scenario, places) if "crash" in cell.plan.values()
    }
    assert dying == set(range(len(places)))
    assert "crash" in composed_matrix.FAULTS_OF_CI


def test_the_places_of_the_real_function_have_names() -> None:
    """There are at least twelve that differ, and each of the named calls has one before and one after it."""
    assert len(set(DISTINCT_PLACES)) >= 12
    assert set(DISTINCT_PLACES) < set(PLACES)
    assert len(set(PLACES)) == 2 * len(CALLS) + 1


ALIKE = [
    (step, wrong.name) for step, wrongs in BY_STEP.items() for wrong in wrongs if wrong not in distinct(step)
]
"""Faults that are not paired, as the service cannot tell them from another one that is."""


@pytest.mark.parametrize("scenario", ["text1", "text2-task", "image"])
def test_what_is_not_paired_is_told_by_another_fault(scenario: str) -> None:
    """A fault that is left out of the pairs leads past the same places to the same end as one that is not."""
    calm = Cell(SCENARIOS[scenario], Timing.NONE, {})
    names = run_cell(calm)[0].world.names

    def way(place: int, action: str) -> tuple[object, ...]:
        story, verdict = run_cell(Cell(calm.scenario, Timing.NONE, {place: action}))
        out = [(post.out_at, post.form) for post in story.threads.posts]
        return story.world.names, story.world.now, out, verdict

    for step, left_out in ALIKE:
        for place in (place for place, name in enumerate(names) if name == f"graph:{step}"):
            ways = [way(place, wrong.name) for wrong in distinct(step)]
            assert way(place, left_out) in ways


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


def test_a_post_after_the_deadline_is_told() -> None:
    """A call that publishes and is made after its request's time is wrong, whatever comes of it."""
    story, verdict = run_cell(Cell(SCENARIOS["image"], Timing.NONE, {}))
    assert not verdict.why
    [post] = story.threads.posts
    post.call = post.call._replace(deadline=post.call.meant_at)
    assert "after the deadline" in judge(story, {}).why


def test_a_key_names_its_cell() -> None:
    """A cell that is read from its key runs as it did."""
    key = "text1/lease/4.timeout_with_effect+9.crash"
    assert read_key(key).key == key
    runs = [run_cell(read_key(key), is_traced=True)[0].world.trace for _ in range(2)]
    assert runs[0] == runs[1]


@pytest.mark.parametrize(
    ("key", "window"),
    [
        ("text1/settle/4.freeze300", FROZEN),
        ("text2/settle/12.freeze300", ""),
        ("text2/none/12.late_effect_1h", ""),
        ("text2/none/12.late_effect_1h+30.content_100", REFUSED),
    ],
)
def test_a_window_is_counted_apart(key: str, window: str) -> None:
    """What the design leaves open to a single call is told by its name; a container leaves no duplicate."""
    verdict = run_cell(read_key(key))[1]
    assert (verdict.window, verdict.duplicates) == (window, 0)


@pytest.mark.parametrize("name", teeth.CASES)
def test_every_mutant_is_caught(name: str) -> None:
    """The cells that are named for a mutant catch it, and not the real ledger."""
    case = teeth.CASES[name]
    assert not teeth.caught_by(case)
    with case.mutant():
        assert teeth.caught_by(case)


@pytest.mark.parametrize("has_queue", [True, False])
def test_a_small_outage_holds(has_queue: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Every accepted post is out once, and in time; all of it is F10. The same seed is the same run."""
    runs = [Outage(7, 30, has_queue=has_queue) for _ in range(2)]
    for run in runs:
        run.happen()
        assert run.duplicates() == run.complaints() == run.bugs == []
    assert [*runs[0].notes()] == [*runs[1].notes()]


def test_of_many_processes_the_one_that_is_due_goes_on() -> None:
    """They take turns by the clock. Those that are killed do nothing more, and others can begin."""
    world, said = SideBySide(), list[str]()

    def process(name: str, pause: int) -> None:
        for number in range(3):
            said.append(f"{name}{number}")
            world.pass_time(timedelta(seconds=pause))

    world.begin(partial(process, "a", 3))
    world.begin(partial(process, "b", 2))
    world.run(START + timedelta(seconds=5))
    assert said == ["a0", "b0", "b1", "a1", "b2"]
    assert world.kill(Random(1)) == 2  # noqa: S311 - repeatable
    world.begin(partial(process, "c", 1))
    world.run(START + timedelta(seconds=30))
    assert said[5:] == ["c0", "c1", "c2"]


def test_mutants_leave_nothing_behind() -> None:
    """After a mutant the ledger is as it was."""
    with mutants.settle_is_zero():
        pass
    assert teeth.run(Size.CI, 1, "settle_is_zero").holds


def test_every_row_has_a_file_of_its_own() -> None:
    """The table names a module for each row."""
    modules = {row.module for row in ROWS.values()}
    assert len(modules) == len(ROWS)
    assert all(find_spec(f"tests.faults.{module}") for module in modules)


def test_the_table_is_narrow() -> None:
    """Every line of the table fits, and a failure is told with the command that shows it again."""
    wide = Result(999_999, 0, 0, 9999.9, 99999, failures=[Failure("lost", "a/b")])
    [*table, failure, command] = report(dict.fromkeys(ROWS, wide))
    assert max(map(len, table[: len(ROWS) + 2])) <= WIDTH
    assert failure.endswith("lost")
    assert command.strip() == "python -m tests.faults --only F11:a/b --seed 99999"
