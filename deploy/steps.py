"""What a project must have. Each step looks, and says what is missing and which commands add it.

``make deploy`` runs the commands, ``make doctor`` shows the sentences: both ask the same steps.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from deploy import rules
from deploy.tools import Command, ToolError, Tools
from deploy.wanted import Wanted

QUEUE = "threads-publish"

TASKS_ACCOUNT = "threads-tasks"

EXCLUSION = "threads-callbacks"

CALLBACK_LINES = 'logName:"run.googleapis.com%2Frequests" resource.labels.service_name="th-auth-callback"'
"""Cloud Run's own lines about the callback. Its URL holds a code."""

SERVICES = (
    "compute.googleapis.com",  # makes the account that builds
    "iam.googleapis.com",
    "firestore.googleapis.com",
    "secretmanager.googleapis.com",
    "cloudtasks.googleapis.com",
    "cloudscheduler.googleapis.com",
    "cloudfunctions.googleapis.com",
    "cloudbuild.googleapis.com",
    "artifactregistry.googleapis.com",
    "run.googleapis.com",
    "monitoring.googleapis.com",
)

SIGN_IN_SERVICE = "iamcredentials.googleapis.com"

FUNCTIONS_ROLES = ("roles/datastore.user", "roles/cloudtasks.enqueuer", "roles/cloudtasks.taskDeleter")

SIGN_IN_ROLE = "roles/firebaseauth.admin"

CHECK_USERS_ROLE = "roles/firebaseauth.viewer"

INVOKER_ROLE = "roles/run.invoker"
"""For the account of the tasks. A role on one service would be lost with the next deployment."""

BUILD_ROLE = "roles/cloudbuild.builds.builder"

BUILD_ROLES = {BUILD_ROLE, "roles/editor", "roles/owner"}
"""With any of these, the project's default account can build."""

ACT_AS_ROLE = "roles/iam.serviceAccountUser"

SIGN_ROLE = "roles/iam.serviceAccountTokenCreator"

MULTI_REGIONS = {
    "nam5": ("us-central1",),
    "nam7": ("us-central1", "us-east4"),
    "eur3": ("europe-west1", "europe-west4"),
}
"""Which regions a database in several regions is in."""

ALERTS = Path(__file__).with_name("alerts")


class Gap(NamedTuple):
    """Something that is missing or wrong in a project."""

    sentence: str
    """What it is, and what to do."""
    commands: tuple[Command, ...] = ()
    """What ``make deploy`` runs. None: a person must decide."""
    stops: bool = False
    """Whether a deployment cannot go on."""


@dataclass
class Site:
    """A project, and what is wanted of it."""

    tools: Tools
    wanted: Wanted
    settings: Mapping[str, str]
    """The variables of the deployment."""
    new_secret: Callable[[str], str | None] = lambda _: None
    """Returns the value for a secret that is to be made, or None if only a person knows it."""
    read_rules: Callable[[], str | None] = lambda: None
    """Returns the rules that are in force, or None if the project has none."""
    rules_path: Path | None = None
    number: str = ""
    """The project's number, which the first step finds out."""
    notes: list[str] = field(default_factory=list)

    @property
    def project(self) -> str:
        """The project's id."""
        return self.wanted.project

    @property
    def signs_in(self) -> bool:
        """Whether users can sign in with Threads."""
        return self.settings.get("SIGN_IN") == "on"

    @property
    def checks_users(self) -> bool:
        """Whether tasks ask Firebase Authentication if a post's user is still there."""
        return self.settings.get("CHECK_USERS") == "on"

    @property
    def queue(self) -> tuple[str, str]:
        """The queue's name and its region: those of PUBLISH_QUEUE, if it is set."""
        parts = self.settings.get("PUBLISH_QUEUE", "").split("/")
        named = len(parts) == 6  # noqa: PLR2004 - projects/…/locations/…/queues/…
        return (parts[5], parts[3]) if named else (QUEUE, self.wanted.region)

    @property
    def tasks_account(self) -> str:
        """The service account whose tokens the tasks carry."""
        own = f"{TASKS_ACCOUNT}@{self.project}.iam.gserviceaccount.com"
        return self.settings.get("TASKS_SERVICE_ACCOUNT") or own


Look = Callable[[Site], Iterator[Gap]]


def sign_in(site: Site) -> Iterator[Gap]:
    """Somebody is signed in to gcloud and, unless it uses that, to the Firebase CLI."""
    accounts = site.tools.ask("auth", "list", "--filter=status:ACTIVE")
    if not accounts:
        yield Gap("Nobody is signed in to gcloud. Run:  gcloud auth login", stops=True)


def project(site: Site) -> Iterator[Gap]:
    """Note the number of the project, which must be there."""
    try:
        described = site.tools.ask("projects", "describe", site.project)
    except ToolError as error:
        yield Gap(
            f"The project {site.project} is not there, or your account may not see it"
            f" (gcloud projects list shows yours). gcloud said: {error.said.splitlines()[0]}",
            stops=True,
        )
        return
    site.number = str(described["projectNumber"])


