"""What people ask to publish: the web app's body, a task's body, and the rules for both."""

import copy
import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support import broken_rules
from threads.errors import InvalidRequest
from threads.posts import Content, Submission, post_id, read_task_body, read_web_body

IMAGE, VIDEO = "https://cdn.example/a.jpg", "https://cdn.example/b.mp4"


def web(body: dict[str, Any], header_key: str | None = None) -> set[tuple[str, str]]:
    """Return what is wrong with a web app's body."""
    with pytest.raises(InvalidRequest) as refusal:
        read_web_body(body, header_key)
    return broken_rules(refusal.value)


# --- the web app's body -------------------------------------------------------------------------------------

WEB: list[tuple[dict[str, Any], Content]] = [
    ({"text": "hello"}, Content("hello")),
    ({"text": "  hello\n"}, Content("  hello\n")),
    ({"text": "Привет 🦊\u200d"}, Content("Привет 🦊\u200d")),
    ({"imageUrl": IMAGE}, Content(image_url=IMAGE)),
    ({"videoUrl": VIDEO, "text": "a"}, Content("a", video_url=VIDEO)),
    ({"text": "a", "imageUrl": "", "videoUrl": None}, Content("a")),
    ({"text": "", "imageUrl": IMAGE}, Content(image_url=IMAGE)),
    (
        {"imageUrl": "https://cdn.example:8443/a?b=c&d=%20#e"},
        Content(image_url="https://cdn.example:8443/a?b=c&d=%20#e"),
    ),
]


@pytest.mark.parametrize(("body", "content"), WEB)
def test_the_web_apps_body_is_read(body: dict[str, Any], content: Content) -> None:
    """A text, an image or a video, as it was given; empty and null mean absent."""
    submission = read_web_body({**body, "accountId": "1", "idempotencyKey": "k"}, None)
    assert submission == Submission(user_id=None, content=content, account_id="1", key="k")


CONTRACT_OPTIONS = [
    *("media", "thread", "split", "dryRun", "altText", "replyControl", "replyToId", "quotePostId"),
    *("linkAttachment", "topicTag", "poll", "gif", "textAttachment", "spoilers", "spoilerMedia", "ghost"),
    *("replyApprovals", "countries", "locationId", "shareToInstagram", "scheduledTime", "queue"),
]
FOREIGN = ["Text", "text ", "image_url", "platform", "postId", "", "__proto__", "a" * 30, "é", "x\ny"]


@pytest.mark.parametrize("name", [*CONTRACT_OPTIONS, *FOREIGN], ids=ascii)
def test_an_option_that_is_not_known_is_named(name: str) -> None:
    """Nothing is published without an option that was asked for: one that does nothing here is a 400."""
    assert web({"text": "a", name: "x"}) == {(name, "unknown_field")}


