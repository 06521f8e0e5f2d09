"""What connecting leaves in Firestore: when answers are lost, of windows at once, after a deletion."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

import grpc
import pytest
from google.cloud.firestore import Client

from tests.e2e.world import Firebase, account_path, summary_path
from threads.accounts.account import StoredAccount
from threads.accounts.connection import ConnectionChange
from threads.accounts.repository import AccountRepository
from threads.accounts.summary import StoredSummary
from threads.base.errors import ServiceUnavailable
from threads.cloud import firestore
from threads.connections.repository import ConnectionRepository
from threads.connections.states import (
    CONNECT,
    CONNECTED,
    FAILED,
    Asked,
    End,
    OAuthState,
    PendingConnection,
    UsedUp,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
LATER = NOW + timedelta(minutes=10)
WINDOWS = 16
ASKED = Asked(CONNECT, "ada", ("threads_basic",))
SAVED = End(CONNECTED, account_id="17")


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
    """Return the line between the repositories and Firestore."""
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


class Repositories(NamedTuple):
    """What connecting writes to Firestore with."""

    accounts: AccountRepository
    connections: ConnectionRepository

    def begin(self, name: str = "state", asked: Asked = ASKED) -> OAuthState:
        """Write a state, and return it as it is read."""
        new = OAuthState(name, asked, unverified_return_to=None, is_confirmed=False, expires_at=LATER)
        self.connections.create_state(new, NOW)
        return self.read_state(name)

    def read_state(self, name: str = "state") -> OAuthState:
        """Return a state that is there."""
        found = self.connections.read_state(name)
        assert found
        return found

    def use_up(self, state: OAuthState) -> UsedUp:
        """Use a state up that no other request has used."""
        used = self.connections.use_up(state, NOW)
        assert used
        return used

    def save(self, used: UsedUp, account_id: str = "17", *, pause: Callable[[], None] = lambda: None) -> bool:
        """Save an account, and return whether this did it; it keeps its age and other cards."""

        def change(summary: StoredSummary, account: StoredAccount | None) -> ConnectionChange:
            cards = {**summary.cards, account_id: {"status": "active"}}
            first = {} if account else {"createdAt": NOW}
            return ConnectionChange({"accounts": cards}, {"accessToken": "sealed", **first})

        also = self.connections.condition(used, SAVED)
        return self.accounts.connect("ada", account_id, change, pause=pause, also=also)

    def settle(self, used: UsedUp) -> End:
        """Let what was used up have failed, unless it has ended already; return how it has ended."""
        return self.connections.settle(used.of, used.version, End(FAILED))


@pytest.fixture
def repositories(client: Client, line: Line, firebase: Firebase) -> Iterator[Repositories]:
    """Return the repositories on an empty Firestore; the line is good again."""
    assert firebase
    line.loses = line.commits = 0
    yield Repositories(AccountRepository(lambda: client), ConnectionRepository(lambda: client))
    line.loses, line.is_cut = 0, False


def give_up_at_once(monkeypatch: pytest.MonkeyPatch, line: Line) -> None:
    """Lose every answer, and have no time for repetitions of Firestore's client."""
    monkeypatch.setattr(firestore, "RPC_TIMEOUT", 0.5)
    line.loses = 1000


# --- answers that are lost ----------------------------------------------------------------------------------


def test_a_state_is_used_up_once_although_the_answer_was_lost(repositories: Repositories, line: Line) -> None:
    """The client's own repetition fails on what the first one has changed: it is not another request."""
    found = repositories.begin()
    line.loses = 1
    used = repositories.connections.use_up(found, NOW)
    assert line.commits == 2 + 1, "nothing was repeated"
    assert used
    assert used.version == repositories.read_state().version
    assert repositories.connections.use_up(found, NOW) is None


