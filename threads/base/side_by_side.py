"""Doing the same with many things, a number of them at once: nearly all of the time goes by in waiting."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

AT_ONCE = 32
"""How many things are dealt with at once: posts of an upkeep, or accounts of a sweep. With a queue, a post
takes five calls to Google, about a tenth of a second. Without one, it takes the seconds of a publication. So
one call brings back thousands, or hundreds. More at once would wait for the only processor that the function
has. (Seen on two busy cores, with emulators: 46 tasks a second, and 15 with one post after the other.)"""

_T = TypeVar("_T")
_R = TypeVar("_R")


class SideBySide(Protocol):
    """Does the same with several things, a number of them at once."""

    def __call__(self, work: Callable[[_T], _R], things: Iterable[_T], /) -> Iterable[_R]:
        """Yield the results, in the order of the things."""


def in_rounds(things: Iterable[_T], whose: Callable[[_T], str]) -> list[tuple[int, _T]]:
    """Return things with their rounds: each owner's first one is in the first, before any owner's second one.

    Within a round, they stay in their order.
    """
    of_owner: Counter[str] = Counter()
    turns = []
    for thing in things:
        of_owner[whose(thing)] += 1
        turns.append((of_owner[whose(thing)], thing))
    return sorted(turns, key=lambda turn: turn[0])
