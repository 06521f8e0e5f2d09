"""What the tests of the Threads emulator use: a client, its app, and a race."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests

from emulator.threads_api import App

APP = App(
    "1234567890123456",
    "the-app-secret",
    ("https://app.example/callback?from=threads", "https://app.example/other"),
    name="Bakery <i>&</i> Co",
)
CALLBACK = APP.redirect_uris[0]

#: Long enough for a busy machine; nothing here waits that long.
TIMEOUT_SECONDS = 10
RACERS = 20


@dataclass
class Client:
    """A client of the emulator, with the few calls that every test needs."""

    url: str
    http: requests.Session = field(default_factory=requests.Session)

    def get(self, path: str, token: str | None = None, **query: str) -> requests.Response:
        """GET a path of the Graph."""
        return self._call("GET", path, token, params=query)

    def post(self, path: str, token: str | None = None, **form: str) -> requests.Response:
        """POST a form to a path of the Graph."""
        return self._call("POST", path, token, data=form)

    def delete(self, path: str, token: str | None = None) -> requests.Response:
        """DELETE a path of the Graph."""
        return self._call("DELETE", path, token)

    def _call(self, method: str, path: str, token: str | None, **sent: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self.http.request(
            method, self.url + path, headers=headers, timeout=TIMEOUT_SECONDS, allow_redirects=False, **sent
        )

    def see(self, name: str) -> Any:
        """GET a control, and return the member of its answer that has its name."""
        return self.get(f"/_emulator/{name}").json()[name]

    def control(self, name: str, /, **body: Any) -> Any:
        """POST to a control that must accept it."""
        answer = self.http.post(f"{self.url}/_emulator/{name}", json=body, timeout=TIMEOUT_SECONDS)
        assert answer.ok, answer.text
        return answer.json()

    def account(self, **fields: Any) -> str:
        """Return the id of the first account, or of a new one with these fields."""
        return str(self.control("accounts", **fields)["id"] if fields else self.see("accounts")[0]["id"])

    def token(self, **fields: Any) -> str:
        """Return a new token, by default a long-lived one with all scopes."""
        return str(self.control("tokens", **{"account_id": self.account(), **fields})["access_token"])

    def advance(self, seconds: float) -> None:
        """Put the emulator's clock forward."""
        self.control("clock", advance_seconds=seconds)

    def publish(self, token: str, text: str = "hello", **form: str) -> str:
        """Publish a text at once; returns its media id."""
        answer = self.post(
            "/v1.0/me/threads", token, media_type="TEXT", text=text, auto_publish_text="true", **form
        )
        assert answer.ok, answer.text
        return str(answer.json()["id"])

    def container(self, token: str, **form: str) -> str:
        """Create a container; returns its id."""
        answer = self.post("/v1.0/me/threads", token, **form)
        assert answer.ok, answer.text
        return str(answer.json()["id"])


def error_of(answer: requests.Response) -> tuple[int, int | None]:
    """Return code and subcode of a Graph error."""
    error = answer.json()["error"]
    return error["code"], error.get("error_subcode")


def race(url: str, form: dict[str, str]) -> list[int]:
    """POST one form twenty times at the same moment; returns the sorted statuses."""
    start = threading.Barrier(RACERS)

    def run() -> int:
        start.wait()
        return requests.post(url, data=form, timeout=TIMEOUT_SECONDS).status_code

    # The emulator's threads are in this process: let them interrupt each other all the time.
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(RACERS) as racers:
            return sorted(future.result() for future in [racers.submit(run) for _ in range(RACERS)])
    finally:
        sys.setswitchinterval(usual)
