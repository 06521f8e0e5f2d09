"""The story of all accounts whose tokens are to be refreshed by now: an hour's sweep, page by page.

With a queue, each account becomes a task at a time of its own within the hour, as posts share the queue; and
a full page becomes one more for the next page: no request is long, however many accounts there are. Without
one, they are refreshed one after the other for as long as a request may last; the next hour goes on with what
is left. So it does with what a queue has not brought for a day.
"""

import hashlib
import json
from collections import Counter
from datetime import datetime, timedelta
from typing import NamedTuple

from threads.documents import owner_of
from threads.errors import ServiceError, name_of
from threads.refresh import refresh_account
from threads.store import Due
from threads.tokens import SPREAD, share
from threads.tools import Tools
from threads.wire import as_json_time

PAGE = 200
"""Accounts that one request hands out: some seconds' work."""

BUDGET = timedelta(seconds=60)
"""How long a request refreshes accounts itself; the last one may need a while more. The function ends after
two minutes."""

OVERDUE = timedelta(days=1)
"""What has been due for so long was not brought by its tasks, which postpone what does not pass: the queue is
stopped, or may not call. A sweep then does it itself, as well as it can."""


class Swept(NamedTuple):
    """What has come of a sweep."""

    counts: Counter[str]
    """Accounts, by what became of them."""
    error: ServiceError | None = None
    """What has ended it before its end."""


class Account(NamedTuple):
    """An account that is due, and whose it is."""

    uid: str
    due: Due

    @property
    def id(self) -> str:
        """The account's id."""
        return self.due.path.rpartition("/")[2]


def sweep(tools: Tools, after: Due | None = None) -> Swept:
    """Have everything refreshed that is due, from behind a place on; return what came of it.

    Where Firestore or Cloud Tasks did not do their part, the next hour's sweep does it.
    """
    counts: Counter[str] = Counter()
    try:
        (_hand_out if tools.tasks.is_configured else _refresh_here)(tools, after, counts)
    except ServiceError as error:
        return Swept(counts, error)
    return Swept(counts)


def _hand_out(tools: Tools, after: Due | None, counts: Counter[str]) -> None:
    """Create a task for each account of a page; before them one for the next page, whose trouble is its own.

    What is overdue comes first of all: it is the beginning of the page, and needs no queue. There is no time
    for all of it, perhaps: the rest becomes tasks with the others.
    """
    now = tools.now()
    page = tools.store.find_due(now, after, PAGE)
    accounts = _ours(page)
    overdue = [account for account in accounts if now - account.due.refresh_at > OVERDUE]
    counts += Counter({"found": len(accounts), "overdue": len(overdue)})
    outcomes = _refresh_all(tools, overdue, now + BUDGET)
    counts += outcomes
    if len(page) == PAGE:
        place = {"refreshAt": as_json_time(page[-1].refresh_at, to="microseconds"), "path": page[-1].path}
        tools.tasks.enqueue_refresh(_task_id("page", page[-1], now), {"after": place}, due_at=now)
    for account in accounts[outcomes.total() :]:
        names = {"userId": account.uid, "accountId": account.id}
        due_at = now + SPREAD * share(account.due.path)
        tools.tasks.enqueue_refresh(_task_id("account", account.due, now), names, due_at=due_at)
        counts["tasks"] += 1


def _refresh_here(tools: Tools, after: Due | None, counts: Counter[str]) -> None:
    """Refresh everything, page after page, until the time is up."""
    ends = tools.now() + BUDGET
    while page := tools.store.find_due(tools.now(), after, PAGE):
        counts += _refresh_all(tools, _ours(page), ends)
        if tools.now() >= ends:
            break
        after = page[-1]


def _refresh_all(tools: Tools, accounts: list[Account], ends: datetime) -> Counter[str]:
    """Refresh one account after the other until the time is up; return how many, by what came of them."""
    outcomes: Counter[str] = Counter()
    for account in accounts:
        if tools.now() >= ends:
            break
        try:
            outcomes[refresh_account(tools, account.uid, account.id).outcome] += 1
        except Exception as error:  # noqa: BLE001 - one account's trouble, or odd document, is not the others'
            outcomes[name_of(error)] += 1
    return outcomes


def _ours(page: list[Due]) -> list[Account]:
    return [Account(uid, due) for due in page if (uid := owner_of(due.path))]


def _task_id(kind: str, due: Due, now: datetime) -> str:
    """Return a task's name: sweeps of one hour create it once, and the next hour's is free to try again.

    A hash, as names in a sequence slow a queue down
    (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create).
    """
    hour = int(now.timestamp()) // 3600
    parts = [kind, due.path, as_json_time(due.refresh_at, to="microseconds"), hour]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
