"""The functions as real processes, with users, accounts, posts and states that hostile requests may hit."""

import base64
import json
import secrets
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from itertools import islice

from emulator.suite.suite import Suite
from tests.e2e.functions import Function
from tests.e2e.oidc import issuer
from tests.e2e.world import Firebase, SignedIn, Threads, pending_path, store_account, vault_of
from tests.hostile.bombard import Verdict, bombard
from tests.hostile.generate import NAMES, Generator, Hostile, Secrets

VERIFY_TOKEN = "only-meta-knows"
REFRESH_URL = "http://127.0.0.1:9/th_refresh_tokens"
UPKEEP_URL = "http://127.0.0.1:9/th_upkeep"
"""Nobody is there: what is left to tasks stays with them."""


@contextmanager
def functions(suite: Suite) -> Iterator[tuple[Mapping[str, str], Secrets]]:
    """Serve every function, everything switched on; yield their URLs and what to attack them with."""
    with ExitStack() as stack:
        tasks = stack.enter_context(issuer())
        environment = {
            **suite.environment,
            **tasks.environment,
            "THREADS": "20",
            "THREADS_APP_ID": suite.app_id,
            "THREADS_APP_SECRET": suite.app_secret,
            "THREADS_REDIRECT_URI": f"{suite.functions_url}/th_auth_callback",
            "THREADS_AUTHORIZE_URL": f"{suite.threads_url}/oauth/authorize",
            "THREADS_GRAPH_URL": suite.threads_url,
            "ALLOWED_ORIGINS": "https://app.example",
            "CONNECT_MODE": "confirm",
            "SIGN_IN": "on",
            "WEBHOOK_VERIFY_TOKEN": VERIFY_TOKEN,
            "PUBLISH_QUEUE": suite.queue,
            "PUBLISH_URL": "http://127.0.0.1:9/publish_threads",
            "REFRESH_URL": REFRESH_URL,
            "UPKEEP_URL": UPKEEP_URL,
            "TASKS_API_URL": f"http://{suite.tasks_host}",
        }
        served = {name: stack.enter_context(Function(name, environment)) for name in NAMES}
        users = _people(suite, environment)
        armed = Secrets(
            app_secret=suite.app_secret,
            verify_token=VERIFY_TOKEN,
            users=tuple(user.id_token for user in users),
            described=tuple(user.id_token for user in _people(suite, environment)),
            tasks=(tasks.token(), tasks.token(aud=REFRESH_URL), tasks.token(aud=UPKEEP_URL)),
            forged=(
                tasks.token(aud="https://other.example"),
                tasks.token(email="somebody@else.example"),
                tasks.token(exp=1),
                _unsigned({"iss": tasks.url, "aud": tasks.environment["TASKS_AUDIENCE"]}),
                _unsigned({"iss": tasks.url}) + "SIGNATURE_REMOVED_BY_GOOGLE",
                _unsigned({"sub": [], "uid": {}, "exp": "x"}),
            ),
            uids=tuple(user.uid for user in users),
            states=_states(suite, users[0]),
        )
        yield {name: function.url for name, function in served.items()}, armed


def attack(urls: Mapping[str, str], armed: Secrets, count: int, seed: int) -> Verdict:
    """Send that many requests to all functions."""
    return bombard(urls, islice(_endless(Generator(seed, armed)), count))


def _endless(generator: Generator) -> Iterator[Hostile]:
    while True:
        yield generator.request()


def _people(suite: Suite, environment: Mapping[str, str]) -> list[SignedIn]:
    """Return a user without accounts, one with one, and one with two."""
    firebase = Firebase(suite.auth_host, suite.firestore_host, suite.project)
    threads = Threads(suite.threads_url)
    vault = vault_of(environment)
    users = [firebase.sign_in() for _ in range(3)]
    for number, user in enumerate(users):
        for person in threads.accounts()[:number]:
            store_account(firebase, vault, user.uid, person, threads.token(person["id"]))
    return users


def _states(suite: Suite, user: SignedIn) -> tuple[str, ...]:
    """Return states and handles: sound ones, old ones, used ones, and another provider's."""
    firebase = Firebase(suite.auth_host, suite.firestore_host, suite.project)
    now = datetime.now(UTC)
    asked = {
        "uid": user.uid,
        "provider": "threads",
        "mode": "connect",
        "account": None,
        "challenge": None,
        "scopes": ["threads_basic"],
        "createdAt": now,
        "expiresAt": now + timedelta(minutes=10),
    }
    states: list[dict[str, object]] = [
        *[{} for _ in range(20)],
        {"expiresAt": now},
        {"usedAt": now},
        {"provider": "instagram"},
    ]
    pending: list[dict[str, object]] = [
        {"code": "development:x"},
        {"code": None, "mode": "signin", "uid": None, "challenge": "a" * 43},
        {"code": "gone:AAAA", "expiresAt": now},
    ]
    names = [secrets.token_urlsafe(32) for _ in range(len(states) + len(pending))]
    for name, change in zip(names, states, strict=False):
        firebase.write(f"oauthStates/{name}", {**asked, "returnTo": "https://app.example/", **change})
    for handle, change in zip(names[len(states) :], pending, strict=True):
        firebase.write(pending_path(handle), {**asked, **change})
    return tuple(names)


def _unsigned(claims: Mapping[str, object]) -> str:
    parts = [{"alg": "none", "kid": "key-1"}, claims]
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, ""])
