"""Everything that a post can have: through the function to the emulator, which refuses what Threads does."""

from typing import Any

import pytest

from tests.e2e.functions import Function
from tests.e2e.world import Author, Firebase, Threads, post_is_ready_again, post_path
from threads.posts.options import CAROUSEL, IMAGE, OPTIONS, TEXT, Option

PICTURE = "https://media.example/cat.jpg"
FILM = "https://media.example/cat.mp4"


def post_with(option: Option, example: Any) -> dict[str, Any]:
    """Return the smallest body that can have an option."""
    media = {"imageUrl": PICTURE} if IMAGE in option.kinds else {"videoUrl": FILM}
    return {"text": "Hello, Threads", **({} if TEXT in option.kinds else media), option.name: example}


@pytest.fixture
def instant(threads: Threads) -> Threads:
    """Return a Threads that processes media at once."""
    threads.control("POST", "settings", image_seconds=0, video_seconds=0)
    return threads


@pytest.mark.parametrize(
    "option", [option for option in OPTIONS if option.name != "media"], ids=lambda option: option.name
)
def test_an_option_reaches_threads_as_it_is_documented(
    publish_threads: Function, instant: Threads, author: Author, option: Option
) -> None:
    """With its documented name and form, in the call that creates; the emulator understands and shows it."""
    first = publish_threads.post(headers=author.headers, json={"text": "The one before"}).json()["id"]
    example = first if option.code == "invalid_post_id" else option.example
    answer = publish_threads.post(headers=author.headers, json=post_with(option, example))
    assert answer.status_code == 200, answer.text
    [sent] = [
        it["form"]
        for it in instant.requests()
        if "The one before" not in str(it) and it["form"].get("media_type")
    ]
    assert sent[option.parameter] == option.send(example)
    published = instant.posts()[-1]
    assert published["id"] == answer.json()["id"]
    assert option.parameter in published["content"]


def carousel(size: int) -> dict[str, Any]:
    """Return the body of a carousel, every third medium a video."""
    media = [
        {"videoUrl": f"https://media.example/{number}.mp4"}
        if number % 3 == 2
        else {"imageUrl": f"https://media.example/{number}.jpg", "altText": f"Picture {number}"}
        for number in range(size)
    ]
    return {"text": "Look", "media": media, "spoilerMedia": True}


def test_a_carousel_of_twenty_survives_three_failing_children(
    publish_threads: Function, instant: Threads, firebase: Firebase, author: Author
) -> None:
    """Only the ones that failed are created again, after a while, and the media stand in their order."""
    instant.control(
        "POST", "media", times=3, media_type="IMAGE", processing_seconds=0, error_message="UNKNOWN"
    )
    body = carousel(20) | {"idempotencyKey": "k"}
    answer = publish_threads.post(headers=author.headers, json=body)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "30")
    post_is_ready_again(firebase, author, answer.json()["postId"])
    answer = publish_threads.post(headers=author.headers, json=body)
    assert answer.status_code == 200, answer.text
    [post] = instant.posts()
    assert (post["content"]["media_type"], post["content"]["text"]) == (CAROUSEL, "Look")
    containers = {it["id"]: it["content"] for it in instant.control("GET", "containers")["containers"]}
    shown = [containers[child] for child in post["content"]["children"]]
    addresses = [it.get("image_url") or it["video_url"] for it in shown]
    assert [int(address.split("/")[-1].split(".")[0]) for address in addresses] == list(range(20))
    assert shown[0]["alt_text"] == "Picture 0"
    created = [it for it in instant.calls() if it == "POST /v1.0/me/threads"]
    assert len(created) == 20 + 3 + 1
    record = firebase.read(post_path(author.uid, answer.json()["postId"])) or {}
    assert sum(child["replaced"] for child in record["children"]) == 3


