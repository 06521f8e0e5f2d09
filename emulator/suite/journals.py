"""What the parts of the suite have written down about their calls, without a secret, for the page.

The emulators keep journals, and the functions write a log. The log has no times, so a line gets the time at
which it was read. Everything else has the time of the emulator's own clock, which may be ahead.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from emulator.suite.addresses import Addresses
from emulator.suite.function_log import read_entry

LATEST = 400
"""How many entries of each journal the page gets."""

PAUSE_SECONDS = 0.1
"""How often the log is read."""

TIMEOUT_SECONDS = 10

SECRETS = frozenset({"access_token", "client_secret", "code", "input_token", "state", "signed_request"})
"""The parameters of Threads' API that are never shown."""

_SHOWN = {
    "requests": ("time", "method", "path", "status", "dropped"),
    "deliveries": ("time", "kind", "status", "error", "account_id"),
    "dispatches": ("time", "task", "retry_count", "status", "error", "seconds", "duplicate"),
    "tasks": ("name", "created_at", "next_try", "attempts", "last_status"),
    "containers": ("id", "status", "error_message", "media_id", "created_at", "content"),
}


class FunctionLines:
    """The structured lines that the functions have written, with the time at which each was read."""

    def __init__(self, path: Path) -> None:
        """Read ``path``, which need not exist yet, in a thread of its own."""
        self._path = path
        self._lines: deque[dict[str, Any]] = deque(maxlen=LATEST)
        threading.Thread(target=self._read_on, daemon=True).start()

    def as_json(self) -> list[dict[str, Any]]:
        """Return the lines, the oldest first."""
        return list(self._lines)

    def _read_on(self) -> None:
        while not self._path.exists():
            time.sleep(PAUSE_SECONDS)
        rest = ""
        with self._path.open(encoding="utf-8", errors="replace") as log:
            while True:
                *whole, rest = (rest + log.read()).split("\n")
                for entry in filter(None, map(read_entry, whole)):
                    self._lines.append({"time": datetime.now(UTC).isoformat(), **entry})
                time.sleep(PAUSE_SECONDS)


def read_journals(suite: Addresses, lines: FunctionLines) -> dict[str, Any]:
    """Return every journal, the oldest entry first.

    Raises:
        requests.RequestException: an emulator does not answer.

    """
    with requests.Session() as session:
        session.trust_env = False

        def entries(url: str, name: str) -> list[dict[str, Any]]:
            answer = session.get(f"{url}/_emulator/{name}", timeout=TIMEOUT_SECONDS)
            answer.raise_for_status()
            return [_shown(name, entry) for entry in answer.json()[name][-LATEST:]]

        threads = {
            name: entries(suite.threads_url, name) for name in ("requests", "deliveries", "containers")
        }
        tasks = {name: entries(suite.tasks_url, name) for name in ("dispatches", "tasks")}
    return {**threads, **tasks, "functions": lines.as_json()}


def _shown(name: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Return an entry without headers, and without parameters that are secret."""
    shown = {member: entry[member] for member in _SHOWN[name] if member in entry}
    if name == "requests":
        shown["sent"] = dict(_harmless(entry["query"] | entry["form"]))
    if name in {"deliveries", "dispatches", "tasks"}:
        shown["url"] = urlsplit(entry["url"])._replace(query="").geturl()
        shown["sent"] = _read_body(entry.get("body", ""))
    return shown


def _harmless(parameters: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in parameters.items() if name not in SECRETS)


def _read_body(text: str) -> Any:
    """Return the JSON of a body. Other bodies are forms, which are signed requests."""
    try:
        return json.loads(text)
    except ValueError:
        return None
