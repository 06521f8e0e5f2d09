"""Settings of an emulator: what a command line or a control may change, and how changes are checked."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from emulator.base.json_body import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self


@dataclass(frozen=True)
class Settings:
    """The base of an emulator's settings. A field's default also shows which values it takes."""

    #: The settings that take one of a few words, with these words.
    WORDS: ClassVar[Mapping[str, tuple[str, ...]]] = {}

    def changed(self, changes: Mapping[str, Any]) -> Self:
        """Return the settings with these changes. Raises Malformed for the first wrong one."""
        now = asdict(self)
        for name, value in changes.items():
            if name not in now:
                raise Malformed(f"there is no setting {name}; there are {', '.join(now)}")
            if not _is_like(now[name], value):
                raise Malformed(f"{name} must be like {now[name]!r}")
            if value not in self.WORDS.get(name, (value,)):
                raise Malformed(f"{name} must be one of {', '.join(self.WORDS[name])}")
        return replace(self, **changes)


def _is_like(example: object, value: object) -> bool:
    """Return whether a value is of the example's kind. Numbers must be 0 or more."""
    if isinstance(example, bool | str):
        return isinstance(value, bool if isinstance(example, bool) else str)
    kinds = (int,) if isinstance(example, int) else (int, float)
    return isinstance(value, kinds) and not isinstance(value, bool) and 0 <= value < float("inf")
