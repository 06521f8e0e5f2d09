"""The media of a carousel: all before the carousel's own container, and only failed ones created again."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from tests.unit.support import graph_error, reply
from tests.unit.world import Died, World, is_, made
from threads.base.errors import ThreadsUnavailable
from threads.graph.protocol import GraphReply, GraphRequest
from threads.posts.content import Content
from threads.posts.ledger import CONTAINER_SETTLES, Record, State
from threads.publishing.retry_rules import LASTING_ERROR, NEW_CONTAINER, PROCESSING_TIME

CAROUSEL = Content({"media": [{"imageUrl": f"https://cdn.example/{name}.jpg"} for name in "abc"]})
MISSING = reply(400, graph_error(24, 4279009))


class Media:
    """A Threads that makes containers 10, 11, … and says of each what it is told to; else it is FINISHED."""

    def __init__(self, world: World, told: Mapping[str, GraphReply]) -> None:
        """Take the world, and what to say of which container."""
        self.told = dict(told)
        self.created: list[str] = []
        """What was asked for: the file's letter, or "carousel"."""
        self.dies_after_look = False
        """Whether the process dies when it has been told how far a medium is."""
        world.graph.send = self.send  # type: ignore[method-assign]

    def send(self, request: GraphRequest) -> GraphReply:
        """Answer a call."""
        form = request.form or {}
        if request.step == "create_container":
            self.created.append(form["image_url"][-5] if "image_url" in form else "carousel")
            return made(str(9 + len(self.created)))
        if request.step == "read_container":
            if self.dies_after_look:
                self.dies_after_look = False
                raise Died
            return self.told.get(request.path[1:], is_("FINISHED"))
        return made("8")


def start(**told: GraphReply) -> tuple[World, Media]:
    """Return a world and its media; ``c11=…`` is what Threads says of container 11."""
    world = World()
    return world, Media(world, {name[1:]: answer for name, answer in told.items()})


def patiently(world: World, record: Record) -> Record:
    """Bring a post that waits for new containers back, each time as late as it wants to be."""
    while record.follow_up_at:
        assert record.follow_up_at - world.clock.now >= timedelta(seconds=30)
        world.clock.now = record.follow_up_at
        record = world.deliver_again(by_task=True)
    return record


def told(record: Record) -> tuple[str | None, str]:
    """Return what a record's error is about, and its code."""
    error = record.error or {}
    [about] = error.get("details") or [{"field": None}]
    return about["field"], error["code"]


def ids(record: Record) -> list[str]:
    """Return the containers of a record's media."""
    return [child["id"] for child in record.children]


def test_the_media_come_before_the_carousel() -> None:
    """Each medium has a container, all are there before the carousel's own, and one post comes out."""
    world, media = start()
    record = world.deliver(CAROUSEL)
    assert (record.state, ids(record)) == (State.PUBLISHED, ["10", "11", "12"])
    assert media.created == ["a", "b", "c", "carousel"]


@pytest.mark.parametrize(
    "failure",
    [is_("ERROR", "FAILED_PROCESSING_VIDEO"), is_("ERROR", "UNKNOWN"), is_("EXPIRED")],
    ids=["failed", "unknown", "expired"],
)
def test_only_the_failed_medium_is_created_again(failure: GraphReply) -> None:
    """What Threads could not process gets a new container in the same place; the others keep theirs."""
    world, media = start(c11=failure)
    record = patiently(world, world.deliver(CAROUSEL))
    assert (record.state, ids(record)) == (State.PUBLISHED, ["10", "13", "12"])
    assert media.created == ["a", "b", "c", "b", "carousel"]


def test_a_medium_that_fails_again_and_again_ends_the_post() -> None:
    """After a few new containers Threads' fault is the file's, and nothing is published."""
    world, media = start(**{f"c{name}": is_("ERROR", "UNKNOWN") for name in (11, 13, 14)})
    record = patiently(world, world.deliver(CAROUSEL))
    assert (record.state, told(record)) == (State.FAILED, ("media[1]", "given_up"))
    assert "It was tried 3 times in 90 seconds" in (record.error or {})["message"]
    assert media.created == ["a", "b", "c", *["b"] * (NEW_CONTAINER.times or 0)]


def test_a_medium_that_threads_cannot_use_is_named() -> None:
    """Of three files the one that is wrong is named, in the details and in words."""
    record = start(c11=is_("ERROR", "INVALID_ASPEC_RATIO"))[0].deliver(CAROUSEL)
    assert (record.state, told(record)) == (State.FAILED, ("media[1]", "rejected_by_threads"))
    assert (record.error or {})["message"].startswith("media[1]: Threads cannot use this file")


