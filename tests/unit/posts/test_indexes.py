"""What firestore.indexes.json does to the record of a post: only what is searched for is indexed."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.unit.posts.full_record import full_record
from threads.posts.content import Content
from threads.posts.ledger import CHECK_FIELD, TTL_FIELD, as_document, new_record

ROOT = Path(__file__).parents[3]
OVERRIDES = {
    override["fieldPath"]: override["indexes"]
    for override in json.loads((ROOT / "firestore.indexes.json").read_text(encoding="utf-8"))[
        "fieldOverrides"
    ]
    if override["collectionGroup"] == "posts"
}

USUAL = 2
"""The entries that a field has where nothing else is said: one ascending, one descending. An array has one
more for each element, and a map has these for each member
(https://firebase.google.com/docs/firestore/query-data/index-overview#automatic_indexing)."""

SEARCHED = {"accountId", "state", "ambiguous", "createdAt", CHECK_FIELD}
"""What the repository of posts looks for, or sorts by."""

FOR_APPS = {"status", "mediaId", "permalink", "scheduledTime", "dueAt", "updatedAt", "deletedAt"}
"""What an app may want to search its users' records by."""

CONTENT = Content({"text": "x", "topicTag": "cats", "poll": {"optionA": "yes", "optionB": "no"}})
NOW = datetime(2026, 1, 1, tzinfo=UTC)
DOCUMENT = as_document(full_record(CONTENT, NOW))


def entries(name: str, value: Any) -> int:
    """Return how many index entries a field has."""
    if name in OVERRIDES:
        return sum(index.get("order") is not None for index in OVERRIDES[name])
    if isinstance(value, dict):
        return sum(entries(f"{name}.{member}", it) for member, it in value.items())
    return USUAL + (len(value) if isinstance(value, list) else 0)


def test_what_is_searched_for_is_indexed() -> None:
    """No exemption takes away an index that a query of ours, or one that an app is likely to have, needs."""
    assert {name for name in SEARCHED | FOR_APPS if not entries(name, DOCUMENT[name])} == set()


def test_no_exemption_is_for_a_field_that_does_not_exist() -> None:
    """A field that is renamed takes its exemption along."""
    assert OVERRIDES.keys() <= DOCUMENT.keys()


def test_a_post_has_few_index_entries() -> None:
    """Its content and what only deliveries need have none. docs/scale.md has the sum."""
    assert entries("content", DOCUMENT["content"]) == 0
    assert entries(TTL_FIELD, DOCUMENT[TTL_FIELD]) == 0, "it grows with time"
    published = new_record("1", CONTENT, NOW).sending(NOW).published("2", NOW)
    assert sum(entries(name, value) for name, value in as_document(published).items()) == 15
