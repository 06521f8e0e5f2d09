"""The command that seals tokens anew: everything is found, nothing is lost, and it says what is left."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Lock
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.unit.account_store import AccountStore
from tests.unit.fakes import ACCOUNT, NOW, PROJECT, UID, World
from tests.unit.support import KEY, OTHER_KEY, reply
from threads import reseal
from threads.accounts import TOKEN_FIELD
from threads.failures import Step
from threads.graph import GraphReply, GraphRequest
from threads.refresh import Outcome, refresh_account
from threads.reseal import ALREADY, FAILED, GONE, PAGE, RESEALED, WITHOUT_TOKEN, Sealer
from threads.vault import Vault
from threads.wire import Secret

if TYPE_CHECKING:
    from threads.store import Store

OLD_VAULT = Vault({"k1": Secret(KEY)})
BOTH = Vault({"k2": Secret(OTHER_KEY), "k1": Secret(KEY)})
NEW_VAULT = Vault({"k2": Secret(OTHER_KEY)})


@pytest.fixture
def store() -> AccountStore:
    """Return accounts that are sealed with the old key."""
    return AccountStore(OLD_VAULT)


def sealer(store: AccountStore, vault: Vault = BOTH) -> Sealer:
    """Return what seals them with the newest."""
    return Sealer(cast("Store", store), vault, PROJECT)


def test_every_account_is_sealed_anew(store: AccountStore) -> None:
    """Across users and pages; the token is the same, and nothing but its seal has changed."""
    ids = [str(number) for number in range(PAGE + 1)]
    before = {number: store.connect(number, f"THAA{number}", uid=f"user-{number}").fields for number in ids}
    assert sealer(store).reseal_all() == {RESEALED: PAGE + 1}
    for number in ids:
        fields = store.fields(number, f"user-{number}")
        assert store.token(number, f"user-{number}", NEW_VAULT) == f"THAA{number}"
        assert fields | {TOKEN_FIELD: ""} == before[number] | {TOKEN_FIELD: ""}


def test_a_second_run_changes_nothing(store: AccountStore) -> None:
    """What is sealed with the newest key, by an earlier run or the service itself, is left alone."""
    store.connect("1", "THAA1")
    sealer(store).reseal_all()
    commits = store.commits
    assert sealer(store).reseal_all() == {ALREADY: 1}
    assert store.commits == commits


def test_what_cannot_be_opened_stays_and_is_counted_by_its_key(store: AccountStore) -> None:
    """A key that is missing, and a text that was never sealed, are told apart by name, without the text."""
    store.connect(
        "1", "THAA1", accessToken=Vault({"k0": Secret(KEY)}).seal(Secret("t"), store.place(UID, "1"))
    )
    store.connect("2", "THAA2", accessToken="THAA" + "x" * 60)
    store.connect(
        "3", "THAA3", accessToken=Vault({"k2": Secret(KEY)}).seal(Secret("t"), store.place(UID, "3"))
    )
    before = [store.found(number) for number in "123"]
    results = sealer(store).reseal_all()
    named = "UNREADABLE: sealed with the key "
    assert results == {f"{named}'k0'": 1, f"{named}'[hidden]'": 1, f"{named}'k2'": 1}
    assert [store.found(number) for number in "123"] == before


def test_other_documents_are_passed_over(store: AccountStore) -> None:
    """An app's own ``accounts`` stay as they are, and an account without a token is no trouble."""
    foreign = store.put("banks/x/accounts/1", {TOKEN_FIELD: "k1:AAAA"})
    store.connect("1", "THAA1", accessToken=None)
    assert sealer(store).reseal_all() == {WITHOUT_TOKEN: 1}
    assert store.put("banks/x/accounts/1", foreign.fields).fields == foreign.fields


@pytest.mark.parametrize("between", [1, 3])
def test_who_comes_between_is_not_overwritten(between: int, store: AccountStore) -> None:
    """An account that is connected again at the same moment keeps its new token, under the newest key."""
    store.connect("1", "THAA1")

    def connect(number: int) -> None:
        if number <= between:
            store.connect("1", f"THAA1-{number}")

    store.before_commit = connect
    assert sealer(store).reseal_all() == {RESEALED: 1}
    assert store.token("1", vault=NEW_VAULT) == f"THAA1-{between}"


def test_an_account_that_goes_meanwhile_stays_away(store: AccountStore) -> None:
    """Disconnecting wins."""
    store.connect("1", "THAA1")
    store.before_commit = lambda number: store.delete("1") if number == 1 else None
    assert sealer(store).reseal_all() == {GONE: 1}
    assert store.find_accounts(UID, "1") == []


def test_what_did_not_work_is_told(store: AccountStore) -> None:
    """An account that others change all the time is left for another run."""
    store.connect("1", "THAA1")

    def connect(number: int) -> None:
        store.connect("1", f"THAA{number}")

    store.before_commit = connect
    assert sealer(store).reseal_all() == {FAILED: 1}
    assert store.token("1", vault=OLD_VAULT).startswith("THAA")


def test_firestores_bad_moments_pass(store: AccountStore) -> None:
    """A lost answer and a failed read are tried again; the second try finds the first one's work."""
    store.connect("1", "THAA1")
    store.loses_answers = 1
    account = store.found("1")
    assert sealer(store).reseal(UID, account) == ALREADY
    store.connect("2", "THAA2")
    store.fails = 3
    assert sealer(store).reseal(UID, store.found("2")) == RESEALED


