"""All accounts: a sweep hands out what is due, page by page, and over a quarter no account is lost."""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from threading import Lock
from typing import Any, NamedTuple

import pytest
from google.api_core import exceptions

from tests.firestore.calls import Call
from tests.firestore.errors import refusal
from tests.unit.support import HTML, OTHER_KEY, graph_error, reply
from tests.unit.world import ACCOUNT, NOW, PROJECT, UID, World, account_path, validity
from threads.accounts import sweep
from threads.accounts.parts import AccountParts
from threads.accounts.refresh import refresh_account
from threads.accounts.repository import Due
from threads.accounts.sweep import PAGE
from threads.accounts.vault import Vault
from threads.base.errors import ServiceUnavailable
from threads.base.secret import Secret
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply, GraphRequest

ACCOUNTS = int(os.environ.get("SWEEP_ACCOUNTS", "300"))
"""How many accounts live through a quarter: 300 in a run of the suite; 1,000 take ten seconds and more."""

FRESH = reply(200, {"access_token": "THAAnew", "expires_in": 5184000})
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Scene:
    """Accounts that are due, and a world around them."""

    def __init__(self, due: int, *, has_queue: bool = True) -> None:
        """Connect so many accounts whose tokens are to be refreshed, the first one first."""
        self.world = World(has_queue=has_queue)
        self.world.graph.always[Step.REFRESH_TOKEN] = FRESH
        for number in range(1, due + 1):
            at = NOW - (due - number) * timedelta(milliseconds=1)
            self.connect(str(number), at)

    def connect(self, account_id: str, refresh_at: datetime) -> None:
        """Connect an account whose token is to be refreshed at this time."""
        self.world.connect(account_id, "THAAold", at=NOW - 45 * DAY, refreshAt=refresh_at)

    def sweep(self, after: Due | None = None) -> sweep.Swept:
        """Sweep everything that is due, from behind a place on."""
        return sweep.sweep(self.world.accounts, partial(refresh_account, self.world.accounts), after)

    def due(self) -> list[str]:
        """Return where what is due by now lies, the longest due first."""
        return [due.path for due in self.world.accounts.repository.find_due(NOW, None, 9)]

    @property
    def bodies(self) -> list[dict[str, Any]]:
        """What the tasks carry."""
        return [body for body, _ in self.world.tasks.refreshes.values()]

    def names(self) -> list[str]:
        """Return the accounts for which there is a task."""
        return [body["accountId"] for body in self.bodies if "accountId" in body]


# --- with a queue -------------------------------------------------------------------------------------------


def test_every_account_that_is_due_becomes_a_task() -> None:
    """A sweep asks Threads nothing: each account is left to a task of its own."""
    scene = Scene(3)
    scene.world.connect("9")
    assert scene.sweep() == ({"found": 3, "tasks": 3}, None, (), False)
    assert scene.bodies == [{"userId": UID, "accountId": str(number)} for number in (1, 2, 3)]
    assert scene.world.calls == []
    assert scene.world.wire.commits == 0


