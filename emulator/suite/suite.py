"""Starts the services of a suite, watches them, and ends them.

    with Suite(ports=Ports.free(), page=False) as suite:
        requests.get(f"{suite.functions_url}/th_accounts")

No service can be reached from another machine, and none is left when the block ends.
"""

import json
import os
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path
from subprocess import Popen
from types import TracebackType
from typing import Self

from emulator.suite import commands, java, local_secrets, ports
from emulator.suite.addresses import Addresses
from emulator.suite.family import Family
from emulator.suite.function_log import FunctionLog
from emulator.suite.paths import FIREBASE, ROOT
from emulator.suite.ports import Ports
from emulator.suite.probe import first_status, is_ready, with_tail
from emulator.suite.scheduler import Scheduler
from emulator.suite.terminal import Terminal

START_SECONDS = 600
"""How long a service may take until it answers. Auth takes 8 s on two cores, and over three minutes on a very
busy machine, or while the CLI downloads the Firestore emulator. That a process has ended is seen at once."""

PULSE_SECONDS = 0.1

HEALTH_SECONDS = 1.0
"""How often a running suite checks that every port still answers."""

STRAYS_SECONDS = 5.0
"""How often a running suite ends processes that a reload of the functions left behind."""

_PROBED_FUNCTION = "th_accounts"
"""Answers a GET without parameters."""

_NAMES = {
    "page": "console",
    "threads": "Threads emulator",
    "tasks": "Cloud Tasks emulator",
    "tasks_http": "Cloud Tasks emulator's control",
    "functions": "Functions emulator",
    "auth": "Auth emulator",
    "firestore": "Firestore emulator",
}


class SuiteError(Exception):
    """The suite cannot start, or a service has ended. The message says why, in whole sentences."""


@dataclass(frozen=True)
class _Service:
    """A service that was started."""

    name: str
    program: str
    """The name of its process. The Firebase CLI is the process of several services."""
    port: int
    ready_url: str
    """Answers without an error once the service is ready."""
    process: Popen[bytes]
    log: Path


