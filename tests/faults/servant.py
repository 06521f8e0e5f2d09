"""The function's own process, which is killed and followed by the next one on the same port."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

from emulator.suite.ports import HOST, answers, free
from tests.e2e.functions import ROOT

START_SECONDS = 120
LOOK_SECONDS = 0.01


class Servant:
    """The function at one address, whichever process serves it; the next one waits with everything loaded."""

    def __init__(self, calls: Path) -> None:
        """Choose the port; ``calls`` is where each call to Firestore adds a letter."""
        [self._port] = free(1)
        self.url = f"http://{HOST}:{self._port}/"
        self._calls = calls
        self._environment: dict[str, str] = {}
        self._stack = ExitStack()
        self._serving: subprocess.Popen[bytes] | None = None
        self._next: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        """Open the log; ``start`` comes when the other services' addresses are known."""
        self._log = self._stack.enter_context(TemporaryFile())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End every process."""
        for process in (self._serving, self._next):
            if process:
                _kill(process)
        self._stack.close()

    def start(self, environment: Mapping[str, str]) -> None:
        """Begin to serve, with nothing of the environment here but PATH."""
        self._environment = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1", **environment}
        self.prepare()
        self.succeed()

    def kill(self) -> None:
        """End the process as ``kill -9`` does, in the middle of whatever it is doing."""
        if self._serving:
            _kill(self._serving)

    def succeed(self) -> None:
        """Let the next process listen, wait until it does, and prepare the one after it."""
        process, self._next = self._next, None
        if process is None or process.stdin is None:
            raise RuntimeError("there is no next process")
        self._serving = process
        process.stdin.write(b"\n")
        process.stdin.close()
        ends = time.monotonic() + START_SECONDS
        while not answers(self._port):
            if process.poll() is not None or time.monotonic() > ends:
                raise RuntimeError(f"the function did not start:\n{self.log()}")
            time.sleep(LOOK_SECONDS)

    def prepare(self) -> None:
        """Load the process that follows."""
        self._next = self._next or self._prepared()

    def log(self) -> str:
        """Return what the processes have printed."""
        return os.pread(self._log.fileno(), os.fstat(self._log.fileno()).st_size, 0).decode(errors="replace")

    def _prepared(self) -> subprocess.Popen[bytes]:
        """Start a process in a session of its own: its server and the worker die together."""
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "tests.faults.serve", str(self._port), str(self._calls)],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=self._log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def _kill(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    if process.stdin:
        process.stdin.close()
