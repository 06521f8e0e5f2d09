"""What people ask to publish: the web app's body, a task's body, and the rules for both."""

import copy
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support import broken_rules
from threads.base.config import Counting
from threads.base.errors import InvalidRequest
from threads.posts.content import Content
from threads.posts.submission import OwnTask, Submission, is_post_id, read_task_body, read_web_body

IMAGE, VIDEO = "https://cdn.example/a.jpg", "https://cdn.example/b.mp4"
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def read_task(body: dict[str, Any]) -> Submission | OwnTask:
    """Read a task's body, a text counted in bytes."""
    return read_task_body(body, Counting.UTF8_BYTES)


def read_web(body: dict[str, Any], header_key: str | None = None) -> Submission:
    """Read a web app's body at noon."""
    return read_web_body(body, header_key, NOW, Counting.UTF8_BYTES)


def web(body: dict[str, Any], header_key: str | None = None) -> set[tuple[str, str]]:
    """Return what is wrong with a web app's body."""
    with pytest.raises(InvalidRequest) as refusal:
        read_web(body, header_key)
    return broken_rules(refusal.value)


# --- the web app's body -------------------------------------------------------------------------------------

WEB: list[tuple[dict[str, Any], Content]] = [
    ({"text": "hello"}, Content({"text": "hello"})),
    ({"text": "  hello\n"}, Content({"text": "  hello\n"})),
    ({"text": "Привет 🦊\u200d"}, Content({"text": "Привет 🦊\u200d"})),
    ({"imageUrl": IMAGE}, Content({"imageUrl": IMAGE})),
    ({"videoUrl": VIDEO, "text": "a"}, Content({"text": "a", "videoUrl": VIDEO})),
    ({"text": "a", "imageUrl": "", "videoUrl": None}, Content({"text": "a"})),
    ({"text": "", "imageUrl": IMAGE}, Content({"imageUrl": IMAGE})),
    (
        {"imageUrl": "https://cdn.example:8443/a?b=c&d=%20#e"},
        Content({"imageUrl": "https://cdn.example:8443/a?b=c&d=%20#e"}),
    ),
]


@pytest.mark.parametrize(("body", "content"), WEB)
def test_the_web_apps_body_is_read(body: dict[str, Any], content: Content) -> None:
    """A text, an image or a video, as it was given; empty and null mean absent."""
    submission = read_web({**body, "accountId": "1", "idempotencyKey": "k"})
    assert submission == Submission(user_id=None, content=content, account_id="1", key="k")


FOREIGN = [
    *("Text", "text ", "image_url", "alt_text", "media_type", "auto_publish_text", "is_carousel_item"),
    *("platform", "postId", "mediaUrls", "", "__proto__", "a" * 30, "é", "x\ny"),
]
"""Names that look like an option, or are one elsewhere."""


@pytest.mark.parametrize("name", FOREIGN, ids=ascii)
def test_an_option_that_is_not_known_is_named(name: str) -> None:
    """Nothing is published without an option that was asked for: one that does nothing here is a 400."""
    assert web({"text": "a", name: "x"}) == {(name, "unknown_field")}


def test_all_unknown_options_are_named() -> None:
    """Every unknown option is told at once, with everything else that is wrong."""
    body = {**dict.fromkeys(FOREIGN), "accountId": 1, "imageUrl": "http://x.example/a.jpg"}
    assert web(body) == {
        *((name, "unknown_field") for name in FOREIGN),
        ("accountId", "invalid_request"),
        ("imageUrl", "invalid_media_url"),
    }


