"""The hourly sweep: it refreshes the tokens of all accounts that are due, or creates tasks that do, by pages.

With a queue, each account becomes a task at a time of its own within the hour, because posts share the queue.
A full page becomes one more task, for the next page. So no request is long, however many accounts there are.
The request itself refreshes what is urgent: tokens that expire soon, and accounts that the queue has not
brought for a day.

Without a queue, the request refreshes the accounts one after the other until its time is up, and the next
hour's sweep goes on with the rest. Who expires first comes first.

What is found may not be an account of ours: a rule of the app may let users write such documents, or a newer
version has written it. So a token whose seal does not open, or a status that is unknown, is passed over
without a read, however often it is found. An account without a token is being disconnected: it comes last.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from threads.accounts import token_lifetime
from threads.accounts.account import StoredAccount
from threads.accounts.parts import AccountParts
from threads.accounts.refresh import Outcome, Refresh
from threads.accounts.repository import Due
from threads.accounts.token_lifetime import LAST_DAYS, SPREAD, Turn, share
from threads.accounts.vault import SealBroken
from threads.base.errors import ServiceError, name_of
from threads.base.validation import as_json_time

PAGE = 100
"""Accounts for which one request creates tasks. That takes some seconds. Their tokens are read with them, and
a document may have a megabyte."""

SWEEP_TIME = timedelta(seconds=60)
"""How long a request refreshes accounts itself. The last one may take a little longer. The function's time
limit is two minutes."""

LOOK_TIME = timedelta(seconds=20)
"""How long a request looks for the accounts that are due before it begins with the first one."""

AHEAD = 1000
"""The most accounts that a request looks at before it begins with the one that expires first. A sweep without
a queue refreshes fewer."""

OVERDUE = timedelta(days=1)
"""A task postpones an account whose refresh fails. So if an account has been due for this long, its tasks do
not arrive: the queue is stopped, or may not call the function. Then a sweep refreshes the account itself, if
it has the time."""

FEW = 5
"""Fewer failed refreshes than this prove nothing, even if none was good."""

TRIED = {Outcome.REFRESHED, Outcome.POSTPONED, Outcome.DOUBTED, Outcome.ENDED}
"""The outcomes for which Threads was asked for a new token."""

PASSED_OVER = "passed_over"
"""Counts what is not an account of ours, or cannot be read."""

NEVER = datetime.max.replace(tzinfo=UTC)


LookAfter = Callable[[str, str], Refresh]
"""Does what is due for a uid's account: it refreshes the token, or goes on with disconnecting the account."""


class Swept(NamedTuple):
    """The result of a sweep."""

    counts: Counter[str]
    """How many accounts had each outcome."""
    error: ServiceError | None = None
    """The error that ended the sweep early."""
    passed_over: tuple[str, ...] = ()
    """The paths of what was passed over."""
    is_mostly_failing: bool = False
    """Whether most of the refreshes that it knows of have failed: its own, and the last one of each account
    that is due."""


class DueAccount(NamedTuple):
    """An account that is due."""

    uid: str
    path: str
    refresh_at: datetime
    """Since when it is due."""
    expires_at: datetime
    """When its token expires, or a time that never comes if that is not known."""

    @property
    def account_id(self) -> str:
        """The account's id."""
        return self.path.rpartition("/")[2]

    def is_overdue(self, now: datetime) -> bool:
        """Return whether no task has brought it for a day."""
        return now - self.refresh_at > OVERDUE

    def is_urgent(self, now: datetime) -> bool:
        """Return whether it does not wait for a task."""
        return self.is_overdue(now) or self.expires_at - now < LAST_DAYS


@dataclass
class Found:
    """What a sweep has found. Nothing of it is large, whatever is in the documents."""

    page: set[str] = field(default_factory=set)
    """The paths of the first page."""
    goes_on_after: Due | None = None
    """Where the second page begins, if there is one."""
    last: Due | None = None
    """Where the search has ended, unless it has found everything."""
    ready: list[DueAccount] = field(default_factory=list)
    """Accounts with a token."""
    tokenless: list[DueAccount] = field(default_factory=list)
    """Accounts that are being disconnected, or documents of a client."""

    def in_order(self) -> list[DueAccount]:
        """Return the accounts in the order in which they are looked after.

        Who expires first comes first. Of those without a token, each user's first one comes before any user's
        second one.
        """
        of_user: Counter[str] = Counter()
        fair = []
        for account in self.tokenless:
            of_user[account.uid] += 1
            fair.append((of_user[account.uid], account))
        ready = sorted(self.ready, key=lambda account: account.expires_at)
        return [*ready, *(account for _, account in sorted(fair, key=lambda it: it[0]))]


def sweep(parts: AccountParts, look_after: LookAfter, after: Due | None = None) -> Swept:
    """Look after the accounts after a place that are due, or create tasks that do, and return the result.

    If Firestore or Cloud Tasks fails, the next hour's sweep does the rest.
    """
    going = Sweep(parts, look_after)
    try:
        going.hand_out(after) if parts.queue.is_configured else going.refresh_here(after)
    except ServiceError as error:
        return going.result(error)
    return going.result()


