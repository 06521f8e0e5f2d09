"""The harness has teeth: each mutant is caught by the cells that are named here, the real code by none."""

import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from itertools import starmap
from typing import NamedTuple

from tests.faults import account_cases, mutants
from tests.faults.cells import RAISED, read_key, run_cell
from tests.faults.connecting import is_connection, wrongs_at
from tests.faults.outage import Outage
from tests.faults.promises import is_broken, is_promise
from tests.faults.result import Failure, Result, Size

OUTAGES: Mapping[str, bool] = {"outage/queue": True, "outage/no queue": False}
"""Small outages of F10, and whether there is a queue."""

OUTAGE_SEED, OUTAGE_ORDERS = 1, 60


class Case(NamedTuple):
    """A mutant, and what catches it."""

    mutant: Callable[[], AbstractContextManager[None]]
    keys: tuple[str, ...]
    """Cells of the matrices, connections, unit tests, or some of ``OUTAGES``."""


CASES = {
    case.mutant.__name__: case
    for case in (
        Case(
            mutants.no_lease,
            (
                "text1/same/3.freeze300",  # after the lease, before the look at the clock
                "text1/lease/3.freeze3600",
                "text1-task/settle/3.freeze300",
            ),
        ),
        Case(
            mutants.no_write_ahead,
            ("text1/none/4.timeout_with_effect", "text1/crash/5.crash", "text1-task/lease/6.crash"),
        ),
        Case(
            mutants.record_deleted_on_error,
            (
                "text1/none/4.timeout_with_effect",
                "text2/none/12.timeout_with_effect",
                "image/none/14.late_effect",
            ),
        ),
        Case(
            mutants.settle_is_zero,
            (
                "text1/none/4.late_effect",
                "text1-lag/same/4.reset_mid_body",
                "text1-task/none/4.late_effect_200s",
            ),
        ),
        Case(
            mutants.unclear_publication_forgotten,
            ("text2/none/12.late_effect_1h+30.not_found_4279009",),
        ),
        Case(
            mutants.no_status_look,
            ("text2/lease/12.crash", "text2-task/settle/11.crash", "image/lease/15.crash"),
        ),
        Case(
            mutants.thread_begun_again,
            ("thread/none/92.5xx_no_effect", "thread2/none/126.crash", "thread-task/none/132.crash"),
        ),
        Case(
            mutants.children_forgotten,
            (
                "carousel/none/100.timeout_no_effect",
                "carousel/none/146.crash",
                "carousel-task/none/352.crash",
            ),
        ),
        Case(
            mutants.children_unseen,
            ("carousel/none/90.crash", "carousel/none/150.5xx_no_effect", "carousel-task/none/300.crash"),
        ),
        Case(
            mutants.errors_settle_soon,
            (
                "late-text1/none/4.5xx_with_effect",
                "late-text1/none/4.no_id",
                "late-image/none/24.5xx_out_and_lost",
            ),
        ),
        Case(
            mutants.extras_ignored,
            ("by-hand/none/8.timeout_no_effect+24.vanishes", "by-hand/none/12.timeout_no_effect+14.vanishes"),
        ),
        Case(
            mutants.texts_compared_exactly,
            ("changed-text1/none/4.timeout_with_effect", "changed-link/none/12.truncated"),
        ),
        Case(
            mutants.time_by_the_machine,
            ("clocks-text1/none/0.freeze90", "clocks-text2/none/12.content_100_with_effect"),
        ),
        Case(
            mutants.time_of_lists_believed,
            ("threads-ahead/none/3.crash", "threads-behind/none/4.timeout_with_effect"),
        ),
        Case(mutants.no_upkeep, ("left-web/none/9.abandon", "left-text1/none/11.abandon", *OUTAGES)),
        Case(mutants.root_deleted_in_vain, ("left-thread/none/9.cancel", "left-thread/same/14.cancel")),
        Case(
            mutants.state_used_up_after_the_exchange,
            ("connect/immediate/graph:exchange_code/duplicate", "connect/confirm/graph:exchange_token/crash"),
        ),
        Case(
            mutants.answer_forgotten,
            ("connect/confirm/answer:finish/lost", "connect/signin/graph:read_profile/duplicate"),
        ),
        Case(
            mutants.handle_not_used_up,
            ("connect/confirm/graph:exchange_code/crash", "connect/immediate/graph:read_grants/duplicate"),
        ),
        Case(
            mutants.failure_not_written,
            ("connect/confirm/graph:read_profile/hang", "connect/signin/firestore:create/commit_30s_late"),
        ),
        Case(
            mutants.end_not_written,
            ("connect/immediate/answer:callback/lost", "connect/confirm/answer:finish/duplicate"),
        ),
        Case(mutants.any_code_answered, ("connect/immediate/answer:callback/another_account",)),
        Case(mutants.upkeep_begins_anew, (*OUTAGES,)),
        Case(mutants.late_posts_unlogged, (*OUTAGES,)),
        Case(mutants.late_posts_logged_each_time, (*OUTAGES,)),
        *starmap(Case, account_cases.CAUGHT_BY.items()),
    )
}


def run(_size: Size, _seed: int, only: str | None) -> Result:
    """Try each mutant, or the named one."""
    began = time.monotonic()
    result = Result(0, 0, 0)
    for name, case in CASES.items():
        if only in (None, name):
            _try(name, case, result)
    result.seconds = time.monotonic() - began
    return result


def _try(name: str, case: Case, result: Result) -> None:
    """Run the cells of a mutant with it and without it."""
    innocent = caught_by(case)
    with case.mutant():
        caught = caught_by(case)
    count = len(case.keys)
    result.cells += 2 * count
    if innocent:
        result.failures.append(Failure(f"the real one is caught, too: {', '.join(innocent)}", name))
    if not caught:
        result.lost += 1
        result.failures.append(Failure(f"{name} survives", name))
    result.notes.append(f"{name}: caught by {len(caught)} of {count} cells, as {', '.join(caught[:1])}")


def caught_by(case: Case) -> list[str]:
    """Return the cells in which something is published twice, or lost, and the unit tests that fail.

    That code breaks is no catch.
    """
    return [key for key in case.keys if _goes_wrong_at(key)]


def _goes_wrong_at(key: str) -> bool:
    if key in OUTAGES:
        return _goes_wrong(OUTAGES[key])
    if is_connection(key):
        return bool(wrongs_at(key))
    if is_promise(key):
        return is_broken(key)
    verdict = run_cell(read_key(key))[1]
    return bool(verdict.duplicates or verdict.lost) and not verdict.why.startswith(RAISED)


def _goes_wrong(has_queue: bool) -> bool:  # noqa: FBT001 - the only thing that differs
    outage = Outage(OUTAGE_SEED, OUTAGE_ORDERS, has_queue=has_queue)
    outage.happen()
    return bool(outage.duplicates() or outage.complaints())
