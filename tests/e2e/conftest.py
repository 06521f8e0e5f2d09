"""Each test begins with an empty Firestore and a fresh Threads."""

import os
from collections.abc import Iterator
from typing import Protocol

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from emulator.suite.addresses import TASKS_SERVICE_ACCOUNT
from emulator.suite.ports import HOST, free
from emulator.suite.suite import Suite
from tests.browser import find
from tests.e2e.browsing import FLAGS, SLOW
from tests.e2e.functions import Function
from tests.e2e.oidc import Issuer, issuer
from tests.e2e.world import Author, CloudTasks, Firebase, SignedIn, Threads, store_account, vault_of
from threads.accounts.vault import Vault

APP_ORIGIN = "https://app.example"


@pytest.fixture(scope="session")
def tasks() -> Iterator[Issuer]:
    """Issue OIDC tokens as Google does for Cloud Tasks."""
    with issuer() as running:
        yield running


@pytest.fixture(scope="session")
def environment(suite: Suite, tasks: Issuer) -> dict[str, str]:
    """Return the whole configuration of a function: the documented variables and the emulators."""
    return {
        **suite.environment,
        **tasks.environment,
        "THREADS": "80",
        "THREADS_APP_ID": suite.app_id,
        "THREADS_APP_SECRET": suite.app_secret,
        "THREADS_REDIRECT_URI": f"{suite.functions_url}/th_auth_callback",
        "THREADS_AUTHORIZE_URL": f"{suite.threads_url}/oauth/authorize",
        "THREADS_GRAPH_URL": suite.threads_url,
        "ALLOWED_ORIGINS": f"{APP_ORIGIN},http://localhost:5173",
        "SIGN_IN": "on",
        "WEBHOOK_VERIFY_TOKEN": "meatyhamhock",
    }


@pytest.fixture(scope="session")
def th_auth_start(environment: dict[str, str]) -> Iterator[Function]:
    """Serve th_auth_start."""
    with Function("th_auth_start", environment) as process:
        yield process


@pytest.fixture(scope="session")
def th_auth_callback(environment: dict[str, str]) -> Iterator[Function]:
    """Serve th_auth_callback."""
    with Function("th_auth_callback", environment) as process:
        yield process


@pytest.fixture(scope="session")
def th_auth_finish(environment: dict[str, str]) -> Iterator[Function]:
    """Serve th_auth_finish."""
    with Function("th_auth_finish", environment) as process:
        yield process


@pytest.fixture(scope="session")
def publish_threads(environment: dict[str, str]) -> Iterator[Function]:
    """Serve publish_threads."""
    with Function("publish_threads", environment) as process:
        yield process


@pytest.fixture(scope="session")
def th_posts(environment: dict[str, str]) -> Iterator[Function]:
    """Serve th_posts."""
    with Function("th_posts", environment) as process:
        yield process


@pytest.fixture(scope="session")
def th_accounts(environment: dict[str, str]) -> Iterator[Function]:
    """Serve th_accounts."""
    with Function("th_accounts", environment) as process:
        yield process


@pytest.fixture(scope="session")
def th_deauthorize(environment: dict[str, str]) -> Iterator[Function]:
    """Serve th_deauthorize."""
    with Function("th_deauthorize", environment) as process:
        yield process


@pytest.fixture(scope="session")
def th_delete_data(environment: dict[str, str]) -> Iterator[Function]:
    """Serve th_delete_data."""
    with Function("th_delete_data", environment) as process:
        yield process


@pytest.fixture(scope="session")
def th_webhook(environment: dict[str, str]) -> Iterator[Function]:
    """Serve th_webhook."""
    with Function("th_webhook", environment) as process:
        yield process


@pytest.fixture(scope="module")
def queued_environment(suite: Suite, environment: dict[str, str]) -> dict[str, str]:
    """Return the configuration of a service with a queue, whose tasks call a port that is not taken yet."""
    [port] = free(1)
    url = f"http://{HOST}:{port}/"
    return environment | {
        "PUBLISH_QUEUE": suite.queue,
        "PUBLISH_URL": url,
        "REFRESH_URL": url,
        "TASKS_AUDIENCE": url,
        "TASKS_SERVICE_ACCOUNT": TASKS_SERVICE_ACCOUNT,
        "TASKS_ISSUER": suite.tasks_url,
        "TASKS_CERTS_URL": f"{suite.tasks_url}/certs",
        "TASKS_API_URL": f"http://{suite.tasks_host}",
    }


