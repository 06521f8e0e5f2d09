"""A user who connects an account, or signs in with one, while something goes wrong: browser, app and Threads.

The service's own code runs, from th_auth_start to th_auth_finish, on the systems of a cell. The app does what
the pages tell it to: it sends a request again that got no answer, or one that says so, and nothing else.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qs, urlsplit

from tests.faults import parts
from tests.faults.model import Crash, World
from tests.faults.virtual_firestore import FAULTS as FIRESTORE_FAULTS
from tests.faults.virtual_firestore import VirtualFirestore
from tests.unit.windows import CHALLENGE, RETURN_TO, VERIFIER
from tests.unit.world import Users, one_after_the_other
from threads.accounts.account import StoredAccount
from threads.base.errors import ServiceError
from threads.cloud.users import uid_of
from threads.connections.callback import Callback, Outcome, complete
from threads.connections.finish import Confirmation, Finished, finish
from threads.connections.parts import ConnectionParts
from threads.connections.repository import PENDING_CONNECTIONS, STATES, ConnectionRepository
from threads.connections.start import Wish, start
from threads.connections.states import CONNECT, CONNECTED, EXCHANGE_TIME, PENDING, SIGN_IN
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply, GraphRequest

MINE, OTHERS = "17841405793187220", "17841405793187221"
"""The account that the user means, and one that is allowed by mistake."""

CALL_TAKES, CALL_TIMEOUT = timedelta(milliseconds=200), timedelta(seconds=15)
"""How long a call to Threads takes, with an answer and without one."""

HANG = EXCHANGE_TIME + timedelta(seconds=10)
"""For so long, a process that hangs does nothing. By then, nobody waits for it any more."""

REPEATED_AFTER = timedelta(seconds=5)
"""When a request is sent again that got no answer."""

PATIENCE = timedelta(minutes=9)
"""How long the same request is repeated. In confirm mode, the handle is then too old."""

ANYWHERE = ("crash", "duplicate", "hang")
CALL_FAULTS = ("5xx", "refused", "timeout", "unreachable")

Answer = TypeVar("Answer")


class Kind(NamedTuple):
    """What a user does."""

    mode: str
    """``immediate``, ``confirm`` or ``signin``."""
    has_others: bool = False
    """Whether the user has another account already."""

    def __str__(self) -> str:
        """Return its name."""
        return f"{self.mode}+" if self.has_others else self.mode

    @property
    def uid(self) -> str | None:
        """The user who is signed in."""
        return None if self.mode == SIGN_IN else parts.UID


KINDS = (
    Kind("immediate"),
    Kind("immediate", has_others=True),
    Kind("confirm"),
    Kind("confirm", has_others=True),
    Kind(SIGN_IN),
)


class Claim(NamedTuple):
    """What a user was told in the end."""

    about: str
    """The account that was meant."""
    account_id: str | None
    """The account that is said to be connected. None: none is."""
    custom_token: str | None = None


class Endless(Exception):
    """A request was repeated, and never answered."""


class Window:
    """One user, one way through the authorization window, and what may go wrong on it."""

    def __init__(self, kind: Kind, plan: Mapping[int, str], *, is_traced: bool = False) -> None:
        """Take what the user does, and what happens at which place."""
        self.kind = kind
        self.world = World(plan, is_traced=is_traced)
        self.world.act = self._act
        self.firestore = VirtualFirestore(self.world)
        self.exchanges: Counter[str] = Counter()
        self.claims: list[Claim] = []
        self.is_connected_at_once = False
        """Whether the account is connected without beginning anew."""
        self._repeat: Callable[[], object] = lambda: None
        self._reload: Callable[[], object] = lambda: None
        self._state = ""
        if kind.has_others:
            parts.connect(self.firestore)
        clock = parts.clock_of(self.world)
        mode = "immediate" if kind.mode == "immediate" else "confirm"
        self.accounts = parts.account_parts(clock, self.firestore, self)
        self._parts = ConnectionParts(
            replace(parts.CONFIG, connect_mode=mode, is_sign_in_on=True),
            repository=ConnectionRepository(self.firestore.client.provide),
            accounts=self.accounts,
            posts=parts.post_parts(clock, self.firestore, parts.NO_QUEUE),
            users=Users([]),
            now=lambda: self.world.now,
            sleep=self.world.pass_time,
            both=one_after_the_other,
        )

    # --- the user, with browser and app -------------------------------------------------------------------

    def walk(self) -> None:
        """Connect the account, or learn that it is not connected."""
        self._state = self._until_answered("start", self._start)
        self.world.at("before:callback")
        outcome = self._until_answered("callback", self._come_back)
        if outcome is None or outcome.status != PENDING:
            return
        handle = outcome.handle or ""
        self._reload = lambda: (self._come_back(), self._finish(handle))
        self._until_answered("finish", lambda: self._finish(handle))

    def _start(self) -> str:
        mode, challenge = (SIGN_IN, CHALLENGE) if self.kind.mode == SIGN_IN else (CONNECT, None)
        wish = Wish(mode, self.kind.uid, RETURN_TO, (), unverified_challenge=challenge)
        [state] = parse_qs(urlsplit(start(self._parts, wish)).query)["state"]
        return state

    def _come_back(self, account_id: str = MINE, *, cancels: bool = False) -> Outcome | None:
        """Let the browser come back from the window; note what its user is told."""
        code = f"{self._state[:8]} {account_id}"  # another one in each window
        callback = Callback(self._state, "", "access_denied") if cancels else Callback(self._state, code, "")
        try:
            outcome = complete(self._parts, callback)
        except ServiceError as error:
            if error.retryable:
                raise
            self._note(account_id, None)
            return None
        if outcome.status != PENDING:
            self._note(account_id, outcome.account_id if outcome.status == CONNECTED else None)
        return outcome

    def _finish(self, handle: str) -> Finished | None:
        """Let the app confirm; note what its user is told."""
        verifier = VERIFIER if self.kind.mode == SIGN_IN else None
        try:
            finished = finish(self._parts, Confirmation(handle, self.kind.uid, verifier))
        except ServiceError as error:
            if error.retryable:
                raise
            self._note(MINE, None)
            return None
        token = finished.custom_token.reveal() if finished.custom_token else None
        self._note(MINE, finished.end.account_id, token)
        return finished

    def _note(self, about: str, account_id: str | None, custom_token: str | None = None) -> None:
        self.claims.append(Claim(about, account_id, custom_token))
        self.world.note(f"      told: {account_id or 'not connected'}")

    def _until_answered(self, name: str, request: Callable[[], Answer]) -> Answer:
        """Send a request until it is answered for good."""
        self._repeat = request
        ends = self.world.now + PATIENCE
        while self.world.now < ends:
            pause = REPEATED_AFTER
            try:
                answer = request()
                if self.world.at(f"answer:{name}") != "lost":
                    return answer
            except Crash:
                pass
            except ServiceError as error:
                pause = error.retry_after or REPEATED_AFTER
            self.world.pass_time(pause)
        raise Endless(name)

    # --- what goes wrong ------------------------------------------------------------------------------------

    def _act(self, action: str) -> str | None:
        """Do what the plan says, or return what the called system must do itself."""
        if action == "crash":
            raise Crash
        deeds: dict[str, Callable[[], object]] = {
            "duplicate": self._repeat,
            "hang": self._hang,
            "cancels": lambda: self._come_back(cancels=True),
            "another_account": lambda: self._come_back(OTHERS),
            "reload": self._reload,
        }
        if action not in deeds:
            return action
        with suppress(ServiceError):  # it says that it is not over: the first request is repeated anyway
            deeds[action]()
        return None

    def _hang(self) -> None:
        """Let a process hang so long that the app has sent its request again."""
        self.world.pass_time(HANG)
        self._repeat()

    # --- Threads --------------------------------------------------------------------------------------------

    def send(self, request: GraphRequest) -> GraphReply:
        """Answer as Threads does. A code works once, and each token belongs to its account."""
        fault = self.world.at(f"graph:{request.step}")
        if fault == "unreachable":
            return self._no_answer("ConnectTimeout")
        self.world.pass_time(CALL_TAKES)
        if fault == "5xx":
            return GraphReply(500, body=b"<html>")
        if fault == "refused":
            return _reply(400, {"error": {"code": 100, "message": "no"}})
        answer = self._answer(request)
        return self._no_answer("ReadTimeout") if fault == "timeout" else answer

    def _no_answer(self, failure: str) -> GraphReply:
        self.world.pass_time(CALL_TIMEOUT)
        return GraphReply(0, failure=failure)

    def _answer(self, request: GraphRequest) -> GraphReply:
        if request.step is Step.EXCHANGE_CODE:
            code = (request.form or {})["code"]
            self.exchanges[code] += 1
            if self.exchanges[code] > 1:
                return _reply(400, {"error_type": "OAuthException", "code": 400, "error_message": "used"})
            account_id = code.rpartition(" ")[2]
            return _reply(200, {"access_token": f"short {account_id}", "user_id": int(account_id)})
        query = request.query or {}
        token = request.token.reveal() if request.token else query["access_token"]
        account_id = token.rpartition(" ")[2]
        answers: dict[Step, dict[str, Any]] = {
            Step.EXCHANGE_TOKEN: {"access_token": f"long {account_id}", "expires_in": 5183944},
            Step.READ_PROFILE: {"id": account_id, "username": f"user{account_id}"},
            Step.READ_GRANTS: {"data": {"is_valid": True, "scopes": ["threads_basic"]}},
            Step.ASK_WITNESS: {"id": account_id},
        }
        return _reply(200, answers[request.step])

    # --- the truth ------------------------------------------------------------------------------------------

    def uid_for(self, account_id: str) -> str:
        """Return the user whom an account is connected to."""
        return self.kind.uid or uid_of(account_id)

    def card(self, account_id: str) -> Mapping[str, Any] | None:
        """Return an account's card."""
        summary = self.firestore.database.fields(f"users/{self.uid_for(account_id)}/integrations/threads")
        card: Mapping[str, Any] | None = (summary or {}).get("accounts", {}).get(account_id)
        return card

    def token(self, account_id: str) -> str | None:
        """Return an account's token, or None if it is not stored."""
        uid = self.uid_for(account_id)
        fields = self.firestore.database.fields(f"users/{uid}/integrations/threads/accounts/{account_id}")
        if fields is None:
            return None
        return self.accounts.vault.open_token(StoredAccount(uid, account_id, fields, None)).reveal()

    def used_up(self) -> list[dict[str, Any]]:
        """Return every state and pending connection that was used up."""
        database = self.firestore.database
        paths = [path for name in (STATES, PENDING_CONNECTIONS) for path in database.paths(f"{name}/")]
        found = [database.fields(path) or {} for path in paths]
        return [fields for fields in found if fields.get("usedAt")]


def _reply(status: int, body: object) -> GraphReply:
    return GraphReply(status, body=json.dumps(body).encode())


def actions_at(kind: Kind, place: str) -> tuple[str, ...]:
    """Return what may happen at a place."""
    if place.startswith("graph:"):
        return (*CALL_FAULTS, *ANYWHERE)
    if place.startswith("firestore:"):
        return (*FIRESTORE_FAULTS.get(place, ()), *ANYWHERE)
    late_cancel = ("cancels",) if kind.mode == "immediate" else ()  # otherwise, nothing is decided yet
    return {
        "answer:start": ("lost", "duplicate"),
        "before:callback": ("cancels",),
        "answer:callback": ("lost", "duplicate", "another_account", *late_cancel),
        "answer:finish": ("lost", "duplicate", "reload"),
    }[place]
