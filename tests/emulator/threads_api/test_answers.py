"""Scripted answers: faults in the answer, in the effect, in the connection, in time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.emulator.threads_api.client import error_of

if TYPE_CHECKING:
    from tests.emulator.threads_api.client import Client

PUBLISH = {"media_type": "TEXT", "text": "hello", "auto_publish_text": "true"}


def post(client: Client, timeout: float = 10) -> requests.Response:
    """Publish a text on a new connection."""
    form = {**PUBLISH, "access_token": client.token()}
    return requests.post(f"{client.url}/v1.0/me/threads", data=form, timeout=timeout)


def published(client: Client) -> int:
    """Return how many posts there are."""
    return len(client.see("posts"))


@pytest.mark.parametrize(("effect", "posts"), [({}, 0), ({"effect": False}, 0), ({"effect": True}, 1)])
def test_status_and_body_replace_the_answer(client: Client, effect: dict[str, bool], posts: int) -> None:
    """A scripted answer comes instead of the real one, with or without the real effect, and once."""
    client.control("answers", status=503, body={"any": "thing"}, headers={"Retry-After": "7"}, **effect)
    answer = post(client)
    assert (answer.status_code, answer.json(), answer.headers["Retry-After"]) == (503, {"any": "thing"}, "7")
    assert published(client) == posts
    assert post(client).status_code == 200
    assert client.see("answers") == []


def test_error_is_a_graph_envelope(client: Client) -> None:
    """``error`` writes a whole envelope: 500 for Graph's service errors, 400 for the others."""
    client.control("answers", error={"code": 2, "is_transient": True}, times=2)
    client.control("answers", error={"code": 190, "error_subcode": 463})
    client.control("answers", error={"code": 4}, status=429)
    first, second, third, fourth = [post(client) for _ in range(4)]
    assert (first.status_code, error_of(first)) == (500, (2, None))
    assert first.json()["error"]["is_transient"] is True
    assert first.json()["error"]["fbtrace_id"]
    assert error_of(second) == (2, None)
    assert (third.status_code, error_of(third)) == (400, (190, 463))
    assert (fourth.status_code, error_of(fourth)) == (429, (4, None))


@pytest.mark.parametrize(
    ("script", "body", "content_type"),
    [
        ({"status": 502, "body": "<html>Bad gateway</html>"}, "<html>Bad gateway</html>", "text/html"),
        ({"body": '{"id": "178', "content_type": "application/json"}, '{"id": "178', "application/json"),
        ({"status": 500}, "", "application/json"),
        ({"status": 200, "body": {}}, "{}", "application/json"),
    ],
)
def test_body_may_be_anything(client: Client, script: dict[str, Any], body: str, content_type: str) -> None:
    """HTML, truncated JSON, nothing at all, success without an id: all can be scripted."""
    client.control("answers", **script)
    answer = post(client)
    assert answer.text == body
    assert answer.headers["Content-Type"].startswith(content_type)


def test_headers_alone_go_with_the_real_answer(client: Client) -> None:
    """A script of headers adds them to what really happened."""
    client.control("answers", headers={"X-App-Usage": '{"call_count":99}'})
    answer = post(client)
    assert (answer.status_code, answer.headers["X-App-Usage"]) == (200, '{"call_count":99}')


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        ({}, True),
        ({"method": "post"}, True),
        ({"method": "GET"}, False),
        ({"path": "/me/threads"}, True),
        ({"path": "/threads"}, True),
        ({"path": r"/(me|\d+)/threads"}, True),
        ({"path": "/me/thread"}, False),
        ({"path": "/v1.0/me/threads"}, False),
        ({"parameters": {"text": "hello"}}, True),
        ({"parameters": {"text": "bye"}}, False),
        ({"method": "POST", "path": "/threads", "parameters": {"media_type": "TEXT"}}, True),
    ],
)
def test_match(client: Client, match: dict[str, Any], *, hit: bool) -> None:
    """Method, end of the path (a regular expression, no version) and parameters choose the request."""
    client.control("answers", match=match, status=418)
    assert (post(client).status_code == 418) is hit


def test_times(client: Client) -> None:
    """A script is used as often as it says, in the order of the scripts; null means until it is deleted."""
    client.control("answers", status=501, times=2)
    client.control("answers", status=502, times=None)
    assert [post(client).status_code for _ in range(4)] == [501, 501, 502, 502]
    assert client.see("answers") == [{"status": 502, "times": None}]
    client.delete("/_emulator/answers")
    assert post(client).status_code == 200


@pytest.mark.parametrize(("drop", "posts"), [("before", 0), ("after", 1)])
def test_dropped_connection(client: Client, drop: str, posts: int) -> None:
    """The client sees a real reset, before or after the request has taken effect."""
    client.control("answers", drop=drop)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        post(client)
    assert published(client) == posts
    assert [entry["dropped"] for entry in client.see("requests")] == [drop]
    assert [entry["status"] for entry in client.see("requests")] == [None]


