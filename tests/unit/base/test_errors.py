"""What an error tells its caller and the log, and how one is changed on its way."""

from datetime import timedelta
from typing import Any

import pytest

from threads.base.errors import (
    Evidence,
    GivenUp,
    InProgress,
    InvalidRequest,
    Problem,
    RateLimited,
    RejectedByThreads,
    ServiceError,
    ServiceUnavailable,
    ThreadsUnavailable,
    Verdict,
)

SOON = timedelta(seconds=7)
EVIDENCE = Evidence("create_container", 400, code=100, fbtrace_id="AbC")
PROBLEMS = (Problem("text", "too_long", "is too long."), Problem("x", "unknown_field", "is not known."))

ERRORS: list[ServiceError] = [
    ServiceUnavailable(),
    ServiceUnavailable("Firestore is down."),
    InvalidRequest(*PROBLEMS),
    InvalidRequest(PROBLEMS[0]),
    InvalidRequest(),
    InProgress("Wait.", retry_after=SOON),
    GivenUp(RejectedByThreads("No.")),
    RejectedByThreads("No.", evidence=EVIDENCE, verdict=Verdict(is_suspect=True)),
    RateLimited(evidence=EVIDENCE, retry_after=SOON),
]
"""Errors of every constructor."""

IDS = [f"{type(error).__name__}-{number}" for number, error in enumerate(ERRORS)]


def told(error: ServiceError) -> tuple[Any, ...]:
    """Return all that an error says of itself."""
    return type(error), str(error), repr(error), error.args, error.as_json(), error.retry_after, vars(error)


# --- an error that is changed -------------------------------------------------------------------------------


@pytest.mark.parametrize("error", ERRORS, ids=IDS)
def test_a_copy_says_what_the_error_said(error: ServiceError) -> None:
    """Without a change, the copy differs in nothing, whatever the error's constructor takes."""
    assert error.changed() is not error
    assert told(error.changed()) == told(error)


@pytest.mark.parametrize("error", ERRORS, ids=IDS)
def test_a_copy_says_what_was_changed(error: ServiceError) -> None:
    """The new attributes are in the answer, and the new message is the exception's text, too."""
    changed = error.changed(message="Connect again.", retryable=False, retry_after=None, next_action="again")
    assert str(changed) == changed.message == changed.as_json()["message"] == "Connect again."
    assert (changed.as_json()["retryable"], changed.as_json()["nextAction"]) == (False, "again")
    assert changed.retry_after is None
    assert (type(changed), changed.code, changed.status) == (type(error), error.code, error.status)
    assert changed.as_json().get("details") == error.as_json().get("details")


@pytest.mark.parametrize("error", ERRORS, ids=IDS)
def test_an_error_that_was_raised_is_not_edited(error: ServiceError) -> None:
    """A change is made on a copy: the error stays what it was for everything that holds it."""
    before = told(error)
    error.changed(message="Another.", retryable=not error.retryable, post_id="post", retry_after=SOON)
    assert told(error) == before


def test_a_copy_keeps_the_evidence_and_what_it_proves() -> None:
    """What Threads answered goes along: the log shows it, and decisions are made by it."""
    error = ThreadsUnavailable(evidence=EVIDENCE, retry_after=SOON, verdict=Verdict(is_definite=True))
    changed = error.changed(post_id="post")
    assert (changed.evidence, changed.verdict) == (EVIDENCE, Verdict(is_definite=True))
    assert (changed.retry_after, changed.post_id, error.post_id) == (SOON, "post", None)


def test_a_copy_keeps_the_cause() -> None:
    """The log names the cause of an error, also where the error was changed before it was raised again."""
    cause = ValueError("a path")
    with pytest.raises(ServiceUnavailable) as raised:
        raise ServiceUnavailable from cause
    with pytest.raises(ServiceUnavailable) as again:
        raise raised.value.changed(post_id="post")
    assert again.value.__cause__ is cause


# --- what the log shows -------------------------------------------------------------------------------------

SEEN = Evidence(
    "create_container",
    400,
    is_envelope=True,
    code=24,
    subcode=4279009,
    is_transient=True,
    words="The requested resource does not exist",
    reason="ERROR",
    fbtrace_id="AbC",
    excerpt='{"error": {"code": 24}}',
)


def test_a_log_line_shows_what_helps_to_find_an_answer_again() -> None:
    """Step, status, codes, Meta's trace id and the excerpt are shown; what the excerpt has, not twice."""
    assert SEEN.for_log() == {
        "step": "create_container",
        "status": 400,
        "code": 24,
        "subcode": 4279009,
        "fbtrace_id": "AbC",
        "excerpt": '{"error": {"code": 24}}',
    }


def test_a_log_line_shows_nothing_that_was_not_answered() -> None:
    """A member without a value is left out. A status of 0 is shown: it says that no answer came."""
    assert Evidence("read_media", 0, is_envelope=False).for_log() == {"step": "read_media", "status": 0}
    assert Evidence("read_media", 200, code=0).for_log()["code"] == 0
