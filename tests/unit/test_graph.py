"""Threads' answers, understood: from its documented and observed bodies to what should happen next."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support import SECRET, TOKEN, reply
from threads import containers, graph
from threads.containers import ContainerStatus
from threads.errors import (
    MissingScope,
    RateLimited,
    ReconnectRequired,
    RejectedByThreads,
    ServiceError,
    ThreadsError,
    ThreadsUnavailable,
)
from threads.graph import NO_ANSWER, GraphReply, Step
from threads.wire import Secret

CREATE, PUBLISH, CODE = Step.CREATE_CONTAINER, Step.PUBLISH_CONTAINER, Step.EXCHANGE_CODE


def graph_error(code: object, subcode: object = None, **more: Any) -> dict[str, Any]:
    """Return the Graph API's envelope."""
    extra = {} if subcode is None else {"error_subcode": subcode}
    return {
        "error": {
            "message": "no",
            "type": "THApiException",
            "code": code,
            "fbtrace_id": "A1b",
            **extra,
            **more,
        }
    }


CODE_USED = {
    "error_type": "OAuthException",
    "code": 400,
    "error_message": "Matching code was not found or was already used",
}
HTML = b"<!DOCTYPE html><html><body>Sorry, something went wrong.</body></html>"

NO_IDS: list[Any] = [None, "", True, [], {}, -1, 1.5, "a/b", "1?x"]

ERRORS: list[tuple[Step, int, object, type[ThreadsError]]] = [
    # Trouble of the service.
    (CREATE, 500, graph_error(1), ThreadsUnavailable),
    (CREATE, 400, graph_error(1), ThreadsUnavailable),
    (CREATE, 400, graph_error(2, is_transient=False), ThreadsUnavailable),
    (CREATE, 503, graph_error(2, is_transient=True), ThreadsUnavailable),
    (PUBLISH, 500, graph_error(100), ThreadsUnavailable),
    (PUBLISH, 500, graph_error(10), ThreadsUnavailable),
    (PUBLISH, 503, graph_error(200), ThreadsUnavailable),
    (PUBLISH, 500, graph_error(99999, is_transient=False), ThreadsUnavailable),
    (CREATE, 400, graph_error(99999, is_transient=True), ThreadsUnavailable),
    (CREATE, 500, {"error": {}}, ThreadsUnavailable),
    # Call limits.
    *((CREATE, 400, graph_error(code), RateLimited) for code in (4, 17, 32, 341, 613)),
    (CREATE, 403, graph_error(4, is_transient=True), RateLimited),
    (CREATE, 403, graph_error(4, is_transient=False), RateLimited),
    (CREATE, 500, graph_error(613), RateLimited),
    (CREATE, 429, graph_error(99999), RateLimited),
    (CREATE, 429, b"", RateLimited),
    (CREATE, 429, HTML, RateLimited),
    (CREATE, 429, {}, RateLimited),
    (CODE, 429, {"error_type": "X", "code": 429, "error_message": "slow down"}, RateLimited),
    # The account is blocked: permanent, although code 4 is a limit and Threads may call it transient.
    (CREATE, 403, graph_error(4, 2207051), RejectedByThreads),
    (PUBLISH, 400, graph_error(4, 2207051, is_transient=True), RejectedByThreads),
    (CREATE, 400, graph_error(9), RejectedByThreads),
    (CREATE, 400, graph_error(368, is_transient=True), RejectedByThreads),
    (CREATE, 400, graph_error(4279013), RejectedByThreads),
    (CREATE, 400, graph_error(100, 4279013), RejectedByThreads),
    # A container that is not there yet, or any more.
    (PUBLISH, 400, graph_error(24, 4279009, is_transient=False), ThreadsUnavailable),
    (Step.READ_CONTAINER, 400, graph_error(24, 4279009), ThreadsUnavailable),
    (PUBLISH, 400, graph_error(24), RejectedByThreads),
    # Media that could not be fetched.
    (CREATE, 400, graph_error(1, 2207052), ThreadsUnavailable),
    (CREATE, 400, graph_error(9004, 2207052, is_transient=False), ThreadsUnavailable),
    (CREATE, 400, graph_error(9004), RejectedByThreads),
    # Permissions.
    *((CREATE, 403, graph_error(code), MissingScope) for code in (10, 200, 230, 299)),
    (CREATE, 400, graph_error(10, is_transient=True), MissingScope),
    (CREATE, 400, graph_error(300), RejectedByThreads),
    # Dead tokens.
    (CREATE, 401, graph_error(102), ReconnectRequired),
    (CREATE, 400, graph_error(190), ReconnectRequired),
    *((CREATE, 400, graph_error(190, sub), ReconnectRequired) for sub in (458, 459, 460, 463, 464, 467, 492)),
    (PUBLISH, 500, graph_error(190, is_transient=True), ReconnectRequired),
    # The content.
    (CREATE, 400, graph_error(100), RejectedByThreads),
    (CREATE, 400, graph_error(100, is_transient=False), RejectedByThreads),
    (CREATE, 400, graph_error(100, is_transient=True), ThreadsUnavailable),
    (CREATE, 400, graph_error(506), RejectedByThreads),
    (CREATE, 400, graph_error(99999), RejectedByThreads),
    (CREATE, 400, {"error": {"message": "THREADS_API__LINK_LIMIT_EXCEEDED"}}, RejectedByThreads),
    (CREATE, 404, {"error": {}}, RejectedByThreads),
    # Odd types in the envelope.
    (CREATE, 400, graph_error(True), RejectedByThreads),
    (CREATE, 400, graph_error(None, is_transient="yes"), RejectedByThreads),
    (CREATE, 400, graph_error([190], {"a": 1}), RejectedByThreads),
    (CREATE, 400, graph_error(0, message=7, error_user_msg=["x"], fbtrace_id=5), RejectedByThreads),
    # The token endpoint's own envelope.
    (CODE, 400, CODE_USED, RejectedByThreads),
    (CODE, 500, CODE_USED, ThreadsUnavailable),
    (CODE, 400, {"error_type": "OAuthException"}, RejectedByThreads),
    # No answer of the API at all.
    (CREATE, NO_ANSWER, b"", ThreadsUnavailable),
    (CREATE, 200, b"", ThreadsUnavailable),
    (CREATE, 200, HTML, ThreadsUnavailable),
    (CREATE, 400, HTML, ThreadsUnavailable),
    (CREATE, 404, b"", ThreadsUnavailable),
    (CREATE, 502, HTML, ThreadsUnavailable),
    (CREATE, 500, b"", ThreadsUnavailable),
    (CREATE, 504, b"upstream request timeout", ThreadsUnavailable),
    (CREATE, 200, b'{"id": "1784', ThreadsUnavailable),
    (CREATE, 400, b'{"error": {"code": 190', ThreadsUnavailable),
    (CREATE, 200, b"\xff\xfe\x00", ThreadsUnavailable),
    (CREATE, 200, b"[" * 100_000, ThreadsUnavailable),
    (CREATE, 200, b'{"id":' + b"9" * 5000 + b"}", ThreadsUnavailable),
    (CREATE, 200, b"null", ThreadsUnavailable),
    (CREATE, 200, [{"id": "1"}], ThreadsUnavailable),
    (CREATE, 302, b"", ThreadsUnavailable),
    (CREATE, 302, {"id": "1"}, ThreadsUnavailable),
    (CREATE, 400, {"error": "invalid_request"}, ThreadsUnavailable),
    (CREATE, 503, {"id": "1"}, ThreadsUnavailable),
    # A good answer without what was asked.
    (CREATE, 200, {}, ThreadsUnavailable),
    (CREATE, 200, {"success": True}, ThreadsUnavailable),
    *((CREATE, 200, {"id": value}, ThreadsUnavailable) for value in NO_IDS),
]


