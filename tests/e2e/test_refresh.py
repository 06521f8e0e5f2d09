"""Tokens that are kept alive: sweeps, tasks and publishing, by real processes on the emulators."""

import secrets
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
import requests
from google.cloud.tasks_v2 import CloudTasksClient
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcTransport

from emulator.suite import local_secrets
from emulator.suite.addresses import TASKS_SERVICE_ACCOUNT
from emulator.suite.paths import ROOT
from emulator.suite.ports import HOST, free
from emulator.suite.suite import Suite
from tests.e2e.functions import Function
from tests.e2e.oidc import AUDIENCE, Issuer
from tests.e2e.test_connect import RETURN_TO, begin, outcome
from tests.e2e.world import (
    CloudTasks,
    Firebase,
    SignedIn,
    Threads,
    account_path,
    store_account,
    summary_path,
    vault_of,
)
from threads.accounts.account import OWNER_FIELD, StoredAccount
from threads.accounts.changes import AccountChange
from threads.accounts.repository import AccountRepository, Due
from threads.accounts.sweep import PAGE
from threads.accounts.token_lifetime import RETRY_PAUSE, SPREAD, token_times
from threads.accounts.vault import Vault
from threads.base.config import read_config
from threads.base.secret import Secret
from threads.cloud.tasks import TaskQueue

LIFETIME = timedelta(days=60)
DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def queued(suite: Suite, environment: dict[str, str]) -> dict[str, str]:
    """Return the configuration of a service whose refresh tasks call a port that is not taken yet."""
    [port] = free(1)
    return environment | {
        "PUBLISH_QUEUE": suite.queue,
        "PUBLISH_URL": "http://127.0.0.1:9/publish_threads",
        "REFRESH_URL": f"http://{HOST}:{port}/",
        "TASKS_AUDIENCE": "publishing",
        "TASKS_SERVICE_ACCOUNT": TASKS_SERVICE_ACCOUNT,
        "TASKS_ISSUER": suite.tasks_url,
        "TASKS_CERTS_URL": f"{suite.tasks_url}/certs",
        "TASKS_API_URL": f"http://{suite.tasks_host}",
    }


@pytest.fixture(scope="module")
def refreshing(queued: dict[str, str]) -> Iterator[Function]:
    """Serve th_refresh_tokens where the queue's tasks arrive."""
    port = int(queued["REFRESH_URL"].rstrip("/").rpartition(":")[2])
    with Function("th_refresh_tokens", queued, port=port) as process:
        yield process


@pytest.fixture(scope="module")
def alone(environment: dict[str, str]) -> Iterator[Function]:
    """Serve th_refresh_tokens without a queue; its callers are the issuer's."""
    with Function("th_refresh_tokens", environment | {"REFRESH_URL": AUDIENCE}) as process:
        yield process


def queue_of(environment: dict[str, str], suite: Suite) -> TaskQueue:
    """Return the service's own way to create tasks."""
    channel = grpc.insecure_channel(suite.tasks_host)
    client = CloudTasksClient(transport=CloudTasksGrpcTransport(channel=channel))
    return TaskQueue(read_config(environment), lambda: client)


