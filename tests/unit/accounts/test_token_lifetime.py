"""How long tokens live: when they are refreshed, whose turn it is, and when a failed refresh comes back."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threads.accounts import token_lifetime
from threads.accounts.account import StoredAccount
from threads.accounts.token_lifetime import Turn

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
LIFETIME = 60 * DAY


def stored(account_id: str = "1", **fields: Any) -> StoredAccount:
    """Return an active account whose document has these fields."""
    return StoredAccount("ada", account_id, {"status": "active", **fields}, NOW)


def account(age: timedelta, lifetime: timedelta = LIFETIME, **changes: Any) -> StoredAccount:
    """Return an account, due now, whose token is of this age."""
    times = token_lifetime.token_times("1", NOW - age, lifetime)
    return stored(**{**times, "refreshAt": NOW, **changes})


@given(st.text("0123456789", min_size=1, max_size=20), st.floats(1.5, 3650))
def test_a_token_is_refreshed_in_the_middle_of_its_life(account_id: str, days: float) -> None:
    """After a half to seven tenths of its life, never younger than a day, and the same for one account."""
    lifetime = timedelta(days=days)
    at = token_lifetime.refresh_at(account_id, NOW, lifetime)
    assert at == token_lifetime.refresh_at(account_id, NOW, lifetime)
    assert max(DAY, 0.5 * lifetime) <= at - NOW <= max(DAY, 0.7 * lifetime)


def test_accounts_of_one_day_are_spread_over_twelve() -> None:
    """A thousand accounts that were connected at once are not all refreshed in one hour."""
    hours = [(token_lifetime.refresh_at(str(number), NOW, LIFETIME) - NOW) // HOUR for number in range(1000)]
    assert max(hours.count(hour) for hour in set(hours)) < 20
    assert len(set(hours)) > 200


@pytest.mark.parametrize("hours", [1, 23, 24])
def test_a_token_that_ends_within_a_day_is_looked_at_when_it_ends(hours: int) -> None:
    """A token that Threads would not refresh in time is not due before it has run out."""
    assert token_lifetime.refresh_at("1", NOW, timedelta(hours=hours)) == NOW + timedelta(hours=hours)


def test_a_document_says_when_its_token_was_issued() -> None:
    """The times that are written are read back; a document with odd ones, or without, says nothing."""
    times = token_lifetime.token_times("1", NOW, LIFETIME)
    assert times["expiresIn"] == LIFETIME.total_seconds()
    assert token_lifetime.issued_at(stored(**times)) == NOW
    for seconds in (-1, 10**15, 10**400, None, "5"):
        assert token_lifetime.issued_at(stored(expiresAt=NOW, expiresIn=seconds)) is None
    for expires_at in (None, "x"):
        assert token_lifetime.issued_at(stored(expiresAt=expires_at, expiresIn=5)) is None


TURNS: list[tuple[StoredAccount, Turn]] = [
    (account(30 * DAY), Turn.REFRESH),
    (account(30 * DAY, refreshAt=NOW - DAY), Turn.REFRESH),
    (account(30 * DAY, refreshAt=NOW + SECOND), Turn.NOT_DUE),
    (account(30 * DAY, refreshAt=None), Turn.NOT_DUE),
    (account(30 * DAY, refreshAt="soon"), Turn.NOT_DUE),
    (stored(), Turn.NOT_DUE),
    (account(DAY), Turn.REFRESH),
    (account(DAY - SECOND), Turn.NOT_DUE),
    (account(LIFETIME - SECOND), Turn.REFRESH),
    (account(LIFETIME), Turn.REFRESH),
    (account(LIFETIME + DAY), Turn.REFRESH),
    (account(HOUR, HOUR), Turn.REFRESH),
    (account(30 * DAY, refreshingUntil=NOW + SECOND), Turn.IN_PROGRESS),
    (account(30 * DAY, refreshingUntil=NOW), Turn.REFRESH),
    (account(LIFETIME, refreshingUntil=NOW + SECOND), Turn.IN_PROGRESS),
    (account(30 * DAY, refreshingUntil=NOW + DAY), Turn.REFRESH),
    (account(30 * DAY, status="unheard_of"), Turn.NOT_DUE),
    (stored(refreshAt=NOW), Turn.REFRESH),
    (account(59 * DAY, refreshAt=None), Turn.NOT_DUE),
    (account(59 * DAY + SECOND, refreshAt=None), Turn.REFRESH),
    (account(30 * DAY, expiresIn=10**15), Turn.REFRESH),
    (account(30 * DAY, status="reconnect_required", refreshAt=None), Turn.NOT_DUE),
    (account(30 * DAY, status="reconnect_required", refreshAt=NOW), Turn.NOT_DUE),
    (account(30 * DAY, status="reconnect_required", accessToken="s"), Turn.LOOK_AGAIN),
    (account(30 * DAY, status="reconnect_required", accessToken="s", refreshAt=NOW + SECOND), Turn.NOT_DUE),
    (account(30 * DAY, status=None), Turn.NOT_DUE),
]


@pytest.mark.parametrize(("account", "expected"), TURNS, ids=range(len(TURNS)))
def test_whose_turn_it_is(account: StoredAccount, expected: Turn) -> None:
    """A token is refreshed if it is due, a day old, of an active account, and not being refreshed.

    One that has expired is, too: only Threads knows. A lease that no refresh writes holds nothing up.
    """
    assert token_lifetime.turn(account, NOW) is expected


@pytest.mark.parametrize(
    ("left", "ending"), [(DAY, False), (DAY - SECOND, True), (timedelta(0), True), (60 * DAY, False)]
)
def test_a_token_is_about_to_end_on_its_last_day(left: timedelta, ending: bool) -> None:  # noqa: FBT001 - a table
    """On a token's last day, the request that uses it refreshes it; a token without an end has none."""
    assert token_lifetime.is_ending(stored(expiresAt=NOW + left), NOW) is ending
    assert not token_lifetime.is_ending(stored(), NOW)


