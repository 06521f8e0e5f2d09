"""Keys that are exchanged: the command, on the Firestore emulator, while the service goes on."""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.functions import Function
from tests.e2e.world import Firebase, SignedIn, Threads, account_path, vault_of
from threads.accounts.account import StoredAccount
from threads.accounts.parts import AccountParts
from threads.accounts.refresh import Outcome, refresh_account
from threads.accounts.repository import AccountRepository
from threads.accounts.token_lifetime import token_times
from threads.accounts.vault import Vault
from threads.base.config import read_config
from threads.base.scopes import DEFAULT_SCOPES
from threads.base.secret import Secret
from threads.cloud.tasks import TaskQueue
from threads.graph.protocol import GraphReply, GraphRequest

ROOT = Path(__file__).parents[2]
OLD = "k1:" + base64.b64encode(bytes(range(32))).decode()
NEW = "k2:" + base64.b64encode(bytes(range(32, 64))).decode()
ACCOUNTS = 1000
PUBLISHED = 40
"""Posts that are published meanwhile, each from another account."""


@pytest.fixture(scope="module")
def publishing(environment: dict[str, str]) -> Iterator[Function]:
    """Serve publish_threads as it is deployed before the command is run: the new key first."""
    with Function("publish_threads", environment | {"TOKEN_KEYS": f"{NEW},{OLD}"}) as process:
        yield process


def start_reseal(environment: dict[str, str], keys: str) -> "subprocess.Popen[str]":
    """Start the command as a person does, told of nothing but keys, project and emulator."""
    variables = {
        "PATH": os.environ["PATH"],
        "TOKEN_KEYS": keys,
        "FIRESTORE_EMULATOR_HOST": environment["FIRESTORE_EMULATOR_HOST"],
    }
    command = [sys.executable, "-m", "threads.accounts.reseal", "--project", "demo-threads"]
    return subprocess.Popen(  # noqa: S603 - our own command
        command, cwd=ROOT, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def store_accounts(firebase: Firebase, vault: Vault, tokens: dict[tuple[str, str], str]) -> None:
    """Store accounts that are due to be refreshed."""
    connected_at = datetime.now(UTC) - timedelta(days=45)
    due = {"refreshAt": datetime.now(UTC), "status": "active"}
    items = [*tokens.items()]
    for start in range(0, len(items), 400):
        batch = firebase.client.batch()
        for (uid, name), token in items[start : start + 400]:
            sealed = vault.seal_token(Secret(token), uid, name)
            times = token_times(name, connected_at, timedelta(days=60))
            owner = {"sealedThreadsUserId": vault.seal_ids([name], uid, name), "scopes": [*DEFAULT_SCOPES]}
            fields = {"accountId": name, "accessToken": sealed, **owner, **times, **due}
            batch.set(firebase.client.document(account_path(uid, name)), fields)
        batch.commit()


class Refreshing:
    """A Threads that adds a letter to each token that it refreshes."""

    def send(self, request: GraphRequest) -> GraphReply:
        """Return the next token."""
        token = request.query["access_token"] + "n"
        return GraphReply(200, {}, f'{{"access_token": "{token}", "expires_in": 5184000}}'.encode())


def parts_of(firebase: Firebase, vault: Vault, environment: dict[str, str]) -> AccountParts:
    """Return what refreshes accounts: on the real repository, with a Threads that needs no time."""
    return AccountParts(
        AccountRepository(lambda: firebase.client),
        Refreshing(),
        app_token=None,
        vault=vault,
        queue=TaskQueue(read_config(environment), lambda: pytest.fail("a refresh creates no task")),
        now=lambda: datetime.now(UTC),
        side_by_side=map,
    )


def test_no_token_is_lost_while_the_service_goes_on(
    publishing: Function, firebase: Firebase, threads: Threads, user: SignedIn, environment: dict[str, str]
) -> None:
    """1,000 accounts sealed anew, half of them refreshed, some used meanwhile: no failure, no token lost."""
    old, both, new = (vault_of(environment, keys) for keys in (OLD, f"{NEW},{OLD}", NEW))
    person = threads.accounts()[0]["id"]
    mine = {(user.uid, str(number)): threads.token(person) for number in range(PUBLISHED)}
    others = {(f"user-{number}", str(number)): f"t{number}." for number in range(PUBLISHED, ACCOUNTS)}
    store_accounts(firebase, old, mine | others)
    parts, refreshed = parts_of(firebase, both, environment), [*others][: ACCOUNTS // 2]
    command = start_reseal(environment, f"{NEW},{OLD}")
    with ThreadPoolExecutor(8) as pool:
        refreshes = [pool.submit(refresh_account, parts, *account) for account in refreshed]
        posts = [pool.submit(publish, publishing, user, name) for _, name in mine]
        assert [it.result() for it in posts] == [200] * PUBLISHED
        outcomes = [it.result().outcome for it in refreshes]
    told, _ = command.communicate(timeout=120)
    assert command.returncode == 0, told
    late = [it for it, done in zip(refreshed, outcomes, strict=True) if done is not Outcome.REFRESHED]
    # An account that is sealed anew between its read and its lease is due still: the next sweep's.
    assert len(late) < len(refreshed) / 5
    assert {refresh_account(parts, *it).outcome for it in late} <= {Outcome.REFRESHED}
    for (uid, name), token in (mine | others).items():
        document: dict[str, Any] = firebase.read(account_path(uid, name)) or {}
        newest = token + "n" if (uid, name) in refreshed else token
        assert new.open_token(StoredAccount(uid, name, document, None)).reveal() == newest
        assert (document["status"], document.get("refreshingUntil")) == ("active", None)
    assert len(threads.posts()) == PUBLISHED


def publish(function: Function, user: SignedIn, name: str) -> int:
    """Publish from an account; return the status."""
    return function.post(headers=user.headers, json={"text": f"From {name}", "accountId": name}).status_code


def test_the_command_says_what_is_left(firebase: Firebase, environment: dict[str, str]) -> None:
    """With the old key gone too early nothing is touched, its name is told, and the exit status is 1."""
    store_accounts(firebase, vault_of(environment, OLD), {("ada", "1"): "t1"})
    before = firebase.read(account_path("ada", "1"))
    command = start_reseal(environment, NEW)
    told, _ = command.communicate(timeout=60)
    assert command.returncode == 1
    what = "       1 UNREADABLE: sealed with the key 'k1'"
    assert told.splitlines() == ["Project demo-threads:", what, f"         {account_path('ada', '1')}"]
    assert firebase.read(account_path("ada", "1")) == before
    command = start_reseal(environment, f"{NEW},{OLD}")
    told, _ = command.communicate(timeout=60)
    assert (command.returncode, told.splitlines()[1:]) == (0, ["       1 sealed anew"])
    wrong = start_reseal(environment, "k2:AAAA")
    told, _ = wrong.communicate(timeout=60)
    assert wrong.returncode == 2
    assert "TOKEN_KEYS" in told
    assert "Traceback" not in told
