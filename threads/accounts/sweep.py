"""The hourly sweep: it refreshes the tokens of all accounts that are due, or creates tasks that do, by pages.

With a queue, each account becomes a task at a time of its own within the hour, because posts share the queue.
A full page becomes one more task, for the next page. So no request is long, however many accounts there are.
The request itself refreshes what is urgent: tokens that expire soon, and accounts that the queue has not
brought for a day. Without a queue, it refreshes all accounts until its time is up, and the next hour's sweep
goes on with the rest. Nearly all of the time goes by in waiting, so it looks after several accounts at once.

    1 read a page    what is due: paths and moments, nothing that a client could have made large
    1 read           whose tokens expire soon, likewise
    1 read           each account by itself; then what its refresh costs

What is found may not be an account of ours: a rule of the app may let users write such documents, or a newer
version has written it. So a token whose seal does not open, or a status that is unknown, is passed over. What
cannot be read, or is slow, or was never sealed, costs its own turn, and the next one is a day later. Each
user's first account comes before any user's second one. Who expires first has every other turn, and for the
others, each hour draws lots: whatever clients write, half of the turns are not theirs to choose. If more is
due than a request without a queue can find and read, the next hour's goes on behind it.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import chain
from threading import Semaphore
from typing import NamedTuple

from threads.accounts import token_lifetime
from threads.accounts.account import StoredAccount
from threads.accounts.parts import AccountParts
from threads.accounts.refresh import Outcome, Refresh
from threads.accounts.repository import Due
from threads.accounts.token_lifetime import LAST_DAYS, SPREAD, Turn, share
from threads.accounts.vault import SealBroken, is_seal
from threads.base.errors import ServiceError, ServiceUnavailable, name_of
from threads.base.side_by_side import in_rounds
from threads.base.validation import as_json_time
from threads.cloud.firestore import owner_of

PAGE = 100
"""Accounts for which one request creates tasks. That takes some seconds."""

LOOK_PAGE = 1000
"""The most documents that are found at once, each with a path and a moment."""

SWEEP_TIME = timedelta(seconds=60)
"""How long a request refreshes accounts itself. The last ones may take a little longer. The function's time
limit is two minutes."""

LOOK_TIME = timedelta(seconds=20)
"""How long a request looks for the accounts that are due before it begins with the first one."""

AHEAD = 20_000
"""The most documents that a request finds before it begins. A sweep without a queue refreshes fewer."""

READ_AT_ONCE = 2
"""How many documents are read at once. One that a client has filled may take a few seconds and 100 MB, and
the function has 512. Others take some milliseconds."""

SLOW = timedelta(seconds=1)
"""A document takes so long to read only if it is not one that the service would have written."""

PUT_OFF = timedelta(days=1)
"""When a sweep looks again at a document that it cannot read, or that was never sealed, or that was slow to
read although there is no token to refresh."""

OVERDUE = timedelta(days=1)
"""A task postpones an account whose refresh fails. So if an account has been due for this long, its tasks do
not arrive: the queue is stopped, or may not call the function. Then a sweep refreshes the account itself, if
it has the time."""

FEW = 5
"""Fewer failed refreshes than this prove nothing, even if none was good."""

TRIED = {
    Outcome.REFRESHED,
    Outcome.ANOTHER_PERSON,
    Outcome.POSTPONED,
    Outcome.DOUBTED,
    Outcome.ENDED,
}
"""The outcomes for which Threads was asked for a new token."""

PASSED_OVER = "passed_over"
"""Counts what is not an account of ours, or cannot be read."""

ORDER_UNKNOWN = "order_unknown"
"""Counts that Firestore does not say whose tokens expire soon."""

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
    """A document that is due, and lies where an account of ours would."""

    uid: str
    path: str
    refresh_at: datetime
    """Since when it is due."""
    expires_at: datetime
    """When its token expires, if that is soon. Otherwise a time that never comes."""

    @property
    def account_id(self) -> str:
        """The account's id."""
        return self.path.rpartition("/")[2]

    def is_overdue(self, now: datetime) -> bool:
        """Return whether no task has brought it for a day."""
        return now - self.refresh_at > OVERDUE

    def is_urgent(self, now: datetime) -> bool:
        """Return whether it does not wait for a task."""
        return self.is_overdue(now) or self.expires_at != NEVER


