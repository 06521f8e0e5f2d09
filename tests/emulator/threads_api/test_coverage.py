"""The page says of every endpoint of Meta's documentation whether it is there, and says so rightly."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from emulator.threads_api import World, inferred
from emulator.threads_api.application import API, make_app_of
from emulator.threads_api.window import window

PAGE = (Path(__file__).parents[3] / "docs" / "threads-emulator.md").read_text(encoding="utf-8")

DOCUMENTED = {
    # Get started
    "GET /oauth/authorize",
    "POST /oauth/access_token",
    "GET /oauth/access_token",
    "GET /access_token",
    "GET /refresh_access_token",
    # Reference > Publishing
    "POST /{user}/threads",
    "POST /{user}/threads_publish",
    "GET /{container}",
    "POST /{media}/repost",
    "DELETE /{media}",
    # Reference > Media retrieval
    "GET /{media}",
    "GET /keyword_search",
    # Reference > Reply management
    "GET /{media}/replies",
    "GET /{media}/conversation",
    "POST /{reply}/manage_reply",
    "GET /{media}/pending_replies",
    "POST /{reply}/manage_pending_reply",
    # Reference > User
    "GET /{user}/threads",
    "GET /{user}",
    "GET /profile_lookup",
    "GET /profile_posts",
    "GET /{user}/threads_publishing_limit",
    "GET /{user}/replies",
    "GET /{user}/mentions",
    "GET /{user}/ghost_posts",
    # Reference > Locations, Location search, Insights, oEmbed, Debug
    "GET /{location}",
    "GET /location_search",
    "GET /{media}/insights",
    "GET /{user}/threads_insights",
    "GET /oembed",
    "GET /debug_token",
    # Web intents
    "GET /intent/post",
    "GET /intent/follow",
}
"""Every endpoint of Meta's documentation, by its pages."""

ROWS = re.findall(r"^\| (`(?:GET|POST|DELETE) /[^|]*) \| (yes|partly|no) \| ([^|]*)\|$", PAGE, re.MULTILINE)


def plain(endpoint: str) -> str:
    """Return an endpoint in which every id is called the same."""
    return re.sub(r"\{\w+\}|<\w+:\w+>", "{id}", endpoint)


def served() -> set[str]:
    """Return what the emulator serves of the API."""
    names = {blueprint.name for blueprint in (*API, window)}
    rules = make_app_of(World([])).url_map.iter_rules()
    return {
        f"{method} {plain(rule.rule)}"
        for rule in rules
        if rule.endpoint.partition(".")[0] in names
        for method in (rule.methods or set()) & {"GET", "POST", "DELETE"}
    }


def test_every_documented_endpoint_has_a_row() -> None:
    """No endpoint of Meta's is missing on the page, and none is invented."""
    listed = [name for names, _, _ in ROWS for name in re.findall(r"`([^`]+)`", names)]
    assert sorted(listed) == sorted(DOCUMENTED)


@pytest.mark.parametrize(("names", "emulated", "note"), ROWS)
def test_a_row_says_what_is_true(names: str, emulated: str, note: str) -> None:
    """What is emulated is served; a "partly" says what is missing, and a "no" why."""
    for name in re.findall(r"`([^`]+)`", names):
        assert (plain(name) in served()) is (emulated != "no"), name
    assert note.strip() or emulated == "yes"


def test_nothing_is_served_that_is_not_documented() -> None:
    """Every route of the API is an endpoint of the documentation; the window's form is its own."""
    assert served() - {plain(name) for name in DOCUMENTED} == {"POST /oauth/authorize"}


def test_the_page_lists_what_is_inferred() -> None:
    """Each case that is taken without being documented is on the page."""
    words = re.sub(r"\s+", " ", PAGE.replace("`", ""))
    assert [case.what for case in inferred.INFERRED if case.what not in words] == []
