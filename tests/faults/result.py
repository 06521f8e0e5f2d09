"""What a row of the fault matrix found, and how much of it a run does."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple


class Size(StrEnum):
    """How much of each row runs."""

    FULL = "full"
    CI = "ci"
    """All of F5 and F6, and a part of each other row, which states it."""


class Failure(NamedTuple):
    """One case that went wrong."""

    why: str
    case: str = ""
    """What shows it again when ``--only`` names it behind the row; empty where the whole row is the case."""


@dataclass
class Result:
    """The outcome of one row, or of one case of it."""

    cells: int
    """Cases that were run."""
    duplicates: int
    """Posts beyond the first of a request."""
    lost: int
    """Requests that were accepted, and are neither published nor ended with a reason, or say so falsely."""
    seconds: float = 0.0
    seed: int | None = None
    windows: dict[str, int] = field(default_factory=dict)
    """Duplicates in the windows that single-step text leaves open, by their name: counted apart."""
    failures: list[Failure] = field(default_factory=list)
    """The first cases that went wrong."""
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether the row's promise holds."""
        return not (self.duplicates or self.lost or self.failures)