RETRIES = [
    (30 * DAY, 4 * HOUR),
    (2 * DAY, 4 * HOUR),
    (2 * DAY - SECOND, timedelta(minutes=5)),
    (timedelta(minutes=3), timedelta(minutes=3)),
    (-DAY, timedelta(minutes=5)),
]


@pytest.mark.parametrize(("left", "pause"), RETRIES)
def test_a_failed_refresh_comes_back(left: timedelta, pause: timedelta) -> None:
    """After hours, with every sweep on the last two days, and when the token has run out at the latest."""
    at = token_lifetime.retry_at(stored(expiresAt=NOW + left), NOW)
    assert NOW + pause <= at <= NOW + 1.5 * pause
    assert 4 * HOUR < token_lifetime.retry_at(stored(), NOW) - NOW < 6 * HOUR


def test_failed_refreshes_do_not_come_back_as_a_wave() -> None:
    """After an hour in which every refresh failed, the accounts are spread over two, each at its own time."""
    accounts = [stored(str(number), expiresAt=NOW + 30 * DAY) for number in range(1000)]
    moments = [token_lifetime.retry_at(account, NOW) for account in accounts]
    assert moments == [token_lifetime.retry_at(account, NOW) for account in accounts]
    minutes = [(at - NOW) // timedelta(minutes=1) for at in moments]
    assert (min(minutes) // 60, max(minutes) // 60) == (4, 5)
    assert max(minutes.count(minute) for minute in minutes) < 25


def test_an_account_that_has_ended_is_looked_at_for_a_week() -> None:
    """After an hour, and then after pauses that double, so that a dead token costs eight calls."""
    moments, now = [], NOW
    while at := token_lifetime.look_again_at(stored(endedAt=NOW), now):
        moments.append((at - NOW) // HOUR)
        now = at
    assert moments == [1, 2, 4, 8, 16, 32, 64, 128]
    assert token_lifetime.look_again_at(stored(), NOW) is None


def test_each_day_of_the_last_week_has_one_alarm() -> None:
    """A refresh that fails is tried every few hours, and a person is told once a day."""
    for left, alarmed, is_alarm in (
        (8 * DAY, None, False),
        (6 * DAY, None, True),
        (6 * DAY, DAY - SECOND, False),
        (6 * DAY, DAY, True),
        (6 * DAY, -DAY, True),
        (-DAY, None, True),
    ):
        alarmed_at = None if alarmed is None else NOW - alarmed
        it = stored(status="active", expiresAt=NOW + left, alarmedAt=alarmed_at)
        assert token_lifetime.is_alarming(it, NOW) is is_alarm, (left, alarmed)
    assert not token_lifetime.is_alarming(stored(status="active"), NOW)


def test_the_last_days_have_a_try_in_each_hour() -> None:
    """A refresh that an account's task postpones is due by the next sweep, however late in the hour."""
    assert token_lifetime.SPREAD + token_lifetime.LAST_PAUSE < HOUR