class Suite(Addresses):
    """The services, from ``start`` to ``stop``. As a context manager they run for the length of the block."""

    def __init__(  # noqa: PLR0913 - each one has a default
        self,
        *,
        ports: Ports | None = None,
        functions: bool = True,
        page: bool = True,
        webhooks: bool = False,
        environment: Mapping[str, str] | None = None,
        directory: str = "tests",
        ui: int | None = None,
        terminal: Terminal | None = None,
    ) -> None:
        """Describe a suite. Nothing is started yet.

        Args:
            ports: where to listen; by default on the usual ports.
            functions: whether to start the functions, and the Threads and Cloud Tasks emulators that they
                need. Without them only Auth and Firestore start.
            page: whether to start the console, which needs the functions.
            webhooks: whether the Threads emulator sends webhooks from the start. Tests usually do without:
                a webhook may settle a post that the test of another one leaves open.
            environment: further variables for the functions. They override those of the suite.
            directory: the folder for the logs of this suite, in ``.emulator``.
            ui: the port of Firebase's Emulator UI; by default it is not started.
            terminal: where progress and log lines of the functions are written; by default nowhere.

        """
        super().__init__(ports or Ports.usual())
        self.app_secret = ""
        """The secret of the Threads app. The start sets it."""
        self.logs = ROOT / ".emulator" / directory
        self._wanted = ["auth", "firestore"]
        if functions:
            self._wanted += ["threads", "tasks", "tasks_http", "functions"]
        if functions and page:
            self._wanted += ["page"]
        self._webhooks = webhooks
        self._ui = ui
        self._functions_environment = {
            **commands.functions_environment(self),
            **(environment or {}),
        }
        self._terminal = terminal or Terminal()
        self._family = Family(ROOT)
        self._services: list[_Service] = []
        self._is_ready = False
        self._started = 0.0
        # The port makes the name unique. Because of the dot the Functions emulator does not watch the file.
        self._config = ROOT / f".firebase-{self.ports.auth}.json"
        self._firebase_log = self.logs / "firebase.log"
        self._function_log = FunctionLog(self._firebase_log, self._terminal)

    def __enter__(self) -> Self:
        """Start the suite."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the suite."""
        self.stop()

    def start(self) -> None:
        """Start every service, and wait until each one answers; the functions must answer a request.

        Raises:
            PortError: a port is taken. Nothing was started.
            SuiteError: the setup is missing, or a service did not start. The message quotes its log. Nothing
                is left running.

        """
        if ended := self._family.end_earlier():
            self._terminal.line(f"  Ended {ended} processes that an earlier run left behind.")
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
        """End every process of the suite. It does no harm if there is none."""
        self._family.end()
        self._config.unlink(missing_ok=True)
        self._services = []
        self._is_ready = False

    def wait(self) -> None:
        """Show the log lines of the functions, and call those that have a schedule, until a service ends.

        Raises:
            SuiteError: always. The message quotes the log of the service that ended.

        """
        next_health = next_strays = 0.0
        scheduler = Scheduler(self) if "functions" in self._wanted else None
        while True:
            self._pulse()
            if scheduler:
                scheduler.call_due()
            now = time.monotonic()
            if now >= next_health:
                self._check_ports()
                next_health = now + HEALTH_SECONDS
            if now >= next_strays:
                self._family.end_strays()
                next_strays = now + STRAYS_SECONDS
            time.sleep(PULSE_SECONDS)

    # ---- starting

    def _launch(self) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        for old in self.logs.glob("*.log"):
            old.unlink()
        if "threads" in self._wanted:
            self._launch_threads(local_secrets.read(ROOT))
            process, log = self._run(commands.tasks_emulator(self), "tasks.log")
            self._add("tasks", f"{self.tasks_url}/_emulator/health", process, log)
        if "page" in self._wanted:
            sign_in = self._functions_environment["SIGN_IN"]
            command = commands.page_server(self, sign_in=sign_in, log=self._firebase_log)
            process, log = self._run(command, "page.log")
            self._add("page", f"{self.page_url}/config.json", process, log)
        self._launch_firebase()

    def _launch_threads(self, known: Mapping[str, str]) -> None:
        self.app_secret = known["THREADS_APP_SECRET"]
        shared = {name: known[name] for name in ("THREADS_APP_SECRET", "WEBHOOK_VERIFY_TOKEN")}
        command = commands.threads_emulator(self, webhooks=self._webhooks)
        process, log = self._run(command, "threads.log", shared)
        self._add("threads", f"{self.threads_url}/_emulator/health", process, log)

    def _launch_firebase(self) -> None:
        found_java = java.find()
        if found_java is None:
            raise SuiteError(f"The Firebase CLI needs Java {java.OLDEST_VERSION} or newer. Run:  make setup")
        config = commands.firebase_config(self.ports, ui=self._ui)
        self._config.write_text(json.dumps(config, indent=2), encoding="utf-8")
        process, log = self._run(
            commands.firebase(self, self._config, functions="functions" in self._wanted),
            self._firebase_log.name,
            {**self._functions_environment, **commands.firebase_environment(os.environ, found_java)},
            # The CLI and Java write debug logs into the folder in which they run.
            directory=self.logs,
        )
        self._add("firestore", f"http://{self.firestore_host}/", process, log)
        self._add("auth", f"http://{self.auth_host}/", process, log)

    def _run(
        self,
        command: commands.Command,
        log_name: str,
        variables: Mapping[str, str] | None = None,
        *,
        directory: Path = ROOT,
    ) -> tuple[Popen[bytes], Path]:
        log = self.logs / log_name
        environment = {**os.environ, **commands.no_proxy(), **(variables or {})}
        return self._family.start(command, environment=environment, directory=directory, log=log), log

    def _add(self, name: str, ready_url: str, process: Popen[bytes], log: Path) -> None:
        program = _NAMES[name] if name in {"threads", "tasks", "page"} else "Firebase CLI"
        port = asdict(self.ports)[name]
        self._services.append(_Service(_NAMES[name], program, port, ready_url, process, log))

    # ---- waiting

    def _await_services(self) -> None:
        waiting = list(self._services)
        while waiting:
            self._pulse()
            seconds = self._seconds()
            for service in [service for service in waiting if is_ready(service.ready_url)]:
                waiting.remove(service)
                self._report_ready(service.name)
            if waiting and seconds > START_SECONDS:
                late = waiting[0]
                raise SuiteError(
                    with_tail(f"The {late.name} does not answer after {seconds:.0f} s.", late.log)
                )
            self._report_waiting([service.name for service in waiting])
            time.sleep(PULSE_SECONDS)

    def _await_functions(self) -> None:
        """Wait for the answer to a request, which starts the process of the first function."""
        # In a thread: the emulator holds the request until the function runs, which may never happen.
        # Meanwhile this thread notices errors.
        with ThreadPoolExecutor(max_workers=1) as thread:
            asked = thread.submit(first_status, f"{self.functions_url}/{_PROBED_FUNCTION}", START_SECONDS)
            try:
                self._await_answer(asked)
            except BaseException:
                self._family.end()  # This ends the request for which the thread waits.
                raise
        status = asked.result()
        self._pulse()
        if status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            answer = f"answer with status {status}" if status else f"do not answer within {START_SECONDS} s"
            raise SuiteError(with_tail(f"The functions {answer}.", self._firebase_log))
        self._report_ready("functions")
        process = next(service.process for service in self._services if service.log == self._firebase_log)
        self._add("functions", self.functions_url, process, self._firebase_log)

    def _await_answer(self, asked: Future[int | None]) -> None:
        while not asked.done():
            self._pulse()
            self._report_waiting(["functions"])
            if (failure := self._function_log.failure) is not None:
                time.sleep(HEALTH_SECONDS)  # for the rest of a traceback
                raise SuiteError(with_tail(f"The functions cannot start: {failure}.", self._firebase_log))
            time.sleep(PULSE_SECONDS)

    def _pulse(self) -> None:
        """Read new log lines, and raise SuiteError if a process has ended."""
        for line in self._function_log.new_lines():
            if self._is_ready:
                self._terminal.line(line)
        for service in self._services:
            if (status := service.process.poll()) is not None:
                how = f"signal {-status}" if status < 0 else f"status {status}"
                raise SuiteError(with_tail(f"The {service.program} has ended ({how}).", service.log))

    def _check_ports(self) -> None:
        for service in self._services:
            if not ports.answers(service.port):
                raise SuiteError(with_tail(f"The {service.name} has ended.", service.log))

    def _report_ready(self, name: str) -> None:
        self._terminal.line(f"  {self._terminal.good('✓')} {name:<20}{self._seconds():5.1f} s")

    def _report_waiting(self, names: list[str]) -> None:
        if names:
            self._terminal.status(self._terminal.quiet(f"  … {', '.join(names)}  {self._seconds():.0f} s"))

    def _seconds(self) -> float:
        return time.monotonic() - self._started


def _require_setup() -> None:
    missing = [path for path in (ROOT / "venv", FIREBASE) if not path.exists()]
    if missing:
        raise SuiteError(f"{missing[0].relative_to(ROOT)} is missing. Run:  make setup")
