"""What a user may write whose app's own rules allow it, through the real rules, decides over nobody else."""

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from emulator.suite.paths import ROOT
from emulator.suite.suite import Suite
from tests.e2e.conftest import Connect
from tests.e2e.functions import Function
from tests.e2e.oidc import AUDIENCE, Issuer
from tests.e2e.test_meta import ask, notify
from tests.e2e.world import (
    Author,
    Firebase,
    SignedIn,
    Threads,
    account_path,
    post_path,
    store_account,
    vault_of,
)
from threads.accounts.sweep import SWEEP_TIME
from threads.accounts.token_lifetime import token_times
from threads.connections.deletion import ERASE_TIME, WAITS
from threads.functions.refresh import DELETION_TIME

TEMPLATE = """rules_version = '2';
service cloud.firestore {
  match /databases/{database}/documents {
    match /users/{userId}/{document=**} {
      allow read, write: if request.auth.uid == userId;
    }
  }
}"""
"""What many apps begin with: a user may write everything below their own path."""

LONG_AGO = datetime.now(UTC) - timedelta(days=300)


class Attacker:
    """A user who writes below her own path, with her ID token."""

    def __init__(self, firebase: Firebase, user: SignedIn) -> None:
        """Take where, and who she is."""
        self._firebase = firebase
        self.user = user

    def write(self, *paths: str, fields: Mapping[str, Any]) -> int:
        """Write documents in one commit, as Firebase's own client does; return the HTTP status."""
        place = self._firebase.rest.partition("/v1/")[2]
        values = {name: _value(value) for name, value in fields.items()}
        writes = [{"update": {"name": f"{place}/{path}", "fields": values}} for path in paths]
        headers = {"Authorization": f"Bearer {self.user.id_token}"}
        url = f"{self._firebase.rest}:commit"
        return requests.post(url, headers=headers, json={"writes": writes}, timeout=120).status_code


def _value(value: Any) -> dict[str, Any]:
    """Return a value as Firestore's REST API has it."""
    if isinstance(value, dict):
        return {"mapValue": {"fields": {name: _value(it) for name, it in value.items()}}}
    kind = "timestampValue" if isinstance(value, datetime) else "stringValue"
    return {kind: value.isoformat() if isinstance(value, datetime) else value}


@pytest.fixture
def attacker(suite: Suite, firebase: Firebase) -> Iterator[Attacker]:
    """Return a user of an app with the usual rules. Our own rules are back afterwards."""
    url = f"http://{suite.firestore_host}/emulator/v1/projects/{suite.project}:securityRules"

    def load(content: str) -> None:
        rules = {"rules": {"files": [{"name": "firestore.rules", "content": content}]}}
        requests.put(url, json=rules, timeout=30).raise_for_status()

    load(TEMPLATE)
    yield Attacker(firebase, firebase.sign_in())
    load((ROOT / "firestore.rules").read_text())


def test_a_planted_id_forgets_nobody_else(
    th_delete_data: Function,
    th_deauthorize: Function,
    publish_threads: Function,
    suite: Suite,
    firebase: Firebase,
    author: Author,
    attacker: Attacker,
    connect: Connect,
) -> None:
    """She writes another's account id beside her own, and removes the app, and asks to be forgotten."""
    post = publish_threads.post(headers=author.headers, json={"text": "Mine"}).json()
    hers = connect(attacker.user, 1)
    planted = account_path(attacker.user.uid, author.account_id)
    record = post_path(attacker.user.uid, "planted")
    for fields in ({"extra": {"threadsUserId": hers}}, {"accountId": hers}):
        assert attacker.write(planted, fields=fields) == 200
        claimed = {"accountId": hers, "mediaId": post["id"], "state": "PUBLISHED"}
        assert attacker.write(record, fields=claimed) == 200
        assert attacker.write(author.account_path, fields=fields) == 403
        for function in (th_deauthorize, th_delete_data):
            assert ask(function, suite, hers, issued_at=time.time() + 1).status_code == 200
    assert firebase.read(account_path(attacker.user.uid, hers)) is None
    assert (firebase.read(author.account_path) or {})["status"] == "active"
    assert (firebase.read(post_path(author.uid, post["postId"])) or {})["status"] == "published"
    assert firebase.read(f"threadsClaims/{post['id']}")


