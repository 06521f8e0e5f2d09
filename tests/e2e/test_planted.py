"""What a user may write whose app's own rules allow it, through the real rules, decides over nobody else."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from emulator.suite.paths import ROOT
from emulator.suite.suite import Suite
from tests.e2e.conftest import Connect
from tests.e2e.functions import Function
from tests.e2e.test_meta import ask, notify
from tests.e2e.world import Author, Firebase, SignedIn, Threads, account_path, post_path

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

    def write(self, path: str, fields: dict[str, Any]) -> int:
        """Write a document as Firebase's own client does; return the HTTP status."""
        headers = {"Authorization": f"Bearer {self.user.id_token}"}
        body = {"fields": {name: _value(value) for name, value in fields.items()}}
        url = f"{self._firebase.rest}/{path}"
        return requests.patch(url, headers=headers, json=body, timeout=30).status_code


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
        assert attacker.write(planted, fields) == 200
        assert attacker.write(record, {"accountId": hers, "mediaId": post["id"], "state": "PUBLISHED"}) == 200
        assert attacker.write(author.account_path, fields) == 403
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
        assert attacker.write(path, {"profile": {"username": name}, "accessToken": "k1:AAAA"}) == 200
    assert notify(th_webhook, suite, "publish", id="1", username=name).status_code == 200
    assert threads.calls() == []