def services(site: Site) -> Iterator[Gap]:
    """Google's services are enabled."""
    enabled = {it["config"]["name"] for it in site.tools.ask("services", "list", "--enabled")}
    wanted = [*SERVICES, *[SIGN_IN_SERVICE] * site.signs_in]
    if missing := [name for name in wanted if name not in enabled]:
        yield Gap(
            f"These services of Google are not enabled: {', '.join(missing)}.",
            (site.tools.gcloud("services", "enable", *missing),),
        )


def database(site: Site) -> Iterator[Gap]:
    """There is a Firestore database in Native mode, of the Standard edition, near the functions."""
    region = site.wanted.region
    found = site.tools.find("firestore", "databases", "describe", "--database=(default)")
    if found is None:
        yield Gap(
            "The project has no Firestore database (default). Its location can never be changed, so choose"
            f" it yourself:  gcloud firestore databases create --location={region}"
            f" --project {site.project}",
            stops=not site.tools.is_dry,
        )
        return
    if found.get("type") != "FIRESTORE_NATIVE":
        yield Gap("The Firestore database (default) is not in Native mode, which is needed.", stops=True)
    if found.get("databaseEdition", "STANDARD") != "STANDARD":
        yield Gap(
            "The Firestore database (default) is of the Enterprise edition, which makes no indexes by"
            " itself: the service needs the Standard edition.",
            stops=True,
        )
    where = str(found.get("locationId", region))
    if region not in MULTI_REGIONS.get(where, (where,)):
        yield Gap(
            f"The functions are in {region}, but the database is in {where}: choose its region in"
            " functions.yaml, and what depends on it in Meta's dashboard, before the first deployment."
        )


def accounts(site: Site) -> Iterator[Gap]:
    """Look for the service accounts of the functions and of the tasks."""
    there = {it["email"] for it in site.tools.find("iam", "service-accounts", "list") or []}
    for email, purpose in ((site.wanted.account, "Threads functions"), (site.tasks_account, "Threads tasks")):
        name, _, domain = email.partition("@")
        if email not in there and domain == f"{site.project}.iam.gserviceaccount.com":
            create = site.tools.gcloud("iam", "service-accounts", "create", name, f"--display-name={purpose}")
            yield Gap(f"The service account {email} is not there.", (create,))


def roles(site: Site) -> Iterator[Gap]:
    """Each account has the roles that it needs, and the functions' account no more."""
    bindings = site.tools.ask("projects", "get-iam-policy", site.project)["bindings"]
    functions, builder = site.wanted.account, f"{site.number}-compute@developer.gserviceaccount.com"
    if not any(_has(bindings, builder, role) for role in BUILD_ROLES):
        yield _role_gap(site, builder, BUILD_ROLE)
    for role in (*FUNCTIONS_ROLES, *_auth_roles(site)):
        if not _has(bindings, functions, role):
            yield _role_gap(site, functions, role)
    if not _has(bindings, site.tasks_account, INVOKER_ROLE):
        yield _role_gap(site, site.tasks_account, INVOKER_ROLE)
    yield from _role_on_account(site, site.tasks_account, ACT_AS_ROLE)
    if site.signs_in:
        yield from _role_on_account(site, functions, SIGN_ROLE)


def _auth_roles(site: Site) -> list[str]:
    """Return what the functions may do with Firebase Authentication: create users, or look at them."""
    if site.signs_in:
        return [SIGN_IN_ROLE]
    return [CHECK_USERS_ROLE] * site.checks_users


def _role_gap(site: Site, email: str, role: str) -> Gap:
    return Gap(
        f"The service account {email} lacks the role {role}.",
        (
            site.tools.gcloud(
                *("projects", "add-iam-policy-binding", site.project, "--condition=None"),
                *(f"--member=serviceAccount:{email}", f"--role={role}"),
            ),
        ),
    )


def _role_on_account(site: Site, on: str, role: str) -> Iterator[Gap]:
    """Yield a gap unless the functions' account has a role on a service account."""
    functions = site.wanted.account
    policy = site.tools.find("iam", "service-accounts", "get-iam-policy", on) or {}
    if not _has(policy.get("bindings", []), functions, role):
        grant = site.tools.gcloud(
            *("iam", "service-accounts", "add-iam-policy-binding", on, "--condition=None"),
            *(f"--member=serviceAccount:{functions}", f"--role={role}"),
        )
        yield Gap(f"The service account {functions} lacks the role {role} on {on}.", (grant,))


def _has(bindings: list[dict[str, Any]], email: str, role: str) -> bool:
    return any(
        binding["role"] == role
        and f"serviceAccount:{email}" in binding.get("members", ())
        and not binding.get("condition")
        for binding in bindings
    )


def secrets(site: Site) -> Iterator[Gap]:
    """Each secret has a version. One is made only if Secret Manager says that the secret is not there."""
    for name in site.wanted.secrets:
        versions = site.tools.find("secrets", "versions", "list", name, "--filter=state:ENABLED", "--limit=1")
        if versions is None:
            yield _new_secret(site, name)
        elif not versions:
            yield Gap(
                f"The secret {name} has no enabled version. If it is TOKEN_KEYS, enable the last one again:"
                " with another key, every account would have to be connected again.",
                stops=True,
            )
        if name in site.settings:
            yield Gap(
                f"{name} is a secret, but stands in .env.{site.project} too, which may be committed: take"
                " that line out. A deployment with both is refused.",
                stops=True,
            )


