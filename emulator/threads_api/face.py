"""A running emulator, as a test in the same process uses it: the controls as methods.

Each method calls a control route, so that a test and ``curl`` always mean the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.base.control import PREFIX
from emulator.base.json_body import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from wsgiref.types import WSGIApplication

    from emulator.threads_api.world import World


class Emulator:
    """A running emulator."""

    def __init__(self, url: str, world: World, application: WSGIApplication) -> None:
        """Take its address, its state, and what serves it."""
        self.url = url
        self.world = world
        self.application = application

    def next_answer(self, wanted: str | Mapping[str, Any], **members: Any) -> None:
        """Decide what the next matching request gets: an error by its name, or a script.

        Args:
            wanted: a name, such as ``rate_limit``, or the members of a script.
            members: what goes with it, such as ``match``, ``times`` or ``account_id``.

        """
        script = {"name": wanted} if isinstance(wanted, str) else wanted
        self.control("POST", "answers", {**script, **members})

    def requests(self) -> list[dict[str, Any]]:
        """Return every request since the start or the last reset, the oldest first."""
        return self._listed("requests")

    def posts(self) -> list[dict[str, Any]]:
        """Return every post, deleted ones too, the oldest first."""
        return self._listed("posts")

    def containers(self) -> list[dict[str, Any]]:
        """Return every container, the oldest first."""
        return self._listed("containers")

    def accounts(self) -> list[dict[str, Any]]:
        """Return the accounts. There are a few from the start."""
        return self._listed("accounts")

    def token(self, account_id: str | None = None, **fields: Any) -> str:
        """Return a new token of an account, by default of the first one: long-lived, with every scope."""
        named = {"account_id": account_id} if account_id else {}
        return str(self.control("POST", "tokens", {**named, **fields})["access_token"])

    def change_settings(self, **settings: Any) -> None:
        """Change settings, until the next reset."""
        self.control("POST", "settings", settings)

    def advance(self, seconds: float) -> None:
        """Put the emulator's clock forward."""
        self.control("POST", "clock", {"advance_seconds": seconds})

    def reset(self) -> None:
        """Return everything to the start."""
        self.control("POST", "reset")

    def control(self, method: str, name: str, body: Mapping[str, Any] | None = None) -> Any:
        """Call any control, such as ``POST accounts``, and return its answer. Raises Malformed."""
        from werkzeug.test import Client  # noqa: PLC0415 - a command that only serves starts faster

        with Client(self.application).open(
            f"{PREFIX}/{name}", method=method, json=None if body is None else dict(body), base_url=self.url
        ) as answer:
            parsed = answer.get_json()
        if not 200 <= answer.status_code < 300:  # noqa: PLR2004 - the statuses of success
            raise Malformed(parsed["error"] if isinstance(parsed.get("error"), str) else f"no control {name}")
        return parsed

    def _listed(self, name: str) -> list[dict[str, Any]]:
        listed: list[dict[str, Any]] = self.control("GET", name)[name]
        return listed
