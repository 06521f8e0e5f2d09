"""A year of all accounts, in which Threads and the queue have bad days: who was good stays connected."""

import os
import sys
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

from tests.unit.support import graph_error, reply
from tests.unit.world import ACCOUNT, NOW, World, validity
from threads.accounts.refresh import Outcome, Refresh, refresh_account
from threads.accounts.repository import Due
from threads.accounts.sweep import sweep
from threads.accounts.token_lifetime import FEW_DEAD
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply, GraphRequest

ACCOUNTS = int(os.environ.get("YEAR_ACCOUNTS", "40"))
"""How many accounts live through the year: 40 in a run of the suite, which takes some seconds."""

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIFETIME = 60 * DAY
DEAD = reply(401, graph_error(190))
NOT_VALID = validity(is_valid=False)
REFUSED = reply(400, graph_error(10))
FALSE = 1 / 1000
"""How often Threads calls a good token dead."""

MONTH = (NOW + 100 * DAY, NOW + 130 * DAY)
"""When Threads refuses every refresh, and answers everything else."""
BAD_HOUR = (NOW + 129 * DAY, NOW + 129 * DAY + HOUR)
"""When Threads calls every token dead, whatever it is asked."""
WORSE_HOUR = (NOW + 116 * DAY, NOW + 116 * DAY + HOUR)
"""When it also tells the app that each is not valid. Those that it is asked about have days left."""
AWAY = (NOW + 220 * DAY, NOW + 221 * DAY)
"""When Cloud Tasks takes no task."""


def is_within(now: datetime, span: tuple[datetime, datetime]) -> bool:
    """Return whether it is the time."""
    return span[0] <= now < span[1]


def token_of(request: GraphRequest) -> str:
    """Return the token that a request is about."""
    if request.step is Step.REFRESH_TOKEN:
        return request.query["access_token"]
    if request.step is Step.READ_GRANTS:
        return request.query["input_token"]
    return request.token.reveal() if request.token else ""


class Threads:
    """A Threads that refreshes tokens by Meta's rules, except when it does not."""

    def __init__(self, world: World) -> None:
        """Take the clock."""
        self._now = world.clock
        self.answers: Counter[str] = Counter()
        """How often it has refreshed, refused, and lied."""
        self._issued: dict[str, datetime] = {}
        self._chance = Random(11)  # noqa: S311 - a repeatable one
        self._numbers = iter(range(1_000_000_000))

    def issue(self) -> str:
        """Return a new token."""
        token = f"THAA{next(self._numbers)}"
        self._issued[token] = self._now()
        return token

    def is_alive(self, token: str) -> bool:
        """Return whether a token works."""
        return self._now() < self._issued[token] + LIFETIME

    def send(self, request: GraphRequest) -> GraphReply:
        """Answer a refresh, or a question about a token: to its owner, or to the app."""
        token, is_to_app = token_of(request), request.step is Step.READ_GRANTS
        is_bad, is_worse = is_within(self._now(), BAD_HOUR), is_within(self._now(), WORSE_HOUR)
        is_wrong = is_bad or is_worse or self._chance.random() < FALSE
        if is_wrong or not self.is_alive(token):
            self.answers["false 190" if self.is_alive(token) else "190"] += 1
            return NOT_VALID if is_to_app and not is_bad else DEAD
        if is_to_app:
            return validity(is_valid=True)
        if request.step is not Step.REFRESH_TOKEN:
            return reply(200, {"id": "1"})
        self.answers["refused" if is_within(self._now(), MONTH) else "refreshed"] += 1
        if is_within(self._now(), MONTH):
            return REFUSED
        return reply(200, {"access_token": self.issue(), "expires_in": LIFETIME.total_seconds()})


