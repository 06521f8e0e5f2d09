"""The emulator inside a test: one request at a time, and several emulators side by side."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import pytest
import requests

from emulator.threads_api import World, serve
from tests.emulator.threads_api.client import APP

if TYPE_CHECKING:
    from emulator.threads_api import Emulator
    from tests.emulator.threads_api.client import Client


def test_requests_take_effect_one_at_a_time(running: Emulator, client: Client) -> None:
    """While one request has the world, every other one waits."""
    with ThreadPoolExecutor(1) as threads:
        with running.world.lock:
            waiting = threads.submit(client.get, "/_emulator/health")
            with pytest.raises(TimeoutError):
                waiting.result(timeout=0.1)
        assert waiting.result(timeout=10).status_code == 200


def test_two_emulators_do_not_share_anything() -> None:
    """Several emulators may run in one process."""
    with serve(World([APP])) as first, serve(World([APP])) as second:
        for emulator in (first, second):
            answer = requests.post(f"{emulator.url}/_emulator/accounts", json={"username": "one"}, timeout=10)
            assert answer.status_code == 201


def test_an_answer_tells_the_emulators_time(client: Client) -> None:
    """``Date`` goes with the clock that the posts' times are from, once."""
    client.control("clock", freeze=True, advance_seconds=86_400)
    shown = client.get("/_emulator/clock")
    assert parsedate_to_datetime(shown.headers["Date"]).timestamp() == int(shown.json()["unix"])
    assert shown.raw.headers.getlist("Date") == [shown.headers["Date"]]
