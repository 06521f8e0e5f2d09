"""Requests that nobody should send, to every function at once: a small part of ``make hostile``."""

from emulator.suite.suite import Suite
from tests.hostile.generate import NAMES
from tests.hostile.stage import attack

COUNT = 4_000
"""Of the 50,000 of ``make hostile``."""


def test_whatever_comes_the_answer_is_planned(suite: Suite) -> None:
    """No made-up request brings about a 5xx, an answer without our headers, or one with a secret in it."""
    verdict = attack(suite, COUNT, seed=1)
    assert [(request.function, request.method, wrong) for request, wrong in verdict.wrongs] == []
    assert verdict.count == COUNT
    served = {name for name, status in verdict.answers if status in {200, 303}}
    assert served >= set(NAMES) - {"th_auth_finish"}, "only a real code finishes anything"