WRONG: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
    ({}, {("text", "empty_post")}),
    ({"text": ""}, {("text", "empty_post")}),
    ({"text": " \n\t\u00a0"}, {("text", "empty_post")}),
    ({"other": 1}, {("text", "empty_post"), ("other", "unknown_field")}),
    ({"accountId": 5}, {("text", "empty_post"), ("accountId", "invalid_request")}),
    ({"text": 5}, {("text", "invalid_request")}),
    ({"text": ["a"]}, {("text", "invalid_request")}),
    ({"text": "a", "imageUrl": IMAGE, "videoUrl": VIDEO}, {("videoUrl", "too_many_media")}),
    ({"text": "a", "accountId": 5}, {("accountId", "invalid_request")}),
    ({"text": "a", "accountId": "1" * 513}, {("accountId", "invalid_request")}),
    ({"text": "a", "idempotencyKey": 5}, {("idempotencyKey", "invalid_request")}),
    ({"text": "a", "idempotencyKey": "k" * 513}, {("idempotencyKey", "invalid_request")}),
    ({"text": "a", "userId": {}}, {("userId", "invalid_request")}),
    ({"text": "a", "imageUrl": [IMAGE]}, {("imageUrl", "invalid_media_url")}),
    (
        {"text": "a" * 501, "imageUrl": "x", "videoUrl": "y"},
        {
            ("text", "text_too_long"),
            ("imageUrl", "invalid_media_url"),
            ("videoUrl", "invalid_media_url"),
            ("videoUrl", "too_many_media"),
        },
    ),
]


