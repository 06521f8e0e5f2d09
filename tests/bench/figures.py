"""Ratios of two things that take turns, with their spread."""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Timed = Callable[[], float]
"""Does a thing once, and returns what it cost."""


@dataclass(frozen=True)
class Figure:
    """One line of the table."""

    what: str
    beside: str
    ratio: float
    """The median of the pairs' ratios, unless it is of something else."""
    low: float
    high: float
    """The lower and the upper quartile."""
    here: str
    """The two values on this machine, for whoever wants to know."""
    wanted: float | None = None
    """The most (or with ``at_least``, the least) that the project wants of itself."""
    at_least: bool = False

    @property
    def is_met(self) -> bool | None:
        """Whether it is what the project wants, or None if it wants nothing."""
        if self.wanted is None:
            return None
        return self.ratio >= self.wanted if self.at_least else self.ratio <= self.wanted

    def row(self) -> str:
        """Return it as a row of a Markdown table."""
        wanted = "" if self.wanted is None else f"{'≥' if self.at_least else '≤'} {self.wanted:g}"
        missed = " (missed)" if self.is_met is False else ""
        spread = f"{self.low:.2f} to {self.high:.2f}"
        return (
            f"| {self.what} | {self.beside} | {self.ratio:.2f} | {spread} | {wanted}{missed} | {self.here} |"
        )


@dataclass(frozen=True)
class Missing:
    """A line of the table for what could not be measured here."""

    what: str
    beside: str
    why: str
    is_met: None = None
    """The project wants nothing of what it cannot measure."""

    def row(self) -> str:
        """Return it as a row of a Markdown table."""
        return f"| {self.what} | {self.beside} | | | | {self.why} |"


HEAD = "| what | beside | ratio | spread | wanted | here |\n|---|---|---|---|---|---|"


def pairs(first: Timed, second: Timed, rounds: int) -> list[tuple[float, float]]:
    """Let two things take turns, each the first one every other time. The first round is not counted."""
    measured = []
    for number in range(rounds + 1):
        if number % 2:
            one = first()
            other = second()
        else:
            other = second()
            one = first()
        measured.append((one, other))
    return measured[1:]


def ratio(
    what: str,
    beside: str,
    measured: Sequence[tuple[float, float]],
    *,
    wanted: float | None = None,
    at_least: bool = False,
    unit: Callable[[float], str] | None = None,
) -> Figure:
    """Return the median of the ratios of pairs."""
    ratios = sorted(one / other for one, other in measured)
    ours, theirs = (statistics.median(column) for column in zip(*measured, strict=True))
    show = unit or milliseconds
    low, _, high = statistics.quantiles(ratios, n=4)
    here = f"{show(ours)} / {show(theirs)}, {len(ratios)} pairs"
    return Figure(what, beside, statistics.median(ratios), low, high, here, wanted, at_least)


def tail_ratio(
    what: str, beside: str, measured: Sequence[tuple[float, float]], *, wanted: float | None = None
) -> Figure:
    """Return the ratio of the 99th percentiles. Its spread is that of the halves of the run."""
    half = len(measured) // 2
    low, high = sorted(_of_tails(part) for part in (measured[:half], measured[half:]))
    ours, theirs = (percentile(column, 99) for column in zip(*measured, strict=True))
    here = f"{milliseconds(ours)} / {milliseconds(theirs)}, {len(measured)} pairs"
    return Figure(what, beside, _of_tails(measured), low, high, here, wanted)


def _of_tails(measured: Sequence[tuple[float, float]]) -> float:
    ours, theirs = (percentile(column, 99) for column in zip(*measured, strict=True))
    return ours / theirs


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the smallest value that so many percent of the values do not exceed."""
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]


def milliseconds(seconds: float) -> str:
    """Return seconds as people read them."""
    return f"{seconds * 1000:.0f} ms"
