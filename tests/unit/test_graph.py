"""Threads' answers, read: ids, evidence, texts, containers, posts; and the requests that they answer."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support import HTML, SECRET, TOKEN, graph_error, reply
from threads import containers, graph, oauth
from threads.containers import ContainerStatus, RecentPost
from threads.errors import RejectedByThreads, ThreadsError, ThreadsUnavailable
from threads.failures import NO_ANSWER, Step
from threads.graph import GraphReply
from threads.wire import Secret

CREATE, PUBLISH = Step.CREATE_CONTAINER, Step.PUBLISH_CONTAINER

READERS: list[Callable[[GraphReply], object]] = [
    oauth.read_short_lived_token,
    oauth.read_long_lived_token,
    oauth.read_own_id,
    lambda answer: oauth.read_profile(answer, ["threads_biography"]),
    containers.read_created_id,
    containers.read_published_id,
    containers.read_container_status,
    containers.read_permalink,
    containers.read_recent_posts,
    containers.read_end_of_page,
    partial(containers.read_quota, replies=False),
    partial(containers.read_quota, replies=True),
    containers.read_instagram_status,
    containers.read_deleted,
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
    """Whatever comes back, reading it gives a result or an error of Threads, with its evidence."""
    for read in READERS:
        try:
            read(reply(status, body))
        except ThreadsError as failure:
            assert failure.evidence  # noqa: PT017 - either outcome is fine


@given(st.integers(200, 599), st.binary(max_size=40) | st.sampled_from([HTML, b"{}", b'{"error":{}}']))
def test_bytes_are_an_answer_or_none(status: int, body: bytes) -> None:
    """Bytes of any kind give an id or an error of Threads."""
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


# --- the account's posts, and its quota ---------------------------------------------------------------------

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def listed(media_id: object, **more: Any) -> dict[str, Any]:
    """Return a post as Threads lists it."""
    return {
        "id": media_id,
        "media_type": "TEXT_POST",
        "text": "hello",
        "timestamp": "2026-05-01T12:00:00+0000",
        "permalink": "https://www.threads.com/@ada/post/x",
        **more,
    }


def test_recent_posts_are_read_from_the_oldest_on() -> None:
    """What is compared is read of each post; Threads lists the newest first, and an id is digits."""
    later, earlier = listed("2", timestamp="2026-05-01T14:00:01+0200", text=None), listed(1, permalink=5)
    read = containers.read_recent_posts(reply(200, {"data": [later, "x", listed("a/b"), earlier]}))
    assert read == [
        RecentPost("1", "TEXT_POST", "hello", NOON, None),
        RecentPost("2", "TEXT_POST", "", NOON + timedelta(seconds=1), "https://www.threads.com/@ada/post/x"),
    ]


UNREADABLE: list[Any] = [
    {},
    {"data": None},
    {"data": {}},
    {"data": [listed("1", timestamp=None)]},
    {"data": [listed("1"), listed("2", timestamp="yesterday")]},
    {"data": [listed("1", timestamp="0001-01-01T00:00:00+2359")]},
]


@pytest.mark.parametrize("body", UNREADABLE, ids=range(len(UNREADABLE)))
def test_half_a_list_of_posts_is_none(body: dict[str, Any]) -> None:
    """Where a post cannot be read, nobody may conclude that another one is not there."""
    with pytest.raises(ThreadsUnavailable):
        containers.read_recent_posts(reply(200, body))


def test_no_posts_are_a_list() -> None:
    """An account without posts has an empty list."""
    assert containers.read_recent_posts(reply(200, {"data": []})) == []


PAGES: list[tuple[Any, str | None]] = [
    ({"data": [listed("1")], "paging": {"cursors": {"before": "a", "after": "b"}}}, "b"),
    ({"data": [], "paging": {"cursors": {"before": "a", "after": "b"}}}, None),
    ({"data": [listed("1")]}, None),
    ({"data": [listed("1")], "paging": None}, None),
    ({"data": [listed("1")], "paging": {"cursors": []}}, None),
    ({"data": [listed("1")], "paging": {"cursors": {"after": 5}}}, None),
    ({"data": [listed("1")], "paging": {"next": "https://evil.example/"}}, None),
]


@pytest.mark.parametrize(("body", "after"), PAGES, ids=range(len(PAGES)))
def test_a_page_says_where_it_ends(body: dict[str, Any], after: str | None) -> None:
    """The next page is asked for by its cursor, never by an address of the answer; after an empty one not."""
    assert containers.read_end_of_page(reply(200, body)) == after
    assert containers.recent_posts_request(Secret(TOKEN), NOON, after=after).query.get("after") == after


QUOTAS: list[tuple[object, object, bool]] = [
    (0, 250, False),
    (249, 250, False),
    (250, 250, True),
    (9, "9", True),
]


@pytest.mark.parametrize(("used", "total", "spent"), QUOTAS)
def test_a_quota_is_spent_at_its_total(used: object, total: object, spent: bool) -> None:  # noqa: FBT001 - a column
    """The quota is spent when as many posts are used as there are."""
    limit = {"quota_usage": used, "config": {"quota_total": total, "quota_duration": 86400}}
    quota = containers.read_quota(reply(200, {"data": [limit]}), replies=False)
    assert (quota.used >= quota.total) is spent
    replies = {f"reply_{name}": it for name, it in limit.items()}
    assert containers.read_quota(reply(200, {"data": [replies]}), replies=True) == quota


NO_QUOTAS: list[Any] = [
    {},
    {"data": []},
    {"data": {}},
    {"data": [{}]},
    {"data": [{"quota_usage": 1, "config": None}]},
    {"data": [{"quota_usage": "many", "config": {"quota_total": 250}}]},
    {"data": [{"quota_usage": float("inf"), "config": {"quota_total": 250}}]},
]


@pytest.mark.parametrize("body", NO_QUOTAS, ids=range(len(NO_QUOTAS)))
def test_a_quota_that_is_not_told_is_not_guessed(body: dict[str, Any]) -> None:
    """What Threads does not say of the quota is an error, which the walk passes over."""
    with pytest.raises(ThreadsUnavailable):
        containers.read_quota(reply(200, body), replies=False)


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
    (
        lambda token: containers.recent_posts_request(token, NOON),
        (
            Step.LIST_POSTS,
            "GET",
            "/me/threads",
            {"fields": "id,media_type,text,timestamp,permalink", "since": "1777636800", "limit": "100"},
            None,
        ),
    ),
    (
        lambda token: containers.recent_posts_request(token, NOON, path="/me/replies", after="x"),
        (
            Step.LIST_POSTS,
            "GET",
            "/me/replies",
            {
                "fields": "id,media_type,text,timestamp,permalink",
                "since": "1777636800",
                "limit": "100",
                "after": "x",
            },
            None,
        ),
    ),
    (
        lambda token: containers.delete_post_request(token, "13"),
        (Step.DELETE_POST, "DELETE", "/13", {}, None),
    ),
    (lambda token: containers.repost_request(token, "13"), (Step.REPOST, "POST", "/13/repost", {}, None)),
    (
        lambda token: containers.quota_request(token, replies=False),
        (Step.READ_QUOTA, "GET", "/me/threads_publishing_limit", {"fields": "quota_usage,config"}, None),
    ),
    (
        lambda token: containers.quota_request(token, replies=True),
        (
            Step.READ_QUOTA,
            "GET",
            "/me/threads_publishing_limit",
            {"fields": "reply_quota_usage,reply_config"},
            None,
        ),
    ),
    (oauth.own_id_request, (Step.READ_PROFILE, "GET", "/me", {"fields": "id"}, None)),
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