@pytest.mark.parametrize(("body", "expected"), WRONG, ids=[ascii(body)[:50] for body, _ in WRONG])
def test_every_broken_rule_is_told(body: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    """All that is wrong with a body is told at once, and nothing that is not wrong."""
    assert web(body) == expected


LENGTHS = [
    ("a" * 500, True),
    ("a" * 501, False),
    ("é" * 250, True),
    ("é" * 250 + "a", False),
    ("€" * 166 + "aa", True),
    ("€" * 167, False),
    ("🦊" * 125, True),
    ("🦊" * 125 + "a", False),
    ("a" * 496 + "🦊", True),
    ("a" * 497 + "🦊", False),
    ("a" * 20_000, False),
    ("a" * 20_001, False),
    ("a" * 60_000, False),
]


@pytest.mark.parametrize(("text", "fits"), LENGTHS, ids=[f"{len(text)}x{text[:1]}" for text, _ in LENGTHS])
def test_texts_are_counted_in_bytes(text: str, fits: bool) -> None:  # noqa: FBT001 - a column
    """A text of 500 bytes in UTF-8 fits, one byte more is text_too_long, however long it is."""
    if fits:
        assert read_web({"text": text}).content.text == text
        return
    with pytest.raises(InvalidRequest) as refusal:
        read_web({"text": text})
    assert refusal.value.code == "text_too_long"
    assert f"it counts {len(text.encode())} of 500 bytes" in refusal.value.message


BAD_URLS = [
    "http://cdn.example/a.jpg",
    "ftp://cdn.example/a.jpg",
    "//cdn.example/a.jpg",
    "cdn.example/a.jpg",
    "https:cdn.example/a.jpg",
    "https:///a.jpg",
    "https://",
    "data:image/png;base64,AAAA",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "https://user:pw@cdn.example/a.jpg",
    "https://@cdn.example/a.jpg",
    "https://cdn.example/a b.jpg",
    "https://cdn.example/a\n.jpg",
    "https://cdn.example/\x00",
    " https://cdn.example/a.jpg",
    "https://[::1/a.jpg",
    "https://cdn.example:port/a.jpg",
    "https://cdn.example:99999/a.jpg",
    "https://\u2100.example/a.jpg",
]


@pytest.mark.parametrize("url", BAD_URLS, ids=ascii)
@pytest.mark.parametrize("name", ["imageUrl", "videoUrl"])
def test_media_are_public_https_urls(name: str, url: str) -> None:
    """A URL that Threads could not fetch is refused before anything is sent."""
    assert web({"text": "a", name: url}) == {(name, "invalid_media_url")}


@pytest.mark.parametrize("length", [2048, 2049])
def test_urls_are_limited(length: int) -> None:
    """2,048 characters of a URL are accepted; a longer one is a problem of the URL, not of the text."""
    url = "https://cdn.example/".ljust(length, "a")
    if length == 2048:
        assert read_web({"imageUrl": url}).content.values["imageUrl"] == url
    else:
        assert {field for field, _ in web({"imageUrl": url})} == {"imageUrl"}


KEYS = [("k", None, "k"), (None, "k", "k"), ("k", "k", "k"), ("", "k", "k"), ("k", "", "k")]


@pytest.mark.parametrize(("body_key", "header_key", "expected"), KEYS)
def test_the_key_comes_from_body_or_header(
    body_key: str | None, header_key: str | None, expected: str
) -> None:
    """The idempotency key is the body's or the header's; both may say the same."""
    assert read_web({"text": "a", "idempotencyKey": body_key}, header_key).key == expected


def test_two_different_keys_are_refused() -> None:
    """Which of two keys is meant is not guessed; a header is as limited as a body."""
    assert web({"text": "a", "idempotencyKey": "k"}, "other") == {("idempotencyKey", "invalid_request")}
    assert web({"text": "a"}, "k" * 513) == {("Idempotency-Key", "invalid_request")}


def test_without_a_key_every_request_is_a_post() -> None:
    """Two requests without a key are two posts."""
    submissions = [read_web({"text": "a"}) for _ in range(100)]
    keys = {submission.key for submission in submissions}
    assert len(keys) == 100
    assert all(len(key) >= 32 for key in keys)
    assert not any(submission.has_own_key for submission in submissions)


@pytest.mark.parametrize(("body_key", "header_key"), [("k", None), (None, "k"), ("k", "k")])
def test_a_key_of_the_callers_own_is_remembered_as_such(body_key: str | None, header_key: str | None) -> None:
    """Only a key that we made up has to be told to the caller."""
    assert read_web({"text": "a", "idempotencyKey": body_key}, header_key).has_own_key


@given(
    st.dictionaries(
        st.sampled_from(["text", "imageUrl", "videoUrl", "accountId", "x"]), st.text() | st.integers()
    )
)
def test_any_body_is_read_or_refused(body: dict[str, Any]) -> None:
    """No members lead to anything but a submission or InvalidRequest with its reasons."""
    try:
        assert read_web(body).content.parameters()
    except InvalidRequest as refusal:
        assert refusal.problems  # noqa: PT017 - either outcome is fine


@pytest.mark.parametrize("content", [content for _, content in WEB], ids=ascii)
def test_a_content_comes_back_from_its_record(content: Content) -> None:
    """A record keeps all of a post's content, in the words of the web app."""
    assert Content(content.as_json()) == content
    assert read_web(content.as_json()).content == content


PARAMETERS = [
    (Content({"text": "a"}), {"media_type": "TEXT", "text": "a"}),
    (Content({"imageUrl": IMAGE}), {"media_type": "IMAGE", "image_url": IMAGE}),
    (Content({"text": "a", "videoUrl": VIDEO}), {"media_type": "VIDEO", "text": "a", "video_url": VIDEO}),
]


@pytest.mark.parametrize(("content", "expected"), PARAMETERS)
def test_a_content_becomes_threads_parameters(content: Content, expected: dict[str, str]) -> None:
    """Threads gets its own names for what was asked, and nothing that was not."""
    assert content.parameters() == expected


# --- later --------------------------------------------------------------------------------------------------

TIMES = [
    ("2026-05-01T12:00:01Z", datetime(2026, 5, 1, 12, 0, 1, tzinfo=UTC)),
    ("2026-05-01T14:00:01+02:00", datetime(2026, 5, 1, 12, 0, 1, tzinfo=UTC)),
    ("2026-05-01 12:00:00.000001+00:00", datetime(2026, 5, 1, 12, 0, 0, 1, tzinfo=UTC)),
    ("2026-05-31T12:00:00Z", datetime(2026, 5, 31, 12, tzinfo=UTC)),
    ("20260502T120000-0800", datetime(2026, 5, 2, 20, tzinfo=UTC)),
    ("", None),
    (None, None),
]
NO_TIMES: list[Any] = [
    "tomorrow",
    "2026-05-02",
    "2026-05-02T12:00:00",
    "2026-05-02T25:00:00Z",
    "2026-02-30T12:00:00Z",
    "2026-05-31T12:00:01Z",
    "9999-12-31T23:59:59-23:59",
    "0001-01-01T00:00:00+23:59",
    "1777777777",
    "٢٠٢٦-05-02T12:00:00Z",
]


@pytest.mark.parametrize(("text", "moment"), TIMES, ids=ascii)
def test_a_time_to_publish_at_is_read_in_any_zone(text: str | None, moment: datetime | None) -> None:
    """A moment with its zone, up to thirty days ahead, becomes that moment in UTC."""
    submission = read_web({"text": "a", "scheduledTime": text})
    assert submission.scheduled_time == moment
    assert submission.scheduled_time is None or submission.scheduled_time.utcoffset() == timedelta(0)


@pytest.mark.parametrize("text", NO_TIMES, ids=ascii)
def test_a_time_that_no_task_can_have_is_refused(text: str) -> None:
    """A time without a zone or too far ahead is told at once, and not when it has come."""
    assert web({"text": "a", "scheduledTime": text}) == {("scheduledTime", "invalid_time")}


@pytest.mark.parametrize("value", [5, True, [], {}, "x" * 513], ids=ascii)
def test_a_time_is_a_text(value: object) -> None:
    """What is no text is no time."""
    assert web({"text": "a", "scheduledTime": value}) == {("scheduledTime", "invalid_request")}


@pytest.mark.parametrize("value", ["true", 1, 0, [], "no"], ids=ascii)
@pytest.mark.parametrize("name", ["queue", "dryRun"])
def test_queue_and_dry_run_are_true_or_false(name: str, value: object) -> None:
    """Whether a post waits in the queue, or is only checked, is not guessed from what looks like it."""
    assert web({"text": "a", name: value}) == {(name, "invalid_request")}


@pytest.mark.parametrize("value", [True, False, None])
def test_queue_and_dry_run_are_what_was_asked_for(value: object) -> None:
    """A post is queued, or only checked, when that is asked for, and in no other case."""
    queued, dry = read_web({"text": "a", "queue": value}), read_web({"text": "a", "dryRun": value})
    assert (queued.is_queued, queued.is_dry_run) == (value is True, False)
    assert (dry.is_queued, dry.is_dry_run) == (False, value is True)


def test_a_scheduled_post_is_checked_like_any_other() -> None:
    """What could not be published is refused when it is scheduled, with everything else that is wrong."""
    body = {"text": "a" * 501, "scheduledTime": "x", "queue": 1}
    assert web(body) == {
        ("text", "text_too_long"),
        ("scheduledTime", "invalid_time"),
        ("queue", "invalid_request"),
    }


# --- the name of a post -------------------------------------------------------------------------------------


def named(uid: str, account_id: str | None, key: str, text: str = "a") -> str:
    """Return the name of a user's post."""
    return Submission(None, Content({"text": text}), account_id, key).post_id(uid)


def test_a_posts_name_is_stable() -> None:
    """The same request has the same name in every process and version: it is where its record is."""
    name = "3a3a7a6679e6609eb1bae646e8726c0350033b11c3395d18594cac186e78adcf"
    assert named("uid", "17841405793187218", "key") == name


def test_different_requests_have_different_names() -> None:
    """Another user, account or key is another post, also where the parts run together alike."""
    parts = ["", "a", "aa", "|", "a|", "|a", '"', '","', '","a', "é", "\ud800"]
    names = {named(*triple) for triple in itertools.product(parts, repeat=3)}
    assert len(names) == len(parts) ** 3
    assert all(is_post_id(name) for name in names)


def test_the_content_is_no_part_of_the_name() -> None:
    """Another content with the same key finds the first one's record, and is told so."""
    assert named("uid", "1", "key", "a") == named("uid", "1", "key", "b")
    assert named("uid", None, "key") == named("uid", "", "key")


POST_ID = "0123456789abcdef" * 4
NO_POST_IDS = [
    *("", "a", POST_ID[:-1], POST_ID + "0", POST_ID.upper(), POST_ID + "\n", "../" + POST_ID[3:]),
    *("\u0660" * 64, "g" * 64, POST_ID[:-1] + "/"),
]


@pytest.mark.parametrize("unverified", NO_POST_IDS, ids=ascii)
def test_what_is_no_name_of_a_post_is_told(unverified: str) -> None:
    """Only what can be a post's name gets into a path."""
    assert not is_post_id(unverified)
    assert is_post_id(POST_ID)


# --- a task's body ------------------------------------------------------------------------------------------


def task(*, content: Any = None, **changes: Any) -> dict[str, Any]:
    """Return a task in the orchestrator's exact shape, with another content or other members."""
    given_content = {
        "text": "hello",
        "mediaType": "text",
        "mediaUrls": [],
        "imageUrls": [],
        "videoUrls": [],
        "platform": [{"platform": "threads", "accountId": "17841405793187218"}],
    }
    given_content |= content or {}
    return {
        "userId": "user-1",
        "postSubmissionId": "submission-1",
        "request": {"post": {"content": given_content}},
        **changes,
    }


def submitted(body: dict[str, Any]) -> Submission:
    """Return the orchestrator's submission that a body is."""
    submission = read_task(body)
    assert isinstance(submission, Submission)
    return submission


def unreadable_task(body: dict[str, Any]) -> set[tuple[str, str]]:
    """Return why nobody can say which post a task is for."""
    with pytest.raises(InvalidRequest) as refusal:
        read_task(body)
    return broken_rules(refusal.value)


def refused_task(body: dict[str, Any]) -> set[tuple[str, str]]:
    """Return what a task's record will say is wrong with it."""
    submission = submitted(body)
    assert submission.refusal
    return broken_rules(submission.refusal)


def test_the_orchestrators_task_is_read() -> None:
    """The shape that the existing orchestrator sends is taken as it is."""
    assert read_task(task()) == Submission(
        "user-1", Content({"text": "hello"}), "17841405793187218", "submission-1"
    )


TASKS: list[tuple[dict[str, Any], Content]] = [
    ({"mediaType": "IMAGE", "imageUrls": [IMAGE]}, Content({"text": "hello", "imageUrl": IMAGE})),
    ({"mediaType": "image", "mediaUrls": [IMAGE]}, Content({"text": "hello", "imageUrl": IMAGE})),
    (
        {"mediaType": "image", "mediaUrls": [IMAGE], "imageUrls": [IMAGE]},
        Content({"text": "hello", "imageUrl": IMAGE}),
    ),
    (
        {"mediaType": "image", "mediaUrls": ["https://x.example/i"]},
        Content({"text": "hello", "imageUrl": "https://x.example/i"}),
    ),
    ({"mediaType": "video", "videoUrls": [VIDEO]}, Content({"text": "hello", "videoUrl": VIDEO})),
    (
        {"mediaType": "VIDEO", "videoUrls": ["https://x.example/v"]},
        Content({"text": "hello", "videoUrl": "https://x.example/v"}),
    ),
    (
        {"mediaType": "video", "mediaUrls": [VIDEO], "videoUrls": [VIDEO]},
        Content({"text": "hello", "videoUrl": VIDEO}),
    ),
    (
        {"mediaType": "video", "mediaUrls": ["https://x.example/v"]},
        Content({"text": "hello", "videoUrl": "https://x.example/v"}),
    ),
    (
        {"mediaType": "video/mp4", "mediaUrls": ["https://x.example/v"]},
        Content({"text": "hello", "videoUrl": "https://x.example/v"}),
    ),
    (
        {"mediaType": None, "mediaUrls": [VIDEO + "?x=1"]},
        Content({"text": "hello", "videoUrl": VIDEO + "?x=1"}),
    ),
    (
        {"mediaUrls": ["https://x.example/V.MOV"]},
        Content({"text": "hello", "videoUrl": "https://x.example/V.MOV"}),
    ),
    ({"mediaUrls": [IMAGE]}, Content({"text": "hello", "imageUrl": IMAGE})),
    (
        {"mediaUrls": None, "imageUrls": None, "videoUrls": None, "mediaType": None},
        Content({"text": "hello"}),
    ),
    (
        {"imageUrls": [IMAGE, IMAGE + "2"]},
        Content({"text": "hello", "media": [{"imageUrl": IMAGE}, {"imageUrl": IMAGE + "2"}]}),
    ),
    (
        {"imageUrls": [IMAGE], "videoUrls": [VIDEO], "mediaUrls": [VIDEO, IMAGE]},
        Content({"text": "hello", "media": [{"videoUrl": VIDEO}, {"imageUrl": IMAGE}]}),
    ),
    ({"text": "", "imageUrls": [IMAGE]}, Content({"imageUrl": IMAGE})),
    ({"text": None, "videoUrls": [VIDEO]}, Content({"videoUrl": VIDEO})),
    ({"hashtags": ["x"], "youtube": {"title": "y"}}, Content({"text": "hello"})),
]


@pytest.mark.parametrize(("content", "expected"), TASKS, ids=[ascii(content)[:60] for content, _ in TASKS])
def test_a_tasks_media_are_found_wherever_they_stand(content: dict[str, Any], expected: Content) -> None:
    """Images and videos are found in all three lists; what is another platform's is passed over."""
    submission = submitted(task(content=content))
    assert (submission.content, submission.refusal) == (expected, None)


def test_a_task_without_an_account_means_the_only_one() -> None:
    """Threads' entry need not name an account; other platforms' entries never do."""
    platforms = [{"platform": "instagram", "accountId": "99"}, {"platform": "threads"}]
    assert submitted(task(content={"platform": platforms})).account_id is None
    platforms[1]["accountId"] = "1"
    assert submitted(task(content={"platform": platforms * 2})).account_id == "1"


def test_reading_a_task_leaves_it_as_it_was() -> None:
    """A body can be read twice."""
    body = task(content={"imageUrls": [], "mediaUrls": [IMAGE], "mediaType": "image"})
    before = copy.deepcopy(body)
    assert read_task(body) == read_task(body)
    assert body == before


UNREADABLE_TASKS: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
    (task(userId=None), {("userId", "invalid_request")}),
    (task(userId="a/b"), {("userId", "invalid_request")}),
    (task(userId="__x__"), {("userId", "invalid_request")}),
    (task(userId=5), {("userId", "invalid_request")}),
    (task(postSubmissionId=None), {("postSubmissionId", "invalid_request")}),
    (task(postSubmissionId=""), {("postSubmissionId", "invalid_request")}),
    (task(postSubmissionId=7), {("postSubmissionId", "invalid_request")}),
    (
        task(content={"text": "é" * 251}, userId="", postSubmissionId=None),
        {("userId", "invalid_request"), ("postSubmissionId", "invalid_request")},
    ),
    ({"userId": "user-1", "postId": "x"}, {("postId", "invalid_request")}),
    ({"userId": "user-1", "postId": None}, {("postId", "invalid_request")}),
    ({"userId": "user-1", "postId": 5}, {("postId", "invalid_request")}),
    ({"userId": "a/b", "postId": ""}, {("userId", "invalid_request"), ("postId", "invalid_request")}),
    ({}, {("userId", "invalid_request"), ("postSubmissionId", "invalid_request")}),
]


