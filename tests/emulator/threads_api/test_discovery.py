"""Other people: what they say, where they are, and how many have seen it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from emulator.threads_api import World
from tests.emulator.threads_api.client import APP, error_of

if TYPE_CHECKING:
    from tests.emulator.threads_api.client import Client


def names(client: Client, token: str, path: str, field: str = "text", **query: str) -> list[str]:
    """Return one field of each entry of a list."""
    return [entry[field] for entry in client.get(path, token, fields=field, **query).json()["data"]]


def test_the_seeded_world_is_small_and_always_the_same(client: Client) -> None:
    """Two worlds have the same people and posts; the controls do not list them, and nobody is one of them."""
    one, other = World([]), World([])
    assert [vars(post) for post in one.every_post.values()] == [vars(it) for it in other.every_post.values()]
    assert 0 < len(one.every_post) < 10
    assert client.see("posts") == []
    assert "threads" not in {account["username"] for account in client.see("accounts")}


def test_mentions_are_posts_of_others_that_name_one(client: Client) -> None:
    """A seeded post mentions the first account, and so does a new one; one's own does not count."""
    token, other = client.token(), client.token(account_id=client.account(username="other"))
    assert len(names(client, token, "/me/mentions")) == 1
    client.publish(other, "Hello @Mira.Okafor.")
    client.publish(other, "mail@mira.okafor.example is nobody's name")
    client.publish(token, "I, @mira.okafor")
    assert names(client, token, "/me/mentions")[0] == "Hello @Mira.Okafor."
    assert len(names(client, token, "/me/mentions")) == 2


def test_search_finds_words_and_tags(client: Client) -> None:
    """Words, a tag, a type, an author and a time narrow a search. Nobody's owner is shown."""
    token = client.token()
    client.publish(token, "my own words on the threadsapi", topic_tag="words")
    search = "/v1.0/keyword_search"
    assert len(names(client, token, search, q="ThreadsAPI")) == 3
    assert names(client, token, search, q="words", search_mode="TAG", search_type="RECENT")
    assert names(client, token, search, "username", q="threadsapi", author_username="threads") == ["threads"]
    assert names(client, token, search, "username", q="jonas_lind", media_type="IMAGE") == ["instagram"]
    assert names(client, token, search, q="threadsapi", since="2026-01-06", until="2026-01-10")[0].startswith(
        "Reading"
    )
    recent = names(client, token, search, "timestamp", q="threadsapi", search_type="RECENT")
    assert recent == sorted(recent, reverse=True)
    shown = client.get(search, token, q="own words", fields="owner,username").json()["data"]
    assert [entry.keys() for entry in shown] == [{"username", "id"}]
    assert error_of(client.get(search, token)) == (100, None)
    assert error_of(client.get(search, token, q="x", search_type="NEWEST")) == (100, None)


def test_searches_are_remembered(client: Client) -> None:
    """The profile tells what was searched for, the newest first, in milliseconds."""
    token = client.token()
    for query in ("bread", "nothing at all"):
        client.get("/keyword_search", token, q=query)
    client.control("settings", keyword_searches_per_day=0)
    assert client.get("/keyword_search", token, q="nothing at all").json() == {"data": []}
    assert error_of(client.get("/keyword_search", token, q="ThreadsAPI")) == (4, None)
    found = client.get("/me", token, fields="recently_searched_keywords").json()["recently_searched_keywords"]
    assert [entry["query"] for entry in found] == ["ThreadsAPI", "nothing at all", "nothing at all", "bread"]
    assert all(entry["timestamp"] > 10**12 for entry in found)


def test_a_public_profile_is_looked_up_by_its_name(client: Client) -> None:
    """All of its fields are shown, and its posts; fewer than 100 followers are not a public profile."""
    token = client.token()
    shown = client.get("/profile_lookup", token, username="threads").json()
    assert shown["username"] == "threads"
    assert shown["follower_count"] >= 100
    assert len(shown) == 11
    assert "id" not in shown
    assert names(client, token, "/profile_posts", "shortcode", username="threads") == ["DCkkKl_OGb1"]
    client.account(username="small", followers_count=99)
    for username in ("small", "nobody"):
        assert error_of(client.get("/profile_lookup", token, username=username)) == (100, 33)
    assert error_of(client.get("/profile_posts", token)) == (100, None)


def test_posts_of_others_can_be_answered_quoted_and_reposted(client: Client) -> None:
    """What a search found can be read and interacted with, but not deleted."""
    token = client.token()
    [found] = names(client, token, "/profile_posts", "id", username="meta")
    client.publish(token, reply_to_id=found)
    client.publish(token, quote_post_id=found)
    repost = client.post(f"/{found}/repost", token).json()["id"]
    assert client.get(f"/{found}", token, fields="has_replies").json()["has_replies"] is True
    assert client.get(f"/{repost}/insights", token, metric="views").json() == {"data": []}
    assert error_of(client.delete(f"/{found}", token)) == (100, 33)


def test_media_insights_count_what_can_be_counted(client: Client) -> None:
    """Replies, reposts and quotes are counted; the other numbers are made up, and stay as they are."""
    token = client.token()
    post = client.publish(token)
    answer = client.publish(token, reply_to_id=client.publish(token, reply_to_id=post))
    client.publish(token, quote_post_id=post)
    client.post(f"/{post}/repost", token)

    def read(node: str) -> dict[str, int]:
        metrics = "views,likes,replies,reposts,quotes,shares"
        data = client.get(f"/{node}/insights", token, metric=metrics).json()["data"]
        assert {entry["period"] for entry in data} == {"lifetime"}
        return {entry["name"]: entry["values"][0]["value"] for entry in data}

    first = read(post)
    assert (first["replies"], first["reposts"], first["quotes"]) == (2, 1, 1)
    assert read(post) == first
    assert read(answer)["replies"] == 0
    for metric in ("", "loves"):
        assert error_of(client.get(f"/{post}/insights", token, metric=metric)) == (100, None)


