"""Turns what the Firebase CLI prints about the functions into one short line per request."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emulator.suite.terminal import Terminal

# What the CLI puts before each line of a function.
_WRITTEN_BY_FUNCTION = re.compile(r"^>\s{1,2}(.*)")

# What is printed to be copied into a shell: nothing but a web address.
_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?", re.ASCII)

_RELOADED = "Loaded functions definitions from source"
_NOT_LOADED = "Failed to load function definition from source"
_STARTED_AS_USUAL = ("INFO:werkzeug", "[INFO]")


class FunctionLog:
    """Reads the CLI's log file, each time from where it stopped."""

    def __init__(self, path: Path, terminal: Terminal) -> None:
        """Read ``path``, which need not exist yet. ``terminal`` colours the lines."""
        self._path = path
        self._terminal = terminal
        self._position = 0
        self._loaded_before = False
        self.failure: str | None = None
        """Why the functions cannot run; None if the log shows no such error."""

    def new_lines(self) -> Iterator[str]:
        """Return the lines to show of those that were written since the last call."""
        for line in self._read_on():
            shown = self._shown(line)
            if shown is not None:
                yield shown

    def _read_on(self) -> Iterator[str]:
        if not self._path.exists():
            return
        with self._path.open("rb") as log:
            log.seek(self._position)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._position += len(line)
                yield line.decode("utf-8", "replace").rstrip()

    def _shown(self, line: str) -> str | None:
        if written := _WRITTEN_BY_FUNCTION.match(line):
            return self._shown_from_function(written[1])
        if _NOT_LOADED in line:
            self.failure = line.partition("source: ")[2] or line
            return self._terminal.bad(f"  The functions cannot be loaded: {self.failure}")
        if _RELOADED in line:
            reloaded, self._loaded_before = self._loaded_before, True
            return self._terminal.quiet("  functions reloaded") if reloaded else None
        return None

    def _shown_from_function(self, text: str) -> str | None:
        entry = _json_object(text)
        if entry is not None:
            return self._shown_entry(entry)
        if text.startswith("Traceback (most recent call last)"):
            self.failure = "a function ended with an exception"
        if not text or any(usual in text for usual in _STARTED_AS_USUAL):
            return None
        return f"  {text}"

    def _shown_entry(self, entry: dict[str, Any]) -> str:
        """Shorten a structured line (https://cloud.google.com/logging/docs/structured-logging)."""
        message = str(entry.get("message", ""))
        if explanation := entry.get("errorMessage"):
            message += f": {explanation}"
        origin = str(entry.get("refusedOrigin"))
        if entry.get("error") == "origin_refused" and _ORIGIN.fullmatch(origin):
            message += f" If it is yours: make run ORIGINS={origin}"
        if "milliseconds" in entry:
            message += self._terminal.quiet(f"  {entry['milliseconds']} ms")
        if entry.get("severity") in {"ERROR", "CRITICAL"}:
            return "\n".join([self._terminal.bad("  ✗ ") + message, *_frames(entry)])
        return "    " + message


def read_entry(line: str) -> dict[str, Any] | None:
    """Return the structured line that a function has written; None if the line is another one."""
    written = _WRITTEN_BY_FUNCTION.match(line)
    return _json_object(written[1]) if written else None


def _frames(entry: dict[str, Any]) -> Iterator[str]:
    if exception := entry.get("exception"):
        yield f"      {exception}"
    for frame in entry.get("stack", ()):
        yield f"        {frame}"


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
