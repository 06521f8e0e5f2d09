"""What connecting leaves in Firestore: when answers get lost, of windows at once, after a deletion."""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import grpc
import pytest
from google.cloud.firestore import Client

from tests.e2e.world import Firebase, account_path, summary_path
from threads import documents
from threads.documents import Found
from threads.errors import ServiceUnavailable
from threads.store import Store

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WINDOWS = 16
MINE = {"usedAt": NOW, "usedBy": "me"}
CONNECTED = {"outcome": {"status": "connected", "accountId": "17"}}


class Lost(grpc.RpcError):
    """What a client gets of a call whose answer does not arrive."""

    def code(self) -> grpc.StatusCode:
        """Return the status of a connection that broke."""
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        """Return a text."""
        return "lost"

    def trailing_metadata(self) -> tuple[()]:
        """Return nothing more."""
        return ()

    def result(self) -> None:
        """Fail."""
        raise self


class Line(grpc.UnaryUnaryClientInterceptor):
    """A line to Firestore that carries commits out, and loses the answers of as many as it is told.

    Or the commits themselves, while it is cut.
    """

    def __init__(self) -> None:
        """Begin with a good one."""
        self.loses = 0
        self.commits = 0
        self.is_cut = False

    def intercept_unary_unary(self, continuation: Callable[..., Any], details: Any, request: Any) -> Any:
        """Send a call on."""
        if self.is_cut and details.method.endswith("/Commit"):
            return Lost()
        call = continuation(details, request)
        if details.method.endswith("/Commit"):
            self.commits += 1
            if self.loses:
                call.exception()  # waits until it has been carried out
                self.loses -= 1
                return Lost()
        return call


@pytest.fixture(scope="module")
def line() -> Line:
    """Return the line between the store and Firestore."""
    return Line()


@pytest.fixture(scope="module")
def client(whole_firebase: Firebase, line: Line) -> Iterator[Client]:
    """Return a client at the end of that line."""
    channel = Client._emulator_channel

    def lossy(client: Client, transport: Any) -> Any:
        return grpc.intercept_channel(channel(client, transport), line)  # type: ignore[no-untyped-call]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Client, "_emulator_channel", lossy)
        client = Client(project=whole_firebase.client.project)
        client.document("any/thing").get()  # opens the channel
        yield client


@pytest.fixture
def store(client: Client, line: Line, firebase: Firebase) -> Iterator[Store]:
    """Return the store on an empty Firestore; the line is good again."""
    assert firebase
    line.loses = line.commits = 0
    yield Store(lambda: client)
    line.loses, line.is_cut = 0, False


def fresh(store: Store, name: str = "state", **fields: Any) -> Found:
    """Write a state, and return it as it is read."""
    store.create_state(name, {"uid": "ada", "provider": "threads", **fields})
    found = store.read_state(name)
    assert found
    return found


