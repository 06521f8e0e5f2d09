"""Threads of posts: a root and its replies in order, each once, whenever the process dies."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from tests.e2e.functions import Function
from tests.e2e.oidc import Issuer
from tests.e2e.world import Author, Firebase, Threads, vault_of
from threads.accounts.parts import AccountParts
from threads.accounts.repository import AccountRepository
from threads.base.config import read_config
from threads.cloud.tasks import TaskQueue
from threads.graph.client import Graph, GraphClient
from threads.posts.content import Content
from threads.posts.ledger import BUDGET
from threads.posts.parts import PostParts
from threads.posts.repository import PostRepository
from threads.posts.submission import Submission
from threads.publishing.lease import Delivery
from threads.publishing.parts import PublishingParts
from threads.publishing.publish import publish
from threads.publishing.share import Shares

PICTURE = "https://media.example/cat.jpg"


@pytest.fixture
def instant(threads: Threads) -> Threads:
    """Return a Threads that processes media at once."""
    threads.control("POST", "settings", image_seconds=0, video_seconds=0)
    return threads


def thread(size: int) -> list[dict[str, Any]]:
    """Return the posts of a thread."""
    return [{"text": f"Post {number}"} for number in range(size)]


def published(threads: Threads) -> list[str]:
    """Return the texts of the thread as Threads shows it, from its root along the replies."""
    posts = threads.posts()
    [root] = [post for post in posts if "reply_to_id" not in post["content"]]
    texts, here = [root["content"]["text"]], root["id"]
    while following := [post for post in posts if post["content"].get("reply_to_id") == here]:
        [reply] = following
        texts.append(reply["content"]["text"])
        here = reply["id"]
    assert len(texts) == len(posts)
    return texts


def test_a_thread_is_published_in_order(
    publish_threads: Function, instant: Threads, firebase: Firebase, author: Author
) -> None:
    """Each post answers the one before; the answer has all ids, and the same request gets it again."""
    posts = [*thread(3), {"text": "With a picture", "imageUrl": PICTURE, "altText": "A cat"}]
    body = {"thread": posts, "idempotencyKey": "k"}
    first = publish_threads.post(headers=author.headers, json=body)
    assert (first.status_code, first.json()["status"]) == (200, "published"), first.text
    assert published(instant) == [post["text"] for post in posts]
    assert first.json()["ids"] == [post["id"] for post in instant.posts()]
    assert first.json()["id"] == first.json()["ids"][0]
    assert publish_threads.post(headers=author.headers, json=body).json() == first.json()
    assert len(firebase.names(f"users/{author.uid}/integrations/threads/posts")) == 4


@pytest.mark.parametrize("number", range(10))
def test_a_thread_goes_on_after_a_fault_at_any_of_its_posts(
    publish_threads: Function, instant: Threads, author: Author, number: int
) -> None:
    """The answer to one post's call is lost: the repeated request goes on there; ten posts, none twice."""
    body = {"thread": thread(10), "idempotencyKey": "k"}
    match = {"path": "/me/threads", "parameters": {"text": f"Post {number}"}}
    instant.control("POST", "answers", match=match, drop="after")
    answers = [publish_threads.post(headers=author.headers, json=body) for _ in range(2)]
    assert answers[-1].status_code == 200, answers[-1].text
    assert published(instant) == [f"Post {number}" for number in range(10)]


class Died(BaseException):
    """The process ends here."""


class Mortal:
    """Passes calls on, and dies before or after one of them: the places are counted from 1."""

    def __init__(self, dies_at: int) -> None:
        """Take the place."""
        self.is_dead = False
        self._left = dies_at

    def watch(self, parts: PublishingParts) -> PublishingParts:
        """Return the parts, with the ledger and Threads watched."""
        graph = cast("Graph", Watched(parts.accounts.graph, self._pass))
        repository = cast("PostRepository", Watched(parts.posts.repository, self._pass))
        return replace(
            parts,
            accounts=replace(parts.accounts, graph=graph),
            posts=replace(parts.posts, repository=repository),
        )

    def _pass(self) -> None:
        self._left -= 1
        if self._left == 0:
            self.is_dead = True
            raise Died


class Watched:
    """Something whose methods are called with a word before and after."""

    def __init__(self, inner: object, tell: Callable[[], None]) -> None:
        """Take it, and whom to tell."""
        self._inner = inner
        self._tell = tell

    def __getattr__(self, name: str) -> Callable[..., Any]:
        """Return a method."""
        method = getattr(self._inner, name)

        def call(*arguments: Any, **named: Any) -> Any:
            self._tell()
            answer = method(*arguments, **named)
            self._tell()
            return answer

        return call


def test_a_thread_survives_the_death_of_its_process_at_every_step(
    environment: dict[str, str],
    instant: Threads,
    firebase: Firebase,
    author: Author,
) -> None:
    """Wherever it dies, the next delivery goes on: one root, two replies, in order, no duplicates."""
    passed, died_at = timedelta(), 0

    def now() -> datetime:
        return datetime.now(UTC) + passed

    parts = real_parts(environment, firebase, now)
    while True:
        died_at += 1
        mortal = Mortal(died_at)
        content = Content({"text": f"Root {died_at}", "thread": [{"text": "One"}, {"text": "Two"}]})
        wish = Submission(None, content, None, f"key-{died_at}")
        with suppress(Died):
            publish(mortal.watch(parts), author.uid, wish, Delivery("first", now() + BUDGET))
        if not mortal.is_dead:
            break  # there are no more places
        passed += timedelta(minutes=10)
        instant.control("POST", "clock", advance_seconds=600)
        outcome = publish(parts, author.uid, wish, Delivery("second", now() + BUDGET))
        posts = instant.posts()
        [root] = [post for post in posts if post["content"]["text"] == f"Root {died_at}"]
        [one] = [post for post in posts if post["content"].get("reply_to_id") == root["id"]]
        [two] = [post for post in posts if post["content"].get("reply_to_id") == one["id"]]
        ids = [it.record.media_id for it in (outcome.root, *outcome.replies)]
        assert ids == [root["id"], one["id"], two["id"]]
    assert died_at > 25
    assert len(instant.posts()) == 3 * died_at


