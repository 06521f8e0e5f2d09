"""th_upkeep: what its caller is answered, and what the log says of each post that came late."""

import json
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from tests.unit.world import ACCOUNT, NOW, UID, World, post_id, post_path
from threads.functions.callers import Scheduler
from threads.functions.endpoint import Endpoint
from threads.functions.upkeep import th_upkeep
from threads.posts.content import Content
from threads.posts.ledger import CHECK_FIELD, LATE, new_record
from threads.publishing.retry_rules import WAKE

WORDS = "words that no log may have"


def call(world: World, capsys: pytest.CaptureFixture[str]) -> tuple[Any, list[dict[str, Any]]]:
    """Call the function as Cloud Scheduler does, and return its answer and the lines of the log."""
    endpoint = Endpoint(
        name="th_upkeep",
        methods=("POST",),
        caller=lambda _request: Scheduler(),
        handler=partial(th_upkeep, world.publishing),
    )
    response = endpoint.serve(Request(EnvironBuilder(method="POST").get_environ()))
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return (response.status_code, response.get_json()), lines


def test_each_late_post_is_an_error_in_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """The line names the post and its user, and says how late it is and why; nothing of what was written."""
    world = World()
    record = new_record(ACCOUNT, Content({"text": WORDS}), NOW).released(NOW, {"message": WORDS})
    world.put_post(post_id("key"), record)
    world.database.put(post_path("odd"), {CHECK_FIELD: NOW, "state": "?"})
    world.clock.now = NOW + 2 * LATE
    answer, [odd, late, whole] = call(world, capsys)
    assert answer == (200, {"ok": True})
    assert late == {
        "severity": "ERROR",
        "message": "th_upkeep a post is late: left_open",
        "function": "th_upkeep",
        "why": "left_open",
        "lateSeconds": 2 * LATE.total_seconds(),
        "result": "task",
        "uid": UID,
        "postId": post_id("key"),
        "accountId": ACCOUNT,
        "wakes": 0,
    }
    assert (odd["severity"], odd["why"], odd["path"]) == ("ERROR", "odd", post_path("odd"))
    assert whole["late"] == {"task": 1, "unreadable": 1}
    assert whole["severity"] == "INFO"


@pytest.mark.parametrize(
    ("wakes", "is_out", "severity"),
    [(0, False, "ERROR"), (3, False, "WARNING"), (WAKE.times, False, "WARNING"), (WAKE.times, True, "ERROR")],
)
def test_each_late_post_is_one_error(
    capsys: pytest.CaptureFixture[str],
    wakes: int,
    is_out: bool,  # noqa: FBT001 - a parameter of the test
    severity: str,
) -> None:
    """However often it is brought back. It is another one if nobody knows in the end whether it is out."""
    world = World()
    record = new_record(ACCOUNT, Content({"text": "hello"}), NOW)
    record = record.sending(NOW).released(NOW) if is_out else record.released(NOW)
    world.put_post(post_id("key"), replace(record, wakes=wakes))
    world.clock.now = NOW + 2 * LATE
    _answer, [late, _whole] = call(world, capsys)
    assert (late["severity"], late["wakes"]) == (severity, wakes)


def test_nothing_late_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Most calls find nothing."""
    answer, [line] = call(World(), capsys)
    assert answer == (200, {"ok": True})
    assert (line["severity"], line["late"]) == ("INFO", {})


def test_an_outage_is_answered_200(capsys: pytest.CaptureFixture[str]) -> None:
    """The next call comes in a few minutes. The line names the error."""
    world = World()
    world.wire.fails = 1
    answer, [line] = call(world, capsys)
    assert answer == (200, {"ok": False})
    assert (line["severity"], line["error"]) == ("WARNING", "service_unavailable")
