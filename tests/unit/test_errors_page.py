"""docs/errors.md has every error that the service can answer, as it answers it, and no other."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.codes import PACKAGE, error_classes, rule_codes
from tests.pages import Page
from tests.unit.all_functions import POST, call, put, world
from threads.base.errors import InvalidRequest, MethodNotAllowed, ThreadsError
from threads.functions.response import with_help
from threads.graph.error_codes import RULES
from threads.posts.ledger import State

PAGE = Page(Path(__file__).parents[2] / "docs" / "errors.md")

HEAD = re.compile(
    r"^### (?P<code>\w+)\n\n"
    r"\*\*(?P<status>\d{3})\*\*, (?P<no>not )?retryable(?:, `(?P<action>\w+)`)?\. "
    r"The message is for (?:you|your user)\.\n\n"
    r"(?P<message>(?:> .*\n)+)\n"
    r"\*\*Cause\.\*\* (?P<cause>(?:.+\n)+)\n"
    r"\*\*In your app\.\*\* (?P<remedy>(?:.+\n)+)"
    r"(?:\n\*\*At Threads\.\*\* (?P<threads>(?:.+\n)+))?",
    re.MULTILINE,
)


class Entry(NamedTuple):
    """What the page says of one error."""

    status: int
    retryable: bool
    action: str | None
    message: str
    threads: str


ENTRIES = {
    found["code"]: Entry(
        int(found["status"]),
        not found["no"],
        found["action"],
        " ".join(found["message"].replace("> ", "").replace("\\", "").split()),
        found["threads"] or "",
    )
    for found in HEAD.finditer(PAGE.text)
}


def test_every_heading_is_an_error() -> None:
    """Each error has its heading, so a link finds it: status, message, cause and remedy stand below."""
    assert [*ENTRIES] == re.findall(r"^### (\w+)$", PAGE.text, re.MULTILINE)
    assert {*ENTRIES} == rule_codes() | {kind.code for kind in error_classes()}
    assert ENTRIES.keys() <= PAGE.anchors
    listed = re.findall(r"\[`(\w+)`\]\(#(\w+)\)", PAGE.section("All errors"))
    assert [code for code, _ in listed] == [anchor for _, anchor in listed] == [*ENTRIES]


@pytest.mark.parametrize("kind", list(error_classes()))
def test_an_error_is_answered_as_the_page_says(kind: Any) -> None:
    """Status, whether it is retryable, and what comes next are the class's own, and so is the message."""
    entry = ENTRIES[kind.code]
    assert (entry.status, entry.retryable) == (kind.status, kind.retryable)
    assert kind.next_action in {entry.action, None}
    arguments = [["GET", "PATCH", "DELETE"]] if kind is MethodNotAllowed else []
    if kind is not InvalidRequest and kind.next_action == entry.action:
        assert kind(*arguments).message == entry.message


