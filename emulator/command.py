"""What the command lines of the emulators share."""

from __future__ import annotations

import json
import signal
import threading
from typing import Any


def wait_for_the_end() -> None:
    """Return at Ctrl-C or SIGTERM."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()


def setting(written: str) -> tuple[str, Any]:
    """Read NAME=VALUE, where VALUE is JSON or a plain word."""
    name, _, value = written.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
