"""The table of pauses and tries: what it promises, and how it fits the rest."""

import re
from datetime import timedelta
from itertools import pairwise

import pytest

from threads.posts.ledger import BUDGET, RECORD_LIFETIME
from threads.posts.submission import MAX_SCHEDULE
from threads.publishing import retry_rules
from threads.publishing.retry_rules import (
    ACCOUNT_LIMIT,
    FOLLOW_UP,
    LASTING_ERROR,
    LOOK,
    LOOKS_AT_ONCE,
    NEW_CONTAINER,
    PROCESSING_TIME,
    PUT_OFF,
    TASK,
    UNCLEAR_TASK,
    WAKE,
    RetryRule,
)


@pytest.mark.parametrize("rule", [LOOK, FOLLOW_UP, ACCOUNT_LIMIT, LASTING_ERROR, PUT_OFF])
def test_pauses_grow_up_to_the_longest(rule: RetryRule) -> None:
    """Each pause is the one before times the factor, and none is longer than the rule's longest."""
    pauses = [rule.pause(number) for number in range(12)]
    assert pauses[0] == rule.first
    assert all(later == min(sooner * rule.factor, rule.longest) for sooner, later in pairwise(pauses))
    assert rule.pause(10**6) == rule.longest


def test_tries_beyond_a_lowered_limit_are_used_up_too() -> None:
    """A record may have more tries than a newer deployment allows. A rule without a limit allows all."""
    assert [RetryRule(times=2).is_used_up(tries) for tries in range(5)] == [False, False, True, True, True]
    assert not RetryRule().is_used_up(10**6)


def test_the_pauses_are_those_of_the_pages() -> None:
    """A person's request looks again after 1 and 2 s; a task after 3 s, 30 s, and then every minute."""
    assert [LOOK.pause(number).total_seconds() for number in range(4)] == [1, 2, 2, 2]
    assert [FOLLOW_UP.pause(number).total_seconds() for number in range(5)] == [3, 30, 60, 60, 60]
    assert [ACCOUNT_LIMIT.pause(number) / timedelta(minutes=1) for number in range(8)] == [
        *(1, 2, 4, 8, 16, 32),
        *(60, 60),
    ]


def test_a_request_keeps_its_process_for_seconds_only() -> None:
    """The looks for a person take three seconds, and the tasks fit into Meta's five minutes."""
    assert sum((LOOK.pause(number) for number in range(LOOKS_AT_ONCE)), timedelta()) <= BUDGET / 30
    assert sum((FOLLOW_UP.pause(number) for number in range(5)), timedelta()) <= PROCESSING_TIME


def test_a_record_outlives_whatever_brings_its_post() -> None:
    """No queue repeats a task, and no task is scheduled, beyond the life of the record that it is for."""
    assert ACCOUNT_LIMIT.times
    postponing = sum((ACCOUNT_LIMIT.pause(number) for number in range(ACCOUNT_LIMIT.times)), timedelta())
    assert timedelta(days=1) < postponing < timedelta(days=3)
    assert max(MAX_SCHEDULE, postponing, timedelta(days=14)) <= RECORD_LIFETIME


def test_the_docstring_has_every_number() -> None:
    """The table at the top of the file is the rules below it."""
    rows = re.findall(
        r"^\| (\w[^|]+?) +\| (.+?) +\| +(.*?) +\| +(.*?) +\| (.+?) +\|$",
        retry_rules.__doc__ or "",
        re.MULTILINE,
    )
    told = {what: (first, longest, times) for what, first, _, longest, times in rows[1:]}
    assert told == {
        "a look at a container, for a person": ("1 s", "2 s", "2"),
        "a look at it by a follow-up task": ("3 s", "60 s", "for five minutes"),
        "a post whose account is at a limit": ("60 s", "1 h", str(ACCOUNT_LIMIT.times)),
        "a task above its user's share": ("up to 30 s", "5 min", "until there is room"),
        "a new container for one that went wrong": ("30 s", "60 s", str(NEW_CONTAINER.times)),
        "a call whose error may last": ("30 s", "60 s", str(LASTING_ERROR.times)),
        "a task": ("queue.yaml", "", f"{TASK.times}; {UNCLEAR_TASK.times} if it may be out"),
        "a late post, by the upkeep": ("6 to 9 min", "", f"{WAKE.times}, see WAKE"),
    }