@pytest.mark.parametrize(
    ("script", "posts"), [({}, 1), ({"body": {"id": "1" * 1000}}, 0), ({"body": {}, "effect": True}, 1)]
)
def test_connection_dropped_in_the_body(client: Client, script: dict[str, Any], posts: int) -> None:
    """Half an answer arrives, then the connection is reset."""
    client.control("answers", drop="mid_body", **script)
    with requests.post(
        f"{client.url}/me/threads", data={**PUBLISH, "access_token": client.token()}, stream=True, timeout=10
    ) as answer:
        assert answer.status_code == 200
        received: list[bytes] = []
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            received.extend(answer.iter_content(1))
    assert len(received) == int(answer.headers["Content-Length"]) // 2
    assert published(client) == posts


def test_connection_survives_its_neighbours_drop(client: Client) -> None:
    """A reset breaks that connection only; another one that is kept alive goes on."""
    client.token()
    client.control("answers", drop="after", match={"path": "/threads"})
    with pytest.raises(requests.ConnectionError):
        post(client)
    assert published(client) == 1


@pytest.mark.parametrize(("script", "posts"), [({}, 1), ({"effect": False, "status": 504}, 0)])
def test_delay_makes_the_client_time_out(client: Client, script: dict[str, Any], posts: int) -> None:
    """A delayed answer comes too late; whether the request took effect is the script's choice."""
    client.control("answers", delay_seconds=0.4, **script)
    with pytest.raises(requests.Timeout):
        post(client, timeout=0.1)
    assert published(client) == posts


@pytest.mark.parametrize("script", [{"status": 504}, {"error": {"code": 2}}, {"drop": "after"}])
def test_late_effect(client: Client, script: dict[str, Any]) -> None:
    """The client is cut off, and the post appears later, on the emulator's clock."""
    client.control("clock", freeze=True)
    client.control("answers", effect=True, effect_delay_seconds=60, **script)
    try:
        assert post(client).status_code in {500, 504}
    except requests.ConnectionError:
        assert script == {"drop": "after"}
    client.advance(59)
    assert published(client) == 0
    client.advance(1)
    assert published(client) == 1


def test_late_effect_has_the_time_at_which_it_was_due(client: Client) -> None:
    """The post has the time at which the effect was due, however late the next request comes."""
    client.control("clock", freeze=True)
    before = client.get("/_emulator/clock").json()["unix"]
    client.control("answers", effect=True, effect_delay_seconds=60, status=504)
    post(client)
    client.advance(1000)
    entry = client.get("/me/threads", client.token(), fields="timestamp").json()["data"][0]
    assert entry["timestamp"] == time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime(before + 60))


def test_late_effect_by_the_running_clock(client: Client) -> None:
    """Without a frozen clock the late effect simply happens after that time."""
    client.control("answers", status=504, effect=True, effect_delay_seconds=0.2)
    post(client)
    assert published(client) == 0
    time.sleep(0.25)
    assert published(client) == 1


def test_reset_forgets_scripts_and_late_effects(client: Client) -> None:
    """After a reset nothing of an earlier test can happen."""
    client.control("answers", status=504, effect=True, effect_delay_seconds=1)
    client.control("answers", status=500, times=None)
    post(client)
    client.control("reset")
    client.advance(10)
    assert published(client) == 0
    assert post(client).status_code == 200


@pytest.mark.parametrize(
    ("script", "complaint"),
    [
        ({"nonsense": 1}, "unknown fields: nonsense"),
        ({"match": {"verb": "GET"}}, "match has unknown fields: verb"),
        ({"match": []}, "match must be a JSON object"),
        ({"match": {"path": "("}}, "not a regular expression"),
        ({"match": {"method": 1}}, "method must be text"),
        ({"times": 0}, "times must be a number from 1"),
        ({"times": 1.5}, "times must be a whole number"),
        ({"times": True}, "times must be a number"),
        ({"status": "500"}, "status must be a number"),
        ({"status": 99}, "status must be a number from 200"),
        ({"status": 1000}, "status must be a number from 200 to 599"),
        ({"delay_seconds": -1}, "delay_seconds must be a number from 0"),
        ({"drop": "never"}, "drop must be one of before, after, mid_body"),
        ({"drop": "before", "effect": True}, "'before' means without effect"),
        ({"effect": False}, "without effect there is no real answer"),
        ({"effect": "yes"}, "effect must be true or false"),
        ({"error": {}, "body": {}}, "exclude each other"),
        ({"effect_delay_seconds": 1}, "a late effect has no answer yet"),
        ({"effect_delay_seconds": 1, "status": 500}, "needs an effect"),
        ({"effect_delay_seconds": 1, "drop": "mid_body"}, "a late effect has no answer yet"),
    ],
)
def test_malformed_script(client: Client, script: dict[str, Any], complaint: str) -> None:
    """A script that cannot be meant is a 400 that says why, and is not kept."""
    answer = client.http.post(f"{client.url}/_emulator/answers", json=script, timeout=10)
    assert answer.status_code == 400
    assert complaint in answer.json()["error"]
    assert client.see("answers") == []