class Look(NamedTuple):
    """What a look at a document has shown."""

    it: DueAccount
    why_not: str | None = None
    """Why nothing is done with it, for the counts. None: its turn has come."""
    is_odd: bool = False
    """Whether it is named in the log."""
    has_token: bool = True
    has_failed: bool | None = None
    """Whether the last refresh of an active account has failed."""
    outcome: Outcome | None = None
    """What has come of its turn, if it has had one."""

    @property
    def is_ours(self) -> bool:
        """Whether it is an account of ours with a token, whose turn has come."""
        return self.why_not is None and self.has_token


@dataclass
class Found:
    """What a sweep has found. Nothing of it is large, whatever is in the documents."""

    due: list[DueAccount] = field(default_factory=list)
    page: list[DueAccount] = field(default_factory=list)
    """Those of the first page."""
    goes_on_after: Due | None = None
    """Where the second page begins, if there is one."""
    last: Due | None = None
    """Where the search has ended, unless it has found everything."""


def in_order(accounts: Iterable[DueAccount], hour: datetime) -> list[DueAccount]:
    """Return accounts in the order in which they have their turns.

    Each user's first one comes before any user's second one. Then who expires first has every other turn, and
    the rest are in an order that nobody can choose, another one each hour.
    """
    by_expiry = in_rounds(sorted(accounts, key=lambda it: (it.expires_at, it.refresh_at)), lambda it: it.uid)
    lots = sorted(by_expiry, key=lambda turn: (turn[0], share(f"{turn[1].path} {hour.isoformat()}")))
    turns = chain.from_iterable(zip(by_expiry, lots, strict=True))
    return [it for _, it in dict.fromkeys(turns)]


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
        self._is_clock_set = False
        self._reading = Semaphore(READ_AT_ONCE)
        self._slow: set[str] = set()
        """The paths of what was slow to read."""
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
        found = self._find(after, ahead=0 if after else AHEAD)
        now, queue = self._begun_at, self._parts.queue
        urgent = [it for it in found.due if it.is_urgent(now)]
        turns = self._have_turns(in_order(urgent, now))
        seen = {look.it: look.why_not is None for look in turns}
        self.counts["overdue"] += sum(look.is_ours and look.it.is_overdue(now) for look in turns)
        if place := found.goes_on_after:
            body = {"refreshAt": as_json_time(place.refresh_at, to="microseconds"), "path": place.path}
            queue.enqueue_refresh(_task_id("page", place, now), {"after": body}, due_at=now)
        others = [it for it in found.page if it not in seen]
        looked = {look.it: look.why_not is None for look in self._note_all(self._look, others)}
        waiting = [it for it in others if looked.get(it, True)]
        self.counts["found"] += len(waiting) + sum(seen.get(it, False) for it in found.page)
        self.counts = +self.counts
        for account in waiting:
            names = {"userId": account.uid, "accountId": account.account_id}
            task_id = _task_id("account", Due(account.refresh_at, account.path), now)
            queue.enqueue_refresh(task_id, names, due_at=now + SPREAD * share(account.path))
            self.counts["tasks"] += 1

    def refresh_here(self, after: Due | None) -> None:
        """Refresh all accounts that are due until the time is up, from where the last sweep had to end.

        One read, and if there is too much for one request, one write.
        """
        repository = self._parts.repository
        before = repository.read_place()
        place = after or before
        while True:
            found = self._find(place, ahead=AHEAD)
            self._have_turns(in_order(found.due, self._begun_at))
            place = found.last
            if place is None or self._is_over():
                break
        if place != before:
            repository.keep_place(place)

    def _find(self, after: Due | None, *, ahead: int) -> Found:
        """Find what is due: one page, or as much as there is time for. One read a page, and one more."""
        repository, found = self._parts.repository, Found()
        pages: list[list[Due]] = []
        while True:
            limit = LOOK_PAGE if pages else PAGE
            pages.append(repository.find_due(self._parts.now(), after, limit))
            after = pages[-1][-1] if len(pages[-1]) == limit else None
            if len(pages) == 1:
                found.goes_on_after = after
                self._set_clock()
                ends = self._parts.now() + LOOK_TIME
            if after is None or sum(map(len, pages)) >= ahead or self._parts.now() >= ends:
                break
        found.last = after
        ending = self._ending() if pages[0] else {}
        found.due = [
            DueAccount(uid, due.path, due.refresh_at, ending.get(due.path, NEVER))
            for due in chain.from_iterable(pages)
            if (uid := owner_of(due.path))  # not an ``accounts`` of the app's own
        ]
        first = {due.path for due in pages[0]}
        found.page = [it for it in found.due if it.path in first]
        return found

    def _set_clock(self) -> None:
        """Begin at the time that the first answer of Firestore has set the clock to, if it is another one."""
        if not self._is_clock_set:
            self._is_clock_set, self._begun_at = True, self._parts.now()

    def _ending(self) -> dict[str, datetime]:
        """Return whose tokens expire soon, or have just expired, by path. Without an answer, it is not known.

        After an update, its index may not be there yet.
        """
        now = self._begun_at
        try:
            return self._parts.repository.find_ending(now - LAST_DAYS, now + LAST_DAYS, AHEAD)
        except ServiceUnavailable:
            self.counts[ORDER_UNKNOWN] += 1
            return {}

    def _have_turns(self, accounts: list[DueAccount]) -> list[Look]:
        """Look after accounts until the time is up, and return what was looked at.

        Those without a token come last: they are being disconnected, or are documents of a client.
        """
        looks = self._note_all(self._turn, accounts)
        tokenless = [look.it for look in looks if not look.has_token]
        ended = (look._replace(has_token=False) for look in self._note_all(self._do, tokenless))
        return [*(look for look in looks if look.has_token), *ended]

    def _note_all(self, work: Callable[[DueAccount], Look | None], accounts: list[DueAccount]) -> list[Look]:
        """Do the same with accounts, several at once, and return what came of it until the time was up."""
        looks = []
        for look in filter(None, self._parts.side_by_side(work, accounts)):
            looks.append(look)
            if said := look.outcome or look.why_not:
                self.counts[said] += 1
            if look.is_odd:
                self.passed_over.append(look.it.path)
            if look.outcome in TRIED:
                self._has_failed[look.it.path] = look.outcome is not Outcome.REFRESHED
            elif look.has_failed is not None:
                self._has_failed[look.it.path] = look.has_failed
        return looks

    def _turn(self, it: DueAccount) -> Look | None:
        """Look at a document, and look after it if its turn has come. None: the time is up."""
        look = self._look(it)
        if look is None or look.why_not or not look.has_token:
            return look
        done = self._do(it)
        return done._replace(has_failed=look.has_failed) if done else None

    def _do(self, it: DueAccount) -> Look | None:
        """Look after an account. No error of one stops the others. None: the time is up.

        This reads it again. So what was slow to read is looked after as few at once as are read.
        """
        with self._reading if it.path in self._slow else nullcontext():
            if self._is_over():
                return None
            try:
                return Look(it, outcome=self._look_after(it.uid, it.account_id).outcome)
            except Exception as error:  # noqa: BLE001 - see above
                return Look(it, name_of(error), is_odd=not isinstance(error, ServiceError))

    def _look(self, it: DueAccount) -> Look | None:
        """Read a document and say whether its turn has come. What is odd about it costs it a day.

        None: the time is up.
        """
        with self._reading:
            if self._is_over():
                return None
            begins = self._parts.now()
            try:
                account = self._parts.repository.read(it.uid, it.account_id)
                look = self._judge(it, account) if account else Look(it, Outcome.OVERTAKEN)
            except Exception as error:  # noqa: BLE001 - no document of one account stops the others
                account, look = None, Look(it, name_of(error), is_odd=True)
            is_slow = self._parts.now() - begins > SLOW
            if is_slow:
                self._slow.add(it.path)
        is_sealed = account is not None and (account.sealed_token is None or is_seal(account.sealed_token))
        is_idle = not look.has_token or look.why_not == Turn.NOT_DUE
        is_put_off = (look.is_odd and not is_sealed) or (is_slow and (look.is_odd or is_idle))
        # A read may fail once. Where every hour counts, the next one tries again.
        if is_put_off and (account or it.expires_at == NEVER):
            with suppress(ServiceUnavailable):
                self._parts.repository.put_off(it.path, self._begun_at + PUT_OFF)
        return look

    def _judge(self, it: DueAccount, account: StoredAccount) -> Look:
        """Say whether an account's turn has come."""
        if account.sealed_token is None:
            return Look(it, has_token=False)
        try:
            self._parts.vault.open_token(account)
        except SealBroken:
            return Look(it, PASSED_OVER, is_odd=True)
        turn = token_lifetime.turn(account, self._begun_at)
        if not (account.is_active or account.is_ended):
            return Look(it, PASSED_OVER, is_odd=True)
        has_failed = account.has_failed if account.is_active else None
        why_not = None if turn in {Turn.REFRESH, Turn.LOOK_AGAIN} else turn
        return Look(it, why_not, has_failed=has_failed)

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
