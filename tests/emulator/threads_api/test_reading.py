"""What can be read: the profile, one post, the lists, the limits."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.emulator.threads_api.client import error_of

if TYPE_CHECKING:
    from tests.emulator.threads_api.client import Client


def test_profile_is_a_flat_object(client: Client) -> None:
    """``/me`` answers with the asked fields, flat, and the id."""
    answer = client.get("/v1.0/me", client.token(), fields="username,name,is_eligible_for_geo_gating").json()
    assert answer == {
        "username": "mira.okafor",
        "name": "Mira Okafor",
        "is_eligible_for_geo_gating": True,
        "id": client.account(),
    }


@pytest.mark.parametrize("path", ["/me", "/v1.0/me", "/v23.4/me", "/{id}", "/v1.0/{id}"])
def test_version_and_me_are_optional(client: Client, path: str) -> None:
    """Any version segment is accepted, and none; ``me`` is the account's id."""
    answer = client.get(path.format(id=client.account()), client.token(), fields="id")
    assert answer.json() == {"id": client.account()}


def test_picture_is_served(client: Client) -> None:
    """The profile picture's URL leads to an image of the emulator's own."""
    fields = "threads_profile_picture_url"
    url = client.get("/me", client.token(), fields=fields).json()[fields]
    picture = client.http.get(url, timeout=10)
    assert picture.headers["Content-Type"].startswith("image/svg+xml")


def test_empty_fields_are_left_out(client: Client) -> None:
    """A field without a value is not in the answer."""
    token = client.token(account_id=client.account(username="terse"))
    assert set(client.get("/me", token, fields="id,name,threads_biography").json()) == {"id"}


@pytest.mark.parametrize(
    "path", ["/me", "/{post}", "/{container}", "/me/threads", "/me/threads_publishing_limit"]
)
def test_unknown_field_is_error_100(client: Client, path: str) -> None:
    """Asking for a field that does not exist is an error everywhere."""
    token = client.token()
    path = path.format(
        post=client.publish(token), container=client.container(token, media_type="TEXT", text="x")
    )
    assert error_of(client.get(path, token, fields="id,nonsense")) == (100, None)


def test_status_of_a_media_id_is_error_100(client: Client) -> None:
    """A published post has no status; only its container has."""
    token = client.token()
    answer = client.get(f"/{client.publish(token)}", token, fields="status")
    assert error_of(answer) == (100, None)
    assert answer.json()["error"]["message"] == "Tried accessing nonexisting field (status)"


def test_post_shows_what_was_sent(client: Client) -> None:
    """Every parameter of a post comes back in its field."""
    token = client.token()
    root = client.publish(token, "root")
    post = client.publish(
        token,
        "reply",
        reply_to_id=root,
        quote_post_id=root,
        topic_tag="bread",
        link_attachment="https://example.com/",
        reply_control="mentioned_only",
        gif_attachment=json.dumps({"gif_id": "abc", "provider": "GIPHY"}),
        text_entities=json.dumps([{"entity_type": "SPOILER", "offset": 0, "length": 2}]),
        allowlisted_country_codes="US,CA",
        location_id="7",
    )
    fields = {
        "text": "reply",
        "media_type": "TEXT_POST",
        "media_product_type": "THREADS",
        "username": "mira.okafor",
        "is_quote_post": True,
        "quoted_post": {"id": root},
        "topic_tag": "bread",
        "link_attachment_url": "https://example.com/",
        "reply_audience": "MENTIONED_ONLY",
        "gif_url": "https://giphy.com/gifs/abc",
        "text_entities": {"data": [{"entity_type": "SPOILER", "offset": 0, "length": 2}]},
        "allowlisted_country_codes": ["US", "CA"],
        "location_id": "7",
        "is_reply": True,
        "root_post": {"id": root},
        "replied_to": {"id": root},
        "has_replies": False,
        "id": post,
    }
    assert client.get(f"/v1.0/{post}", token, fields=",".join(fields)).json() == fields
    assert client.get(f"/v1.0/{root}", token, fields="has_replies").json()["has_replies"] is True


def test_other_peoples_things_do_not_exist(client: Client) -> None:
    """Profile, lists and containers of another account, and what is done to its posts, are error 100/33."""
    mine = client.token()
    other = client.account(username="other")
    theirs = client.token(account_id=other)
    post = client.publish(theirs)
    container = client.container(theirs, media_type="TEXT", text="x")
    paths = [f"/{other}", f"/{container}", f"/{other}/threads", f"/{post}/replies", "/123456"]
    assert [error_of(client.get(path, mine)) for path in paths] == [(100, 33)] * len(paths)


@pytest.mark.parametrize("path", ["/nonsense", "/v1.0/me/nonsense", "/v1.0", "/avatars/1.svg", "/@nobody"])
def test_unknown_path_is_a_graph_error(client: Client, path: str) -> None:
    """What is not a route is error 2500 in Graph's envelope."""
    assert error_of(client.get(path, client.token())) == (2500, None)


def test_unsupported_method_is_a_graph_error(client: Client) -> None:
    """A method that a path does not take is error 100, subcode 33."""
    assert error_of(client.delete("/v1.0/me/threads", client.token())) == (100, 33)


def test_threads_are_listed_newest_first_in_pages(client: Client) -> None:
    """The list goes from new to old; cursors lead through all of it, forth and back."""
    token = client.token()
    posts = [client.publish(token, str(number)) for number in range(5)][::-1]

    def page(**query: str) -> tuple[list[str], dict[str, str]]:
        answer = client.get("/v1.0/me/threads", token, limit="2", **query).json()
        return [entry["id"] for entry in answer["data"]], answer.get("paging", {}).get("cursors", {})

    first, cursors = page()
    second, later = page(after=cursors["after"])
    third, last = page(after=later["after"])
    assert (first, second, third) == (posts[:2], posts[2:4], posts[4:])
    assert page(after=last["after"]) == ([], {})
    assert page(before=last["before"])[0] == second


