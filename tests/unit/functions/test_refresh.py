"""th_refresh_tokens: what a body means, and what its caller is answered."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NamedTuple

import pytest
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from tests.unit.support import graph_error, reply
from tests.unit.world import ACCOUNT, NOW, UID, World, account_path, silence, validity
from threads.base.errors import Forbidden, ServiceError, ServiceUnavailable, Unauthenticated
from threads.base.validation import as_json_time
from threads.functions.callers import Scheduler
from threads.functions.endpoint import Endpoint
from threads.functions.refresh import th_refresh_tokens
from threads.functions.request import HttpRequest
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply

DEAD = reply(400, graph_error(190))
FRESH = reply(200, {"access_token": "THAAnew", "token_type": "bearer", "expires_in": 5184000})
TASK = {"userId": UID, "accountId": ACCOUNT}
PLACE = {"refreshAt": as_json_time(NOW), "path": account_path(UID, ACCOUNT)}


class Served(NamedTuple):
    """An answer, and what the log says."""

    response: Response
    line: dict[str, Any]

    others: list[dict[str, Any]] = []  # noqa: RUF012 - replaced, never changed
    """The lines of single accounts before it."""

    @property
    def told(self) -> tuple[int, Any]:
        """Status and body."""
        return self.response.status_code, self.response.get_json()


class Scene:
    """The function, with one account that is due."""

    def __init__(self, capsys: pytest.CaptureFixture[str], **variables: str) -> None:
        """Take what catches the log, and what is configured differently."""
        self.world = World(has_queue=True, **variables)
        self.world.connect(ACCOUNT, "THAAold", at=NOW - timedelta(days=45), refreshAt=NOW)
        self.world.graph.always[Step.READ_PROFILE] = reply(200, {"id": ACCOUNT})
        self.refusal: ServiceError | None = None
        """With what every caller is refused."""
        self._capsys = capsys

    def post(self, body: object = b"", **request: Any) -> Served:
        """Call the function with a body: JSON unless it is bytes."""
        endpoint = Endpoint(
            name="th_refresh_tokens",
            methods=("POST",),
            caller=self._check,
            handler=partial(th_refresh_tokens, self.world.connections),
        )
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        request = {"method": "POST", "data": raw, "content_type": kind, **request}
        response = endpoint.serve(Request(EnvironBuilder(**request).get_environ()))
        *others, line = map(json.loads, self._capsys.readouterr().out.splitlines())
        return Served(response, line, others)

    def _check(self, _request: HttpRequest) -> Scheduler:
        if self.refusal:
            raise self.refusal
        return Scheduler()

    def put_deletion(self, code: str = "code", **changes: Any) -> None:
        """Write down what Meta wants forgotten; nothing of it is done yet."""
        fields = {"state": "running", "userId": "4711", "issuedAt": NOW, "requestedAt": NOW, "dueAt": NOW}
        self.world.database.put(f"threadsDeletions/{code}", fields | changes)

    def deletion(self, code: str = "code") -> dict[str, Any]:
        """Return what is stored of a deletion."""
        return self.world.database.fields(f"threadsDeletions/{code}") or {}


@pytest.fixture
def scene(capsys: pytest.CaptureFixture[str]) -> Scene:
    """Return the function."""
    return Scene(capsys)


@pytest.mark.parametrize("body", [b"", {}])
def test_what_cloud_scheduler_sends_is_a_sweep(body: object, scene: Scene) -> None:
    """An empty body gives every due account a task. The log has the numbers, the answer has nothing."""
    served = scene.post(body)
    assert served.told == (200, {"ok": True})
    assert served.line["sweep"] == {"found": 1, "tasks": 1}
    assert [body for body, _ in scene.world.tasks.refreshes.values()] == [TASK]


def test_a_queue_that_delivers_nothing_is_logged_as_an_error(scene: Scene) -> None:
    """The sweep itself refreshes what is overdue, and the line tells an operator to look at the queue."""
    scene.world.change_account(ACCOUNT, refreshAt=NOW - timedelta(days=2))
    scene.world.say(FRESH)
    served = scene.post()
    assert served.line["sweep"] == {"found": 1, "overdue": 1, "refreshed": 1}
    assert served.line["severity"] == "ERROR"


def test_a_task_for_a_page_begins_behind_the_last_one(scene: Scene) -> None:
    """The place where the last page ended is read as it was written."""
    scene.world.connect("9", "t", uid="bob", at=NOW - timedelta(days=45), refreshAt=NOW)
    served = scene.post({"after": PLACE})
    assert served.line["sweep"] == {"found": 1, "tasks": 1}
    [(body, _)] = scene.world.tasks.refreshes.values()
    assert body == {"userId": "bob", "accountId": "9"}


def test_the_hours_call_finishes_deletions(scene: Scene) -> None:
    """Each hour's first call goes on with deletions until they are done; its further pages do not."""
    scene.put_deletion()
    before = scene.deletion()
    scene.post({"after": PLACE})
    assert scene.deletion() == before
    assert scene.post().line["deletions"] == {"running": 1}
    assert scene.deletion()["state"] == "running"
    scene.world.clock.forward(seconds=3600)
    assert scene.post().line["deletions"] == {"done": 1}
    assert scene.deletion()["state"] == "done"
    line = scene.post().line
    assert (line["deletions"], line["severity"]) == ({}, "INFO")


