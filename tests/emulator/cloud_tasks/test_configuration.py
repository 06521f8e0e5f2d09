"""The configuration of a queue: gcloud's flags, and what they must be."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from emulator.base.json_body import Malformed
from emulator.cloud_tasks import queue, read_flags
from emulator.cloud_tasks.configuration import QueueConfiguration
from emulator.cloud_tasks.retries import RetryRules
from tests.emulator.cloud_tasks.client import LOCATION, QUEUE

if TYPE_CHECKING:
    from pathlib import Path


def test_without_flags_a_queue_has_googles_defaults() -> None:
    """They are what gcloud shows of a queue that was created without flags."""
    rules = RetryRules(
        max_attempts=100,
        max_retry_duration=timedelta(),
        min_backoff=timedelta(seconds=0.1),
        max_backoff=timedelta(hours=1),
        max_doublings=16,
    )
    assert queue(QUEUE) == QueueConfiguration(QUEUE, rules, 500, 1000)


def test_the_flags_are_gclouds() -> None:
    """Each flag sets its field, "unlimited" included. Flags that change no behaviour are ignored."""
    given = {
        "max-attempts": "unlimited",
        "max-retry-duration": "3600s",
        "min-backoff": "1s",
        "max-backoff": "10.5s",
        "max-doublings": 0,
        "max-dispatches-per-second": 2.5,
        "max-concurrent-dispatches": 3,
        "location": "anywhere",
    }
    rules = RetryRules(-1, timedelta(hours=1), timedelta(seconds=1), timedelta(seconds=10.5), 0)
    assert queue(QUEUE, given) == QueueConfiguration(QUEUE, rules, 2.5, 3)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"max-tries": 3}, "--max-tries is not a flag"),
        ({"min-backoff": 5}, "--min-backoff must be seconds, such as 2.5s, not 5"),
        ({"min-backoff": "5m"}, "--min-backoff must be seconds"),
        ({"min-backoff": "unlimited"}, "--min-backoff must be seconds"),
        ({"max-attempts": "many"}, "--max-attempts must be unlimited or a whole number from 1, not 'many'"),
        ({"max-attempts": -2}, "--max-attempts must be"),
        ({"max-doublings": -1}, "--max-doublings must be a whole number from 0"),
        ({"max-dispatches-per-second": 501}, "--max-dispatches-per-second must be above 0 and at most 500"),
        ({"max-dispatches-per-second": 0}, "--max-dispatches-per-second must be"),
        ({"max-concurrent-dispatches": 5001}, "--max-concurrent-dispatches must be"),
        ({"max-concurrent-dispatches": True}, "--max-concurrent-dispatches must be"),
    ],
)
def test_a_wrong_flag_is_named(given: dict[str, object], complaint: str) -> None:
    """The message says which flag is wrong, and what it must be."""
    with pytest.raises(Malformed, match=complaint):
        queue(QUEUE, given)


@pytest.mark.parametrize(
    "name", ["other", f"{LOCATION}/queues/under_score", f"{LOCATION}/queues/{'x' * 101}", f"{QUEUE}/"]
)
def test_a_malformed_name_is_refused(name: str) -> None:
    """The message shows the right form."""
    with pytest.raises(Malformed, match="does not have the form"):
        queue(name)


@pytest.mark.parametrize("text", ["max-attempts: 3", "- 3", "text", "{", ""])
def test_a_file_without_flags_is_refused(tmp_path: Path, text: str) -> None:
    """Flags are written with their dashes, as gcloud demands."""
    file = tmp_path / "flags.yaml"
    file.write_text(text)
    with pytest.raises(Malformed):
        read_flags(file)