def test_every_error_is_raised_somewhere() -> None:
    """No error is left over: each is used outside of the file that defines it."""
    sources = [path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py") if path.name != "errors.py"]
    assert [
        kind for kind in error_classes() if not any(re.search(rf"\b{kind.__name__}\b", it) for it in sources)
    ] == []


PUBLISH, TEXT, IMAGE = ("publish_threads", "POST"), {"text": "Hello"}, "https://example.com/cat.jpg"

BROKEN: Mapping[str, tuple[tuple[str, str], dict[str, Any]]] = {
    "invalid_request": (PUBLISH, {"text": 5}),
    "unknown_field": (PUBLISH, {**TEXT, "txt": "Hello"}),
    "unknown_scope": (
        ("th_auth_start", "POST"),
        {"scopes": "threads_everything", "returnTo": "https://app.example/"},
    ),
    "empty_post": (PUBLISH, {}),
    "text_too_long": (PUBLISH, {"text": "x" * 501}),
    "too_many_links": (PUBLISH, {"text": " ".join(f"https://example.com/{number}" for number in range(6))}),
    "too_many_media": (PUBLISH, {"imageUrl": IMAGE, "videoUrl": "https://example.com/cat.mp4"}),
    "exclude_each_other": (PUBLISH, {**TEXT, "ghost": True, "poll": ["Yes", "No"]}),
    "not_for_this_kind": (PUBLISH, {"imageUrl": IMAGE, "poll": ["Yes", "No"]}),
    "invalid_media_url": (PUBLISH, {"imageUrl": "http://example.com/cat.jpg"}),
    "invalid_media": (PUBLISH, {"media": [{"imageUrl": IMAGE}]}),
    "invalid_alt_text": (PUBLISH, {"imageUrl": IMAGE, "altText": "x" * 1001}),
    "invalid_thread": (PUBLISH, {"thread": [{"text": "One"}]}),
    "invalid_reply_control": (PUBLISH, {**TEXT, "replyControl": "nobody"}),
    "invalid_post_id": (PUBLISH, {**TEXT, "quotePostId": "DTxyz_Ab123"}),
    "invalid_link": (PUBLISH, {**TEXT, "linkAttachment": "example.com"}),
    "invalid_topic_tag": (PUBLISH, {**TEXT, "topicTag": "cats & dogs"}),
    "invalid_poll": (PUBLISH, {**TEXT, "poll": ["Yes"]}),
    "invalid_gif": (PUBLISH, {**TEXT, "gif": {"id": "https://example.com/a.gif"}}),
    "invalid_text_attachment": (PUBLISH, {**TEXT, "textAttachment": {"plaintext": ""}}),
    "invalid_spoilers": (PUBLISH, {**TEXT, "spoilers": [{"offset": 3, "length": 5}]}),
    "invalid_countries": (PUBLISH, {**TEXT, "countries": ["Germany"]}),
    "invalid_location": (PUBLISH, {**TEXT, "locationId": "Berlin"}),
    "invalid_time": (PUBLISH, {**TEXT, "scheduledTime": "tomorrow"}),
    "no_queue": (PUBLISH, {**TEXT, "queue": True}),
    "not_changeable": (("th_posts", "PATCH"), {"postId": POST, "text": "Hello"}),
    "not_cancellable": (("th_posts", "DELETE"), {"postId": POST}),
    "uncertain_id": (("th_posts", "DELETE"), {"postId": POST}),
    "not_published": (("th_posts", "POST"), {"postId": POST}),
    "not_idempotent": (("th_posts", "POST"), {"mediaId": "17900000000000000", "idempotencyKey": "key"}),
}
"""A request for each rule that breaks it, and no other."""

POSTS: Mapping[str, dict[str, Any]] = {
    "not_changeable": {"state": State.PUBLISHED, "media_id": "17900000000000001"},
    "not_cancellable": {"state": State.FAILED},
    "uncertain_id": {"state": State.PUBLISHED, "media_id": "17900000000000001", "is_found": True},
}
"""How far the named post is, if it does not just wait for its task."""


@pytest.mark.parametrize("code", sorted(rule_codes()))
def test_a_broken_rule_is_answered_as_the_page_says(code: str) -> None:
    """A request that breaks the rule gets its code, its status, and the message that the page shows."""
    (function, method), given = BROKEN[code]
    made_up = world()
    made_up.tasks.is_configured = code != "no_queue"
    put(made_up, **POSTS.get(code, {}))
    place = "query_string" if method == "DELETE" else "json"
    sent: dict[str, Any] = {place: given}
    answer = call(made_up, function, method=method, **sent)
    error = (answer.get_json() or {})["error"]
    assert (error["code"], error["message"]) == (code, ENTRIES[code].message)
    assert (answer.status_code, error["retryable"]) == (ENTRIES[code].status, ENTRIES[code].retryable)


@pytest.mark.parametrize("kind", [kind for kind in error_classes() if issubclass(kind, ThreadsError)])
def test_the_codes_of_threads_are_the_tables(kind: type[ThreadsError]) -> None:
    """Below an error that Threads causes stand the codes, subcodes and words that mean it, and no others."""
    rules = [rule for rule in RULES if rule.error is kind]
    said = re.findall(r"\b\d+(?:/\d+)?\b|`[A-Z_]+", ENTRIES[kind.code].threads.replace("200 to 299", ""))
    numbers = {int(number) for it in said if it[0] != "`" for number in it.split("/")}
    known = {code for rule in rules for code in {*(rule.codes or ()), *(rule.subcodes or ())}}
    known |= {429 for rule in rules if rule.statuses == range(429, 430)}
    assert numbers == known - {*range(200, 300)}
    words = {word for rule in rules for word in (rule.reasons or ()) if word != "NotSent"}
    words |= {rule.words for rule in rules if rule.words and rule.words.endswith("__")}
    assert {it[1:] for it in said if it[0] == "`"} == words


def test_the_example_on_the_page_is_one() -> None:
    """What the page shows is the answer to a text that is too long, from the local suite."""
    [block] = PAGE.blocks("json")
    (function, method), given = BROKEN["text_too_long"]
    answer = call(world(), function, method=method, json={**given, "idempotencyKey": "key"}).get_json() or {}
    assert json.loads(block) == with_help(answer, "http://127.0.0.1:8000/docs/errors.md")