@pytest.mark.parametrize(("body", "expected"), UNREADABLE_TASKS, ids=range(len(UNREADABLE_TASKS)))
def test_a_task_must_say_whose_post_it_is(body: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    """Where user or submission cannot be read there is no record to write the failure to."""
    assert unreadable_task(body) == expected


WRONG_TASKS: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
    (task(content={"text": ""}), {("text", "empty_post")}),
    (task(content={"text": "é" * 251}), {("text", "text_too_long")}),
    (task(content={"text": 5}), {("text", "invalid_request")}),
    (task(content={"imageUrls": [5]}), {("imageUrls[0]", "invalid_request")}),
    (task(content={"videoUrls": [5]}), {("videoUrls[0]", "invalid_request")}),
    (task(content={"mediaUrls": {}}), {("mediaUrls", "invalid_request")}),
    (task(content={"imageUrls": [f"{IMAGE}?{n}" for n in range(21)]}), {("media", "invalid_media")}),
    (task(content={"imageUrls": [IMAGE, "http://x.example/a"]}), {("media[1]", "invalid_media")}),
    (task(content={"imageUrls": ["http://x.example/a"]}), {("imageUrl", "invalid_media_url")}),
    (task(content={"platform": "threads"}), {("platform", "invalid_request")}),
    (
        task(content={"platform": [{"platform": "threads", "accountId": str(n)} for n in (1, 2)]}),
        {("platform", "invalid_request")},
    ),
    (
        task(content={"text": "é" * 251, "imageUrls": ["x"], "platform": 5}),
        {
            ("text", "text_too_long"),
            ("imageUrl", "invalid_media_url"),
            ("platform", "invalid_request"),
        },
    ),
]


