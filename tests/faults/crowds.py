"""100 deliveries of one post at once, and 100 callbacks of one state, at the functions' own processes."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from secrets import token_urlsafe
from typing import NamedTuple
from urllib.parse import urlencode

from google.cloud import firestore

from emulator.threads_api import World, serve
from emulator.threads_api.answers import read_answer
from emulator.threads_api.authorization import issue_code
from emulator.threads_api.scopes import SCOPES
from tests.e2e.functions import Function
from tests.e2e.oidc import Issuer, issuer
from tests.faults.crowd import Crowd, Reply, Request, crowd
from tests.faults.result import Failure, Result, Size
from tests.faults.stage import APP, CALLBACK, Accounts, configuration, content_of, firebase, task_body, world
from threads.base.scopes import DEFAULT_SCOPES
from threads.connections.repository import ConnectionRepository
from threads.connections.start import STATE_LIFETIME
from threads.connections.states import CONNECT, Asked, OAuthState

ROUNDS = 50

SLOW = 0.3
"""Seconds; the function itself is done within hundredths."""

MEDIA = ("text", "text", "image", "video")
"""What is published, round by round."""


class Round(NamedTuple):
    """What came of a crowd."""

    key: str
    done: int
    """Posts that are out, or codes that were exchanged: one is right."""
    is_told: bool
    """Whether one that comes afterwards gets the same answer."""
    replies: list[Reply]


@dataclass
class _Scene:
    """What is around the functions."""

    world: World
    environment: dict[str, str]
    client: firestore.Client
    accounts: Accounts
    tasks: Issuer
    run: str = field(default_factory=lambda: format(time.time_ns(), "x"))
    """Tells this run's users from an earlier one's."""

    def slow_down(self, number: int, path: str) -> None:
        """In every other round, let the first one wait for Threads until all the others have come."""
        if number % 2:
            script = {"match": {"method": "POST", "path": path}, "delay_seconds": SLOW}
            self.world.answers.append(read_answer(script))


def run(size: Size, seed: int, only: str | None) -> Result:
    """Run every round, in each size; nothing here is random but the threads' own race."""
    wanted = only or ""
    began = time.monotonic()
    rounds: list[Round] = []
    with _scene() as scene, crowd() as people:
        for name, play in (("post", _posts), ("callback", _callbacks)):
            numbers = [number for number in range(ROUNDS) if f"{name}/{number}".startswith(wanted)]
            rounds += play(scene, people, numbers) if numbers else []
    return _result(rounds, time.monotonic() - began, size, seed)


@contextmanager
def _scene() -> Iterator[_Scene]:
    suite = firebase().environment
    with serve(world()) as threads, issuer() as tasks:
        threads.world.settings = replace(threads.world.settings, image_seconds=0.0, video_seconds=0.0)
        environment = configuration(suite, threads.url, tasks.environment)
        client = firestore.Client()
        accounts = Accounts(client, threads.world, environment)
        yield _Scene(threads.world, environment, client, accounts, tasks)


def _posts(scene: _Scene, people: Crowd, numbers: list[int]) -> Iterator[Round]:
    """Deliver the same task a hundred times at once."""
    headers = {"Authorization": f"Bearer {scene.tasks.token(exp=2**33)}"}
    with Function("publish_threads", scene.environment) as function:
        for number in numbers:
            person = scene.accounts.connect(f"f5-{scene.run}-{number}")
            content = content_of(MEDIA[number % len(MEDIA)], "Just one.")
            request = Request(function.url, "POST", "/", headers, task_body(person, "submission", content))
            scene.slow_down(number, "/threads")
            replies = people.send(request)
            last = request.send()
            out = [post.id for post in scene.world.posts.values() if post.account_id == person.account_id]
            is_told = last.status == 200 and [last.body.get("id")] == out
            yield Round(f"post/{number}", len(out), is_told, replies)


def _callbacks(scene: _Scene, people: Crowd, numbers: list[int]) -> Iterator[Round]:
    """Bring the same state and code to the callback a hundred times at once."""
    with Function("th_auth_callback", scene.environment) as function:
        for number in numbers:
            target, code = _window(scene, f"f5-{scene.run}-c{number}")
            request = Request(function.url, "GET", target, {"Accept": "application/json"})
            scene.slow_down(number, "/oauth/access_token")
            replies = people.send(request)
            last = request.send()
            exchanges = [it for it in list(scene.world.journal) if it.form.get("code") == code]
            is_told = last.status == 200 and last.body.get("status", "connected") == "connected"
            yield Round(f"callback/{number}", len(exchanges), is_told, replies)


def _window(scene: _Scene, uid: str) -> tuple[str, str]:
    """Begin a connection as th_auth_start does, and allow it; return the callback's target and the code."""
    account_id = scene.accounts.connect(f"{uid}-other").account_id
    now, asked = datetime.now(UTC), Asked(CONNECT, uid, DEFAULT_SCOPES)
    new = OAuthState(
        state=token_urlsafe(),
        asked=asked,
        unverified_return_to=None,
        is_confirmed=False,
        expires_at=now + STATE_LIFETIME,
    )
    ConnectionRepository(lambda: scene.client).create_state(new, now)
    with scene.world.lock:
        account = scene.world.accounts[account_id]
        code = issue_code(scene.world, APP, account, CALLBACK, tuple(SCOPES)).value
    return f"/?{urlencode({'code': code, 'state': new.state})}", code


def _result(rounds: list[Round], seconds: float, size: Size, seed: int) -> Result:
    statuses = Counter(f"{it.key.partition('/')[0]} {reply.status}" for it in rounds for reply in it.replies)
    requests = sum(statuses.values())
    return Result(
        cells=len(rounds),
        duplicates=sum(max(0, it.done - 1) for it in rounds),
        lost=sum(not it.is_told for it in rounds),
        seconds=seconds,
        seed=seed,
        failures=[
            Failure(f"{it.done} done, told: {it.is_told}", it.key)
            for it in rounds
            if it.done != 1 or not it.is_told
        ],
        notes=[
            f"size {size}: all rounds",
            f"{requests} requests, {requests / max(seconds, 0.001):.0f} a second",
            "answers: " + ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items())),
        ],
    )
