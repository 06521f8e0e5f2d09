"""Says what is wrong with a configuration, a project or a running deployment, and what to do about it.

    make doctor PROJECT=my-app               a project, its configuration and its functions
    make doctor CONFIG=.env.my-app           a file alone, without a network
    make doctor URL=https://…/               running functions alone
    make doctor CODE=1349168                 what Threads shows on its own page

Silence and status 0: nothing is wrong. Status 1: each line is one thing to do. Status 2: nothing is wrong
with what could be seen, but something could not be, and the lines say what.
"""

import argparse
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

from deploy import settings, steps
from deploy.command import PLACEHOLDERS, environment_files
from deploy.http import Answer, app_is_known, fetch, rules_in_force
from deploy.pages import PAGES, THREADS_APP, explain
from deploy.steps import Site
from deploy.tools import ToolError, Tools
from deploy.wanted import Wanted
from threads.base.config import read_config
from threads.base.errors import ConfigurationError

CLOCKS_APART = timedelta(seconds=30)
"""From here on, tokens of this machine and of Google no longer fit together."""

CALLED_BY_META = ("th_deauthorize", "th_delete_data", "th_webhook")

SECRETS = ("THREADS_APP_SECRET", "TOKEN_KEYS")

DERIVED = {"DATA_DELETION_URL", "REFRESH_URL"}
"""Follow from other URLs, and are missing only if one of those is wrong."""

Now = Callable[[], datetime]


class Findings:
    """What is wrong, and what could not be seen."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.wrong: list[str] = []
        self.unseen: list[str] = []

    @property
    def number(self) -> int:
        """How many sentences there are."""
        return len(self.wrong) + len(self.unseen)

    def seen(self, what: str, look: Callable[[], Iterator[str]]) -> None:
        """Note what a look finds, or that it could not be taken."""
        try:
            for sentence in look():
                if sentence not in self.wrong:
                    self.wrong.append(sentence)
        except ToolError as error:
            reason = error.said.splitlines()[0] if error.said else "no answer"
            self.unseen.append(f"Not checked: {what} ({reason}).")


def main(arguments: Sequence[str], environ: Mapping[str, str], now: Now = lambda: datetime.now(UTC)) -> int:
    """Look, and return the exit status."""
    chosen = _arguments(arguments)
    if chosen.explain:
        print(explain(chosen.explain) or f"Known are: {', '.join(PAGES)}.")  # noqa: T201 - the answer
        return 0
    found = Findings()
    url = chosen.url
    if chosen.project:
        doctor = _ProjectDoctor(chosen, environ, found)
        doctor.look()
        url = url or doctor.url
    elif chosen.config:
        values = settings.read(Path(".env"), Path(chosen.config))
        found.seen("the file", lambda: file_is_right(values, Wanted(_project_of(chosen.config))))
    if url:
        found.seen(f"what answers at {url}", lambda: deployment_is_right(url, now))
    for line in (*found.wrong, *found.unseen):
        print(f"✗ {line}")  # noqa: T201 - the answer
    return 1 if found.wrong else 2 if found.unseen else 0


# --- a configuration ----------------------------------------------------------------------------------------


def file_is_right(values: Mapping[str, str], wanted: Wanted) -> Iterator[str]:
    """Yield what is wrong with a file of variables, which may not hold the secrets."""
    for name in (*SECRETS, "WEBHOOK_VERIFY_TOKEN", "META_APP_SECRET"):
        if name in values:
            yield f"{name} stands in a file that may be committed: it belongs into Secret Manager."
    yield from configuration_is_right({**PLACEHOLDERS, **values}, wanted)


def configuration_is_right(values: Mapping[str, str], wanted: Wanted) -> Iterator[str]:
    """Yield what is wrong with a deployment's whole configuration."""
    astray = list(_addresses_are_right(values, wanted))
    yield from astray
    try:
        read_config({"K_SERVICE": "publish-threads", **values})
    except ConfigurationError as error:
        for name, text in error.mistakes.items():
            if not (astray and name in DERIVED):
                yield f"{name} {text}. docs/configuration.md says what it means."
    app_id = values.get("THREADS_APP_ID", "")
    if app_id and not re.fullmatch(r"\d{5,20}", app_id):
        yield f"THREADS_APP_ID is {app_id!r}, but an app's id is a number ({THREADS_APP})."
    if not values.get("ALLOWED_ORIGINS"):
        yield "ALLOWED_ORIGINS is not set, so no page can call the functions: name your web app's origin."
    if not values.get("THREADS_AUTHORIZE_URL"):
        yield (
            "THREADS_AUTHORIZE_URL is not set, so the window opens at www.threads.net, which redirects to"
            f" threads.com and loses its query for some people: set {settings.AUTHORIZE_URL}."
        )
    threads = values.get("THREADS", "")
    concurrency = {str(it["concurrency"]) for it in wanted.endpoints.values()}
    if threads not in concurrency:
        yield f"THREADS is {threads or 'not set'}, and not functions.yaml's concurrency, {concurrency.pop()}."


