"""The hourly sweep: it refreshes the tokens of all accounts that are due, or creates tasks that do, by pages.

With a queue, each account becomes a task at a time of its own within the hour, because posts share the queue.
A full page becomes one more task, for the next page. So no request is long, however many accounts there are.

Without a queue, the request refreshes the accounts one after the other until its time is up, and the next
hour's sweep goes on with the rest. Accounts that a queue has not brought for a day are refreshed in this way.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from threads.accounts.parts import AccountParts
from threads.accounts.refresh import Outcome, Refresh
from threads.accounts.repository import Due
from threads.accounts.token_lifetime import SPREAD, share
from threads.base.errors import ServiceError, name_of
from threads.base.validation import as_json_time
from threads.cloud.firestore import owner_of

PAGE = 200
"""Accounts for which one request creates tasks. That takes some seconds."""

SWEEP_TIME = timedelta(seconds=60)
"""How long a request refreshes accounts itself. The last one may take a little longer. The function's time
limit is two minutes."""

OVERDUE = timedelta(days=1)
"""A task postpones an account whose refresh fails. So if an account has been due for this long, its tasks do
not arrive: the queue is stopped, or may not call the function. Then a sweep refreshes the account itself, if
it has the time."""


LookAfter = Callable[[str, str], Refresh]
"""Does what is due for a uid's account: it refreshes the token, or goes on with disconnecting the account."""


class Swept(NamedTuple):
    """The result of a sweep."""

    counts: Counter[str]
    """How many accounts had each outcome."""
    error: ServiceError | None = None
    """The error that ended the sweep early."""


class DueAccount(NamedTuple):
    """An account that is due, and its user."""

    uid: str
    due: Due

    @property
    def account_id(self) -> str:
        """The account's id."""
        return self.due.path.rpartition("/")[2]


def sweep(parts: AccountParts, look_after: LookAfter, after: Due | None = None) -> Swept:
    """Look after the accounts after a place that are due, or create tasks that do, and return the result.

    If Firestore or Cloud Tasks fails, the next hour's sweep does the rest.
    """
    counts: Counter[str] = Counter()
    try:
        (_hand_out if parts.queue.is_configured else _refresh_here)(parts, look_after, after, counts)
    except ServiceError as error:
        return Swept(counts, error)
    return Swept(counts)


def _hand_out(parts: AccountParts, look_after: LookAfter, after: Due | None, counts: Counter[str]) -> None:
    """Create a task for each account of a page, and before them a task for the next page.

    So an error in one page does not stop the next one. Overdue accounts come first of all: they are at the
    beginning of the page, and are refreshed here, without the queue. If there is no time for all of them, the
    rest become tasks like the others.
    """
    now = parts.now()
    page = parts.repository.find_due(now, after, PAGE)
    accounts = _ours(page)
    overdue = [account for account in accounts if now - account.due.refresh_at > OVERDUE]
    counts += Counter({"found": len(accounts), "overdue": len(overdue)})
    outcomes = _refresh_all(parts, look_after, overdue, now + SWEEP_TIME)
    counts += outcomes
    if len(page) == PAGE:
        place = {"refreshAt": as_json_time(page[-1].refresh_at, to="microseconds"), "path": page[-1].path}
        parts.queue.enqueue_refresh(_task_id("page", page[-1], now), {"after": place}, due_at=now)
    for account in accounts[outcomes.total() :]:
        names = {"userId": account.uid, "accountId": account.account_id}
        due_at = now + SPREAD * share(account.due.path)
        parts.queue.enqueue_refresh(_task_id("account", account.due, now), names, due_at=due_at)
        counts["tasks"] += 1


def _refresh_here(
    parts: AccountParts, look_after: LookAfter, after: Due | None, counts: Counter[str]
) -> None:
    """Refresh all accounts that are due, page after page, until the time is up."""
    ends = parts.now() + SWEEP_TIME
    while page := parts.repository.find_due(parts.now(), after, PAGE):
        outcomes = _refresh_all(parts, look_after, _ours(page), ends)
        counts += outcomes
        if parts.now() >= ends or outcomes[Outcome.DOUBTED]:
            break
        after = page[-1]


def _refresh_all(
    parts: AccountParts, look_after: LookAfter, accounts: list[DueAccount], ends: datetime
) -> Counter[str]:
    """Refresh one account after the other until the time is up, and count their outcomes."""
    outcomes: Counter[str] = Counter()
    for account in accounts:
        if parts.now() >= ends:
            break
        if outcomes[Outcome.DOUBTED]:
            break  # something else is wrong than these accounts' tokens
        try:
            outcomes[look_after(account.uid, account.account_id).outcome] += 1
        except Exception as error:  # noqa: BLE001 - no error or odd document of one account stops the others
            outcomes[name_of(error)] += 1
    return outcomes


def _ours(page: list[Due]) -> list[DueAccount]:
    return [DueAccount(uid, due) for due in page if (uid := owner_of(due.path))]


def _task_id(kind: str, due: Due, now: datetime) -> str:
    """Return a task's name, the same for all sweeps of one hour.

    So the sweeps of one hour create the task once, and the next hour's sweep can try again. The name is a
    hash, because sequential names slow a queue down
    (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create).
    """
    hour = int(now.timestamp()) // 3600
    parts = [kind, due.path, as_json_time(due.refresh_at, to="microseconds"), hour]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
