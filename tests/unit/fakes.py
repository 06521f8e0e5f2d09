"""The outside world in memory: a clock, a Threads that answers from a script, a ledger, a queue, a store.

All of them write what happens into one trail, so that a test can ask for the order of things.
"""

import json
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from tests.unit.support import TOKEN, config, reply
from threads.accounts import TOKEN_FIELD
from threads.claims import Delivery, claim, claim_new
from threads.deliver import Walk
from threads.documents import Found
from threads.errors import Forbidden, ServiceUnavailable
from threads.graph import GraphReply, GraphRequest
from threads.ledger import Point, Record, State, as_document, from_document, new_record
from threads.posts import Content, Submission
from threads.records import AlreadyClaimed, Held, Overtaken
from threads.tools import Tools
from threads.vault import Place, Vault
from threads.wire import Secret, as_json_time

if TYPE_CHECKING:
    from threads.config import Config
    from threads.store import Store

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
UID, ACCOUNT, PROJECT = "ada", "17841405793187218", "demo-threads"
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


class Died(BaseException):
    """The process is gone: nothing of it catches this."""


# --- the parts ----------------------------------------------------------------------------------------------


@dataclass
class Clock:
    """The time, which passes when somebody sleeps, or is told to."""

    now: datetime = NOW
    pauses: list[float] = field(default_factory=list)

    def __call__(self) -> datetime:
        """Return the time."""
        return self.now

    def sleep(self, pause: timedelta) -> None:
        """Let time pass for who waits."""
        self.pauses.append(pause.total_seconds())
        self.now += pause

    def forward(self, *, seconds: float) -> None:
        """Let time pass."""
        self.now += timedelta(seconds=seconds)


class Graph:
    """A Threads that says what it was told to say, once each; a question more is a mistake."""

    def __init__(self, trail: list[str]) -> None:
        """Take where calls are noted."""
        self.requests: list[GraphRequest] = []
        self.always: dict[str, GraphReply] = {}
        """What it says to a step each time; the script is for the others."""
        self._trail = trail
        self._script: deque[Said] = deque()

    def will_say(self, *answers: Said) -> None:
        """Add answers."""
        self._script.extend(answers)

    def send(self, request: GraphRequest) -> GraphReply:
        """Give the next answer."""
        self._trail.append(request.step.value)
        self.requests.append(request)
        if request.step in self.always:
            return self.always[request.step]
        assert self._script, f"nobody expected {request}"
        said = self._script.popleft()
        return said(request) if callable(said) else said

    def is_done(self) -> bool:
        """Say whether everything was asked that had an answer."""
        return not self._script


class Ledger:
    """Records as Firestore keeps them: as documents, each with a version, and claims beside them."""

    def __init__(self, trail: list[str]) -> None:
        """Take where commits are noted."""
        self.claims: dict[str, tuple[str, str]] = {}
        self.before_commit: Callable[[int], None] = lambda _number: None
        """Called before each commit with its number, from 1 on: others may come between."""
        self.page = 2
        """Records that are read at once."""
        self._trail = trail
        self._commits = 0
        self._documents: dict[tuple[str, str], tuple[int, dict[str, Any]]] = {}
        self._versions = count(1)

    def create(self, uid: str, post_id: str, record: Record) -> Held:
        """Write a new record, and return it, or the one that is there already."""
        self._announce()
        if (uid, post_id) in self._documents:
            return self._held(uid, post_id)
        self._trail.append(f"commit {record.state}")
        return self.put(uid, post_id, record)

    def read(self, uid: str, post_id: str) -> Held | None:
        """Read a record."""
        return self._held(uid, post_id) if (uid, post_id) in self._documents else None

    def write(self, held: Held, record: Record, *, media_id: str | None = None) -> Held:
        """Change a record unless somebody has since it was read, and claim a media id with it."""
        self._announce()
        there = self.read(held.uid, held.post_id)
        if there is None or there.version != held.version:
            raise Overtaken
        mine = (held.uid, held.post_id)
        if media_id and self.claims.get(media_id, mine) != mine:
            raise AlreadyClaimed
        if media_id:
            self.claims[media_id] = mine
        self._trail.append(f"commit {record.state}")
        return self.put(held.uid, held.post_id, record)

    def latest(self, uid: str, limit: int, before: datetime | None) -> list[Held]:
        """Return a user's posts, the newest first."""
        held = [self._held(*name) for name in self._documents if name[0] == uid]
        older = [one for one in held if before is None or one.record.created_at < before]
        return sorted(older, key=lambda one: one.record.created_at, reverse=True)[:limit]

    def find(
        self, uid: str, account_id: str, *, limit: int, state: State | None = None, after: str | None = None
    ) -> list[Held]:
        """Return a user's posts of one account, by their names."""
        held = [self._held(*name) for name in sorted(self._documents) if name[0] == uid]
        wanted = [one for one in held if one.record.account_id == account_id and one.post_id > (after or "")]
        return [one for one in wanted if state in (None, one.record.state)][:limit]

    def pages_of(self, account_id: str) -> Iterator[list[Held]]:
        """Return an account's posts, of all users, page by page: each as it is when its page is read."""
        after = ("", "")
        while names := [name for name in sorted(self._documents) if name > after][: self.page]:
            after = names[-1]
            yield [held for held in (self._held(*it) for it in names) if held.record.account_id == account_id]

    def claimed(self, media_id: str) -> Held | None:
        """Return the post that a media id belongs to."""
        held = self.read(*self.claims[media_id]) if media_id in self.claims else None
        return held if held and held.record.media_id == media_id else None

    def erase(self, posts: Sequence[Held]) -> bool:
        """Delete records with their claims, unless somebody has changed one since; say so."""
        self._announce()
        if any(self.read(held.uid, held.post_id) != held for held in posts):
            return False
        for held in posts:
            del self._documents[held.uid, held.post_id]
            self.claims.pop(held.record.media_id or "", None)
        return True

    def put(self, uid: str, post_id: str, record: Record) -> Held:
        """Write a record, whatever is there."""
        self._documents[uid, post_id] = (next(self._versions), as_document(record))
        return self._held(uid, post_id)

    def _announce(self) -> None:
        self._commits += 1
        self.before_commit(self._commits)

    def _held(self, uid: str, post_id: str) -> Held:
        version, document = self._documents[uid, post_id]
        return Held(uid, post_id, from_document(document), version)


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