@pytest.mark.parametrize("code", [100, 190])
def test_a_medium_that_threads_does_not_take_is_named(code: int) -> None:
    """A refusal of one file's creation names it. One of the whole account names none."""
    world, media = start()
    send, refusal = media.send, reply(400, graph_error(code, None, "No."))

    def refusing(request: GraphRequest) -> GraphReply:
        is_wrong = "b.jpg" in (request.form or {}).get("image_url", "")
        is_dead = code == 190 and request.step == "ask_witness"
        return refusal if is_wrong or is_dead else send(request)

    world.graph.send = refusing  # type: ignore[method-assign]
    record = world.deliver(CAROUSEL, by_task=True)
    expected = ("media[1]", "rejected_by_threads") if code == 100 else (None, "reconnect_required")
    assert (record.state, told(record)) == (State.FAILED, expected)


def test_a_carousel_that_threads_does_not_take_looks_at_its_media_again() -> None:
    """Threads refuses items that it calls finished. One of them may be lost, which a second look shows."""
    world, media = start()
    send, refusals = media.send, [reply(400, graph_error(100, 4279004, "Invalid Carousel Children"))]

    def refusing(request: GraphRequest) -> GraphReply:
        if "children" in (request.form or {}) and refusals:
            media.told["11"] = is_("EXPIRED")
            return refusals.pop()
        return send(request)

    world.graph.send = refusing  # type: ignore[method-assign]
    left = world.deliver(CAROUSEL, by_task=True)
    assert left.due_at
    assert left.due_at - world.clock.now == LASTING_ERROR.first
    world.clock.now = left.due_at
    record = world.deliver_again(by_task=True)
    assert (record.state, ids(record)) == (State.PUBLISHED, ["10", "13", "12"])


def test_a_crash_costs_no_medium_that_was_saved() -> None:
    """After the media are saved, the next delivery creates nothing but what has failed since."""
    world, media = start()
    media.dies_after_look = True
    with pytest.raises(Died):
        world.deliver(CAROUSEL)
    media.told["12"] = is_("EXPIRED")
    world.clock.forward(seconds=1000)
    assert world.deliver_again().state is State.PUBLISHED
    assert media.created == ["a", "b", "c", "c", "carousel"]


def test_a_medium_that_replaces_another_has_its_own_time() -> None:
    """A new container is processed for five minutes from its own creation on, not from the first one's."""
    world, media = start(c10=is_("IN_PROGRESS"), c11=is_("IN_PROGRESS"))
    assert world.deliver(CAROUSEL, by_task=True).state is State.NEW
    world.clock.forward(seconds=PROCESSING_TIME.total_seconds() - 10)
    media.told |= {"10": is_("FINISHED"), "11": is_("EXPIRED"), "13": is_("IN_PROGRESS")}
    assert world.deliver_again(by_task=True).state is State.NEW
    world.clock.forward(seconds=60)
    assert world.deliver_again(by_task=True).state is State.NEW, "its five minutes are not over"
    media.told["13"] = is_("FINISHED")
    assert world.deliver_again(by_task=True).state is State.PUBLISHED


def test_a_medium_that_replaces_another_may_be_unknown_at_first() -> None:
    """Threads may not see a container right after its creation: a new one no more than the first."""
    world, media = start(c11=is_("IN_PROGRESS"))
    world.deliver(CAROUSEL, by_task=True)
    world.clock.forward(seconds=2 * CONTAINER_SETTLES.total_seconds())
    media.told |= {"11": is_("EXPIRED"), "13": MISSING}
    assert world.deliver_again(by_task=True).state is State.NEW
    assert media.created == ["a", "b", "c", "b"]


def test_a_medium_that_is_lost_after_its_carousel_is_created_again() -> None:
    """Where the carousel's own container is given up and then a medium is lost, that one is replaced, too."""
    world, media = start(c13=is_("IN_PROGRESS"))
    assert world.deliver(CAROUSEL, by_task=True).state is State.ARMED
    world.clock.forward(seconds=timedelta(days=1).total_seconds())
    media.told |= {"13": is_("EXPIRED"), "11": MISSING}
    assert world.deliver_again(by_task=True).state is State.PUBLISHED
    assert media.created == ["a", "b", "c", "carousel", "b", "carousel"]


def test_a_medium_whose_creation_fails_keeps_the_post_open() -> None:
    """Where Threads does not answer a creation, the same request goes on, and one post comes out."""
    world, media = start()
    send = media.send
    world.graph.send = lambda request: (  # type: ignore[method-assign]
        reply(500, b"") if len(media.created) == 2 else send(request)
    )
    with pytest.raises(ThreadsUnavailable):
        world.deliver(CAROUSEL)
    world.graph.send = send  # type: ignore[method-assign]
    assert world.deliver_again().state is State.PUBLISHED
    assert media.created.count("carousel") == 1