@pytest.mark.parametrize(
    ("step", "status", "body", "expected"),
    ERRORS,
    ids=[f"{step}-{status}-{str(body)[:70]}" for step, status, body, _ in ERRORS],
)
def test_every_answer_has_a_meaning(
    step: Step, status: int, body: object, expected: type[ThreadsError]
) -> None:
    """What Threads answers decides whose turn it is, and whether the same may be tried again."""
    readers = {PUBLISH: containers.read_published_id, Step.READ_CONTAINER: containers.read_container_status}
    with pytest.raises(ThreadsError) as failure:
        readers.get(step, containers.read_created_id)(reply(status, body))
    assert type(failure.value) is expected
    assert failure.value.retryable is (expected in {ThreadsUnavailable, RateLimited})
    assert (failure.value.retry_after is not None) is failure.value.retryable


@given(st.integers(200, 599), st.binary(max_size=40) | st.sampled_from([HTML, b"{}", b'{"error":{}}']))
def test_no_answer_is_beyond_understanding(status: int, body: bytes) -> None:
    """Whatever comes back, reading it gives an id or an error of Threads."""
    try:
        assert containers.read_created_id(reply(status, body)).isdigit()
    except ThreadsError as failure:
        assert failure.evidence  # noqa: PT017 - either outcome is fine


@pytest.mark.parametrize("value", ["17841405793187218", 17841405793187218, 1])
def test_ids_come_as_text_or_number(value: object) -> None:
    """An id keeps every digit, however Threads writes it."""
    assert containers.read_created_id(reply(200, {"id": value})) == str(value)
    assert containers.read_published_id(reply(200, {"id": value, "extra": {}})) == str(value)


