"""Two callbacks of one authorization window at the same moment, over a store and a Threads in memory.

Threads' codes work once; the second exchange of one would end in an error page for the user, so that each
state may be exchanged by one callback only.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any

from tests.faults.model import START, World
from tests.faults.stand_ins import tools_with
from threads.auth_callback import Callback, finish
from threads.auth_start import PROVIDER
from threads.documents import Found
from threads.errors import ServiceError
from threads.failures import Step
from threads.graph import GraphReply, GraphRequest

STATE = "state"

_ANSWERS: dict[Step, dict[str, Any]] = {
    Step.EXCHANGE_CODE: {"access_token": "short", "user_id": 17841405793187219},
    Step.EXCHANGE_TOKEN: {"access_token": "long", "token_type": "bearer", "expires_in": 5183944},
    Step.READ_PROFILE: {"id": "17841405793187219", "username": "mira.okafor", "name": "Mira Okafor"},
    Step.READ_GRANTS: {"data": {"is_valid": True, "scopes": ["threads_basic"]}},
}


class StateStore:
    """The states, and what a callback saves."""

    def __init__(self, world: World) -> None:
        """Begin with one fresh state."""
        self.deferred: Mapping[str, Any] = {}
        """For a mutant: what it writes too late."""
        self._world = world
        self._fields: dict[str, Any] = {
            "uid": "user",
            "provider": PROVIDER,
            "scopes": ["threads_basic"],
            "expiresAt": START + timedelta(minutes=10),
        }
        self._version = 0

    def read_state(self, state: str) -> Found:
        """Read the state."""
        self._world.at("store:read_state")
        return Found(state, dict(self._fields), self._version)

    def use_up_state(self, found: Found, change: Mapping[str, Any]) -> Found | None:
        """Change the state unless somebody has since it was read."""
        self._world.at("store:use_up_state")
        if found.version != self._version:
            return None
        return self._changed(found.id, change)

    def finish_state(self, used: Found, change: Mapping[str, Any]) -> None:
        """Note how it ended, unless that has been done."""
        self._world.at("store:finish_state")
        if used.version == self._version:
            self._changed(used.id, change)

    def save_account(self, _uid: str, _account_id: str, *, state: str, outcome: Any, **_: Any) -> None:
        """Save the account."""
        self._world.at("store:save_account")
        self._changed(state, outcome)

    def _changed(self, state: str, change: Mapping[str, Any]) -> Found:
        self._fields |= change
        self._version += 1
        return Found(state, dict(self._fields), self._version)


class Connection:
    """One window, and two callbacks: the second one comes while the first is at a certain place."""

    def __init__(self, place: int) -> None:
        """Take the place at which the second callback comes."""
        self.exchanges = 0
        self.world = World({place: "duplicate"})
        self.world.act = self._second
        self.store = StateStore(self.world)
        self._tools = tools_with(self.world, store=self.store, graph=self)

    def run(self) -> None:
        """Let both happen."""
        callback = Callback(unverified_state=STATE, unverified_code="code", unverified_error="")
        with suppress(ServiceError):
            finish(self._tools, callback)

    def send(self, request: GraphRequest) -> GraphReply:
        """Answer as Threads does, which takes a code once."""
        self.world.at(f"graph:{request.step}")
        if request.step is Step.EXCHANGE_CODE:
            self.exchanges += 1
        return GraphReply(200, {}, json.dumps(_ANSWERS[request.step]).encode())

    def _second(self, _action: str) -> None:
        self.run()


def exchanges(place: int) -> int:
    """Return how often the code of one state is exchanged, the second callback coming at a place."""
    connection = Connection(place)
    connection.run()
    return connection.exchanges


def places() -> list[str]:
    """Return the places that a single callback comes by."""
    connection = Connection(-1)
    connection.run()
    return connection.world.names