def _addresses_are_right(values: Mapping[str, str], wanted: Wanted) -> Iterator[str]:
    """Yield which URL or name leads to another deployment than this one."""
    for name, function in (("THREADS_REDIRECT_URI", "th_auth_callback"), ("PUBLISH_URL", "publish_threads")):
        value, right = values.get(name, ""), wanted.url(function)
        is_own_domain = "cloudfunctions.net" not in value and value.endswith(f"/{function}")
        if value and value != right and not is_own_domain:
            told = "in Meta's dashboard, too" if function == "th_auth_callback" else "in the next deployment"
            yield f"{name} is {value!r}, but here it is {right!r}: write it so, byte for byte, {told}."
    queue = values.get("PUBLISH_QUEUE", "")
    if not queue:
        yield "PUBLISH_QUEUE is not set, so nothing can be scheduled: make deploy makes a queue."
    elif f"/locations/{wanted.region}/" not in queue:
        yield f"PUBLISH_QUEUE is in another region than the functions, which are in {wanted.region}: {queue}."
    elif not queue.startswith(f"projects/{wanted.project}/"):
        yield f"PUBLISH_QUEUE is in another project than {wanted.project}: {queue}."


def _project_of(config: str) -> str:
    """Return the project that the name of a file ends with."""
    return Path(config).name.removeprefix(".env.")


# --- a project ----------------------------------------------------------------------------------------------


class _ProjectDoctor:
    """Looks at a project with gcloud and the Firebase CLI. Nothing is changed."""

    def __init__(self, chosen: argparse.Namespace, environ: Mapping[str, str], found: Findings) -> None:
        self._environ = environ
        self._found = found
        self._tools = Tools(chosen.project, firebase_path=chosen.firebase)
        self._wanted = Wanted(chosen.project)
        self._files = settings.read(*environment_files(self._wanted.root, chosen.project))
        self._site = Site(
            self._tools,
            self._wanted,
            self._files,
            new_secret=lambda _: "",
            read_rules=lambda: rules_in_force(self._tools, environ),
        )
        self._deployed: list[dict[str, Any]] = []

    @property
    def _again(self) -> str:
        return f"Run:  make deploy PROJECT={self._wanted.project}"

    @property
    def url(self) -> str:
        """Where the functions answer; empty if none is deployed."""
        return self._wanted.url("") if self._deployed else ""

    def look(self) -> None:
        """Look at every step, at the functions, and at what they are configured with."""
        for title, step in steps.STEPS.items():
            before = self._found.number
            self._found.seen(title.lower(), lambda step=step: self._sentences(step))  # type: ignore[misc]
            if (
                title in {"Signed in", "Project"}
                and len(self._found.wrong) + len(self._found.unseen) > before
            ):
                return
        self._found.seen("the functions", self._functions_are_right)
        self._found.seen("the schedules", self._schedules_are_right)
        self._found.seen("the configuration", self._configuration_is_right)
        self._found.seen("the app at Threads", self._app_is_right)

    def _sentences(self, step: steps.Look) -> Iterator[str]:
        for gap in step(self._site):
            yield f"{gap.sentence} {self._again}" if gap.commands else gap.sentence

    def _functions_are_right(self) -> Iterator[str]:
        listed = self._tools.ask("functions", "list", "--v2") or []
        # The app may have functions of its own.
        there = {
            name: it for it in listed if (name := it["name"].rpartition("/")[2]) in self._wanted.endpoints
        }
        self._deployed = [*there.values()]
        if missing := [name for name in self._wanted.endpoints if name not in there]:
            yield f"Not deployed: {', '.join(missing)}. {self._again}"
        for name in there:
            region = there[name]["name"].split("/")[3]
            account = there[name]["serviceConfig"].get("serviceAccountEmail")
            if region != self._wanted.region:
                yield (
                    f"Functions are deployed in {region}, but functions.yaml says {self._wanted.region}:"
                    " Meta's dashboard, the redirect URI and the queue name a region, so change it back."
                )
            if account != self._wanted.account:
                yield f"Functions run as {account}, and not as {self._wanted.account}. {self._again}"

    def _schedules_are_right(self) -> Iterator[str]:
        jobs = self._tools.ask("scheduler", "jobs", "list", f"--location={self._wanted.region}") or []
        states = {it["name"].rpartition("/")[2]: it.get("state") for it in jobs}
        wanted = {f"firebase-schedule-{name}-{self._wanted.region}": name for name in self._wanted.scheduled}
        if missing := [name for job, name in wanted.items() if job not in states]:
            yield f"Cloud Scheduler does not call {', '.join(missing)}. {self._again}"
        if resting := [job for job in wanted if states.get(job, "ENABLED") != "ENABLED"]:
            yield f"Jobs of Cloud Scheduler are paused: {', '.join(resting)}. Resume them in the console."

    def _configuration_is_right(self) -> Iterator[str]:
        yield from configuration_is_right({**PLACEHOLDERS, **self._values()}, self._wanted)
        deployed = self._variables()
        changed = [name for name, value in self._files.items() if deployed and deployed.get(name) != value]
        if changed:
            yield (f"The files say something else than what is deployed: {', '.join(changed)}. {self._again}")

    def _app_is_right(self) -> Iterator[str]:
        values = self._values()
        graph = self._environ.get("THREADS_GRAPH_URL") or values.get("THREADS_GRAPH_URL")
        app_id, secret = values.get("THREADS_APP_ID"), values.get("THREADS_APP_SECRET")
        if app_id and secret and not app_is_known(graph, app_id, secret):
            yield (
                "Threads does not accept THREADS_APP_ID with THREADS_APP_SECRET: both must be the *Threads*"
                f" app's ({THREADS_APP}), and not the Facebook app's."
            )

    def _variables(self) -> dict[str, str]:
        """Return the variables of the deployed functions."""
        return next((dict(it["serviceConfig"].get("environmentVariables", {})) for it in self._deployed), {})

    def _values(self) -> dict[str, str]:
        """Return what is deployed, or else what the files say, with the secrets. Raises ToolError."""
        secrets = {}
        for name in SECRETS:
            command = self._tools.gcloud("secrets", "versions", "access", "latest", f"--secret={name}")
            try:
                secrets[name] = self._tools.read(command).strip()
            except ToolError as error:
                if not error.is_not_found:  # that was said already
                    raise
        return {**(self._variables() or self._files), **secrets}