def save(
    store: Store,
    *,
    state: str = "state",
    account_id: str = "17",
    pause: Callable[[], None] = lambda: None,
) -> None:
    """Save an account; one that is there keeps its age, and adds its card to the others."""

    def change(
        summary: Mapping[str, Any], account: Mapping[str, Any]
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        cards = {**summary.get("accounts", {}), account_id: {"status": "active"}}
        first = {} if account else {"createdAt": NOW}
        return {"accounts": cards}, {"accessToken": "sealed", **first}

    store.save_account("ada", account_id, change=change, pause=pause, state=state, outcome=CONNECTED)


def give_up_at_once(monkeypatch: pytest.MonkeyPatch, line: Line) -> None:
    """Lose every answer, and have no time for repetitions of Firestore's client."""
    monkeypatch.setattr(documents, "RPC_TIMEOUT", 0.5)
    line.loses = 1000


# --- answers that get lost ----------------------------------------------------------------------------------


def test_who_has_used_a_state_up_knows_it_without_the_answer(store: Store, line: Line) -> None:
    """The client's own repetition fails on what the first one has changed: that is no other request."""
    found = fresh(store)
    line.loses = 1
    used = store.use_up_state(found, MINE)
    assert line.commits == 2 + 1, "nothing was repeated"
    assert used
    assert used.fields["usedBy"] == "me"
    assert used == store.read_state("state")
    assert store.use_up_state(found, {**MINE, "usedBy": "another"}) is None


def test_who_has_used_a_state_up_knows_it_when_time_is_over(
    store: Store, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A commit without any answer in its time is looked at, once: it was carried out."""
    found = fresh(store)
    give_up_at_once(monkeypatch, line)
    used = store.use_up_state(found, MINE)
    assert used
    assert used.fields["usedBy"] == "me"


def test_a_state_that_nobody_has_used_is_as_good_as_before(
    store: Store, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the commit was not carried out, the request may be sent again."""
    found = fresh(store)
    line.is_cut = True
    with monkeypatch.context() as patch:
        patch.setattr(documents, "RPC_TIMEOUT", 0.5)
        with pytest.raises(ServiceUnavailable):
            store.use_up_state(found, MINE)
    line.is_cut = False
    assert store.use_up_state(found, MINE)


def test_a_link_whose_answer_got_lost_is_there(store: Store, line: Line) -> None:
    """Whoever comes first is what the state says, and the link is written once."""
    found = fresh(store)
    line.loses = 1
    linked = {"usedAt": NOW, "outcome": {"status": "linked", "handle": "name"}}
    assert store.link_state(found, linked, link_id="name", link={"kind": "link"}) is False
    state, link = store.read_state("state"), store.read_state("name")
    assert state
    assert link
    assert (state.fields["outcome"]["handle"], link.fields["kind"]) == ("name", "link")


def test_an_account_whose_answer_got_lost_is_saved_once(store: Store, line: Line, firebase: Firebase) -> None:
    """First or further account: the repetition finds it, adds nothing, and keeps its age."""
    fresh(store)
    for account_id in ("17", "18"):
        line.loses = 1
        save(store, account_id=account_id)
    assert (firebase.read(summary_path("ada")) or {})["accounts"].keys() == {"17", "18"}
    assert (firebase.read(account_path("ada", "18")) or {}) == {"accessToken": "sealed", "createdAt": NOW}


def test_a_failure_that_is_noted_late_does_not_undo_a_success(
    store: Store, line: Line, firebase: Firebase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever did not hear that the account was saved cannot make the state say that it was not."""
    used = store.use_up_state(fresh(store), MINE)
    assert used
    with monkeypatch.context() as patch:
        give_up_at_once(patch, line)
        with pytest.raises(ServiceUnavailable):
            save(store)
    line.loses = 0
    store.finish_state(used, {"outcome": {"status": "failed"}})
    assert (firebase.read("oauthStates/state") or {})["outcome"] == CONNECTED["outcome"]


# --- windows at once ----------------------------------------------------------------------------------------


def test_all_windows_of_one_user_at_once_are_saved(store: Store, firebase: Firebase) -> None:
    """Sixteen that end in the same moment are sixteen accounts and cards: a code cannot be used again."""
    chance = Random(16)  # noqa: S311 - a pause is no secret
    for number in range(WINDOWS):
        fresh(store, f"state{number}")

    def one(number: int) -> None:
        save(
            store,
            state=f"state{number}",
            account_id=str(number),
            pause=lambda: time.sleep(chance.uniform(0, 0.1)),
        )

    with ThreadPoolExecutor(WINDOWS) as pool:
        list(pool.map(one, range(WINDOWS)))
    assert len((firebase.read(summary_path("ada")) or {})["accounts"]) == WINDOWS
    assert all(firebase.read(account_path("ada", str(number))) for number in range(WINDOWS))


def test_nobody_waits_who_is_alone(store: Store) -> None:
    """A first account, and a further one, are saved without a pause."""
    fresh(store)
    for account_id in ("17", "18"):
        save(store, account_id=account_id, pause=lambda: pytest.fail("it waited"))


def test_what_is_overtaken_ends_its_state_and_changes_nothing_else(store: Store, firebase: Firebase) -> None:
    """An older connection leaves account and summary as the newer one has made them."""
    fresh(store)
    save(store)
    before = [firebase.read(path) for path in (summary_path("ada"), account_path("ada", "17"))]
    fresh(store, "older")
    seen: list[Mapping[str, Any]] = []

    def nothing(summary: Mapping[str, Any], account: Mapping[str, Any]) -> Any:
        seen.append(account)
        return None if summary else ({"accounts": {}}, {"accessToken": "older"})

    store.save_account(
        "ada", "17", change=nothing, pause=lambda: None, state="older", outcome={"outcome": {"status": "x"}}
    )
    assert [firebase.read(path) for path in (summary_path("ada"), account_path("ada", "17"))] == before
    assert (firebase.read("oauthStates/older") or {})["outcome"] == {"status": "x"}
    assert [account.get("accessToken") for account in seen] == [None, "sealed"]


def test_what_was_forgotten_in_between_is_not_saved(store: Store, firebase: Firebase) -> None:
    """Where the state is gone when its account would be saved, nothing is."""
    fresh(store)
    firebase.client.document("oauthStates/state").delete()
    with pytest.raises(ServiceUnavailable):
        save(store)
    assert firebase.names("users") == []


# --- what is left -------------------------------------------------------------------------------------------


def test_a_forgotten_account_is_named_by_no_state_and_no_link(store: Store, firebase: Firebase) -> None:
    """Those that ended with it, and those that wait for it, are gone; everybody else's stay."""
    account = {"id": "17", "username": "ada"}
    later = datetime.now(UTC) + timedelta(minutes=5)
    states: dict[str, dict[str, Any]] = {
        "ended": {"outcome": {"status": "connected", "accountId": "17", "profile": {"username": "ada"}}},
        "begun": {"account": account},
        "failed": {"account": account, "outcome": {"status": "failed", "error": "wrong_account"}},
        "both": {"account": account, "outcome": {"status": "connected", "accountId": "17"}},
        "link": {"account": account, "kind": "link", "code": "k1:sealed", "expiresAt": later},
        "another": {"account": {"id": "18"}, "outcome": {"status": "connected", "accountId": "18"}},
        "nobody": {"account": None, "outcome": {"status": "cancelled"}},
    }
    for name, fields in states.items():
        fresh(store, name, **fields)
    store.delete_outcomes("17")
    assert sorted(firebase.names("oauthStates")) == ["another", "nobody"]