@pytest.fixture(scope="module")
def publish(queued_environment: dict[str, str]) -> Iterator[Function]:
    """Serve publish_threads where the queue's tasks arrive."""
    port = int(queued_environment["PUBLISH_URL"].rstrip("/").rpartition(":")[2])
    with Function("publish_threads", queued_environment, port=port) as process:
        yield process


@pytest.fixture
def threads(suite: Suite) -> Iterator[Threads]:
    """Return a Threads on which nothing has happened; its settings are the usual ones again afterwards."""
    emulated = Threads(suite.threads_url)
    emulated.reset()
    yield emulated
    emulated.reset()


@pytest.fixture
def cloud_tasks(suite: Suite) -> Iterator[CloudTasks]:
    """Return a Cloud Tasks without tasks; its clock is right again afterwards."""
    emulated = CloudTasks(suite.tasks_url)
    emulated.control("POST", "reset")
    yield emulated
    emulated.control("POST", "reset")


@pytest.fixture(scope="session")
def whole_firebase(suite: Suite) -> Firebase:
    """Return the emulators with whatever is in them."""
    return Firebase(suite.auth_host, suite.firestore_host, suite.project)


@pytest.fixture
def firebase(whole_firebase: Firebase) -> Iterator[Firebase]:
    """Return the emulators with an empty Firestore; what a test leaves in it must show no secret."""
    whole_firebase.clear()
    yield whole_firebase
    whole_firebase.check()


@pytest.fixture
def user(firebase: Firebase) -> SignedIn:
    """Return a signed-in user without accounts."""
    return firebase.sign_in()


class Connect(Protocol):
    """Stores an account as a connection does, without walking through the window."""

    def __call__(self, user: SignedIn, person: int = 0) -> str:
        """Return the id of the account of the nth made-up person."""


@pytest.fixture(scope="session")
def vault(environment: dict[str, str]) -> Vault:
    """Return what seals tokens as the functions of these tests do."""
    return vault_of(environment)


@pytest.fixture
def connect(firebase: Firebase, threads: Threads, vault: Vault) -> Connect:
    """Return what connects accounts in no time."""

    def stored(user: SignedIn, person: int = 0) -> str:
        found = threads.accounts()[person]
        store_account(firebase, vault, user.uid, found, threads.token(found["id"]))
        return str(found["id"])

    return stored


@pytest.fixture
def author(user: SignedIn, connect: Connect) -> Author:
    """Return a signed-in user with one connected account."""
    return Author(user.uid, user.id_token, connect(user))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Start a headless browser."""
    found = find()
    if found is None:
        pytest.skip("there is no browser; make test says so at its end, and fails")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.path, env={**os.environ, **found.environment}, args=list(FLAGS)
        )
        yield browser
        browser.close()


@pytest.fixture
def complaints() -> list[str]:
    """Collect what the page complains about on its console; a test takes out what belongs there."""
    return []


@pytest.fixture
def page(browser: Browser, suite: Suite, complaints: list[str]) -> Iterator[Page]:
    """Open the page with an empty profile.

    Whatever it complains about fails the test, and so does a request that leaves this machine.
    """
    context = browser.new_context(base_url=suite.page_url)
    context.set_default_timeout(SLOW)
    expect.set_options(timeout=SLOW)
    outside: list[str] = []
    here = ("http://127.0.0.1:", "http://localhost:", "data:", "blob:")
    context.on("request", lambda sent: None if sent.url.startswith(here) else outside.append(sent.url))
    # What the page's policy stops does not leave.
    context.on("requestfailed", lambda sent: outside.remove(sent.url) if sent.failure == "csp" else None)
    context.on("weberror", lambda told: complaints.append(str(told.error)))
    context.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page = context.new_page()
    page.goto("/")
    yield page
    context.close()
    assert outside == []
    assert complaints == []
