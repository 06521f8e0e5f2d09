"""`make deploy`, run as an operator runs it, on a simulated project."""

import base64
import shutil

import pytest

from tests.deploy.conftest import APP, SECRET, Deployed, Site
from tests.test_documents import gcloud_tree
from threads.base.config import read_config

READING = {
    *("list", "describe", "get-iam-policy", "access", "print-access-token"),
    *("firestore:indexes", "--non-interactive"),
}


def changing(commands: list[list[str]]) -> list[list[str]]:
    """Return the commands that may change something."""
    return [words for words in commands if not READING & {*words[:5]}]


def test_a_new_project_is_deployed_and_the_second_time_nothing_changes(site: Site) -> None:
    """One command makes all that a project needs, without a question; run again, it changes nothing."""
    first = site.deploy(*APP)
    assert (first.returncode, first.stderr) == (0, "")
    after = site.read()
    assert len(after["functions"]) == 11
    assert {*after["secrets"]} == {"THREADS_APP_SECRET", "TOKEN_KEYS", "WEBHOOK_VERIFY_TOKEN"}
    assert after["secrets"]["THREADS_APP_SECRET"] == SECRET
    assert after["rules"] == (site.folder / "firestore.rules").read_text()
    assert after["queues"]["us-central1/threads-publish"]["retryConfig"] == {"maxAttempts": 25}
    assert len(after["alerts"]) == 4
    settings = site.settings.read_bytes()
    site.commands()

    second = site.deploy()
    assert (second.returncode, second.stderr) == (0, "")
    assert site.read() == after
    assert site.settings.read_bytes() == settings
    run = [words[:4] for words in changing(site.commands())]
    assert run == [["firebase", "deploy", "--only", "functions:threads"]]  # leaves out what has not changed


def test_what_was_written_is_a_configuration_that_starts(ready: Site) -> None:
    """The functions start on Google Cloud with it: confirm, a queue, Meta's own host, and a new key."""
    state = ready.read()
    [function] = [it for it in state["functions"] if it["name"].endswith("/th_webhook")]
    variables = function["serviceConfig"]["environmentVariables"]
    read = read_config({"K_SERVICE": "th-webhook", **variables, **state["secrets"]})
    assert (read.connect_mode, read.app_id) == ("confirm", "1234567890")
    assert read.authorize_url == "https://threads.com/oauth/authorize"
    assert read.redirect_uri == "https://us-central1-my-app.cloudfunctions.net/th_auth_callback"
    assert read.publish_queue == "projects/my-app/locations/us-central1/queues/threads-publish"
    assert len(base64.b64decode(read.token_keys["k1"].reveal())) == 32
    assert "WEBHOOK_VERIFY_TOKEN" not in ready.settings.read_text()


@pytest.mark.skipif(not shutil.which("gcloud"), reason="needs the Google Cloud CLI")
def test_the_real_gcloud_has_the_commands(deployed: Deployed) -> None:
    """Every command of gcloud that a deployment runs exists with its options."""
    for words in [it[1:] for it in deployed.commands if it[0] == "gcloud"]:
        group, known = gcloud_tree(), {*gcloud_tree()["flags"]}
        for word in words:
            if word not in group["commands"]:
                break
            group = group["commands"][word]
            known |= {*group["flags"]}
        assert not group["commands"], words
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, words


def test_a_dry_run_shows_the_commands_and_changes_nothing(site: Site) -> None:
    """Twice: the same commands, no secret among them, and neither the project nor the folder has changed."""
    before, names = site.read(), sorted(path.name for path in site.folder.iterdir())
    shown = [site.deploy(*APP, "DRY_RUN=1") for _ in range(2)]
    assert [it.returncode for it in shown] == [0, 0], shown[0].stderr
    assert shown[0].stdout == shown[1].stdout
    assert "gcloud secrets create TOKEN_KEYS" in shown[0].stdout
    assert "firebase deploy --only functions:threads" in shown[0].stdout
    assert SECRET not in shown[0].stdout
    assert "k1:" not in shown[0].stdout
    assert (site.read(), sorted(path.name for path in site.folder.iterdir())) == (before, names)
    assert changing(site.commands()) == []


