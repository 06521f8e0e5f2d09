"""Containers, posts and quotas: what Threads is asked, and what its answers mean."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.unit.support import TOKEN, reply
from threads.base.errors import ThreadsUnavailable
from threads.base.secret import Secret
from threads.graph import media, oauth, protocol
from threads.graph.error_codes import Step
from threads.graph.media import ContainerStatus, RecentPost
from threads.graph.protocol import GraphReply

CREATE, PUBLISH = Step.CREATE_CONTAINER, Step.PUBLISH_CONTAINER


@pytest.mark.parametrize("value", ["17841405793187218", 17841405793187218, 1])
def test_ids_come_as_text_or_number(value: object) -> None:
    """An id keeps every digit, however Threads writes it."""
    assert media.read_created_id(reply(200, {"id": value})) == str(value)
    assert media.read_published_id(reply(200, {"id": value, "extra": {}})) == str(value)


# --- containers and permalinks ------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ContainerStatus)
def test_the_life_of_a_container(status: ContainerStatus) -> None:
    """Each of the five documented statuses is read, with the reason of an ERROR."""
    assert media.read_container_status(reply(200, {"status": status, "id": "1"})) == (status, "")
    answer = reply(200, {"status": status, "error_message": "INVALID_AUDIO_CHANNEL_LAYOUT"})
    assert media.read_container_status(answer) == (status, "INVALID_AUDIO_CHANNEL_LAYOUT")


@pytest.mark.parametrize("status", ["finished", "", None, 1, "DONE", ["FINISHED"]])
def test_an_unknown_status_is_no_status(status: object) -> None:
    """A status that is not documented is not guessed at."""
    with pytest.raises(ThreadsUnavailable):
        media.read_container_status(reply(200, {"status": status}))


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
    assert media.read_permalink(reply(200, {"id": "1", "permalink": value})) == expected
    assert media.read_permalink(reply(200, {"id": "1"})) is None


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
    read = media.read_recent_posts(reply(200, {"data": [later, "x", listed("a/b"), earlier]}))
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
    """A list with an unreadable post is an error: it does not prove that another post is missing."""
    with pytest.raises(ThreadsUnavailable):
        media.read_recent_posts(reply(200, body))


def test_no_posts_are_a_list() -> None:
    """An account without posts has an empty list."""
    assert media.read_recent_posts(reply(200, {"data": []})) == []


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
    assert media.read_end_of_page(reply(200, body)) == after
    assert media.recent_posts_request(Secret(TOKEN), NOON, after=after).query.get("after") == after


LISTED = (
    "id,media_type,text,timestamp,permalink,topic_tag,link_attachment_url,poll_attachment,gif_url,"
    "is_quote_post,reply_audience,alt_text"
)


@pytest.mark.parametrize(
    ("date", "ahead"),
    [("Fri, 01 May 2026 12:00:08 GMT", 8), ("Fri, 01 May 2026 11:55:50 GMT", -250), ("soon", 0), (None, 0)],
)
def test_an_answer_tells_how_far_the_clocks_differ(date: str | None, ahead: int) -> None:
    """The Date of an answer is Threads' time; without one the clocks count as equal."""
    answer = GraphReply(200, {} if date is None else {"date": date})
    assert media.time_ahead(answer, NOON).total_seconds() == ahead


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
    quota = media.read_quota(reply(200, {"data": [limit]}), replies=False)
    assert (quota.used >= quota.total) is spent
    replies = {f"reply_{name}": it for name, it in limit.items()}
    assert media.read_quota(reply(200, {"data": [replies]}), replies=True) == quota


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
    """A quota that Threads does not tell is an error; the delivery goes on without it."""
    with pytest.raises(ThreadsUnavailable):
        media.read_quota(reply(200, body), replies=False)


# --- requests -----------------------------------------------------------------------------------------------

BUILT: list[tuple[Callable[[Secret], protocol.GraphRequest], tuple[object, ...]]] = [
    (
        lambda token: media.create_container_request(token, {"media_type": "TEXT", "text": "é & ü"}),
        (CREATE, "POST", "/me/threads", {}, {"media_type": "TEXT", "text": "é & ü"}),
    ),
    (
        lambda token: media.create_container_request(token, {"text": "a"}, auto_publish_text=True),
        (CREATE, "POST", "/me/threads", {}, {"text": "a", "auto_publish_text": "true"}),
    ),
    (
        lambda token: media.container_status_request(token, "12"),
        (Step.READ_CONTAINER, "GET", "/12", {"fields": "status,error_message"}, None),
    ),
    (
        lambda token: media.publish_container_request(token, "12"),
        (PUBLISH, "POST", "/me/threads_publish", {}, {"creation_id": "12"}),
    ),
    (
        lambda token: media.permalink_request(token, "13"),
        (Step.READ_MEDIA, "GET", "/13", {"fields": "permalink"}, None),
    ),
    (
        lambda token: media.recent_posts_request(token, NOON),
        (
            Step.LIST_POSTS,
            "GET",
            "/me/threads",
            {"fields": LISTED, "since": "1777636800", "limit": "100"},
            None,
        ),
    ),
    (
        lambda token: media.recent_posts_request(token, NOON, path="/me/replies", after="x"),
        (
            Step.LIST_POSTS,
            "GET",
            "/me/replies",
            {
                "fields": LISTED,
                "since": "1777636800",
                "limit": "100",
                "after": "x",
            },
            None,
        ),
    ),
    (
        lambda token: media.delete_post_request(token, "13"),
        (Step.DELETE_POST, "DELETE", "/13", {}, None),
    ),
    (lambda token: media.repost_request(token, "13"), (Step.REPOST, "POST", "/13/repost", {}, None)),
    (
        lambda token: media.quota_request(token, replies=False),
        (Step.READ_QUOTA, "GET", "/me/threads_publishing_limit", {"fields": "quota_usage,config"}, None),
    ),
    (
        lambda token: media.quota_request(token, replies=True),
        (
            Step.READ_QUOTA,
            "GET",
            "/me/threads_publishing_limit",
            {"fields": "reply_quota_usage,reply_config"},
            None,
        ),
    ),
    (oauth.own_id_request, (Step.ASK_WITNESS, "GET", "/me", {"fields": "id"}, None)),
]


@pytest.mark.parametrize(("build", "expected"), BUILT)
def test_requests_have_their_documented_form(
    build: Callable[[Secret], protocol.GraphRequest], expected: tuple[object, ...]
) -> None:
    """Each call has its method, versioned path and parameters; the token is in none of them."""
    request = build(Secret(TOKEN))
    assert (request.step, request.method, request.path, request.query, request.form) == expected
    assert request.versioned
    assert request.token
    assert request.token.reveal() == TOKEN
    assert TOKEN not in repr((request, request.path, request.query, request.form))
