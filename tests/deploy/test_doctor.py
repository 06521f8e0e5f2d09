"""`make doctor`: one right sentence for each thing that is wrong, and silence if nothing is."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

from deploy.doctor import configuration_is_right, deployment_is_right
from deploy.rules import opened, shows_cards
from deploy.wanted import Wanted
from tests.deploy.conftest import SECRET, Deployed, Site
from threads.base.config import DEVELOPMENT_KEYS

ROOT = Path(__file__).parents[2]


DENIED = "PERMISSION_DENIED: The principal lacks cloudtasks.queues.get"


def examined(site: Site, *words: str) -> CompletedProcess[str]:
    """Run `make doctor` on the project, with its functions where the test serves them."""
    return site.make("doctor", "PROJECT=my-app", f"URL={site.environment['FIREBASE_RULES_URL']}", *words)


def test_on_a_right_project_it_is_silent(ready: Site) -> None:
    """After a deployment there is nothing to say, and nothing was changed."""
    before = ready.read()
    done = examined(ready)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert ready.read() == before


def test_functions_of_the_apps_own_are_no_concern(ready: Site) -> None:
    """They have other variables, accounts and regions. They stay, and nothing is said of them."""
    own = {
        "name": "projects/my-app/locations/europe-west1/functions/api",
        "serviceConfig": {
            "serviceAccountEmail": "api@my-app.iam.gserviceaccount.com",
            "environmentVariables": {"LOG_EXECUTION_ID": "true"},
        },
    }
    ready.change(functions=[own, *ready.read()["functions"]])
    assert ready.deploy().returncode == 0
    assert ready.read()["functions"][0] == own
    done = examined(ready)
    assert (done.returncode, done.stdout) == (0, "")
    ready.change(functions=[own])
    assert examined(ready).stdout.startswith("✗ Not deployed: th_auth_start")


def test_what_it_cannot_see_it_says(ready: Site) -> None:
    """Without a permission, or without a network, nothing is wrong and nothing is right."""
    ready.change(fails={"tasks.queues.describe": DENIED})
    ready.environment["THREADS_GRAPH_URL"] = "http://127.0.0.1:9"
    done = examined(ready)
    assert "Error 2" in done.stderr
    assert done.stdout.splitlines() == [
        f"✗ Not checked: queue (ERROR: (gcloud.tasks.queues.describe) {DENIED}).",
        "✗ Not checked: the app at Threads (ConnectionError).",
    ]


Break = Callable[[dict[str, Any]], Any]


def without_role(role: str) -> Break:
    """Return what takes a role away."""
    return lambda state: state["policy"].update(
        bindings=[it for it in state["policy"]["bindings"] if it["role"] != role]
    )


def with_variable(name: str, value: str) -> Break:
    """Return what deploys a variable with another value."""

    def change(state: dict[str, Any]) -> None:
        for function in state["functions"]:
            function["serviceConfig"]["environmentVariables"][name] = value

    return change


def with_config(**changed: Any) -> Break:
    """Return what deploys functions in another way."""
    return lambda state: [it["serviceConfig"].update(changed) for it in state["functions"]]


def moved(state: dict[str, Any]) -> None:
    """Deploy the functions in another region."""
    for function in state["functions"]:
        function["name"] = function["name"].replace("us-central1", "europe-west1")


def without_expiry(state: dict[str, Any]) -> None:
    """Take away when states expire."""
    overrides = state["indexes"]["fieldOverrides"]
    overrides[:] = [it for it in overrides if it["collectionGroup"] != "oauthStates"]


def without_index(state: dict[str, Any]) -> None:
    """Take away an index."""
    overrides = state["indexes"]["fieldOverrides"]
    overrides[:] = [it for it in overrides if it["fieldPath"] != "refreshAt"]


OPEN_RULES = """
service cloud.firestore {
  match /databases/{database}/documents {
    match /users/{uid}/{document=**} { allow read, write: if request.auth.uid == uid; }
  }
}
"""

QUEUE_STATE = "us-central1/threads-publish"

BROKEN: list[tuple[str, Break, str]] = [
    (
        "the Facebook app's id",
        with_variable("THREADS_APP_ID", "999999999"),
        "Threads does not accept THREADS_APP_ID with THREADS_APP_SECRET",
    ),
    (
        "a redirect URI that differs",
        with_variable(
            "THREADS_REDIRECT_URI", "https://us-central1-my-app.cloudfunctions.net/th_auth_callback/"
        ),
        "write it so, byte for byte, in Meta's dashboard, too",
    ),
    ("no keys", lambda it: it["secrets"].pop("TOKEN_KEYS"), "The secret TOKEN_KEYS is not in Secret Manager"),
    (
        "the development key",
        lambda it: it["secrets"].update(TOKEN_KEYS=DEVELOPMENT_KEYS),
        "TOKEN_KEYS has the development key",
    ),
    ("no queue", lambda it: it["queues"].clear(), "The queue threads-publish is not in us-central1"),
    (
        "too few attempts",
        lambda it: it["queues"][QUEUE_STATE]["retryConfig"].update(maxAttempts=5),
        "makes 5 attempts, but a post may need 25",
    ),
    (
        "a paused queue",
        lambda it: it["queues"][QUEUE_STATE].update(state="PAUSED"),
        "is paused, so nothing is published",
    ),
    (
        "another service account",
        with_config(serviceAccountEmail="471147114711-compute@developer.gserviceaccount.com"),
        "Functions run as 471147114711-compute@developer.gserviceaccount.com, and not as threads-functions@",
    ),
    ("no role", without_role("roles/datastore.user"), "lacks the role roles/datastore.user"),
    ("no invoker", without_role("roles/run.invoker"), "lacks the role roles/run.invoker"),
    ("open rules", lambda it: it.update(rules=OPEN_RULES), "lets clients read the accounts"),
    ("no rules", lambda it: it.update(rules=None), "The project has no Firestore rules"),
    ("no expiry", without_expiry, "lets nothing expire by oauthStates.expiresAt"),
    ("no index", without_index, "lacks the indexes of accounts.refreshAt"),
    ("another region", moved, "deployed in europe-west1, but functions.yaml says us-central1"),
    (
        "an origin that is none",
        with_variable("ALLOWED_ORIGINS", "https://app.example/path"),
        "ALLOWED_ORIGINS has 'https://app.example/path'; write it as an origin: 'https://app.example'",
    ),
    (
        "an emulator",
        with_variable("FIRESTORE_EMULATOR_HOST", "127.0.0.1:8080"),
        "FIRESTORE_EMULATOR_HOST points to an emulator",
    ),
    (
        "the window's old host",
        with_variable("THREADS_AUTHORIZE_URL", ""),
        "the window opens at www.threads.net",
    ),
    (
        "no schedule",
        lambda it: it["jobs"].clear(),
        "Cloud Scheduler does not call th_refresh_tokens, th_upkeep",
    ),
    (
        "a log that keeps codes",
        lambda it: it["exclusions"].clear(),
        "The log keeps the URLs of the callback",
    ),
    ("nobody signed in", lambda it: it.update(signedIn=False), "Run:  gcloud auth login"),
    (
        "a queue in another region",
        with_variable("PUBLISH_QUEUE", "projects/my-app/locations/europe-west1/queues/threads-publish"),
        "PUBLISH_QUEUE is in another region than the functions",
    ),
]


@pytest.mark.parametrize(("what", "damage", "says"), BROKEN, ids=[what for what, _, _ in BROKEN])
def test_each_fault_has_its_sentence(ready: Site, what: str, damage: Break, says: str) -> None:
    """What is wrong is named, with what to do, and is not followed by sentences about something else."""
    assert what
    state = ready.read()
    damage(state)
    ready.write(state)
    done = examined(ready)
    assert "Error 1" in done.stderr
    lines = [line for line in done.stdout.splitlines() if "The files say something else" not in line]
    assert any(says in line for line in lines), done.stdout
    assert len(lines) == 1, done.stdout
    assert SECRET not in done.stdout


CODES = {
    "1349168": "The redirect URI is not registered",
    "4476002": "THREADS_APP_ID must be the *Threads* app's id",
    "The user has not accepted the invite to test the app": "invited as a Threads tester",
    "stays connected": "the uninstall callback is not registered",
}


@pytest.mark.parametrize(("shown", "says"), CODES.items())
def test_what_threads_shows_is_explained(site: Site, shown: str, says: str) -> None:
    """The errors that never come back from Threads' own page, and what to do in Meta's dashboard."""
    done = site.make("doctor", f"CODE={shown}")
    assert (done.returncode, done.stderr) == (0, "")
    assert says in done.stdout


def test_a_right_file_is_silent_without_a_network(site: Site, deployed: Deployed) -> None:
    """A file alone is looked at without asking anybody."""
    site.settings.write_text(deployed.settings)
    done = site.make("doctor", "CONFIG=.env.my-app")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert site.commands() == []


def test_a_secret_in_a_file_is_named_and_not_shown(site: Site, deployed: Deployed) -> None:
    """The file may be committed."""
    site.settings.write_text(f"{deployed.settings}THREADS_APP_SECRET={SECRET}\n")
    done = site.make("doctor", "CONFIG=.env.my-app")
    assert "THREADS_APP_SECRET stands in a file that may be committed" in done.stdout
    assert SECRET not in done.stdout


def test_a_clock_that_is_wrong_is_noticed(site: Site) -> None:
    """A machine that is minutes off makes tokens that nobody accepts."""
    url = site.environment["FIREBASE_RULES_URL"]
    assert list(deployment_is_right(url, lambda: datetime.now(UTC))) == []
    [sentence] = deployment_is_right(url, lambda: datetime.now(UTC) + timedelta(minutes=5))
    assert re.match(r"This machine's clock and Google's are (29\d|3[0-3]\d) s apart", sentence)


def test_another_address_is_named(site: Site) -> None:
    """A wrong project, region or spelling is not taken for a deployment."""
    url = f"{site.environment['FIREBASE_RULES_URL']}/wrong"
    [sentence] = deployment_is_right(url, lambda: datetime.now(UTC))
    assert "There is no function at" in sentence


def test_a_custom_domain_is_no_fault() -> None:
    """A callback behind Hosting or a domain of one's own keeps its address."""
    values = {"THREADS_REDIRECT_URI": "https://api.example.com/th_auth_callback"}
    found = [it for it in configuration_is_right(values, Wanted("my-app")) if "THREADS_REDIRECT_URI" in it]
    assert found == []