class Accounts:
    """Stores accounts whose tokens are due to be refreshed."""

    def __init__(self, firebase: Firebase, threads: Threads, vault: Vault) -> None:
        """Take where they lie, who issues their tokens, and what seals them."""
        self._firebase = firebase
        self._threads = threads
        self._vault = vault
        self.person = threads.accounts()[0]["id"]

    def connect(
        self, uid: str, account_id: str | None = None, *, age: timedelta = 45 * DAY, **changes: Any
    ) -> str:
        """Store an account that was connected so long ago; return its id."""
        person = {"id": account_id or self.person, "username": "ada"}
        # Threads refreshes what is a day old; that ours is older makes no difference to it.
        token = self._threads.token(self.person, age_seconds=min(age, 45 * DAY).total_seconds())
        fields = self._times(person["id"], datetime.now(UTC) - age) | changes
        store_account(self._firebase, self._vault, uid, person, token, **fields)
        return str(person["id"])

    def fields(self, uid: str, name: str, token: str, issued_at: datetime) -> dict[str, Any]:
        """Return what an account's document holds."""
        sealed = self._vault.seal_token(Secret(token), uid, name)
        ids = self._vault.seal_ids([name, self.person], uid, name)
        owner = {OWNER_FIELD: ids, "extra": {"threadsUserId": name}}
        known = {"accountId": name, "status": "active", "scopes": ["threads_basic"], **owner}
        return {**known, "accessToken": sealed, **self._times(name, issued_at)}

    def document(self, uid: str, name: str) -> dict[str, Any]:
        """Return an account's document."""
        return self._firebase.read(account_path(uid, name)) or {}

    def card(self, uid: str, name: str) -> dict[str, Any]:
        """Return an account's card."""
        summary = self._firebase.read(summary_path(uid)) or {}
        return dict(summary["accounts"][name])

    def token(self, uid: str, name: str) -> str:
        """Return an account's token."""
        stored = StoredAccount(uid, name, self.document(uid, name), None)
        return self._vault.open_token(stored).reveal()

    def _times(self, name: str, issued_at: datetime) -> dict[str, Any]:
        due = {"refreshAt": datetime.now(UTC) - timedelta(minutes=1)}
        return {**token_times(name, issued_at, LIFETIME), **due}


@pytest.fixture
def accounts(firebase: Firebase, threads: Threads, environment: dict[str, str]) -> Accounts:
    """Return what stores accounts."""
    return Accounts(firebase, threads, vault_of(environment))


@pytest.fixture
def sweep(queued: dict[str, str], suite: Suite, cloud_tasks: CloudTasks) -> Callable[[], None]:
    """Return what makes a sweep happen, as Cloud Scheduler does, and waits for all that follows from it."""
    queue = queue_of(queued, suite)

    def swept() -> None:
        queue.enqueue_refresh(secrets.token_hex(16), {}, due_at=datetime.now(UTC))
        cloud_tasks.pass_time()
        cloud_tasks.pass_time(SPREAD.total_seconds())

    return swept


def calls_of(threads: Threads) -> list[str]:
    """Return the calls to Threads, without the version."""
    return [call.replace("/v1.0", "") for call in threads.calls()]


# --- sweeps and tasks ---------------------------------------------------------------------------------------


def test_a_sweep_refreshes_what_is_due(
    refreshing: Function,
    sweep: Callable[[], None],
    accounts: Accounts,
    threads: Threads,
    cloud_tasks: CloudTasks,
) -> None:
    """Each due account of any user gets a task, and a token that lasts 60 days from now; others nothing."""
    due = [(uid, accounts.connect(uid)) for uid in ("ada", "bob")]
    later = accounts.connect("cleo", refreshAt=datetime.now(UTC) + DAY)
    before = {uid: accounts.token(uid, name) for uid, name in [*due, ("cleo", later)]}
    sweep()
    now = datetime.now(UTC)
    for uid, name in due:
        document, card = accounts.document(uid, name), accounts.card(uid, name)
        assert accounts.token(uid, name) != before[uid]
        assert timedelta(days=59) < document["expiresAt"] - now <= LIFETIME
        assert 30 * DAY - timedelta(minutes=1) < document["refreshAt"] - now < 43 * DAY
        assert "refreshingUntil" not in document
        assert (card["status"], card["expiresAt"]) == ("active", document["expiresAt"])
    assert accounts.token("cleo", later) == before["cleo"]
    assert sorted(calls_of(threads)) == ["GET /me"] * 2 + ["GET /refresh_access_token"] * 2
    people = {person["id"]: person["name"] for person in threads.accounts()}
    assert [accounts.card(*it)["displayName"] for it in due] == [people[accounts.person]] * 2
    assert set(cloud_tasks.answers()) == {200}
    outcomes = [line["refresh"] for line in refreshing.log_lines() if "refresh" in line]
    assert outcomes[-2:] == ["refreshed", "refreshed"]


