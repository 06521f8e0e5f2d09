"""``python -m tests.hostile [--requests 50000] [--cases 100] [--seed 1]``: hostile requests to all functions.

Afterwards, schemathesis sends what it makes of docs/openapi.yaml: up to so many random cases per operation,
and per option of a post.
"""

import argparse
import os
import sys
import time

from emulator.suite.ports import Ports
from emulator.suite.suite import Suite
from tests.hostile.contract import Conformance, check_contract
from tests.hostile.generate import NAMES
from tests.hostile.stage import attack, functions

SHOWN = 20
"""Wrong answers that are printed."""


def main() -> int:
    """Run it; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--requests", type=int, default=50_000)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with Suite(ports=Ports.free(), page=False, directory="hostile") as suite:
        os.environ.update(suite.environment)
        with functions(suite) as (urls, armed):
            began = time.monotonic()
            verdict = attack(urls, armed, asked.requests, asked.seed)
            seconds = time.monotonic() - began
            conformance = check_contract(urls, armed, cases=asked.cases, seed=asked.seed)
    for name in NAMES:
        statuses = sorted((status, number) for (it, status), number in verdict.answers.items() if it == name)
        _say(f"{name:<18}" + "  ".join(f"{status}: {number}" for status, number in statuses))
    for request, wrong in verdict.wrongs[:SHOWN]:
        headers = {name: value[:40] for name, value in request.headers.items()}
        _say(f"\n{request.method} {request.function} {request.target[:200]!r}\n  {headers}")
        _say(f"  {request.body[:300]!r}\n  {wrong}")
    _say(
        f"\n{verdict.count} requests, seed {asked.seed}, {seconds:.0f} s: {len(verdict.wrongs)} wrong answers"
    )
    _tell(conformance)
    return 1 if verdict.wrongs or conformance.failures else 0


def _tell(conformance: Conformance) -> None:
    for failure in conformance.failures[:SHOWN]:
        _say(f"\n{failure}")
    _say(f"{conformance.count} cases of docs/openapi.yaml: {len(conformance.failures)} wrong answers")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


if __name__ == "__main__":
    sys.exit(main())
