# ruff: noqa: D102 - the methods are named after the commands that they play
"""Plays gcloud and the Firebase CLI, as programs: the project that they change is a JSON file.

    python simulated.py gcloud projects describe p --project p --quiet --format=json

Answers, errors and exit statuses have the forms of the real programs (gcloud 528, firebase-tools 15.34). What
a program would have to ask is an error, because a test has no terminal. Whatever else a real one does is not
played.
"""

import json
import sys
from collections.abc import Callable, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NoReturn

import yaml

ME = "me@example.com"
NUMBER = "471147114711"
BUILDER = f"{NUMBER}-compute@developer.gserviceaccount.com"
QUOTA = 20
"""The vCPU that a new project has in a region."""

NEEDS = {
    "iam": "iam.googleapis.com",
    "secrets": "secretmanager.googleapis.com",
    "tasks": "cloudtasks.googleapis.com",
    "firestore": "firestore.googleapis.com",
    "functions": "cloudfunctions.googleapis.com",
    "scheduler": "cloudscheduler.googleapis.com",
    "alpha": "monitoring.googleapis.com",
}
"""The service that must be enabled for a group of gcloud's commands."""


def new_project(project: str = "my-app") -> dict[str, Any]:
    """Return a project in which nothing but a database was made."""
    return {
        "id": project,
        "signedIn": True,
        "services": ["logging.googleapis.com"],
        "database": {
            "name": f"projects/{project}/databases/(default)",
            "type": "FIRESTORE_NATIVE",
            "locationId": "us-central1",
            "databaseEdition": "STANDARD",
        },
        "accounts": [],
        "policy": {"bindings": [{"role": "roles/owner", "members": [f"user:{ME}"]}]},
        "accountPolicies": {},
        "secrets": {},
        "queues": {},
        "exclusions": [],
        "rules": None,
        "indexes": {"indexes": [], "fieldOverrides": []},
        "alerts": [],
        "functions": [],
        "jobs": [],
        "cleanupPolicy": False,
        "fails": {},
    }


class Failed(Exception):
    """The program ends with status 1 after it has said this."""