# --- evidence and texts -------------------------------------------------------------------------------------


def failure_of(answer: GraphReply) -> ThreadsError:
    """Return the error that an answer to a create call is."""
    with pytest.raises(ThreadsError) as failure:
        containers.read_created_id(answer)
    return failure.value


def test_the_evidence_is_kept() -> None:
    """An error carries step, status, codes and Meta's trace id, for whoever has to ask Meta's support."""
    evidence = failure_of(reply(400, graph_error(24, 4279009, fbtrace_id="AbC_1-x"))).evidence
    assert evidence
    assert evidence[:5] == (Step.CREATE_CONTAINER, 400, 24, 4279009, "AbC_1-x")
    assert '"code": 24' in evidence.excerpt


@pytest.mark.parametrize("body", [b"", HTML, b"{"])
def test_the_trace_id_is_found_without_a_body(body: bytes) -> None:
    """Where the body says nothing, the header's trace id is kept."""
    error = failure_of(reply(502, body, {"x-fb-trace-id": "AbC"}))
    assert error.as_json()["fbtraceId"] == "AbC"


def test_a_missing_answer_says_in_what_way() -> None:
    """Without an answer the evidence is the kind of failure."""
    evidence = failure_of(GraphReply(NO_ANSWER, failure="ReadTimeout")).evidence
    assert evidence == (Step.CREATE_CONTAINER, 0, None, None, None, "ReadTimeout")


LEAKING = [
    graph_error(100, message=f"Invalid access_token={TOKEN}"),
    graph_error(100, error_user_msg=f"The token {TOKEN} is not valid"),
    graph_error(190, message=f"Bearer {TOKEN}", fbtrace_id=TOKEN),
    {"error_type": "X", "code": 400, "error_message": f"client_secret={SECRET}"},
    {"access_token": TOKEN},
    [TOKEN],
    f"<html>{'x ' * 590}{TOKEN}</html>".encode(),
]


@pytest.mark.parametrize("status", [200, 400, 500])
@pytest.mark.parametrize("body", LEAKING, ids=range(len(LEAKING)))
def test_evidence_and_text_hold_no_secret(body: object, status: int) -> None:
    """A token that Threads repeats gets into neither the log nor the answer, and the excerpt is short."""
    error = failure_of(reply(status, body))
    assert error.evidence
    assert len(error.evidence.excerpt) <= 300
    shown = repr((error, error.evidence, error.as_json(), error.__cause__, error.__context__))
    assert TOKEN[:12] not in shown
    assert SECRET not in shown


TEXTS = [
    (
        {"error_user_msg": "Too long.", "error_user_title": "Sorry", "message": "no"},
        "Threads says: Too long.",
    ),
    ({"error_user_msg": "", "error_user_title": "Sorry"}, "Threads says: Sorry"),
    ({"message": " THREADS_API__LINK_LIMIT_EXCEEDED "}, "Threads says: THREADS_API__LINK_LIMIT_EXCEEDED"),
    ({"message": None}, RejectedByThreads.__doc__),
]


@pytest.mark.parametrize(("texts", "expected"), TEXTS)
def test_a_refusal_says_what_threads_says(texts: dict[str, Any], expected: str) -> None:
    """The user reads Threads' own words for a refusal, the user's ones before the developer's."""
    assert failure_of(reply(400, {"error": {"code": 100, **texts}})).message == expected


def test_texts_of_threads_can_be_answered() -> None:
    """Half of a surrogate pair in Threads' words does not keep the answer from being written."""
    error = failure_of(reply(400, rb'{"error": {"code": 100, "message": "x\ud83d"}}'))
    assert json.dumps(error.as_json(), ensure_ascii=False).encode()


RETRY_AFTER = {
    "30": timedelta(seconds=30),
    " 30 ": timedelta(seconds=30),
    "3600": timedelta(hours=1),
    "3601": timedelta(hours=1),
    "999999999": timedelta(hours=1),
}
NO_RETRY_AFTER = ["", "0", "-5", "1.5", "soon", "٣", "+5", "9" * 5000, "30, 40", "1e3", "\x00"]
LIMIT, OUTAGE = (429, graph_error(4)), (503, b"")


@pytest.mark.parametrize(("value", "expected"), RETRY_AFTER.items())
@pytest.mark.parametrize(("status", "body"), [LIMIT, OUTAGE])
def test_retry_after_is_believed_within_reason(
    value: str, expected: timedelta, status: int, body: object
) -> None:
    """Threads' own word for when to come back is taken over, up to an hour."""
    assert failure_of(reply(status, body, {"retry-after": value})).retry_after == expected


