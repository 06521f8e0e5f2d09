"""Plays Cloud Scheduler: calls the functions that have a schedule, as often as functions.yaml says.

The token of a call is one of the Cloud Tasks emulator's, for the service account of the tasks.
"""

import re
import threading
import time
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import requests
import yaml

from emulator.suite.addresses import TASKS_SERVICE_ACCOUNT, Addresses
from emulator.suite.paths import ROOT

TIMEOUT_SECONDS = 170
"""How long a call may take: a little longer than the function may."""

_SCHEDULE = re.compile(r"every (\d+) (minutes|hours)")


@dataclass
class _Job:
    """A function with a schedule."""

    name: str
    every: timedelta
    due: float
    """When it is called next, on the monotonic clock."""


class Scheduler:
    """Calls the functions of a suite that have a schedule, each for the first time after one interval."""

    def __init__(self, suite: Addresses) -> None:
        """Read which functions have a schedule."""
        self._suite = suite
        now = time.monotonic()
        self._jobs = [
            _Job(name, every, now + every.total_seconds()) for name, every in read_schedules().items()
        ]

    def call_due(self) -> None:
        """Call what is due, without waiting for the answers."""
        now = time.monotonic()
        for job in self._jobs:
            if job.due <= now:
                job.due = now + job.every.total_seconds()
                threading.Thread(target=self._call_quietly, args=(job.name,), daemon=True).start()

    def call(self, name: str) -> int:
        """Call a function now, and return the status of its answer."""
        url = scheduled_url(self._suite, name)
        wanted = {"service_account_email": TASKS_SERVICE_ACCOUNT, "audience": url}
        with requests.Session() as session:
            session.trust_env = False
            issued = session.post(f"{self._suite.tasks_url}/_emulator/tokens", json=wanted, timeout=10)
            issued.raise_for_status()
            headers = {"Authorization": f"Bearer {issued.json()['token']}", "Connection": "close"}
            return session.post(url, headers=headers, timeout=TIMEOUT_SECONDS).status_code

    def _call_quietly(self, name: str) -> None:
        try:
            self.call(name)
        except (requests.RequestException, KeyError):
            return  # a service is just ending; the suite says so itself


def scheduled_url(suite: Addresses, name: str) -> str:
    """Return the URL of a function that has a schedule: the Functions emulator numbers its triggers."""
    return f"{suite.functions_url}/{name}-0"


def read_schedules() -> dict[str, timedelta]:
    """Return how often each function with a schedule is called.

    Raises:
        ValueError: a schedule has a form that this scheduler does not know.

    """
    endpoints: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "functions.yaml").read_text())["endpoints"]
    schedules = {}
    for name, endpoint in endpoints.items():
        if "scheduleTrigger" in endpoint:
            told = _SCHEDULE.fullmatch(endpoint["scheduleTrigger"]["schedule"])
            if told is None:
                raise ValueError(f"The schedule of {name} in functions.yaml is not known here.")
            schedules[name] = timedelta(**{told[2]: int(told[1])})
    return schedules
