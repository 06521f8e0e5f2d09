"""The command that seals tokens anew: everything is found, nothing is lost, and it says what is left."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from google.cloud import firestore

from tests.firestore.client import Client
from tests.unit.support import KEY, OTHER_KEY, reply
from tests.unit.world import ACCOUNT, NOW, PROJECT, UID, World, account_path
from threads.accounts import reseal
from threads.accounts.account import OWNER_FIELD, TOKEN_FIELD
from threads.accounts.refresh import Outcome, refresh_account
from threads.accounts.reseal import ALREADY, FAILED, GONE, NOT_SEALED, PAGE, RESEALED, WITHOUT_TOKEN, Sealer
from threads.accounts.vault import Vault
from threads.base.config import DEVELOPMENT_KEYS
from threads.base.secret import Secret
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply, GraphRequest


def vault(**keys: str) -> Vault:
    """Return a vault of the project with these keys, the newest first."""
    return Vault({kid: Secret(key) for kid, key in keys.items()}, lambda: PROJECT)


OLD_VAULT, BOTH, NEW_VAULT = vault(k1=KEY), vault(k2=OTHER_KEY, k1=KEY), vault(k2=OTHER_KEY)


@pytest.fixture
def world() -> World:
    """Return a world without an account; those that a test connects are sealed with the old key."""
    world = World()
    world.delete_account()
    world.vault = OLD_VAULT
    return world


def sealer(world: World) -> Sealer:
    """Return what seals the accounts with the newest key."""
    return Sealer(world.accounts.repository, BOTH)


def opened(world: World, account_id: str, uid: str = UID) -> str:
    """Return an account's token, which the new key alone has to open."""
    return NEW_VAULT.open_token(world.account(account_id, uid)).reveal()


def test_every_account_is_sealed_anew(world: World) -> None:
    """Across users and pages; the token is the same, and nothing but its seal has changed."""
    ids = [str(number) for number in range(PAGE + 1)]
    before = {number: world.connect(number, f"THAA{number}", uid=f"user-{number}").fields for number in ids}
    assert sealer(world).reseal_all() == {RESEALED: PAGE + 1}
    for number in ids:
        assert opened(world, number, f"user-{number}") == f"THAA{number}"
        after = world.account(number, f"user-{number}").fields
        assert NEW_VAULT.sealed_ids(world.account(number, f"user-{number}")) == {number}
        sealed = {TOKEN_FIELD: "", OWNER_FIELD: ""}
        assert {**after, **sealed} == {**before[number], **sealed}


def test_a_second_run_changes_nothing(world: World) -> None:
    """A token that is sealed with the newest key, by an earlier run or by the service, is left alone."""
    world.connect("1")
    sealer(world).reseal_all()
    commits = world.wire.commits
    assert sealer(world).reseal_all() == {ALREADY: 1}
    assert world.wire.commits == commits


def test_what_cannot_be_opened_stays_and_is_counted_by_its_key(world: World) -> None:
    """A key that is missing is named. A text that was never sealed needs no key, and is not shown."""
    before = [
        world.connect("1", accessToken=vault(k0=KEY).seal_token(Secret("t"), UID, "1")),
        world.connect("2", accessToken="THAA" + "x" * 60),
        world.connect("3", accessToken=vault(k2=KEY).seal_token(Secret("t"), UID, "3")),
    ]
    results = sealer(world).reseal_all()
    named = "UNREADABLE: sealed with the key "
    assert results == {f"{named}'k0'": 1, NOT_SEALED: 1, f"{named}'k2'": 1}
    assert [world.account(number) for number in "123"] == before


def test_other_documents_are_passed_over(world: World) -> None:
    """An app's own ``accounts`` stay as they are, and an account without a token is no trouble."""
    version = world.database.put("banks/x/accounts/1", {TOKEN_FIELD: "k1:AAAA"})
    world.connect("1", accessToken=None)
    assert sealer(world).reseal_all() == {WITHOUT_TOKEN: 1}
    assert world.database.version("banks/x/accounts/1") == version


@pytest.mark.parametrize("between", [1, 3])
def test_another_writer_is_not_overwritten(between: int, world: World) -> None:
    """An account that is connected again at the same moment keeps its new token, under the newest key."""
    world.connect("1", "THAA1")

    def connect(number: int) -> None:
        if number <= between:
            world.connect("1", f"THAA1-{number}")

    world.wire.before_commit = connect
    assert sealer(world).reseal_all() == {RESEALED: 1}
    assert opened(world, "1") == f"THAA1-{between}"


def test_an_account_that_goes_meanwhile_stays_away(world: World) -> None:
    """Disconnecting wins."""
    world.connect("1")
    world.wire.before_commit = lambda number: world.delete_account("1") if number == 1 else None
    assert sealer(world).reseal_all() == {GONE: 1}
    assert not world.has_account("1")


def test_what_did_not_work_is_told(world: World) -> None:
    """An account that others change all the time is left for another run."""
    world.connect("1")

    def connect(number: int) -> None:
        world.connect("1", f"THAA{number}")

    world.wire.before_commit = connect
    assert sealer(world).reseal_all() == {FAILED: 1}
    assert world.token("1").startswith("THAA")