@pytest.mark.parametrize(("body", "expected"), WRONG_TASKS, ids=range(len(WRONG_TASKS)))
def test_every_broken_rule_of_a_task_is_told(body: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    """What a task's record will say holds everything that was wrong with it."""
    assert refused_task(body) == expected
    assert submitted(body).key == "submission-1"


@pytest.mark.parametrize("account_id", [17841405793187218, ["1"], {}, True, "1" * 513], ids=ascii)
def test_an_account_that_is_named_wrongly_is_not_passed_over(account_id: object) -> None:
    """A task whose account cannot be read is not published to another one."""
    platforms = [{"platform": "threads", "accountId": account_id}]
    assert {field for field, _ in refused_task(task(content={"platform": platforms}))} & {
        "accountId",
        "platform",
    }


def test_a_task_for_other_platforms_is_not_published() -> None:
    """Where the orchestrator names platforms and Threads is not among them, nothing goes to Threads."""
    platforms = [{"platform": "instagram", "accountId": "1"}]
    assert refused_task(task(content={"platform": platforms})) == {("platform", "invalid_request")}


SHAPES: list[Any] = [None, 5, "x", [], [1], {}, True]


@pytest.mark.parametrize("shape", SHAPES, ids=ascii)
def test_a_task_of_any_shape_is_refused(shape: object) -> None:
    """Whatever stands where an object should be, the answer is a list of what is wrong."""
    bodies: list[dict[str, Any]] = [
        task(request=shape),
        task(request={"post": shape}),
        task(request={"post": {"content": shape}}),
    ]
    for body in bodies:
        assert refused_task(body)


# --- a task of ours -----------------------------------------------------------------------------------------


def test_our_own_task_carries_two_names() -> None:
    """A task that this service made names user and post; the content is in the record."""
    assert read_task({"userId": "user-1", "postId": POST_ID}) == OwnTask("user-1", POST_ID)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["userId", "postId", "postSubmissionId", "request", "post", "content", "platform", "text"]
                ),
                inner,
            )
        ),
        max_leaves=12,
    )
)
def test_any_task_is_read_or_refused(value: object) -> None:
    """No body of a task leads to anything but a post, or InvalidRequest with its reasons."""
    try:
        assert read_task(value if isinstance(value, dict) else {"request": value})
    except InvalidRequest as refusal:
        assert refusal.problems  # noqa: PT017 - either outcome is fine