def test_a_full_page_goes_on(
    refreshing: Function, sweep: Callable[[], None], accounts: Accounts, threads: Threads, firebase: Firebase
) -> None:
    """More accounts than a page, an app's own ``accounts`` between them, are all refreshed, once each."""
    assert refreshing.url
    batch = firebase.client.batch()
    names = [str(number) for number in range(1, PAGE + 6)]
    for name in names:
        token = threads.token(accounts.person, age_seconds=86400)
        fields = accounts.fields(f"user-{name}", name, token, datetime.now(UTC) - 45 * DAY)
        batch.set(firebase.client.document(account_path(f"user-{name}", name)), fields)
    for number in range(3):
        batch.set(firebase.client.document(f"banks/x/accounts/{number}"), {"refreshAt": datetime.now(UTC)})
    batch.commit()
    sweep()
    documents = [accounts.document(f"user-{name}", name) for name in names]
    assert all(document["refreshAt"] > datetime.now(UTC) for document in documents)
    assert calls_of(threads).count("GET /refresh_access_token") == len(names)


@pytest.mark.parametrize("code", [190, 24, 100])
def test_a_dead_token_asks_for_a_reconnect(
    code: int, refreshing: Function, sweep: Callable[[], None], accounts: Accounts, threads: Threads
) -> None:
    """Who has revoked the access sees it on the card at once, with a reason; three calls have said so."""
    name = accounts.connect("ada")
    threads.control("POST", f"accounts/{name}/revoke", error=code)
    sweep()
    assert accounts.document("ada", name)["status"] == "reconnect_required"
    assert accounts.document("ada", name)["refreshAt"] > datetime.now(UTC)
    assert "refreshingUntil" not in accounts.document("ada", name)
    card = accounts.card("ada", name)
    assert (card["status"], card["statusReason"]) == ("reconnect_required", "token_rejected")
    sweep()
    assert calls_of(threads) == ["GET /refresh_access_token", "GET /me", "GET /debug_token"]
    assert "ended" in {line.get("refresh") for line in refreshing.log_lines()}


def test_an_account_that_threads_was_wrong_about_revives(
    refreshing: Function, sweep: Callable[[], None], accounts: Accounts, threads: Threads, firebase: Firebase
) -> None:
    """An hour after the wrong answers its token works: the card asks for nothing any more."""
    assert refreshing.url
    name = accounts.connect("ada")
    for path in ("/refresh_access_token", "/me"):
        threads.answer(path, error={"code": 190})
    threads.answer("/debug_token", body={"data": {"is_valid": False}})
    sweep()
    assert accounts.card("ada", name)["statusReason"] == "token_rejected"
    firebase.client.document(account_path("ada", name)).update({"refreshAt": datetime.now(UTC)})
    sweep()
    card = accounts.card("ada", name)
    assert (card["status"], "statusReason" in card) == ("active", False)
    assert accounts.document("ada", name)["status"] == "active"


def test_a_threads_that_calls_every_token_dead_ends_no_account(
    refreshing: Function, sweep: Callable[[], None], accounts: Accounts, threads: Threads, firebase: Firebase
) -> None:
    """It says so to the app, too. The card has the reason until the token is refreshed, hours later."""
    name = accounts.connect("ada")
    for path in ("/refresh_access_token", "/me", "/debug_token"):
        threads.answer(path, error={"code": 190})
    sweep()
    card = accounts.card("ada", name)
    assert (card["status"], card["refreshError"]) == ("active", "reconnect_required")
    assert "doubted" in {line.get("refresh") for line in refreshing.log_lines()}
    firebase.client.document(account_path("ada", name)).update({"refreshAt": datetime.now(UTC)})
    sweep()
    card = accounts.card("ada", name)
    assert (card["status"], "refreshError" in card) == ("active", False)


def test_threads_is_asked_before_a_token_counts_as_run_out(
    refreshing: Function, sweep: Callable[[], None], accounts: Accounts, threads: Threads
) -> None:
    """One that works lives on, whatever the clock says. Of another one, the card has the reason."""
    assert refreshing.url
    name = accounts.connect("ada", age=61 * DAY)
    sweep()
    assert accounts.card("ada", name)["status"] == "active"
    name = accounts.connect("bob", age=61 * DAY)
    threads.control("POST", f"accounts/{name}/revoke", error=190)
    sweep()
    assert accounts.card("bob", name)["statusReason"] == "token_expired"