@pytest.mark.parametrize(
    "said",
    [
        "PERMISSION_DENIED: Permission 'secretmanager.versions.list' denied for resource.",
        "UNAVAILABLE: The service is currently unavailable.",
        "There was a problem refreshing your current auth tokens: ('invalid_grant: Bad Request')",
        "NOT_FOUND_OR_SO",
    ],
)
def test_no_key_is_made_after_another_failure(ready: Site, said: str) -> None:
    """Only a secret that Secret Manager says is not there is made: another key would lose every account."""
    ready.change(secrets={}, fails={"secrets.versions.list": said})
    failed = ready.deploy()
    assert failed.returncode != 0
    assert said in failed.stderr
    assert ready.read()["secrets"] == {}


def test_a_secret_without_a_version_stops_the_deployment(ready: Site) -> None:
    """A key whose versions were disabled or destroyed is not replaced."""
    ready.change(secrets={**ready.read()["secrets"], "TOKEN_KEYS": ""})
    failed = ready.deploy()
    assert failed.returncode != 0
    assert "has no enabled version" in failed.stderr
    assert ready.read()["secrets"]["TOKEN_KEYS"] == ""


def test_what_is_configured_stays(site: Site) -> None:
    """Another queue, another window, a comment: a deployment adds lines, and touches none."""
    theirs = (
        "# ours\nexport THREADS_APP_ID='77'\nCONNECT_MODE=immediate # for now\n"
        "PUBLISH_QUEUE=projects/my-app/locations/europe-west1/queues/mine"
    )
    site.settings.write_text(theirs)
    site.change(queues={"europe-west1/mine": {"state": "RUNNING", "retryConfig": {"maxAttempts": 100}}})
    assert site.deploy(*APP).returncode == 0
    text = site.settings.read_text()
    assert text.startswith(f"{theirs}\n")
    assert text.count("CONNECT_MODE") == text.count("THREADS_APP_ID") == text.count("PUBLISH_QUEUE") == 1
    assert "ALLOWED_ORIGINS=https://app.example\n" in text
    assert [*site.read()["queues"]] == ["europe-west1/mine"]


def test_rules_that_are_there_are_not_replaced(site: Site) -> None:
    """An app's own rules stay, and the command says what they lack."""
    rules = "service cloud.firestore { match /databases/{database}/documents {} }"
    site.change(rules=rules)
    done = site.deploy(*APP)
    assert done.returncode == 0
    assert site.read()["rules"] == rules
    assert "copy the block of firestore.rules into them" in done.stdout


def test_an_old_verify_token_moves_into_a_secret(site: Site) -> None:
    """A token in a file that may be committed becomes the secret's value, and the line is to be taken out."""
    site.settings.write_text("WEBHOOK_VERIFY_TOKEN=old\n")
    failed = site.deploy(*APP)
    assert failed.returncode != 0
    assert "WEBHOOK_VERIFY_TOKEN is a secret, but stands in .env.my-app" in failed.stderr
    assert site.read()["secrets"]["WEBHOOK_VERIFY_TOKEN"] == "old"
    site.settings.write_text(site.settings.read_text().replace("WEBHOOK_VERIFY_TOKEN=old\n", ""))
    assert site.deploy(*APP).returncode == 0
    assert site.read()["secrets"]["WEBHOOK_VERIFY_TOKEN"] == "old"


STOPS = [
    ({"signedIn": False}, (), "gcloud auth login"),
    ({"id": "another"}, (), "The project my-app is not there"),
    ({"database": None}, (), "gcloud firestore databases create --location=us-central1"),
    ({"database": {"type": "DATASTORE_MODE"}}, (), "not in Native mode"),
    ({"database": {"type": "FIRESTORE_NATIVE", "databaseEdition": "ENTERPRISE"}}, (), "Standard edition"),
    ({}, ("ORIGINS=app.example",), "ALLOWED_ORIGINS: has 'app.example'"),
    ({}, ("APP_ID=",), "make deploy … APP_ID=…"),
]


@pytest.mark.parametrize(("project", "words", "says"), STOPS)
def test_it_stops_with_what_to_do(
    site: Site, project: dict[str, object], words: tuple[str, ...], says: str
) -> None:
    """What only a person can decide ends the command before it changes more, in one sentence."""
    site.change(**project)
    failed = site.deploy(*APP, *words)
    assert failed.returncode != 0
    assert says in failed.stderr
    assert "Traceback" not in failed.stderr
    assert site.read()["functions"] == []


def test_without_the_apps_secret_it_says_where_it_belongs(site: Site) -> None:
    """Without a terminal nobody is asked for it."""
    del site.environment["THREADS_APP_SECRET"]
    failed = site.deploy(*APP)
    assert failed.returncode != 0
    assert "gcloud secrets create THREADS_APP_SECRET" in failed.stderr
