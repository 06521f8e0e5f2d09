"""Which cells there are: found by running, as a place exists only once a run has come by it.

Every single thing that can go wrong at every place of a row, at every timing. And of most rows every pair of
them, the second one at any place that the run comes by after the first: in the same delivery, in one that is
nested in it, in the ones that mend it.

The service names no crash points. They lie before and after each of its calls to the outside: to Threads,
Firestore and the queue. A crash after the last call is one before the response.

Of pairs a crash is only made after a call that changes something, and a freeze after a call or at a socket. A
crash elsewhere is the crash after the last change: between two changes, nothing happens outside the process
that a crash could leave behind. A short freeze, which ends before a lease does, is made where there is one.
And of the answers that the service cannot tell apart, one is paired. As singles all of them are there.
"""

from collections.abc import Iterator, Mapping

from tests.faults import virtual_firestore, virtual_queue
from tests.faults.cells import Cell
from tests.faults.scenarios import WIDE, Caller, Scenario
from tests.faults.visits import Timing
from tests.faults.wrongs import BY_STEP, CHANGING, FORGETS, distinct
from threads.graph.error_codes import Step

FREEZES = ("freeze90", "freeze300", "freeze3600")
STOPS = ("crash", *FREEZES, "duplicate")

_OURS: Mapping[str, tuple[str, ...]] = {**virtual_firestore.FAULTS, **virtual_queue.FAULTS}
_FAULTS: Mapping[str, tuple[str, ...]] = {
    **{f"graph:{step}": tuple(wrong.name for wrong in wrongs) for step, wrongs in BY_STEP.items()},
    **_OURS,
}
"""What the called system itself can do wrong, by place."""

_DISTINCT_FAULTS: Mapping[str, tuple[str, ...]] = {
    **{f"graph:{step}": tuple(wrong.name for wrong in distinct(step)) for step in BY_STEP},
    **_OURS,
}
"""The same without what the service cannot tell from another one."""

_COMMITTED = frozenset(f"{place}:after" for place in (virtual_firestore.CREATE, virtual_firestore.WRITE))
"""After a commit: with a lease, or a write-ahead, on record."""

_CHANGED = frozenset(
    f"{place}:after" for place in (*virtual_queue.FAULTS, *(f"graph:{it}" for it in CHANGING))
)
"""After another call that changes something."""

_PUBLISHING = f"graph:{Step.PUBLISH_CONTAINER}"

PAIRED = (
    "text1",
    "text1-task",
    "text1-lag",
    "text1-scheduled",
    "text2",
    "text2-lag",
    "text2-task",
    "image",
    "slow-queue",
    "twins1",
    "carousel",
    "thread",
    "film-task",
)


def single_actions(place: str, scenario: Scenario) -> tuple[str, ...]:
    """Return everything that can happen at a place."""
    cancels = ("cancel",) if scenario.caller is Caller.SCHEDULE else ()
    return (*STOPS, *cancels, *_FAULTS.get(place, ()), *_wide_actions(place, scenario))


def _wide_actions(place: str, scenario: Scenario) -> tuple[str, ...]:
    """Return what happens only in the wide world."""
    if scenario.name not in WIDE:
        return ()
    forgets = tuple(wrong.name for wrong in FORGETS) if place == _PUBLISHING else ()
    return (*forgets, "abandon", "cancel" if scenario.content.replies else "delete")


def paired_actions(place: str) -> tuple[str, ...]:
    """Return what may happen there as one of a pair: what would be the same elsewhere is left out."""
    if place in _COMMITTED:
        return ("crash", "freeze300", "freeze90")
    if place.endswith(":after"):
        return ("crash", "freeze300") if place in _CHANGED else ("freeze300",)
    if place.startswith("graph:"):
        return ("freeze300", *_DISTINCT_FAULTS.get(place, ()))
    return _DISTINCT_FAULTS.get(place, ())


def is_relevant(timing: Timing, *actions: str) -> bool:
    """Return whether a timing makes a difference: most do so only where a delivery stops."""
    stops = any(action == "crash" or action.startswith("freeze") for action in actions)
    return stops or timing in {Timing.NONE, Timing.SAME}


def singles(scenario: Scenario, places: list[str]) -> Iterator[Cell]:
    """Yield the cells in which one thing goes wrong."""
    for place, name in enumerate(places):
        for action in single_actions(name, scenario):
            for timing in Timing:
                if is_relevant(timing, action):
                    yield Cell(scenario, timing, {place: action})


def pairs(first: Cell, places: list[str]) -> Iterator[Cell]:
    """Yield the cells in which a second thing goes wrong, given the places that the first one comes by."""
    [(place, action)] = first.plan.items()
    if first.scenario.name in PAIRED and action in paired_actions(places[place]):
        yield from _with_seconds(first, places)


def wide_pairs(first: Cell, places: list[str]) -> Iterator[Cell]:
    """Yield the same in the wide world, where what only happens there may come first, too."""
    [(place, action)] = first.plan.items()
    scenario = first.scenario
    if action in (*paired_actions(places[place]), *_wide_actions(places[place], scenario)):
        yield from _with_seconds(first, places)


def _with_seconds(first: Cell, places: list[str]) -> Iterator[Cell]:
    [(place, action)] = first.plan.items()
    for later in range(place + 1, len(places)):
        for second in paired_actions(places[later]):
            if is_relevant(first.timing, action, second):
                yield Cell(first.scenario, first.timing, {place: action, later: second})
