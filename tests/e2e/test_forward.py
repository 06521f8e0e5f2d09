"""Days that pass in a running suite: what is due then is done, by the functions that have a schedule."""

import time
from datetime import UTC, datetime, timedelta

import pytest

from emulator.suite import local_secrets
from emulator.suite.forward import forward, main
from emulator.suite.paths import ROOT
from emulator.suite.scheduler import Scheduler
from emulator.suite.suite import Suite
from tests.e2e.world import Firebase, SignedIn, Threads, account_path, store_account
from threads.accounts.vault import Vault
from threads.base.config import read_token_keys

LIFETIME = timedelta(days=60)


@pytest.mark.usefixtures("cloud_tasks")  # whose clock is right again afterwards
def test_a_token_is_refreshed_when_its_day_has_come(
    suite: Suite, firebase: Firebase, threads: Threads, user: SignedIn
) -> None:
    """Weeks pass at once for emulators and documents, and the token is new afterwards."""
    person, now = threads.accounts()[0], datetime.now(UTC)
    vault = Vault(read_token_keys(local_secrets.read(ROOT)), lambda: suite.project)
    times = {"expiresAt": now + LIFETIME, "refreshAt": now + LIFETIME / 2}
    token = threads.token(person["id"])
    store_account(firebase, vault, user.uid, person, token, **times)
    assert Scheduler(suite).call("th_refresh_tokens") == 200
    assert expiry(firebase, user, person["id"]) == times["expiresAt"]
    forward(suite, LIFETIME / 2)
    assert Scheduler(suite).call("th_refresh_tokens") == 200
    ends = time.monotonic() + 30
    while expiry(firebase, user, person["id"]) < now + LIFETIME * 0.9:  # a task does it
        assert time.monotonic() < ends
        time.sleep(0.1)


def expiry(firebase: Firebase, user: SignedIn, account_id: str) -> datetime:
    """Return when an account's token expires, as it is stored."""
    stored = firebase.client.document(account_path(user.uid, account_id)).get().to_dict() or {}
    expires_at: datetime = stored["expiresAt"]
    return expires_at


def test_without_a_suite_it_says_how_to_start_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody listens: one sentence, and status 1."""
    ports = {f"{name}_PORT": "9" for name in ("PAGE", "THREADS", "TASKS", "TASKS_HTTP", "FUNCTIONS", "AUTH")}
    assert main([], {**ports, "FIRESTORE_PORT": "9"}) == 1
    assert "make run" in capsys.readouterr().out
