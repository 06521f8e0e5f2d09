"""Scopes, and the address of the authorization window."""

import pytest

from tests.unit.support import broken_rules, config
from threads.authorization import authorize_url
from threads.errors import InvalidRequest
from threads.scopes import DEFAULT_SCOPES, KNOWN_SCOPES, requested_scopes
from threads.wire import MAX_UNKNOWN_NAMED

BOTH = ("threads_basic", "threads_content_publish")


def test_the_address_has_the_promised_form() -> None:
    """The five parameters stand in their order, scopes with literal commas, everything else encoded."""
    assert authorize_url(config(), state="abc-_123", scopes=BOTH) == (
        "https://www.threads.net/oauth/authorize?client_id=1234567890123456"
        "&redirect_uri=https%3A%2F%2Ffunctions.example%2Fth_auth_callback&response_type=code"
        "&scope=threads_basic,threads_content_publish&state=abc-_123"
    )


def test_the_redirect_uri_is_carried_whole() -> None:
    """A callback with a query of its own arrives byte for byte."""
    settings = config(THREADS_REDIRECT_URI="https://functions.example/cb?a=1&b=ü+%20")
    url = authorize_url(settings, state="s", scopes=BOTH)
    assert "&redirect_uri=https%3A%2F%2Ffunctions.example%2Fcb%3Fa%3D1%26b%3D%C3%BC%2B%2520&" in url


def test_another_window_is_one_setting() -> None:
    """The emulator's window takes the place of Threads' by configuration alone."""
    settings = config(THREADS_AUTHORIZE_URL="http://localhost:9009/oauth/authorize")
    assert authorize_url(settings, state="s", scopes=BOTH).startswith(
        "http://localhost:9009/oauth/authorize?c"
    )


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