def _new_secret(site: Site, name: str) -> Gap:
    sentence = f"The secret {name} is not in Secret Manager."
    value = site.new_secret(name)
    if value is None:
        how = f"printf %s '<its value>' | gcloud secrets create {name} --data-file=- --project {site.project}"
        return Gap(f"{sentence} Only you know its value. Run:  {how}", stops=True)
    create = site.tools.gcloud(
        *("secrets", "create", name, "--replication-policy=automatic", "--data-file=-"),
        stdin=value,
        note=f"the value of {name}",
    )
    return Gap(sentence, (create,))


def queue(site: Site) -> Iterator[Gap]:
    """There is a queue in the region, which makes as many attempts as a post may need."""
    name, region = site.queue
    found = site.tools.find("tasks", "queues", "describe", name, f"--location={region}")
    if found is None:
        create = site.tools.gcloud(
            *("tasks", "queues", "create", name, f"--location={region}", "--flags-file=queue.yaml")
        )
        yield Gap(f"The queue {name} is not in {region}.", (create,))
        return
    if found.get("state", "RUNNING") != "RUNNING":
        yield Gap(
            f"The queue {name} is {found['state'].lower()}, so nothing is published. Run:  gcloud tasks"
            f" queues resume {name} --location={region} --project {site.project}"
        )
    needed = int(site.wanted.queue_flags["max-attempts"])
    attempts = int(found.get("retryConfig", {}).get("maxAttempts", needed))
    if 0 <= attempts < needed:  # -1: without a limit
        update = site.tools.gcloud(
            *("tasks", "queues", "update", name, f"--location={region}", f"--max-attempts={needed}")
        )
        yield Gap(f"The queue {name} makes {attempts} attempts, but a post may need {needed}.", (update,))


def request_log(site: Site) -> Iterator[Gap]:
    """Cloud Run's lines about the callback, whose URL holds a code, are not kept."""
    sink = site.tools.ask("logging", "sinks", "describe", "_Default")
    if EXCLUSION not in {it["name"] for it in sink.get("exclusions", ())}:
        exclude = site.tools.gcloud(
            *("logging", "sinks", "update", "_Default"),
            f"--add-exclusion=name={EXCLUSION},filter={CALLBACK_LINES}",
        )
        yield Gap("The log keeps the URLs of the callback, which hold codes.", (exclude,))


def firestore_rules(site: Site) -> Iterator[Gap]:
    """Look whether the rules show users their cards and posts, and open nothing else of the service."""
    there = site.read_rules()
    if there is None:
        deploy = site.tools.firebase("deploy", "--only", "firestore:rules")
        yield Gap("The project has no Firestore rules.", (deploy,))
        return
    yield from (Gap(sentence) for sentence in rules.opened(there))
    if not rules.shows_cards(there):
        yield Gap(
            "Your Firestore rules do not let users read their cards and posts: copy the block of"
            " firestore.rules into them. They are not replaced."
        )


def indexes(site: Site) -> Iterator[Gap]:
    """Each expiry and each index of firestore.indexes.json is there."""
    told = site.tools.read(site.tools.firebase("firestore:indexes"))
    there = json.loads(told[told.index("{") :])
    missing = list(site.wanted.missing_overrides(there))
    late = ", ".join(name for name, is_expiry in missing if is_expiry)
    lost = ", ".join(name for name, is_expiry in missing if not is_expiry)
    sentences = [
        *[f"Firestore lets nothing expire by {late}."] * bool(late),
        *[f"Firestore lacks the indexes of {lost}."] * bool(lost),
    ]
    if sentences:
        deploy = site.tools.firebase("deploy", "--only", "firestore:indexes")
        yield Gap(" ".join(sentences), (deploy,))


def alerts(site: Site) -> Iterator[Gap]:
    """Somebody can be told of errors, unclear posts, lost connections and late posts."""
    there = {it.get("displayName") for it in site.tools.find("alpha", "monitoring", "policies", "list") or []}
    for path in sorted(ALERTS.glob("*.json")):
        name = json.loads(path.read_text(encoding="utf-8"))["displayName"]
        if name not in there:
            file = f"--policy-from-file=deploy/alerts/{path.name}"
            create = site.tools.gcloud("alpha", "monitoring", "policies", "create", file)
            yield Gap(f"The alert “{name}” is not set.", (create,))


STEPS: Mapping[str, Look] = {
    "Signed in": sign_in,
    "Project": project,
    "Services": services,
    "Database": database,
    "Service accounts": accounts,
    "Roles": roles,
    "Secrets": secrets,
    "Queue": queue,
    "Request log": request_log,
    "Rules": firestore_rules,
    "Indexes and expiry": indexes,
    "Alerts": alerts,
}
"""What a deployment needs, in the order in which one thing needs another."""