def test_pages_link_to_the_next_and_the_previous_one(client: Client) -> None:
    """The links are absolute, keep version and query, and work as they are, without a header."""
    token = client.token()
    posts = [client.publish(token, str(number)) for number in range(5)][::-1]
    first = client.get("/v1.0/me/threads", token, limit="2", fields="text").json()
    assert "previous" not in first["paging"]
    assert first["paging"]["next"].startswith(f"{client.url}/v1.0/me/threads?")
    pages = [first]
    while (following := pages[-1]["paging"].get("next")) is not None:
        pages.append(client.http.get(following, timeout=10).json())
    assert [entry["id"] for page in pages for entry in page["data"]] == posts
    assert [len(page["data"]) for page in pages] == [2, 2, 1]
    back = client.http.get(pages[1]["paging"]["previous"], timeout=10).json()
    assert back["data"] == first["data"]
    assert all("text" in entry for page in pages for entry in page["data"])


def test_since_and_until_cut_the_list(client: Client) -> None:
    """``since`` and ``until`` take Unix times and dates, both ends included."""
    token = client.token()
    client.control("clock", freeze=True)
    now = int(client.get("/_emulator/clock").json()["unix"])
    posts = []
    for _ in range(3):
        posts.append(client.publish(token))
        client.advance(60)

    def listed(**query: str) -> list[str]:
        return [entry["id"] for entry in client.get("/me/threads", token, **query).json()["data"]]

    assert listed(since=str(now + 60)) == posts[:0:-1]
    assert listed(until=str(now + 60)) == posts[1::-1]
    assert listed(since="2024-01-01", until="2 January 2024") == []
    assert listed(since="2024-01-01T00:00:00+0100") == posts[::-1]


@pytest.mark.parametrize(
    "query",
    [
        {"since": "some day"},
        {"since": "2023-07-04"},
        {"since": "tomorrow", "until": "today"},
        {"until": "9" * 30},
        {"limit": "0"},
        {"limit": "x"},
        {"after": "x"},
        {"after": "x", "before": "x"},
    ],
)
def test_malformed_list_parameters_are_refused(client: Client, query: dict[str, str]) -> None:
    """A list parameter that cannot be read is error 100."""
    token = client.token()
    client.publish(token)
    assert error_of(client.get("/me/threads", token, **query)) == (100, None)


def test_lists_may_lag_behind(client: Client) -> None:
    """A setting lets a post be visible by its id before the lists show it."""
    client.control("settings", listing_seconds=30)
    token = client.token()
    post = client.publish(token)
    assert client.get(f"/{post}", token).status_code == 200
    assert client.get("/me/threads", token).json() == {"data": []}
    client.advance(30)
    assert [entry["id"] for entry in client.get("/me/threads", token).json()["data"]] == [post]


def test_a_published_container_may_be_lost(client: Client) -> None:
    """A setting lets a container be unknown once it is published; its post is out, and stays one."""
    client.control("settings", published_containers_stay=False)
    token = client.token()
    container = client.container(token, media_type="TEXT", text="hello")
    assert client.get(f"/{container}", token, fields="status").json()["status"] == "FINISHED"
    post = client.post("/me/threads_publish", token, creation_id=container).json()["id"]
    assert error_of(client.get(f"/{container}", token, fields="status")) == (24, 4279009)
    assert error_of(client.post("/me/threads_publish", token, creation_id=container)) == (24, 4279009)
    assert [entry["id"] for entry in client.get("/me/threads", token).json()["data"]] == [post]


def test_texts_may_be_shown_changed(client: Client) -> None:
    """A setting gives texts back in the ways that Threads changes them."""
    token = client.token()
    client.publish(
        token, text="Salt & #bread\u200b \u2764\ufe0f: https://www.example.com/a/very/long/address"
    )
    client.control("settings", shown_texts="changed")
    [entry] = client.get("/me/threads", token, fields="text").json()["data"]
    assert entry["text"] == "Salt &amp; bread \u2764: example.com/a/very/long/…"


def test_replies_have_a_list_of_their_own(client: Client) -> None:
    """``/me/replies`` lists replies, and so does a post; a setting adds them to ``/me/threads``."""
    token = client.token()
    root = client.publish(token)
    reply = client.publish(token, reply_to_id=root)

    def listed(path: str) -> list[str]:
        return [entry["id"] for entry in client.get(path, token).json()["data"]]

    assert listed("/me/replies") == [reply]
    assert listed(f"/{root}/replies") == [reply]
    assert listed(f"/{reply}/replies") == []
    assert listed("/me/threads") == [reply, root]
    client.control("settings", replies_among_threads=False)
    assert listed("/me/threads") == [root]


def test_limits_count_posts_replies_and_deletions(client: Client) -> None:
    """The publishing limit tells usage, total and window of each kind."""
    token = client.token()
    root = client.publish(token)
    client.publish(token, reply_to_id=root)
    fields = "quota_usage,config,reply_quota_usage,reply_config,delete_quota_usage"
    assert client.get("/me/threads_publishing_limit", token, fields=fields).json() == {
        "data": [
            {
                "quota_usage": 1,
                "config": {"quota_total": 250, "quota_duration": 86400},
                "reply_quota_usage": 1,
                "reply_config": {"quota_total": 1000, "quota_duration": 86400},
                "delete_quota_usage": 0,
            }
        ]
    }


def test_each_call_needs_threads_basic(client: Client) -> None:
    """Without threads_basic not even the profile can be read."""
    assert error_of(client.get("/me", client.token(scopes=["threads_content_publish"]))) == (10, None)
