"""What a row of the fault matrix found, and how much of it a run does."""

from dataclasses import dataclass, field
from enum import StrEnum


class Size(StrEnum):
    """How much of each row runs."""

    FULL = "full"
    CI = "ci"
    """All of F1, F2, F5 and F6, and a part of F3, F4 and F8 that its row states."""


@dataclass
class Result:
    """The outcome of one row."""

    row: str
    """F1 to F8."""
    what: str
    """In a few words."""
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
    failures: list[str] = field(default_factory=list)
    """The first cases that went wrong, each with the command that replays it."""
    notes: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether the row's promise holds."""
        return not (self.duplicates or self.lost or self.failures)
