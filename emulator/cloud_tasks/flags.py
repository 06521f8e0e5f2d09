"""Queues as ``gcloud tasks queues create`` and ``update`` configure them, from the same flags.

A file of flags is one for gcloud's ``--flags-file`` (``gcloud topic flags-file``), so that the emulator and
the real queue are configured by one file.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import yaml

from emulator.cloud_tasks import names
from emulator.cloud_tasks.errors import Refused
from emulator.cloud_tasks.messages import FieldMask, Queue, updated, with_defaults
from emulator.cloud_tasks.retries import UNLIMITED
from emulator.jsonbody import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

#: What gcloud writes for a number without a limit.
_UNLIMITED = "unlimited"

_FIELDS = {
    "max-attempts": "retry_config.max_attempts",
    "max-retry-duration": "retry_config.max_retry_duration",
    "min-backoff": "retry_config.min_backoff",
    "max-backoff": "retry_config.max_backoff",
    "max-doublings": "retry_config.max_doublings",
    "max-dispatches-per-second": "rate_limits.max_dispatches_per_second",
    "max-concurrent-dispatches": "rate_limits.max_concurrent_dispatches",
}
#: Flags that say nothing about how a queue behaves.
_PASSED_OVER = {"location", "project", "log-sampling-ratio"}


def read_flags(path: Path) -> dict[str, object]:
    """Return the flags in a file, without their dashes; raises Malformed."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise Malformed(f"{path} cannot be read: {error}") from error
    groups = read if isinstance(read, list) else [read]
    flags: dict[str, object] = {}
    for group in groups:
        if not isinstance(group, dict) or not all(str(name).startswith("--") for name in group):
            raise Malformed(f"{path} must have flags as its keys, such as --max-attempts")
        flags |= {name.removeprefix("--"): value for name, value in group.items()}
    return flags


def queue(name: str, flags: Mapping[str, object] | None = None) -> Any:
    """Return the message of a queue that is configured by flags, the rest by default; raises Malformed."""
    given, paths = Queue(name=name), []
    for flag, value in (flags or {}).items():
        if flag in _PASSED_OVER:
            continue
        if flag not in _FIELDS:
            raise Malformed(f"--{flag} is not a flag that the emulator knows; it knows {', '.join(_FIELDS)}")
        paths.append(_FIELDS[flag])
        _set(given, flag, value)
    try:
        names.queue(name)
        begun = with_defaults(Queue(name=name))
        return updated(begun, given, FieldMask(paths=paths)) if paths else begun
    except Refused as refused:
        raise Malformed(str(refused)) from refused


def _set(given: Any, flag: str, value: object) -> None:
    part, _, field = _FIELDS[flag].partition(".")
    message = getattr(given, part)
    try:
        if flag.endswith(("-backoff", "-duration")):
            getattr(message, field).FromTimedelta(_span(value))
        elif flag == "max-attempts" and value == _UNLIMITED:
            message.max_attempts = UNLIMITED
        else:
            setattr(message, field, value)
    except (TypeError, ValueError) as error:
        raise Malformed(f"--{flag} cannot be {value!r}") from error


def _span(value: object) -> timedelta:
    """Read a span as gcloud wants it: seconds that end in ``s``."""
    if value == _UNLIMITED:
        return timedelta()
    written = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(value))
    if written is None:
        raise ValueError(value)
    return timedelta(seconds=float(written[1]))
