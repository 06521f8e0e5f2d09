"""What each request costs in documents and calls: counted, not timed, so that it needs no quiet machine.

The service's own code runs in the world of the unit tests, with its Firestore in memory.
"""

import io
import json
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from emulator.suite.paths import ROOT
from tests.unit import all_functions
from tests.unit.all_functions import NOW, call
from tests.unit.support import reply
from tests.unit.windows import CODE, PROFILE, Windows
from tests.unit.world import ACCOUNT, UID, is_, made, post_path
from threads.accounts.summary import public_profile
from threads.functions.publish import POSTS_SHOWN
from threads.graph.error_codes import Step
from threads.graph.oauth import read_profile
from threads.posts.content import Content
from threads.posts.ledger import State, as_document, new_record

IMAGE = "https://media.example/cat.jpg"
VIDEO = "https://media.example/cat.mp4"
DAY = timedelta(days=1)


class Cost(NamedTuple):
    """What a request has cost."""

    reads: int
    writes: int
    deletes: int
    """Documents that it has deleted, and those that it has left to expire: their deletion costs, too."""
    trips: int
    """Calls to Firestore: reads, queries and commits."""
    calls: int
    """Calls to Threads."""
    tasks: int

    @property
    def documents(self) -> int:
        """The documents that were read, written and deleted."""
        return self.reads + self.writes + self.deletes

    def row(self, what: str) -> str:
        """Return it as a row of a Markdown table."""
        return f"| {what} | {' | '.join(map(str, self))} |"


HEAD = (
    "| request | reads | writes | deletes | calls to Firestore | calls to Threads | tasks |\n"
    "|---|---|---|---|---|---|---|"
)

Act = Callable[[], object]
"""Sends a request, and whatever else is part of it."""


def table() -> Iterator[str]:
    """Count each request, each in a world of its own, and yield the lines of the table."""
    yield HEAD
    for what, scene in SCENES.items():
        yield cost_of(*scene()).row(what)


def cost_of(world: Windows, act: Act) -> Cost:
    """Let something happen in a world, and return what it has cost."""
    before = _so_far(world)
    with redirect_stdout(io.StringIO()):  # the functions' log
        act()
    return Cost(*(now - then for now, then in zip(_so_far(world), before, strict=True)))


def _so_far(world: Windows) -> Cost:
    wire = world.wire
    expiring = sum(map(_expires, world.database.paths()))
    tasks = sum(name in {"task", "refresh task"} for name in world.trail)
    return Cost(
        wire.bill.reads,
        wire.bill.writes,
        wire.bill.deletes + expiring,
        wire.reads + wire.commits,
        len(world.calls),
        tasks,
    )


def _expires(path: str) -> bool:
    return path.split("/")[-2] in EXPIRING


EXPIRING = {
    override["collectionGroup"]
    for override in json.loads((ROOT / "firestore.indexes.json").read_text())["fieldOverrides"]
    if override.get("ttl")
}
"""The collections whose documents Firestore deletes by itself."""


# --- the requests -------------------------------------------------------------------------------------------

Scene = Callable[[], tuple[Windows, Act]]
"""Makes a world, and a request in it."""


def connected() -> Windows:
    """Return a world with one connected account, in which Threads gives out ids without an end."""
    world = all_functions.world()
    numbers = count(17900000000001000)
    world.say(*(made(str(next(numbers))) for _ in range(30)))
    return world


def ask(world: Windows, function: str, method: str = "POST", *, by: str = "user", **sent: Any) -> Any:
    """Return what a function answers, which must be good."""
    answer = call(world, function, by=by, method=method, **sent)
    if answer.status_code >= 400:
        raise RuntimeError(f"{function}: {answer.status_code}: {answer.get_data(as_text=True)}")
    return answer.get_json(silent=True) or {}


def publishing(**post: Any) -> Scene:
    """Return a scene in which a user publishes a post, and every task of it arrives at its time."""

    def scene() -> tuple[Windows, Act]:
        world = connected()
        if "videoUrl" in post:
            del world.graph.always[Step.READ_CONTAINER]
            world.graph._script.clear()
            world.say(made("1"), is_("IN_PROGRESS"), is_("FINISHED"), made("2"))

        def act() -> None:
            ask(world, "publish_threads", json=post)
            bring_tasks(world)

        return world, act

    return scene


def bring_tasks(world: Windows) -> None:
    """Deliver each task at its time."""
    for task in world.tasks.created:
        world.clock.now = max(world.clock.now, task.due_at)
        ids = {"userId": task.uid, "postId": task.post_id}
        headers = {"X-CloudTasks-TaskName": task.name}
        ask(world, "publish_threads", by="google", json=ids, headers=headers)


def starting() -> tuple[Windows, Act]:
    """Begin a connection."""
    world = Windows()
    return world, lambda: ask(world, "th_auth_start", json={})