def test_a_carousel_ends_with_a_medium_that_cannot_be_used(
    publish_threads: Function, instant: Threads, author: Author
) -> None:
    """INVALID_* is the user's to change; nothing of the carousel is published."""
    instant.control("POST", "media", processing_seconds=0)
    instant.control("POST", "media", processing_seconds=0, error_message="INVALID_ASPEC_RATIO")
    answer = publish_threads.post(headers=author.headers, json=carousel(3))
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "rejected_by_threads")
    assert [it["field"] for it in answer.json()["error"]["details"]] == ["media[1]"]
    assert "INVALID_ASPEC_RATIO" in answer.json()["error"]["message"]
    assert instant.posts() == []


def test_a_carousel_is_not_published_twice(
    publish_threads: Function, instant: Threads, author: Author
) -> None:
    """A lost answer, and the same request again: one post."""
    instant.answer("/threads_publish", drop="after")
    body = carousel(2) | {"idempotencyKey": "k"}
    first = publish_threads.post(headers=author.headers, json=body)
    again = publish_threads.post(headers=author.headers, json=body)
    [post] = instant.posts()
    assert first.json()["id"] == again.json()["id"] == post["id"]


def test_three_broken_rules_are_three_messages(
    publish_threads: Function, instant: Threads, author: Author
) -> None:
    """A person who breaks three rules sees all of them at once: the rule, the value given, the limit."""
    body = {"text": "x" * 501, "poll": ["only one"], "topicTag": "a.b"}
    error = publish_threads.post(headers=author.headers, json=body).json()["error"]
    said = {it["field"]: (it["code"], it["message"]) for it in error["details"]}
    assert {name: code for name, (code, _) in said.items()} == {
        "text": "text_too_long",
        "poll": "invalid_poll",
        "topicTag": "invalid_topic_tag",
    }
    assert "501" in said["text"][1]
    assert "500" in said["text"][1]
    assert "1 were given" in said["poll"][1]
    assert instant.calls() == []


