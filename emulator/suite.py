"""Starts the local suite: emulators of Firebase, Threads and Cloud Tasks, the functions and the demo page.

    with Suite(ports=Ports.free(), page=False) as suite:
        requests.get(f"{suite.functions_url}/th_accounts")

Nothing of it reaches beyond this machine, and nothing of it is left when the block ends.
"""

import json
import os
import re
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from subprocess import Popen
from types import TracebackType
from typing import Self

import requests

from emulator import firestore_jar, java, local_secrets, ports
from emulator.console import Console
from emulator.family import Family
from emulator.function_log import FunctionLog
from emulator.ports import HOST, Ports

ROOT = Path(__file__).parent.parent
FIREBASE = ROOT / "emulator" / "node_modules" / ".bin" / "firebase"

PROJECT = "demo-threads"
"""The ``demo-`` keeps the CLI from asking Google for anything."""
REGION = "us-central1"
"""As in functions.yaml."""
APP_ID = "1234567890123456"
QUEUE = f"projects/{PROJECT}/locations/{REGION}/queues/threads-publish"
NEW_CONNECTIONS = ROOT / "emulator" / "new_connections.cjs"
"""What the Firebase CLI loads first."""
QUEUE_FLAGS = ROOT / "queue.yaml"
"""What configures the real queue, too."""
TASKS_SERVICE_ACCOUNT = f"tasks@{PROJECT}.iam.gserviceaccount.com"
"""Whose tokens tasks carry."""

START_SECONDS = 60
"""How long a service may take to answer. The slowest, Auth, takes 8 s on two cores."""
DOWNLOAD_SECONDS = 600
"""The same while the CLI downloads the Firestore emulator, which it does once."""
PULSE_SECONDS = 0.1
HEALTH_SECONDS = 1.0
"""How often a running suite looks whether every port still answers."""
STRAYS_SECONDS = 5.0
TAIL_LINES = 15

_PROBED_FUNCTION = "th_accounts"
"""Answers a GET without parameters, with whatever status."""

# What is left out of the last lines of a log: the CLI's colours, and the frames of its tables.
_COLOUR = re.compile(r"\033\[\d*m")
_FRAME = " ─│┌┐└┘├┤┬┴┼"

_NAMES = {
    "page": "demo page",
    "threads": "Threads emulator",
    "tasks": "Cloud Tasks emulator",
    "tasks_http": "Cloud Tasks emulator's control",
    "functions": "Functions emulator",
    "auth": "Auth emulator",
    "firestore": "Firestore emulator",
}


class SuiteError(Exception):
    """The suite cannot start, or has ended by itself; the message says why, in whole sentences."""


@dataclass(frozen=True)
class _Service:
    """One service: how to see that it is ready, and where it says why it is not."""

    name: str
    program: str
    """What its process is called; the Firebase CLI is the process of several services."""
    port: int
    ready_url: str
    process: Popen[bytes]
    log: Path


