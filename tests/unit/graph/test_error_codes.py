"""The table of failures: for everything that Threads was seen to answer, what it means and what it proves."""

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support import HTML, graph_error, reply
from threads.base.errors import (
    Evidence,
    MissingScope,
    RateLimited,
    ReconnectRequired,
    RejectedByThreads,
    ThreadsError,
    ThreadsUnavailable,
    Verdict,
)
from threads.graph import error_codes, media, oauth
from threads.graph.error_codes import NO_ANSWER, NOT_SENT, RULES, Rule, Step, classify
from threads.graph.media import ContainerStatus
from threads.graph.protocol import GraphReply

CREATE, PUBLISH, WATCH = Step.CREATE_CONTAINER, Step.PUBLISH_CONTAINER, Step.READ_CONTAINER
WITNESS = Step.ASK_WITNESS
CODE, TOKEN, LIST = Step.EXCHANGE_CODE, Step.EXCHANGE_TOKEN, Step.LIST_POSTS

READERS: dict[Step, Callable[[GraphReply], object]] = {
    Step.EXCHANGE_CODE: oauth.read_short_lived_token,
    Step.EXCHANGE_TOKEN: oauth.read_long_lived_token,
    Step.READ_PROFILE: oauth.read_profile,
    Step.ASK_WITNESS: oauth.read_own_id,
    Step.CREATE_CONTAINER: media.read_created_id,
    Step.READ_CONTAINER: lambda answer: _finished(*media.read_container_status(answer)),
    Step.PUBLISH_CONTAINER: media.read_published_id,
    Step.READ_MEDIA: media.read_permalink,
    Step.LIST_POSTS: media.read_recent_posts,
    Step.READ_QUOTA: lambda reply: media.read_quota(reply, replies=False),
    Step.DELETE_POST: media.read_deleted,
}
"""What reads the answer to each call."""


def _finished(status: ContainerStatus, reason: str) -> ContainerStatus:
    """Return the status of a container that may be published yet."""
    if status in {ContainerStatus.ERROR, ContainerStatus.EXPIRED}:
        raise media.container_failure(status, reason)
    return status


class Sample(NamedTuple):
    """One answer, and what is to be made of it."""

    step: Step
    answer: GraphReply
    error: type[ThreadsError]
    verdict: Verdict


def sample(
    step: Step,
    status: int,
    body: object,
    error: type[ThreadsError],
    *,
    proves: str = "",
    may_last: bool = False,
    failure: str = "",
) -> Sample:
    """Return a row; ``proves`` says that the call did nothing, or that a dead token may hide behind it."""
    verdict = Verdict("nothing done" in proves, "token?" in proves, may_last)
    answer = GraphReply(NO_ANSWER, failure=failure) if failure else reply(status, body)
    return Sample(step, answer, error, verdict)


NOTHING_DONE = "nothing done"
SUSPECT = "nothing done, token?"

EXPIRED = (
    "Error validating access token: Session has expired on Friday, 01-May-26 04:00:00 PDT. The current time "
    "is Friday, 01-May-26 04:00:01 PDT."
)
MISSING_CONTAINER = {
    "message": "The requested resource does not exist",
    "error_user_title": "Media Not Found",
    "error_user_msg": "The media with id 17889615691921648 cannot be found.",
}
NOT_FETCHED = {
    "message": "An unknown error occurred",
    "error_user_title": "Media download has failed",
    "error_user_msg": "The media could not be fetched from this URI.",
}
SPAM = {
    "message": "Application request limit reached",
    "error_user_title": "Action is blocked",
    "error_user_msg": "We restrict certain activity to protect our community.",
}
LINKS = {"message": "THREADS_API__LINK_LIMIT_EXCEEDED", "error_user_msg": "Too many links."}
CODE_USED = {
    "error_type": "OAuthException",
    "code": 400,
    "error_message": "Matching code was not found or was already used",
}


def container(status: str, message: str | None = None) -> dict[str, Any]:
    """Return what Threads says of a container."""
    return {"status": status, "id": "17889615691921648"} | ({"error_message": message} if message else {})


NO_IDS: list[Any] = [None, "", True, [], {}, -1, 1.5, "a/b", "1?x"]

