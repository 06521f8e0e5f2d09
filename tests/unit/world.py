"""The outside world in memory: a clock, a scripted Threads, a queue, users, and a Firestore.

The service's own code runs on it, its repositories among it: Firestore is ``tests.firestore``'s, with
versions and preconditions. All of them write what happens into one trail, so that a test can ask for the
order of things.
"""

import json
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, NamedTuple, TypeVar

from google.api_core import exceptions

from tests.firestore.calls import Bill, Call
from tests.firestore.client import Client
from tests.firestore.database import Database
from tests.firestore.errors import refusal
from tests.firestore.values import stored_fields
from tests.unit.support import TOKEN, config, reply
from threads.accounts.access_token import OpenAccount
from threads.accounts.account import OWNER_FIELD, TOKEN_FIELD, StoredAccount
from threads.accounts.parts import AccountParts
from threads.accounts.repository import AccountRepository
from threads.accounts.token_lifetime import token_times
from threads.accounts.vault import Vault
from threads.base.errors import Forbidden, ServiceUnavailable
from threads.base.scopes import KNOWN_SCOPES
from threads.base.secret import Secret
from threads.base.validation import as_json_time
from threads.cloud.firestore import owner_of
from threads.connections.parts import ConnectionParts
from threads.connections.repository import ConnectionRepository
from threads.graph.account_api import AccountApi
from threads.graph.protocol import GraphReply, GraphRequest
from threads.posts.content import Content
from threads.posts.ledger import BUDGET, Record, as_document, from_document, new_record
from threads.posts.parts import PostParts
from threads.posts.repository import PostRepository, StoredPost
from threads.posts.submission import Submission
from threads.publishing.delivery import deliver
from threads.publishing.lease import Delivery, Lease, lease, lease_new
from threads.publishing.parts import PublishingParts
from threads.publishing.share import Shares

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
UID, ACCOUNT, PROJECT = "ada", "17841405793187218", "demo-threads"
LIFETIME = timedelta(days=60)
TEXT = Content({"text": "hello"})
IMAGE = Content({"text": "hello", "imageUrl": "https://cdn.example/a.jpg"})
VIDEO = Content({"text": "hello", "videoUrl": "https://cdn.example/b.mp4"})

Said = GraphReply | Callable[[GraphRequest], GraphReply]
"""An answer of Threads, or what makes it."""


# --- what Threads says --------------------------------------------------------------------------------------


def made(media_id: str) -> GraphReply:
    """Return the answer that names what was made: a container, or a post."""
    return reply(200, {"id": media_id})


def is_(status: str, error_message: str | None = None) -> GraphReply:
    """Return a container's status."""
    return reply(200, {"status": status, "id": "7", "error_message": error_message})


def silence(failure: str = "ReadTimeout") -> GraphReply:
    """Return no answer."""
    return GraphReply(0, failure=failure)


def listed(*media_ids: str, text: str = "hello", kind: str = "TEXT_POST", at: datetime = NOW) -> GraphReply:
    """Return the account's posts, the newest first."""
    posts = [
        {
            "id": media_id,
            "media_type": kind,
            "text": text,
            "timestamp": as_json_time(at),
            "permalink": f"https://www.threads.com/@ada/post/{media_id}",
        }
        for media_id in media_ids
    ]
    return reply(200, {"data": posts})


def page_of(answer: GraphReply, after: str) -> GraphReply:
    """Return a list that goes on behind a cursor."""
    return reply(200, json.loads(answer.body) | {"paging": {"cursors": {"after": after}}})


def quota(used: int, total: int = 250) -> GraphReply:
    """Return how much of the day's quota is used."""
    return reply(200, {"data": [{"quota_usage": used, "config": {"quota_total": total}}]})


def validity(*, is_valid: bool) -> GraphReply:
    """Return what the app is told about a token."""
    return reply(200, {"data": {"is_valid": is_valid, "scopes": ["threads_basic"] if is_valid else []}})


class Died(BaseException):
    """The process is gone: nothing of it catches this."""


# --- the parts --------------------------------------------------------------------------------------------


class Deaths:
    """Where the process dies: before or after a call to the outside, or a commit, once."""

    def __init__(self) -> None:
        """Let it live."""
        self.next: str | None = None
        """``before`` or ``after`` a step of Threads'; ``before commit 3``, or ``after commit SENT``."""

    def pass_by(self, place: str) -> None:
        """Die here, if it is the place."""
        if place == self.next:
            self.next = None
            raise Died