FAULTS: list[dict[str, Any]] = [
    {"status": 503, "body": "<html>"},
    {"error": {"code": 4}},
    {"error": {"code": 10}},
    {"drop": "before"},
    {"drop": "after"},
    {"drop": "mid_body"},
]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_passing_fault_disconnects_nobody(
    fault: dict[str, Any],
    refreshing: Function,
    sweep: Callable[[], None],
    accounts: Accounts,
    threads: Threads,
    cloud_tasks: CloudTasks,
    firebase: Firebase,
) -> None:
    """The account stays active and is due hours later; the task is answered 200, the next one refreshes."""
    assert refreshing.url
    name = accounts.connect("ada")
    before, token = accounts.document("ada", name), accounts.token("ada", name)
    threads.answer("/refresh_access_token", **fault)
    sweep()
    after = accounts.document("ada", name)
    assert set(cloud_tasks.answers()) == {200}
    assert after == before | {name: after[name] for name in ("refreshAt", "refreshError")}
    assert 0.9 * RETRY_PAUSE < after["refreshAt"] - datetime.now(UTC) <= 1.5 * RETRY_PAUSE
    firebase.client.document(account_path("ada", name)).update({"refreshAt": datetime.now(UTC)})
    sweep()
    assert accounts.document("ada", name)["refreshAt"] > datetime.now(UTC) + 29 * DAY
    assert accounts.token("ada", name) != token


def test_a_refresh_that_is_too_early_is_no_end(
    refreshing: Function, sweep: Callable[[], None], accounts: Accounts, threads: Threads, firebase: Firebase
) -> None:
    """Threads' refusal hides no dead token, as its profile says: the account stays active."""
    assert refreshing.url
    name = accounts.connect("ada")
    young = accounts.fields("ada", name, threads.token(name), datetime.now(UTC) - 45 * DAY)
    firebase.write(account_path("ada", name), young)
    sweep()
    assert accounts.document("ada", name)["status"] == "active"
    assert calls_of(threads) == ["GET /refresh_access_token", "GET /me"]


def test_a_reconnect_meanwhile_wins(
    alone: Function,
    th_auth_start: Function,
    th_auth_callback: Function,
    tasks: Issuer,
    accounts: Accounts,
    threads: Threads,
    user: SignedIn,
) -> None:
    """Who connects the account again, in the window, while Threads takes its time keeps the token of that."""
    name = accounts.connect(user.uid, scopes=["threads_basic"])  # a wider token would stay
    before = accounts.token(user.uid, name)
    threads.answer("/refresh_access_token", delay_seconds=5)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(refresh, alone, tasks, user.uid, name)
        wait_for_call(threads)
        url = begin(th_auth_start, user, returnTo=RETURN_TO)
        back = th_auth_callback.get(params=threads.decide(url, account_id=name))
        assert outcome(back) == {"threads": "connected", "accountId": name}
        assert not asked.done()
        connected, card = accounts.document(user.uid, name), accounts.card(user.uid, name)
        assert accounts.token(user.uid, name) != before
        assert asked.result() == 200
    assert accounts.document(user.uid, name) == connected
    assert accounts.card(user.uid, name) == card


def test_a_disconnect_meanwhile_stays(
    alone: Function,
    th_accounts: Function,
    tasks: Issuer,
    accounts: Accounts,
    threads: Threads,
    firebase: Firebase,
    user: SignedIn,
) -> None:
    """An account whose user disconnects it while Threads takes its time is not written anew, nor its card."""
    name = accounts.connect(user.uid)
    threads.answer("/refresh_access_token", delay_seconds=3)
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(refresh, alone, tasks, user.uid, name)
        wait_for_call(threads)
        gone = th_accounts.request("DELETE", headers=user.headers, params={"accountId": name})
        assert (gone.status_code, gone.json()["accounts"]) == (200, [])
        assert not asked.done()
        assert asked.result() == 200
    assert firebase.read(account_path(user.uid, name)) is None
    assert firebase.read(summary_path(user.uid)) is None


def wait_for_call(threads: Threads) -> None:
    """Wait until Threads has been asked for something."""
    while not threads.calls():
        time.sleep(0.01)


def refresh(function: Function, tasks: Issuer, uid: str, account_id: str) -> int:
    """Call the function as a task does; return its status."""
    headers = {"Authorization": f"Bearer {tasks.token()}"}
    return function.post(headers=headers, json={"userId": uid, "accountId": account_id}).status_code


