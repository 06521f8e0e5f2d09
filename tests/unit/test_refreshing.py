"""th_refresh_tokens: what a body means, and what whoever calls is told."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest
from flask import Request, Response
from werkzeug.test import EnvironBuilder

from tests.unit.account_store import path_of
from tests.unit.fakes import ACCOUNT, NOW, UID, World, silence
from tests.unit.support import config, graph_error, reply
from tests.unit.whole_store import WholeStore
from threads.edge import Endpoint
from threads.errors import Forbidden, ServiceError, ServiceUnavailable, Unauthenticated
from threads.failures import Step
from threads.graph import GraphReply
from threads.refreshing import th_refresh_tokens
from threads.service import Service
from threads.wire import as_json_time

if TYPE_CHECKING:
    from threads.identity import Identity
    from threads.store import Store

FRESH = reply(200, {"access_token": "THAAnew", "token_type": "bearer", "expires_in": 5184000})
TASK = {"userId": UID, "accountId": ACCOUNT}
PLACE = {"refreshAt": as_json_time(NOW), "path": path_of(UID, ACCOUNT)}


class Door:
    """Who lets callers in, or does not."""

    def __init__(self, refusal: ServiceError | None) -> None:
        """Take with what everybody is refused."""
        self._refusal = refusal

    def check_refresher(self, authorization: str | None) -> None:
        """Look at a caller."""
        assert authorization == "Bearer x"
        if self._refusal:
            raise self._refusal


class Served(NamedTuple):
    """An answer, and what the log says."""

    response: Response
    line: dict[str, Any]

    @property
    def told(self) -> tuple[int, Any]:
        """Status and body."""
        return self.response.status_code, self.response.get_json()


class Scene:
    """The function, with one account that is due."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Take what catches the log."""
        self.world = World()
        self.store = WholeStore(self.world.vault)
        self.store.connect(ACCOUNT, "THAAold", at=NOW - timedelta(days=45), refreshAt=NOW)
        self.refusal: ServiceError | None = None
        self._capsys = capsys

    def post(self, body: object = b"", **request: Any) -> Served:
        """Call the function with a body: JSON unless it is bytes."""
        tools = self.world.tools._replace(store=cast("Store", self.store))
        door = cast("Identity", Door(self.refusal))
        service = Service(tools.config, lambda: door, lambda: tools.store, lambda: tools)
        endpoint = Endpoint("th_refresh_tokens", ("POST",), lambda call: th_refresh_tokens(service, call))
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        headers = {"Authorization": "Bearer x"}
        request = {"method": "POST", "data": raw, "content_type": kind, "headers": headers, **request}
        response = endpoint.serve(Request(EnvironBuilder(**request).get_environ()))
        return Served(response, json.loads(self._capsys.readouterr().out))


@pytest.fixture
def scene(capsys: pytest.CaptureFixture[str]) -> Scene:
    """Return the function."""
    return Scene(capsys)


@pytest.mark.parametrize("body", [b"", {}])
def test_what_cloud_scheduler_sends_is_a_sweep(body: object, scene: Scene) -> None:
    """Without a word, everything that is due is handed out; the answer tells nothing, the log how many."""
    served = scene.post(body)
    assert served.told == (200, {"ok": True})
    assert served.line["sweep"] == {"found": 1, "tasks": 1}
    assert [body for body, _ in scene.world.tasks.refreshes.values()] == [TASK]


def test_a_queue_that_brings_nothing_is_told_as_an_error(scene: Scene) -> None:
    """What is overdue is refreshed, and the log says that somebody has to look."""
    scene.store.change(ACCOUNT, refreshAt=NOW - timedelta(days=2))
    scene.world.say(FRESH)
    served = scene.post()
    assert served.line["sweep"] == {"found": 1, "overdue": 1, "refreshed": 1}
    assert served.line["severity"] == "ERROR"


def test_a_task_for_a_page_goes_on_behind_it(scene: Scene) -> None:
    """The place that a sweep has come to is read as it was put down."""
    scene.store.connect("9", "t", uid="bob", at=NOW - timedelta(days=45), refreshAt=NOW)
    served = scene.post({"after": PLACE})
    assert served.line["sweep"] == {"found": 1, "tasks": 1}
    [(body, _)] = scene.world.tasks.refreshes.values()
    assert body == {"userId": "bob", "accountId": "9"}


def deletion(scene: Scene, code: str = "code", **changes: Any) -> dict[str, Any]:
    """Write down what Meta wants forgotten, and nobody has begun with; return it."""
    fields = {"state": "running", "userId": "4711", "issuedAt": NOW, "requestedAt": NOW, "dueAt": NOW}
    scene.store.deletions[code] = fields | changes
    return scene.store.deletions[code]


def test_the_hours_call_finishes_deletions(scene: Scene) -> None:
    """What Meta wanted forgotten is gone on with after the sweep, by no other page, until it is done."""
    before = deletion(scene)
    scene.post({"after": PLACE})
    assert scene.store.deletions["code"] == before
    assert scene.post().line["deletions"] == {"running": 1}
    assert scene.store.deletions["code"]["state"] == "running"
    scene.world.clock.forward(seconds=3600)
    assert scene.post().line["deletions"] == {"done": 1}
    assert scene.store.deletions["code"]["state"] == "done"
    line = scene.post().line
    assert (line["deletions"], line["severity"]) == ({}, "INFO")


