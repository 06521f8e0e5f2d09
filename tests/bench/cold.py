"""The first answer of a new process, from its start: what a user waits for if no instance runs."""

import compileall
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from emulator.suite.paths import ROOT
from tests.bench.figures import Figure, pairs, ratio
from tests.bench.stage import COMPARED, Client, Stage, text
from tests.e2e.functions import Function

ROUNDS = 7


@dataclass(frozen=True)
class First:
    """A function's first request, and the status that it must have."""

    target: str
    method: str
    status: int
    options: Mapping[str, Any]
    with_user: bool = True


def figures(stage: Stage) -> Iterator[Figure]:
    """Measure each function beside the floor, and the floor beside an empty function."""
    _compile()
    author = stage.author()
    headers = {"headers": author.headers}
    empty = First("empty", "POST", 200, {"json": {}}, with_user=False)
    floor = First("floor", "POST", 200, {**headers, "json": {}})
    floor_time = partial(first_answer, floor, stage.compared())
    measured = pairs(floor_time, partial(first_answer, empty, stage.compared()), ROUNDS)
    yield ratio("floor, cold: imports, a verified token, a write", "an empty function", measured)
    for first in (
        First("th_auth_start", "POST", 200, {**headers, "json": {}}),
        First("th_auth_finish", "POST", 400, {**headers, "json": {"handle": "A" * 43}}),
        First("publish_threads", "POST", 200, {**headers, "json": {"text": text()}}),
        First("th_posts", "GET", 200, headers),
        First("th_accounts", "GET", 200, headers),
        First("th_auth_callback", "GET", 400, {"params": {"state": "none", "code": "none"}}, with_user=False),
        First("th_deauthorize", "POST", 400, {"data": {"signed_request": "none"}}, with_user=False),
        First("th_delete_data", "POST", 400, {"data": {"signed_request": "none"}}, with_user=False),
        First("th_webhook", "POST", 400, {"json": {}}, with_user=False),
    ):
        measured = pairs(partial(first_answer, first, stage.environment), floor_time, ROUNDS)
        yield ratio(f"{first.target}, cold", "floor", measured, wanted=1.0)


def _compile() -> None:
    """Compile all modules, as Google does when it builds a function.

    Source: https://github.com/GoogleCloudPlatform/buildpacks, ``cmd/python/functions_framework``
    """
    compileall.compile_dir(ROOT / "threads", quiet=1)
    for file in (ROOT / "main.py", COMPARED):
        compileall.compile_file(file, quiet=1)


def first_answer(first: First, environment: Mapping[str, str]) -> float:
    """Return the seconds from the start of a function's process to its first answer."""
    began = time.perf_counter()
    with Function(first.target, environment) as function:
        Client(function, {}).send(first.method, first.status, **first.options)
        return time.perf_counter() - began
