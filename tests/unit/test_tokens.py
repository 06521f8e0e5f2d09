"""How long tokens live: when they are refreshed, whose turn it is, and when a failed refresh comes back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threads import tokens
from threads.tokens import Turn

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
LIFETIME = 60 * DAY


def account(age: timedelta, lifetime: timedelta = LIFETIME, **changes: Any) -> dict[str, Any]:
    """Return an account, due now, whose token is of this age."""
    times = tokens.token_times("1", NOW - age, lifetime)
    return {**times, "refreshAt": NOW, **changes}


@given(st.text("0123456789", min_size=1, max_size=20), st.floats(1.5, 3650))
def test_a_token_is_refreshed_in_the_middle_of_its_life(account_id: str, days: float) -> None:
    """After a half to seven tenths of its life, never younger than a day, and the same for one account."""
    lifetime = timedelta(days=days)
    at = tokens.refresh_at(account_id, NOW, lifetime)
    assert at == tokens.refresh_at(account_id, NOW, lifetime)
    assert max(DAY, 0.5 * lifetime) <= at - NOW <= max(DAY, 0.7 * lifetime)


def test_accounts_of_one_day_are_spread_over_twelve() -> None:
    """Whoever connects a thousand accounts at once has no hour in which all of them are refreshed."""
    hours = [(tokens.refresh_at(str(number), NOW, LIFETIME) - NOW) // HOUR for number in range(1000)]
    assert max(hours.count(hour) for hour in set(hours)) < 20
    assert len(set(hours)) > 200


@pytest.mark.parametrize("hours", [1, 23, 24])
def test_a_token_that_ends_within_a_day_is_looked_at_when_it_ends(hours: int) -> None:
    """What Threads would not refresh in time is not due before it has run out."""
    assert tokens.refresh_at("1", NOW, timedelta(hours=hours)) == NOW + timedelta(hours=hours)


def test_a_document_says_when_its_token_was_issued() -> None:
    """What is written of a token's life is read back, and a document without it says nothing."""
    times = tokens.token_times("1", NOW, LIFETIME)
    assert times["expiresIn"] == LIFETIME.total_seconds()
    assert tokens.issued_at(times) == NOW
    for incomplete in ({}, {"expiresAt": NOW}, {"expiresIn": 5}, {"expiresAt": "x", "expiresIn": 5}):
        assert tokens.issued_at(incomplete) is None
    for seconds in (-1, 10**15, 10**400):
        assert tokens.issued_at({"expiresAt": NOW, "expiresIn": seconds}) is None


TURNS: list[tuple[dict[str, Any], Turn]] = [
    (account(30 * DAY), Turn.REFRESH),
    (account(30 * DAY, refreshAt=NOW - DAY), Turn.REFRESH),
    (account(30 * DAY, refreshAt=NOW + SECOND), Turn.NOT_DUE),
    (account(30 * DAY, refreshAt=None), Turn.NOT_DUE),
    (account(30 * DAY, refreshAt="soon"), Turn.NOT_DUE),
    ({}, Turn.NOT_DUE),
    (account(DAY), Turn.REFRESH),
    (account(DAY - SECOND), Turn.NOT_DUE),
    (account(LIFETIME - SECOND), Turn.REFRESH),
    (account(LIFETIME), Turn.RUN_OUT),
    (account(LIFETIME + DAY), Turn.RUN_OUT),
    (account(HOUR, HOUR), Turn.RUN_OUT),
    (account(30 * DAY, refreshingUntil=NOW + SECOND), Turn.IN_PROGRESS),
    (account(30 * DAY, refreshingUntil=NOW), Turn.REFRESH),
    (account(LIFETIME, refreshingUntil=NOW + SECOND), Turn.IN_PROGRESS),
    ({"refreshAt": NOW}, Turn.REFRESH),
    (account(59 * DAY, refreshAt=None), Turn.NOT_DUE),
    (account(59 * DAY + SECOND, refreshAt=None), Turn.REFRESH),
    (account(30 * DAY, expiresIn=10**15), Turn.REFRESH),
]


@pytest.mark.parametrize(("fields", "expected"), TURNS, ids=range(len(TURNS)))
def test_whose_turn_it_is(fields: dict[str, Any], expected: Turn) -> None:
    """Only what is due, a day old, not run out and in nobody else's hands is refreshed."""
    assert tokens.turn(fields, NOW) is expected


@pytest.mark.parametrize(
    ("left", "ending"), [(DAY, False), (DAY - SECOND, True), (timedelta(0), True), (60 * DAY, False)]
)
def test_a_token_is_about_to_end_on_its_last_day(left: timedelta, ending: bool) -> None:  # noqa: FBT001 - a table
    """From the last day on, whoever uses a token refreshes it; a document without an end has none."""
    assert tokens.is_ending({"expiresAt": NOW + left}, NOW) is ending
    assert not tokens.is_ending({}, NOW)


RETRIES = [
    (30 * DAY, 4 * HOUR),
    (2 * DAY, 4 * HOUR),
    (2 * DAY - SECOND, timedelta(minutes=5)),
    (timedelta(minutes=3), timedelta(minutes=3)),
]


@pytest.mark.parametrize(("left", "pause"), RETRIES)
def test_a_failed_refresh_comes_back(left: timedelta, pause: timedelta) -> None:
    """After hours, with every sweep on the last two days, and when the token has run out at the latest."""
    at = tokens.retry_at("1", {"expiresAt": NOW + left}, NOW)
    assert NOW + pause <= at <= NOW + 1.5 * pause
    assert 4 * HOUR < tokens.retry_at("1", {}, NOW) - NOW < 6 * HOUR


def test_failed_refreshes_do_not_come_back_as_a_wave() -> None:
    """After an hour in which nothing passed, accounts are spread over two, each at a time of its own."""
    left = {"expiresAt": NOW + 30 * DAY}
    moments = [tokens.retry_at(str(number), left, NOW) for number in range(1000)]
    assert moments == [tokens.retry_at(str(number), left, NOW) for number in range(1000)]
    minutes = [(at - NOW) // timedelta(minutes=1) for at in moments]
    assert (min(minutes) // 60, max(minutes) // 60) == (4, 5)
    assert max(minutes.count(minute) for minute in minutes) < 25


def test_the_last_days_have_a_try_in_each_hour() -> None:
    """Wherever in the hour an account's task comes, what it postpones is due by the next sweep."""
    assert tokens.SPREAD + tokens.LAST_PAUSE < HOUR