# --- running functions --------------------------------------------------------------------------------------


def deployment_is_right(url: str, now: Now) -> Iterator[str]:
    """Yield what is wrong with running functions, as a stranger sees them."""
    base = url.rstrip("/")
    answer = fetch("GET", f"{base}/th_accounts")
    yield from _speaks(answer, f"{base}/th_accounts", HTTPStatus.UNAUTHORIZED)
    if said := answer.headers.get("Date"):
        apart = abs(parsedate_to_datetime(said) - now())
        if apart > CLOCKS_APART:
            yield (
                f"This machine's clock and Google's are {apart.total_seconds():.0f} s apart: set it, or"
                " tokens that are made here are not valid."
            )
    if answer.error_code != "unauthenticated":
        return
    callback = f"{base}/th_auth_callback"
    yield from _speaks(fetch("GET", callback), callback, HTTPStatus.BAD_REQUEST)
    for name in CALLED_BY_META:
        if fetch("POST", f"{base}/{name}").status == HTTPStatus.NOT_FOUND:
            yield f"Nothing answers at {base}/{name}, which Meta calls: deploy it, or correct the URL."
    for name in ("th_refresh_tokens", "th_upkeep"):
        if fetch("POST", f"{base}/{name}").error_code:
            yield f"{name} is public, so anybody can start it: take allUsers from its invokers."


def _speaks(answer: Answer, url: str, expected: HTTPStatus) -> Iterator[str]:
    """Yield why an answer is not the function's own."""
    if answer.status == expected:
        return
    if answer.status == HTTPStatus.NOT_FOUND:
        yield f"There is no function at {url}: look at the project, the region and the spelling."
    elif answer.status == HTTPStatus.FORBIDDEN:
        yield (
            f"Cloud Run lets nobody call {url}: deploy again, or, if your organization forbids public"
            " functions, do what docs/deploy.md says about it."
        )
    else:
        yield f"{url} answers {answer.status}: firebase functions:log says why the function does not start."


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.doctor", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--project", default="", help="look at a project and its functions")
    parser.add_argument("--config", default="", help="look at a file with variables, without a network")
    parser.add_argument("--url", default="", help="look at running functions: the URL up to their names")
    parser.add_argument("--explain", default="", help="explain what Threads shows on its own page")
    parser.add_argument("--firebase", default="firebase", help="the Firebase CLI")
    chosen = parser.parse_args(arguments)
    if not (chosen.project or chosen.config or chosen.url or chosen.explain):
        parser.error("Name what to look at:  make doctor PROJECT=…, CONFIG=…, URL=… or CODE=…")
    return chosen


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
