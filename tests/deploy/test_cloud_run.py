"""A function as Cloud Run runs it: what no emulator sets, and what happens to an instance there."""

import json
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import psutil

from tests.e2e.functions import Function
from tests.unit.support import ENVIRONMENT

REQUESTS = 900
AT_ONCE = 60

AS_DEPLOYED = {**ENVIRONMENT, "THREADS": "80", "LOG_EXECUTION_ID": "true", "PYTHONUNBUFFERED": "TRUE"}
"""The Firebase CLI sets the one variable, and the buildpack the other."""


def test_every_line_is_one_json_object() -> None:
    """At 60 requests at once no line runs into another one, which would lose the severity of both."""
    with Function("th_accounts", AS_DEPLOYED) as function:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            statuses = set(pool.map(lambda _: function.get().status_code, range(REQUESTS)))
        lines = [line for line in function.log().splitlines() if "th_accounts" in line]
    assert statuses == {401}
    assert len(lines) == REQUESTS
    assert {json.loads(line)["severity"] for line in lines} == {"WARNING"}


def test_an_instance_that_was_frozen_goes_on() -> None:
    """Stopped for longer than a request may take, as an idle instance is, a worker is not ended for it."""
    with Function("th_accounts", {**AS_DEPLOYED, "CLOUD_RUN_TIMEOUT_SECONDS": "1"}) as function:
        assert function.get().status_code == 401
        main = psutil.Process(function.pid)
        workers = main.children()
        frozen = [*workers, main]
        for process in frozen:
            process.send_signal(signal.SIGSTOP)
        time.sleep(2.5)  # gunicorn looks at the time that has passed
        for process in reversed(frozen):
            process.send_signal(signal.SIGCONT)
        time.sleep(1)  # in which it would end the worker
        assert function.get().status_code == 401
        assert main.children() == workers
        assert "WORKER TIMEOUT" not in function.log()
