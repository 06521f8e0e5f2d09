"""The page says of every endpoint of Meta's documentation whether it is there, and says so rightly."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from emulator.threads_api import World, inferred
from emulator.threads_api.application import API, make_app_of
from emulator.threads_api.limits import LIMIT_FIELDS
from emulator.threads_api.locations import LOCATION_FIELDS
from emulator.threads_api.media_fields import MEDIA_FIELDS, POLL_FIELDS
from emulator.threads_api.profile_fields import CONTAINER_FIELDS, PUBLIC_PROFILE_FIELDS, USER_FIELDS
from emulator.threads_api.window import window

if TYPE_CHECKING:
    from emulator.threads_api.fields import Table

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

FIELDS: dict[str, tuple[Table, str]] = {
    "posts": (
        MEDIA_FIELDS,
        (
            "id media_product_type media_type media_url permalink owner username text timestamp "
            "shortcode thumbnail_url children is_quote_post quoted_post reposted_post alt_text "
            "link_attachment_url gif_url poll_attachment topic_tag is_spoiler_media "
            "text_entities text_attachment ghost_post_status ghost_post_expiration_timestamp "
            "is_verified profile_picture_url has_replies is_reply is_reply_owned_by_me root_post "
            "replied_to hide_status reply_audience location_id location reply_approval_status "
            "allowlisted_country_codes"
        ),
    ),
    "polls": (
        POLL_FIELDS,
        (
            "option_a option_b option_c option_d option_a_votes_percentage option_b_votes_percentage "
            "option_c_votes_percentage option_d_votes_percentage total_votes expiration_timestamp"
        ),
    ),
    "profiles": (
        USER_FIELDS,
        (
            "id username name threads_profile_picture_url threads_biography is_verified "
            "recently_searched_keywords is_eligible_for_geo_gating"
        ),
    ),
    "public profiles": (
        PUBLIC_PROFILE_FIELDS,
        (
            "username name profile_picture_url biography is_verified follower_count likes_count quotes_count "
            "replies_count reposts_count views_count"
        ),
    ),
    "containers": (CONTAINER_FIELDS, "id status error_message"),
    "locations": (LOCATION_FIELDS, "id name address city country latitude longitude postal_code"),
    "limits": (
        LIMIT_FIELDS,
        (
            "quota_usage config reply_quota_usage reply_config delete_quota_usage delete_config "
            "location_search_quota_usage location_search_config"
        ),
    ),
}
"""Every field of Meta's documentation, by the kind of object that has it."""

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


@pytest.mark.parametrize("kind", FIELDS)
def test_every_documented_field_is_there(kind: str) -> None:
    """An object has the fields of Meta's documentation, and no others."""
    table, documented = FIELDS[kind]
    assert table.keys() == {*documented.split()}
