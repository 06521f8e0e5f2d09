"""Asks a service for an answer, and quotes the end of its log."""

import re
import time
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

import requests

from emulator.suite.paths import ROOT

TAIL_LINES = 15

_PAUSE_SECONDS = 0.1

# What a quotation leaves out: the CLI's colours, and the frames of its tables.
_COLOUR = re.compile(r"\033\[\d*m")
_FRAME = " ─│┌┐└┘├┤┬┴┼"


def is_ready(url: str) -> bool:
    """Return whether a service answers without an error."""
    status = _status(url, timeout=1)
    return status is not None and status < HTTPStatus.BAD_REQUEST


def first_status(url: str, seconds: float) -> int | None:
    """Return the status of a function's first answer; None if it gives none within this time."""
    deadline = time.monotonic() + seconds
    while (left := deadline - time.monotonic()) > 0:
        status = _status(url, timeout=left)
        # The emulator itself answers 404 until it has read functions.yaml.
        if status != HTTPStatus.NOT_FOUND:
            return status
        time.sleep(_PAUSE_SECONDS)
    return None


def with_tail(sentence: str, log: Path) -> str:
    """Return a sentence and the last lines of a log."""
    return "\n".join([sentence, f"The last lines of {log.relative_to(ROOT)}:", "", *_tail(log)])


def _status(url: str, *, timeout: float) -> int | None:
    with requests.Session() as session:
        session.trust_env = False
        try:
            return session.get(url, timeout=timeout, allow_redirects=False).status_code
        except requests.RequestException:
            return None


def _tail(log: Path) -> Iterator[str]:
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    lines = [line for line in _COLOUR.sub("", text).splitlines() if line.strip(_FRAME)]
    yield from (f"    {line}" for line in lines[-TAIL_LINES:])
