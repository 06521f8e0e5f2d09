"""What a listed post must show to count as a certain one of ours."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from threads.graph.media import RecentPost
from threads.posts.content import Content
from threads.publishing.matching import is_listed_as, is_same_text, is_told_by_lists

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
LONG = "https://www.example.com/a/very/long/path?with=a&query=too"

SHOWN = [
    ("hello", "hello"),
    ("two\r\nlines ", "two lines"),
    ("e\u0301", "\u00e9"),
    ("zero\u200bwidth\ufeff", "zerowidth"),
    ("a heart \u2764\ufe0f", "a heart \u2764"),
    ("family \U0001f469\u200d\U0001f467", "family \U0001f469\U0001f467"),
    ("#cats and dogs", "cats and dogs"),
    ("#cats and dogs", "#cats and dogs"),
    ("salt & pepper <3", "salt &amp; pepper &lt;3"),
    ("salt &amp; pepper", "salt &amp;amp; pepper"),
    (f"see {LONG} now", f"see {LONG} now"),
    (f"see {LONG} now", "see example.com/a/very/lo... now"),
    (f"see {LONG} now", "see www.example.com/a/very/lo\u2026 now"),
    ("see https://example.com/ now", "see example.com now"),
]
"""What was sent, and how Threads may show it."""

NOT_SHOWN = [
    ("hello", "hello!"),
    ("hello", "Hello"),
    ("cats", "#cats"),
    ("", "hello"),
    ("hello", ""),
    ("see https://example.com/1", "see https://example.com/2"),
    ("see https://example.com/cats", "see example.com/dog..."),
    ("see https://example.com/cats", "see"),
    ("see", "see https://example.com/cats"),
    ("see https://example.com/cats now", "see example.com/ca..."),
]
"""Other posts."""


@pytest.mark.parametrize(("sent", "shown"), SHOWN)
def test_a_text_is_known_by_what_survives(sent: str, shown: str) -> None:
    """Threads drops what cannot be seen and a #, escapes, and shortens links."""
    assert is_same_text(sent, shown)


@pytest.mark.parametrize(("sent", "shown"), NOT_SHOWN)
def test_another_text_is_another_post(sent: str, shown: str) -> None:
    """What differs in anything that survives is not the same post."""
    assert not is_same_text(sent, shown)


PLAIN = RecentPost("8", "TEXT_POST", "hello", NOW)

EXTRAS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"topicTag": "cats"}, {"topic": "cats"}),
    ({"linkAttachment": "https://a.example/"}, {"link": "http://www.a.example"}),
    ({"poll": ["a", "b"]}, {"has_poll": True}),
    ({"gif": {"id": "x"}}, {"has_gif": True}),
    ({"quotePostId": "1"}, {"is_quote": True}),
    ({"replyControl": "accounts_you_follow"}, {"audience": "ACCOUNTS_YOU_FOLLOW"}),
]


@pytest.mark.parametrize(("sent", "shown"), EXTRAS)
def test_what_is_attached_tells_two_posts_apart(sent: dict[str, Any], shown: dict[str, Any]) -> None:
    """A post is neither taken for one with another attachment, nor for one without."""
    content, listed = Content({"text": "hello", **sent}), PLAIN._replace(**shown)
    assert is_listed_as(listed, content, NOW)
    assert not is_listed_as(PLAIN, content, NOW)
    if "audience" not in shown:  # the account's own setting decides about the others'
        assert not is_listed_as(listed, Content({"text": "hello"}), NOW)


def test_two_attachments_of_one_kind_are_told_apart() -> None:
    """The same text with another link, topic or audience is another post."""
    content = Content({"text": "hello", "linkAttachment": "https://a.example/", "topicTag": "cats"})
    listed = PLAIN._replace(link="https://a.example/", topic="cats")
    assert is_listed_as(listed, content, NOW)
    assert not is_listed_as(listed._replace(link="https://b.example/"), content, NOW)
    assert not is_listed_as(listed._replace(topic="dogs"), content, NOW)


def test_what_threads_derives_from_a_text_makes_no_other_post() -> None:
    """A link in the text becomes a card, and a #word the topic."""
    content = Content({"text": "#cats https://a.example/x"})
    listed = PLAIN._replace(text="cats https://a.example/x", link="https://a.example/x", topic="cats")
    assert is_listed_as(listed, content, NOW)
    assert not is_listed_as(listed._replace(topic="dogs"), content, NOW)


TOLD = ["hello", "two\nlines", "#cats & dogs", "a heart \u2764\ufe0f", "3.5 of 4.", "v1.2"]
NOT_TOLD: list[dict[str, Any]] = [
    {"text": "see https://example.com/cats"},
    {"text": "see www.example.com"},
    {"text": "see example.com/cats"},
    {"text": "#\u200b"},
    *({"text": "hello", **sent} for sent, _ in EXTRAS),
    {"text": "hello", "ghost": True},
    {"text": "hello", "replyToId": "1"},
    {"text": "hello", "imageUrl": "https://a.example/cat.jpg"},
]


def test_only_a_text_alone_is_told_by_its_entry_in_a_list() -> None:
    """Whatever else a post has, the status of a container must tell whether it is out."""
    assert all(is_told_by_lists(Content({"text": text})) for text in TOLD)
    assert is_told_by_lists(Content({"text": "hello", "thread": [{"text": "more"}]}))
    assert not any(is_told_by_lists(Content(values)) for values in NOT_TOLD)


def test_a_post_of_another_kind_or_time_is_not_ours() -> None:
    """The type and the time are compared, too."""
    content = Content({"text": "hello"})
    assert is_listed_as(PLAIN, content, NOW)
    assert not is_listed_as(PLAIN._replace(media_type="IMAGE"), content, NOW)
    assert not is_listed_as(PLAIN._replace(published_at=NOW - timedelta(hours=1)), content, NOW)


@pytest.mark.parametrize("text", ["I love #cats, really", "#cats!", "(#cats) and me", "Good #cats."])
def test_a_topic_may_end_before_a_punctuation_mark(text: str) -> None:
    """Threads makes a topic of a #word, and where that ends is up to Threads."""
    content = Content({"text": text})
    assert is_listed_as(PLAIN._replace(text=text, topic="cats"), content, NOW)
    assert not is_listed_as(PLAIN._replace(text=text, topic="dogs"), content, NOW)


@pytest.mark.parametrize("text", ["see example.com now", "ada@example.com", "example.com?x=1", "münchen.de"])
def test_a_domain_may_become_a_link_card(text: str) -> None:
    """Whether Threads takes a domain without a scheme for a link is not known, so its card may be there."""
    listed = PLAIN._replace(text=text, link="https://example.com/")
    assert is_listed_as(listed, Content({"text": text}), NOW)
    assert not is_listed_as(listed._replace(text="hello"), Content({"text": "hello"}), NOW)
