"""Threads' answers, read: ids, evidence, texts, containers, posts; and the requests that they answer."""

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support import HTML, SECRET, TOKEN, graph_error, reply
from threads.base.errors import Evidence, RejectedByThreads, ThreadsError
from threads.graph import media, oauth
from threads.graph.error_codes import NO_ANSWER, Step
from threads.graph.protocol import GraphReply

CREATE, PUBLISH = Step.CREATE_CONTAINER, Step.PUBLISH_CONTAINER

READERS: list[Callable[[GraphReply], object]] = [
    oauth.read_short_lived_token,
    oauth.read_long_lived_token,
    oauth.read_own_id,
    lambda answer: oauth.read_profile(answer, ["threads_biography"]),
    media.read_created_id,
    media.read_published_id,
    media.read_container_status,
    media.read_permalink,
    media.read_recent_posts,
    media.read_end_of_page,
    partial(media.read_quota, replies=False),
    partial(media.read_quota, replies=True),
    media.read_instagram_status,
    media.read_deleted,
]
"""Everything that reads an answer."""


MEMBERS = st.sampled_from(
    [
        *("id", "user_id", "access_token", "expires_in", "username", "threads_biography", "permalink"),
        *(
            "status",
            "error_message",
            "data",
            "paging",
            "cursors",
            "after",
            "quota_usage",
            "config",
            "quota_total",
        ),
        *("text", "media_type", "timestamp", "error", "code", "error_type"),
    ]
)
VALUES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=3)
    | st.sampled_from(["FINISHED", "17841405793187218", "https://x.example/p"])
    | st.sampled_from(["2026-05-01T12:00:00+0000", "2026-05-01", "0001-01-01T00:00:00+2359"])
)
OBJECTS = st.recursive(
    VALUES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(MEMBERS, inner, max_size=5),
    max_leaves=15,
)


@given(status=st.integers(200, 599) | st.just(200), body=st.dictionaries(MEMBERS, OBJECTS, max_size=8))
def test_no_answer_is_beyond_understanding(status: int, body: dict[str, Any]) -> None:
    """Reading any answer gives a result, or an error of Threads with its evidence."""
    for read in READERS:
        try:
            read(reply(status, body))
        except ThreadsError as failure:
            assert failure.evidence  # noqa: PT017 - either outcome is fine


@given(st.integers(200, 599), st.binary(max_size=40) | st.sampled_from([HTML, b"{}", b'{"error":{}}']))
def test_bytes_are_an_answer_or_none(status: int, body: bytes) -> None:
    """Bytes of any kind give an id or an error of Threads."""
    try:
        assert media.read_created_id(reply(status, body)).isdigit()
    except ThreadsError as failure:
        assert failure.evidence  # noqa: PT017 - either outcome is fine


# --- evidence and texts -------------------------------------------------------------------------------------


def failure_of(answer: GraphReply) -> ThreadsError:
    """Return the error that an answer to a create call is."""
    with pytest.raises(ThreadsError) as failure:
        media.read_created_id(answer)
    return failure.value


def test_the_evidence_is_kept() -> None:
    """An error carries step, status, codes and Meta's trace id, which Meta's support asks for."""
    evidence = failure_of(reply(400, graph_error(24, 4279009, fbtrace_id="AbC_1-x"))).evidence
    assert evidence
    assert (evidence.step, evidence.status, evidence.is_envelope) == (CREATE, 400, True)
    assert (evidence.code, evidence.subcode, evidence.fbtrace_id) == (24, 4279009, "AbC_1-x")
    assert '"code": 24' in evidence.excerpt


@pytest.mark.parametrize("body", [b"", HTML, b"{"])
def test_the_trace_id_is_found_without_a_body(body: bytes) -> None:
    """Where the body says nothing, the header's trace id is kept."""
    error = failure_of(reply(502, body, {"x-fb-trace-id": "AbC"}))
    assert error.as_json()["fbtraceId"] == "AbC"


def test_a_missing_answer_says_in_what_way() -> None:
    """Without an answer the evidence is the kind of failure."""
    evidence = failure_of(GraphReply(NO_ANSWER, failure="ReadTimeout")).evidence
    assert evidence == Evidence(CREATE, 0, is_envelope=False, reason="ReadTimeout", excerpt="ReadTimeout")


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
    ({"message": " THREADS_API__SOMETHING_ODD "}, "Threads says: something odd"),
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