def test_fifty_refreshes_at_once_are_one_call(
    alone: Function, tasks: Issuer, accounts: Accounts, threads: Threads
) -> None:
    """Of 50 tasks for one account at the same moment, one asks Threads, and all are answered 200."""
    name = accounts.connect("ada")
    before = accounts.token("ada", name)
    with ThreadPoolExecutor(50) as pool:
        asked = [pool.submit(refresh, alone, tasks, "ada", name) for _ in range(50)]
        assert {each.result() for each in asked} == {200}
    assert calls_of(threads) == ["GET /refresh_access_token", "GET /me"]
    assert accounts.token("ada", name) != before


def test_the_old_token_may_die_with_the_refresh(
    alone: Function, tasks: Issuer, accounts: Accounts, threads: Threads
) -> None:
    """Should Threads end the token that was refreshed, the one that is kept works."""
    threads.control("POST", "settings", refresh_ends_old_token=True)
    name = accounts.connect("ada")
    old = accounts.token("ada", name)
    assert refresh(alone, tasks, "ada", name) == 200
    answers = [
        requests.get(f"{threads.url}/me", headers={"Authorization": f"Bearer {token}"}, timeout=10)
        for token in (old, accounts.token("ada", name))
    ]
    assert [answer.status_code for answer in answers] == [400, 200]


def test_without_a_queue_a_sweep_does_it_itself(
    alone: Function, tasks: Issuer, accounts: Accounts, threads: Threads, cloud_tasks: CloudTasks
) -> None:
    """Nothing but the hourly call is needed to keep tokens alive."""
    names = [(uid, accounts.connect(uid)) for uid in ("ada", "bob", "cleo")]
    answer = alone.post(headers={"Authorization": f"Bearer {tasks.token()}"})
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    assert all(accounts.document(*name)["refreshAt"] > datetime.now(UTC) for name in names)
    assert sorted(calls_of(threads)) == ["GET /me"] * 3 + ["GET /refresh_access_token"] * 3
    assert cloud_tasks.pending() == []
    assert alone.log_lines()[-1]["sweep"] == {"refreshed": 3}


# --- who may call -------------------------------------------------------------------------------------------


def test_strangers_cause_nothing(
    alone: Function, tasks: Issuer, accounts: Accounts, threads: Threads, user: SignedIn
) -> None:
    """No token, a user's, another audience's or account's, one without signature: nothing is refreshed."""
    accounts.connect("ada")
    stripped = tasks.token().rpartition(".")[0] + ".SIGNATURE_REMOVED_BY_GOOGLE"
    google = {"iss": "https://accounts.google.com", "email": "1-compute@developer.gserviceaccount.com"}
    off_cloud = tasks.token(**google).rpartition(".")[0] + ".SIGNATURE_REMOVED_BY_GOOGLE"
    refused = {
        None: 401,
        f"Bearer {user.id_token}": 401,
        f"Bearer {tasks.token(aud='https://other.example')}": 401,
        f"Bearer {tasks.token(email='other@demo-threads.iam.gserviceaccount.com')}": 403,
        f"Bearer {stripped}": 401,
        f"Bearer {off_cloud}": 401,
    }
    for header, status in refused.items():
        headers = {"Authorization": header} if header else {}
        assert alone.post(headers=headers).status_code == status
    assert alone.get(headers={"Authorization": f"Bearer {tasks.token()}"}).status_code == 405
    assert threads.calls() == []


# --- publishing ---------------------------------------------------------------------------------------------


def test_publishing_saves_a_token_on_its_last_day(
    publish_threads: Function, accounts: Accounts, threads: Threads, user: SignedIn
) -> None:
    """What weeks of sweeps did not refresh is refreshed before it is used; the next post finds it done."""
    name = accounts.connect(user.uid, age=LIFETIME - timedelta(hours=20))
    before = accounts.token(user.uid, name)
    for text in ("One", "Two"):
        assert publish_threads.post(headers=user.headers, json={"text": text}).status_code == 200
    expected = ["GET /refresh_access_token", "GET /me", "POST /me/threads", "POST /me/threads"]
    assert calls_of(threads) == expected
    assert accounts.token(user.uid, name) != before
    used = [it["headers"]["Authorization"] for it in threads.requests() if it["method"] == "POST"]
    assert used == [f"Bearer {accounts.token(user.uid, name)}"] * 2


