"""A cell: one row, one timing, and at most two things that go wrong; and what its run must have come to.

A cell's key names it for good: ``text1/lease/6.timeout_with_effect+11.crash`` is the row ``text1``, a
duplicate after the lease, a fault at place 6 and a crash at place 11.
"""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from tests.faults.scenarios import COMPOSED, MEDIA, SCENARIOS, WIDE, Scenario
from tests.faults.story import Story
from tests.faults.virtual_posts import Post
from tests.faults.visits import Answered, Timing
from tests.faults.wrongs import BLINDING, LASTING
from threads.posts.ledger import SETTLE, Record, State
from threads.publishing.retry_rules import NEW_CONTAINER

Plan = dict[int, str]

FROZEN = "frozen between the clock check and the socket"
COMMITTED = "committed after settle"
UNLISTED = "out, but not listed after settle"
DELETED = "deleted by its owner before it was found"
REFUSED = "no duplicate: refused for good, then an earlier call shows after settle"
"""Of every way to publish: the record says FAILED, and told so when it was true."""

MISLEADING = frozenset({"not_found_4279009", "freeze90", "freeze300", "freeze3600"})
"""After these a medium may be created again that was good: Threads says that it is lost, or a process stands
still at the socket until another one has overtaken it. Nothing comes of the other container."""

RAISED = "raised"
"""How a complaint begins about a run that ended in an exception."""


class Cell(NamedTuple):
    """One case."""

    scenario: Scenario
    timing: Timing
    plan: Plan

    @property
    def key(self) -> str:
        """Return its name."""
        wrongs = "+".join(f"{place}.{action}" for place, action in self.plan.items())
        return f"{self.scenario.name}/{self.timing}/{wrongs}"


class Verdict(NamedTuple):
    """What a run has come to."""

    duplicates: int = 0
    lost: int = 0
    window: str = ""
    """The window that the duplicates come through; they are not counted then."""
    unknown: int = 0
    """Posts that a person has to look for."""
    why: str = ""
    deliveries: int = 0
    """After the last thing went wrong, until the end."""
    conflicts: int = 0
    """Commits that were refused, as their precondition did not hold."""


def read_key(key: str) -> Cell:
    """Return the cell of a key."""
    name, timing, wrongs = key.split("/")
    pairs = (wrong.split(".", 1) for wrong in wrongs.split("+") if wrong)
    return Cell(
        (SCENARIOS | COMPOSED | WIDE)[name], Timing(timing), {int(place): action for place, action in pairs}
    )


def run_cell(cell: Cell, *, is_traced: bool = False) -> tuple[Story, Verdict]:
    """Run a cell, and judge it."""
    story = Story(cell.scenario, cell.timing, cell.plan, is_traced=is_traced)
    try:
        story.run()
    except Exception as error:  # noqa: BLE001 - whatever it is, the ledger must not end like that
        return story, Verdict(lost=1, why=f"{RAISED} {error!r:.200}")
    return story, judge(story, cell.plan)


def judge(story: Story, plan: Plan) -> Verdict:
    """Compare what the records say with what is out."""
    posts, names = story.threads.posts, [name for names in story.posts for name in names]
    states = [state for name in names if (state := story.state(name))]
    unknown, published = states.count(State.UNKNOWN), states.count(State.PUBLISHED)
    deliveries = max(story.most_after_trouble, story.since_trouble)
    calm = Verdict(unknown=unknown, deliveries=deliveries, conflicts=story.firestore.conflicts)
    wanted = max(len(story.names), len(states))
    surplus = len(posts) - published - unknown
    if surplus > 0 and story.has_ended() and (window := _window(story, wanted, states)):
        return calm._replace(window=window)
    if len(posts) > wanted:
        return calm._replace(duplicates=len(posts) - wanted, why=f"{len(posts)} posts")
    complaints = [why for twin in range(len(story.names)) for why in _complaints(story, twin, plan)]
    if story.root_deleted_at:
        after = [post.id for post in posts if post.reply_to and post.call.meant_at > story.root_deleted_at]
        complaints += [f"{', '.join(after)} answer what is deleted"] if len(after) > 1 else []
    if late := [post.id for post in posts if post.call.meant_at >= post.call.deadline]:
        complaints.append(f"{', '.join(late)} published after the deadline")
    if surplus > 0 or len(posts) < published:
        complaints.append(f"{len(posts)} posts, and {published} records of one")
    return calm._replace(lost=len(complaints), why="; ".join(complaints))