def test_no_trouble_of_a_sweep_stops_deletions(scene: Scene) -> None:
    """With a queue that takes nothing, or accounts that nobody finds, people are forgotten all the same."""
    deletion(scene)
    scene.world.tasks.is_out_of_order = True
    served = scene.post()
    assert (served.told, served.line["error"]) == ((200, {"ok": False}), "service_unavailable")
    assert served.line["deletions"] == {"running": 1}
    scene.world.clock.forward(seconds=3600)
    scene.store.fails = 1
    assert scene.post().line["deletions"] == {"done": 1}


def test_a_queue_that_takes_nothing_is_told_as_an_error(scene: Scene) -> None:
    """What is overdue is counted and refreshed, whatever becomes of the rest of the sweep."""
    scene.store.change(ACCOUNT, refreshAt=NOW - timedelta(days=2))
    scene.store.connect("9", "t", uid="bob", at=NOW - timedelta(days=45), refreshAt=NOW)
    scene.world.say(FRESH)
    scene.world.tasks.is_out_of_order = True
    line = scene.post().line
    assert line["sweep"] == {"found": 2, "overdue": 1, "refreshed": 1}
    assert (line["severity"], line["error"]) == ("ERROR", "service_unavailable")


def test_a_deletion_that_fails_is_told_as_an_error(scene: Scene) -> None:
    """Whom Meta wants forgotten has a right to it: somebody has to look, and learns what went wrong."""
    deletion(scene)
    deletion(scene, "odd", issuedAt="yesterday")
    scene.world.config = config(SIGN_IN="on")
    scene.world.users.is_out_of_order = True
    line = scene.post().line
    assert line["deletions"] == {"service_unavailable": 1, "internal TypeError": 1}
    assert line["severity"] == "ERROR"


def test_an_odd_account_is_told_as_an_error(scene: Scene) -> None:
    """A document with which nobody can reckon is some mistake of ours: the log says what kind."""
    scene.world.tasks.is_configured = False
    scene.store.change(ACCOUNT, expiresAt=datetime.min.replace(tzinfo=UTC), expiresIn=1)
    line = scene.post().line
    assert (line["sweep"], line["severity"]) == ({"internal OverflowError": 1}, "ERROR")


def test_a_sweep_that_takes_long_leaves_a_turn_to_a_deletion(scene: Scene) -> None:
    """However slow Threads is, one deletion is gone on with each hour, and not all of them at any length."""
    for number in range(3):
        deletion(scene, str(number))
    scene.world.tasks.is_configured = False
    scene.world.say(scene.world.after(100, silence()))
    line = scene.post().line
    assert (line["sweep"], line["deletions"]) == ({"postponed": 1}, {"running": 1})


def test_a_task_for_an_account_refreshes_it(scene: Scene) -> None:
    """The answer tells nothing, the log whose account it was and what came of it."""
    scene.world.say(FRESH)
    served = scene.post(TASK)
    assert served.told == (200, {"ok": True})
    assert (served.line["uid"], served.line["accountId"]) == (UID, ACCOUNT)
    assert (served.line["refresh"], served.line["severity"]) == ("refreshed", "INFO")
    assert scene.store.token(ACCOUNT) == "THAAnew"


SAID: list[tuple[GraphReply, str, str]] = [
    (silence(), "postponed", "threads_unavailable"),
    (reply(429, b""), "postponed", "rate_limited"),
    (reply(400, graph_error(190)), "ended", "reconnect_required"),
]


@pytest.mark.parametrize(("said", "outcome", "code"), SAID, ids=range(len(SAID)))
def test_no_trouble_of_threads_slows_the_queue_down(
    said: GraphReply, outcome: str, code: str, scene: Scene
) -> None:
    """Posts share the queue: a refresh that did not pass is answered 200, and told in the log."""
    scene.world.say(said)
    served = scene.post(TASK)
    assert served.told == (200, {"ok": True})
    assert (served.line["refresh"], served.line["error"]) == (outcome, code)
    assert served.line["severity"] == "WARNING"
    assert served.line["graph"]["step"] == Step.REFRESH_TOKEN


@pytest.mark.parametrize("body", [b"", TASK, {"after": PLACE}])
def test_no_trouble_of_ours_slows_the_queue_down(body: object, scene: Scene) -> None:
    """Where Firestore does not answer, the next hour's sweep is the retry."""
    scene.store.fails = 100
    served = scene.post(body)
    assert served.told == (200, {"ok": False})
    assert (served.line["error"], served.line["severity"]) == ("service_unavailable", "WARNING")


@pytest.mark.parametrize("refusal", [Unauthenticated(), Forbidden(), ServiceUnavailable()])
def test_who_may_not_call_causes_nothing(refusal: ServiceError, scene: Scene) -> None:
    """Whoever is refused at the door is told so, before anything is read."""
    scene.refusal = refusal
    served = scene.post(TASK)
    assert served.response.status_code == refusal.status
    assert (scene.store.reads, scene.world.tasks.refreshes) == (0, {})


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
    """What this function has not put down itself is refused, and nothing is looked up."""
    served = scene.post(body)
    assert served.response.status_code == 400
    assert served.line["error"] in {"invalid_request", "invalid_time", "unknown_field"}
    assert scene.store.reads == 0


def test_a_body_of_another_kind_is_refused(scene: Scene) -> None:
    """Only JSON is read."""
    assert scene.post(b"{}").response.status_code == 415
    assert scene.post(b'{"', content_type="application/json").response.status_code == 400