def test_publishing_goes_on_when_that_does_not_pass(
    publish_threads: Function, accounts: Accounts, threads: Threads, user: SignedIn
) -> None:
    """The old token still works, and is used; the next post does not ask again at once."""
    accounts.connect(user.uid, age=LIFETIME - timedelta(hours=20))
    threads.answer("/refresh_access_token", status=503, body="")
    for text in ("One", "Two"):
        assert publish_threads.post(headers=user.headers, json={"text": text}).status_code == 200
    assert calls_of(threads) == ["GET /refresh_access_token", "POST /me/threads", "POST /me/threads"]


# --- the local suite, and the queries -----------------------------------------------------------------------


def test_the_local_suites_tasks_arrive(
    suite: Suite,
    queued: dict[str, str],
    cloud_tasks: CloudTasks,
    firebase: Firebase,
    threads: Threads,
) -> None:
    """In the Functions emulator a task of the service's own is let in, and refreshes an account."""
    vault = vault_of(queued, local_secrets.read(ROOT)["TOKEN_KEYS"])
    accounts = Accounts(firebase, threads, vault)
    name = accounts.connect("ada")
    before = accounts.token("ada", name)
    url = f"{suite.functions_url}/th_refresh_tokens-0"
    queue = queue_of(queued | {"REFRESH_URL": url}, suite)
    queue.enqueue_refresh(secrets.token_hex(16), {}, due_at=datetime.now(UTC))
    cloud_tasks.pass_time()
    cloud_tasks.pass_time(SPREAD.total_seconds())
    assert cloud_tasks.answers() == [200, 200]
    assert accounts.token("ada", name) != before


def test_due_accounts_are_paged_by_time_and_path(firebase: Firebase) -> None:
    """Also where many are due at the same moment; what has no moment, or a later one, is not found."""
    now = datetime.now(UTC).replace(microsecond=123456)
    due = {account_path(f"u{number}", "1"): now - timedelta(seconds=number // 3) for number in range(8)}
    others: dict[str, Any] = {
        account_path("later", "1"): now + timedelta(microseconds=1),
        account_path("null", "1"): None,
        account_path("text", "1"): "2026",
        account_path("never", "1") + "/deeper/1": now,
    }
    for path, moment in (due | others).items():
        firebase.write(path, {"refreshAt": moment})
    firebase.write("accounts/1", {"refreshAt": now - DAY})
    repository, found = AccountRepository(lambda: firebase.client), list[Due]()
    while page := repository.find_due(now, found[-1] if found else None, 2):
        found += page
    expected = sorted((moment, path) for path, moment in due.items())
    assert [(it.refresh_at, it.path) for it in found] == [(now - DAY, "accounts/1"), *expected]


def test_a_field_that_is_none_goes(firebase: Firebase) -> None:
    """A change takes fields away, from the account and from its card, and answers with what is left."""
    firebase.write(account_path("ada", "1"), {"status": "active", "refreshAt": 1, "kept": 2})
    firebase.write(summary_path("ada"), {"accounts": {"1": {"statusReason": "x", "kept": 3}}})
    repository = AccountRepository(lambda: firebase.client)
    account = repository.read("ada", "1")
    assert account
    fields = {"refreshAt": None, "never": None, "status": "other", "updatedAt": datetime.now(UTC)}
    changed = repository.change(account, AccountChange(fields, {"statusReason": None, "status": "y"}))
    assert changed
    assert changed.fields.keys() == {"status", "kept", "updatedAt"}
    assert repository.read("ada", "1") == changed
    assert (firebase.read(summary_path("ada")) or {})["accounts"] == {"1": {"kept": 3, "status": "y"}}
    again = AccountChange({"status": "z"})
    assert repository.change(account, again) is None
    assert repository.change(changed, again)
    assert (firebase.read(summary_path("ada")) or {})["accounts"] == {"1": {"kept": 3, "status": "y"}}