def _complaints(story: Story, twin: int, plan: Plan) -> Iterator[str]:
    """Yield what is wrong with a request's records, and with the order of what is out."""
    before = ""
    for number, name in enumerate(story.posts[twin]):
        record = story.record(name)
        complaint = _complaint(story, twin, name, record, plan)
        if complaint:
            yield f"post {number}: {complaint}" if number else complaint
        if record is None or record.state is not State.PUBLISHED:
            break  # nothing can come after it
        for post in story.threads.posts:
            if post.id == record.media_id:
                yield from _misplaced(story, post, before)
        before = record.media_id or ""
    if story.needless and MISLEADING.isdisjoint(plan.values()):
        yield f"{story.needless} good media were created again"


def _misplaced(story: Story, post: Post, before: str) -> Iterator[str]:
    """Yield what is wrong with a post that is out: what it answers, or the files that it has."""
    if post.reply_to != before:
        yield f"{post.id} answers {post.reply_to or 'nothing'} instead of {before or 'nothing'}"
    if "children" in post.form:
        children = (story.threads.containers[name] for name in post.form["children"].split(","))
        if [child.form["image_url"] for child in children] != MEDIA:
            yield f"{post.id} has other files"


def _complaint(story: Story, twin: int, name: str, record: Record | None, plan: Plan) -> str:
    """Return what is wrong with a post's record; nothing, when it is true."""
    if record is None:
        return _unrecorded(story, story.answers[twin])
    if not record.is_terminal:
        return f"left {record.state}"
    if record.state is State.PUBLISHED:
        return _mistaken(story, twin, name, record.media_id or "")
    return _ended_badly(story, record, plan)


def _unrecorded(story: Story, answer: Answered) -> str:
    """Return what is wrong if there is no record: nothing, if it was never accepted, or is over."""
    is_refused = answer.error and not answer.error.retryable and not story.threads.posts
    is_over = story.is_abandoned or story.root_deleted_at
    return "" if is_refused or is_over else "no record"


def _mistaken(story: Story, twin: int, name: str, media_id: str) -> str:
    """Return what is wrong with the post that a record says is its own."""
    if media_id not in {post.id for post in story.threads.posts} or story.owner_of(media_id) != name:
        return "says PUBLISHED, and is not"
    is_own = name != story.names[twin] or story.is_own(twin, media_id)
    return "" if is_own else "has another one's post"


def _ended_badly(story: Story, record: Record, plan: Plan) -> str:
    """Return what is wrong with a record that has ended without a media id."""
    is_given_up, wrongs = story.scenario.tries < Scenario.tries, plan.values()
    if record.state is State.CANCELLED:
        return "" if story.was_cancelled else "cancelled, and no owner asked for it"
    if record.state is State.UNKNOWN:
        is_unseen = any(post.is_deleted or is_listed_late(post) for post in story.threads.posts)
        return "" if is_given_up or is_unseen or not BLINDING.isdisjoint(wrongs) else "UNKNOWN"
    is_refused = is_given_up or not LASTING.isdisjoint(wrongs) or _has_hopeless_file(story)
    return "" if is_refused else f"failed without a reason: {record.error}"


def _has_hopeless_file(story: Story) -> bool:
    """Return whether one medium of a carousel has failed as often as it is tried."""
    failed = Counter(
        it.form.get("image_url") for it in story.threads.containers.values() if it.is_child and it.fate
    )
    return any(times > (NEW_CONTAINER.times or 0) for times in failed.values())


def _window(story: Story, wanted: int, states: list[State]) -> str:
    """Name the window that a post came through, by what happened to the posts themselves."""
    posts = story.threads.posts
    late = [post for post in posts if _is_late(post)]
    surplus = len(posts) - wanted
    if surplus <= 0:
        is_unseen = late or any(map(is_listed_late, posts))
        return REFUSED if is_unseen and State.FAILED in states else ""
    if not story.scenario.in_one_call:
        return ""
    if surplus <= sum(post.in_one_call for post in late):
        return FROZEN if any(post.in_one_call and _is_frozen(post) for post in late) else COMMITTED
    if surplus <= sum(post.is_hidden or is_listed_late(post) for post in posts):
        return UNLISTED
    return DELETED if surplus <= sum(post.is_deleted for post in posts) else ""


def _is_late(post: Post) -> bool:
    """Return whether it came when a call that was meant to publish it had to have settled."""
    return post.out_at - post.call.meant_at >= SETTLE


def is_listed_late(post: Post) -> bool:
    """Return whether lists had it only when a call that was meant to publish it had to have settled."""
    return post.listed_at - post.call.meant_at >= SETTLE


def _is_frozen(post: Post) -> bool:
    """Return whether its caller was the reason: a process that stood still at the socket."""
    return post.call.sent_at - post.call.meant_at >= SETTLE
