"""A client of whom nothing is known begins only so many sign-ins."""

from datetime import timedelta

import pytest
from flask import Request
from werkzeug.test import EnvironBuilder

from tests.unit.support import config
from threads.base.errors import RateLimited, Unauthenticated
from threads.functions.callers import Callers, Visitor
from threads.functions.request import HttpRequest
from threads.functions.visits import SIGN_IN_WINDOW, SIGN_INS, Visits

CALLERS = Callers(config(), lambda: pytest.fail("Firebase was asked"))


def visiting(*forwarded: str) -> HttpRequest:
    """Return a request from the last of these addresses, as Google's front end says."""
    return HttpRequest(
        Request(EnvironBuilder(headers=[("X-Forwarded-For", ", ".join(forwarded))]).get_environ())
    )


@pytest.mark.parametrize(
    ("client", "same", "other"),
    [
        (["192.0.2.1"], ["10.1.1.1", "192.0.2.1"], ["192.0.2.1", "192.0.2.2"]),
        (["2001:db8:0:1::1"], ["2001:db8:0:1:ffff::2"], ["2001:db8:0:2::1"]),
        (["nonsense"], ["rubbish"], ["192.0.2.2"]),
    ],
    ids=["IPv4", "IPv6", "no address"],
)
def test_one_client_begins_so_many_sign_ins_and_no_more(
    client: list[str], same: list[str], other: list[str]
) -> None:
    """What a client writes before its address changes nothing. Others, and the next hour, are free."""
    now = [0.0]
    check = CALLERS.user_unless(lambda _request: True, Visits(lambda: now[0]))
    for _ in range(SIGN_INS):
        assert check(visiting(*client)) == Visitor()
    now[0] = 60.0
    with pytest.raises(RateLimited) as refusal:
        check(visiting(*same))
    assert (refusal.value.status, refusal.value.retry_after) == (429, SIGN_IN_WINDOW - timedelta(minutes=1))
    assert check(visiting(*other)) == Visitor()
    now[0] = SIGN_IN_WINDOW.total_seconds()
    assert check(visiting(*client)) == Visitor()


def test_users_are_not_counted() -> None:
    """Who connects an account is known by the ID token, and never refused for the address."""
    check = CALLERS.user_unless(lambda _request: False, Visits())
    for _ in range(SIGN_INS + 1):
        with pytest.raises(Unauthenticated):
            check(visiting("192.0.2.1"))
