"""Requests that nobody should send, to every function at once: a small part of ``make hostile``."""

from collections.abc import Callable, Iterator, Mapping

import pytest

from emulator.suite.suite import Suite
from tests.hostile.contract import check_contract
from tests.hostile.generate import NAMES, Secrets
from tests.hostile.stage import attack, functions

COUNT = 4_000
"""Of the 50,000 of ``make hostile``."""

CASES = 5
"""Random cases for each operation and option, beside those at the limits. ``make hostile`` has 100."""

Stage = tuple[Mapping[str, str], Secrets]


@pytest.fixture(scope="module")
def stage(suite: Suite) -> Iterator[Stage]:
    """Serve every function; return their URLs, and what to attack them with."""
    with functions(suite) as served:
        yield served


def test_whatever_comes_the_answer_is_planned(stage: Stage) -> None:
    """No made-up request brings about a 5xx, an answer without our headers, or one with a secret in it.

    Each answer is one that docs/openapi.yaml promises.
    """
    verdict = attack(*stage, COUNT, seed=1)
    assert [(request.function, request.method, wrong) for request, wrong in verdict.wrongs] == []
    assert verdict.count == COUNT
    served = {name for name, status in verdict.answers if status in {200, 303}}
    assert served >= set(NAMES) - {"th_auth_finish"}, "only a real code finishes anything"


def test_the_functions_are_what_their_description_says(
    stage: Stage, record_property: Callable[[str, object], None]
) -> None:
    """Schemathesis finds no answer that is not described, and none to a request that is not allowed."""
    conformance = check_contract(*stage, cases=CASES, seed=1)
    record_property("cases of docs/openapi.yaml", conformance.count)
    assert conformance.failures == []
    assert conformance.cases.keys() == {*NAMES}
