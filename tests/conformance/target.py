"""What the checks run against: an account at Threads, or at the emulator. It cleans up behind itself."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import requests

TIMEOUT_SECONDS = 30
VERSION = "/v1.0"


class NotChecked(Exception):
    """A check cannot be made here. The message says why."""


@dataclass(frozen=True)
class Answer:
    """What Threads answered."""

    status: int
    body: Mapping[str, Any]
    date: str | None

    @property
    def ok(self) -> bool:
        """Whether it is a success."""
        return self.status == 200 and "error" not in self.body

    @property
    def error(self) -> str:
        """The error as ``status: code / subcode``."""
        error = self.body.get("error", {})
        codes = [str(error[name]) for name in ("code", "error_subcode") if error.get(name) is not None]
        return f"{self.status}: {' / '.join(codes)}"

    @property
    def id(self) -> str:
        """What was made."""
        if not self.ok or not self.body.get("id"):
            raise NotChecked(f"what it needs could not be made ({self.error})")
        return str(self.body["id"])


class Target:
    """An account, and what was published with it so far. Posts are made when a check needs them."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        wait: Callable[[float], None] = time.sleep,
        narrow_token: str = "",
        app_token: str = "",
        image_url: str = "",
        save_refreshed: Callable[[str], None] | None = None,
    ) -> None:
        """Describe an account.

        Args:
            url: the API's base URL.
            token: a long-lived token of the account with every permission.
            wait: lets seconds pass.
            narrow_token: another token of it, with ``threads_basic`` alone.
            app_token: the app's own token.
            image_url: an image that Meta can fetch.
            save_refreshed: keeps a refreshed token. Without it, the token is not refreshed.

        """
        self.url = url.rstrip("/")
        self.token = token
        self.wait = wait
        self.narrow_token = narrow_token
        self.app_token = app_token
        self.image_url = image_url
        self.save_refreshed = save_refreshed
        self.calls = 0
        self.out: list[str] = []
        """What is published and not deleted."""

    def call(
        self, method: str, path: str, *, token: str | None = None, version: str = VERSION, **sent: str
    ) -> Answer:
        """Call the API. No error that this raises has the token in it."""
        self.calls += 1
        place = {"data": sent} if method == "POST" else {"params": sent}
        try:
            answer = requests.request(
                method,
                f"{self.url}{version}{path}",
                headers={"Authorization": f"Bearer {self.token if token is None else token}"},
                timeout=TIMEOUT_SECONDS,
                allow_redirects=False,
                **place,  # type: ignore[arg-type]
            )
            body = answer.json()
        except (requests.RequestException, ValueError) as failure:
            raise NotChecked(f"no answer of the API ({type(failure).__name__})") from None
        return Answer(answer.status_code, body if isinstance(body, dict) else {}, answer.headers.get("Date"))

    # --- what checks share --------------------------------------------------------------------------------

    def create(self, text: str = "", **more: str) -> Answer:
        """Create a container, which is nothing that anybody sees."""
        return self.call("POST", "/me/threads", media_type="TEXT", text=text, **more)

    def publish(self, container: str) -> Answer:
        """Publish a container."""
        return self._noted(self.call("POST", "/me/threads_publish", creation_id=container))

    def publish_at_once(self, text: str, **more: str) -> Answer:
        """Publish a text in one call."""
        return self._noted(self.create(text, auto_publish_text="true", **more))

    def delete(self, media_id: str) -> Answer:
        """Delete a post."""
        answer = self.call("DELETE", f"/{media_id}")
        if answer.ok and media_id in self.out:
            self.out.remove(media_id)
        return answer

    def clean_up(self) -> None:
        """Delete what was published. What cannot be deleted stays in ``out``."""
        for media_id in self.out.copy():
            try:
                self.delete(media_id)
            except NotChecked:
                continue

    def listed(self, path: str = "/me/threads", **more: str) -> list[Mapping[str, Any]]:
        """Return the newest posts of a list."""
        answer = self.call("GET", path, **{"fields": "id,text,timestamp", "limit": "10", **more})
        if not answer.ok:
            raise NotChecked(f"{path} is not listed ({answer.error})")
        found: list[Mapping[str, Any]] = answer.body.get("data", [])
        return found

    def until_listed(self, media_id: str, path: str, pauses: tuple[float, ...]) -> float | None:
        """Return after how many seconds a list shows a post; None if it never does."""
        waited = 0.0
        for pause in (0.0, *pauses):
            if pause:
                self.wait(pause)
                waited += pause
            if media_id in [post["id"] for post in self.listed(path)]:
                return waited
        return None

    @cached_property
    def container(self) -> str:
        """A container of a text, which is published as ``post``."""
        return self.create("A check of the Threads API. It is deleted in a minute.").id

    @cached_property
    def post(self) -> str:
        """The post of ``container``."""
        return self.publish(self.container).id

    @cached_property
    def reply(self) -> str:
        """A reply to ``post``."""
        return self.publish_at_once("A reply, which is deleted too.", reply_to_id=self.post).id

    def _noted(self, answer: Answer) -> Answer:
        if answer.ok and answer.body.get("id"):
            self.out.append(str(answer.body["id"]))
        return answer

    def quota(self) -> Iterator[int]:
        """Yield how much of the quota is used, each time anew."""
        while True:
            answer = self.call("GET", "/me/threads_publishing_limit", fields="quota_usage,config")
            if not answer.ok:
                raise NotChecked(f"the quota is not told ({answer.error})")
            yield int(answer.body["data"][0]["quota_usage"])
