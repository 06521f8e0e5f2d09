"""However a suite ends, nothing of it is left running. Each test starts the real thing."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest
import requests

from emulator.suite import family, local_secrets, ports
from emulator.suite.family import MARK
from emulator.suite.paths import ROOT
from emulator.suite.ports import Ports
from emulator.suite.suite import START_SECONDS

END_SECONDS = 15


AS_FROM_A_TERMINAL = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Makes a process notice signals that background jobs and ``nohup`` ignore, and then runs Python in it.

Popen's ``preexec_fn`` would run between fork and exec, where a process that has threads may hang or abort.
"""


class Launched:
    """``python -m emulator`` on free ports, with its output so far."""

    def __init__(self, output: Path) -> None:
        """Start it."""
        self.ports = Ports.free()
        self.logs = ROOT / ".emulator" / f"run-{self.ports.page}"
        self.config = ROOT / f".firebase-{self.ports.auth}.json"
        self._output = output
        chosen = {ports.variable(name): str(number) for name, number in asdict(self.ports).items()}
        with output.open("wb") as stream:
            self.process = subprocess.Popen(  # noqa: S603 - this interpreter
                [sys.executable, "-c", AS_FROM_A_TERMINAL, "-m", "emulator"],
                cwd=ROOT,
                env={**os.environ, **chosen},
                stdout=stream,
                stderr=subprocess.STDOUT,
            )

    def text(self) -> str:
        """Return what it has printed."""
        return self._output.read_text(encoding="utf-8")

    def wait_for(self, words: str) -> None:
        """Wait until it has printed ``words``."""
        deadline = time.monotonic() + START_SECONDS + END_SECONDS
        while words not in self.text():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < deadline, self.text()
            time.sleep(0.1)

    def members(self) -> list[psutil.Process]:
        """Return the processes that carry its mark, wherever they are in the tree."""
        return [process for process in psutil.process_iter() if self._is_member(process)]

    def member(self, *words: str) -> psutil.Process:
        """Return the one process whose command line has all ``words``."""
        [found] = [it for it in self.members() if all(word in " ".join(it.cmdline()) for word in words)]
        return found

    def end(self) -> int:
        """Wait for its end and return its exit status."""
        return self.process.wait(timeout=END_SECONDS)

    def listening(self) -> list[str]:
        """Return the services whose ports still answer."""
        return [name for name, number in asdict(self.ports).items() if ports.answers(number)]

    def _is_member(self, process: psutil.Process) -> bool:
        try:
            mark = process.environ().get(MARK, "")
        except psutil.Error:
            return False
        return f"|{self.process.pid}|" in mark and process.status() != psutil.STATUS_ZOMBIE


@pytest.fixture
def launch(tmp_path: Path) -> Iterator[Callable[[], Launched]]:
    """Return what starts a suite; whatever a failed test leaves is ended."""
    started: list[Launched] = []

    def start() -> Launched:
        started.append(Launched(tmp_path / f"{len(started)}.log"))
        return started[-1]

    yield start
    for launched in started:
        left = launched.members()
        launched.process.kill()
        launched.process.wait()
        for process in left:
            process.kill()
        shutil.rmtree(launched.logs, ignore_errors=True)
        launched.config.unlink(missing_ok=True)


def test_ctrl_c_leaves_nothing(launch: Callable[[], Launched]) -> None:
    """One URL is printed, all behind it answers, and Ctrl-C ends every process and frees every port.

    Threads tells the functions of posts, here and not in the suite of the tests.
    """
    suite = launch()
    suite.wait_for("Ctrl-C ends everything")
    settings = requests.get(f"http://{ports.HOST}:{suite.ports.threads}/_emulator/settings", timeout=5).json()
    assert settings["webhooks"] is True
    [page_url] = re.findall(r"Open  (\S+)", suite.text())
    assert requests.get(page_url, timeout=5).ok
    functions_url = requests.get(f"{page_url}/config.json", timeout=5).json()["functionsUrl"]
    assert requests.get(f"{functions_url}/th_accounts", timeout=20).status_code == 401
    suite.wait_for("th_accounts GET 401")  # the functions' own words, on the terminal
    assert (ROOT / local_secrets.FILE_NAME).stat().st_mode & 0o777 == 0o600

    suite.process.send_signal(signal.SIGINT)
    suite.process.send_signal(signal.SIGINT)  # an impatient second one changes nothing
    assert suite.end() == 0
    assert suite.members() == []
    assert suite.listening() == []
    assert not suite.config.exists()


def test_the_death_of_a_grandchild_ends_everything(launch: Callable[[], Launched]) -> None:
    """Java, which the CLI started, is killed: the launcher names the service, shows its log, and ends."""
    suite = launch()
    suite.wait_for("Ctrl-C ends everything")
    suite.member("java").kill()
    assert suite.end() == 1
    assert "The Firestore emulator has ended." in suite.text()
    assert "firebase.log:" in suite.text()
    assert suite.members() == []
    assert suite.listening() == []


def test_the_death_of_a_child_ends_a_suite_that_is_starting(launch: Callable[[], Launched]) -> None:
    """The Threads emulator is killed while Firebase still starts: nothing else is left waiting."""
    suite = launch()
    suite.wait_for("✓ Threads emulator")
    suite.member("emulator.threads_api").kill()
    assert suite.end() == 1
    assert "The Threads emulator has ended (signal 9)." in suite.text()
    assert suite.members() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_the_start_leaves_nothing(
    launch: Callable[[], Launched], number: signal.Signals
) -> None:
    """A service manager's SIGTERM and a closed terminal's SIGHUP end a suite that is half started."""
    suite = launch()
    suite.wait_for("✓ Firestore emulator")
    suite.process.send_signal(number)
    assert suite.end() == 128 + number
    assert suite.members() == []
    assert suite.listening() == []


def test_what_a_killed_launcher_left_is_ended_by_the_next(launch: Callable[[], Launched]) -> None:
    """After `kill -9` of the launcher its services go on; the next start ends them first."""
    killed = launch()
    killed.wait_for("✓ Threads emulator")
    killed.process.kill()
    killed.process.wait()
    assert killed.members()
    following = launch()
    following.wait_for("that an earlier run left behind")
    following.process.terminate()
    following.end()
    assert killed.members() == []
    assert following.members() == []


def test_what_a_leftover_was_just_starting_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The CLI may start Java after its processes were looked for, and before it is killed."""
    sleeping = [subprocess.Popen(["sleep", "100"]) for _ in range(2)]  # noqa: S607
    turns = iter(sleeping)
    mark = f"{tmp_path}|{2**30}|x"  # of a launcher that is not there
    monkeypatch.setattr(family, "_marked", lambda: [(psutil.Process(next(turns).pid), mark)])
    assert family.Family(tmp_path).end_earlier() == 2
    assert [it.wait(END_SECONDS) for it in sleeping] == [-signal.SIGKILL] * 2