SAMPLES: dict[str, list[Sample]] = {
    "service trouble on create: retry, the outcome of a text in one call is unknown": [
        sample(CREATE, 500, graph_error(1, None, "An unknown error occurred"), ThreadsUnavailable),
        sample(CREATE, 400, graph_error(1, None, "An unknown error occurred"), ThreadsUnavailable),
        sample(CREATE, 400, graph_error(2, None, "Service temporarily unavailable"), ThreadsUnavailable),
        sample(CREATE, 503, graph_error(2, is_transient=True), ThreadsUnavailable),
        sample(CREATE, 500, graph_error(100), ThreadsUnavailable),
        sample(CREATE, 500, {"error": {}}, ThreadsUnavailable),
        sample(CREATE, 502, HTML, ThreadsUnavailable),
        sample(CREATE, 500, b"", ThreadsUnavailable),
        sample(CREATE, 504, b"upstream request timeout", ThreadsUnavailable),
        sample(CREATE, 503, {"id": "1"}, ThreadsUnavailable),
        sample(CREATE, 0, b"", ThreadsUnavailable, failure="ReadTimeout"),
        sample(CREATE, 0, b"", ThreadsUnavailable, failure="Timeout"),
        sample(CREATE, 0, b"", ThreadsUnavailable, failure="ConnectionError"),
    ],
    "trouble on publish: the outcome is unknown": [
        sample(
            PUBLISH, 500, graph_error(10, None, "Application does not have permission"), ThreadsUnavailable
        ),
        sample(PUBLISH, 503, graph_error(200), ThreadsUnavailable),
        sample(PUBLISH, 500, graph_error(100), ThreadsUnavailable),
        sample(PUBLISH, 500, graph_error(99999), ThreadsUnavailable),
        sample(PUBLISH, 500, graph_error(-1, None, "Fatal"), ThreadsUnavailable),
        sample(PUBLISH, 0, b"", ThreadsUnavailable, failure="ReadTimeout"),
        sample(PUBLISH, 200, {"success": True}, ThreadsUnavailable),
    ],
    "certainly not sent": [
        sample(CREATE, 0, b"", ThreadsUnavailable, proves=NOTHING_DONE, failure=NOT_SENT),
        sample(PUBLISH, 0, b"", ThreadsUnavailable, proves=NOTHING_DONE, failure=NOT_SENT),
    ],
    "call limits": [
        *(
            sample(CREATE, 400, graph_error(code), RateLimited, proves=NOTHING_DONE)
            for code in (4, 17, 32, 341, 613)
        ),
        sample(
            PUBLISH,
            403,
            graph_error(4, None, "Application request limit reached"),
            RateLimited,
            proves=NOTHING_DONE,
        ),
        sample(CREATE, 403, graph_error(4, is_transient=True), RateLimited, proves=NOTHING_DONE),
        sample(CREATE, 429, graph_error(99999), RateLimited, proves=NOTHING_DONE),
        sample(CREATE, 429, b"", RateLimited, proves=NOTHING_DONE),
        sample(CREATE, 429, HTML, RateLimited, proves=NOTHING_DONE),
        sample(LIST, 429, {}, RateLimited, proves=NOTHING_DONE),
        sample(
            CODE,
            429,
            {"error_type": "OAuthException", "code": 429, "error_message": "Too many requests"},
            RateLimited,
            proves=NOTHING_DONE,
        ),
    ],
    "a spam block: permanent although the code is 4": [
        sample(CREATE, 403, graph_error(4, 2207051, **SPAM), RejectedByThreads, proves=NOTHING_DONE),
        sample(
            PUBLISH,
            400,
            graph_error(4, 2207051, is_transient=True, **SPAM),
            RejectedByThreads,
            proves=NOTHING_DONE,
        ),
    ],
    "user or account restricted": [
        sample(
            CREATE,
            400,
            graph_error(9, None, "User performs too many actions"),
            RejectedByThreads,
            proves=NOTHING_DONE,
        ),
        sample(
            CREATE,
            400,
            graph_error(368, None, "Temporarily blocked for policies violations", is_transient=True),
            RejectedByThreads,
            proves=NOTHING_DONE,
        ),
        sample(PUBLISH, 403, graph_error(4279013), RejectedByThreads, proves=NOTHING_DONE),
        sample(CREATE, 400, graph_error(100, 4279013), RejectedByThreads, proves=NOTHING_DONE),
    ],
    "the witness of a dead token": [
        sample(WITNESS, 400, graph_error(190, 460), ReconnectRequired, proves=NOTHING_DONE),
        sample(
            WITNESS,
            400,
            graph_error(24, 4279009, **MISSING_CONTAINER),
            ReconnectRequired,
            proves=NOTHING_DONE,
        ),
        sample(WITNESS, 400, graph_error(100), ReconnectRequired, proves=NOTHING_DONE),
        sample(WITNESS, 400, graph_error(100, 33), ReconnectRequired, proves=NOTHING_DONE),
    ],
    "a witness that says nothing of the token": [
        sample(WITNESS, 500, graph_error(100), ThreadsUnavailable),
        sample(WITNESS, 500, graph_error(24, 4279009), ThreadsUnavailable),
        sample(WITNESS, 400, graph_error(100, is_transient=True), ThreadsUnavailable),
        sample(WITNESS, 400, graph_error(24), RejectedByThreads, proves="token?"),
        sample(WITNESS, 400, graph_error(4), RateLimited, proves=NOTHING_DONE),
    ],
    "a container that is not there yet, or any more": [
        sample(
            PUBLISH,
            400,
            graph_error(24, 4279009, **MISSING_CONTAINER),
            ThreadsUnavailable,
            proves=SUSPECT,
        ),
        sample(WATCH, 400, graph_error(24, 4279009, **MISSING_CONTAINER), ThreadsUnavailable, proves=SUSPECT),
        sample(
            CREATE,
            400,
            graph_error(24, 4279009, **MISSING_CONTAINER),
            ThreadsUnavailable,
            proves=SUSPECT,
            may_last=True,
        ),
    ],
    "media could not be fetched: a few times again": [
        sample(
            CREATE,
            400,
            graph_error(1, 2207052, **NOT_FETCHED),
            ThreadsUnavailable,
            proves=NOTHING_DONE,
            may_last=True,
        ),
        sample(
            CREATE,
            400,
            graph_error(9004, 2207052, **NOT_FETCHED),
            ThreadsUnavailable,
            proves=NOTHING_DONE,
            may_last=True,
        ),
        sample(CREATE, 500, graph_error(1, 2207052, **NOT_FETCHED), ThreadsUnavailable, may_last=True),
    ],
    "a carousel whose items are finished, and are refused all the same": [
        sample(
            CREATE,
            400,
            graph_error(100, 4279004, "Invalid Carousel Children"),
            ThreadsUnavailable,
            proves=SUSPECT,
            may_last=True,
        ),
    ],
    "a link that redirects": [
        sample(CREATE, 400, graph_error(-1, 4279047), RejectedByThreads, proves=NOTHING_DONE),
        sample(CREATE, 500, graph_error(-1, 4279047), RejectedByThreads),
    ],
    "permission": [
        *(
            sample(
                CREATE, 403, graph_error(code, None, "Permission denied"), MissingScope, proves=NOTHING_DONE
            )
            for code in (10, 200, 230, 299)
        ),
        sample(PUBLISH, 400, graph_error(10, is_transient=True), MissingScope, proves=NOTHING_DONE),
    ],
    "a server in trouble says that a token is dead: it proves nothing, and least of all that": [
        sample(CREATE, 500, graph_error(190, 463, EXPIRED), ThreadsUnavailable),
        sample(PUBLISH, 503, graph_error(190), ThreadsUnavailable),
        sample(Step.READ_PROFILE, 502, graph_error(102), ThreadsUnavailable),
        sample(Step.DELETE_POST, 500, graph_error(190), ThreadsUnavailable),
    ],
    "session or token dead": [
        sample(
            CREATE, 401, graph_error(102, None, "Session key invalid"), ReconnectRequired, proves=NOTHING_DONE
        ),
        sample(CREATE, 400, graph_error(190, None, EXPIRED), ReconnectRequired, proves=NOTHING_DONE),
        *(
            sample(CREATE, 400, graph_error(190, subcode, EXPIRED), ReconnectRequired, proves=NOTHING_DONE)
            for subcode in (458, 459, 460, 463, 464, 467, 492)
        ),
        sample(Step.READ_PROFILE, 401, graph_error(190, 467), ReconnectRequired, proves=NOTHING_DONE),
    ],
    "the content": [
        sample(
            CREATE, 400, graph_error(100, None, "Param text is too long"), RejectedByThreads, proves=SUSPECT
        ),
        sample(PUBLISH, 400, graph_error(100), RejectedByThreads, proves=SUSPECT),
        sample(
            CREATE, 400, graph_error(506, None, "Duplicate status message"), RejectedByThreads, proves=SUSPECT
        ),
        sample(CREATE, 400, {"error": LINKS}, RejectedByThreads, proves=SUSPECT),
        sample(CREATE, 400, graph_error(-1, **LINKS), RejectedByThreads, proves=SUSPECT),
        sample(CREATE, 400, {"error": {"message": "THREADS_API__ODD"}}, RejectedByThreads, proves=SUSPECT),
    ],
    "is_transient, where no code says more": [
        sample(CREATE, 400, graph_error(99999, is_transient=True), ThreadsUnavailable),
        sample(CREATE, 400, graph_error(100, is_transient=True), ThreadsUnavailable),
    ],
    "undocumented codes": [
        sample(CREATE, 400, graph_error(99999), RejectedByThreads, proves="token?"),
        sample(PUBLISH, 400, graph_error(24), RejectedByThreads, proves="token?"),
        sample(CREATE, 400, graph_error(9004), RejectedByThreads, proves="token?"),
        sample(CREATE, 400, graph_error(300), RejectedByThreads, proves="token?"),
        sample(CREATE, 404, {"error": {}}, RejectedByThreads, proves="token?"),
        sample(CREATE, 400, graph_error(True), RejectedByThreads, proves="token?"),
        sample(CREATE, 400, graph_error("190"), RejectedByThreads, proves="token?"),
        sample(CREATE, 400, graph_error([190], {"a": 1}), RejectedByThreads, proves="token?"),
        sample(CREATE, 400, graph_error(None, is_transient="yes"), RejectedByThreads, proves="token?"),
        sample(
            CREATE, 400, graph_error(0, None, 7, error_user_msg=["x"]), RejectedByThreads, proves="token?"
        ),
    ],
    "an error with the status of a success": [
        sample(PUBLISH, 200, graph_error(99999), ThreadsUnavailable),
        sample(CREATE, 200, graph_error(100), ThreadsUnavailable),
        sample(CREATE, 302, graph_error(99999), ThreadsUnavailable),
    ],
    "the token endpoint's own envelope": [
        sample(CODE, 400, CODE_USED, RejectedByThreads, proves="token?"),
        sample(CODE, 500, CODE_USED, ThreadsUnavailable),
        sample(CODE, 400, {"error_type": "OAuthException"}, RejectedByThreads, proves="token?"),
        sample(TOKEN, 400, graph_error(190, 463, EXPIRED), ReconnectRequired, proves=NOTHING_DONE),
    ],
    "a container's error_message": [
        *(
            sample(WATCH, 200, container("ERROR", reason), RejectedByThreads, proves=NOTHING_DONE)
            for reason in (
                *("INVALID_ASPEC_RATIO", "INVALID_BIT_RATE", "INVALID_DURATION", "INVALID_FRAME_RATE"),
                *("INVALID_AUDIO_CHANNELS", "INVALID_AUDIO_CHANNEL_LAYOUT"),
            )
        ),
        *(
            sample(
                WATCH,
                200,
                container("ERROR", reason),
                ThreadsUnavailable,
                proves=NOTHING_DONE,
                may_last=True,
            )
            for reason in (
                *("FAILED_DOWNLOADING_VIDEO", "FAILED_PROCESSING_AUDIO", "FAILED_PROCESSING_VIDEO"),
                *("UNKNOWN", None),
            )
        ),
        sample(WATCH, 200, container("EXPIRED"), ThreadsUnavailable, proves=NOTHING_DONE),
        sample(WATCH, 200, container("ERROR", "SOMETHING_NEW"), ThreadsUnavailable),
        sample(WATCH, 200, container("DONE"), ThreadsUnavailable),
        sample(WATCH, 0, b"", ThreadsUnavailable, failure="ConnectionError"),
    ],
    "no answer of the API at all": [
        sample(CREATE, 200, b"", ThreadsUnavailable),
        sample(CREATE, 200, HTML, ThreadsUnavailable),
        sample(CREATE, 400, HTML, ThreadsUnavailable),
        sample(CREATE, 404, b"", ThreadsUnavailable),
        sample(CREATE, 200, b'{"id": "1784', ThreadsUnavailable),
        sample(CREATE, 400, b'{"error": {"code": 190', ThreadsUnavailable),
        sample(CREATE, 200, b"\xff\xfe\x00", ThreadsUnavailable),
        sample(CREATE, 200, b"[" * 100_000, ThreadsUnavailable),
        sample(CREATE, 200, b'{"id":' + b"9" * 5000 + b"}", ThreadsUnavailable),
        sample(CREATE, 200, b"null", ThreadsUnavailable),
        sample(CREATE, 200, [{"id": "1"}], ThreadsUnavailable),
        sample(CREATE, 302, b"", ThreadsUnavailable),
        sample(CREATE, 302, {"id": "1"}, ThreadsUnavailable),
        sample(CREATE, 400, {"error": "invalid_request"}, ThreadsUnavailable),
        sample(LIST, 200, {"posts": []}, ThreadsUnavailable),
    ],
    "a success without the id": [
        sample(CREATE, 200, {}, ThreadsUnavailable),
        sample(CREATE, 200, {"success": True}, ThreadsUnavailable),
        *(sample(CREATE, 200, {"id": value}, ThreadsUnavailable) for value in NO_IDS),
    ],
}
"""By what they are about; the first lines are those of the table of errors that the design was made from."""