def test_a_failed_sweep_does_not_stop_deletions(scene: Scene) -> None:
    """Deletions go on when the queue takes no task, and when the due accounts cannot be read."""
    scene.put_deletion()
    scene.world.tasks.is_out_of_order = True
    served = scene.post()
    assert (served.told, served.line["error"]) == ((200, {"ok": False}), "service_unavailable")
    assert served.line["deletions"] == {"running": 1}
    scene.world.clock.forward(seconds=3600)
    scene.world.wire.fails = 1
    assert scene.post().line["deletions"] == {"done": 1}


def test_a_queue_that_takes_nothing_is_logged_as_an_error(scene: Scene) -> None:
    """What is overdue is counted and refreshed, although the rest of the sweep fails."""
    scene.world.change_account(ACCOUNT, refreshAt=NOW - timedelta(days=2))
    scene.world.connect("9", "t", uid="bob", at=NOW - timedelta(days=45), refreshAt=NOW)
    scene.world.say(FRESH)
    scene.world.tasks.is_out_of_order = True
    line = scene.post().line
    assert line["sweep"] == {"found": 2, "overdue": 1, "refreshed": 1}
    assert (line["severity"], line["error"]) == ("ERROR", "service_unavailable")


def test_a_deletion_that_fails_is_logged_as_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    """People have a right to be forgotten: an operator has to look, and the line tells what went wrong."""
    scene = Scene(capsys, SIGN_IN="on")
    scene.put_deletion()
    scene.put_deletion("odd", issuedAt="yesterday")
    scene.world.users.is_out_of_order = True
    line = scene.post().line
    assert line["deletions"] == {"service_unavailable": 1, "internal TypeError": 1}
    assert line["severity"] == "ERROR"


def test_an_odd_account_is_logged_as_an_error(scene: Scene) -> None:
    """A document that the sweep cannot compute with is a mistake of ours: the line names its kind."""
    scene.world.tasks.is_configured = False
    scene.world.change_account(ACCOUNT, expiresAt=datetime.min.replace(tzinfo=UTC), expiresIn=1)
    line = scene.post().line
    assert (line["sweep"], line["severity"]) == ({"internal OverflowError": 1}, "ERROR")


def test_a_long_sweep_leaves_time_for_one_deletion(scene: Scene) -> None:
    """However slow Threads is, one deletion goes on each hour; the others wait for the next."""
    for number in range(3):
        scene.put_deletion(str(number))
    scene.world.tasks.is_configured = False
    scene.world.say(scene.world.after(100, silence()))
    line = scene.post().line
    assert (line["sweep"], line["deletions"]) == ({"postponed": 1}, {"running": 1})


def test_a_task_for_an_account_refreshes_it(scene: Scene) -> None:
    """The line names the account and the outcome; the answer has nothing of it."""
    scene.world.say(FRESH)
    served = scene.post(TASK)
    assert served.told == (200, {"ok": True})
    assert (served.line["uid"], served.line["accountId"]) == (UID, ACCOUNT)
    assert (served.line["refresh"], served.line["severity"]) == ("refreshed", "INFO")
    assert scene.world.token() == "THAAnew"


SAID: list[tuple[GraphReply, str, str]] = [
    (silence(), "postponed", "threads_unavailable"),
    (reply(429, b""), "postponed", "rate_limited"),
    (DEAD, "ended", "reconnect_required"),
]


@pytest.mark.parametrize(("said", "outcome", "code"), SAID, ids=range(len(SAID)))
def test_an_error_of_threads_does_not_slow_the_queue_down(
    said: GraphReply, outcome: str, code: str, scene: Scene
) -> None:
    """Posts share the queue: a refresh that failed is answered 200, and the line has the error."""
    scene.world.say(said, *[DEAD, validity(is_valid=False)] * (said is DEAD))
    served = scene.post(TASK)
    assert served.told == (200, {"ok": True})
    assert (served.line["refresh"], served.line["error"]) == (outcome, code)
    assert served.line["severity"] == "WARNING"
    assert served.line["graph"]["step"] == Step.REFRESH_TOKEN


@pytest.mark.parametrize("has_queue", [True, False])
def test_a_refresh_that_fails_in_the_last_week_is_an_error_with_its_reason(
    has_queue: bool,  # noqa: FBT001 - a table
    scene: Scene,
) -> None:
    """In a task as in a sweep: the line says whose token it is, when it expires, and what Threads said."""
    scene.world.tasks.is_configured = has_queue
    scene.world.connect(ACCOUNT, "THAAold", at=NOW - timedelta(days=54), refreshAt=NOW)
    scene.world.say(reply(400, graph_error(10)))
    served = scene.post(TASK if has_queue else b"")
    line = served.line if has_queue else served.others[0]
    assert (line["severity"], line["error"], line["refresh"]) == ("ERROR", "missing_scope", "postponed")
    assert (line["uid"], line["accountId"]) == (UID, ACCOUNT)
    assert line["expiresAt"] == as_json_time(NOW + timedelta(days=6))
    assert line["graph"]["code"] == 10