def test_tasks_do_not_come_as_one_wave() -> None:
    """Posts share the queue: an account has a time of its own within the hour, the same in each sweep."""
    scene = Scene(PAGE)
    scene.sweep()
    times = {
        body["accountId"]: due_at - NOW
        for body, due_at in scene.world.tasks.refreshes.values()
        if len(body) == 2
    }
    minutes = [time // timedelta(minutes=1) for time in times.values()]
    assert (len(minutes), min(minutes) >= 0, max(minutes) < 50) == (PAGE, True, True)
    assert max(minutes.count(minute) for minute in minutes) < PAGE / 10
    scene.world.clock.forward(seconds=3600)
    scene.sweep()
    again = [(body, due_at) for body, due_at in scene.world.tasks.refreshes.values() if len(body) == 2][PAGE:]
    assert {body["accountId"]: due_at - NOW - HOUR for body, due_at in again} == times


def test_a_full_page_leaves_the_rest_to_a_task() -> None:
    """No request is long: a page is handed out, and before it a task for what is behind its last account."""
    scene = Scene(PAGE + 1)
    assert scene.sweep().counts == {"found": PAGE, "tasks": PAGE}
    assert len(scene.world.tasks.refreshes) == PAGE + 1
    last = scene.world.account(str(PAGE)).fields["refreshAt"]
    place = {"refreshAt": f"{last:%Y-%m-%dT%H:%M:%S.%f}Z", "path": account_path(UID, str(PAGE))}
    assert scene.bodies[0] == {"after": place}
    rest = scene.sweep(Due(last, account_path(UID, str(PAGE))))
    assert rest.counts == {"found": 1, "tasks": 1}
    assert sorted(map(int, scene.names())) == list(range(1, PAGE + 2))


def test_accounts_that_are_due_at_the_same_moment_are_all_found() -> None:
    """Where a page ends among equals, the next one begins with the equal that follows."""
    scene = Scene(0)
    for number in range(2 * PAGE + 1):
        scene.connect(f"{number:05}", NOW - HOUR)
    after = None
    for _ in range(3):
        page = scene.world.accounts.repository.find_due(NOW, after, PAGE)
        scene.sweep(after)
        after = page[-1]
    assert len(set(scene.names())) == 2 * PAGE + 1


def test_overlapping_sweeps_create_a_task_once() -> None:
    """Two sweeps of an hour, or a page that comes twice, bring an account once."""
    scene = Scene(PAGE)
    for _ in range(3):
        scene.sweep()
        scene.world.clock.forward(seconds=60)
    assert len(scene.world.tasks.refreshes) == PAGE + 1


def test_the_next_hours_sweep_is_a_retry() -> None:
    """A task that did nothing does not keep its account from getting another one an hour later."""
    scene = Scene(1)
    scene.sweep()
    scene.world.clock.forward(seconds=3600)
    scene.sweep()
    assert scene.names() == ["1", "1"]


def test_the_names_of_tasks_are_hashes() -> None:
    """No name tells whose account it is for, and none begins like the one before."""
    scene = Scene(PAGE)
    scene.sweep()
    names = list(scene.world.tasks.refreshes)
    assert {len(name) for name in names} == {64}
    assert len({name[:6] for name in names}) > PAGE - 5


def test_without_the_index_of_ends_a_sweep_goes_on() -> None:
    """After an update, Firestore may still build it. The log says that the order is not known."""
    scene = Scene(2, has_queue=False)

    def intercept(call: Call[Any]) -> Callable[[], None] | None:
        if call.kind == "query" and scene.world.wire.reads == 2:
            scene.world.wire.reads += 1
            raise refusal(exceptions.FailedPrecondition, "The query requires an index.")
        return scene.world.wire.intercept(call)

    scene.world.firestore.intercept = intercept
    assert scene.sweep().counts == {"order_unknown": 1, "refreshed": 2}


@pytest.mark.parametrize("has_queue", [True, False])
def test_accounts_of_others_are_passed_over(has_queue: bool) -> None:  # noqa: FBT001 - a table
    """An app's own ``accounts`` are no business of a sweep, whatever fields they have."""
    scene = Scene(1, has_queue=has_queue)
    foreign = [
        "accounts/5",
        "banks/x/accounts/5",
        "users/ada/accounts/5",
        "users/ada/integrations/x/accounts/5",
    ]
    for path in foreign:
        scene.world.database.put(path, {"refreshAt": NOW - 9 * DAY, "status": "active"})
    counts = scene.sweep().counts
    assert counts == ({"found": 1, "tasks": 1} if has_queue else {"refreshed": 1})
    assert scene.names() == (["1"] if has_queue else [])
    assert len(scene.world.calls) == (0 if has_queue else 1)


def test_a_queue_in_trouble_ends_the_page() -> None:
    """What was not handed out is due in an hour still; the first trouble ends it, and is told."""
    scene = Scene(2)
    scene.world.tasks.is_out_of_order = True
    swept = scene.sweep()
    assert (swept.counts, type(swept.error)) == ({"found": 2}, ServiceUnavailable)
    assert (scene.world.wire.commits, scene.world.trail) == (0, ["refresh task"])


def test_a_firestore_in_trouble_is_told() -> None:
    """A sweep that finds nothing out says so; it does not fail."""
    for has_queue in (True, False):
        scene = Scene(1, has_queue=has_queue)
        scene.world.wire.fails = 1
        swept = scene.sweep()
        assert (swept.counts, type(swept.error)) == ({}, ServiceUnavailable)


def late(scene: Scene, number: int) -> None:
    """Let accounts have been due for more than a day."""
    for account_id in range(1, number + 1):
        at = NOW - DAY - timedelta(seconds=number - account_id + 1)
        scene.world.change_account(str(account_id), refreshAt=at)


def test_what_no_task_has_brought_for_a_day_is_refreshed_by_the_sweep() -> None:
    """A queue that is stopped, or may not call, lets no token die; the others still become tasks."""
    scene = Scene(3)
    late(scene, 2)
    counts = scene.sweep().counts
    assert counts == {"found": 3, "overdue": 2, "refreshed": 2, "tasks": 1}
    assert scene.names() == ["3"]


def test_a_queue_that_takes_nothing_lets_no_token_die() -> None:
    """What is overdue comes before any task is created, and is counted whatever becomes of those."""
    scene = Scene(3)
    late(scene, 2)
    scene.world.tasks.is_out_of_order = True
    swept = scene.sweep()
    assert swept.counts == {"found": 3, "overdue": 2, "refreshed": 2}
    assert swept.error
    assert scene.due() == [account_path(UID, "3")]


def test_what_is_overdue_ends_in_its_time_too() -> None:
    """A page of accounts that no task has brought makes no request longer; the rest of them become tasks."""
    scene = Scene(PAGE)
    late(scene, PAGE)
    slow = scene.world.graph.send

    def send(request: GraphRequest) -> GraphReply:
        scene.world.clock.forward(seconds=5)
        return slow(request)

    scene.world.graph.send = send  # type: ignore[method-assign]
    counts = scene.sweep().counts
    assert counts == {"found": PAGE, "overdue": 12, "refreshed": 12, "tasks": PAGE - 12}
    assert scene.bodies[0].keys() == {"after"}
    assert scene.names() == [str(number) for number in range(13, PAGE + 1)]


# --- without a queue ----------------------------------------------------------------------------------------


def test_without_a_queue_a_sweep_refreshes_itself() -> None:
    """Page after page, everything that is due is refreshed in place."""
    scene = Scene(PAGE + 1, has_queue=False)
    assert scene.sweep().counts == {"refreshed": PAGE + 1}
    assert scene.world.tasks.refreshes == {}
    assert scene.sweep() == ({}, None, (), False)


def test_a_sweep_in_place_ends_in_its_time() -> None:
    """With a slow Threads a request does what it can in a minute, and the next hour goes on behind it."""
    scene = Scene(100, has_queue=False)
    slow = scene.world.graph.send

    def send(request: GraphRequest) -> GraphReply:
        scene.world.clock.forward(seconds=5)
        return slow(request)

    scene.world.graph.send = send  # type: ignore[method-assign]
    done = [scene.sweep().counts.total() for _ in range(10)]
    assert done == [12] * 8 + [4, 0]


def test_one_accounts_trouble_is_not_the_others() -> None:
    """An account that cannot be read is passed over, and due in a day; if its token ends soon, in an hour."""
    scene = Scene(3, has_queue=False)

    def intercept(call: Call[Any]) -> Callable[[], None] | None:
        if call.kind == "get" and call.paths == (account_path(UID, "2"),):
            raise refusal(exceptions.ServiceUnavailable, "no answer")
        return scene.world.wire.intercept(call)

    scene.world.firestore.intercept = intercept
    passed_over = (account_path(UID, "2"),)
    scene.world.change_account("2", expiresAt=NOW + 2 * DAY)
    assert scene.sweep() == ({"refreshed": 2, "service_unavailable": 1}, None, passed_over, False)
    assert scene.due() == [*passed_over]
    scene.world.change_account("2", expiresAt=NOW + 3 * DAY)
    assert scene.sweep() == ({"service_unavailable": 1}, None, passed_over, False)
    assert scene.world.account("2").fields["refreshAt"] == NOW + DAY


@pytest.mark.parametrize("has_queue", [True, False])
def test_one_odd_document_is_not_the_others_trouble(has_queue: bool) -> None:  # noqa: FBT001 - a table
    """An account whose times cannot be calculated with is counted by what went wrong; the others go on."""
    scene = Scene(3, has_queue=has_queue)
    late(scene, 3)
    scene.world.change_account("2", expiresAt=datetime.min.replace(tzinfo=UTC), expiresIn=86400)
    counts = scene.sweep().counts
    assert (counts["refreshed"], counts["internal OverflowError"]) == (2, 1)
    assert scene.world.account("2").fields["refreshAt"] == NOW + DAY


def test_a_bad_hour_ends_no_account_and_is_told() -> None:
    """Threads calls every token dead: a person is told, and the next sweeps refresh them all.

    If it also says to the app that each is not valid, it is believed of a handful, which revive.
    """
    dead, not_valid = reply(401, graph_error(190)), validity(is_valid=False)
    for told, counts in ((dead, {"doubted": 25}), (not_valid, {"ended": 5, "doubted": 20})):
        scene = Scene(25, has_queue=False)
        scene.world.graph.always |= {Step.REFRESH_TOKEN: dead, Step.ASK_WITNESS: dead, Step.READ_GRANTS: told}
        assert scene.sweep() == (counts, None, (), True)
        all_are_refreshed_in_the_end(scene)


def all_are_refreshed_in_the_end(scene: Scene) -> None:
    """Let Threads answer as it should for eight hours."""
    scene.world.graph.always |= {Step.REFRESH_TOKEN: FRESH, Step.ASK_WITNESS: reply(200, {"id": "1"})}
    for _ in range(8):
        scene.world.clock.forward(seconds=3600)
        assert not scene.sweep().is_mostly_failing
    for number in range(1, 26):
        assert not scene.world.is_marked(str(number))
        assert scene.world.token(str(number)) == "THAAnew"


MOSTLY: list[tuple[int, int, bool]] = [(5, 4, True), (5, 5, False), (4, 0, False)]


@pytest.mark.parametrize(("failing", "others", "is_told"), MOSTLY)
def test_it_is_told_if_most_of_what_is_due_has_failed(failing: int, others: int, *, is_told: bool) -> None:
    """With a queue, the documents say what has become of the tasks, whichever process had them."""
    scene = Scene(failing + others)
    for number in range(1, failing + 1):
        scene.world.change_account(str(number), refreshError="rate_limited")
    assert scene.sweep().is_mostly_failing is is_told


# --- what a client, or a newer version, has written ---------------------------------------------------------

PLANTED: dict[str, dict[str, Any]] = {
    "no seal": {"status": "active", "accessToken": "THAA" + "x" * 60},
    "another account's seal": {"status": "active"},
    "without a token": {"status": "active", "accessToken": None},
    "unknown status": {"status": "unheard_of", "accessToken": "k1:AAAA"},
}


def plant(scene: Scene, number: int, fields: Mapping[str, Any]) -> None:
    """Write documents of one user that have been due for a year, and whose tokens have expired."""
    long_ago = NOW - 365 * DAY
    seal = {"accessToken": scene.world.account("1").sealed_token}
    written = {"refreshAt": long_ago, "expiresAt": long_ago, **seal, **fields}
    kept = {name: value for name, value in written.items() if value is not None}
    for name in range(number):
        scene.world.database.put(account_path("mallory", f"9{name:05}"), kept)


@pytest.mark.parametrize("fields", PLANTED.values(), ids=PLANTED)
@pytest.mark.parametrize("has_queue", [True, False])
def test_planted_documents_keep_nobody_from_being_refreshed(
    fields: dict[str, Any],
    has_queue: bool,  # noqa: FBT001 - a table
) -> None:
    """The others have their turn in the same hour, also if each call takes its time."""
    scene = Scene(5, has_queue=has_queue)
    plant(scene, 1500, fields)
    slow = scene.world.graph.send

    def send(request: GraphRequest) -> GraphReply:
        scene.world.clock.forward(seconds=5)
        return slow(request)

    scene.world.graph.send = send  # type: ignore[method-assign]
    swept = scene.sweep()
    while scene.bodies and "after" in scene.bodies[0]:
        body = scene.world.tasks.refreshes.pop(next(iter(scene.world.tasks.refreshes)))[0]
        place = body["after"]
        scene.sweep(Due(datetime.fromisoformat(place["refreshAt"]), place["path"]))
    if has_queue:
        assert {*scene.names()} >= {"1", "2", "3", "4", "5"}
    else:
        assert swept.counts["refreshed"] == 5
    assert swept.counts["overdue"] == 0
    if fields.get("accessToken", "a seal") is not None:
        assert swept.counts["passed_over"] == len(swept.passed_over) >= 1000
        assert len(scene.world.calls) == (0 if has_queue else 5)


FILLED: dict[str, dict[str, Any]] = {
    "no text": {"accessToken": [True] * 9, "status": "active"},
    "a seal beside it": {"accessToken": f"k1:{'A' * 40}", "status": "active"},
    "no token": {"status": "active"},
}


def filled(scene: Scene, paths: list[str], fails: bool = False) -> None:  # noqa: FBT001, FBT002 - a switch
    """Let documents take many seconds to read, or fail."""
    scene.world.reads_slowly(paths.__contains__, 14, fails=fails)


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("fields", FILLED.values(), ids=FILLED)
@pytest.mark.parametrize("has_queue", [True, False])
def test_what_a_client_has_filled_costs_its_own_turn_once_a_day(
    fields: dict[str, Any],
    has_queue: bool,  # noqa: FBT001 - a table
    fails: bool,  # noqa: FBT001 - a table
) -> None:
    """Reading it takes many seconds, or fails. The others are refreshed in the same hour, and it is named."""
    scene = Scene(0, has_queue=has_queue)
    for name in ("bob", "cleo", "dora"):
        scene.world.connect("1", uid=name, at=NOW - 45 * DAY, refreshAt=NOW - 2 * DAY)
    paths = [account_path("mallory", str(number)) for number in range(4)]
    for path in paths:
        scene.world.database.put(path, {"refreshAt": NOW - 9 * DAY, **fields})
    filled(scene, paths, fails)
    swept = scene.sweep()
    assert (swept.counts["refreshed"], swept.error) == (3, None)
    assert sorted(swept.passed_over) == (paths if fails or "accessToken" in fields else [])
    assert {(scene.world.database.fields(path) or {})["refreshAt"] for path in paths} == {NOW + DAY}


def test_an_account_that_a_client_has_filled_costs_its_own_turn_once_a_day() -> None:
    """Its token opens, and she has written that it was issued just now. So nothing is done with it."""
    scene = Scene(0, has_queue=False)
    scene.world.connect("7", uid="mallory", at=NOW, refreshAt=NOW - 9 * DAY)
    filled(scene, [account_path("mallory", "7")])
    assert scene.sweep().counts == {"not_due": 1}
    assert scene.world.account("7", "mallory").fields["refreshAt"] == NOW + DAY


@pytest.mark.parametrize("token", [{}, {"accessToken": None}], ids=["due", "without a token"])
def test_what_a_client_has_filled_is_never_read_many_at_once(token: dict[str, Any]) -> None:
    """Each may take a fifth of the function's memory, when it is looked at and when it is looked after."""
    scene, lock, at_once, most = Scene(0, has_queue=False), Lock(), 0, 0
    for number in range(8):
        scene.world.connect("7", uid=f"m{number}", at=NOW - 45 * DAY, refreshAt=NOW - 2 * DAY, **token)

    def intercept(call: Call[Any]) -> Callable[[], None] | None:
        nonlocal at_once, most
        if call.kind == "get":
            with lock:
                at_once, scene.world.clock.now = at_once + 1, scene.world.clock.now + timedelta(seconds=2)
                most = max(most, at_once)
            time.sleep(0.02)
            with lock:
                at_once -= 1
        return scene.world.wire.intercept(call)

    scene.world.firestore.intercept = intercept
    with ThreadPoolExecutor(8) as pool:
        parts = replace(scene.world.accounts, side_by_side=pool.map)
        swept = sweep.sweep(parts, partial(refresh_account, parts))
    assert (swept.counts.total(), most) == (8, sweep.READ_AT_ONCE)


def test_more_than_a_sweep_finds_keep_nobody_from_being_refreshed(monkeypatch: pytest.MonkeyPatch) -> None:
    """They have been due for longer, and take all the time of an hour. The next hour goes on behind them."""
    monkeypatch.setattr(sweep, "AHEAD", PAGE)
    scene = Scene(1, has_queue=False)
    plant(scene, 3 * PAGE, {"status": "active"})

    scene.world.reads_slowly(lambda path: "mallory" in path, 1)
    refreshed = [scene.sweep().counts["refreshed"] for _ in range(4)]
    assert refreshed == [0, 0, 0, 1]
    assert scene.sweep().counts == {"passed_over": 60}


def test_a_record_of_a_newer_version_breaks_nothing() -> None:
    """Its token opens and its status is unknown: it stays as it is, is named, and the others go on."""
    for has_queue in (True, False):
        scene = Scene(3, has_queue=has_queue)
        newer = scene.world.change_account("1", status="paused", refreshingUntil=NOW + 365 * DAY)
        swept = scene.sweep()
        assert (swept.counts["passed_over"], swept.passed_over) == (1, (account_path(UID, "1"),))
        assert swept.counts["tasks" if has_queue else "refreshed"] == 2
        assert scene.world.account("1") == newer


def test_a_key_that_was_left_out_costs_no_account() -> None:
    """Its accounts are passed over and named; once the key is back, the next sweep refreshes them."""
    scene = Scene(2, has_queue=False)
    keys, scene.world.vault = scene.world.vault, Vault({"other": Secret(OTHER_KEY)}, lambda: PROJECT)
    assert scene.sweep().counts == {"passed_over": 2}
    assert scene.world.wire.commits == 0
    scene.world.vault = keys
    assert scene.sweep().counts == {"refreshed": 2}


# --- who expires first --------------------------------------------------------------------------------------


def urgent(scene: Scene) -> None:
    """Let an account have two hours left, which became due after all others."""
    scene.world.connect("99", "THAAold", at=NOW - 60 * DAY + 2 * HOUR, refreshAt=NOW)


def test_who_expires_first_comes_first() -> None:
    """Among forty accounts with weeks left, and a Threads that is slow, it is asked in the first request."""
    scene = Scene(40, has_queue=False)
    urgent(scene)
    slow = scene.world.graph.send

    def send(request: GraphRequest) -> GraphReply:
        scene.world.clock.forward(seconds=20)
        return slow(request)

    scene.world.graph.send = send  # type: ignore[method-assign]
    assert scene.sweep().counts == {"refreshed": 3}
    assert scene.world.token("99") == "THAAnew"


def test_a_sweep_has_many_accounts_in_hand_at_once() -> None:
    """A slow Threads, or many that are due, cost the others no hour."""
    scene, handed = Scene(5, has_queue=False), list[int]()

    def side_by_side(work: Callable[[Any], Any], things: Iterable[Any]) -> Iterable[Any]:
        all_of_them = [*things]
        handed.append(len(all_of_them))
        return map(work, all_of_them)

    parts = replace(scene.world.accounts, side_by_side=side_by_side)
    assert sweep.sweep(parts, partial(refresh_account, parts)).counts == {"refreshed": 5}
    assert handed[0] == 5


def due_of(uid: str, number: int, days: float) -> sweep.DueAccount:
    """Return an account that is due, whose token expires in so many days."""
    return sweep.DueAccount(uid, account_path(uid, str(number)), NOW, NOW + days * DAY)


def test_no_client_takes_the_others_turns() -> None:
    """Whatever end she has written: each user's first account comes before any user's second one."""
    hers = [due_of("mallory", number, 0.1) for number in range(50)]
    others = [due_of(uid, 1, 2) for uid in ("bob", "cleo")]
    first = sweep.in_order([*hers, *others], NOW)[:3]
    assert {it.uid for it in first} == {"mallory", "bob", "cleo"}
    assert sorted(sweep.in_order([*hers, *others], NOW)) == sorted([*hers, *others])


def test_half_of_the_turns_are_nobodys_choice() -> None:
    """Many users who expire first do not come first alone. Each hour draws other lots."""
    many = [due_of(f"m{number}", 1, 0.1) for number in range(150)]
    others = [due_of(f"user{number}", 1, 2) for number in range(50)]
    hours = [sweep.in_order([*many, *others], NOW + hour * HOUR)[:40] for hour in range(24)]
    for order in hours:
        assert order[0] in many
        assert {*order} & {*others}
    assert len({it for order in hours for it in order} & {*others}) > 40


@pytest.mark.parametrize("is_away", [True, False])
def test_who_expires_soon_does_not_wait_for_a_task(is_away: bool) -> None:  # noqa: FBT001 - a table
    """The request itself refreshes it, also on a later page, and while Cloud Tasks takes nothing."""
    scene = Scene(PAGE + 40)
    urgent(scene)
    scene.world.tasks.is_out_of_order = is_away
    swept = scene.sweep()
    assert (swept.counts["refreshed"], bool(swept.error)) == (1, is_away)
    assert scene.world.token("99") == "THAAnew"


# --- a quarter ----------------------------------------------------------------------------------------------

FAULTS = (
    GraphReply(0, failure="ReadTimeout"),
    GraphReply(0, failure="NotSent"),
    reply(500, HTML),
    reply(503, graph_error(2, is_transient=True)),
    reply(429, b""),
    reply(400, graph_error(4)),
    reply(400, graph_error(10)),
    reply(200, HTML),
    reply(400, graph_error(100)),
)


class Seen(NamedTuple):
    """A refresh that Threads carried out."""

    at: datetime
    issued_at: datetime


class Threads:
    """A Threads that refreshes tokens by Meta's rules, and does not answer well each fifth time."""

    def __init__(self, world: World, share: float) -> None:
        """Take the clock, and how many of its answers are faults."""
        self.issued: dict[str, datetime] = {}
        self.refreshes: dict[str, list[Seen]] = {}
        self.answers: Counter[str] = Counter()
        self._now = world.clock
        self._share = share
        self._chance = Random(7)  # noqa: S311 - a repeatable one

    def connect(self, account_id: str) -> str:
        """Issue a first token, which has its account's name in it."""
        token = f"THAA.{account_id}.0"
        self.issued[token] = self._now()
        return token

    def send(self, request: GraphRequest) -> GraphReply:
        """Answer a refresh, or the question whether a token works."""
        if request.step is Step.ASK_WITNESS:
            return reply(200, {"id": "1"})
        assert request.step is Step.REFRESH_TOKEN
        if self._chance.random() < self._share:
            self.answers["fault"] += 1
            return self._chance.choice(FAULTS)
        old, now = request.query["access_token"], self._now()
        age = now - self.issued[old]
        assert DAY <= age < 60 * DAY, f"asked for a token that is {age} old"
        account_id, number = old.split(".")[1:]
        token = f"THAA.{account_id}.{int(number) + 1}"
        self.refreshes.setdefault(account_id, []).append(Seen(now, self.issued[old]))
        self.issued[token] = now
        self.answers["refreshed"] += 1
        return reply(200, {"access_token": token, "expires_in": 60 * 86400})


def live(world: World, parts: AccountParts, hours: int) -> None:
    """Let hours pass: each begins with a sweep, whose tasks are delivered at their times, to the last one."""
    for _ in range(hours):
        ends = world.clock() + HOUR
        sweep.sweep(parts, partial(refresh_account, parts))
        while tasks := world.tasks.refreshes:
            name = min(tasks, key=lambda it: tasks[it][1])
            body, due_at = tasks.pop(name)
            world.clock.now = max(world.clock.now, due_at)
            deliver(parts, body)
        world.clock.now = ends


def deliver(parts: AccountParts, body: Mapping[str, Any]) -> None:
    """Do what th_refresh_tokens does with a task."""
    if "after" in body:
        place = body["after"]
        after = Due(datetime.fromisoformat(place["refreshAt"]), place["path"])
        sweep.sweep(parts, partial(refresh_account, parts), after)
    else:
        refresh_account(parts, body["userId"], body["accountId"])


def test_no_account_is_lost_in_a_quarter() -> None:
    """90 days, a fault in each fifth answer: no account ends, none is refreshed too early or twice a day."""
    world = World()
    world.delete_account(ACCOUNT)
    threads = Threads(world, share=0.2)
    ids = [str(number) for number in range(1, ACCOUNTS + 1)]
    for account_id in ids:
        world.connect(account_id, threads.connect(account_id), uid=f"user-{account_id}")
    live(world, replace(world.accounts, graph=threads), 90 * 24)
    for account_id in ids:
        account = world.account(account_id, f"user-{account_id}")
        assert account.is_active
        assert account.expires_at
        assert account.expires_at > world.clock() + 17 * DAY
        assert world.token(account_id, f"user-{account_id}") in threads.issued
        seen = threads.refreshes[account_id]
        assert 2 <= len(seen) <= 3
        assert all(it.at - it.issued_at >= 29 * DAY for it in seen)
    refreshed, faults = threads.answers["refreshed"], threads.answers["fault"]
    assert 0.15 < faults / (faults + refreshed) < 0.25
    # A lease and a new token, and with each fault a lease and another time. The sweep reads each account, and
    # so does its task. The sweeps' own reads are one or two.
    assert world.wire.commits == 2 * (refreshed + faults)
    assert 90 * 24 < world.wire.reads - 2 * (refreshed + faults) < 2 * 90 * 24