ROWS = [
    pytest.param(row, id=f"{about[:30]}-{row.step}-{row.answer.status}-{number}")
    for about, rows in SAMPLES.items()
    for number, row in enumerate(rows)
]


def error_of(row: Sample) -> ThreadsError:
    """Return the error that an answer is."""
    with pytest.raises(ThreadsError) as failure:
        READERS[row.step](row.answer)
    return failure.value


@pytest.mark.parametrize("row", ROWS)
def test_every_answer_has_a_meaning(row: Sample) -> None:
    """An answer decides whose turn it is, whether the same may be tried again, and what is certain by now."""
    error = error_of(row)
    assert (type(error), error.verdict) == (row.error, row.verdict)
    assert error.retryable is (row.error in {ThreadsUnavailable, RateLimited})
    assert (error.retry_after is not None) is error.retryable
    assert error.evidence
    assert error.evidence[:2] == (row.step, row.answer.status)


def test_every_row_of_the_table_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row decides at least one sample: none stands behind another that takes its failures."""
    used: list[Rule] = []

    def watched(seen: Evidence) -> Rule:
        used.append(classify(seen))
        return used[-1]

    monkeypatch.setattr(error_codes, "classify", watched)
    for rows in SAMPLES.values():
        for row in rows:
            error_of(row)
    assert [rule for rule in RULES if not any(rule is one for one in used)] == []


@given(
    step=st.sampled_from(Step),
    status=st.sampled_from([0, 200, 302, 400, 401, 403, 404, 429, 500, 503]) | st.integers(0, 999),
    is_envelope=st.booleans(),
    code=st.none() | st.sampled_from([1, 2, 4, 10, 24, 100, 190, 200, 506]) | st.integers(),
    subcode=st.none() | st.sampled_from([2207051, 2207052, 4279009, 4279013]) | st.integers(),
    is_transient=st.booleans(),
    words=st.text(max_size=5) | st.just("THREADS_API__X"),
    reason=st.text(max_size=5) | st.sampled_from([NOT_SENT, "INVALID_X", "UNKNOWN", "{0}", "{reason.x}"]),
)
def test_every_failure_has_a_row(**seen: Any) -> None:
    """Every failure has a row, whatever is in it. Its error has a text, in which no placeholder is left."""
    error = error_codes.error_for(Evidence(**seen))
    assert error.message
    assert "{reason}" not in error.message


@given(
    status=st.integers(500, 599),
    code=st.sampled_from([1, 2, 10, 100, 200, 299, 506]) | st.integers(10_000, 10**6),
    step=st.sampled_from([CREATE, PUBLISH]),
)
def test_a_fault_of_threads_proves_nothing(status: int, code: int, step: Step) -> None:
    """After a 5xx the outcome is unknown: code 10 was seen to have published."""
    rule = classify(Evidence(step, status, code=code))
    assert rule.error is ThreadsUnavailable
    assert not rule.verdict.is_definite


@pytest.mark.parametrize("code", [4, 9, 17, 24, 32, 102, 190, 341, 368, 613])
def test_a_fault_of_threads_proves_nothing_whatever_its_code(code: int) -> None:
    """A code that says what was refused does not outweigh a status that says that Threads has failed."""
    subcode = 4279009 if code == 24 else None
    assert not classify(Evidence(CREATE, 500, code=code, subcode=subcode)).verdict.is_definite


@given(status=st.integers(0, 999), reason=st.text(max_size=5), step=st.sampled_from([CREATE, PUBLISH]))
def test_nothing_is_certain_without_an_answer(status: int, reason: str, step: Step) -> None:
    """Where the API has not answered, only a limit or a request that never left proves anything."""
    rule = classify(Evidence(step, status, is_envelope=False, reason=reason))
    assert rule.verdict.is_definite is (status == 429)
    assert classify(Evidence(step, NO_ANSWER, is_envelope=False, reason=NOT_SENT)).verdict.is_definite


def test_only_a_missing_container_is_one() -> None:
    """A container counts as missing by code and subcode together."""
    missing = error_of(sample(PUBLISH, 400, graph_error(24, 4279009), ThreadsUnavailable))
    others = [(24, None), (None, 4279009), (100, 4279009), (24, 4279013)]
    assert error_codes.is_missing_container(missing)
    assert not error_codes.is_missing_container(ThreadsUnavailable())
    for code, subcode in others:
        error = ThreadsUnavailable(evidence=Evidence(PUBLISH, 400, code=code, subcode=subcode))
        assert not error_codes.is_missing_container(error)


REASONS = ["INVALID_DURATION", "FAILED_PROCESSING_AUDIO", "UNKNOWN", ""]


@pytest.mark.parametrize("reason", REASONS)
def test_the_reason_of_a_container_is_told(reason: str) -> None:
    """The user reads what Threads said of the file, and at least that it is not known."""
    assert (reason or "ERROR") in media.container_failure(ContainerStatus.ERROR, reason).message


def test_threads_words_are_for_refusals_only() -> None:
    """What Threads says to the user is told where it refuses the content; elsewhere we know better."""
    said = {"error_user_msg": "Too long."}
    refusal = error_of(sample(CREATE, 400, graph_error(100, **said), RejectedByThreads))
    limit = error_of(sample(CREATE, 400, graph_error(4, **said), RateLimited))
    block = error_of(sample(CREATE, 400, graph_error(368, **said), RejectedByThreads))
    assert refusal.message == "Threads says: Too long."
    assert "Too long" not in limit.message + block.message
    assert "Threads app" in block.message


@pytest.mark.parametrize(
    ("envelope", "told"),
    [
        ({"message": "THREADS_API__LINK_LIMIT_EXCEEDED"}, "more than 5 different links"),
        ({"code": 100, "message": "THREADS_API__LINK_LIMIT_EXCEEDED"}, "more than 5 different links"),
        ({"code": 100, "error_user_msg": "(#100) THREADS_API__TAG_IS_ODD"}, "says: (#100) tag is odd"),
        ({"error_user_msg": "THREADS_API__ODD", "message": "It is odd."}, "says: It is odd."),
    ],
    ids=range(4),
)
def test_no_constant_is_a_message(envelope: dict[str, Any], told: str) -> None:
    """A name in Threads' own code is no text for people. The log shows it."""
    error = error_of(sample(CREATE, 400, {"error": envelope}, RejectedByThreads))
    assert told in error.message
    assert "THREADS_API__" not in error.message
    assert error.evidence
    assert "THREADS_API__" in error.evidence.excerpt


def test_every_row_has_its_source() -> None:
    """A row says where it is from: a page of Meta's, or what others have seen."""
    for rule in RULES:
        assert re.match(r"https://developers\.facebook\.com/|seen|nobody|the conn|an error", rule.source)


def test_the_samples_are_many() -> None:
    """The table is tested with whole answers, not with the codes that it is made of."""
    assert len(ROWS) >= 40
    assert all(row.answer.failure or row.answer.status for rows in SAMPLES.values() for row in rows)
    assert json.loads(SAMPLES["the content"][0].answer.body)["error"].keys() >= {
        "message",
        "type",
        "fbtrace_id",
    }