RULES = (ROOT / "firestore.rules").read_text()


def test_our_own_rules_open_nothing() -> None:
    """The file of this project lets owners see their cards and posts, and nobody anything else."""
    assert opened(RULES) == []
    assert shows_cards(RULES)


@pytest.mark.parametrize(
    ("path", "allows", "says"),
    [
        ("/users/{uid}/{document=**}", "allow read: if request.auth.uid == uid;", "read the accounts"),
        ("/{document=**}", "allow read, write: if request.time < timestamp.date(2027, 1, 1);", "read"),
        ("/{a}/{b}/{c}/{d}/{e}/{f}", "allow get;", "read the accounts"),
        ("/users/{uid}/integrations/{name}", "allow write: if request.auth.uid == uid;", "write"),
        ("/{any}/{id}", "allow list: if true;", "read the states of connections"),
        ("/users/{uid}/{document=**}", "allow read: if false;", None),
        ("/users/{uid}", "allow read, write: if request.auth.uid == uid;", None),
        ("/posts/{id}", "allow read; // {document=**}", None),
    ],
)
def test_a_rule_that_opens_something_is_found(path: str, allows: str, says: str | None) -> None:
    """However it is written: a wildcard, nested, without a condition; and no rule is blamed for nothing."""
    head, _, rest = path[1:].partition("/")
    whole = f"match {path} {{ {allows}\n }}"
    nested = f"match /{head} {{ match /{rest} {{ {allows}\n }} }}" if rest else whole
    for rule in (whole, nested):
        text = f"service cloud.firestore {{ match /databases/{{database}}/documents {{ {rule} }} }}"
        found = opened(text)
        assert bool(found) is (says is not None), text
        assert says is None or says in found[0]
