"""A connection beside Auth.js, and a text beside pythreads: what others install for the same purpose.

Both take turns with the functions, on the same emulators. docs/performance.md says what they do not do.
"""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import psutil

from emulator.suite.ports import HOST, answers, free
from tests.bench.figures import Figure, Missing, pairs, ratio
from tests.bench.peer_programs import installed
from tests.bench.stage import Client, Stage, text
from tests.bench.warm import AT
from tests.e2e.functions import START_SECONDS, Function
from threads.base.scopes import DEFAULT_SCOPES

AT_ONCE = 8
"""Users who connect an account at the same time."""

EACH = 6
"""Connections of each of them in one round."""

ROUNDS = 5
TEXTS = 60
APP_ID, APP_SECRET = "5550001", "the-secret-of-the-other-app"

AUTHJS = "Auth.js with its Firestore adapter, which asks Threads twice"
PYTHREADS = "pythreads, which asks Threads twice and keeps nothing"


def figures(stage: Stage) -> Iterator[Figure | Missing]:
    """Measure what others do, too."""
    yield from _connections(stage)
    yield from _texts(stage)


# --- a connection -------------------------------------------------------------------------------------------


class Connector(Protocol):
    """Connects accounts, as the app that has it would."""

    def prepare(self) -> Callable[[], None]:
        """Return the connection of a new person, ready to be made."""


class Ours:
    """A user's browser, and the two functions that connect an account."""

    def __init__(self, stage: Stage, start: Function, callback: Function) -> None:
        """Take what serves."""
        self._stage = stage
        self._start, self._callback = Client(start, {}), Client(callback, {"Accept": "application/json"})

    def prepare(self) -> Callable[[], None]:
        """Sign a user in, and let Threads' window be answered."""
        stage = self._stage
        user = stage.firebase.sign_in()
        code = stage.code_of_new_person(stage.suite.app_id, stage.callback_url)

        def connect() -> None:
            begun = self._start.send("POST", 200, headers=user.headers, json={}).json()
            self._callback.send("GET", 200, params={"state": state_of(begun["authUrl"]), "code": code})

        return connect


class Theirs:
    """A browser, and Auth.js."""

    def __init__(self, stage: Stage, server: "AuthJs") -> None:
        """Take what serves."""
        self._stage, self._server, self._browser = stage, server, Client(server, {})

    def prepare(self) -> Callable[[], None]:
        """Let Threads' window be answered."""
        code = self._stage.code_of_new_person(APP_ID, self._server.callback_url)
        browser = self._browser

        def connect() -> None:
            browser.forget_cookies()
            token = browser.send("GET", 200, "csrf").json()["csrfToken"]
            as_json = {"X-Auth-Return-Redirect": "1"}
            begun = browser.send(
                "POST", 200, "signin/threads", data={"csrfToken": token}, headers=as_json
            ).json()
            query = {"state": state_of(begun["url"]), "code": code}
            back = browser.send("GET", 302, "callback/threads", params=query)
            if "authjs.session-token" not in back.cookies:
                raise RuntimeError(f"Auth.js has not signed anybody in: {back.headers}")

        return connect


def state_of(url: str) -> str:
    """Return the state in the address of Threads' window."""
    return parse_qs(urlsplit(url).query)["state"][0]


@dataclass(frozen=True)
class AuthJs:
    """A running Auth.js."""

    port: int
    pid: int

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{HOST}:{self.port}/auth/"

    @property
    def callback_url(self) -> str:
        """Where Threads sends the browser."""
        return f"{self.url}callback/threads"


