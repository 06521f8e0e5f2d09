"""The emulators that a measurement runs on, and what it does with the functions."""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

import requests

from emulator.suite.ports import Ports
from emulator.suite.suite import Suite
from tests.e2e.functions import Function
from tests.e2e.world import Author, Firebase, SignedIn, Threads, store_account, vault_of
from threads.base.scopes import DEFAULT_SCOPES

COMPARED = Path(__file__).parent / "compared.py"

SAME_CALLS = "a function that makes the same calls, and nothing else"

LATENCY = 0.1
"""How long Threads takes for a call, in seconds. Its real latency is unknown; 100 ms is what a call to Meta's
Graph usually takes from a data centre."""


class Stage:
    """Real Auth and Firestore emulators, and the Threads emulator, for the length of a measurement."""

    def __init__(self, suite: Suite) -> None:
        """Take a running suite."""
        os.environ.update(suite.environment)  # the Firestore client of this process, too
        self.threads = Threads(suite.threads_url)
        self.firebase = Firebase(suite.auth_host, suite.firestore_host, suite.project)
        self.suite = suite
        self.callback_url = f"{suite.functions_url}/th_auth_callback"
        self.environment: dict[str, str] = {
            **suite.environment,
            "THREADS": "80",
            "THREADS_APP_ID": suite.app_id,
            "THREADS_APP_SECRET": suite.app_secret,
            "THREADS_REDIRECT_URI": self.callback_url,
            "THREADS_AUTHORIZE_URL": f"{suite.threads_url}/oauth/authorize",
            "THREADS_GRAPH_URL": suite.threads_url,
            "WEBHOOK_VERIFY_TOKEN": "meatyhamhock",
        }
        self.graph = requests.Session()
        self.set_up()

    def set_up(self) -> None:
        """Let Threads answer as fast as it can, and never refuse a post because there were too many."""
        self.threads.reset()
        self.threads.control("POST", "settings", posts_per_day=1_000_000, image_seconds=0.0)

    @contextmanager
    def latency(self) -> Iterator[None]:
        """Let each call to Threads take its time."""
        self.threads.control("POST", "answers", match={}, times=None, delay_seconds=LATENCY)
        try:
            yield
        finally:
            self.threads.control("DELETE", "answers")

    def compared(self) -> dict[str, str]:
        """Return the configuration of a function to compare with."""
        return {**self.environment, "FUNCTION_SOURCE": str(COMPARED)}

    def author(self) -> Author:
        """Return a user with a connected account that the functions to compare with can use, too."""
        user = self.firebase.sign_in()
        person = self.threads.accounts()[0]
        token = self.threads.token(person["id"])
        store_account(self.firebase, vault_of(self.environment), user.uid, person, token)
        self.firebase.write(plain_account(user), {"token": token})
        return Author(user.uid, user.id_token, person["id"])

    def token_of(self, author: Author) -> str:
        """Return the author's token."""
        return str((self.firebase.read(plain_account(author)) or {})["token"])

    def call_threads(self, token: str, method: str, path: str, **form: str) -> dict[str, Any]:
        """Call Threads as a program does that does nothing else: one connection, no check."""
        answer = self.graph.request(
            method,
            f"{self.suite.threads_url}/v1.0{path}",
            data=form or None,
            headers={"Authorization": f"Bearer {token}"},
            timeout=15,
        )
        answer.raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    def callback_query(self, start: Function, user: SignedIn) -> dict[str, str]:
        """Begin a connection, and return the query that the browser would bring to the callback."""
        begun = start.post(headers=user.headers, json={}).json()
        asked = {name: values[0] for name, values in parse_qs(urlsplit(begun["authUrl"]).query).items()}
        made = self.threads.control(
            "POST",
            "codes",
            account_id=self.threads.accounts()[0]["id"],
            scopes=asked["scope"].split(","),
            redirect_uri=asked["redirect_uri"],
        )
        return {"state": asked["state"], "code": made["code"]}

    def code_of_new_person(self, app_id: str, redirect_uri: str) -> str:
        """Return the code of a person who has just come to Threads and allows an app to publish."""
        person = self.threads.control("POST", "accounts", username=f"p{uuid4().hex[:20]}")
        asked = {"account_id": person["id"], "app_id": app_id, "redirect_uri": redirect_uri}
        made = self.threads.control("POST", "codes", **asked, scopes=list(DEFAULT_SCOPES))
        return str(made["code"])


def plain_account(user: SignedIn) -> str:
    """Return where the functions to compare with find a user's token."""
    return f"benchAccounts/{user.uid}"


@contextmanager
def stage() -> Iterator[Stage]:
    """Start the emulators."""
    with Suite(ports=Ports.free(), page=False, directory="bench") as suite:
        yield Stage(suite)


class Served(Protocol):
    """What has an address: a function, or another server."""

    @property
    def url(self) -> str:
        """Where it is, with a slash at the end."""


IDLE_SECONDS = 1
"""gunicorn closes a connection that is idle for two seconds, perhaps while its client writes."""


class Client:
    """A caller of a server that keeps its connection, as a browser does."""

    def __init__(self, server: Served, headers: Mapping[str, str]) -> None:
        """Take the server and the caller's headers."""
        self._url = server.url
        self._session = requests.Session()
        self._session.headers.update(headers)
        self._used_at = 0.0

    def timed(self, method: str, status: int, **options: Any) -> float:
        """Send a request, and return the seconds until its answer was read."""
        began = time.perf_counter()
        self.send(method, status, **options)
        return time.perf_counter() - began

    def send(self, method: str, status: int, path: str = "", **options: Any) -> requests.Response:
        """Send a request, and return its answer, which must have a status."""
        url = f"{self._url}{path}"
        if time.monotonic() - self._used_at > IDLE_SECONDS:
            self._session.close()
        answer = self._session.request(method, url, allow_redirects=False, timeout=60, **options)
        if answer.status_code != status:
            raise RuntimeError(f"{url}: {answer.status_code}: {answer.text}")
        self._used_at = time.monotonic()
        return answer

    def forget_cookies(self) -> None:
        """Be another browser, on the same connection."""
        self._session.cookies.clear()


def text() -> str:
    """Return a text that no other post has."""
    return f"Hello {uuid4().hex}"
