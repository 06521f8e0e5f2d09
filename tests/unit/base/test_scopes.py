"""Which scopes a connection asks for."""

import pytest

from tests.unit.support import broken_rules
from threads.base.errors import InvalidRequest
from threads.base.scopes import DEFAULT_SCOPES, KNOWN_SCOPES, requested_scopes
from threads.base.validation import MAX_UNKNOWN_NAMED

BOTH = ("threads_basic", "threads_content_publish")

SCOPES: list[tuple[list[str], list[str], tuple[str, ...]]] = [
    ([], [], BOTH),
    (["threads_delete"], [], (*BOTH, "threads_delete")),
    ([], ["threads_delete"], (*BOTH, "threads_delete")),
    (
        ["threads_manage_insights"],
        ["threads_delete"],
        (*BOTH, "threads_manage_insights", "threads_delete"),
    ),
    (["threads_delete"], ["threads_delete", "threads_basic", "threads_delete"], (*BOTH, "threads_delete")),
    (["threads_content_publish"], ["threads_basic"], BOTH),
]


@pytest.mark.parametrize(("configured", "wanted", "expected"), SCOPES)
def test_scopes_follow_the_two_defaults(
    configured: list[str], wanted: list[str], expected: tuple[str, ...]
) -> None:
    """The two defaults come first, then the configured, then the request's, each once."""
    assert requested_scopes(configured, wanted) == expected


@pytest.mark.parametrize(
    "scope", ["threads_basics", "email", "THREADS_BASIC", "threads_basic&state=x", "", "é"]
)
def test_an_unknown_scope_is_a_400(scope: str) -> None:
    """Only Threads' own scopes get into the address."""
    with pytest.raises(InvalidRequest) as refusal:
        requested_scopes([], [scope])
    assert (refusal.value.status, broken_rules(refusal.value)) == (400, {("scopes", "unknown_scope")})


def test_every_unknown_scope_is_named() -> None:
    """All unknown scopes are told at once."""
    with pytest.raises(InvalidRequest) as refusal:
        requested_scopes([], ["one", "threads_delete", "two"])
    assert [problem.message.split("'")[1] for problem in refusal.value.problems] == ["one", "two"]


def test_not_more_unknown_scopes_are_named_than_anybody_reads() -> None:
    """However many there are, the answer does not grow with them."""
    with pytest.raises(InvalidRequest) as refusal:
        requested_scopes([], [f"scope{number}" for number in range(1000)])
    assert len(refusal.value.problems) == MAX_UNKNOWN_NAMED


def test_all_eleven_scopes_of_threads_are_known() -> None:
    """Every scope that Meta documents can be asked for."""
    assert DEFAULT_SCOPES == BOTH
    assert sorted(name.removeprefix("threads_") for name in KNOWN_SCOPES) == [
        "basic",
        "content_publish",
        "delete",
        "keyword_search",
        "location_tagging",
        "manage_insights",
        "manage_mentions",
        "manage_replies",
        "profile_discovery",
        "read_replies",
        "share_to_instagram",
    ]
