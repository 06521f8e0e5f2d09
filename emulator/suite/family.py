"""Keeps the processes of a suite together, so that all can be ended even if their parents have died.

Knows nothing about what the processes do.
"""

import contextlib
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path

import psutil

MARK = "EMULATOR_SUITE"
"""The environment variable that every process of a suite inherits, and by which it is found.

Parents and process groups are not enough. The Firebase CLI gives Java a group of its own. When a source file
changes, it ends only the shells around its functions, and their servers go on without a parent
(firebase-tools issue 11069).
"""

GRACE_SECONDS = 3
"""How long a child may take to end after it was asked to. The CLI usually takes half a second."""

_SEPARATOR = "|"


class Family:
    """The processes that one launcher started, and their descendants."""

    def __init__(self, directory: Path) -> None:
        """Make an empty family. ``directory`` distinguishes the suites of several checkouts."""
        self._directory = directory
        self._mark = _SEPARATOR.join([str(directory), str(os.getpid()), secrets.token_hex(4)])
        self._children: list[subprocess.Popen[bytes]] = []

    def start(
        self, command: Sequence[str | Path], *, environment: Mapping[str, str], directory: Path, log: Path
    ) -> subprocess.Popen[bytes]:
        """Start a child in ``directory`` that writes its output to ``log``.

        The child gets a session of its own: Ctrl-C reaches only the launcher, which then ends the children in
        order.
        """
        with log.open("wb") as output:
            child = subprocess.Popen(  # noqa: S603
                command,
                cwd=directory,
                env={**environment, MARK: self._mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children.append(child)
        return child

    def members(self) -> set[psutil.Process]:
        """Return every process of the family that is running."""
        members = {process for process, mark in _marked() if mark == self._mark}
        # macOS hides the environment of its own programs. They are found as descendants.
        for child in self._children:
            if child.poll() is None:
                with contextlib.suppress(psutil.Error):
                    process = psutil.Process(child.pid)
                    members |= {process, *process.children(recursive=True)}
        return members

    def end_strays(self) -> None:
        """End the members without a parent: servers that a reload of the functions left behind."""
        members = self.members()
        at_home = {process.pid for process in members} | {os.getpid()}
        for process in members:
            with contextlib.suppress(psutil.Error):
                if process.ppid() not in at_home:
                    process.kill()

    def end_earlier(self) -> int:
        """End the processes that a killed launcher of this directory left behind; return how many."""
        return _end_all(self._left_behind)

    def end(self) -> None:
        """Ask the children to end, then kill every process that is left."""
        try:
            self._ask_children()
        finally:
            _end_all(self.members)

    def _left_behind(self) -> set[psutil.Process]:
        found = set()
        for process, mark in _marked():
            directory, _, rest = mark.partition(_SEPARATOR)
            launcher = rest.partition(_SEPARATOR)[0]
            if directory == str(self._directory) and not psutil.pid_exists(int(launcher)):
                found.add(process)
        return found

    def _ask_children(self) -> None:
        running = [child for child in self._children if child.poll() is None]
        for child in running:
            child.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for child in running:
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(timeout=max(0, deadline - time.monotonic()))


def _marked() -> Iterator[tuple[psutil.Process, str]]:
    for process in psutil.process_iter():
        # The process may have ended, or belong to another user.
        with contextlib.suppress(psutil.Error, OSError):
            if mark := process.environ().get(MARK):
                yield process, mark


def _end_all(find: Callable[[], set[psutil.Process]]) -> int:
    """Kill every process that is found, and return how many.

    The second time finds what one of them was just starting the first time: the CLI starts Java.
    """
    _kill(first := find())
    _kill(second := find())
    return len(first | second)


def _kill(processes: Collection[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    deadline = time.monotonic() + GRACE_SECONDS
    while any(map(_runs, processes)) and time.monotonic() < deadline:
        time.sleep(0.01)


def _runs(process: psutil.Process) -> bool:
    """Return whether a process is running. A zombie is not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
