"""Writes to the terminal. A closed terminal is not an error."""

import contextlib
import os
import sys
from typing import TextIO

_CLEAR_LINE = "\r\033[K"


class Terminal:
    """Writes lines that stay, and a status line that the next line replaces."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """Write to ``stream``, or nowhere. A terminal gets colours and a status line."""
        self._stream = stream
        self._is_terminal = stream is not None and stream.isatty()
        self._in_colour = self._is_terminal and "NO_COLOR" not in os.environ
        self._status = ""

    @classmethod
    def standard(cls) -> "Terminal":
        """Return one that writes to stdout."""
        return cls(sys.stdout)

    def line(self, text: str = "") -> None:
        """Write a line."""
        self._write(f"{text}\n")
        self._status = ""

    def status(self, text: str) -> None:
        """Show what is going on, if the stream is a terminal."""
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
        # Writing to a closed terminal fails, but the suite must still be ended.
        with contextlib.suppress(OSError):
            self._stream.write((_CLEAR_LINE if self._status else "") + text)
            self._stream.flush()
