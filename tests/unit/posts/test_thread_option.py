"""Threads as they are asked for: post by post, or as one long text."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threads.base.config import Counting
from threads.base.validation import Fields
from threads.posts.content import Content
from threads.posts.text import count
from threads.posts.thread_option import MAX_THREAD, read_thread

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
)


def read(body: dict[str, Any]) -> tuple[dict[str, Any], set[tuple[str, str]]]:
    """Return what is read, and the field and code of every problem."""
    fields = Fields(body)
    values = read_thread(fields, body, Counting.UTF8_BYTES)
    return values, {(problem.field, problem.code) for problem in fields.problems}


def test_the_first_post_is_the_root() -> None:
    """The others follow it, each with its own options and without a word about whom it answers."""
    body = {
        "thread": [{"text": "a", "topicTag": "x"}, {"text": "b"}, {"imageUrl": "https://a.example/i.jpg"}]
    }
    values, problems = read(body)
    assert problems == set()
    assert values["text"] == "a"
    replies = [reply.as_json() for reply in Content(values).replies]
    assert replies == [{"text": "b"}, {"imageUrl": "https://a.example/i.jpg"}]
    assert Content(values).needed_scopes == (
        "threads_basic",
        "threads_content_publish",
        "threads_manage_replies",
    )


def test_a_post_by_itself_is_no_thread() -> None:
    """Nothing is added to it, and nothing asked of its account."""
    values, problems = read({"text": "a", "split": True})
    assert (values, problems) == ({"text": "a"}, set())
    assert Content(values).replies == []


@pytest.mark.parametrize("size", [2, MAX_THREAD])
def test_a_thread_has_up_to_so_many_posts(size: int) -> None:
    """Two are a thread, and twenty-five as well."""
    assert read({"thread": [{"text": "a"}] * size})[1] == set()
    assert read({"thread": [{"text": "a"}] * (MAX_THREAD + 1)})[1] == {("thread", "invalid_thread")}


def test_replies_keep_the_rules_of_replies() -> None:
    """What a reply cannot be or have is told with its place; the root may."""
    ghost = {"text": "a", "ghost": True}
    approvals = {"text": "a", "replyApprovals": True}
    assert read({"thread": [approvals, {"text": "b"}]})[1] == set()
    assert read({"thread": [{"text": "a"}, ghost, approvals]})[1] == {
        ("thread[1].ghost", "exclude_each_other"),
        ("thread[2].replyApprovals", "exclude_each_other"),
    }


def test_a_text_that_makes_too_many_posts_is_refused() -> None:
    """It is said how many it would be."""
    body = {"text": "word " * 5000, "split": True}
    fields = Fields(body)
    read_thread(fields, body, Counting.UTF8_BYTES)
    [problem] = fields.problems
    assert (problem.field, problem.code) == ("text", "text_too_long")
    assert "makes 5" in problem.message


@given(text=st.text(min_size=1, max_size=4000).filter(lambda text: text.isprintable() and text.strip()))
def test_the_parts_joined_are_the_text(text: str) -> None:
    """Each fits, none is empty, and nothing of the text is lost but white space at its ends."""
    values, problems = read({"text": text, "split": True})
    if problems:
        assert {code for _, code in problems} <= {"text_too_long", "too_many_links"}
        return
    parts = [values["text"], *(values["text"] for values in values.get("thread", []))]
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(part.strip() and count(part) <= 500 for part in parts)


@given(thread=JSON, split=JSON)
def test_anything_may_come(thread: Any, split: Any) -> None:
    """Whatever stands there, it is read or refused."""
    read({"text": "a", "thread": thread, "split": split})
    read({"thread": [thread, split]})
