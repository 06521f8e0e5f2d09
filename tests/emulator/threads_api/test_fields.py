"""What ``fields=`` may ask for: names, names inside names, and how lists are cut."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from emulator.threads_api.asked import Asked, read_asked
from tests.emulator.threads_api.client import error_of

if TYPE_CHECKING:
    from tests.emulator.threads_api.client import Client

IMAGES = ("https://cdn.example/a.jpg", "https://cdn.example/b.jpg")


def read(client: Client, token: str, node: str, fields: str) -> Any:
    """Read fields of a node."""
    return client.get(f"/v1.0/{node}", token, fields=fields).json()


def carousel(client: Client, token: str) -> tuple[str, list[str]]:
    """Publish a carousel; returns its id and those of its items."""
    client.control("settings", image_seconds=0, carousel_seconds=0)
    items = [
        client.container(token, media_type="IMAGE", image_url=url, is_carousel_item="true") for url in IMAGES
    ]
    container = client.container(token, media_type="CAROUSEL", children=",".join(items))
    return client.post("/me/threads_publish", token, creation_id=container).json()["id"], items


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("", ()),
        ("id, text,,", (Asked("id"), Asked("text"))),
        ("a{b,c{d}},e", (Asked("a", (Asked("b"), Asked("c", (Asked("d"),)))), Asked("e"))),
        ("a.limit(2){b}", (Asked("a", (Asked("b"),), 2),)),
        ("a.order(reverse_chronological).limit(1)", (Asked("a", (), 1),)),
        ("a.fields(b,c)", (Asked("a", (Asked("b"), Asked("c"))),)),
        ("a{}", (Asked("a"),)),
    ],
)
def test_fields_are_read_as_graph_writes_them(text: str, asked: tuple[Asked, ...]) -> None:
    """A field may have fields in braces, and a limit."""
    assert read_asked(text) == asked


@pytest.mark.parametrize(
    "fields", ["id}", "a{b", "a.limit", "a.limit(2", "{a}", "a b", "a" + "{a" * 200, "1"]
)
def test_a_syntax_error_is_error_2500(client: Client, fields: str) -> None:
    """What cannot be read is refused, and the message shows where."""
    answer = client.get("/me", client.token(), fields=fields)
    assert error_of(answer) == (2500, None)
    assert answer.json()["error"]["message"].startswith("Syntax error")


def test_a_poll_shows_what_is_asked_of_it(client: Client) -> None:
    """The example of Meta's page on polls works; without inner fields the poll is shown as a whole."""
    token = client.token()
    poll = client.publish(token, poll_attachment=json.dumps({"option_a": "tea", "option_b": "coffee"}))
    inner = "option_a,option_b,option_c,option_a_votes_percentage,total_votes,expiration_timestamp"
    shown = read(client, token, poll, f"id,poll_attachment{{{inner}}}")["poll_attachment"]
    whole = read(client, token, poll, "poll_attachment")["poll_attachment"]
    assert (shown["option_a"], shown["option_b"]) == ("tea", "coffee")
    assert shown.keys() == {*inner.split(",")} - {"option_c"}
    assert shown.items() <= whole.items()
    assert whole["option_a_votes_percentage"] + whole["option_b_votes_percentage"] == pytest.approx(1)


def test_children_and_named_posts_show_their_own_fields(client: Client) -> None:
    """A carousel's items and a quoted post can be read with it; by default they show their ids."""
    token = client.token()
    post, items = carousel(client, token)
    assert read(client, token, post, "children")["children"] == {"data": [{"id": item} for item in items]}
    cut = read(client, token, post, "children.limit(1){media_url,media_type}")["children"]["data"]
    assert cut == [{"media_url": IMAGES[0], "media_type": "IMAGE", "id": items[0]}]
    quote = client.publish(token, quote_post_id=post)
    shown = read(client, token, quote, "quoted_post{media_type,children{media_url}}")["quoted_post"]
    assert shown["media_type"] == "CAROUSEL_ALBUM"
    assert [child["media_url"] for child in shown["children"]["data"]] == [*IMAGES]


def test_other_attachments_show_their_fields(client: Client) -> None:
    """A text attachment, spoilers and a location are read back in Meta's forms."""
    token = client.token()
    attachment = {"plaintext": "long", "link_attachment_url": "www.example.com"}
    post = client.publish(
        token,
        text_attachment=json.dumps(attachment),
        text_entities=json.dumps([{"entity_type": "spoiler", "offset": 0, "length": 2}]),
        location_id="110843418940484",
    )
    shown = read(
        client, token, post, "text_attachment,text_entities{entity_type},location_id,location{name,city}"
    )
    assert shown == {
        "text_attachment": attachment,
        "text_entities": {"data": [{"entity_type": "SPOILER"}]},
        "location_id": "110843418940484",
        "location": {"name": "Facebook Headquarters", "city": "Menlo Park", "id": "110843418940484"},
        "id": post,
    }


@pytest.mark.parametrize(
    ("fields", "code"),
    [("poll_attachment{nonsense}", 100), ("quoted_post{nonsense}", 100), ("text{id}", 2500)],
)
def test_inner_fields_are_checked(client: Client, fields: str, code: int) -> None:
    """A field that its object does not have is refused, and so are fields of a plain value."""
    token = client.token()
    poll = json.dumps({"option_a": "tea", "option_b": "coffee"})
    post = client.publish(token, poll_attachment=poll, quote_post_id=client.publish(token))
    assert error_of(client.get(f"/{post}", token, fields=fields)) == (code, None)


def test_a_container_shows_its_status_by_default(client: Client) -> None:
    """Asked for nothing, a container shows id and status."""
    token = client.token()
    container = client.container(token, media_type="TEXT", text="hello")
    assert client.get(f"/{container}", token).json() == {"id": container, "status": "FINISHED"}