class Gcloud:
    """The Google Cloud CLI."""

    def __init__(self, state: dict[str, Any], words: list[str], stdin: str) -> None:
        """Take apart a command."""
        self.state = state
        self.words = [word for word in words if not word.startswith("--")]
        flags = [word.removeprefix("--").partition("=") for word in words if word.startswith("--")]
        self.flags = {name: value for name, _, value in flags}
        self.stdin = stdin
        self.command = ""

    def run(self) -> Any:
        """Run it, and return what it prints as JSON."""
        for length in (4, 3, 2):
            name = "_".join(self.words[:length]).replace("-", "_")
            method: Callable[..., Any] | None = getattr(self, name, None)
            if method:
                self._check(".".join(self.words[:length]))
                return method(*self.words[length:])
        sys.stderr.write(f"ERROR: (gcloud) Invalid choice: '{self.words[-1]}'.\n")
        raise SystemExit(2)

    def _check(self, command: str) -> None:
        for pattern, said in self.state["fails"].items():
            if fnmatch(command, pattern):
                raise Failed(f"ERROR: (gcloud.{command}) {said}")
        service = NEEDS.get(self.words[0])
        if service and service not in self.state["services"]:
            raise Failed(
                f"ERROR: (gcloud.{command}) PERMISSION_DENIED: {service} has not been used in project"
                f" {NUMBER} before or it is disabled. Enable it by visiting https://console.developers."
                f"google.com/apis/api/{service}/overview then retry.\nreason: SERVICE_DISABLED"
            )
        self.command = command
        if self.words[0] != "auth" and self.flags["project"] != self.state["id"]:
            raise Failed(
                f"ERROR: (gcloud.{command}) [{ME}] does not have permission to access projects instance"
                f" [{self.flags['project']}] (or it may not exist): The caller does not have permission."
            )

    def _fail(self, said: str) -> NoReturn:
        account = "which is the active account specified by the [core/account] property."
        raise Failed(f"ERROR: (gcloud.{self.command}) {said} This command is authenticated as {ME} {account}")

    def auth_list(self) -> Any:
        return [{"account": ME, "status": "ACTIVE"}] * self.state["signedIn"]

    def auth_print_access_token(self) -> Any:
        return "a-token"

    def projects_describe(self, project: str = "") -> Any:
        return {"projectId": project or self.state["id"], "projectNumber": NUMBER, "lifecycleState": "ACTIVE"}

    def services_list(self) -> Any:
        return [{"config": {"name": name}, "state": "ENABLED"} for name in self.state["services"]]

    def services_enable(self, *names: str) -> Any:
        self.state["services"] += [name for name in names if name not in self.state["services"]]
        if "compute.googleapis.com" in names and BUILDER not in self.state["accounts"]:
            self.state["accounts"].append(BUILDER)

    def firestore_databases_describe(self) -> Any:
        if self.state["database"] is None:
            self._fail(f"NOT_FOUND: Project '{self.state['id']}' or database '(default)' does not exist.")
        return self.state["database"]

    def iam_service_accounts_list(self) -> Any:
        return [{"email": email} for email in self.state["accounts"]]

    def iam_service_accounts_create(self, name: str) -> Any:
        email = f"{name}@{self.state['id']}.iam.gserviceaccount.com"
        if email in self.state["accounts"]:
            self._fail(
                f"Resource in projects [{self.state['id']}] is the subject of a conflict: Service account"
                f" {name} already exists within project projects/{self.state['id']}."
            )
        self.state["accounts"].append(email)

    def projects_get_iam_policy(self, *_: str) -> Any:
        return self.state["policy"]

    def projects_add_iam_policy_binding(self, *_: str) -> Any:
        return self._grant(self.state["policy"])

    def iam_service_accounts_get_iam_policy(self, email: str) -> Any:
        if email not in self.state["accounts"]:
            self._fail("NOT_FOUND: Unknown service account.")
        return self.state["accountPolicies"].get(email, {"etag": "ACAB"})

    def iam_service_accounts_add_iam_policy_binding(self, email: str) -> Any:
        if email not in self.state["accounts"]:
            self._fail("NOT_FOUND: Unknown service account.")
        return self._grant(self.state["accountPolicies"].setdefault(email, {"bindings": []}))

    def _grant(self, policy: dict[str, Any]) -> Any:
        member, role = self.flags["member"], self.flags["role"]
        if member.partition(":")[2] not in self.state["accounts"]:
            self._fail(f"INVALID_ARGUMENT: Service account {member.partition(':')[2]} does not exist.")
        policy["bindings"].append({"role": role, "members": [member]})
        return policy

    def secrets_versions_list(self, name: str) -> Any:
        self._secret(name)
        return [{"name": f"projects/{NUMBER}/secrets/{name}/versions/1", "state": "ENABLED"}] * bool(
            self.state["secrets"][name]
        )

    def secrets_versions_access(self, _version: str) -> Any:
        self._secret(self.flags["secret"])
        return self.state["secrets"][self.flags["secret"]]

    def _secret(self, name: str) -> None:
        if name not in self.state["secrets"]:
            self._fail(f"NOT_FOUND: Secret [projects/{NUMBER}/secrets/{name}] not found.")

    def secrets_create(self, name: str) -> Any:
        if name in self.state["secrets"]:
            self._fail(f"ALREADY_EXISTS: Secret [projects/{NUMBER}/secrets/{name}] already exists.")
        self.state["secrets"][name] = self.stdin

    def tasks_queues_describe(self, name: str) -> Any:
        key = f"{self.flags['location']}/{name}"
        if key not in self.state["queues"]:
            self._fail(
                "NOT_FOUND: Queue does not exist. If you just created the queue, wait at least a minute for"
                " the queue to initialize."
            )
        return self.state["queues"][key]

    def tasks_queues_create(self, name: str) -> Any:
        flags = yaml.safe_load(Path(self.flags["flags-file"]).read_text())
        self.state["queues"][f"{self.flags['location']}/{name}"] = {
            "state": "RUNNING",
            "retryConfig": {"maxAttempts": flags["--max-attempts"]},
        }

    def tasks_queues_update(self, name: str) -> Any:
        queue = self.state["queues"][f"{self.flags['location']}/{name}"]
        queue["retryConfig"]["maxAttempts"] = int(self.flags["max-attempts"])

    def logging_sinks_describe(self, *_: str) -> Any:
        return {"name": "_Default", "exclusions": self.state["exclusions"]}

    def logging_sinks_update(self, *_: str) -> Any:
        added = dict(part.split("=", 1) for part in self.flags["add-exclusion"].split(",", 1))
        self.state["exclusions"].append(added)

    def alpha_monitoring_policies_list(self) -> Any:
        return self.state["alerts"]

    def alpha_monitoring_policies_create(self) -> Any:
        self.state["alerts"].append(json.loads(Path(self.flags["policy-from-file"]).read_text()))

    def functions_list(self) -> Any:
        return self.state["functions"]

    def scheduler_jobs_list(self) -> Any:
        return self.state["jobs"]


