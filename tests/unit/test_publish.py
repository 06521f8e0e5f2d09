"""The story of a post, with a Threads that answers from a list and a clock that only sleeping moves."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.unit.support import TOKEN, config
from threads.errors import RejectedByThreads, ThreadsUnavailable
from threads.graph import GraphReply, GraphRequest, Step
from threads.posts import Content
from threads.publish import BUDGET, deliver
from threads.tools import Tools
from threads.wire import Secret

if TYPE_CHECKING:
    from threads.store import Store

VIDEO = Content(video_url="https://media.example/cat.mp4")


class World:
    """A Threads whose container is done after some time, and the time."""

    def __init__(self, *, processing: timedelta, seconds_a_call: float = 0) -> None:
        """Take how long a container is processed, and how long each call takes."""
        self.now = self.began = datetime(2026, 1, 1, tzinfo=UTC)
        self.steps: list[Step] = []
        self._processing = processing
        self._call = timedelta(seconds=seconds_a_call)

    def send(self, request: GraphRequest) -> GraphReply:
        """Answer as Threads does."""
        self.steps.append(request.step)
        self.now += self._call
        if request.step is Step.READ_CONTAINER:
            done = self.now - self.began >= self._processing
            return reply({"id": "7", "status": "FINISHED" if done else "IN_PROGRESS"})
        return reply({"id": "8" if request.step is Step.PUBLISH_CONTAINER else "7"})

    def sleep(self, pause: timedelta) -> None:
        """Let time pass."""
        self.now += pause

    def deliver(self, content: Content) -> str:
        """Deliver content within the budget."""
        tools = Tools(
            config=config(),
            store=cast("Store", None),
            graph=self,
            vault=cast("Any", None),
            project=lambda: "demo-threads",
            now=lambda: self.now,
            sleep=self.sleep,
        )
        return deliver(tools, Secret(TOKEN), content, self.now + BUDGET)


def reply(body: dict[str, Any]) -> GraphReply:
    """Return a good answer."""
    return GraphReply(200, {}, json.dumps(body).encode())


@pytest.mark.parametrize("minutes", [0, 0.5, 1, 2, 4])
def test_a_video_is_waited_for_as_long_as_meta_advises(minutes: float) -> None:
    """Processing of some minutes ends in one container, published once."""
    world = World(processing=timedelta(minutes=minutes))
    assert world.deliver(VIDEO) == "8"
    assert world.steps.count(Step.CREATE_CONTAINER) == world.steps.count(Step.PUBLISH_CONTAINER) == 1
    assert len(world.steps) < 20


@pytest.mark.parametrize(
    ("processing", "seconds_a_call"), [(timedelta(minutes=6), 0), (BUDGET - timedelta(seconds=5), 14)]
)
def test_nothing_is_published_after_the_budget(processing: timedelta, seconds_a_call: float) -> None:
    """When time is up the caller is told to try again, and what it was told stays true."""
    world = World(processing=processing, seconds_a_call=seconds_a_call)
    with pytest.raises(ThreadsUnavailable):
        world.deliver(VIDEO)
    assert Step.PUBLISH_CONTAINER not in world.steps
    assert world.now - world.began < BUDGET + timedelta(seconds=45)


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [
        ("ERROR", "INVALID_DURATION", RejectedByThreads),
        ("ERROR", "UNKNOWN", ThreadsUnavailable),
        ("EXPIRED", "", ThreadsUnavailable),
    ],
)
def test_a_container_that_fails_is_not_waited_for(status: str, reason: str, kind: type[Exception]) -> None:
    """A container's failure ends the delivery at the first look."""
    world = World(processing=timedelta(0))
    remaining = iter([reply({"id": "7"}), reply({"status": status, "error_message": reason})])
    world.send = lambda request: next(remaining)  # type: ignore[method-assign] # noqa: ARG005
    with pytest.raises(kind):
        world.deliver(VIDEO)
    assert world.now == world.began
