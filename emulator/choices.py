"""Changes an emulator's settings, a frozen dataclass, as a command line or a control asks for it."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypeVar

from emulator.jsonbody import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from _typeshed import DataclassInstance

Settings = TypeVar("Settings", bound="DataclassInstance")


def changed(settings: Settings, changes: Mapping[str, Any], words: Mapping[str, tuple[str, ...]]) -> Settings:
    """Return the settings with checked changes; ``words`` are what some of them may be. Raises Malformed."""
    now = asdict(settings)
    for name, value in changes.items():
        if name not in now:
            raise Malformed(f"there is no setting {name}; there are {', '.join(now)}")
        if not _is_like(now[name], value):
            raise Malformed(f"{name} must be like {now[name]!r}")
        if value not in words.get(name, (value,)):
            raise Malformed(f"{name} must be one of {', '.join(words[name])}")
    return replace(settings, **changes)


def _is_like(example: object, value: object) -> bool:
    """Tell whether a value is of the example's kind; numbers are from zero on."""
    if isinstance(example, bool | str):
        return isinstance(value, bool if isinstance(example, bool) else str)
    kinds = (int,) if isinstance(example, int) else (int, float)
    return isinstance(value, kinds) and not isinstance(value, bool) and 0 <= value < float("inf")
