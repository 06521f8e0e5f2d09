"""What all repositories promise: no call waits for long, and no id leads to another user's documents."""

import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client

from threads.accounts.account import StoredAccount
from threads.accounts.changes import AccountChange
from threads.accounts.connection import ConnectionChange
from threads.accounts.repository import AccountRepository, Condition, Due
from threads.base.errors import Forbidden, ServiceUnavailable
from threads.cloud import firestore
from threads.cloud.firestore import Repository, owner_of
from threads.connections.repository import ConnectionRepository
from threads.connections.states import (
    CONNECT,
    DONE,
    FAILED,
    RUNNING,
    Asked,
    Deletion,
    End,
    OAuthState,
    PendingConnection,
)
from threads.posts.content import Content
from threads.posts.ledger import new_record
from threads.posts.repository import LatePost, PostRepository, StoredPost

PATIENCE = 0.3
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACCOUNT = StoredAccount("ada", "1", {}, NOW)
ASKED = Asked(CONNECT, "ada", ())
STATE = OAuthState("state", ASKED, None, is_confirmed=True, expires_at=NOW, version=NOW)
PENDING = PendingConnection("pending", ASKED, "sealed", NOW, version=NOW)
DELETION = Deletion("code", RUNNING, "1", NOW, NOW)
RECORD = new_record("1", Content({"text": "hello"}), NOW)
POST = StoredPost("ada", "post", RECORD, NOW)
LATE = LatePost("users/ada", NOW, POST)

ACCOUNTS: dict[str, Callable[[AccountRepository], object]] = {
    "read_summary": lambda accounts: accounts.read_summary("ada"),
    "change_summary": lambda accounts: accounts.change_summary("ada", lambda _before: {}),
    "read": lambda accounts: accounts.read("ada", "1"),
    "find": lambda accounts: accounts.find("ada", None),
    "change": lambda accounts: accounts.change(ACCOUNT, AccountChange({"status": "x", "updatedAt": NOW}, {})),
    "connect": lambda accounts: accounts.connect(
        "ada",
        "1",
        lambda _summary, _account: ConnectionChange({}, {}),
        pause=lambda: None,
        also=Condition(accounts._account_reference("ada", "2"), {"a": 1}, NOW),
    ),
    "delete": lambda accounts: accounts.delete(ACCOUNT, lambda _before: {}),
    "note_dead": lambda accounts: accounts.note_dead(NOW),
    "raise_alarm": lambda accounts: accounts.raise_alarm(NOW, timedelta(days=1)),
    "find_person": lambda accounts: accounts.find_person("ada", "1"),
    "all_of": lambda accounts: next(accounts.all_of("ada")),
    "find_connected": lambda accounts: accounts.find_connected("accountId", "1"),
    "find_due": lambda accounts: accounts.find_due(NOW, Due(NOW, "users/ada"), 5),
    "find_ending": lambda accounts: accounts.find_ending(NOW, NOW, 5),
    "put_off": lambda accounts: accounts.put_off("users/ada", NOW),
    "read_place": lambda accounts: accounts.read_place(),
    "keep_place": lambda accounts: accounts.keep_place(Due(NOW, "users/ada")),
    "find_sealed": lambda accounts: accounts.find_sealed("users/ada", 5),
}
CONNECTIONS: dict[str, Callable[[ConnectionRepository], object]] = {
    "create_state": lambda connections: connections.create_state(STATE, NOW),
    "read_state": lambda connections: connections.read_state("state"),
    "read_pending": lambda connections: connections.read_pending("pending"),
    "use_up": lambda connections: connections.use_up(STATE, NOW),
    "make_pending": lambda connections: connections.make_pending(STATE, PENDING, NOW),
    "settle": lambda connections: connections.settle(STATE, NOW, End(FAILED)),
    "delete_ends": lambda connections: connections.delete_ends("1"),
    "delete_begun_by": lambda connections: connections.delete_begun_by("ada", until=NOW),
    "create_deletion": lambda connections: connections.create_deletion(DELETION, NOW),
    "read_deletion": lambda connections: connections.read_deletion("code"),
    "find_deletions": lambda connections: connections.find_deletions(NOW, 100),
    "change_deletion": lambda connections: connections.change_deletion(
        "code", {"state": DONE, "userId": None}
    ),
}
POSTS: dict[str, Callable[[PostRepository], object]] = {
    "create": lambda posts: posts.create("ada", "post", RECORD),
    "read": lambda posts: posts.read("ada", "post"),
    "write": lambda posts: posts.write(POST, RECORD.leased("me", NOW), media_id="8"),
    "take_over": lambda posts: posts.take_over(POST, RECORD.leased("me", NOW), "8", NOW),
    "find": lambda posts: posts.find("ada", "1", limit=20, state=RECORD.state, after="post"),
    "pages_of_user": lambda posts: next(posts.pages_of_user("ada")),
    "pages_of": lambda posts: next(posts.pages_of("1")),
    "find_late": lambda posts: posts.find_late(NOW, LATE, 5),
    "put_off": lambda posts: posts.put_off(LATE, NOW),
    "of_media_id": lambda posts: posts.of_media_id("8"),
    "find_unanswered": lambda posts: posts.find_unanswered("ada", "1", limit=20),
    "erase": lambda posts: posts.erase([POST]),
    "erase_odd": lambda posts: posts.erase_odd("users/ada/integrations/threads/posts/x"),
    "latest": lambda posts: next(posts.latest("ada", 20, NOW)),
    "count_open": lambda posts: posts.count_open("ada", "1", most=20),
}
OPERATIONS: dict[type[Repository], dict[str, Callable[[Any], object]]] = {
    AccountRepository: ACCOUNTS,
    ConnectionRepository: CONNECTIONS,
    PostRepository: POSTS,
}
WITHOUT_A_CALL = {"condition"}
"""What is for a commit of another repository's."""