def test_a_scope_that_was_not_granted_is_told_before_any_call(
    publish_threads: Function, instant: Threads, firebase: Firebase, author: Author
) -> None:
    """403 missing_scope names the permission and how to ask for it; Threads is not called."""
    firebase.client.document(author.account_path).update(
        {"scopes": ["threads_basic", "threads_content_publish"]}
    )
    answer = publish_threads.post(headers=author.headers, json={"text": "x", "replyToId": "17"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["nextAction"]) == (403, "missing_scope", "reconnect")
    assert "threads_manage_replies" in error["message"]
    assert instant.calls() == []


def test_a_post_that_answers_nothing_is_given_up(
    publish_threads: Function, instant: Threads, author: Author
) -> None:
    """Threads does not find what is to be answered: that may pass, but not for ever; the post is named."""
    body = {"text": "To whom?", "replyToId": "17", "idempotencyKey": "k"}
    answers = [publish_threads.post(headers=author.headers, json=body) for _ in range(4)]
    assert [answer.status_code for answer in answers] == [503, 503, 422, 422]
    assert len({answer.json()["postId"] for answer in answers}) == 1
    assert "does not find what this post names" in answers[-1].json()["error"]["message"]
    assert instant.posts() == []


def test_a_dry_run_is_for_later_posts_too(publish_threads: Function, author: Author) -> None:
    """What could not be scheduled is refused in a rehearsal as well."""
    body = {"text": "x", "dryRun": True, "queue": True}
    assert publish_threads.post(headers=author.headers, json=body).json()["error"]["code"] == "no_queue"


def test_a_dry_run_says_what_would_be_sent_and_sends_nothing(
    publish_threads: Function, instant: Threads, firebase: Firebase, author: Author
) -> None:
    """Parameters, counts, scopes and today's quota; no post, no record."""
    publish_threads.post(headers=author.headers, json={"text": "One of today"})
    body = {"text": "Grüße https://a.example", "poll": ["a", "b"], "dryRun": True}
    answer = publish_threads.post(headers=author.headers, json=body)
    assert answer.json() == {
        "ok": True,
        "dryRun": True,
        "accountId": author.account_id,
        "wouldSend": {
            "media_type": "TEXT",
            "text": "Grüße https://a.example",
            "poll_attachment": '{"option_a":"a","option_b":"b"}',
        },
        "counts": {
            "text": {"count": 25, "limit": 500, "counting": "utf8_bytes"},
            "links": {"count": 1, "limit": 5},
        },
        "scopes": ["threads_basic", "threads_content_publish"],
        "quota": {"used": 1, "total": 250},
    }
    assert len(instant.posts()) == 1
    assert len(firebase.names(f"users/{author.uid}/integrations/threads/posts")) == 1


def test_how_sharing_to_instagram_went_is_told(
    publish_threads: Function, instant: Threads, firebase: Firebase, author: Author
) -> None:
    """The post is out in either case; the answer and the record say whether Instagram has it."""
    instant.control("POST", "settings", instagram_share="FAILED")
    answer = publish_threads.post(headers=author.headers, json={"text": "x", "shareToInstagram": True})
    instant.control("POST", "settings", instagram_share="SUCCESS")
    assert (answer.status_code, answer.json()["instagramStatus"]) == (200, "FAILED")
    record = firebase.read(post_path(author.uid, answer.json()["postId"])) or {}
    assert (record["status"], record["instagramStatus"]) == ("published", "FAILED")


def test_a_reply_whose_answer_is_lost_is_found(
    publish_threads: Function, instant: Threads, author: Author
) -> None:
    """Whether Threads lists replies with the posts or apart, the reply that is out is the answer."""
    first = publish_threads.post(headers=author.headers, json={"text": "The one before"}).json()["id"]
    for among in (True, False):
        instant.control("POST", "settings", replies_among_threads=among)
        instant.answer("/threads_publish", drop="after")
        body = {"text": f"A reply {among}", "replyToId": first}
        answer = publish_threads.post(headers=author.headers, json=body)
        assert (answer.status_code, answer.json()["id"]) == (200, instant.posts()[-1]["id"])
    instant.control("POST", "settings", replies_among_threads=True)
    assert len(instant.posts()) == 3


def test_a_published_post_can_be_deleted(
    publish_threads: Function,
    th_posts: Function,
    instant: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """At Threads and on the record, once however often it is asked; without threads_delete it is a 403."""
    post = publish_threads.post(headers=author.headers, json={"text": "Oops", "idempotencyKey": "k"}).json()
    document = firebase.client.document(author.account_path)
    document.update({"scopes": ["threads_basic", "threads_content_publish"]})
    refused = th_posts.request("DELETE", headers=author.headers, params={"postId": post["postId"]})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "missing_scope")
    document.update({"scopes": ["threads_basic", "threads_content_publish", "threads_delete"]})
    for _ in range(2):
        answer = th_posts.request("DELETE", headers=author.headers, params={"postId": post["postId"]})
        assert (answer.status_code, answer.json()["status"]) == (200, "deleted")
    assert [it for it in instant.calls() if it.startswith("DELETE")] == [f"DELETE /v1.0/{post['id']}"]
    assert instant.posts()[0]["deleted_at"]
    again = publish_threads.post(headers=author.headers, json={"text": "Oops", "idempotencyKey": "k"})
    assert (again.status_code, again.json()["status"]) == (200, "deleted")


def test_a_task_may_have_the_options_too(
    publish_threads: Function, instant: Threads, author: Author, tasks: Any
) -> None:
    """In the content of the orchestrator's body; a wrong one is a failure on the record."""
    headers = {"Authorization": f"Bearer {tasks.token()}"}

    def submit(name: str, **options: Any) -> Any:
        content = {"text": "Which?", "platform": [{"platform": "threads"}], **options}
        body = {"userId": author.uid, "postSubmissionId": name, "request": {"post": {"content": content}}}
        return publish_threads.post(headers=headers, json=body).json()

    assert submit("good", poll=["Yes", "No"], topicTag="cats")["ok"]
    assert instant.posts()[0]["content"]["poll_attachment"] == {"option_a": "Yes", "option_b": "No"}
    assert submit("several", mediaUrls=[PICTURE, FILM])["ok"]
    assert instant.posts()[-1]["content"]["media_type"] == CAROUSEL
    assert submit("bad", poll=["Yes"])["error"]["code"] == "invalid_poll"
