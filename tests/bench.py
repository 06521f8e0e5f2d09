"""What the functions cost in time, as ratios within one run: ``make bench``.

Absolute times depend on the machine; a ratio of two things measured in turn says something on any.
"""

import os
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from emulator.suite.ports import Ports
from emulator.suite.suite import Suite
from tests.e2e.functions import Function
from tests.e2e.world import Firebase

ROUNDS = 11
"""Pairs of cold starts; the first one warms the machine's caches and is not counted."""

HELLO = '"""Hello, world."""\n\n\ndef hello(_request: object) -> str:\n    return "hello"\n'


def main() -> None:
    """Measure and print."""
    with Suite(ports=Ports.free(), functions=False) as suite, TemporaryDirectory() as folder:
        os.environ.update(suite.environment)
        firebase = Firebase(suite.auth_host, suite.firestore_host, suite.project)
        source = Path(folder) / "main.py"
        source.write_text(HELLO, encoding="utf-8")
        environment = {
            **suite.environment,
            "THREADS": "80",
            "THREADS_APP_ID": suite.app_id,
            "THREADS_APP_SECRET": "never sent",
            "THREADS_REDIRECT_URI": "http://127.0.0.1/th_auth_callback",
        }
        headers = firebase.sign_in().headers
        pairs = []
        for _ in range(ROUNDS):
            hello = first_answer("hello", {"FUNCTION_SOURCE": str(source)}, {})
            start = first_answer("th_auth_start", environment, headers)
            pairs.append((hello, start))
        report(pairs[1:])


def first_answer(target: str, environment: Mapping[str, str], headers: Mapping[str, str]) -> float:
    """Return the seconds from starting a function's process to its first answer, a good one."""
    began = time.perf_counter()
    with Function(target, environment) as function:
        answer = function.post(headers=headers, json={})
        seconds = time.perf_counter() - began
    if answer.status_code != 200:
        raise RuntimeError(answer.text)
    return seconds


def report(pairs: list[tuple[float, float]]) -> None:
    """Print the medians, and the ratio pair by pair."""
    hello, start = (statistics.median(column) for column in zip(*pairs, strict=True))
    ratios = sorted(start / hello for hello, start in pairs)
    sys.stdout.write(
        "First answer of a cold process, from its start; the state is written to Firestore:\n"
        f"  hello world    {hello * 1000:5.0f} ms (median of {len(pairs)})\n"
        f"  th_auth_start  {start * 1000:5.0f} ms\n"
        f"  ratio          {statistics.median(ratios):5.2f} (from {ratios[0]:.2f} to {ratios[-1]:.2f}; "
        "at most 2.5 is promised)\n"
    )


if __name__ == "__main__":
    main()
