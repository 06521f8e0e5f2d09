"""Machines whose clocks are wrong: nothing that two of them compare goes by their own time."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest

from tests.unit.support import reply
from tests.unit.windows import CODE, RETURN_TO, Windows
from tests.unit.world import ACCOUNT, NOW, UID
from threads.accounts.refresh import Outcome, refresh_account
from threads.accounts.repository import AccountRepository
from threads.accounts.sweep import sweep
from threads.cloud.clock import ServerClock
from threads.connections.callback import Callback, complete
from threads.connections.deletion import request_deletion
from threads.connections.finish import Confirmation, finish
from threads.connections.parts import ConnectionParts
from threads.connections.repository import ConnectionRepository
from threads.connections.start import STATE_LIFETIME, Wish, start
from threads.connections.states import CONNECT
from threads.graph.error_codes import Step
from threads.graph.signed_request import SignedRequest

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)

skews = pytest.mark.parametrize("skew", [4 * MINUTE, -4 * MINUTE, 25 * HOUR, -25 * HOUR], ids=str)


def machine(world: Windows, skew: timedelta) -> ConnectionParts:
    """Return a new process on a machine whose clock is so far ahead."""
    clock = ServerClock(lambda: world.clock() + skew)
    repository = AccountRepository(world.firestore.provide, clock)
    return replace(
        world.connections,
        repository=ConnectionRepository(world.firestore.provide, clock),
        accounts=replace(world.accounts, repository=repository, now=clock.now),
        now=clock.now,
    )


def begin(parts: ConnectionParts) -> str:
    """Begin a connection; return its state."""
    url = start(parts, Wish(CONNECT, UID, unverified_scopes=(), unverified_return_to=RETURN_TO))
    return url.rpartition("state=")[2]


@skews
@pytest.mark.parametrize("mode", ["immediate", "confirm"])
def test_a_connection_works_between_machines_whose_clocks_differ(skew: timedelta, mode: str) -> None:
    """Whichever of them is wrong: a state works for ten minutes, a handle for five, and no longer."""
    for first, second in ((skew, timedelta()), (timedelta(), skew)):
        world = Windows(CONNECT_MODE=mode)
        state = begin(machine(world, first))
        old = begin(machine(world, first))
        world.clock.now += STATE_LIFETIME - MINUTE
        outcome = complete(machine(world, second), Callback(state, CODE, ""))
        assert outcome.status == ("pending" if mode == "confirm" else "connected")
        if outcome.handle:
            world.clock.now += 4 * MINUTE
            finish(machine(world, first), Confirmation(outcome.handle, UID, None))
        assert world.saved()["status"] == "active"
        world.clock.now += 2 * MINUTE
        assert complete(machine(world, second), Callback(old, CODE, "")).status == "failed"


@skews
def test_a_removal_at_meta_is_about_what_was_connected_before_it(skew: timedelta) -> None:
    """Meta's time is compared with Firestore's, whatever the machine's clock said when it connected."""
    world = Windows()
    complete(machine(world, skew), Callback(begin(machine(world, skew)), CODE, ""))
    request_deletion(machine(world, skew), SignedRequest(ACCOUNT, world.clock() - HOUR, "early"))
    assert world.has_account()
    world.clock.now += MINUTE
    request_deletion(machine(world, skew), SignedRequest(ACCOUNT, world.clock(), "late"))
    assert not world.has_account()


@skews
def test_a_sweep_has_its_minute_on_a_machine_whose_clock_is_wrong(skew: timedelta) -> None:
    """Its first answer of Firestore sets the clock: that takes none of the time."""
    world = Windows()
    world.tasks.is_configured = False
    world.graph.always[Step.REFRESH_TOKEN] = reply(200, {"access_token": "THAAnew", "expires_in": 5184000})
    for name in ("1", "2", "3"):
        world.connect(name, at=NOW - timedelta(days=45), refreshAt=NOW - timedelta(days=4))
    parts = machine(world, skew).accounts
    assert sweep(parts, partial(refresh_account, parts)).counts == {"refreshed": 3}


def test_an_account_with_hours_left_is_not_ended_by_a_clock_that_is_ahead() -> None:
    """A machine that is a day ahead refreshes it: Firestore's time, and in the end Threads' word, decide."""
    world = Windows()
    world.connect(ACCOUNT, at=NOW - timedelta(days=60) + 22 * HOUR, refreshAt=NOW)
    world.graph.always[Step.REFRESH_TOKEN] = reply(200, {"access_token": "THAAnew", "expires_in": 5184000})
    done = refresh_account(machine(world, 25 * HOUR).accounts, UID, ACCOUNT)
    assert done.outcome is Outcome.REFRESHED
    assert world.saved()["expiresAt"] == NOW + timedelta(days=60)