ROWS = [
    pytest.param(kind, operation, id=f"{kind.__name__}.{name}")
    for kind, operations in OPERATIONS.items()
    for name, operation in operations.items()
]


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Client]]:
    """Return a Firestore that accepts connections and never answers, with our patience cut short."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setattr(firestore, "RPC_TIMEOUT", PATIENCE)
        client = Client(project="demo-threads", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
        yield lambda: client


@pytest.mark.parametrize(("kind", "operation"), ROWS)
def test_a_silent_firestore_is_not_waited_for(
    silent: Callable[[], Client], kind: type[Repository], operation: Callable[[Any], object]
) -> None:
    """Every operation ends in its time with a 503: the client's own limit for reads is five minutes."""
    began = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        operation(kind(silent))
    assert time.monotonic() - began < 10 * PATIENCE + 2


def test_every_operation_is_tried() -> None:
    """A new operation, or a new repository, comes with its row in the table."""
    assert {*OPERATIONS} == {*Repository.__subclasses__()}
    for kind, tried in OPERATIONS.items():
        assert {name for name in vars(kind) if not name.startswith("_")} - WITHOUT_A_CALL == tried.keys()


@pytest.mark.parametrize("uid", ["", ".", "..", "a/b", "__x__", "x" * 2000])
def test_a_user_id_that_is_no_path_segment_is_refused(silent: Callable[[], Client], uid: str) -> None:
    """No user id can lead to another document than its own."""
    with pytest.raises(Forbidden):
        AccountRepository(silent).find(uid, None)
    with pytest.raises(Forbidden):
        PostRepository(silent).read(uid, "post")


PATHS: list[tuple[str, str | None]] = [
    ("users/ada/integrations/threads/accounts/1", "ada"),
    ("users/ada/integrations/other/accounts/1", None),
    ("users/ada/accounts/1", None),
    ("accounts/1", None),
    ("people/ada/integrations/threads/accounts/1", None),
    ("users/ada/integrations/threads/posts/1", "ada"),
    ("users/ada/integrations/other/posts/1", None),
    ("posts/1", None),
    ("x/y/users/ada/integrations/threads/accounts/1", None),
    ("users/ada/integrations/threads/accounts/1/accounts/2", None),
]


@pytest.mark.parametrize(("path", "owner"), PATHS)
def test_a_document_is_ours_where_ours_lie(path: str, owner: str | None) -> None:
    """A query across users finds an app's own ``accounts`` and ``posts``, too: those are not ours."""
    assert owner_of(path) == owner
