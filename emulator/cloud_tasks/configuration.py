"""The configuration of a queue, from the flags of ``gcloud tasks queues create`` and ``update``.

A file of flags has the format of gcloud's ``--flags-file`` (``gcloud topic flags-file``), so that one file
configures the emulator and the real queue.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field, fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeGuard

import yaml

from emulator.base.json_body import Malformed
from emulator.cloud_tasks import names
from emulator.cloud_tasks.errors import Refused
from emulator.cloud_tasks.retries import UNLIMITED, RetryRules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

#: ``RateLimits``: "the maximum allowed value".
HIGHEST_RATE = 500
HIGHEST_CONCURRENCY = 5_000

#: How gcloud writes that there is no limit.
_UNLIMITED = "unlimited"
#: Flags that do not change how a queue behaves.
_IGNORED = {"location", "project", "log-sampling-ratio"}


@dataclass(frozen=True)
class QueueConfiguration:
    """A queue's name and limits. The defaults are Google's (seen in ``gcloud tasks queues describe``)."""

    name: str
    retry_rules: RetryRules = field(default_factory=RetryRules)
    max_dispatches_per_second: float = 500.0
    max_concurrent_dispatches: int = 1_000

    @property
    def max_burst_size(self) -> int:
        """How many tasks a full token bucket dispatches at once. The real service chooses a size itself."""
        return math.ceil(self.max_dispatches_per_second)


def read_flags(path: Path) -> dict[str, object]:
    """Return the flags in a file, without their dashes. Raises Malformed."""
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


def queue(name: str, flags: Mapping[str, object] | None = None) -> QueueConfiguration:
    """Return the configuration of a queue from its flags. Raises Malformed."""
    try:
        names.queue(name)
    except Refused as refused:
        raise Malformed(str(refused)) from refused
    values = {
        flag.replace("-", "_"): _read(flag, value)
        for flag, value in (flags or {}).items()
        if flag not in _IGNORED
    }
    retry_names = {rule.name for rule in fields(RetryRules)} & values.keys()
    retry_rules = RetryRules(**{name: values.pop(name) for name in retry_names})
    return QueueConfiguration(name, retry_rules, **values)


def _read(flag: str, value: object) -> Any:
    if flag not in _READERS:
        raise Malformed(f"--{flag} is not a flag that the emulator knows; it knows {', '.join(_READERS)}")
    try:
        return _READERS[flag](value)
    except ValueError as rule:
        raise Malformed(f"--{flag} must be {rule}, not {value!r}") from rule


# ---- readers of flags, which raise ValueError with what the value must be


def _attempts(value: object) -> int:
    if value == _UNLIMITED:
        return UNLIMITED
    if not _is_whole(value) or value < 1:
        raise ValueError("unlimited or a whole number from 1")
    return value


def _doublings(value: object) -> int:
    if not _is_whole(value) or value < 0:
        raise ValueError("a whole number from 0")
    return value


def _span(value: object) -> timedelta:
    written = re.fullmatch(r"(\d+(?:\.\d+)?)s", str(value))
    if written is None:
        raise ValueError("seconds, such as 2.5s")
    return timedelta(seconds=float(written[1]))


def _duration(value: object) -> timedelta:
    return timedelta() if value == _UNLIMITED else _span(value)


def _rate(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= HIGHEST_RATE:
        raise ValueError(f"above 0 and at most {HIGHEST_RATE}")
    return float(value)


def _concurrency(value: object) -> int:
    if not _is_whole(value) or not 1 <= value <= HIGHEST_CONCURRENCY:
        raise ValueError(f"a whole number from 1 to {HIGHEST_CONCURRENCY}")
    return value


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


_READERS: dict[str, Callable[[object], Any]] = {
    "max-attempts": _attempts,
    "max-retry-duration": _duration,
    "min-backoff": _span,
    "max-backoff": _span,
    "max-doublings": _doublings,
    "max-dispatches-per-second": _rate,
    "max-concurrent-dispatches": _concurrency,
}
