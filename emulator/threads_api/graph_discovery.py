"""The routes for finding and measuring: mentions, search, lookups, insights, locations, oEmbed.

The rules are in ``discovery``, ``insights``, ``locations`` and ``oembed``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Blueprint, Response, jsonify

from emulator.threads_api import (
    app_tokens,
    discovery,
    errors,
    insights,
    locations,
    oembed,
    publishing,
    scopes,
)
from emulator.threads_api.authorization import require
from emulator.threads_api.edge import (
    answer_page,
    caller,
    callers_account,
    current_view,
    current_world,
    parameters,
    sent_token,
)
from emulator.threads_api.fields import read_fields
from emulator.threads_api.media_fields import PUBLIC_FIELDS
from emulator.threads_api.model import Quota
from emulator.threads_api.profile_fields import PUBLIC_PROFILE_FIELDS

if TYPE_CHECKING:
    from emulator.threads_api.model import Account, Token

graph_discovery = Blueprint("graph_discovery", __name__)


# ---- posts and profiles of others


@graph_discovery.get("/<node:node>/mentions")
def list_mentions(node: str) -> Response:
    """List the public posts that mention the account, the newest first. Source: Meta, "Mentions"."""
    token = _caller(scopes.MENTIONS)
    return answer_page(token, discovery.mentions(current_world(), callers_account(token, node)))


@graph_discovery.get("/keyword_search")
def search() -> Response:
    """Search public posts. Source: Meta, "Keyword and topic tag search".

    "Queries which return no results do not count against this limit."
    """
    token, world = _caller(scopes.SEARCH), current_world()
    found = discovery.search(world, world.accounts[token.account_id], parameters())
    if found:
        publishing.use_quota(world, token.account_id, Quota.KEYWORD_SEARCHES)
    return answer_page(token, found, PUBLIC_FIELDS)


@graph_discovery.get("/profile_lookup")
def look_up_profile() -> Response:
    """Show a public profile. Source: Meta, "Profiles"."""
    token, asked = _caller(scopes.DISCOVER), parameters().get("fields", "")
    usual = ",".join(PUBLIC_PROFILE_FIELDS)
    return jsonify(read_fields(PUBLIC_PROFILE_FIELDS, current_view(token), _profile(token), asked, usual))


@graph_discovery.get("/profile_posts")
def list_profile_posts() -> Response:
    """List the posts of a public profile. Source: Meta, "Retrieve posts"."""
    token = _caller(scopes.DISCOVER)
    account, everything = _profile(token), discovery.public_posts(current_world())
    posts = [post for post in everything if post.account_id == account.id and not post.is_reply]
    return answer_page(token, posts, PUBLIC_FIELDS)


def _profile(token: Token) -> Account:
    """Return the profile that ``username`` names, and count the request."""
    found = discovery.profile(current_world(), parameters().get("username", ""))
    publishing.use_quota(current_world(), token.account_id, Quota.PROFILE_LOOKUPS)
    return found


# ---- insights


@graph_discovery.get("/<node:node>/insights")
def media_insights(node: str) -> Response:
    """Show the numbers of a post of the account. Source: Meta, "Threads Insights API"."""
    token, world = _caller(scopes.INSIGHTS), current_world()
    post = publishing.visible_post(world, token, node)
    if post is None:
        raise errors.unsupported("get", node)
    return jsonify({"data": insights.of_post(world, post, parameters())})


@graph_discovery.get("/<node:node>/threads_insights")
def user_insights(node: str) -> Response:
    """Show the numbers of the account. Source: Meta, "Threads Insights API"."""
    token = _caller(scopes.INSIGHTS)
    account = callers_account(token, node)
    return jsonify({"data": insights.of_account(current_world(), account, parameters())})


# ---- locations and embedding


@graph_discovery.get("/location_search")
def search_locations() -> Response:
    """Search locations. The guide calls the query ``q``, the reference ``query``; both are taken.

    Source: Meta, "Location tagging > Search" and "Reference > Location search".
    """
    token, sent = _caller(scopes.TAG_LOCATIONS), parameters()
    query, near = sent.get("q") or sent.get("query") or "", _coordinates(sent)
    if not query and near is None:
        raise errors.refused("q", "is required, or latitude and longitude are")
    publishing.use_quota(current_world(), token.account_id, Quota.LOCATION_SEARCHES)
    view, asked = current_view(token), sent.get("fields", "")
    found = locations.search(query, near)
    table, usual = locations.LOCATION_FIELDS, locations.ALL_LOCATION_FIELDS
    return jsonify({"data": [read_fields(table, view, place, asked, usual) for place in found]})


def _coordinates(sent: dict[str, str]) -> tuple[float, float] | None:
    """Read ``latitude`` and ``longitude``: "must be used with" each other."""
    given = [sent[name] for name in ("latitude", "longitude") if sent.get(name)]
    if not given:
        return None
    try:
        latitude, longitude = map(float, given)
    except ValueError:
        raise errors.refused("latitude", "must be a number, together with longitude") from None
    return latitude, longitude


@graph_discovery.get("/oembed")
def embed() -> Response:
    """Embed a public post. A token is not needed, but a wrong one is refused.

    Source: Meta, "Embed a Threads post".
    """
    token = sent_token()
    if token and app_tokens.app_of(current_world(), token) is None:
        caller()
    return jsonify(oembed.embed(current_view(), parameters()))


def _caller(scope: str) -> Token:
    token = caller()
    require(token, scope)
    return token
