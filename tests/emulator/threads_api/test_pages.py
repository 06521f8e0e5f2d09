"""The pages that people see."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

if TYPE_CHECKING:
    from tests.emulator.threads_api.client import Client

HOSTILE = "<"  # the initial of the picture, too
HOSTILE += "/div><script>alert(\"x\")</script>' onerror='y"


def test_permalink_leads_to_the_post(client: Client) -> None:
    """The permalink is on the emulator's own address, and shows the post."""
    token = client.token()
    post = client.publish(token, "Fresh bread")
    link = client.get(f"/{post}", token, fields="permalink").json()["permalink"]
    assert link.startswith(f"{client.url}/@mira.okafor/post/")
    page = client.http.get(link, timeout=10)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "Fresh bread" in page.text
    assert "Threads emulator" in page.text


def test_profile_and_front_page_show_posts(client: Client) -> None:
    """A post is on its author's profile and on the front page, until it is deleted."""
    token = client.token()
    post = client.publish(token, "Fresh bread")
    pages = ("/@mira.okafor", "/")
    assert all("Fresh bread" in client.get(path).text for path in pages)
    client.delete(f"/{post}", token)
    assert not any("Fresh bread" in client.get(path).text for path in pages)


def test_post_page_is_gone_with_the_post(client: Client) -> None:
    """The page of a deleted post, or of a post under another name, does not exist."""
    token = client.token()
    post = client.publish(token)
    code = client.get(f"/{post}", token, fields="shortcode").json()["shortcode"]
    assert client.get(f"/@mira.okafor/post/{code}").status_code == 200
    assert client.get(f"/@jonas_lind/post/{code}").status_code == 400
    client.delete(f"/{post}", token)
    assert client.get(f"/@mira.okafor/post/{code}").status_code == 400


def test_everything_of_a_post_is_shown(client: Client) -> None:
    """Pictures with their description, links, polls, attachments, quotes and replies are on the page."""
    token = client.token()
    client.control("settings", image_seconds=0, carousel_seconds=0)
    items = [
        client.container(
            token,
            media_type="IMAGE",
            image_url=f"https://cdn.example/{name}.jpg",
            alt_text=f"Picture {name}",
            is_carousel_item="true",
        )
        for name in "ab"
    ]
    parent = client.container(token, media_type="CAROUSEL", children=",".join(items), text="Two pictures")
    root = client.post("/me/threads_publish", token, creation_id=parent).json()["id"]
    client.publish(
        token,
        "An answer",
        reply_to_id=root,
        quote_post_id=root,
        topic_tag="bread",
        link_attachment="https://example.com/shop",
        poll_attachment=json.dumps({"option_a": "Rye", "option_b": "Wheat"}),
    )
    code = client.get(f"/{root}", token, fields="shortcode").json()["shortcode"]
    page = client.get(f"/@mira.okafor/post/{code}").text
    for shown in ("Two pictures", "https://cdn.example/a.jpg", "Picture b", "An answer", "bread"):
        assert shown in page
    for shown in ("https://example.com/shop", "Rye", "Wheat"):
        assert shown in page


def test_hostile_text_is_escaped_everywhere(client: Client) -> None:
    """Names, texts, options and descriptions are never markup."""
    account = client.account(username="mallory", name=HOSTILE, biography=HOSTILE)
    token = client.token(account_id=account)
    client.control("settings", image_seconds=0)
    poll = json.dumps({"option_a": "<script>x</script>", "option_b": "b"})
    root = client.publish(token, HOSTILE, topic_tag="<script>", poll_attachment=poll)
    image = client.container(
        token,
        media_type="IMAGE",
        image_url='https://x.example/"onload="<script>',
        alt_text=HOSTILE,
        reply_to_id=root,
    )
    client.post("/me/threads_publish", token, creation_id=image)
    code = client.get(f"/{root}", token, fields="shortcode").json()["shortcode"]
    for path in ("/", "/@mallory", f"/@mallory/post/{code}", f"/avatars/{account}.svg"):
        page = client.get(path)
        assert page.status_code == 200
        assert "<script" not in page.text
        assert '"onload=' not in page.text
    ET.fromstring(client.get(f"/avatars/{account}.svg").text)  # noqa: S314 - our own picture


def test_pages_run_no_script(client: Client) -> None:
    """The browser is told not to run or load anything but styles and media."""
    policy = client.get("/").headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'")
    assert "script-src" not in policy


def test_avatar_is_drawn_from_the_account(client: Client) -> None:
    """Each account has its own colours and its initial."""
    first, second = (account["id"] for account in client.see("accounts")[:2])
    pictures = [client.get(f"/avatars/{account}.svg").text for account in (first, second)]
    assert ">M<" in pictures[0]
    assert pictures[0] != pictures[1]


def test_other_people_have_pages_but_are_not_on_the_front_page(client: Client) -> None:
    """A seeded profile shows its posts; the front page lists only who can sign in."""
    assert "ThreadsAPI" in client.get("/@threads").text
    assert client.get("/@threads/post/DCkkKl_OGb1").status_code == 200
    assert "@threads" not in client.get("/").text