class Firebase:
    """The Firebase CLI, in the folder of firebase.json."""

    def __init__(self, state: dict[str, Any], words: list[str]) -> None:
        """Take a command."""
        self.state = state
        self.words = words

    def run(self) -> Any:
        """Run it, and return what it prints as JSON."""
        match self.words[0], self.words[2:3]:
            case "firestore:indexes", _:
                return self.state["indexes"]
            case "functions:artifacts:setpolicy", _:
                self.state["cleanupPolicy"] = bool(self.state["functions"])
            case "deploy", ["firestore:rules"]:
                self.state["rules"] = Path("firestore.rules").read_text()
            case "deploy", ["firestore:indexes"]:
                self._add_indexes()
            case "deploy", ["functions:threads"]:
                self._deploy()
            case _:
                raise Failed(f"Error: {self.words[0]} is not a Firebase command")
        return None

    def _add_indexes(self) -> None:
        """Add what the file has. What only the project has stays, as without ``--force``."""
        for override in json.loads(Path("firestore.indexes.json").read_text())["fieldOverrides"]:
            there = self.state["indexes"]["fieldOverrides"]
            if override not in there:
                there.append(override)

    def _deploy(self) -> None:
        project = self.state["id"]
        endpoints: dict[str, dict[str, Any]] = yaml.safe_load(Path("functions.yaml").read_text())["endpoints"]
        environment = {
            name: value
            for file in (".env", f".env.{project}")
            for name, _, value in (line.partition("=") for line in Path(file).read_text().splitlines())
            if value and not name.startswith("#")
        }
        deployed = []
        for name, endpoint in endpoints.items():
            keys = [it["key"] for it in endpoint.get("secretEnvironmentVariables", ())]
            if missing := [key for key in keys if key not in self.state["secrets"]]:
                raise Failed(
                    "Error: In non-interactive mode but have no value for the following secrets: "
                    + ", ".join(missing)
                )
            if overlap := set(keys) & environment.keys():
                raise Failed(
                    "Error: Secret environment variable overlaps non secret environment variable: "
                    + ", ".join(overlap)
                )
            email = f"{endpoint['serviceAccount']}{project}.iam.gserviceaccount.com"
            if email not in self.state["accounts"]:
                raise Failed(f"Error: Service account {email} does not exist.")
            if endpoint["maxInstances"] * endpoint["cpu"] > QUOTA:
                raise Failed("Error: Quota exceeded for total allowable CPU per project per region.")
            deployed.append(
                {
                    "name": f"projects/{project}/locations/{endpoint['region'][0]}/functions/{name}",
                    "state": "ACTIVE",
                    "serviceConfig": {
                        "serviceAccountEmail": email,
                        "environmentVariables": environment,
                        "secretEnvironmentVariables": [{"key": key} for key in keys],
                        "maxInstanceCount": endpoint["maxInstances"],
                    },
                }
            )
        ours = {it["name"] for it in deployed}
        others = [it for it in self.state["functions"] if it["name"] not in ours]  # of another codebase
        self.state["functions"] = [*others, *deployed]
        region = endpoints["th_upkeep"]["region"][0]
        jobs = f"projects/{project}/locations/{region}/jobs"
        self.state["jobs"] = [
            {"name": f"{jobs}/firebase-schedule-{name}-{region}", "state": "ENABLED"}
            for name, it in endpoints.items()
            if "scheduleTrigger" in it
        ]
        if not self.state["cleanupPolicy"]:
            raise Failed(
                "Error: Functions successfully deployed but could not set up cleanup policy in location"
                " us-central1. Pass the --force option to automatically set up a cleanup policy or run"
                " 'firebase functions:artifacts:setpolicy' to manually set up a cleanup policy."
            )


def main(file: Path, program: str, words: list[str], stdin: str) -> int:
    """Run a command on the project in ``file``, and return the exit status."""
    state: dict[str, Any] = json.loads(file.read_text())
    status = 0
    try:
        command = Gcloud(state, words, stdin) if program == "gcloud" else Firebase(state, words)
        answer = command.run()
    except Failed as failed:
        answer, status = None, 1
        sys.stderr.write(f"{failed}\n")
    sys.stdout.write(answer if isinstance(answer, str) else json.dumps(answer))
    file.write_text(json.dumps(state))
    with file.with_suffix(".log").open("a", encoding="utf-8") as log:
        log.write(json.dumps([program, *words]) + "\n")
    return status


def write_programs(folder: Path, file: Path, interpreter: str) -> Mapping[str, str]:
    """Write both programs into a folder, and return the variable that makes them found first."""
    for program in ("gcloud", "firebase"):
        path = folder / program
        path.write_text(
            f"#!{interpreter}\nimport sys\nfrom pathlib import Path\n"
            f"sys.path.insert(0, {str(Path(__file__).parents[2])!r})\n"
            "from tests.deploy import simulated\n"
            f"sys.exit(simulated.main(Path({str(file)!r}), {program!r}, sys.argv[1:], sys.stdin.read()))\n"
        )
        path.chmod(0o755)
    return {"PATH": f"{folder}"}