def test_a_state_is_used_up_once_although_no_answer_came_in_time(
    repositories: Repositories, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a commit without any answer the state is read, once: the commit was carried out."""
    found = repositories.begin()
    give_up_at_once(monkeypatch, line)
    used = repositories.connections.use_up(found, NOW)
    assert used
    assert used.version == repositories.read_state().version


def test_a_state_that_no_request_has_used_is_as_good_as_before(
    repositories: Repositories, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the commit was not carried out, the request may be sent again."""
    found = repositories.begin()
    line.is_cut = True
    with monkeypatch.context() as patch:
        patch.setattr(firestore, "RPC_TIMEOUT", 0.5)
        with pytest.raises(ServiceUnavailable):
            repositories.connections.use_up(found, NOW)
    line.is_cut = False
    assert repositories.connections.use_up(found, NOW)


def test_a_pending_connection_whose_answer_was_lost_is_there(repositories: Repositories, line: Line) -> None:
    """It is written once, and the state names the one that came first."""
    found = repositories.begin()
    line.loses = 1
    new = PendingConnection("name", ASKED, "sealed", expires_at=LATER)
    assert repositories.connections.make_pending(found, new, NOW) is False
    use, pending = repositories.read_state().use, repositories.connections.read_pending("name")
    assert use
    assert pending
    assert (use.code_id, pending.asked, pending.sealed_code) == ("name", ASKED, "sealed")


def test_an_account_whose_answer_was_lost_is_saved_once(
    repositories: Repositories, line: Line, firebase: Firebase
) -> None:
    """First or further account: the client's repetition is refused, and the state says that it is saved."""
    for account_id in ("17", "18"):
        used = repositories.use_up(repositories.begin(f"state{account_id}"))
        line.loses = 1
        repositories.save(used, account_id)
        assert repositories.settle(used) == SAVED
    assert (firebase.read(summary_path("ada")) or {})["accounts"].keys() == {"17", "18"}
    assert (firebase.read(account_path("ada", "18")) or {}) == {"accessToken": "sealed", "createdAt": NOW}


def test_a_failure_that_is_written_late_does_not_undo_a_success(
    repositories: Repositories, line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A request that did not learn that the account was saved cannot make the state say that it was not."""
    used = repositories.use_up(repositories.begin())
    with monkeypatch.context() as patch:
        give_up_at_once(patch, line)
        with pytest.raises(ServiceUnavailable):
            repositories.save(used)
    line.loses = 0
    assert repositories.settle(used) == SAVED


# --- windows at once ----------------------------------------------------------------------------------------


def test_all_windows_of_one_user_at_once_are_saved(repositories: Repositories, firebase: Firebase) -> None:
    """Sixteen that end in the same moment are sixteen accounts and cards: a code cannot be used again."""
    chance = Random(16)  # noqa: S311 - a pause is no secret
    used = [repositories.use_up(repositories.begin(f"state{number}")) for number in range(WINDOWS)]

    def one(number: int) -> None:
        repositories.save(used[number], str(number), pause=lambda: time.sleep(chance.uniform(0, 0.1)))

    with ThreadPoolExecutor(WINDOWS) as pool:
        list(pool.map(one, range(WINDOWS)))
    assert len((firebase.read(summary_path("ada")) or {})["accounts"]) == WINDOWS
    assert all(firebase.read(account_path("ada", str(number))) for number in range(WINDOWS))


def test_one_window_alone_does_not_wait(repositories: Repositories) -> None:
    """A first account, and a further one, are saved without a pause."""
    for account_id in ("17", "18"):
        used = repositories.use_up(repositories.begin(f"state{account_id}"))
        assert repositories.save(used, account_id, pause=lambda: pytest.fail("it waited"))


def test_an_older_connection_ends_its_state_and_changes_nothing_else(
    repositories: Repositories, firebase: Firebase
) -> None:
    """It leaves account and summary as the newer one has made them."""
    repositories.save(repositories.use_up(repositories.begin()))
    before = [firebase.read(path) for path in (summary_path("ada"), account_path("ada", "17"))]
    older, end = repositories.use_up(repositories.begin("older")), End(FAILED, error="x")
    seen: list[StoredAccount | None] = []

    def nothing(summary: StoredSummary, account: StoredAccount | None) -> ConnectionChange | None:
        seen.append(account)
        return None if summary.version else ConnectionChange({"accounts": {}}, {"accessToken": "older"})

    also = repositories.connections.condition(older, end)
    assert repositories.accounts.connect("ada", "17", nothing, pause=lambda: None, also=also)
    assert [firebase.read(path) for path in (summary_path("ada"), account_path("ada", "17"))] == before
    assert repositories.settle(older) == end
    assert [account and account.sealed_token for account in seen] == [None, "sealed"]


def test_what_was_forgotten_meanwhile_is_not_saved(repositories: Repositories, firebase: Firebase) -> None:
    """If the state is gone when its account would be saved, nothing is saved."""
    used = repositories.use_up(repositories.begin())
    firebase.client.document("oauthStates/state").delete()
    assert not repositories.save(used)
    assert firebase.names("users") == []


# --- what is left -------------------------------------------------------------------------------------------


def test_a_forgotten_account_is_named_by_no_state_and_no_pending_connection(
    repositories: Repositories, firebase: Firebase
) -> None:
    """Those that ended with it, and those that wait for it, are deleted; all others stay."""
    account, another = {"account": {"id": "17", "username": "ada"}}, {"account": {"id": "18"}}
    ended = {"outcome": {"status": "connected", "accountId": "17", "profile": {"username": "ada"}}}
    ended_otherwise = {"outcome": {"status": "connected", "accountId": "18"}}
    left: dict[str, dict[str, Any]] = {
        "oauthStates/ended": ended,
        "oauthStates/begun": account,
        "oauthStates/failed": account | {"outcome": {"status": "failed", "error": "wrong_account"}},
        "oauthStates/both": account | ended,
        "oauthStates/another": another | ended_otherwise,
        "oauthStates/cancelled": {"account": None, "outcome": {"status": "cancelled"}},
        "threadsPendingConnections/waiting": account | {"code": "k1:sealed"},
        "threadsPendingConnections/used": account | ended,
        "threadsPendingConnections/another": another | ended_otherwise,
    }
    for path, fields in left.items():
        firebase.write(path, fields)
    repositories.connections.delete_ends("17")
    assert sorted(firebase.names("oauthStates")) == ["another", "cancelled"]
    assert firebase.names("threadsPendingConnections") == ["another"]