def test_a_sweep_names_the_reason_of_each_failed_refresh(scene: Scene) -> None:
    """An account that has weeks left is no alarm, and its line has the reason."""
    scene.world.tasks.is_configured = False
    scene.world.say(reply(400, graph_error(10)))
    served = scene.post()
    [line] = served.others
    assert (line["severity"], line["error"], line["refresh"]) == ("WARNING", "missing_scope", "postponed")
    assert (served.line["sweep"], served.line["severity"]) == ({"postponed": 1}, "INFO")


@pytest.mark.parametrize("has_queue", [True, False])
def test_if_most_refreshes_fail_it_is_an_error_once_a_day(
    has_queue: bool,  # noqa: FBT001 - a table
    scene: Scene,
) -> None:
    """By tasks as in a sweep, in whichever process, and however many days it lasts."""
    scene.world.tasks.is_configured = has_queue
    scene.world.graph.always[Step.REFRESH_TOKEN] = reply(503, b"")
    for number in range(40):
        scene.world.connect(str(number), "t", at=NOW - timedelta(days=30), refreshAt=NOW)
    lines = []
    for _ in range(50):
        lines.append(scene.post().line)
        for name in list(scene.world.tasks.refreshes):
            assert "alarm" not in scene.post(scene.world.tasks.refreshes.pop(name)[0]).line
        scene.world.clock.forward(seconds=3600)
    hours = [hour for hour, line in enumerate(lines) if line.get("alarm") == "mostly_failing"]
    assert {lines[hour]["severity"] for hour in hours} == {"ERROR"}
    first, second, *others = hours
    assert first <= 6
    assert 24 <= second - first <= 26
    assert len(others) <= 1


def test_a_lifetime_that_nobody_has_said_is_logged(scene: Scene) -> None:
    """The token is kept, and the line says that its lifetime is assumed."""
    scene.world.say(reply(200, {"access_token": "THAAnew"}))
    assert scene.post(TASK).line["expiresIn"] == "not said: 60 days are assumed"


@pytest.mark.parametrize("body", [b"", TASK, {"after": PLACE}])
def test_an_outage_of_firestore_does_not_slow_the_queue_down(body: object, scene: Scene) -> None:
    """The answer is 200: the next hour's sweep is the retry."""
    scene.world.wire.fails = 100
    served = scene.post(body)
    assert served.told == (200, {"ok": False})
    assert (served.line["error"], served.line["severity"]) == ("service_unavailable", "WARNING")


@pytest.mark.parametrize("refusal", [Unauthenticated(), Forbidden(), ServiceUnavailable()])
def test_a_refused_caller_causes_nothing(refusal: ServiceError, scene: Scene) -> None:
    """The refusal is answered before anything is read."""
    scene.refusal = refusal
    served = scene.post(TASK)
    assert served.response.status_code == refusal.status
    assert (scene.world.wire.reads, scene.world.tasks.refreshes) == (0, {})


BAD: list[object] = [
    {"userId": UID},
    {"accountId": ACCOUNT},
    {"userId": "a/b", "accountId": ACCOUNT},
    {"userId": UID, "accountId": "../x"},
    {"userId": [UID], "accountId": ACCOUNT},
    {**TASK, "force": True},
    {**TASK, "after": PLACE},
    {"after": None},
    {"after": {}},
    {"after": "x"},
    {"after": {**PLACE, "x": 1}},
    {"after": {"refreshAt": as_json_time(NOW)}},
    {"after": {"path": "a/b"}},
    {"after": {**PLACE, "refreshAt": "yesterday"}},
    {"after": {**PLACE, "refreshAt": "2026-05-01T12:00:00"}},
    *({"after": {**PLACE, "path": path}} for path in ("", "a", "a/b/c", "/a", "a/", "a/..", "__x__/a", 5)),
    {"after": {**PLACE, "path": "a/" * 4000 + "b"}},
    [],
    "x",
    {"userId": "\ud800", "accountId": ACCOUNT},
]


@pytest.mark.parametrize("body", BAD, ids=range(len(BAD)))
def test_any_other_body_is_a_400(body: object, scene: Scene) -> None:
    """A body that this function has not written itself is refused, and nothing is read."""
    served = scene.post(body)
    assert served.response.status_code == 400
    assert served.line["error"] in {"invalid_request", "invalid_time", "unknown_field"}
    assert scene.world.wire.reads == 0


def test_a_body_of_another_kind_is_refused(scene: Scene) -> None:
    """Only JSON is read."""
    assert scene.post(b"{}").response.status_code == 415
    assert scene.post(b'{"', content_type="application/json").response.status_code == 400
