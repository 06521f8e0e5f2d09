"""Which cells there are: found by running, as a place exists only once a run has come by it.

Every single thing that can go wrong at every place of a row, at every timing. And of most rows every pair of
them, the second one at any place that the run comes by after the first: in the same delivery, in one that is
nested in it, in the ones that mend it.

Of pairs a crash is only made after a call, and a freeze after a call or at a socket: between two calls
nothing happens outside the process, so that a crash at a point is the crash after the call before it. As
singles the points are all there.
"""

from collections.abc import Iterator

from tests.faults import virtual_firestore, virtual_queue
from tests.faults.cells import Cell
from tests.faults.scenarios import Caller, Scenario
from tests.faults.visits import Timing
from tests.faults.wrongs import BY_STEP

FREEZES = ("freeze90", "freeze300", "freeze3600")
STOPS = ("crash", *FREEZES, "duplicate")

_GRAPH = {f"graph:{step}": tuple(wrong.name for wrong in wrongs) for step, wrongs in BY_STEP.items()}
_FAULTS: dict[str, tuple[str, ...]] = {
    **_GRAPH,
    "ledger:create": virtual_firestore.FAULTS,
    "ledger:write": virtual_firestore.FAULTS,
    "ledger:read": virtual_firestore.READ_FAULTS,
    "store:find_accounts": virtual_firestore.READ_FAULTS,
    "store:change_account": virtual_firestore.READ_FAULTS,
    "queue:enqueue": virtual_queue.FAULTS,
    "queue:delete": virtual_queue.FAULTS,
}
"""What the called system itself can do wrong, by place."""

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
    return (*STOPS, *cancels, *_FAULTS.get(place, ()))


def paired_actions(place: str) -> tuple[str, ...]:
    """Return what may happen there as one of a pair: what would be the same elsewhere is left out."""
    if place.endswith(":after"):
        return ("crash", "freeze300", "freeze90") if place.startswith("ledger:") else ("crash", "freeze300")
    if place.startswith("graph:"):
        return ("freeze300", *_FAULTS[place])
    return _FAULTS.get(place, ())


def is_relevant(timing: Timing, *actions: str) -> bool:
    """Say whether a timing makes a difference: the other ones are of what stops a delivery."""
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
    if first.scenario.name not in PAIRED or action not in paired_actions(places[place]):
        return
    for later in range(place + 1, len(places)):
        for second in paired_actions(places[later]):
            if is_relevant(first.timing, action, second):
                yield Cell(first.scenario, first.timing, {place: action, later: second})
