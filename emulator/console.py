"""Writes what the launcher has to say; a closed terminal keeps nothing from going on."""

import contextlib
import os
import sys
from typing import TextIO

_CLEAR_LINE = "\r\033[K"


class Console:
    """Lines that stay, and one status line that the next line replaces. Without a stream, silence."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to ``stream``: in colour, and with a status line, if that is a terminal."""
        self._stream = stream
        self._is_terminal = stream is not None and stream.isatty()
        self._in_colour = self._is_terminal and "NO_COLOR" not in os.environ
        self._status = ""

    @classmethod
    def standard(cls) -> "Console":
        """Return the terminal's console."""
        return cls(sys.stdout)

    def line(self, text: str = "") -> None:
        """Write a line."""
        self._write(f"{text}\n")
        self._status = ""

    def status(self, text: str) -> None:
        """Say what is going on at the moment, where a terminal can take it back."""
        if self._is_terminal and text != self._status:
            self._write(text)
            self._status = text

    def good(self, text: str) -> str:
        """Return ``text`` in green."""
        return self._coloured("32", text)

    def bad(self, text: str) -> str:
        """Return ``text`` in red."""
        return self._coloured("31", text)

    def quiet(self, text: str) -> str:
        """Return ``text`` in grey."""
        return self._coloured("90", text)

    def strong(self, text: str) -> str:
        """Return ``text`` in bold."""
        return self._coloured("1", text)

    def _coloured(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self._in_colour else text

    def _write(self, text: str) -> None:
        if self._stream is None:
            return
        # A terminal that was closed (SIGHUP) must not keep the suite from being ended.
        with contextlib.suppress(OSError):
            self._stream.write((_CLEAR_LINE if self._status else "") + text)
            self._stream.flush()