@pytest.mark.parametrize("headers", [{}, *({"retry-after": value} for value in NO_RETRY_AFTER)])
@pytest.mark.parametrize(("status", "body"), [LIMIT, OUTAGE])
def test_an_absurd_retry_after_is_passed_over(headers: dict[str, str], status: int, body: object) -> None:
    """Where Threads does not say when, or says nonsense, the error's own pause stands."""
    error = failure_of(reply(status, body, headers))
    assert error.retry_after == type(error).retry_after


# --- containers and permalinks ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ContainerStatus)
def test_the_life_of_a_container(status: ContainerStatus) -> None:
    """Each of the five documented statuses is read, with the reason of an ERROR."""
    assert containers.read_container_status(reply(200, {"status": status, "id": "1"})) == (status, "")
    answer = reply(200, {"status": status, "error_message": "INVALID_AUDIO_CHANNEL_LAYOUT"})
    assert containers.read_container_status(answer) == (status, "INVALID_AUDIO_CHANNEL_LAYOUT")


@pytest.mark.parametrize("status", ["finished", "", None, 1, "DONE", ["FINISHED"]])
def test_an_unknown_status_is_no_status(status: object) -> None:
    """A status that is not documented is not guessed at."""
    with pytest.raises(ThreadsUnavailable):
        containers.read_container_status(reply(200, {"status": status}))


CONTAINER_FAILURES: dict[str, type[ServiceError]] = {
    "FAILED_DOWNLOADING_VIDEO": ThreadsUnavailable,
    "FAILED_PROCESSING_AUDIO": ThreadsUnavailable,
    "FAILED_PROCESSING_VIDEO": ThreadsUnavailable,
    "INVALID_ASPEC_RATIO": RejectedByThreads,
    "INVALID_BIT_RATE": RejectedByThreads,
    "INVALID_DURATION": RejectedByThreads,
    "INVALID_FRAME_RATE": RejectedByThreads,
    "INVALID_AUDIO_CHANNELS": RejectedByThreads,
    "INVALID_AUDIO_CHANNEL_LAYOUT": RejectedByThreads,
    "UNKNOWN": ThreadsUnavailable,
    "EXPIRED": ThreadsUnavailable,
    "": ThreadsUnavailable,
}


@pytest.mark.parametrize(("reason", "expected"), CONTAINER_FAILURES.items())
def test_what_a_containers_error_means(reason: str, expected: type[ServiceError]) -> None:
    """A file that Threads calls invalid is refused for good; trouble with it may pass. The reason is told."""
    error = containers.container_failure(reason)
    assert type(error) is expected
    assert (reason or "UNKNOWN") in error.message


PERMALINKS: list[tuple[object, str | None]] = [
    ("https://www.threads.com/@a/post/x", "https://www.threads.com/@a/post/x"),
    ("javascript:alert(1)", None),
    ("", None),
    (None, None),
    (5, None),
]


@pytest.mark.parametrize(("value", "expected"), PERMALINKS)
def test_a_permalink_is_an_address_or_nothing(value: object, expected: str | None) -> None:
    """A post without an address is still a post."""
    assert containers.read_permalink(reply(200, {"id": "1", "permalink": value})) == expected
    assert containers.read_permalink(reply(200, {"id": "1"})) is None


# --- requests -----------------------------------------------------------------------------------------------

BUILT: list[tuple[Callable[[Secret], graph.GraphRequest], tuple[object, ...]]] = [
    (
        lambda token: containers.create_container_request(token, {"media_type": "TEXT", "text": "é & ü"}),
        (CREATE, "POST", "/me/threads", {}, {"media_type": "TEXT", "text": "é & ü"}),
    ),
    (
        lambda token: containers.create_container_request(token, {"text": "a"}, auto_publish_text=True),
        (CREATE, "POST", "/me/threads", {}, {"text": "a", "auto_publish_text": "true"}),
    ),
    (
        lambda token: containers.container_status_request(token, "12"),
        (Step.READ_CONTAINER, "GET", "/12", {"fields": "status,error_message"}, None),
    ),
    (
        lambda token: containers.publish_container_request(token, "12"),
        (PUBLISH, "POST", "/me/threads_publish", {}, {"creation_id": "12"}),
    ),
    (
        lambda token: containers.permalink_request(token, "13"),
        (Step.READ_MEDIA, "GET", "/13", {"fields": "permalink"}, None),
    ),
]


@pytest.mark.parametrize(("build", "expected"), BUILT)
def test_requests_have_their_documented_form(
    build: Callable[[Secret], graph.GraphRequest], expected: tuple[object, ...]
) -> None:
    """Each call has its method, versioned path and parameters; the token is in none of them."""
    request = build(Secret(TOKEN))
    assert (request.step, request.method, request.path, request.query, request.form) == expected
    assert request.versioned
    assert request.token
    assert request.token.reveal() == TOKEN
    assert TOKEN not in repr((request, request.path, request.query, request.form))