@contextmanager
def authjs(stage: Stage) -> Iterator[AuthJs]:
    """Start Auth.js on the emulators.

    Raises:
        NotInstalled: it is not here, and could not be installed.

    """
    folder, [port] = installed.authjs(), free(1)
    environment = {
        "PATH": os.environ["PATH"],
        "NODE_ENV": "production",
        "PORT": str(port),
        "AUTHORIZE_URL": f"{stage.suite.threads_url}/oauth/authorize",
        "GRAPH_URL": stage.suite.threads_url,
        "SCOPE": ",".join(DEFAULT_SCOPES),
        "THREADS_APP_ID": APP_ID,
        "THREADS_APP_SECRET": APP_SECRET,
        "GCLOUD_PROJECT": stage.suite.project,
        "FIRESTORE_EMULATOR_HOST": stage.suite.firestore_host,
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["node", "server.mjs"],  # noqa: S607 - the same Node that runs the Firebase CLI
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            ends = time.monotonic() + START_SECONDS
            while not answers(port):
                if process.poll() is not None or time.monotonic() > ends:
                    raise RuntimeError(f"Auth.js did not start: {(folder / 'log').read_text()}")
                time.sleep(0.02)
            running = AuthJs(port, process.pid)
            stage.threads.control(
                "POST", "apps", id=APP_ID, secret=APP_SECRET, redirect_uris=[running.callback_url]
            )
            yield running
        finally:
            process.terminate()
            process.wait(10)


class Spent(NamedTuple):
    """What one connection of a round has taken, in seconds."""

    time: float
    cpu: float


class Side:
    """One of the two that take turns: its users, and the processes that serve them."""

    def __init__(self, user: Callable[[], Connector], processes: Sequence[psutil.Process]) -> None:
        """Take what makes a user. Each turn has new ones: between turns, gunicorn ends their connections."""
        self._user, self._processes = user, processes
        self.spent: list[Spent] = []

    def turn(self) -> float:
        """Let all users connect accounts at once; return the seconds for one connection."""
        users = [self._user() for _ in range(AT_ONCE)]
        ready = [[user.prepare() for _ in range(EACH)] for user in users]
        before, began = self._cpu(), time.perf_counter()
        with ThreadPoolExecutor(AT_ONCE) as pool:
            for done in [pool.submit(_one_after_the_other, connections) for connections in ready]:
                done.result()
        count = EACH * AT_ONCE
        self.spent.append(Spent((time.perf_counter() - began) / count, (self._cpu() - before) / count))
        return self.spent[-1].time

    def _cpu(self) -> float:
        return sum(times.user + times.system for times in (it.cpu_times() for it in self._processes))


def _one_after_the_other(connections: Sequence[Callable[[], None]]) -> None:
    for connect in connections:
        connect()


def _connections(stage: Stage) -> Iterator[Figure | Missing]:
    what = f"connections a second, {AT_ONCE} users at once"
    with ExitStack() as stack:
        try:
            other = stack.enter_context(authjs(stage))
        except installed.NotInstalled as error:
            yield Missing(what, AUTHJS, str(error))
            return
        start, callback = (
            stack.enter_context(Function(name, stage.environment))
            for name in ("th_auth_start", "th_auth_callback")
        )
        workers = [child for it in (start, callback) for child in psutil.Process(it.pid).children()]

        def turns() -> tuple[list[Spent], list[Spent]]:
            ours = Side(partial(Ours, stage, start, callback), workers)
            theirs = Side(partial(Theirs, stage, other), [psutil.Process(other.pid)])
            pairs(ours.turn, theirs.turn, ROUNDS)
            return ours.spent[1:], theirs.spent[1:]

        one, two = turns()
        yield _throughput(f"{what}, Threads answers at once", one, two, wanted=2.0)
        measured = [(mine.cpu, yours.cpu) for mine, yours in zip(one, two, strict=True)]
        yield ratio("CPU time of a connection", "the same", measured)
        with stage.latency():
            one, two = turns()
        yield _throughput(f"{what}, {AT}", one, two)


def _throughput(what: str, ours: list[Spent], theirs: list[Spent], wanted: float | None = None) -> Figure:
    measured = [(1 / mine.time, 1 / yours.time) for mine, yours in zip(ours, theirs, strict=True)]
    return ratio(
        what, AUTHJS, measured, wanted=wanted, at_least=True, unit=lambda count: f"{count:.0f} a second"
    )


# --- a text -------------------------------------------------------------------------------------------------


@contextmanager
def pythreads(stage: Stage, account_id: str, token: str) -> Iterator[Callable[[], float]]:
    """Start pythreads; what is returned publishes a text, and returns the seconds that it took.

    Raises:
        NotInstalled: it is not here, and could not be installed.

    """
    told = {"graph": stage.suite.threads_url, "account": account_id, "token": token}
    with subprocess.Popen(  # noqa: S603 - our own command
        [installed.pythreads(), installed.HERE / "publish.py"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        bufsize=1,
    ) as process:
        to_it, from_it = process.stdin, process.stdout
        assert to_it
        assert from_it
        to_it.write(f"{json.dumps(told)}\n")

        def publish() -> float:
            to_it.write(f"{text()}\n")
            return float(from_it.readline())

        yield publish


def _texts(stage: Stage) -> Iterator[Figure | Missing]:
    what, author = f"a text, {AT}", stage.author()
    with ExitStack() as stack:
        try:
            theirs = stack.enter_context(pythreads(stage, author.account_id, stage.token_of(author)))
        except installed.NotInstalled as error:
            yield Missing(what, PYTHREADS, str(error))
            return
        client = Client(stack.enter_context(Function("publish_threads", stage.environment)), author.headers)

        def ours() -> float:
            return client.timed("POST", 200, json={"text": text(), "idempotencyKey": uuid4().hex})

        with stage.latency():
            yield ratio(what, PYTHREADS, pairs(ours, theirs, TEXTS))
