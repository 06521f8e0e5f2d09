"""The end-to-end tests look for secrets everywhere: here, that they would find them."""

import secrets

import pytest

from emulator.suite import local_secrets
from emulator.suite.paths import ROOT
from tests.e2e import canary
from threads.base.config import DEVELOPMENT_KEYS

TOKEN = "THAA" + secrets.token_urlsafe(96)
CODE = "AQ" + secrets.token_urlsafe(150)
APP_SECRET = local_secrets.read(ROOT)["THREADS_APP_SECRET"]
KEY = DEVELOPMENT_KEYS.partition(":")[2]
SEALED = "development:" + secrets.token_urlsafe(120)
STATE = secrets.token_urlsafe(32)
ID_TOKEN = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJ1c2VyX2lkIjoieCJ9."

KINDS = {
    "token": TOKEN,
    "code": CODE,
    "app secret": APP_SECRET,
    "key": KEY,
    "sealed": SEALED,
    "state": STATE,
    "ID token": ID_TOKEN,
}
"""By names: a test's own name is shown, too."""


@pytest.mark.parametrize("kind", ["token", "code", "app secret", "key", "sealed"])
def test_a_secret_in_an_answer_is_found(kind: str) -> None:
    """No answer passes that holds a token, a code, the app's secret, a key or a sealed token."""
    secret = KINDS[kind]
    with pytest.raises(AssertionError) as body:
        canary.check_answer("f", {}, f'{{"message": "x {secret} y"}}')
    with pytest.raises(AssertionError):
        canary.check_answer("f", {"Location": f"https://app.example/?q={secret}"}, "")
    assert secret not in str(body.value)


@pytest.mark.parametrize("kind", ["token", "code", "app secret", "key", "sealed", "state", "ID token"])
def test_a_secret_in_a_log_is_found(kind: str) -> None:
    """No log line passes that holds one of these, a state, a handle or a signed-in user's token."""
    secret = KINDS[kind]
    with pytest.raises(AssertionError) as line:
        canary.check_log("f", f'{{"message": "fine"}}\n{{"message": "GET /?q={secret}"}}\n')
    assert secret not in str(line.value)


@pytest.mark.parametrize("kind", ["token", "code", "app secret", "key", "ID token"])
@pytest.mark.parametrize("path", ["users/u/integrations/threads/posts/1", "oauthStates/1"])
def test_a_secret_in_a_document_is_found(path: str, kind: str) -> None:
    """No document passes that holds one, however deep."""
    secret = KINDS[kind]
    with pytest.raises(AssertionError):
        canary.check_document(path, {"error": {"details": [{"message": f"x{secret}"}]}})


def test_a_sealed_token_belongs_into_one_field() -> None:
    """A sealed token passes in an account's accessToken, and nowhere else."""
    account = "users/u/integrations/threads/accounts/1"
    canary.check_document(account, {"accessToken": SEALED})
    canary.check_document(account, {"accessToken": f"development:{CODE}"})
    with pytest.raises(AssertionError):
        canary.check_document(account, {"accessToken": TOKEN})
    with pytest.raises(AssertionError):
        canary.check_document(account, {"other": SEALED})
    with pytest.raises(AssertionError):
        canary.check_document("users/u/integrations/threads", {"accessToken": SEALED})


def test_a_sealed_code_belongs_to_a_pending_connection() -> None:
    """A sealed code may lie in a pending connection, and not in the state of its window."""
    canary.check_document("threadsPendingConnections/1", {"code": SEALED})
    with pytest.raises(AssertionError):
        canary.check_document("oauthStates/1", {"code": SEALED})


def test_what_is_no_secret_passes() -> None:
    """Ids, names of posts, traces and the texts of errors pass."""
    line = f'{{"uid": "{"u" * 28}", "postId": "{"0f" * 32}", "mediaId": "17841405793187218", "graph": {{}}}}'
    canary.check_log("f", line)
    canary.check_answer("f", {}, f'{{"authUrl": "https://x.example/?state={STATE}"}}')
    canary.check_document("users/u/integrations/threads/posts/1", {"content": {"text": "AQ is not a code"}})