class Sweep:
    """One request's part of a sweep."""

    def __init__(self, parts: AccountParts, look_after: LookAfter) -> None:
        """Begin now."""
        self._parts = parts
        self._look_after = look_after
        self._begun_at = parts.now()
        self.counts: Counter[str] = Counter()
        self.passed_over: list[str] = []
        self._has_failed: dict[str, bool] = {}
        """Whether the last refresh of each account has failed, by path."""

    def result(self, error: ServiceError | None = None) -> Swept:
        """Return what has come of it."""
        failed = sum(self._has_failed.values())
        is_mostly_failing = failed >= FEW and 2 * failed > len(self._has_failed)
        return Swept(self.counts, error, tuple(self.passed_over), is_mostly_failing)

    def hand_out(self, after: Due | None) -> None:
        """Create a task for each account of a page, and before them a task for the next page.

        So an error in one page does not stop the next one. Urgent accounts come first of all, those of the
        pages behind among them, and are refreshed here, without the queue. If there is no time for all of
        them, the rest become tasks like the others.
        """
        now, queue = self._begun_at, self._parts.queue
        found = self._find(after, ahead=0 if after else AHEAD)
        urgent = [account for account in found.in_order() if account.is_urgent(now)]
        accounts = [account for account in found.in_order() if account.path in found.page]
        overdue = sum(account.is_overdue(now) for account in found.ready)
        self.counts += Counter({"found": len(accounts), "overdue": overdue})
        done = self._refresh_all(urgent)
        if place := found.goes_on_after:
            body = {"refreshAt": as_json_time(place.refresh_at, to="microseconds"), "path": place.path}
            queue.enqueue_refresh(_task_id("page", place, now), {"after": body}, due_at=now)
        for account in accounts:
            if account in done:
                continue
            names = {"userId": account.uid, "accountId": account.account_id}
            task_id = _task_id("account", Due(account.refresh_at, account.path), now)
            queue.enqueue_refresh(task_id, names, due_at=now + SPREAD * share(account.path))
            self.counts["tasks"] += 1

    def refresh_here(self, after: Due | None) -> None:
        """Refresh all accounts that are due until the time is up."""
        while True:
            found = self._find(after, ahead=AHEAD)
            self._refresh_all(found.in_order())
            after = found.last
            if after is None or self._is_over():
                return

    def _find(self, after: Due | None, *, ahead: int) -> Found:
        """Find what is due: one page, or enough to know who of so many expires first. One read a page.

        What the service has not sealed does not count, so that it keeps nobody away.
        """
        found, ends = Found(), self._parts.now() + LOOK_TIME
        while True:
            page = self._parts.repository.find_due(self._parts.now(), after, PAGE)
            after = page[-1]._replace(account=None) if len(page) == PAGE else None
            if not found.page:
                found.page, found.goes_on_after = {due.path for due in page}, after
            for due in page:
                self._sort_in(due, found)
            found.last = after
            if after is None or len(found.ready) >= ahead or self._parts.now() >= ends:
                return found

    def _sort_in(self, due: Due, found: Found) -> None:
        """Sort a document in, or pass over it."""
        account = due.account
        if account is None:
            return  # an ``accounts`` of the app's own
        it = DueAccount(account.uid, due.path, due.refresh_at, account.expires_at or NEVER)
        if account.sealed_token is None:
            found.tokenless.append(it)
        elif why := self._why_not(account):
            self.counts[why] += 1
            if why not in set(Turn):
                self.passed_over.append(due.path)
        else:
            found.ready.append(it)
            if account.is_active:
                self._has_failed[it.path] = account.has_failed

    def _why_not(self, account: StoredAccount) -> str | None:
        """Return why an account is left as it is, or None if its turn has come."""
        try:
            self._parts.vault.open_token(account)
            turn = token_lifetime.turn(account, self._begun_at)
        except SealBroken:
            return PASSED_OVER
        except Exception as error:  # noqa: BLE001 - no odd document of one account stops the others
            return name_of(error)
        if not (account.is_active or account.is_ended):
            return PASSED_OVER
        return None if turn in {Turn.REFRESH, Turn.LOOK_AGAIN} else turn

    def _refresh_all(self, accounts: list[DueAccount]) -> set[DueAccount]:
        """Refresh one account after the other until the time is up, and return those that had their turn."""
        done: set[DueAccount] = set()
        for account in accounts:
            if self._is_over():
                break
            done.add(account)
            try:
                outcome = self._look_after(account.uid, account.account_id).outcome
                self.counts[outcome] += 1
                if outcome in TRIED:
                    self._has_failed[account.path] = outcome is not Outcome.REFRESHED
            except Exception as error:  # noqa: BLE001 - no error of one account stops the others
                self.counts[name_of(error)] += 1
                if not isinstance(error, ServiceError):
                    self.passed_over.append(account.path)
        return done

    def _is_over(self) -> bool:
        """Return whether the time is up."""
        return self._parts.now() >= self._begun_at + SWEEP_TIME


def _task_id(kind: str, due: Due, now: datetime) -> str:
    """Return a task's name, the same for all sweeps of one hour.

    So the sweeps of one hour create the task once, and the next hour's sweep can try again. The name is a
    hash, because sequential names slow a queue down
    (https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks/create).
    """
    hour = int(now.timestamp()) // 3600
    parts = [kind, due.path, as_json_time(due.refresh_at, to="microseconds"), hour]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
