"""Connections with one fault each, by chance: every user ends connected, or is told truly that they are not.

The fault is at one of the four calls to Threads, a call to Firestore, or an answer to the browser or the app;
or the process dies or hangs, the page is loaded again, the user clicks twice, cancels, or allows another
account. Whoever is not connected begins once more, and is.
"""

import time
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import cache
from random import Random

from tests.faults.model import NOBODY
from tests.faults.result import Failure, Result, Size
from tests.faults.virtual_window import KINDS, MINE, Endless, Kind, Window, actions_at
from threads.connections.states import CONNECTED

CONNECTIONS = {Size.FULL: 1_000, Size.CI: 400}

AFTERWARDS = timedelta(minutes=1)
"""By then a commit that comes late has come."""

SHOWN = 20

KEY = "connect/"


def run(size: Size, seed: int, only: str | None) -> Result:
    """Run as many connections as the size says, or the one with a number, told place by place."""
    began = time.monotonic()
    numbers = [int(only)] if only else range(CONNECTIONS[size])
    result, seen = Result(len(numbers), 0, 0, seed=seed), Counter[str]()
    for number in numbers:
        window, action = drawn(seed, number, is_traced=bool(only))
        wrongs = [*wrongs_of(window)]
        seen["connected at once" if window.is_connected_at_once else "told that nothing is connected"] += 1
        result.duplicates += sum(count - 1 for count in window.exchanges.values())
        result.lost += bool(wrongs)
        seen[action] += 1
        result.notes += window.world.trace or []
        result.failures += [Failure(f"{window.kind}, {action}: {why}", str(number)) for why in wrongs]
    result.failures = result.failures[:SHOWN]
    result.notes.append(", ".join(f"{count} {action}" for action, count in sorted(seen.items())))
    result.seconds = time.monotonic() - began
    return result


def drawn(seed: int, number: int, *, is_traced: bool = False) -> tuple[Window, str]:
    """Draw what a connection is and what happens where, and return the window, not yet opened."""
    random = Random(f"{seed}/{number}")  # noqa: S311 - repeatable
    kind = random.choice(KINDS)
    names = places(kind)
    place = random.randrange(len(names))
    action = random.choice(actions_at(kind, names[place]))
    return Window(kind, {place: action}, is_traced=is_traced), action


def is_connection(key: str) -> bool:
    """Return whether a key is one of ``wrongs_at``."""
    return key.startswith(KEY)


def wrongs_at(key: str) -> list[str]:
    """Return what is wrong if something happens at the places with a name, each alone.

    Args:
        key: ``connect/<kind>/<place>/<action>``.

    """
    name, place, action = key.removeprefix(KEY).split("/")
    [kind] = [kind for kind in KINDS if str(kind) == name]
    numbers = [number for number, passed in enumerate(places(kind)) if passed == place]
    assert numbers
    return [wrong for number in numbers for wrong in wrongs_of(Window(kind, {number: action}))]


@cache
def places(kind: Kind) -> tuple[str, ...]:
    """Return the places that a connection comes by to which nothing happens."""
    window = Window(kind, NOBODY)
    window.walk()
    return tuple(window.world.names)


def wrongs_of(window: Window) -> Iterator[str]:
    """Let a user walk through a window, and yield what is wrong afterwards."""
    try:
        window.walk()
    except Endless as error:
        yield f"{error} was never answered"
    except Exception as error:  # noqa: BLE001 - whatever a bug raises
        yield f"raised {error!r}"
    window.world.pass_time(AFTERWARDS)
    window.is_connected_at_once = window.token(MINE) is not None
    yield from _untrue(window)
    yield from _half_stored(window)
    if not window.token(MINE):
        window.walk()
        if not window.token(MINE):
            yield "whoever begins anew is not connected"
    if any(count > 1 for count in window.exchanges.values()):
        yield "a code was exchanged twice"


def _untrue(window: Window) -> Iterator[str]:
    """Yield what a user was told that is not so."""
    if not window.claims:
        yield "the user was told nothing"
    for claim in window.claims:
        is_connected = window.token(claim.about) == f"long {claim.about}"
        if claim.account_id is None and is_connected:
            yield "told that nothing is connected, and it is"
        if claim.account_id is not None and (claim.account_id != claim.about or not is_connected):
            yield "told that an account is connected, and it is not"
        if claim.account_id and window.kind.uid is None and not claim.custom_token:
            yield "signed in without a token"


def _half_stored(window: Window) -> Iterator[str]:
    """Yield what is stored without what belongs to it."""
    is_stored = window.token(MINE) is not None
    if is_stored != (window.card(MINE) is not None):
        yield "there is an account without a card, or a card without an account"
    used = window.used_up()
    if any(fields.get("code") for fields in used):
        yield "a code is kept that was used"
    ended = [fields for fields in used if fields.get("outcome", {}).get("status") == CONNECTED]
    if is_stored != bool(ended):
        yield "an account is stored and its window has not ended so, or the other way round"