class Year:
    """A world in which hours pass, and what became of its accounts."""

    def __init__(self) -> None:
        """Connect the accounts, on sixty days."""
        self.world = World()
        self.world.delete_account(ACCOUNT)
        self.threads = Threads(self.world)
        self.parts = replace(self.world.accounts, graph=self.threads)
        self.alarms: dict[str, list[datetime]] = defaultdict(list)
        """When a person was told of each account, and of all of them together."""
        self.wronged: dict[str, datetime] = {}
        """When good accounts have ended that have not revived."""
        self.buried: list[datetime] = []
        """When good accounts have ended."""
        self.expired: set[str] = set()
        """Accounts that have ended with their tokens."""
        self._waiting = [str(number) for number in range(1, ACCOUNTS + 1)]

    def connect(self) -> None:
        """Connect those accounts whose day has come."""
        while self._waiting and self.world.clock() >= NOW + 60 * DAY * (1 - len(self._waiting) / ACCOUNTS):
            name = self._waiting.pop()
            now = self.world.clock()
            self.world.connect(name, self.threads.issue(), uid=f"user-{name}", at=now)

    def look_after(self, uid: str, account_id: str) -> Refresh:
        """Refresh an account, as the function does, and note what a person is told."""
        done, now = refresh_account(self.parts, uid, account_id), self.world.clock()
        if done.is_alarm:
            self.alarms[account_id].append(now)
        if done.outcome is Outcome.ENDED:
            if self.threads.is_alive(self.world.token(account_id, uid)):
                self.wronged[account_id] = now
                self.buried.append(now)
            else:
                self.expired.add(account_id)
        if done.outcome is Outcome.REVIVED:
            del self.wronged[account_id]
        return done

    def live(self, hours: int) -> None:
        """Let hours pass: each begins with a sweep, whose tasks are delivered at their times."""
        for _ in range(hours):
            self.connect()
            ends = self.world.clock() + HOUR
            self.world.tasks.is_out_of_order = is_within(self.world.clock(), AWAY)
            swept = sweep(self.parts, self.look_after)
            if swept.is_mostly_failing and self.parts.repository.raise_alarm(self.world.clock(), DAY):
                self.alarms["all"].append(self.world.clock())
            while tasks := self.world.tasks.refreshes:
                name = min(tasks, key=lambda it: tasks[it][1])
                body, due_at = tasks.pop(name)
                self.world.clock.now = max(self.world.clock.now, due_at)
                self.deliver(body)
            self.world.clock.now = ends

    def deliver(self, body: Mapping[str, Any]) -> None:
        """Do what the function does with a task."""
        if "after" in body:
            place = body["after"]
            sweep(self.parts, self.look_after, Due(datetime.fromisoformat(place["refreshAt"]), place["path"]))
        else:
            self.look_after(body["userId"], body["accountId"])


def test_no_good_account_ends_in_a_year() -> None:
    """Threads errs once in a thousand answers, for two hours in all, and refreshes nothing for a month.

    In the worse one of these hours, a handful of accounts end, and revive.

    A token that expires in that month has had alarms for a week, and no alarm comes twice a day. After the
    month, every token that lives is refreshed.
    """
    year = Year()
    year.live(365 * 24)
    assert not year.wronged
    assert len(year.buried) <= FEW_DEAD
    assert all(is_within(moment, WORSE_HOUR) for moment in year.buried)
    for name in map(str, range(1, ACCOUNTS + 1)):
        account, card = year.world.account(name, f"user-{name}"), year.world.card(name, f"user-{name}")
        is_good = year.threads.is_alive(year.world.token(name, f"user-{name}"))
        assert account.is_ended is not is_good, name
        assert account.expires_at
        if is_good:
            assert account.expires_at > year.world.clock() + 17 * DAY
        else:
            assert name in year.expired
            assert len(year.alarms[name]) >= 7, "nobody was told while there was time"
            assert account.expires_at - year.alarms[name][0] > 6 * DAY
            assert card["statusReason"] == "token_expired"
    assert year.alarms["all"]
    alarms = {name: len(moments) for name, moments in year.alarms.items()}
    sys.stdout.write(
        f"{ACCOUNTS} accounts: {len(year.expired)} expired, {len(year.buried)} ended wrongly; "
        f"{alarms.pop('all')} alarms about all, {sum(alarms.values())} about {len(alarms)} accounts; "
        f"{dict(year.threads.answers)}\n"
    )
    assert 0 < len(year.expired) < ACCOUNTS / 2
    for moments in year.alarms.values():
        assert all(later - earlier >= DAY for earlier, later in pairwise(moments))