def test_no_token_is_lost_while_the_service_goes_on() -> None:
    """1,000 accounts sealed anew while each is refreshed: every one ends with its newest token, readable."""
    world = World()
    world.vault = BOTH
    store = LockedStore(OLD_VAULT)
    ids = [str(number) for number in range(1, 1001)]
    for number in ids:
        store.connect(number, f"THAA{number}.0", at=NOW - timedelta(days=45), refreshAt=NOW)
    tools = world.tools._replace(store=cast("Store", store), graph=Refreshing())
    with ThreadPoolExecutor(9) as pool:
        resealing = pool.submit(sealer(store).reseal_all)
        outcomes = list(pool.map(lambda number: refresh_account(tools, UID, number).outcome, ids))
    results = resealing.result()
    assert results.keys() <= {RESEALED, ALREADY}
    assert results.total() == len(ids)
    assert set(outcomes) <= {Outcome.REFRESHED, Outcome.IN_PROGRESS}
    assert outcomes.count(Outcome.REFRESHED) > len(ids) / 2, "hardly anything was refreshed"
    for number, outcome in zip(ids, outcomes, strict=True):
        newest = 1 if outcome is Outcome.REFRESHED else 0
        assert store.token(number, vault=NEW_VAULT) == f"THAA{number}.{newest}"
        assert "refreshingUntil" not in store.fields(number)


class LockedStore(AccountStore):
    """The same for several threads: a commit is whole or not at all."""

    def __init__(self, vault: Vault) -> None:
        """Begin without an account."""
        super().__init__(vault)
        self._lock = Lock()

    def change_account(self, *arguments: Any, **named: Any) -> Any:
        """Change an account, one at a time."""
        with self._lock:
            return super().change_account(*arguments, **named)

    def find_sealed(self, after: str | None, limit: int) -> Any:
        """Return accounts, while nobody changes one."""
        with self._lock:
            return super().find_sealed(after, limit)


class Refreshing:
    """A Threads that refreshes each token it is shown."""

    def send(self, request: GraphRequest) -> GraphReply:
        """Return the next token."""
        assert request.step is Step.REFRESH_TOKEN
        time.sleep(0.0005)  # in which others get on
        account, number = request.query["access_token"].split(".")
        return reply(200, {"access_token": f"{account}.{int(number) + 1}", "expires_in": 5184000})


# --- the command --------------------------------------------------------------------------------------------


@pytest.fixture
def run(store: AccountStore, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return what runs the command on the store, and tells its exit status."""
    monkeypatch.setattr(reseal, "Store", lambda _client: store)
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)

    def command(*arguments: str, keys: str = f"k2:{OTHER_KEY},k1:{KEY}") -> int:
        monkeypatch.setenv("TOKEN_KEYS", keys)
        return reseal.main(
            arguments, lambda project: cast("Any", SimpleNamespace(project=project or PROJECT))
        )

    return command


def test_the_command_counts_and_ends_well(
    run: Callable[..., int], store: AccountStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which project it changes and what came of its accounts; nothing left is status 0."""
    store.connect(ACCOUNT, "THAA1")
    assert run() == 0
    assert capsys.readouterr().out.split() == ["Project", f"{PROJECT}:", "1", *RESEALED.split()]
    assert store.token(ACCOUNT, vault=NEW_VAULT) == "THAA1"


def test_an_old_key_that_is_still_needed_is_status_1(
    run: Callable[..., int], store: AccountStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who goes by the status does not throw away a key too early; no key and no token is shown."""
    store.connect(ACCOUNT, "THAA1")
    assert run(keys=f"k2:{OTHER_KEY}") == 1
    told = capsys.readouterr()
    assert "'k1'" in told.out
    assert OTHER_KEY not in told.out + told.err


def test_another_project_is_another_place(run: Callable[..., int], store: AccountStore) -> None:
    """What was sealed for one project does not open as another's, and is left alone."""
    before = store.connect(ACCOUNT, "THAA1")
    assert run("--project", "other") == 1
    assert store.found(ACCOUNT) == before


@pytest.mark.parametrize("keys", ["", "k1", "k1:AAAA", f"development:{KEY}"[:12]])
def test_without_keys_nothing_is_done(
    keys: str, run: Callable[..., int], store: AccountStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys that are missing or wrong are told by the variable's name, before anything is read."""
    assert run(keys=keys) == 2
    assert "TOKEN_KEYS" in capsys.readouterr().err
    assert store.reads == 0


def test_the_development_key_seals_nothing_on_google_cloud(
    run: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that everybody knows is good for an emulator alone."""
    from threads.config import DEVELOPMENT_KEYS  # noqa: PLC0415 - here alone

    assert run(keys=DEVELOPMENT_KEYS) == 2
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    assert run(keys=DEVELOPMENT_KEYS) == 0


def test_a_firestore_that_does_not_answer_is_told(
    run: Callable[..., int], store: AccountStore, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot be listed is no success."""
    store.fails = 1
    assert run() == 1
    assert "Run this again" in capsys.readouterr().err
