"""The store and the records against a Firestore that listens and says nothing."""

import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client

from threads import documents
from threads.documents import Documents, Found, owner_of
from threads.errors import Forbidden, ServiceUnavailable
from threads.ledger import new_record
from threads.records import Held, Records
from threads.store import Due, Store

PATIENCE = 0.3
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FOUND = Found("1", {}, NOW)
RECORD = new_record("1", {"text": "hello"}, NOW)
HELD = Held("ada", "post", RECORD, NOW)

OPERATIONS: dict[str, Callable[[Store], object]] = {
    "create_state": lambda store: store.create_state("s", {"uid": "ada"}),
    "read_state": lambda store: store.read_state("s"),
    "use_up_state": lambda store: store.use_up_state(FOUND, {"usedBy": "me"}),
    "link_state": lambda store: store.link_state(FOUND, {"usedAt": NOW}, link_id="h", link={}),
    "finish_state": lambda store: store.finish_state(FOUND, {"outcome": {}}),
    "save_account": lambda store: store.save_account(
        "ada",
        "1",
        change=lambda _summary, _account: ({}, {}),
        pause=lambda: None,
        state="s",
        outcome={"outcome": {}},
    ),
    "read_summary": lambda store: store.read_summary("ada"),
    "change_summary": lambda store: store.change_summary("ada", lambda _before: {}),
    "delete_account": lambda store: store.delete_account("ada", FOUND, lambda _before: {}),
    "find_connections": lambda store: store.find_connections("accountId", "1"),
    "create_deletion": lambda store: store.create_deletion("c", {"state": "running"}),
    "read_deletion": lambda store: store.read_deletion("c"),
    "find_deletions": lambda store: store.find_deletions(NOW, 100),
    "change_deletion": lambda store: store.change_deletion("c", {"state": "done", "userId": None}),
    "delete_outcomes": lambda store: store.delete_outcomes("1"),
    "find_accounts": lambda store: store.find_accounts("ada", None),
    "find_the_account": lambda store: store.find_accounts("ada", "1"),
    "change_account": lambda store: store.change_account(
        "ada", FOUND, change={"status": "x", "updatedAt": NOW}, card={}
    ),
    "find_due": lambda store: store.find_due(NOW, Due(NOW, "users/ada"), 5),
    "find_sealed": lambda store: store.find_sealed("users/ada", 5),
}
RECORDS: dict[str, Callable[[Records], object]] = {
    "create": lambda records: records.create("ada", "post", RECORD),
    "read": lambda records: records.read("ada", "post"),
    "write": lambda records: records.write(HELD, RECORD.claimed("me", NOW)),
    "write_and_claim": lambda records: records.write(HELD, RECORD.claimed("me", NOW), media_id="8"),
    "latest": lambda records: records.latest("ada", 20, NOW),
    "find": lambda records: records.find("ada", "1", limit=20, state=RECORD.state, after="post"),
    "pages_of": lambda records: next(records.pages_of("1")),
    "claimed": lambda records: records.claimed("8"),
    "erase": lambda records: records.erase([HELD]),
}


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Client]]:
    """Return a Firestore that accepts connections and never answers, with our patience cut short."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setattr(documents, "RPC_TIMEOUT", PATIENCE)
        client = Client(project="demo-threads", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
        yield lambda: client


def check_patience(operation: Callable[[], object]) -> None:
    """Check that an operation gives up in its time."""
    began = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        operation()
    assert time.monotonic() - began < 10 * PATIENCE + 2


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_a_silent_firestore_is_not_waited_for(
    silent: Callable[[], Client], operation: Callable[[Store], object]
) -> None:
    """Every call ends in its time with a 503: the client's own limit for reads is five minutes."""
    check_patience(lambda: operation(Store(silent)))


@pytest.mark.parametrize("operation", RECORDS.values(), ids=RECORDS)
def test_a_record_is_not_waited_for(
    silent: Callable[[], Client], operation: Callable[[Records], object]
) -> None:
    """The same holds for the records of posts: a delivery's time is counted."""
    check_patience(lambda: operation(Records(silent)))


@pytest.mark.parametrize("uid", ["", ".", "..", "a/b", "__x__", "x" * 2000])
def test_a_user_id_that_is_no_path_segment_is_refused(silent: Callable[[], Client], uid: str) -> None:
    """No user id can lead to another document than its own."""
    with pytest.raises(Forbidden):
        Store(silent).find_accounts(uid, None)
    with pytest.raises(Forbidden):
        Records(silent).read(uid, "post")


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
    """What a query across users finds elsewhere is nobody's: ``accounts`` and ``posts`` are common names."""
    assert owner_of(path) == owner


def test_every_operation_is_tried() -> None:
    """A new operation comes with its row in the table."""
    for kind, tried in ((Store, {*OPERATIONS}), (Records, {*RECORDS})):
        assert issubclass(kind, Documents)
        assert {name for name in vars(kind) if not name.startswith("_")} <= tried
