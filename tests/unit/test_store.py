"""The store against a Firestore that listens and says nothing."""

import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from google.auth.credentials import AnonymousCredentials
from google.cloud.firestore import Client

from threads import store as store_module
from threads.errors import Forbidden, ServiceUnavailable
from threads.store import Found, Store

PATIENCE = 0.3
NOW = datetime(2026, 1, 1, tzinfo=UTC)
FOUND = Found("1", {}, NOW)

OPERATIONS: dict[str, Callable[[Store], object]] = {
    "create_state": lambda store: store.create_state("s", {"uid": "ada"}),
    "read_state": lambda store: store.read_state("s"),
    "use_up_state": lambda store: store.use_up_state(FOUND, {"usedBy": "me"}),
    "finish_state": lambda store: store.finish_state(FOUND, {"outcome": {}}),
    "save_account": lambda store: store.save_account(
        "ada", "1", account={}, at_first={}, summarize=lambda _before: {}, state="s", outcome={"outcome": {}}
    ),
    "read_summary": lambda store: store.read_summary("ada"),
    "find_accounts": lambda store: store.find_accounts("ada", None),
    "find_the_account": lambda store: store.find_accounts("ada", "1"),
    "change_account": lambda store: store.change_account(
        "ada", FOUND, change={"status": "x", "updatedAt": NOW}, card={}
    ),
}


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Return a store whose Firestore accepts connections and never answers, and its patience cut short."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", f"127.0.0.1:{listener.getsockname()[1]}")
        monkeypatch.setattr(store_module, "RPC_TIMEOUT", PATIENCE)
        client = Client(project="demo-threads", credentials=AnonymousCredentials())  # type: ignore[no-untyped-call]
        yield Store(lambda: client)


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)
def test_a_silent_firestore_is_not_waited_for(silent: Store, operation: Callable[[Store], object]) -> None:
    """Every call ends in its time with a 503: the client's own limit for reads is five minutes."""
    began = time.monotonic()
    with pytest.raises(ServiceUnavailable):
        operation(silent)
    assert time.monotonic() - began < 10 * PATIENCE + 2


@pytest.mark.parametrize("uid", ["", ".", "..", "a/b", "__x__", "x" * 2000])
def test_a_user_id_that_is_no_path_segment_is_refused(silent: Store, uid: str) -> None:
    """No user id can lead to another document than its own."""
    with pytest.raises(Forbidden):
        silent.find_accounts(uid, None)


def test_every_operation_is_tried() -> None:
    """A new operation of the store comes with its row in the table."""
    public = {name for name in vars(Store) if not name.startswith("_")}
    assert public <= {*OPERATIONS}
