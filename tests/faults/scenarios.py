"""What is published, by whom, and how Threads takes it: the rows that every fault is laid over."""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from functools import cached_property

from tests.faults.model import START
from tests.faults.parts import ACCOUNT, UID
from tests.faults.virtual_posts import Fate
from threads.posts.content import Content
from threads.posts.ledger import SETTLE
from threads.posts.submission import Submission
from threads.publishing.thread import reply_name

IN_AN_HOUR = START + timedelta(hours=1)

TEXT = Content({"text": "Bread, bicycles and small computers."})
IMAGE = Content({"text": TEXT.text, "imageUrl": "https://media.example/cat.jpg"})
VIDEO = Content({"text": TEXT.text, "videoUrl": "https://media.example/cat.mp4"})

MEDIA = [f"https://media.example/{number}.jpg" for number in range(20)]
CAROUSEL = Content({"text": TEXT.text, "media": [{"imageUrl": url} for url in MEDIA]})
FAILING: Mapping[str, Fate] = {MEDIA[3]: Fate.BREAKS, MEDIA[10]: Fate.EXPIRES, MEDIA[19]: Fate.VANISHES}
"""Three media of the carousel whose first container fails, each in another way."""

_REPLIES = [f"Reply {number}" for number in (1, 2, 3, 4, 4, 6, 7, 8, 9)]
"""The fourth and the fifth have the same words."""
THREAD = Content({"text": TEXT.text, "thread": [{"text": text} for text in _REPLIES]})
FILM = Content(
    {
        "text": TEXT.text,
        "thread": [
            {"text": "Look"},
            {"text": "A film", "videoUrl": "https://media.example/cat.mp4"},
            {"text": "Done"},
        ],
    }
)


class Caller(StrEnum):
    """Who brings the request."""

    WEB = "web"
    """The web app: sends it again when the connection breaks, or when it is told to."""
    TASK = "task"
    """The orchestrator's task: Cloud Tasks brings it until it is answered well."""
    SCHEDULE = "schedule"
    """The web app, for later: a task of ours brings it at its time."""
    UPKEEP = "upkeep"
    """Cloud Scheduler, for whatever is open."""


@dataclass(frozen=True)
class Scenario:
    """One row."""

    name: str
    content: Content
    caller: Caller = Caller.WEB
    text_mode: str = "single_step"
    has_queue: bool = False
    ready_after: timedelta = timedelta()
    """How long Threads processes the container."""
    lag: timedelta = timedelta(seconds=3)
    """How long a post is missing from lists."""
    lists_all: bool = False
    shown: Callable[[str], str] = str
    """What Threads makes of a text."""
    threads_ahead: timedelta | None = None
    """How far Threads' clock is ahead of Firestore's, as its lists say. None: a little behind, and they say
    nothing."""
    machines_ahead: Sequence[timedelta] = (timedelta(),)
    """How far the clock of each delivery's machine is ahead of Firestore's, in turn."""
    is_twin: bool = False
    """A second request with the same text and another key is there at the same time."""
    by_hand: Content | None = None
    """What the owner has just posted by hand."""
    twin: Content | None = None
    """What the second request asks for. None: the same."""
    tries: int = 20
    """How often Cloud Tasks brings the orchestrator's task."""
    failing: Mapping[str, Fate] = field(default_factory=dict)
    """What becomes of the first container of a file, by its URL."""

    @property
    def in_one_call(self) -> bool:
        """Whether the text goes out in a single call, with the windows that this leaves open."""
        is_plain = self.content.values.keys() <= {"text", "thread"} and "://" not in self.content.text
        return self.text_mode == "single_step" and is_plain

    @cached_property
    def submissions(self) -> Sequence[Submission]:
        """What is asked for: one post, or two with the same text."""
        moment = IN_AN_HOUR if self.caller is Caller.SCHEDULE else None
        contents = {"a": self.content, **({"b": self.twin or self.content} if self.is_twin else {})}
        return [Submission(UID, content, ACCOUNT, key, moment) for key, content in contents.items()]

    @cached_property
    def names(self) -> Sequence[str]:
        """The name of each request's first post."""
        return [submission.post_id(UID) for submission in self.submissions]

    @cached_property
    def posts(self) -> Sequence[Sequence[str]]:
        """The names of each request's posts: one, or those of a thread in order."""
        replies = range(1, len(self.content.replies) + 1)
        return [[name, *(reply_name(name, number) for number in replies)] for name in self.names]

    @cached_property
    def parameters(self) -> Mapping[str, str]:
        """What Threads is told of the first post."""
        return self.content.parameters()


_SHORT = timedelta(seconds=1.5)
_LONG = timedelta(seconds=150)

SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("text1", TEXT),
        Scenario("text1-task", TEXT, Caller.TASK, has_queue=True, lists_all=True),
        Scenario("text1-scheduled", TEXT, Caller.SCHEDULE, has_queue=True),
        Scenario("text1-lag", TEXT, lag=timedelta(seconds=25), lists_all=True),
        Scenario("text2", TEXT, text_mode="two_step"),
        Scenario("text2-lag", TEXT, text_mode="two_step", lag=timedelta(seconds=25)),
        Scenario("text2-task", TEXT, Caller.TASK, "two_step", has_queue=True, lists_all=True),
        Scenario("text2-scheduled", TEXT, Caller.SCHEDULE, "two_step", has_queue=True),
        Scenario("image", IMAGE, ready_after=_SHORT),
        Scenario("image-task", IMAGE, Caller.TASK, has_queue=True, ready_after=_SHORT),
        Scenario("image-scheduled", IMAGE, Caller.SCHEDULE, has_queue=True, ready_after=_SHORT),
        Scenario("video", VIDEO, ready_after=_LONG),
        Scenario("video-queue", VIDEO, has_queue=True, ready_after=_LONG),
        Scenario("video-task", VIDEO, Caller.TASK, has_queue=True, ready_after=_LONG, lists_all=True),
        Scenario("video-scheduled", VIDEO, Caller.SCHEDULE, has_queue=True, ready_after=_LONG),
        Scenario("slow-queue", VIDEO, has_queue=True, ready_after=timedelta(seconds=20)),
        Scenario("twins1", TEXT, is_twin=True),
        Scenario("twins2", TEXT, text_mode="two_step", is_twin=True, lists_all=True),
        Scenario("text1-last", TEXT, Caller.TASK, tries=3),
        Scenario("text2-last", TEXT, Caller.TASK, "two_step", tries=3),
    )
}
"""Posts of one call each, and of one container: F1's."""

COMPOSED = {
    scenario.name: scenario
    for scenario in (
        Scenario("carousel", CAROUSEL, ready_after=_SHORT, failing=FAILING),
        Scenario(
            *("carousel-task", CAROUSEL, Caller.TASK),
            has_queue=True,
            ready_after=timedelta(seconds=20),
            failing=FAILING,
        ),
        Scenario("thread", THREAD),
        Scenario("thread2", THREAD, text_mode="two_step", lag=timedelta(seconds=25), lists_all=True),
        Scenario("thread-task", THREAD, Caller.TASK, has_queue=True, lists_all=True),
        Scenario("film-task", FILM, Caller.TASK, has_queue=True, ready_after=_LONG),
    )
}
"""Posts that are made of several: F8's."""


CHANGED = Content({"text": "Salt & bread,  #bicycles\u200b, small computers \u2764\ufe0f <3"})
LINKED = Content({"text": f"Read this: https://www.example.com/{'a-long-address/' * 6} Really."})
SHORT_THREAD = Content({"text": TEXT.text, "thread": [{"text": "And a reply."}, {"text": "And more."}]})
CAT, DOG = (
    Content({"text": TEXT.text, "linkAttachment": f"https://media.example/{it}"}) for it in ("cat", "dog")
)


def _changed(text: str) -> str:
    """Show a text as Threads may: escaped, and without what one does not see and its first hash sign."""
    text = text.replace("#", "", 1).replace("\u200b", "").replace("\ufe0f", "").replace("  ", " ")
    return html.escape(text)


def _shortened(text: str) -> str:
    """Show links as Threads may: without what they begin with, and cut off."""
    return re.sub(r"https://www\.(\S{20})\S*", r"\1...", text)


def _seconds(*numbers: float) -> Sequence[timedelta]:
    return [timedelta(seconds=number) for number in numbers]


_ALMOST_SETTLED, _SETTLED = SETTLE - timedelta(seconds=5), SETTLE + timedelta(seconds=1)

WIDE = {
    scenario.name: scenario
    for scenario in (
        Scenario("late-text1", TEXT, lag=_ALMOST_SETTLED),
        Scenario("late-text2", TEXT, text_mode="two_step", lag=_ALMOST_SETTLED),
        Scenario("late-image", IMAGE, Caller.TASK, ready_after=_SHORT, has_queue=True, lag=_ALMOST_SETTLED),
        Scenario("beyond-text1", TEXT, lag=_SETTLED),
        Scenario("beyond-image", IMAGE, ready_after=_SHORT, lag=_SETTLED),
        Scenario("changed-text1", CHANGED, shown=_changed),
        Scenario("changed-link", LINKED, Caller.TASK, has_queue=True, shown=_shortened),
        Scenario("twins-link", CAT, is_twin=True, twin=DOG),
        Scenario("by-hand", CAT, by_hand=DOG),
        Scenario("twins-image", IMAGE, is_twin=True, ready_after=_SHORT),
        Scenario("clocks-text1", TEXT, machines_ahead=_seconds(8, -250, 250, 0)),
        Scenario("clocks-text2", TEXT, text_mode="two_step", machines_ahead=_seconds(-3600, 300, 0, -40)),
        Scenario("clocks-image", IMAGE, Caller.TASK, has_queue=True, machines_ahead=_seconds(250, 0, -250)),
        Scenario("threads-ahead", TEXT, threads_ahead=timedelta(minutes=10)),
        Scenario("threads-behind", TEXT, threads_ahead=timedelta(minutes=-10), lists_all=True),
        Scenario("left-text1", TEXT, Caller.SCHEDULE, has_queue=True),
        Scenario("left-image", IMAGE, Caller.SCHEDULE, has_queue=True, ready_after=_SHORT),
        Scenario("left-web", TEXT, text_mode="two_step"),
        Scenario("left-thread", SHORT_THREAD, Caller.TASK, has_queue=True),
    )
}
"""Posts in a world that is a little worse: F9's. ``docs/world.md`` tells it in words."""
