"""Runs gcloud and the Firebase CLI: what asks, and what changes something.

Neither may ask a person anything: both get no terminal, and the options that switch questions off.
"""

import json
import re
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TextIO

_NOT_FOUND = re.compile(r"^ERROR: \(gcloud[\w.-]*\) NOT_FOUND\b", re.MULTILINE)
"""How gcloud says that the thing itself is not there. A project that may not be seen, a service that is not
enabled and a network that is down read otherwise."""

_DISABLED = re.compile(r"SERVICE_DISABLED|has not been used in project|API \[[\w.]+\] not enabled")

_NOT_YET = re.compile(r"(?i)service account \S+ does not exist|NOT_FOUND: (?:Unknown|Not found; Gaia)")
"""A service account that was just created is unknown elsewhere for up to a minute."""

TRIES = 10

PAUSE_SECONDS = 8.0
"""Ten tries are over a minute."""


class ToolError(Exception):
    """A command has failed. The text is what it said on stderr."""

    def __init__(self, command: "Command", said: str) -> None:
        """Keep the command and what it said."""
        self.command = command
        self.said = said.strip()
        super().__init__(f"{command} failed:\n{self.said}")

    @property
    def is_not_found(self) -> bool:
        """Whether gcloud has looked, and the thing is not there. Every other failure leaves that open."""
        return bool(_NOT_FOUND.search(self.said))

    @property
    def is_disabled(self) -> bool:
        """Whether the project does not use that service of Google's yet."""
        return bool(_DISABLED.search(self.said))


@dataclass(frozen=True)
class Command:
    """A command as it is shown and run."""

    words: tuple[str, ...]
    stdin: str | None = field(default=None, repr=False)
    """What it reads. Secrets go this way: a command line can be seen by other programs."""
    note: str = ""
    """What stdin holds, for a reader."""

    def __str__(self) -> str:
        """Return it as a line for a shell."""
        line = " ".join(map(_quoted, self.words))
        return f"{line}  # stdin: {self.note}" if self.note else line


@dataclass
class Tools:
    """The two programs, for one project."""

    project: str
    firebase_path: str = "firebase"
    gcloud_path: str = "gcloud"
    is_dry: bool = False
    """Whether commands that change something are shown, and not run."""
    out: TextIO | None = None
    sleep: Callable[[float], None] = time.sleep
    changes: int = 0
    """How many commands were run, or shown, that change something."""

    def gcloud(self, *words: str, stdin: str | None = None, note: str = "") -> Command:
        """Return a command of gcloud for the project."""
        return Command(("gcloud", *words, f"--project={self.project}", "--quiet"), stdin, note)

    def firebase(self, *words: str) -> Command:
        """Return a command of the Firebase CLI for the project."""
        return Command(("firebase", *words, f"--project={self.project}", "--non-interactive"))

    def ask(self, *words: str) -> Any:
        """Return what a reading command of gcloud answers, as JSON.

        Raises:
            ToolError: gcloud failed.

        """
        command = Command((*self.gcloud(*words).words, "--format=json"))
        return json.loads(self._run(command).stdout or "null")

    def find(self, *words: str) -> Any:
        """Return what ``ask`` does, or None if gcloud says that the thing is not there.

        In a dry run, a service that is still to be enabled has nothing either.

        Raises:
            ToolError: gcloud failed for another reason: nobody knows whether the thing is there.

        """
        try:
            return self.ask(*words)
        except ToolError as error:
            if error.is_not_found or (self.is_dry and error.is_disabled):
                return None
            raise

    def read(self, command: Command) -> str:
        """Return the output of a command that changes nothing. Raises ToolError."""
        return self._run(command).stdout

    def change(self, command: Command) -> None:
        """Run a command that changes something, and show it; in a dry run only show it. Raises ToolError."""
        self.changes += 1
        self.say(f"    {command}")
        if self.is_dry:
            return
        for left in reversed(range(TRIES)):
            try:
                self._run(command)
            except ToolError as error:
                if not left or not _NOT_YET.search(error.said):
                    raise
                self.sleep(PAUSE_SECONDS)
            else:
                return

    def say(self, line: str) -> None:
        """Write a line for the person."""
        if self.out:
            self.out.write(f"{line}\n")
            self.out.flush()

    def _run(self, command: Command) -> "subprocess.CompletedProcess[str]":
        paths = {"gcloud": self.gcloud_path, "firebase": self.firebase_path}
        name, *rest = command.words
        try:
            done = subprocess.run(  # noqa: S603 - the two programs, without a shell
                [paths[name], *rest],
                input=command.stdin or "",
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError as error:
            missing = (
                f"{paths[name]} cannot be run ({error.strerror}). docs/deploy.md says how to install it."
            )
            raise ToolError(command, missing) from error
        if done.returncode:
            raise ToolError(command, f"{done.stderr}\n{done.stdout if name == 'firebase' else ''}")
        return done


def _quoted(word: str) -> str:
    return word if re.fullmatch(r"[\w@%+=:,./*-]+", word) else "'" + word.replace("'", "'\\''") + "'"
