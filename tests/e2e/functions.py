"""The functions as processes of their own, as Cloud Run starts them: ``functions-framework --target``."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Any, Self

import requests
import yaml

from emulator.suite.ports import HOST, Ports, answers
from tests import openapi
from tests.e2e import canary

ROOT = Path(__file__).parent.parent.parent
START_SECONDS = 60


def kept_from(target: str) -> set[str]:
    """Return the secrets that functions.yaml gives to other functions only."""
    endpoints = yaml.safe_load((ROOT / "functions.yaml").read_text(encoding="utf-8"))["endpoints"]
    keys = {
        name: {secret["key"] for secret in endpoint.get("secretEnvironmentVariables", ())}
        for name, endpoint in endpoints.items()
    }
    return set().union(*keys.values()) - keys.get(target, set())


class Function:
    """One function in one process, from the beginning of a ``with`` block to its end."""

    def __init__(self, target: str, environment: Mapping[str, str], *, port: int | None = None) -> None:
        """Take the function's name, its whole configuration (only PATH is added), and where it listens."""
        self.target = target
        self.port = port or Ports.free().functions
        self.url = f"http://{HOST}:{self.port}/"
        given = {name: value for name, value in environment.items() if name not in kept_from(target)}
        self._environment = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", **given}
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        """Start the process and wait until it listens."""
        self._log = self._stack.enter_context(TemporaryFile())
        port = self.port
        program = Path(sys.executable).parent / "functions-framework"
        self._process = subprocess.Popen(  # noqa: S603 - our own command
            [program, "--target", self.target, "--host", HOST, "--port", str(port)],
            cwd=ROOT,
            env=self._environment,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._stack.callback(self._end)
        ends = time.monotonic() + START_SECONDS
        while not answers(port):
            if self._process.poll() is not None or time.monotonic() > ends:
                text = self.log()
                self._stack.close()
                raise RuntimeError(f"{self.target} did not start:\n{text}")
            time.sleep(0.02)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the process; fail when it has logged a secret."""
        log = self.log()
        self._stack.close()
        if error is None:
            canary.check_log(self.target, log)

    @property
    def pid(self) -> int:
        """The process, whose child serves the requests."""
        return self._process.pid

    def log(self) -> str:
        """Return everything that the process has printed."""
        return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0).decode(errors="replace")

    def log_lines(self) -> list[dict[str, Any]]:
        """Return its log lines."""
        return [json.loads(line) for line in self.log().splitlines() if line.startswith("{")]

    def request(self, method: str, *, timeout: float = 60, **options: Any) -> requests.Response:
        """Send it a request. Redirects are not followed.

        An answer with a secret in it fails the test, and so does one that docs/openapi.yaml does not promise.
        """
        answer = requests.request(method, self.url, allow_redirects=False, timeout=timeout, **options)
        canary.check_answer(self.target, answer.headers, answer.text)
        openapi.check_answer(self.target, method, answer.status_code, answer.headers, answer.text)
        return answer

    def get(self, **options: Any) -> requests.Response:
        """Send it a GET."""
        return self.request("GET", **options)

    def post(self, **options: Any) -> requests.Response:
        """Send it a POST."""
        return self.request("POST", **options)

    def _end(self) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