class Suite:
    """The services, from ``start`` to ``stop``; as a context manager, for the length of a block."""

    def __init__(  # noqa: PLR0913 - each one has a default
        self,
        *,
        ports: Ports | None = None,
        functions: bool = True,
        page: bool = True,
        webhooks: bool = False,
        environment: Mapping[str, str] | None = None,
        directory: str = "tests",
        console: Console | None = None,
    ) -> None:
        """Describe a suite; nothing is started yet.

        Args:
            ports: where to listen; the usual ports when not given.
            functions: with the functions and the emulators of Threads and Cloud Tasks that they talk
                to; without, Auth and Firestore alone, and no page.
            page: with the demo page.
            webhooks: whether the Threads emulator tells the functions of posts from the start. Tests that
                want it switch it on: a webhook may settle what another test leaves open.
            environment: further variables for the functions, over those that the suite sets.
            directory: the folder of this suite's logs, in ``.emulator``.
            console: where progress and the functions' log lines go; nowhere when not given.

        """
        self.ports = ports or Ports.usual()
        self.project = PROJECT
        self.auth_host = f"{HOST}:{self.ports.auth}"
        self.firestore_host = f"{HOST}:{self.ports.firestore}"
        self.threads_url = f"http://{HOST}:{self.ports.threads}"
        self.tasks_host = f"{HOST}:{self.ports.tasks}"
        self.tasks_url = f"http://{HOST}:{self.ports.tasks_http}"
        self.queue = QUEUE
        """The full name of the queue that publishing uses."""
        self.page_url = f"http://{HOST}:{self.ports.page}"
        self.functions_url = f"http://{HOST}:{self.ports.functions}/{PROJECT}/{REGION}"
        self.app_id = APP_ID
        self.app_secret = ""
        """The Threads app's secret, known once the suite has started."""
        self.logs = ROOT / ".emulator" / directory
        self._wanted = ["auth", "firestore"]
        if functions:
            self._wanted += ["threads", "tasks", "tasks_http", "functions"]
        if functions and page:
            self._wanted += ["page"]
        self._webhooks = webhooks
        self._webhook_verify_token = secrets.token_hex(16)
        self._environment = dict(environment or {})
        self._console = console or Console()
        self._family = Family(ROOT)
        self._services: list[_Service] = []
        self._is_ready = False
        self._started = 0.0
        # The port makes the name this suite's own. Its dot keeps the file out of the emulator's watch.
        self._config = ROOT / f".firebase-{self.ports.auth}.json"
        self._function_log = FunctionLog(self.logs / "firebase.log", self._console)

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point Google's libraries at the emulators."""
        return {
            "FIREBASE_AUTH_EMULATOR_HOST": self.auth_host,
            "FIRESTORE_EMULATOR_HOST": self.firestore_host,
            "GCLOUD_PROJECT": self.project,
        }

    def __enter__(self) -> Self:
        """Start the suite."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.stop()

    def start(self) -> None:
        """Start every service and wait until it answers; the functions must answer a request.

        Raises:
            PortError: a port cannot be had. Nothing was started.
            SuiteError: something is missing, or a service did not start; its last lines are in the
                message. Nothing is left running.

        """
        if ended := self._family.end_earlier():
            self._console.line(f"  Ended {ended} processes that an earlier run left behind.")
        self.ports.check({name: _NAMES[name] for name in self._wanted})
        _require_setup()
        self._started = time.monotonic()
        try:
            self._launch()
            self._await_services()
            if "functions" in self._wanted:
                self._await_functions()
            self._is_ready = True
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End every process of the suite. Harmless when there is none."""
        self._family.end()
        self._config.unlink(missing_ok=True)
        self._services = []
        self._is_ready = False

    def wait(self) -> None:
        """Show the functions' log lines until a service ends.

        Raises:
            SuiteError: always, with the last lines of the service that ended.

        """
        next_health = next_strays = 0.0
        while True:
            self._pulse()
            now = time.monotonic()
            if now >= next_health:
                self._check_ports()
                next_health = now + HEALTH_SECONDS
            if now >= next_strays:
                self._family.end_strays()
                next_strays = now + STRAYS_SECONDS
            time.sleep(PULSE_SECONDS)

    # Starting

    def _launch(self) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        for old in self.logs.glob("*.log"):
            old.unlink()
        environment = {**os.environ, **_no_proxy()}
        if "threads" in self._wanted:
            self.app_secret = local_secrets.read(ROOT)["THREADS_APP_SECRET"]
            self._launch_threads(environment)
            self._launch_tasks(environment)
        if "page" in self._wanted:
            self._launch_page(environment)
        self._launch_firebase(environment)

    def _launch_threads(self, environment: Mapping[str, str]) -> None:
        command = [
            *(sys.executable, "-m", "emulator.threads_api"),
            *("--host", HOST, "--port", str(self.ports.threads)),
            *("--app-id", self.app_id),
            *("--redirect-uri", f"{self.functions_url}/th_auth_callback"),
            *("--deauthorize-url", f"{self.functions_url}/th_deauthorize"),
            *("--delete-url", f"{self.functions_url}/th_delete_data"),
            *("--webhook-url", f"{self.functions_url}/th_webhook"),
            *("--set", f"webhooks={json.dumps(self._webhooks)}"),
        ]
        log = self.logs / "threads.log"
        environment = {
            **environment,
            "THREADS_APP_SECRET": self.app_secret,
            "WEBHOOK_VERIFY_TOKEN": self._webhook_verify_token,
        }
        process = self._family.start(command, environment=environment, directory=ROOT, log=log)
        self._add("threads", f"{self.threads_url}/_emulator/health", process, log)

    def _launch_tasks(self, environment: Mapping[str, str]) -> None:
        command = [
            *(sys.executable, "-m", "emulator.cloud_tasks", "--host", HOST),
            *("--port", str(self.ports.tasks), "--http-port", str(self.ports.tasks_http)),
            *("--queue", self.queue, "--queue-flags", str(QUEUE_FLAGS)),
        ]
        log = self.logs / "tasks.log"
        process = self._family.start(command, environment=environment, directory=ROOT, log=log)
        self._add("tasks", f"{self.tasks_url}/_emulator/health", process, log)

    def _launch_page(self, environment: Mapping[str, str]) -> None:
        command = [
            *(sys.executable, "-m", "emulator.app_server"),
            *("--port", str(self.ports.page), "--project", self.project),
            *("--auth-port", str(self.ports.auth), "--firestore-port", str(self.ports.firestore)),
            *("--functions-url", self.functions_url),
            *("--sign-in", self._functions_environment()["SIGN_IN"]),
        ]
        log = self.logs / "page.log"
        process = self._family.start(command, environment=environment, directory=ROOT, log=log)
        self._add("page", f"{self.page_url}/config.json", process, log)

    def _launch_firebase(self, environment: Mapping[str, str]) -> None:
        found_java = java.find()
        if found_java is None:
            raise SuiteError(f"The Firebase CLI needs Java {java.OLDEST_VERSION} or newer. Run:  make setup")
        self._write_config()
        emulators = ["auth", "firestore"] + (["functions"] if "functions" in self._wanted else [])
        command: list[str | Path] = [
            *(FIREBASE, "emulators:start", "--project", self.project),
            *("--only", ",".join(emulators), "--config", self._config),
        ]
        process = self._family.start(
            command,
            environment={
                **environment,
                **self._functions_environment(),
                **_firestore_jar_variable(),
                "PATH": os.pathsep.join([str(found_java.parent), environment.get("PATH", os.defpath)]),
                "NODE_OPTIONS": " ".join(
                    [environment.get("NODE_OPTIONS", ""), f"--require={json.dumps(str(NEW_CONNECTIONS))}"]
                ).strip(),
            },
            # The CLI and Java write their debug logs to the folder they run in.
            directory=self.logs,
            log=self.logs / "firebase.log",
        )
        self._add("firestore", f"http://{self.firestore_host}/", process, self.logs / "firebase.log")
        self._add("auth", f"http://{self.auth_host}/", process, self.logs / "firebase.log")

    def _functions_environment(self) -> dict[str, str]:
        """Return what the Functions emulator hands on to the functions."""
        return {
            "THREADS_APP_ID": self.app_id,
            "THREADS_REDIRECT_URI": f"{self.functions_url}/th_auth_callback",
            "THREADS_AUTHORIZE_URL": f"{self.threads_url}/oauth/authorize",
            "THREADS_GRAPH_URL": self.threads_url,
            # What the README recommends, and everything there is.
            "CONNECT_MODE": "confirm",
            "SIGN_IN": "on",
            "WEBHOOK_VERIFY_TOKEN": self._webhook_verify_token,
            "PUBLISH_QUEUE": self.queue,
            "PUBLISH_URL": f"{self.functions_url}/publish_threads",
            # The Functions emulator counts the triggers of a function with a schedule.
            "REFRESH_URL": f"{self.functions_url}/th_refresh_tokens-0",
            "TASKS_SERVICE_ACCOUNT": TASKS_SERVICE_ACCOUNT,
            "TASKS_ISSUER": self.tasks_url,
            "TASKS_CERTS_URL": f"{self.tasks_url}/certs",
            "TASKS_API_URL": f"http://{self.tasks_host}",
            "ALLOWED_ORIGINS": f"{self.page_url},http://localhost:{self.ports.page}",
            **self._environment,
        }

    def _write_config(self) -> None:
        """Write firebase.json with this suite's ports: the CLI takes them from its config file alone."""
        config = json.loads((ROOT / "firebase.json").read_text(encoding="utf-8"))
        for name in ("auth", "firestore", "functions"):
            config["emulators"][name] = {"host": HOST, "port": asdict(self.ports)[name]}
        # Left to itself, the CLI looks for these from the same number on: two that start together collide.
        config["emulators"]["hub"], config["emulators"]["logging"], websocket = (
            {"host": HOST, "port": port} for port in ports.free(3)
        )
        config["emulators"]["firestore"]["websocketPort"] = websocket["port"]
        self._config.write_text(json.dumps(config, indent=2), encoding="utf-8")

    def _add(self, name: str, ready_url: str, process: Popen[bytes], log: Path) -> None:
        port = asdict(self.ports)[name]
        program = _NAMES[name] if name in {"threads", "tasks", "page"} else "Firebase CLI"
        self._services.append(_Service(_NAMES[name], program, port, ready_url, process, log))

    # Waiting

    def _await_services(self) -> None:
        waiting = list(self._services)
        while waiting:
            self._pulse()
            seconds = self._seconds()
            for service in [service for service in waiting if _answers(service.ready_url)]:
                waiting.remove(service)
                self._report_ready(service.name)
            if waiting and seconds > _patience():
                raise SuiteError(
                    _with_tail(
                        f"The {waiting[0].name} does not answer after {seconds:.0f} s.", waiting[0].log
                    )
                )
            self._report_waiting([service.name for service in waiting])
            time.sleep(PULSE_SECONDS)

    def _await_functions(self) -> None:
        """Wait for the answer to a request, which starts the first function's process."""
        log = self.logs / "firebase.log"
        # In a thread, because the emulator holds a request until the function is up, which it may
        # never be; what goes wrong meanwhile must be noticed.
        with ThreadPoolExecutor(max_workers=1) as thread:
            asked = thread.submit(_first_status, f"{self.functions_url}/{_PROBED_FUNCTION}")
            try:
                self._await_answer(asked, log)
            except BaseException:
                self._family.end()  # and with it the connection that the thread waits for
                raise
        status = asked.result()
        self._pulse()
        if status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            answer = f"answer with status {status}" if status else f"do not answer within {START_SECONDS} s"
            raise SuiteError(_with_tail(f"The functions {answer}.", log))
        self._report_ready("functions")
        process = next(service.process for service in self._services if service.log == log)
        self._add("functions", self.functions_url, process, log)

    def _await_answer(self, asked: Future[int | None], log: Path) -> None:
        while not asked.done():
            self._pulse()
            self._report_waiting(["functions"])
            if (failure := self._function_log.failure) is not None:
                time.sleep(HEALTH_SECONDS)  # for the rest of a traceback
                raise SuiteError(_with_tail(f"The functions cannot start: {failure}.", log))
            time.sleep(PULSE_SECONDS)

    def _pulse(self) -> None:
        """Read new log lines, and notice a process that has ended."""
        for line in self._function_log.new_lines():
            if self._is_ready:
                self._console.line(line)
        for service in self._services:
            if (status := service.process.poll()) is not None:
                how = f"signal {-status}" if status < 0 else f"status {status}"
                raise SuiteError(_with_tail(f"The {service.program} has ended ({how}).", service.log))

    def _check_ports(self) -> None:
        for service in self._services:
            if not ports.answers(service.port):
                raise SuiteError(_with_tail(f"The {service.name} has ended.", service.log))

    def _report_ready(self, name: str) -> None:
        self._console.line(f"  {self._console.good('✓')} {name:<20}{self._seconds():5.1f} s")

    def _report_waiting(self, names: list[str]) -> None:
        if names:
            self._console.status(self._console.quiet(f"  … {', '.join(names)}  {self._seconds():.0f} s"))

    def _seconds(self) -> float:
        return time.monotonic() - self._started