def test_a_bad_moment_of_firestore_does_not_matter(world: World) -> None:
    """A lost answer and a failed read are tried again; the second try finds the first one's work."""
    account = world.connect("1")
    world.wire.loses_answers = 1
    assert sealer(world).reseal(account) == ALREADY
    account = world.connect("2")
    world.wire.fails = 3
    assert sealer(world).reseal(account) == RESEALED


def test_no_token_is_lost_while_the_service_goes_on(world: World) -> None:
    """1,000 accounts sealed anew while each is refreshed: every one ends with its newest token, readable."""
    ids = [str(number) for number in range(1, 1001)]
    for number in ids:
        world.connect(number, f"THAA{number}.0", uid=number, at=NOW - timedelta(days=45), refreshAt=NOW)
    parts = replace(world.accounts, graph=Refreshing(), vault=BOTH)
    with ThreadPoolExecutor(9) as pool:
        resealing = pool.submit(sealer(world).reseal_all)
        outcomes = list(pool.map(lambda number: refresh_account(parts, number, number).outcome, ids))
    results = resealing.result()
    assert results.keys() <= {RESEALED, ALREADY}
    assert results.total() == len(ids)
    assert set(outcomes) <= {Outcome.REFRESHED, Outcome.IN_PROGRESS}
    assert outcomes.count(Outcome.REFRESHED) > len(ids) / 2, "hardly anything was refreshed"
    for number, outcome in zip(ids, outcomes, strict=True):
        newest = 1 if outcome is Outcome.REFRESHED else 0
        assert opened(world, number, number) == f"THAA{number}.{newest}"
        assert "refreshingUntil" not in world.account(number, number).fields


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
def run(world: World, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return what runs the command on the world's Firestore, and returns its exit status."""
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)

    def client(project: str | None) -> firestore.Client:
        return Client(world.database, project=project or PROJECT, intercept=world.wire.intercept).provide()

    def command(*arguments: str, keys: str = f"k2:{OTHER_KEY},k1:{KEY}") -> int:
        monkeypatch.setenv("TOKEN_KEYS", keys)
        return reseal.main(arguments, client)

    return command


def test_the_command_counts_and_ends_well(
    run: Callable[..., int], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says which project it changes and what came of its accounts; nothing left is status 0."""
    world.connect(ACCOUNT, "THAA1")
    assert run() == 0
    assert capsys.readouterr().out.split() == ["Project", f"{PROJECT}:", "1", *RESEALED.split()]
    assert opened(world, ACCOUNT) == "THAA1"


def test_an_old_key_that_is_still_needed_is_status_1(
    run: Callable[..., int], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """The status keeps an operator from throwing a key away too early; no key and no token is shown."""
    world.connect(ACCOUNT)
    assert run(keys=f"k2:{OTHER_KEY}") == 1
    told = capsys.readouterr()
    assert "'k1'" in told.out
    assert OTHER_KEY not in told.out + told.err


def test_what_a_client_has_written_does_not_keep_a_key_for_ever(
    run: Callable[..., int], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """What is no seal needs no key. Who has made one up is named by the operator, who has seen the paths."""
    world.connect(ACCOUNT)
    for number in range(12):
        sealed = "no seal" if number % 2 else f"k0:{'A' * 80}"
        world.database.put(account_path("mallory", str(number)), {TOKEN_FIELD: sealed})
    assert run() == 1
    told = capsys.readouterr().out
    assert account_path("mallory", "0") in told
    assert f"6 {NOT_SEALED}" in told
    assert run("--except-user", "mallory") == 0
    assert opened(world, ACCOUNT)


def test_what_is_no_seal_needs_no_key() -> None:
    """It is counted apart, and is no reason to keep a key."""
    world = World()
    world.change_account(**{TOKEN_FIELD: "no seal"})
    assert sealer(world).reseal_all() == {NOT_SEALED: 1}
    assert NOT_SEALED in reseal.GOOD


def test_another_project_is_another_place(run: Callable[..., int], world: World) -> None:
    """A token that was sealed for one project does not open as another's, and is left alone."""
    before = world.connect(ACCOUNT)
    assert run("--project", "other") == 1
    assert world.account() == before


@pytest.mark.parametrize("keys", ["", "k1", "k1:AAAA", f"development:{KEY}"[:12]])
def test_without_keys_nothing_is_done(
    keys: str, run: Callable[..., int], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys that are missing or wrong are told by the variable's name, before anything is read."""
    assert run(keys=keys) == 2
    assert "TOKEN_KEYS" in capsys.readouterr().err
    assert world.wire.reads == 0


def test_the_development_key_seals_nothing_on_google_cloud(
    run: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key that is public is good for an emulator alone."""
    assert run(keys=DEVELOPMENT_KEYS) == 2
    monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", "127.0.0.1:1")
    assert run(keys=DEVELOPMENT_KEYS) == 0


def test_a_firestore_that_does_not_answer_is_told(
    run: Callable[..., int], world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """Accounts that cannot be listed are no success."""
    world.wire.fails = 1
    assert run() == 1
    assert "Run this again" in capsys.readouterr().err
