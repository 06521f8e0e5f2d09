"""Two callbacks of one authorization window, on the real repositories: at once, or one after a fault.

Threads' codes work once; the second exchange of one would end in an error page for the user, so that each
state may be exchanged by one callback only.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, Never

from tests.faults import parts
from tests.faults.model import START, World
from tests.faults.parts import ACCOUNT, CONFIG, UID
from tests.faults.virtual_firestore import FAULTS, VirtualFirestore
from tests.firestore.client import Client
from threads.base.errors import ServiceError
from threads.cloud.users import FirebaseUsers
from threads.connections.callback import Callback, complete
from threads.connections.parts import ConnectionParts
from threads.connections.repository import ConnectionRepository
from threads.connections.states import CONNECT, Asked, OAuthState
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply, GraphRequest

STATE = "state"
DUPLICATE = "duplicate"

AFTERWARDS = timedelta(minutes=1)
"""By then a commit that comes late has come."""

_ANSWERS: dict[Step, dict[str, Any]] = {
    Step.EXCHANGE_CODE: {"access_token": "short", "user_id": int(ACCOUNT)},
    Step.EXCHANGE_TOKEN: {"access_token": "long", "token_type": "bearer", "expires_in": 5183944},
    Step.READ_PROFILE: {"id": ACCOUNT, "username": "mira.okafor", "name": "Mira Okafor"},
    Step.ASK_WITNESS: {"id": ACCOUNT},
    Step.READ_GRANTS: {"data": {"is_valid": True, "scopes": ["threads_basic"]}},
}


def _no_firebase() -> Never:
    raise AssertionError("Who connects an account is signed in already.")


class Connection:
    """One window, and two callbacks."""

    def __init__(self, place: int, action: str) -> None:
        """Take what happens at which place: ``duplicate``, the second callback; or a fault of Firestore's."""
        self.exchanges = 0
        self.world = World({place: action})
        self.world.act = self._act
        self.firestore = VirtualFirestore(self.world)
        self._plant_state()
        clock = parts.clock_of(self.world)
        self._parts = ConnectionParts(
            CONFIG,
            repository=ConnectionRepository(self.firestore.client.provide),
            accounts=parts.account_parts(clock, self.firestore, self),
            posts=parts.post_parts(clock, self.firestore, parts.NO_QUEUE),
            users=FirebaseUsers(_no_firebase),
            now=lambda: self.world.now,
            sleep=self.world.pass_time,
        )

    def come_back(self) -> None:
        """Bring state and code to the callback."""
        callback = Callback(unverified_state=STATE, unverified_code="code", unverified_error="")
        with suppress(ServiceError):
            complete(self._parts, callback)

    def send(self, request: GraphRequest) -> GraphReply:
        """Answer as Threads does, which takes a code once."""
        self.world.at(f"graph:{request.step}")
        if request.step is Step.EXCHANGE_CODE:
            self.exchanges += 1
        return GraphReply(200, {}, json.dumps(_ANSWERS[request.step]).encode())

    @property
    def is_connected(self) -> bool:
        """Whether the account is stored."""
        return self.firestore.database.fields(parts.ACCOUNT_PATH) is not None

    def _plant_state(self) -> None:
        """Write the state before anything is counted."""
        asked = Asked(CONNECT, UID, ("threads_basic",))
        ends = START + timedelta(minutes=10)
        state = OAuthState(STATE, asked, unverified_return_to=None, is_confirmed=False, expires_at=ends)
        ConnectionRepository(Client(self.firestore.database).provide).create_state(state, START)

    def _act(self, action: str) -> str | None:
        if action != DUPLICATE:
            return action
        self.come_back()
        return None


def exchanges(place: int, action: str) -> int:
    """Return how often the code of one state is exchanged; whatever happens, the page is loaded once more."""
    connection = Connection(place, action)
    connection.come_back()
    connection.world.pass_time(AFTERWARDS)
    connection.come_back()
    return connection.exchanges


def cells() -> Mapping[str, tuple[int, str]]:
    """Return what may happen at each place that a single callback comes by, by its name."""
    connection = Connection(-1, "")
    connection.come_back()
    assert connection.is_connected
    return {
        f"callback/{place}.{action}": (place, action)
        for place, name in enumerate(connection.world.names)
        for action in (DUPLICATE, *FAULTS.get(name, ()))
    }