def test_all_unknown_options_are_named() -> None:
    """Every unknown option is told at once, with everything else that is wrong."""
    body = {**dict.fromkeys(CONTRACT_OPTIONS), "accountId": 1, "imageUrl": "http://x.example/a.jpg"}
    assert web(body) == {
        *((name, "unknown_field") for name in CONTRACT_OPTIONS),
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
    ({"text": "a", "imageUrl": [IMAGE]}, {("imageUrl", "invalid_request")}),
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
        assert read_web_body({"text": text}, None).content.text == text
        return
    with pytest.raises(InvalidRequest) as refusal:
        read_web_body({"text": text}, None)
    assert refusal.value.code == "text_too_long"
    assert f"{len(text.encode())} bytes" in refusal.value.message


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
        assert read_web_body({"imageUrl": url}, None).content.image_url == url
    else:
        assert {field for field, _ in web({"imageUrl": url})} == {"imageUrl"}


KEYS = [("k", None, "k"), (None, "k", "k"), ("k", "k", "k"), ("", "k", "k"), ("k", "", "k")]


@pytest.mark.parametrize(("body_key", "header_key", "expected"), KEYS)
def test_the_key_comes_from_body_or_header(
    body_key: str | None, header_key: str | None, expected: str
) -> None:
    """The idempotency key is the body's or the header's; both may say the same."""
    assert read_web_body({"text": "a", "idempotencyKey": body_key}, header_key).key == expected


def test_two_different_keys_are_refused() -> None:
    """Which of two keys is meant is not guessed; a header is as limited as a body."""
    assert web({"text": "a", "idempotencyKey": "k"}, "other") == {("idempotencyKey", "invalid_request")}
    assert web({"text": "a"}, "k" * 513) == {("Idempotency-Key", "invalid_request")}


def test_without_a_key_every_request_is_a_post() -> None:
    """Two requests without a key are two posts."""
    keys = {read_web_body({"text": "a"}, None).key for _ in range(100)}
    assert len(keys) == 100
    assert all(len(key) >= 32 for key in keys)


@given(
    st.dictionaries(
        st.sampled_from(["text", "imageUrl", "videoUrl", "accountId", "x"]), st.text() | st.integers()
    )
)
def test_any_body_is_read_or_refused(body: dict[str, Any]) -> None:
    """No members lead to anything but a submission or InvalidRequest with its reasons."""
    try:
        assert read_web_body(body, None).content.parameters()
    except InvalidRequest as refusal:
        assert refusal.problems  # noqa: PT017 - either outcome is fine


PARAMETERS = [
    (Content("a"), {"media_type": "TEXT", "text": "a"}),
    (Content(image_url=IMAGE), {"media_type": "IMAGE", "image_url": IMAGE}),
    (Content("a", video_url=VIDEO), {"media_type": "VIDEO", "text": "a", "video_url": VIDEO}),
]


@pytest.mark.parametrize(("content", "expected"), PARAMETERS)
def test_a_content_becomes_threads_parameters(content: Content, expected: dict[str, str]) -> None:
    """Threads gets its own names for what was asked, and nothing that was not."""
    assert content.parameters() == expected


# --- the name of a post -------------------------------------------------------------------------------------


def test_a_posts_name_is_stable() -> None:
    """The same request has the same name in every process and version: it is where its record is."""
    name = "3a3a7a6679e6609eb1bae646e8726c0350033b11c3395d18594cac186e78adcf"
    assert post_id("uid", "17841405793187218", "key") == name


def test_different_requests_have_different_names() -> None:
    """Another user, account or key is another post, also where the parts run together alike."""
    parts = ["", "a", "aa", "|", "a|", "|a", '"', '","', '","a', "é", "\ud800"]
    names = {post_id(*triple) for triple in itertools.product(parts, repeat=3)}
    assert len(names) == len(parts) ** 3


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


def wrong_task(body: dict[str, Any]) -> set[tuple[str, str]]:
    """Return what is wrong with a task's body."""
    with pytest.raises(InvalidRequest) as refusal:
        read_task_body(body)
    return broken_rules(refusal.value)


def test_the_orchestrators_task_is_read() -> None:
    """The shape that the existing orchestrator sends is taken as it is."""
    assert read_task_body(task()) == Submission(
        "user-1", Content("hello"), "17841405793187218", "submission-1"
    )


TASKS: list[tuple[dict[str, Any], Content]] = [
    ({"mediaType": "IMAGE", "imageUrls": [IMAGE]}, Content("hello", image_url=IMAGE)),
    ({"mediaType": "image", "mediaUrls": [IMAGE]}, Content("hello", image_url=IMAGE)),
    ({"mediaType": "image", "mediaUrls": [IMAGE], "imageUrls": [IMAGE]}, Content("hello", image_url=IMAGE)),
    (
        {"mediaType": "image", "mediaUrls": ["https://x.example/i"]},
        Content("hello", image_url="https://x.example/i"),
    ),
    ({"mediaType": "video", "videoUrls": [VIDEO]}, Content("hello", video_url=VIDEO)),
    (
        {"mediaType": "VIDEO", "videoUrls": ["https://x.example/v"]},
        Content("hello", video_url="https://x.example/v"),
    ),
    ({"mediaType": "video", "mediaUrls": [VIDEO], "videoUrls": [VIDEO]}, Content("hello", video_url=VIDEO)),
    (
        {"mediaType": "video", "mediaUrls": ["https://x.example/v"]},
        Content("hello", video_url="https://x.example/v"),
    ),
    (
        {"mediaType": "video/mp4", "mediaUrls": ["https://x.example/v"]},
        Content("hello", video_url="https://x.example/v"),
    ),
    ({"mediaType": None, "mediaUrls": [VIDEO + "?x=1"]}, Content("hello", video_url=VIDEO + "?x=1")),
    ({"mediaUrls": ["https://x.example/V.MOV"]}, Content("hello", video_url="https://x.example/V.MOV")),
    ({"mediaUrls": [IMAGE]}, Content("hello", image_url=IMAGE)),
    ({"mediaUrls": None, "imageUrls": None, "videoUrls": None, "mediaType": None}, Content("hello")),
    ({"text": "", "imageUrls": [IMAGE]}, Content(image_url=IMAGE)),
    ({"text": None, "videoUrls": [VIDEO]}, Content(video_url=VIDEO)),
    ({"hashtags": ["x"], "youtube": {"title": "y"}}, Content("hello")),
]


@pytest.mark.parametrize(("content", "expected"), TASKS, ids=[ascii(content)[:60] for content, _ in TASKS])
def test_a_tasks_media_are_found_wherever_they_stand(content: dict[str, Any], expected: Content) -> None:
    """Images and videos are found in all three lists; what is another platform's is passed over."""
    assert read_task_body(task(content=content)).content == expected


def test_a_task_without_an_account_means_the_only_one() -> None:
    """Threads' entry need not name an account; other platforms' entries never do."""
    platforms = [{"platform": "instagram", "accountId": "99"}, {"platform": "threads"}]
    assert read_task_body(task(content={"platform": platforms})).account_id is None
    platforms[1]["accountId"] = "1"
    assert read_task_body(task(content={"platform": platforms * 2})).account_id == "1"


def test_reading_a_task_leaves_it_as_it_was() -> None:
    """A body can be read twice."""
    body = task(content={"imageUrls": [], "mediaUrls": [IMAGE], "mediaType": "image"})
    before = copy.deepcopy(body)
    assert read_task_body(body) == read_task_body(body)
    assert body == before


WRONG_TASKS: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
    (task(userId=None), {("userId", "invalid_request")}),
    (task(userId="a/b"), {("userId", "invalid_request")}),
    (task(userId="__x__"), {("userId", "invalid_request")}),
    (task(userId=5), {("userId", "invalid_request")}),
    (task(postSubmissionId=None), {("postSubmissionId", "invalid_request")}),
    (task(postSubmissionId=""), {("postSubmissionId", "invalid_request")}),
    (task(postSubmissionId=7), {("postSubmissionId", "invalid_request")}),
    (task(content={"text": ""}), {("text", "empty_post")}),
    (task(content={"text": "é" * 251}), {("text", "text_too_long")}),
    (task(content={"text": 5}), {("text", "invalid_request")}),
    (task(content={"imageUrls": [5]}), {("imageUrls", "invalid_request")}),
    (task(content={"videoUrls": [5]}), {("videoUrls", "invalid_request")}),
    (task(content={"mediaUrls": {}}), {("mediaUrls", "invalid_request")}),
    (task(content={"imageUrls": [IMAGE, IMAGE + "2"]}), {("mediaUrls", "too_many_media")}),
    (task(content={"imageUrls": [IMAGE], "videoUrls": [VIDEO]}), {("mediaUrls", "too_many_media")}),
    (task(content={"imageUrls": ["http://x.example/a"]}), {("imageUrl", "invalid_media_url")}),
    (task(content={"platform": "threads"}), {("platform", "invalid_request")}),
    (
        task(content={"platform": [{"platform": "threads", "accountId": str(n)} for n in (1, 2)]}),
        {("platform", "invalid_request")},
    ),
    (
        task(content={"text": "é" * 251, "imageUrls": ["x"]}, userId="", postSubmissionId=None),
        {
            ("userId", "invalid_request"),
            ("postSubmissionId", "invalid_request"),
            ("text", "text_too_long"),
            ("imageUrl", "invalid_media_url"),
        },
    ),
]