def test_planted_names_make_the_webhook_do_nothing(
    th_webhook: Function, suite: Suite, threads: Threads, attacker: Attacker
) -> None:
    """Documents with another's name cost no call to Threads, and the notification is answered."""
    name = threads.accounts()[0]["username"]
    for number in range(20):
        path = account_path(attacker.user.uid, str(number))
        assert attacker.write(path, fields={"profile": {"username": name}, "accessToken": "k1:AAAA"}) == 200
    assert notify(th_webhook, suite, "publish", id="1", username=name).status_code == 200
    assert threads.calls() == []


DOCUMENTS = int(os.environ.get("PLANTED_DOCUMENTS", "200"))
"""How many documents she plants: 200 in a run of the suite, 5,000 with ``make planted``."""

BATCH = 500
"""Documents that she writes in one commit."""

SLACK = 30
"""Seconds: for the last step, and for a machine that has other things to do."""


@pytest.fixture
def hourly(environment: dict[str, str]) -> Iterator[Function]:
    """Serve th_refresh_tokens without a queue: then one request has all the work."""
    with Function("th_refresh_tokens", environment | {"REFRESH_URL": AUDIENCE}) as process:
        yield process


@contextmanager
def within(limit: timedelta, what: str) -> Iterator[None]:
    """Fail if something takes longer than its time, and tell how long it took."""
    begun = time.monotonic()
    yield
    seconds = time.monotonic() - begun
    sys.stdout.write(f"{DOCUMENTS} documents: {seconds:.1f} s for {what}\n")
    assert seconds < limit.total_seconds() + SLACK


def call(hourly: Function, tasks: Issuer) -> dict[str, Any]:
    """Let an hour's work be done, and return what the log says of it."""
    answer = hourly.post(headers={"Authorization": f"Bearer {tasks.token()}"}, timeout=150)
    assert (answer.status_code, answer.json()) == (200, {"ok": True})
    return hourly.log_lines()[-1]


def plant(attacker: Attacker, fields: Mapping[str, Any]) -> None:
    """Write the documents."""
    paths = [account_path(attacker.user.uid, f"9{number:05}") for number in range(DOCUMENTS)]
    for first in range(0, DOCUMENTS, BATCH):
        assert attacker.write(*paths[first : first + BATCH], fields=fields) == 200


def test_whatever_is_planted_the_others_are_served(
    th_delete_data: Function,
    hourly: Function,
    tasks: Issuer,
    suite: Suite,
    firebase: Firebase,
    threads: Threads,
    environment: dict[str, str],
    attacker: Attacker,
) -> None:
    """All are due before any account, and name the same person. Refresh and deletion come in their time."""
    paths, vault = [], vault_of(environment)
    for person in threads.accounts()[:2]:
        user, now = firebase.sign_in(), datetime.now(UTC)
        times = token_times(person["id"], now - timedelta(days=45), timedelta(days=60)) | {"refreshAt": now}
        token = threads.token(person["id"], age_seconds=timedelta(days=45).total_seconds())
        store_account(firebase, vault, user.uid, person, token, **times)
        paths.append(account_path(user.uid, person["id"]))
    victim = paths[0].rpartition("/")[2]
    whose = {"accountId": victim, "extra": {"threadsUserId": victim}}
    plant(attacker, {**whose, "status": "active", "accessToken": "k1:AAAA", "refreshAt": LONG_AGO})

    with within(SWEEP_TIME, "a sweep"):
        told = call(hourly, tasks)
    assert told["sweep"] == {"passed_over": DOCUMENTS, "refreshed": 2}
    assert told["sweepPassedOver"]["count"] == DOCUMENTS

    with within(ERASE_TIME, "a deletion"):
        assert ask(th_delete_data, suite, victim, issued_at=time.time() + 1).status_code == 200
    assert [firebase.read(path) is None for path in paths] == [True, False]
    [code] = firebase.names("threadsDeletions")
    settled = {"dueAt": LONG_AGO, "settlesAt": datetime.now(UTC) - WAITS}
    firebase.client.document(f"threadsDeletions/{code}").update(settled)
    with within(DELETION_TIME, "a sweep and the rest of the deletion"):
        assert call(hourly, tasks)["deletions"] == {"done": 1}
    assert (firebase.read(paths[1]) or {})["status"] == "active"
