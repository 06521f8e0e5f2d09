"""The command line of an emulator: the options that both have, and a run that a signal ends."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from emulator.base.http_server import PortTakenError
from emulator.base.json_body import Malformed

if TYPE_CHECKING:
    from contextlib import AbstractContextManager


def make_parser(package: str, description: str) -> argparse.ArgumentParser:
    """Return a parser with the shared options, to which an emulator adds its own."""
    parser = argparse.ArgumentParser(prog=f"python -m {package}", description=description)
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: 127.0.0.1)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        type=_setting,
        metavar="NAME=VALUE",
        help="change a setting; GET /_emulator/settings lists them; can be repeated",
    )
    parser.add_argument("--verbose", action="store_true", help="log each HTTP request on stderr")
    return parser


def run(serving: AbstractContextManager[str]) -> int:
    """Serve until Ctrl-C or SIGTERM, and return the exit status.

    Args:
        serving: serves the emulator for as long as its block lasts, and yields the line to print once the
            emulator is ready.

    """
    try:
        with serving as ready:
            print(ready, flush=True)  # noqa: T201 - the command's only output
            _wait_for_the_end()
    except (PortTakenError, Malformed) as problem:
        print(problem, file=sys.stderr)  # noqa: T201 - a command says what is wrong
        return 1
    return 0


def _wait_for_the_end() -> None:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()


def _setting(written: str) -> tuple[str, Any]:
    """Read ``NAME=VALUE``. The value is JSON or a plain word."""
    name, _, value = written.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
