"""One deadline for a whole request, a thread of posts included; and no log of an answer that never came."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from tests.unit.support import graph_error, reply
from tests.unit.world import ACCOUNT, UID, World, is_, made
from threads.functions.callers import User
from threads.functions.publish import publish_threads
from threads.functions.request import HttpRequest
from threads.functions.response import HttpResponse
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply, GraphRequest
from threads.posts.ledger import BUDGET

PROCESSING = timedelta(seconds=80)
"""How long Threads processes each image: one of them fits into a request."""

PICTURES = [{"text": f"Picture {it}", "imageUrl": f"https://cdn.example/{it}.jpg"} for it in range(3)]
THREAD = {"thread": PICTURES}

MANY = 1000
"""More calls than these requests make."""


class SlowThreads:
    """A Threads that takes its time, and publishes a container once."""

    def __init__(self, world: World, call: timedelta) -> None:
        """Take the world whose Threads it is, and how long each call takes."""
        self.published: list[datetime] = []
        """When each call that publishes came, whatever became of it."""
        self.answering: list[str | None] = []
        """Of each post that is out, in their order, which one it answers."""
        self._world = world
        self._call = call
        self._containers: dict[str, tuple[datetime, str | None]] = {}
        world.say(*[self._answer] * MANY)

    def _answer(self, request: GraphRequest) -> GraphReply:
        now = self._world.clock()
        self._world.clock.now += self._call
        if request.step is Step.CREATE_CONTAINER:
            name = str(100 + len(self._containers))
            self._containers[name] = (now, (request.form or {}).get("reply_to_id"))
            return made(name)
        if request.step is Step.READ_CONTAINER:
            created_at, _ = self._containers[request.path[1:]]
            return is_("FINISHED" if now - created_at >= PROCESSING else "IN_PROGRESS")
        assert request.step is Step.PUBLISH_CONTAINER
        self.published.append(now)
        container = self._containers.pop((request.form or {})["creation_id"], None)
        if container is None:
            return reply(400, graph_error(24, 4279009))
        self.answering.append(container[1])
        return made(str(len(self.answering)))


def request_of(content: dict[str, Any]) -> HttpRequest:
    """Return the web app's request for a post, the same each time."""
    body = {"accountId": ACCOUNT, "idempotencyKey": "key", **content}
    sent = EnvironBuilder(method="POST", data=json.dumps(body), content_type="application/json")
    return HttpRequest(Request(sent.get_environ()))


def requested(world: World, content: dict[str, Any]) -> tuple[HttpResponse, HttpRequest]:
    """Send the web app's request; return the response, and the request with its notes for the log."""
    request = request_of(content)
    return publish_threads(world.publishing, request, User(UID)), request


@pytest.mark.parametrize("seconds", [0, 0.5, 3])
def test_a_request_has_one_deadline_for_its_whole_thread(seconds: float) -> None:
    """Three images that take 80 s each: nothing is published later than 100 s after the request began.

    Nor does the request last longer than the call that is under way by then. The same request, sent again,
    goes on until all three are out, each once and in their order.
    """
    world = World(has_queue=False)
    threads = SlowThreads(world, timedelta(seconds=seconds))
    for _ in range(10):
        began, before = world.clock(), len(threads.published)
        response, _ = requested(world, THREAD)
        assert all(moment < began + BUDGET for moment in threads.published[before:])
        assert world.clock() <= began + BUDGET + timedelta(seconds=seconds)
        if response.status == 200:
            break
        assert response.status in {409, 503}
        world.clock.forward(seconds=60)
    assert (response.body or {})["ids"] == ["1", "2", "3"]
    assert threads.answering == [None, "1", "2"]
    assert len(threads.published) == 3


@pytest.mark.parametrize("content", [{"text": "hello"}, PICTURES[0]], ids=["text", "image"])
def test_a_late_delivery_invents_no_answer(content: dict[str, Any]) -> None:
    """When time is up before the first call, the log shows nothing of Threads': it was not asked."""
    world = World(has_queue=False)
    world.wire.before_commit = lambda _number: world.clock.forward(seconds=BUDGET.total_seconds() + 1)
    response, request = requested(world, content)
    assert response.status == 503
    assert (response.body or {})["error"]["code"] == "threads_unavailable"
    assert world.calls == []
    assert "graph" not in request.notes


def test_a_container_that_was_looked_at_is_evidence() -> None:
    """When time is up while an image is processed, the log shows what Threads said of it."""
    world = World(has_queue=False)
    world.graph.always = {Step.CREATE_CONTAINER: made("7"), Step.READ_CONTAINER: is_("IN_PROGRESS")}
    response, request = requested(world, PICTURES[0])
    assert response.status == 503
    assert request.notes["graph"] == {"step": "read_container", "status": 200, "excerpt": "IN_PROGRESS"}