@pytest.mark.parametrize(("body", "expected"), WRONG_TASKS, ids=range(len(WRONG_TASKS)))
def test_every_broken_rule_of_a_task_is_told(body: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    """What a task's record will say holds everything that was wrong with it."""
    assert wrong_task(body) == expected


@pytest.mark.parametrize("account_id", [17841405793187218, ["1"], {}, True, "1" * 513], ids=ascii)
def test_an_account_that_is_named_wrongly_is_not_passed_over(account_id: object) -> None:
    """A task whose account cannot be read is not published to another one."""
    platforms = [{"platform": "threads", "accountId": account_id}]
    assert {field for field, _ in wrong_task(task(content={"platform": platforms}))} & {
        "accountId",
        "platform",
    }


def test_a_task_for_other_platforms_is_not_published() -> None:
    """Where the orchestrator names platforms and Threads is not among them, nothing goes to Threads."""
    platforms = [{"platform": "instagram", "accountId": "1"}]
    assert wrong_task(task(content={"platform": platforms})) == {("platform", "invalid_request")}


SHAPES: list[Any] = [None, 5, "x", [], [1], {}, True]


@pytest.mark.parametrize("shape", SHAPES, ids=ascii)
def test_a_task_of_any_shape_is_refused(shape: object) -> None:
    """Whatever stands where an object should be, the answer is a list of what is wrong."""
    bodies: list[dict[str, Any]] = [
        task(request=shape),
        task(request={"post": shape}),
        task(request={"post": {"content": shape}}),
        {"request": shape},
    ]
    for body in bodies:
        assert wrong_task(body)
