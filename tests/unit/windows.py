"""Authorization windows: a world in which a person allows everything, and the browser comes back.

The service's own code runs in it: th_auth_start, the callback, th_auth_finish.
"""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.unit.support import TOKEN, reply
from tests.unit.world import ACCOUNT, UID, World
from threads.connections.callback import Callback, Outcome, complete
from threads.connections.finish import Confirmation, Finished, finish
from threads.connections.pending import pending_id
from threads.connections.start import Wish, start
from threads.connections.states import CONNECT, SIGN_IN
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply, GraphRequest

RETURN_TO = "https://app.example/settings"
CODE = "AQ-the-code"
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()
ASKED = ["threads_basic", "threads_content_publish"]

PROFILE = {
    "id": ACCOUNT,
    "username": "ada",
    "name": "Ada L.",
    "threads_profile_picture_url": "https://p.example/1",
}


class Windows(World):
    """Everything around a connection; nobody is connected yet."""

    def __init__(self, **variables: str) -> None:
        """Take what is configured differently; begin with a person who allows everything."""
        super().__init__(has_queue=True, **variables)
        for path in self.database.paths():
            self.database.delete(path)
        self.graph.always = {
            Step.EXCHANGE_TOKEN: reply(200, {"access_token": TOKEN, "expires_in": 5183944}),
        }
        self.graph.always[Step.ASK_WITNESS] = reply(200, {"id": ACCOUNT})
        self.is_person(PROFILE)
        self.grants(*ASKED)

    def is_person(self, profile: Mapping[str, Any], threads_user_id: str | None = None) -> None:
        """Let another person be in the window; their token names the profile's id, or another one."""
        named = {"access_token": "short", "user_id": int(threads_user_id or profile["id"])}
        self.graph.always[Step.EXCHANGE_CODE] = reply(200, named)
        self.graph.always[Step.READ_PROFILE] = reply(200, profile)

    def grants(self, *scopes: str) -> None:
        """Let them allow so much."""
        said = {"data": {"is_valid": True, "scopes": scopes}}
        self.graph.always[Step.READ_GRANTS] = reply(200, said)

    def begin(self, uid: str | None = UID, return_to: str | None = RETURN_TO, **wish: Any) -> str:
        """Begin a connection, or for nobody a sign-in; return the state."""
        if uid is None:
            wish = {"unverified_challenge": CHALLENGE, **wish}
        mode = SIGN_IN if uid is None else CONNECT
        asked = Wish(
            **{"mode": mode, "uid": uid, "unverified_scopes": (), **wish}, unverified_return_to=return_to
        )
        url = start(self.connections, asked)
        [state] = parse_qs(urlsplit(url).query)["state"]
        return state

    def before_saving(self, act: Callable[[], object]) -> None:
        """Let something happen once, after the last call to Threads and before the account is saved."""
        answer = self.graph.always.pop(Step.READ_GRANTS)

        def act_and_answer(_request: GraphRequest) -> GraphReply:
            self.graph.always[Step.READ_GRANTS] = answer
            act()
            return answer

        self.say(act_and_answer)

    def come_back(self, state: str, code: str = CODE, error: str = "") -> Outcome:
        """Bring state and code to the callback."""
        return complete(self.connections, Callback(state, code, error))

    def pending_handle(self, uid: str | None = UID, **wish: Any) -> str:
        """Walk through the window; return the handle that the app gets."""
        outcome = self.come_back(self.begin(uid, **wish))
        assert outcome.handle
        return outcome.handle

    def confirm(self, handle: str, uid: str | None = UID, verifier: str | None = None) -> Finished:
        """Let the app confirm a connection."""
        return finish(self.connections, Confirmation(handle, uid, verifier))

    def state(self, state: str) -> dict[str, Any]:
        """Return the document of a state."""
        fields = self.database.fields(f"oauthStates/{state}")
        assert fields is not None
        return fields

    def change_state(self, state: str, **changes: Any) -> None:
        """Change the document of a state."""
        self.database.put(f"oauthStates/{state}", {**self.state(state), **changes})

    def pending(self, handle: str) -> dict[str, Any]:
        """Return the document of the pending connection that a handle leads to."""
        fields = self.database.fields(f"threadsPendingConnections/{pending_id(handle)}")
        assert fields is not None
        return fields

    def saved(self, account_id: str = ACCOUNT, uid: str = UID) -> Mapping[str, Any]:
        """Return the fields of a stored account."""
        return self.account(account_id, uid).fields

    def saved_accounts(self) -> set[tuple[str, str]]:
        """Return every stored account, with its user."""
        paths = [path.split("/") for path in self.database.paths("users/") if "/accounts/" in path]
        return {(path[1], path[-1]) for path in paths}

    def pass_time(self, **span: float) -> None:
        """Let time pass."""
        self.clock.now += timedelta(**span)

    def stored(self) -> str:
        """Return everything that Firestore holds, paths and fields, as a text."""
        return json.dumps(self.everything(), default=str)