class Accounts:
    """The part of the store that publishing needs: a user's accounts."""

    def __init__(self) -> None:
        """Begin without an account."""
        self.found: dict[str, Found] = {}
        self.changes: list[tuple[str, Mapping[str, Any], Mapping[str, Any]]] = []
        self.is_out_of_order = False

    def find_accounts(self, _uid: str, unverified_account_id: str | None) -> list[Found]:
        """Return the named account, or without a name the first two."""
        if self.is_out_of_order:
            raise ServiceUnavailable
        if unverified_account_id is None:
            return [*self.found.values()][:2]
        return [self.found[unverified_account_id]] if unverified_account_id in self.found else []

    def change_account(
        self, _uid: str, found: Found, *, change: Mapping[str, Any], card: Mapping[str, Any]
    ) -> Found:
        """Note a change of an account."""
        if self.is_out_of_order:
            raise ServiceUnavailable
        self.changes.append((found.id, change, card))
        return found


# --- all of it ----------------------------------------------------------------------------------------------


class World:
    """Everything around a post, and deliveries of it, each with a name of its own."""

    def __init__(self, *, text_mode: str = "single_step", has_queue: bool = True) -> None:
        """Begin with one connected account and no post."""
        self.config: Config = config(TEXT_MODE=text_mode)
        self.clock = Clock()
        self.trail: list[str] = []
        self.graph = Graph(self.trail)
        self.ledger = Ledger(self.trail)
        self.tasks = Tasks(self.trail)
        self.tasks.is_configured = has_queue
        self.accounts = Accounts()
        self.users = Users(self.trail)
        self.vault = Vault(self.config.token_keys)
        self.connect(ACCOUNT)
        self.seen: list[Record] = []
        self.points: list[Point] = []
        self.dies_at: Point | None = None
        self._deliveries = count(1)

    @property
    def tools(self) -> Tools:
        """The world as the stories get it."""
        return Tools(
            config=self.config,
            store=cast("Store", self.accounts),
            records=self.ledger,
            tasks=self.tasks,
            graph=self.graph,
            users=self.users,
            vault=lambda: self.vault,
            project=lambda: PROJECT,
            now=self.clock,
            sleep=self.clock.sleep,
            reached=self._reached,
        )

    @property
    def calls(self) -> list[str]:
        """What Threads was asked, in order."""
        return [request.step.value for request in self.graph.requests]

    def connect(self, account_id: str, **changes: Any) -> None:
        """Connect an account, or change one."""
        place = Place(PROJECT, UID, account_id, TOKEN_FIELD)
        fields = {TOKEN_FIELD: self.vault.seal(Secret(TOKEN), place), "status": "active", **changes}
        self.accounts.found[account_id] = Found(account_id, fields, 1)

    def say(self, *answers: Said) -> None:
        """Let Threads answer the next calls."""
        self.graph.will_say(*answers)

    def delivery(self, *, by_task: bool = False, is_last: bool = False) -> Delivery:
        """Return another delivery."""
        return Delivery(f"delivery-{next(self._deliveries)}", by_task, is_last)

    def deliver(
        self, content: Content = TEXT, key: str = "key", *, by_task: bool = False, is_last: bool = False
    ) -> Record:
        """Deliver a post to its account and return its record, as it is in the ledger."""
        delivery = self.delivery(by_task=by_task, is_last=is_last)
        record = new_record(ACCOUNT, content.as_json(), self.clock())
        claimed = claim_new(self.tools, UID, post_id(key), record, delivery)
        return self._walk(claimed, delivery, key)

    def deliver_again(self, key: str = "key", *, by_task: bool = False, is_last: bool = False) -> Record:
        """Deliver a post from its record, and return that."""
        delivery = self.delivery(by_task=by_task, is_last=is_last)
        held = self.ledger.read(UID, post_id(key))
        assert held
        return self._walk(claim(self.tools, held, delivery), delivery, key)

    def record(self, key: str = "key") -> Record:
        """Return what the ledger says of a post."""
        held = self.ledger.read(UID, post_id(key))
        assert held
        return held.record

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

    def _walk(self, claimed: Any, delivery: Delivery, key: str) -> Record:
        held = Walk(self.tools, claimed, delivery, Secret(TOKEN), self.accounts.found[ACCOUNT]).run()
        assert held.record == self.record(key), "what was returned is not what was written"
        return held.record

    def _reached(self, point: Point) -> None:
        self.points.append(point)
        if point is self.dies_at:
            self.dies_at = None
            raise Died


def post_id(key: str, account_id: str = ACCOUNT) -> str:
    """Return the name of a post by its key."""
    return Submission(None, TEXT, account_id, key).post_id(UID)
