"""Authorization windows in memory: states and links as Firestore keeps them, and a Threads that gives tokens.

The stories run on it as they are: th_auth_start, the callback, th_auth_finish.
"""

import hashlib
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

from tests.unit.fakes import ACCOUNT, PROJECT, UID, Accounts, World
from tests.unit.support import TOKEN, config, reply
from threads import auth_callback, auth_finish
from threads.accounts import TOKEN_FIELD
from threads.auth_callback import Callback, Outcome
from threads.auth_finish import Confirmation, Finished
from threads.auth_link import link_id
from threads.auth_start import CONNECT, SIGN_IN, Wish, start
from threads.documents import Found
from threads.errors import ServiceUnavailable
from threads.failures import Step
from threads.tools import Tools
from threads.vault import Place

if TYPE_CHECKING:
    from threads.store import Store

Fields = Mapping[str, Any]

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


class States(Accounts):
    """The part of the store that connecting needs: states and links, each with a version, and accounts."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.documents: dict[str, Found] = {}
        self.saved: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.summaries: dict[str, Mapping[str, Any]] = {}
        self.pause: Callable[[], None] = lambda: None
        """What an account that is saved waits with for its turn."""
        self.loses_answer = False
        """Whether the commit that saves an account is carried out without an answer."""
        self.before_use: Callable[[], object] = lambda: None
        """Called before a state is used up: another request may come between."""

    def create_state(self, state: str, fields: Mapping[str, Any]) -> None:
        """Write a new state."""
        self.documents[state] = Found(state, dict(fields), 1)

    def read_state(self, state: str) -> Found | None:
        """Read a state, or a link."""
        return self.documents.get(state)

    def use_up_state(self, found: Found, change: Mapping[str, Any]) -> Found | None:
        """Change a state unless somebody has since it was read."""
        self._come_between()
        return self._changed(found, change) if self.documents.get(found.id) == found else None

    def link_state(
        self, found: Found, change: Mapping[str, Any], *, link_id: str, link: Mapping[str, Any]
    ) -> bool:
        """Use up a state and write a link, all or nothing."""
        self._come_between()
        if self.documents.get(found.id) != found or link_id in self.documents:
            return False
        self._changed(found, change)
        self.create_state(link_id, link)
        return True

    def finish_state(self, used: Found, change: Mapping[str, Any]) -> None:
        """Note how it ended, unless that has been done."""
        if self.documents.get(used.id) == used:
            self._changed(used, change)

    def save_account(
        self,
        uid: str,
        account_id: str,
        *,
        change: Callable[[Fields, Fields], tuple[Fields, Fields] | None],
        pause: Callable[[], None],
        state: str,
        outcome: Fields,
    ) -> None:
        """Save an account, its card, and how the state ended."""
        self.pause = pause
        before, account = self.summaries.get(uid, {}), self.saved.get((uid, account_id), {})
        changes = change(before, account)
        if changes:
            self.summaries[uid] = {**before, **changes[0]}
            self.saved[uid, account_id] = {**account, **changes[1]}
        self._changed(self.documents[state], outcome)
        if self.loses_answer:
            raise ServiceUnavailable

    def _changed(self, found: Found, change: Mapping[str, Any]) -> Found:
        self.documents[found.id] = Found(found.id, {**found.fields, **change}, found.version + 1)
        return self.documents[found.id]

    def _come_between(self) -> None:
        act, self.before_use = self.before_use, lambda: None
        act()


class Windows(World):
    """Everything around a connection."""

    def __init__(self, **variables: str) -> None:
        """Begin with a configuration, and with a person who allows everything."""
        super().__init__()
        self.config = config(**variables)
        self.states = States()
        self.graph.always = {
            Step.EXCHANGE_CODE: reply(200, {"access_token": "short", "user_id": int(ACCOUNT)}),
            Step.EXCHANGE_TOKEN: reply(200, {"access_token": TOKEN, "expires_in": 5183944}),
        }
        self.is_person(PROFILE)
        self.grants(*ASKED)

    @property
    def tools(self) -> Tools:
        """The world as the stories get it."""
        return super().tools._replace(store=cast("Store", self.states))

    @property
    def store(self) -> States:
        """The store alone, for handlers."""
        return self.states

    def is_person(self, profile: Mapping[str, Any]) -> None:
        """Let somebody else be in the window."""
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
        url = start(self.config, cast("Store", self.states), asked, now=self.clock())
        [state] = parse_qs(urlsplit(url).query)["state"]
        return state

    def come_back(self, state: str, code: str = CODE, error: str = "") -> Outcome:
        """Bring state and code to the callback."""
        return auth_callback.finish(self.tools, Callback(state, code, error))

    def linked(self, uid: str | None = UID, **wish: Any) -> str:
        """Walk through the window; return the handle that the app gets."""
        outcome = self.come_back(self.begin(uid, **wish))
        assert outcome.handle
        return outcome.handle

    def link(self, handle: str) -> Found:
        """Return the link that a handle leads to."""
        return self.states.documents[link_id(handle)]

    def token(self, uid: str = UID) -> str:
        """Return the token that is stored of the account."""
        place = Place(PROJECT, uid, ACCOUNT, TOKEN_FIELD)
        return self.vault.open(self.states.saved[uid, ACCOUNT][TOKEN_FIELD], place).reveal()

    def confirm(self, handle: str, uid: str | None = UID, verifier: str | None = None) -> Finished:
        """Let the app confirm a connection."""
        return auth_finish.finish(self.tools, Confirmation(handle, uid, verifier))

    def pass_time(self, **span: float) -> None:
        """Let time pass."""
        self.clock.now += timedelta(**span)

    def stored(self) -> str:
        """Return everything that Firestore holds, names and fields, as a text."""
        documents = {name: found.fields for name, found in self.states.documents.items()}
        return json.dumps([documents, list(self.states.saved.values())], default=str)