def _require_setup() -> None:
    missing = [path for path in (ROOT / "venv", FIREBASE) if not path.exists()]
    if missing:
        raise SuiteError(f"{missing[0].relative_to(ROOT)} is missing. Run:  make setup")


def _firestore_jar_variable() -> dict[str, str]:
    jar = firestore_jar.for_cli(ROOT / ".emulator" / "firestore.jar")
    return {} if jar is None else {firestore_jar.VARIABLE: str(jar)}


def _no_proxy() -> dict[str, str]:
    """Return what keeps a proxy, set for the outside world, out of calls on this machine."""
    return {"NO_PROXY": f"{HOST},localhost", "no_proxy": f"{HOST},localhost"}


def _patience() -> int:
    on_disk = firestore_jar.in_cache(os.environ) or firestore_jar.find_component(os.environ)
    return START_SECONDS if on_disk else DOWNLOAD_SECONDS


def _answers(url: str) -> bool:
    status = _status(url, timeout=1)
    return status is not None and status < HTTPStatus.BAD_REQUEST


def _status(url: str, *, timeout: float) -> int | None:
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(url, timeout=timeout, allow_redirects=False).status_code
        except requests.RequestException:
            return None


def _first_status(url: str) -> int | None:
    """Return the status of the first answer from a function, None when there is none in time."""
    deadline = time.monotonic() + START_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        status = _status(url, timeout=left)
        # 404 is the emulator's own, before it has read functions.yaml.
        if status != HTTPStatus.NOT_FOUND:
            return status
        time.sleep(PULSE_SECONDS)
    return None


def _with_tail(sentence: str, log: Path) -> str:
    return "\n".join([sentence, f"The last lines of {log.relative_to(ROOT)}:", "", *_tail(log)])


def _tail(log: Path) -> Iterator[str]:
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    lines = [line for line in _COLOUR.sub("", text).splitlines() if line.strip(_FRAME)]
    yield from (f"    {line}" for line in lines[-TAIL_LINES:])