@dataclass
class Clock:
    """The time, which passes when a delivery sleeps, or a test says so."""

    now: datetime = NOW
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def sleep(self, pause: timedelta) -> None:
        """Let time pass for a delivery that waits."""
        self.pauses.append(pause.total_seconds())
        self.now += pause

    def forward(self, *, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class Graph:
    """A Threads that says what it was told to say, once each; a question more is a mistake."""

    def __init__(self, trail: list[str], deaths: Deaths) -> None:
        """Take where calls are noted, and where the process dies."""
        self.requests: list[GraphRequest] = []
        self.always: dict[str, GraphReply] = {}
        """What it says to a step each time; the script is for the others."""
        self._trail = trail
        self._deaths = deaths
        self._script: deque[Said] = deque()

    def will_say(self, *answers: Said) -> None:
        """Add answers."""
        self._script.extend(answers)

    def send(self, request: GraphRequest) -> GraphReply:
        """Give the next answer."""
        self._deaths.pass_by(f"before {request.step}")
        self._trail.append(request.step.value)
        self.requests.append(request)
        answer = self._answer(request)
        self._deaths.pass_by(f"after {request.step}")
        return answer

    def _answer(self, request: GraphRequest) -> GraphReply:
        if request.step in self.always:
            return self.always[request.step]
        assert self._script, f"nobody expected {request}"
        said = self._script.popleft()
        return said(request) if callable(said) else said

    def is_done(self) -> bool:
        """Say whether everything was asked that had an answer."""
        return not self._script


class Task(NamedTuple):
    """A task that was created."""

    name: str
    uid: str
    post_id: str
    due_at: datetime


class Tasks:
    """A queue that remembers."""

    def __init__(self, trail: list[str]) -> None:
        """Take where tasks are noted; without being told otherwise, there is a queue."""
        self.is_configured = True
        self.is_out_of_order = False
        self.created: list[Task] = []
        self.deleted: list[str] = []
        self.refreshes: dict[str, tuple[dict[str, Any], datetime]] = {}
        self._trail = trail

    def enqueue(self, task_id: str, *, uid: str, post_id: str, due_at: datetime) -> None:
        """Create a task; one that has been created before is left as it is."""
        self._trail.append("task")
        if self.is_out_of_order:
            raise ServiceUnavailable
        if task_id not in [task.name for task in self.created]:
            self.created.append(Task(task_id, uid, post_id, due_at))

    def enqueue_refresh(self, task_id: str, body: Mapping[str, Any], *, due_at: datetime) -> None:
        """Create a task for the refreshing function; one that has been created before is left as it is."""
        self._trail.append("refresh task")
        if self.is_out_of_order:
            raise ServiceUnavailable
        self.refreshes.setdefault(task_id, (dict(body), due_at))

    def delete(self, task_id: str) -> None:
        """Delete a task."""
        if self.is_out_of_order:
            raise ServiceUnavailable
        self.deleted.append(task_id)


_A = TypeVar("_A")
_B = TypeVar("_B")


def one_after_the_other(first: Callable[[], _A], second: Callable[[], _B]) -> tuple[_A, _B]:
    """Do two things in a known order; the functions do them at once."""
    return first(), second()


class Users:
    """The app's users, as Firebase keeps them."""

    def __init__(self, trail: list[str]) -> None:
        """Take where changes are noted; begin without a user."""
        self.saved: dict[str, tuple[str, str | None]] = {}
        self.disabled: set[str] = set()
        self.is_out_of_order = False
        self._trail = trail

    def save(self, uid: str, *, display_name: str, photo_url: str | None) -> None:
        """Create a user, or update the one there is."""
        self._trail.append("user")
        if uid in self.disabled:
            raise Forbidden
        self.saved[uid] = (display_name, photo_url)

    def custom_token(self, uid: str) -> Secret:
        """Return what a browser signs in with."""
        if self.is_out_of_order:
            raise ServiceUnavailable
        return Secret(f"custom token of {uid}")

    def forget(self, uid: str, *, is_needed: bool) -> None:
        """Delete a user; of one that is needed, only the name and the picture."""
        if self.is_out_of_order:
            raise ServiceUnavailable
        if uid not in self.saved:
            return
        if is_needed:
            self.saved[uid] = ("", None)
        else:
            del self.saved[uid]

    def is_gone(self, uid: str) -> bool:
        """Say whether a user is disabled; none is deleted."""
        self._trail.append("is gone?")
        if self.is_out_of_order:
            raise ServiceUnavailable
        return uid in self.disabled


class Wire:
    """What every call to Firestore meets on its way: counted, told, and troubled as a test wants it."""

    def __init__(self, trail: list[str], deaths: Deaths, database: Database) -> None:
        """Take where commits of posts are noted, where the process dies, and what lies in Firestore."""
        self.reads = self.commits = 0
        self.bill = Bill()
        self.before_commit: Callable[[int], None] = lambda _number: None
        """Called before each commit with its number, from 1 on: other writers may come between."""
        self.fails = 0
        """How many of the next calls fail without having done anything."""
        self.fails_commits = 0
        """The same of commits alone."""
        self.after_commit: Callable[[], None] = lambda: None
        """Called once after the next commit: the process stands still, for example."""
        self.refuses: str | None = None
        """Calls that name such a path fail, until it is None again."""
        self.full: str | None = None
        """Commits that write to such a path are refused: the document would be larger than 1 MiB."""
        self.loses_answers = 0
        """How many of the next commits are carried out without an answer."""
        self.repeats = 0
        """How many of the next commits are carried out twice. The client repeats one whose answer was lost,
        and may meet its own change."""
        self._trail = trail
        self._deaths = deaths
        self._database = database

    def intercept(self, call: Call[Any]) -> Callable[[], None] | None:
        """Let a call happen, or not."""
        self.bill.follow(call)
        if self.fails or (self.refuses and any(self.refuses in path for path in call.paths)):
            self.fails = max(0, self.fails - 1)
            raise refusal(exceptions.ServiceUnavailable, "no answer")
        if call.kind != "commit":
            self.reads += 1
            return None
        if self.full and any(self.full == path for path in call.paths):
            raise refusal(exceptions.InvalidArgument, "the document is too large")
        if self.fails_commits:
            self.fails_commits -= 1
            raise refusal(exceptions.ServiceUnavailable, "no answer")
        self.commits += 1
        self._deaths.pass_by(f"before commit {self.commits}")
        self.before_commit(self.commits)
        before = [self._database.version(path) for path in call.paths]
        if self.repeats:
            self.repeats -= 1
            call.apply()

        def after() -> None:
            if [self._database.version(path) for path in call.paths] != before:
                self._committed(call.paths)
            act, self.after_commit = self.after_commit, lambda: None
            act()

        return after

    def _committed(self, paths: Any) -> None:
        for path in paths:
            post = self._database.fields(path) if "/posts/" in path else None
            if post:
                self._trail.append(f"commit {post['state']}")
                self._deaths.pass_by(f"after commit {post['state']}")
        if self.loses_answers:
            self.loses_answers -= 1
            raise refusal(exceptions.ServiceUnavailable, "the answer is lost")


# --- all of it --------------------------------------------------------------------------------------------


class World:
    """Everything around the service: one user with one connected account, unless a test wants more."""

    def __init__(self, *, has_queue: bool = True, **variables: str) -> None:
        """Take whether there is a queue, and what is configured differently."""
        self.config = config(**variables)
        self.clock = Clock()
        self.trail: list[str] = []
        self.deaths = Deaths()
        self.graph = Graph(self.trail, self.deaths)
        self.database = Database(self.clock)
        self.wire = Wire(self.trail, self.deaths, self.database)
        self.firestore = Client(self.database, project=PROJECT, intercept=self.wire.intercept)
        self.tasks = Tasks(self.trail)
        self.tasks.is_configured = has_queue
        self.users = Users(self.trail)
        self.vault = Vault(self.config.token_keys, lambda: PROJECT)
        self.shares = Shares(self.config.graph_connections)
        self.seen: list[Record] = []
        self._deliveries = count(1)
        self.connect(ACCOUNT)

    # --- as the service gets it ---------------------------------------------------------------------------

    @property
    def accounts(self) -> AccountParts:
        """What opens and refreshes accounts."""
        repository = AccountRepository(self.firestore.provide)
        asking = self.config.app_token
        return AccountParts(repository, self.graph, asking, self.vault, self.tasks, self.clock, map)

    @property
    def posts(self) -> PostParts:
        """What keeps posts."""
        return PostParts(PostRepository(self.firestore.provide), self.tasks, self.clock)

    @property
    def publishing(self) -> PublishingParts:
        """What publishes."""
        return PublishingParts(
            self.config,
            self.accounts,
            self.posts,
            self.clock,
            self.clock.sleep,
            self.shares,
            self.users.is_gone,
        )

    @property
    def connections(self) -> ConnectionParts:
        """What connects and disconnects."""
        repository = ConnectionRepository(self.firestore.provide)
        return ConnectionParts(
            self.config,
            repository,
            self.accounts,
            self.posts,
            self.users,
            self.clock,
            self.clock.sleep,
            one_after_the_other,
        )

    # --- Firestore ----------------------------------------------------------------------------------------

    def everything(self) -> dict[str, dict[str, Any]]:
        """Return the fields of every document by its path."""
        return {path: self.database.fields(path) or {} for path in self.database.paths()}

    # --- accounts -----------------------------------------------------------------------------------------

    def connect(
        self,
        account_id: str,
        token: str = TOKEN,
        *,
        uid: str = UID,
        at: datetime = NOW,
        threads_user_id: str | None = None,
        **changes: Any,
    ) -> StoredAccount:
        """Store an account with its card, as a connection at a moment does; None takes a field away."""
        path = account_path(uid, account_id)
        kept = self.database.fields(path) or {"createdAt": at}
        name = f"user{account_id}"
        fields = {
            **kept,
            "accountId": account_id,
            TOKEN_FIELD: self.vault.seal_token(Secret(token), uid, account_id),
            "status": "active",
            "connectedAt": at,
            "profile": {"platformId": account_id, "username": name},
            "extra": {"threadsUserId": threads_user_id or account_id},
            OWNER_FIELD: self.vault.seal_ids({threads_user_id or account_id, account_id}, uid, account_id),
            "scopes": list(KNOWN_SCOPES),
            **token_times(account_id, at, LIFETIME),
            **changes,
        }
        self.database.put(path, {key: value for key, value in fields.items() if value is not None})
        summary = self.summary(uid) or {"defaultAccountId": account_id, "accounts": {}}
        cards = {**summary["accounts"], account_id: {"status": "active", "username": name}}
        counted = {**summary, "accounts": cards, "connectedCount": len(cards)}
        self.database.put(summary_path(uid), counted)
        return self.account(account_id, uid)

    def account(self, account_id: str = ACCOUNT, uid: str = UID) -> StoredAccount:
        """Return an account as it is stored."""
        path = account_path(uid, account_id)
        fields = self.database.fields(path)
        assert fields is not None
        return StoredAccount(uid, account_id, fields, self.database.version(path))

    def is_marked(self, account_id: str = ACCOUNT, uid: str = UID) -> bool:
        """Return whether an account asks for a reconnect, on its card, too."""
        marked = bool(self.account(account_id, uid).fields.get("status") == "reconnect_required")
        assert marked == (self.card(account_id, uid)["status"] == "reconnect_required")
        return marked

    def has_account(self, account_id: str = ACCOUNT, uid: str = UID) -> bool:
        """Return whether an account is stored."""
        return self.database.fields(account_path(uid, account_id)) is not None

    def account_ids(self, uid: str = UID) -> list[str]:
        """Return the accounts that a user has."""
        paths = self.database.paths(f"{summary_path(uid)}/accounts/")
        return [path.rpartition("/")[2] for path in paths if owner_of(path) == uid]

    def change_account(self, account_id: str = ACCOUNT, uid: str = UID, **changes: Any) -> StoredAccount:
        """Change fields of an account, as another writer does; None takes one away."""
        fields = {**self.account(account_id, uid).fields, **changes}
        kept = {name: value for name, value in fields.items() if value is not None}
        self.database.put(account_path(uid, account_id), kept)
        return self.account(account_id, uid)

    def delete_account(self, account_id: str = ACCOUNT, uid: str = UID) -> None:
        """Delete an account's document."""
        self.database.delete(account_path(uid, account_id))

    def token(self, account_id: str = ACCOUNT, uid: str = UID) -> str:
        """Return an account's token."""
        return self.vault.open_token(self.account(account_id, uid)).reveal()

    def summary(self, uid: str = UID) -> dict[str, Any] | None:
        """Return a user's summary, None where there is none."""
        return self.database.fields(summary_path(uid))

    def card(self, account_id: str = ACCOUNT, uid: str = UID) -> dict[str, Any]:
        """Return an account's card."""
        card: dict[str, Any] = (self.summary(uid) or {})["accounts"][account_id]
        return card

    # --- what comes between ---------------------------------------------------------------------------------

    def comes_between(self, act: Callable[[], object], number: int = 1) -> None:
        """Let another writer act once, just before a commit: the next one is number 1."""
        wanted = self.wire.commits + number

        def once(commit: int) -> None:
            if commit == wanted:
                self.wire.before_commit = lambda _number: None
                act()

        self.wire.before_commit = once

    def reads_slowly(self, is_slow: Callable[[str], bool], seconds: float, *, fails: bool = False) -> None:
        """Let each read of some documents, by their paths, take its time, and perhaps fail at its end."""

        def intercept(call: Call[Any]) -> Callable[[], None] | None:
            if call.kind == "get" and is_slow(call.paths[0]):
                self.clock.forward(seconds=seconds)
                if fails:
                    raise refusal(exceptions.ServiceUnavailable, "too large")
            return self.wire.intercept(call)

        self.firestore.intercept = intercept

    def dies_before_commit(self, number: int) -> None:
        """Let the process die before a commit: the next one is number 1."""
        self.deaths.next = f"before commit {self.wire.commits + number}"

    # --- posts --------------------------------------------------------------------------------------------

    def put_post(self, name: str, record: Record, uid: str = UID) -> StoredPost:
        """Write a post's record, whatever is there."""
        version = self.database.put(post_path(name, uid), as_document(record))
        return StoredPost(uid, name, record, version)

    def post(self, name: str, uid: str = UID) -> StoredPost | None:
        """Return a post as it is stored."""
        fields = self.database.fields(post_path(name, uid))
        if fields is None:
            return None
        return StoredPost(uid, name, from_document(fields), self.database.version(post_path(name, uid)))

    def record(self, key: str = "key") -> Record:
        """Return what the ledger says of the post with a key."""
        post = self.post(post_id(key))
        assert post
        return post.record

    @property
    def claims(self) -> dict[str, tuple[str, str]]:
        """The media ids that are claimed, each with the user and the post it belongs to."""
        claims = (
            (path.rpartition("/")[2], self.database.fields(path))
            for path in self.database.paths("threadsClaims/")
        )
        return {media_id: (claim["uid"], claim["postId"]) for media_id, claim in claims if claim}

    def claim(self, media_id: str, name: str, uid: str = UID) -> None:
        """Let a media id belong to a post."""
        self.database.put(f"threadsClaims/{media_id}", {"uid": uid, "postId": name})

    # --- Threads ------------------------------------------------------------------------------------------

    @property
    def calls(self) -> list[str]:
        """What Threads was asked, in order."""
        return [request.step.value for request in self.graph.requests]

    def say(self, *answers: Said) -> None:
        """Let Threads answer the next calls."""
        self.graph.will_say(*answers)

    def noting(self, answer: GraphReply) -> Said:
        """Return an answer that is given once the record, as Threads is asked, was added to ``seen``."""

        def answer_noting(_request: GraphRequest) -> GraphReply:
            self.seen.append(self.record())
            return answer

        return answer_noting

    def after(self, seconds: float, answer: GraphReply) -> Said:
        """Return an answer that takes its time."""

        def answer_late(_request: GraphRequest) -> GraphReply:
            self.clock.forward(seconds=seconds)
            return answer

        return answer_late

    # --- deliveries ---------------------------------------------------------------------------------------

    def delivery(self, *, by_task: bool = False, is_last: bool = False) -> Delivery:
        """Return another delivery, which begins now."""
        owner = f"delivery-{next(self._deliveries)}"
        return Delivery(owner, self.clock() + BUDGET, by_task, is_last)

    def deliver(
        self, content: Content = TEXT, key: str = "key", *, by_task: bool = False, is_last: bool = False
    ) -> Record:
        """Deliver a post to its account and return its record, as it is in the ledger."""
        delivery = self.delivery(by_task=by_task, is_last=is_last)
        record = new_record(ACCOUNT, content, self.clock())
        leased = lease_new(self.publishing, UID, post_id(key), record, delivery)
        return self._deliver(leased, delivery, key)

    def deliver_again(self, key: str = "key", *, by_task: bool = False, is_last: bool = False) -> Record:
        """Deliver a post from its record, and return that."""
        delivery = self.delivery(by_task=by_task, is_last=is_last)
        post = self.post(post_id(key))
        assert post
        return self._deliver(lease(self.publishing, post, delivery), delivery, key)

    def _deliver(self, leased: Lease, delivery: Delivery, key: str) -> Record:
        account = OpenAccount(self.account(), AccountApi(self.graph, Secret(TOKEN)))
        record = deliver(self.publishing, leased, delivery, account).post.record
        written = self.database.fields(post_path(post_id(key)))
        assert stored_fields(as_document(record)) == written, "what was returned is not what was written"
        return self.record(key)


def summary_path(uid: str) -> str:
    """Return where a user's summary lies."""
    return f"users/{uid}/integrations/threads"


def account_path(uid: str, account_id: str) -> str:
    """Return where a user's account lies."""
    return f"{summary_path(uid)}/accounts/{account_id}"


def post_path(name: str, uid: str = UID) -> str:
    """Return where a post lies."""
    return f"{summary_path(uid)}/posts/{name}"


def post_id(key: str, account_id: str = ACCOUNT) -> str:
    """Return the name of a post by its key."""
    return Submission(None, TEXT, account_id, key).post_id(UID)