def real_parts(
    environment: dict[str, str], firebase: Firebase, now: Callable[[], datetime]
) -> PublishingParts:
    """Return what publishes, on the emulators, with a clock of its own and without a queue."""
    config = read_config(environment)
    queue = TaskQueue(config, lambda: pytest.fail("there is no queue"))
    graph = GraphClient(config.graph_url, config.graph_version, connections=4)
    accounts = AccountRepository(lambda: firebase.client)
    posts = PostRepository(lambda: firebase.client)
    return PublishingParts(
        config,
        accounts=AccountParts(accounts, graph, config.app_token, vault_of(environment), queue, now, map),
        posts=PostParts(posts, queue, now),
        now=now,
        sleep=lambda _pause: None,
        shares=Shares(threads=1),
        is_gone=lambda _uid: False,
    )


def test_a_thread_stops_at_a_post_that_is_refused(
    publish_threads: Function, instant: Threads, author: Author
) -> None:
    """What is out stays out; the answer says which post was refused and which are published."""
    instant.control(
        "POST",
        "answers",
        match={"path": "/me/threads", "parameters": {"text": "Post 2"}},
        error={"code": 506, "error_user_msg": "No."},
        status=400,
    )
    answer = publish_threads.post(headers=author.headers, json={"thread": thread(4), "idempotencyKey": "k"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "rejected_by_threads")
    assert len(answer.json()["ids"]) == 2
    assert published(instant) == ["Post 0", "Post 1"]


def test_a_task_may_be_a_thread(
    publish_threads: Function, instant: Threads, author: Author, tasks: Issuer
) -> None:
    """In the orchestrator's content, too."""
    content = {"thread": thread(2), "platform": [{"platform": "threads"}]}
    body = {"userId": author.uid, "postSubmissionId": "s", "request": {"post": {"content": content}}}
    answer = publish_threads.post(headers={"Authorization": f"Bearer {tasks.token()}"}, json=body)
    assert answer.json()["ok"], answer.text
    assert published(instant) == ["Post 0", "Post 1"]


def test_a_long_text_is_split(publish_threads: Function, instant: Threads, author: Author) -> None:
    """At paragraphs where possible; the parts joined are the text, and the first has the other options."""
    text = "\n\n".join(f"Paragraph {number}. " + "Words. " * 40 for number in range(5))
    answer = publish_threads.post(
        headers=author.headers, json={"text": text, "split": True, "topicTag": "cats"}
    )
    assert answer.status_code == 200, answer.text
    parts = published(instant)
    assert len(parts) > 2
    assert "".join(parts) == text.strip()
    assert all(len(part.encode()) <= 500 for part in parts)
    assert [post["content"].get("topic_tag") for post in instant.posts()] == ["cats"] + [None] * (
        len(parts) - 1
    )


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({"thread": [{"text": "alone"}]}, {"thread": "invalid_thread"}),
        ({"thread": "x"}, {"thread": "invalid_thread"}),
        ({"thread": [{"text": "a"}, 7]}, {"thread[1]": "invalid_thread"}),
        (
            {"thread": [{"text": "x" * 501}, {"text": "b", "poll": ["1"], "ghost": True}]},
            {
                "thread[0].text": "text_too_long",
                "thread[1].poll": "invalid_poll",
                "thread[1].ghost": "exclude_each_other",
            },
        ),
        (
            {"thread": [{"text": "a"}, {"text": "b", "replyToId": "1"}]},
            {"thread[1].replyToId": "invalid_thread"},
        ),
        ({"thread": thread(2), "text": "beside"}, {"text": "exclude_each_other"}),
        ({"thread": thread(2), "split": True}, {"split": "exclude_each_other"}),
        ({"thread": [{"text": "a"}, {"words": "b"}]}, None),
        ({"text": "https://a.example/" + "x" * 600, "split": True}, {"text": "text_too_long"}),
    ],
)
def test_a_wrong_thread_is_told_with_the_place(
    publish_threads: Function,
    instant: Threads,
    author: Author,
    body: dict[str, Any],
    codes: dict[str, str] | None,
) -> None:
    """Every broken rule names the post and its field; nothing is sent."""
    answer = publish_threads.post(headers=author.headers, json=body)
    assert answer.status_code == 400
    if codes:
        assert {it["field"]: it["code"] for it in answer.json()["error"]["details"]} == codes
    assert instant.calls() == []


def test_a_thread_needs_the_scope_for_replies(
    publish_threads: Function, instant: Threads, firebase: Firebase, author: Author
) -> None:
    """It is told before the root is out, and not after it."""
    firebase.client.document(author.account_path).update(
        {"scopes": ["threads_basic", "threads_content_publish"]}
    )
    answer = publish_threads.post(headers=author.headers, json={"thread": thread(2)})
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "missing_scope")
    assert instant.calls() == []