def insight(client: Client, token: str, metric: str, **query: str) -> Any:
    """Return one metric of the profile."""
    [entry] = client.get("/me/threads_insights", token, metric=metric, **query).json()["data"]
    assert entry["name"] == metric
    return entry


def test_user_insights_have_three_forms(client: Client) -> None:
    """A time series, a total, and a number per link, as in Meta's samples."""
    token = client.token()
    client.publish(token, link_attachment="https://example.com/")
    assert len(insight(client, token, "views")["values"]) == 2
    week = insight(client, token, "views", since="2026-05-01", until="2026-05-08")["values"]
    assert [value["end_time"][:10] for value in week] == [f"2026-05-0{day}" for day in range(2, 9)]
    assert insight(client, token, "quotes")["total_value"] == {"value": 0}
    assert insight(client, token, "clicks")["link_total_values"][0]["link_url"] == "https://example.com/"
    followers = insight(client, token, "followers_count")["total_value"]["value"]
    [breakdown] = insight(client, token, "follower_demographics", breakdown="age")["total_value"][
        "breakdowns"
    ]
    assert sum(result["value"] for result in breakdown["results"]) == followers


@pytest.mark.parametrize(
    "query", [{"metric": "follower_demographics"}, {"metric": "views", "since": "1712991599"}, {"metric": ""}]
)
def test_wrong_user_insights_are_refused(client: Client, query: dict[str, str]) -> None:
    """Demographics need a breakdown, and nothing is known before April 13, 2024."""
    assert error_of(client.get("/me/threads_insights", client.token(), **query)) == (100, None)


def test_demographics_need_a_hundred_followers(client: Client) -> None:
    """A small profile gets no demographics."""
    token = client.token(account_id=client.account(username="small", followers_count=99))
    query = {"metric": "follower_demographics", "breakdown": "age"}
    assert error_of(client.get("/me/threads_insights", token, **query)) == (100, None)


def test_locations_are_found_by_words_and_by_place(client: Client) -> None:
    """Words, coordinates or both; a location can be read by its id. Searches are counted."""
    token = client.token()
    search = "/location_search"
    assert names(client, token, search, "name", q="menlo park") == ["Facebook Headquarters", "Burgess Park"]
    assert names(
        client, token, search, "name", query="menlo park", latitude="37.45", longitude="-122.18"
    ) == [
        "Burgess Park",
        "Facebook Headquarters",
    ]
    nearest = client.get(search, token, latitude="52.5", longitude="13.4").json()["data"][0]
    assert nearest["city"] == "Berlin"
    assert client.get(f"/{nearest['id']}", token, fields="name").json()["name"] == "Markthalle Neun"
    fields = "location_search_quota_usage,location_search_config{quota_total}"
    assert client.get("/me/threads_publishing_limit", token, fields=fields).json()["data"] == [
        {"location_search_quota_usage": 3, "location_search_config": {"quota_total": 500}}
    ]
    for query in ({}, {"latitude": "52.5"}, {"latitude": "north", "longitude": "1"}):
        assert error_of(client.get(search, token, **query)) == (100, None)


def test_a_post_can_be_embedded_without_a_token(client: Client) -> None:
    """Meta's forms of a permalink are taken, and the emulator's own; with an app's token, too."""
    token = client.token()
    own = client.get(f"/{client.publish(token, 'a < b')}", token, fields="permalink").json()["permalink"]
    for url in (
        "https://www.threads.net/@threads/post/DCkkKl_OGb1",
        "https://www.threads.com/t/DDzbnVKx57R/",
    ):
        answer = client.get("/oembed", url=url).json()
        assert answer["provider_name"] == "Threads"
        assert answer["html"].startswith('<blockquote class="text-post-media"')
    embedded = client.get("/oembed", f"TH|{APP.id}|{APP.secret}", url=own, maxwidth="320").json()
    assert embedded["width"] == 320
    assert "a &lt; b" in embedded["html"]
    for query in ({"url": "https://example.com/"}, {"url": own, "maxwidth": "319"}):
        assert error_of(client.get("/oembed", **query)) == (100, None)
    assert error_of(client.get("/oembed", url="https://www.threads.com/t/AAAA")) == (24, 4279009)
    assert error_of(client.get("/oembed", "wrong", url=own)) == (190, None)


@pytest.mark.parametrize(
    "path",
    [
        *("/me/mentions", "/keyword_search?q=a", "/profile_lookup?username=threads"),
        *("/profile_posts?username=threads", "/me/threads_insights?metric=views", "/location_search?q=a"),
        "/me/threads_publishing_limit?fields=location_search_config",
    ],
)
def test_each_needs_its_permission(client: Client, path: str) -> None:
    """Without its permission each of them is refused."""
    assert error_of(client.get(path, client.token(scopes=["threads_basic"]))) == (10, None)


def test_ghost_posts_are_listed_when_they_are_over(client: Client) -> None:
    """After a day a ghost post is archived: only the list of ghost posts still has it."""
    token = client.token()
    post = client.publish(token, is_ghost_post="true")
    assert names(client, token, "/me/ghost_posts", "ghost_post_status") == ["ACTIVE"]
    client.advance(24 * 3600)
    assert names(client, token, "/me/ghost_posts", "ghost_post_status") == ["ARCHIVED"]
    assert client.get("/me/threads", token).json() == {"data": []}
    assert error_of(client.get(f"/{post}", token)) == (100, 33)
