"""What ``make deploy`` does: it looks at each step, adds what is missing, and deploys the functions."""

import argparse
import base64
import getpass
import secrets
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from deploy import settings, steps
from deploy.http import rules_in_force
from deploy.steps import Gap, Site
from deploy.tools import ToolError, Tools
from deploy.wanted import Wanted
from threads.base.config import KEY_BYTES, read_config
from threads.base.errors import ConfigurationError

PLACEHOLDERS = {"THREADS_APP_SECRET": "s", "TOKEN_KEYS": f"k1:{base64.b64encode(bytes(KEY_BYTES)).decode()}"}
"""Stand for the secrets while the rest of a configuration is checked."""

CLEANUP_QUESTION = "cleanup policy"
"""In what the Firebase CLI says when it has deployed, but may not ask how long to keep container images."""

ORIGINS_MEANING = "the origins of your web app, separated by commas, such as https://app.example"


class Stopped(Exception):
    """The deployment cannot go on. The text says what to do."""


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Deploy, and return the exit status: 0 if everything is there now."""
    chosen = _arguments(arguments)
    tools = Tools(chosen.project, firebase_path=chosen.firebase, is_dry=chosen.dry_run, out=sys.stdout)
    try:
        _deploy(tools, Wanted(chosen.project), chosen, environ)
    except (Stopped, ToolError, ConfigurationError) as error:
        sys.stdout.flush()
        sys.stderr.write(f"\n✗ {error}\n")
        return 1
    return 0


def is_answerable() -> bool:
    """Return whether a person can be asked."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def environment_files(root: Path, project: str) -> tuple[Path, Path]:
    """Return the files that the Firebase CLI reads for a project."""
    return root / ".env", root / f".env.{project}"


def _deploy(tools: Tools, wanted: Wanted, chosen: argparse.Namespace, environ: Mapping[str, str]) -> None:
    shared, own = environment_files(wanted.root, wanted.project)
    missing = _missing_settings(settings.read(shared, own), wanted, chosen)
    there = {**settings.read(shared, own), **missing}
    read_config({"K_SERVICE": "publish-threads", **PLACEHOLDERS, **there})
    tools.say(f"Configuration in {own.name}")
    for name, value in missing.items():
        tools.say(f"    + {name}={value}")
    if not tools.is_dry:
        settings.add(own, missing)
    site = Site(
        tools,
        wanted,
        there,
        new_secret=lambda name: _new_secret(name, there, environ),
        read_rules=lambda: rules_in_force(tools, environ),
    )
    advice = [gap for title, look in steps.STEPS.items() for gap in _run(site, title, look)]
    _deploy_functions(tools, wanted)
    _say_what_remains(site, advice)


def _run(site: Site, title: str, look: steps.Look) -> list[Gap]:
    """Run a step, and return what a person should look at."""
    site.tools.say(title)
    advice = []
    for gap in look(site):
        if gap.stops:
            raise Stopped(gap.sentence)
        if not gap.commands:
            advice.append(gap)
        for command in gap.commands:
            site.tools.change(command)
    return advice


def _deploy_functions(tools: Tools, wanted: Wanted) -> None:
    """Deploy. The CLI itself leaves out functions that have not changed."""
    tools.say("Functions (the first time takes some minutes)")
    deploy = tools.firebase("deploy", "--only", "functions:threads")
    try:
        tools.change(deploy)
    except ToolError as error:
        if CLEANUP_QUESTION not in error.said:
            raise
        # Only now: an operator's own policy is never replaced, because with one the CLI does not ask.
        tools.change(tools.firebase("functions:artifacts:setpolicy", "--location", wanted.region, "--force"))
        tools.change(deploy)


def _say_what_remains(site: Site, advice: Sequence[Gap]) -> None:
    say, url = site.tools.say, site.wanted.url
    for gap in advice:
        say(f"\n! {gap.sentence}")
    say("\nThis is what a deployment would do." if site.tools.is_dry else "\nDeployed.")
    say(
        f"""
In Meta's dashboard, under the Threads use case:

    Redirect callback URLs   {site.settings["THREADS_REDIRECT_URI"]}
    Uninstall callback URL   {url("th_deauthorize")}
    Delete callback URL      {url("th_delete_data")}
    Webhooks                 {url("th_webhook")}
      their verify token     gcloud secrets versions access latest --secret=WEBHOOK_VERIFY_TOKEN \
--project {site.project}

Then:  make doctor PROJECT={site.project}"""
    )


def _missing_settings(there: Mapping[str, str], wanted: Wanted, chosen: argparse.Namespace) -> dict[str, str]:
    """Return the variables that the files lack.

    Raises:
        Stopped: one of them only a person knows, and nobody can be asked.

    """
    made: dict[str, Callable[[], str]] = {
        "THREADS_APP_ID": lambda: _told(chosen.app_id, "APP_ID", "the id of the Threads app"),
        "THREADS_REDIRECT_URI": lambda: wanted.url("th_auth_callback"),
        "THREADS_AUTHORIZE_URL": lambda: settings.AUTHORIZE_URL,
        "ALLOWED_ORIGINS": lambda: _told(chosen.origins, "ORIGINS", ORIGINS_MEANING),
        "CONNECT_MODE": lambda: "confirm",
        **({"SIGN_IN": lambda: "on"} if chosen.sign_in else {}),
        "PUBLISH_QUEUE": lambda: f"projects/{wanted.project}/locations/{wanted.region}/queues/{steps.QUEUE}",
        "PUBLISH_URL": lambda: wanted.url("publish_threads"),
        "TASKS_SERVICE_ACCOUNT": lambda: f"{steps.TASKS_ACCOUNT}@{wanted.project}.iam.gserviceaccount.com",
    }
    return {name: make() for name, make in made.items() if not there.get(name)}


def _told(given: str, variable: str, meaning: str) -> str:
    if given:
        return given
    if not is_answerable():
        raise Stopped(
            f"{meaning[0].upper()}{meaning[1:]} is needed the first time: make deploy … {variable}=…"
        )
    return input(f"{meaning}: ").strip()


def _new_secret(name: str, there: Mapping[str, str], environ: Mapping[str, str]) -> str | None:
    """Return the value for a secret that is not there."""
    makers: Mapping[str, Callable[[], str]] = {
        "TOKEN_KEYS": lambda: f"k1:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}",
        "WEBHOOK_VERIFY_TOKEN": lambda: there.get("WEBHOOK_VERIFY_TOKEN") or secrets.token_urlsafe(),
    }
    if name in makers:
        return makers[name]()
    if value := environ.get(name):
        return value
    which = "the Threads app" if name == "THREADS_APP_SECRET" else "the Facebook app"
    return getpass.getpass(f"{name} ({which}, in Meta's dashboard): ") if is_answerable() else None


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy", description=__doc__)
    parser.add_argument("--project", required=True, help="the Firebase project")
    parser.add_argument("--dry-run", action="store_true", help="show the commands, and change nothing")
    parser.add_argument("--app-id", default="", help="the id of the Threads app, the first time")
    parser.add_argument("--origins", default="", help=f"{ORIGINS_MEANING}, the first time")
    parser.add_argument("--sign-in", action="store_true", help="let users sign in with Threads")
    parser.add_argument("--firebase", default="firebase", help="the Firebase CLI")
    return parser.parse_args(arguments)
