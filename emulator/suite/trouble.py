"""The trouble that the page can make, by name: what goes wrong at Threads next, and how time passes.

The page sends only a name. So no page can send anything of its own to an emulator through this server.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import requests

from emulator.suite.addresses import Addresses
from emulator.suite.forward import forward
from emulator.suite.scheduler import Scheduler

TIMEOUT_SECONDS = 30

SLOW_SECONDS = 8
"""Long enough to be noticed, and shorter than what the service waits for an answer."""

LAG_SECONDS = 120
"""How long Threads' lists do not show a new post."""

UPKEEP = ("th_refresh_tokens", "th_upkeep")

_PUBLISHING = {"method": "POST", "path": "/(me|[0-9]+)/threads(_publish)?"}
"""The calls that make a post, and no others: a preview must not use up a script."""

_ANY_CALL = {"path": "/(me|[0-9]+)(/.*)?"}

SCRIPTS: dict[str, dict[str, Any]] = {
    "fails": {"match": _PUBLISHING, "error": {"code": 2, "is_transient": True}},
    "lost": {"match": _PUBLISHING, "drop": "before"},
    "slow": {"match": _PUBLISHING, "delay_seconds": SLOW_SECONDS},
    "done-and-lost": {"match": _PUBLISHING, "drop": "after"},
    "refused": {"match": _PUBLISHING, "error": {"code": 368}},
    "rate-limit": {"match": _PUBLISHING, "error": {"code": 4}},
    "down": {"match": _ANY_CALL, "times": None, "status": 503, "body": "Service Unavailable"},
}
"""Scripts for the Threads emulator's next answers."""

SETTINGS: dict[str, dict[str, Any]] = {
    "quota-gone": {"posts_per_day": 0},
    "lists-lag": {"listing_seconds": LAG_SECONDS},
}
"""Settings of the Threads emulator, which hold until the trouble is ended."""

USUAL_SETTINGS = {"posts_per_day": 250, "listing_seconds": 0.0}

CATALOGUE = "error:"
"""What the name of an error of the Threads emulator's catalogue begins with."""

TIMES = {"hour": timedelta(hours=1), "day": timedelta(days=1), "sixty-days": timedelta(days=60)}

DEAD_TOKENS = {"token-dead": 190, "token-dead-silently": 24}
"""How Threads answers from now on to the account's token."""


class UnknownTroubleError(Exception):
    """There is no trouble with this name, or the account is missing."""


class Trouble:
    """Makes trouble, and ends it."""

    def __init__(self, suite: Addresses) -> None:
        """Take the suite in which it is made."""
        self._suite = suite
        self._ahead = timedelta()

    def make(self, name: str, account_id: str | None = None) -> dict[str, Any]:
        """Make trouble, and return what is wrong now. Raises UnknownTroubleError and RequestException."""
        self._action(name, account_id)()
        return self.current()

    def current(self) -> dict[str, Any]:
        """Return what is wrong now: the scripts that are left, the changed settings, and the time passed."""
        scripts = self._threads("GET", "answers")["answers"]
        settings = self._threads("GET", "settings")
        names = [_name_of(script) for script in scripts]
        names += [name for name, changed in SETTINGS.items() if changed.items() <= settings.items()]
        return {"names": names, "aheadSeconds": self._ahead.total_seconds()}

    def catalogue(self) -> list[dict[str, str]]:
        """Return the errors that can be made by name, as ``error:<name>``, and what a good client does."""
        errors = self._threads("GET", "errors")["errors"]
        return [{"name": f"{CATALOGUE}{error['name']}", "advice": error["advice"]} for error in errors]

    def _action(self, name: str, account_id: str | None) -> Callable[[], Any]:
        if name in SCRIPTS:
            return lambda: self._threads("POST", "answers", SCRIPTS[name])
        if name.startswith(CATALOGUE):
            # The Threads emulator refuses a name that it does not know.
            return lambda: self._threads("POST", "answers", {"name": name.removeprefix(CATALOGUE)})
        if name in SETTINGS:
            return lambda: self._threads("POST", "settings", SETTINGS[name])
        if name in TIMES:
            return lambda: self._pass(TIMES[name])
        if name in DEAD_TOKENS and account_id and account_id.isdecimal():
            body = {"error": DEAD_TOKENS[name]}
            return lambda: self._threads("POST", f"accounts/{account_id}/revoke", body)
        others = {"picture-fails": self._fail_picture, "upkeep": self._keep_up, "end": self._end}
        if name in others:
            return others[name]
        raise UnknownTroubleError(f"There is no trouble {name!r}, or its account is missing.")

    def _pass(self, by: timedelta) -> None:
        forward(self._suite, by)
        self._ahead += by

    def _fail_picture(self) -> None:
        self._threads("POST", "media", {"error_message": "UNKNOWN", "times": 1})

    def _keep_up(self) -> None:
        for name in UPKEEP:
            Scheduler(self._suite).call(name)

    def _end(self) -> None:
        self._threads("DELETE", "answers")
        self._threads("POST", "settings", USUAL_SETTINGS)

    def _threads(self, method: str, control: str, body: dict[str, Any] | None = None) -> Any:
        with requests.Session() as session:
            session.trust_env = False
            url = f"{self._suite.threads_url}/_emulator/{control}"
            answer = session.request(method, url, json=body, timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            return answer.json()


def _name_of(script: dict[str, Any]) -> str:
    """Return the name of a script. One that was not made here is called ``other``."""
    if "name" in script:
        return CATALOGUE + str(script["name"])
    return next((name for name, made in SCRIPTS.items() if made.items() <= script.items()), "other")