def coming_back(**variables: str) -> Scene:
    """Return a scene in which the browser comes back from Threads."""

    def scene() -> tuple[Windows, Act]:
        world = Windows(**variables)
        query = allowed(world)
        return world, lambda: ask(world, "th_auth_callback", "GET", by="nobody", query_string=query)

    return scene


def finishing() -> tuple[Windows, Act]:
    """Let the app confirm a connection."""
    world = Windows(CONNECT_MODE="confirm")
    with redirect_stdout(io.StringIO()):
        back = call(world, "th_auth_callback", by="nobody", method="GET", query_string=allowed(world))
    handle = back.headers["Location"].partition("#th_link=")[2]
    return world, lambda: ask(world, "th_auth_finish", json={"handle": handle})


def allowed(world: Windows) -> dict[str, str]:
    """Begin a connection, and return what the browser brings back."""
    with redirect_stdout(io.StringIO()):
        url = ask(world, "th_auth_start", json={"returnTo": "https://app.example/"})["authUrl"]
    return {"state": parse_qs(urlsplit(url).query)["state"][0], "code": CODE}


def sweeping(*, is_due: bool) -> Scene:
    """Return a scene in which Cloud Scheduler begins the hourly sweep."""

    def scene() -> tuple[Windows, Act]:
        world = connected()
        if is_due:
            let_be_due(world)
        return world, lambda: ask(world, "th_refresh_tokens", by="google")

    return scene


def refreshing() -> tuple[Windows, Act]:
    """Let the task of an account refresh its token."""
    world = connected()
    let_be_due(world)
    names = {"userId": UID, "accountId": ACCOUNT}
    return world, lambda: ask(world, "th_refresh_tokens", by="google", json=names)


def let_be_due(world: Windows, account_id: str = ACCOUNT, uid: str = UID) -> None:
    """Let a token be old enough to be refreshed. The profile is what Threads says, as usual."""
    profile = public_profile(read_profile(reply(200, PROFILE)))
    refresh_at = NOW - timedelta(minutes=1)
    world.connect(account_id, uid=uid, at=NOW - timedelta(days=45), profile=profile, refreshAt=refresh_at)
    fresh = {"access_token": "THAAnew", "token_type": "bearer", "expires_in": 5184000}
    world.graph.always[Step.REFRESH_TOKEN] = reply(200, fresh)


def keeping_up() -> tuple[Windows, Act]:
    """Call th_upkeep while one post waits for its time."""
    world = connected()
    put_posts(world, 1)
    return world, lambda: ask(world, "th_upkeep", by="google")


def showing_posts() -> tuple[Windows, Act]:
    """Show the latest posts of a user who has more than a page of them."""
    world = connected()
    put_posts(world, POSTS_SHOWN + 1)
    return world, lambda: ask(world, "th_posts", "GET")


def showing_accounts() -> tuple[Windows, Act]:
    """Show a user's accounts."""
    world = connected()
    return world, lambda: ask(world, "th_accounts", "GET")


def put_posts(world: Windows, number: int, state: State = State.NEW) -> None:
    """Write posts of the user. New ones wait for tomorrow."""
    record = new_record(ACCOUNT, Content({"text": "Hello"}), NOW, scheduled_time=NOW + DAY)
    waits = state is State.NEW
    fields = as_document(replace(record, state=state, due_at=NOW + DAY if waits else None))
    for it in range(number):
        world.database.put(post_path(f"{it:064x}"), {**fields, "createdAt": NOW - timedelta(seconds=it)})


def carousel(number: int) -> Scene:
    """Return a scene in which a user publishes so many images in one post."""
    return publishing(media=[{"imageUrl": IMAGE} for _ in range(number)])


SCENES: dict[str, Scene] = {
    "a text": publishing(text="Hello"),
    "an image": publishing(imageUrl=IMAGE),
    "a carousel of 2 images": carousel(2),
    "a carousel of 20 images": carousel(20),
    "a video that is ready at the second look": publishing(videoUrl=VIDEO),
    "a scheduled text, and its task": publishing(text="Hello", scheduledTime=(NOW + DAY).isoformat()),
    "a thread of 3 texts": publishing(thread=[{"text": text} for text in "123"]),
    "`th_auth_start`": starting,
    "`th_auth_callback`, `CONNECT_MODE=immediate`": coming_back(),
    "`th_auth_callback`, `CONNECT_MODE=confirm`": coming_back(CONNECT_MODE="confirm"),
    "`th_auth_finish`": finishing,
    "the hourly sweep, no token is due": sweeping(is_due=False),
    "the same, one token is due": sweeping(is_due=True),
    "the task that refreshes that token": refreshing,
    "`th_upkeep` with nothing to do": keeping_up,
    f"`th_posts`, a page of {POSTS_SHOWN}": showing_posts,
    "`th_accounts`": showing_accounts,
}
