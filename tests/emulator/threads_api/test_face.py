"""The emulator's face for tests in the same process, and the fixture that lends it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from emulator.base.json_body import Malformed
from emulator.threads_api.pytest_plugin import _threads_emulator, threads_emulator, threads_emulator_app

if TYPE_CHECKING:
    from emulator.threads_api import Emulator

__all__ = ["_threads_emulator", "threads_emulator", "threads_emulator_app"]


def publish(emulator: Emulator, token: str) -> requests.Response:
    """Publish a text."""
    form = {"media_type": "TEXT", "text": "hello", "auto_publish_text": "true", "access_token": token}
    return requests.post(f"{emulator.url}/v1.0/me/threads", data=form, timeout=10)


@pytest.mark.parametrize("_round", range(2))
def test_a_test_begins_with_an_emulator_to_which_nothing_has_happened(
    threads_emulator: Emulator, _round: int
) -> None:
    """It sees what happens to it, and nothing of the test before."""
    assert (threads_emulator.posts(), threads_emulator.requests()) == ([], [])
    media_id = publish(threads_emulator, threads_emulator.token()).json()["id"]
    [post], [request] = threads_emulator.posts(), threads_emulator.requests()
    assert post["id"] == media_id
    assert post["permalink"].startswith(threads_emulator.url)
    assert request["status"] == 200


def test_the_next_answer_is_an_error_by_its_name_or_a_script(threads_emulator: Emulator) -> None:
    """Names, scripts, settings and the clock are those of the controls."""
    token = threads_emulator.token(age_seconds=60)
    threads_emulator.next_answer("rate_limit", times=2)
    threads_emulator.next_answer({"status": 503}, match={"path": "/threads"})
    statuses = [publish(threads_emulator, token).status_code for _ in range(4)]
    assert statuses == [403, 403, 503, 200]
    threads_emulator.advance(60 * 24 * 3600)
    assert publish(threads_emulator, token).status_code == 400
    threads_emulator.change_settings(posts_per_day=0)
    assert publish(threads_emulator, threads_emulator.token()).status_code == 403
    assert threads_emulator.containers() == []


def test_a_mistake_says_what_is_wrong(threads_emulator: Emulator) -> None:
    """It has the words of the control."""
    with pytest.raises(Malformed, match="there is no error named nonsense"):
        threads_emulator.next_answer("nonsense")
    with pytest.raises(Malformed, match="no control nonsense"):
        threads_emulator.control("GET", "nonsense")
