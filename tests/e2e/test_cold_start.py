"""The first moment of a process: many requests at once, before anything has been made."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
import requests

from tests.e2e.functions import Function
from tests.e2e.world import SignedIn

CROWD = 8


@pytest.mark.parametrize(
    ("target", "method", "status"),
    [("th_auth_start", "POST", 200), ("th_accounts", "GET", 200), ("publish_threads", "POST", 400)],
)
def test_simultaneous_first_requests_are_all_served(
    environment: dict[str, str], user: SignedIn, target: str, method: str, status: int
) -> None:
    """A fresh process that meets a crowd makes its clients once, and answers everyone."""
    barrier = Barrier(CROWD)
    with Function(target, environment) as function, ThreadPoolExecutor(CROWD) as pool:

        def ask(_: int) -> requests.Response:
            barrier.wait()
            return function.request(method, headers=user.headers, json={} if method == "POST" else None)

        answers = list(pool.map(ask, range(CROWD)))
        assert [answer.status_code for answer in answers] == [status] * CROWD, function.log()
