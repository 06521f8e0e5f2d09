"""What ``POST /threads`` accepts and refuses, parameter by parameter."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.threads_api.client import error_of

if TYPE_CHECKING:
    from tests.emulator.threads_api.client import Client

TEXT = {"media_type": "TEXT", "text": "hello"}
IMAGE = {"media_type": "IMAGE", "image_url": "https://cdn.example/a.jpg"}
VIDEO = {"media_type": "VIDEO", "video_url": "https://cdn.example/a.mp4"}
LINKS = [f"https://example.com/{number}" for number in range(6)]


def spoiler(offset: Any = 0, length: Any = 1, kind: str = "SPOILER") -> dict[str, Any]:
    """Return a text entity."""
    return {"entity_type": kind, "offset": offset, "length": length}


def attachment(*styling: dict[str, Any], plaintext: Any = "long text", **more: Any) -> str:
    """Return a text attachment."""
    return json.dumps({"plaintext": plaintext, "text_with_styling_info": list(styling), **more})


def style(offset: int, length: int, name: str = "bold") -> dict[str, Any]:
    """Return a styled range."""
    return {"offset": offset, "length": length, "styling_info": [name]}


def poll(*options: str) -> str:
    """Return a poll with these options."""
    return json.dumps({f"option_{letter}": option for letter, option in zip("abcd", options, strict=False)})


ACCEPTED: list[dict[str, str]] = [
    TEXT,
    IMAGE,
    VIDEO,
    TEXT | {"text": "x" * 500},
    TEXT | {"reply_control": "parent_post_author_only"},
    TEXT | {"reply_control": "followers_only"},
    TEXT | {"link_attachment": LINKS[0]},
    TEXT | {"link_attachment": "www.facebook.com"},
    TEXT | {"topic_tag": "x" * 50},
    TEXT | {"poll_attachment": poll("a", "b" * 25)},
    TEXT | {"poll_attachment": poll("a", "b", "c", "d")},
    TEXT | {"gif_attachment": json.dumps({"gif_id": "1", "provider": "GIPHY"})},
    TEXT | {"text_attachment": attachment(style(0, 2), style(2, 3, "italic"), plaintext="x" * 10_000)},
    TEXT | {"text_attachment": attachment(link_attachment_url=LINKS[0])},
    TEXT | {"text_entities": json.dumps([spoiler(number) for number in range(10)])},
    TEXT | {"text_entities": json.dumps([spoiler(kind="spoiler")])},
    TEXT | {"is_ghost_post": "true"},
    TEXT | {"enable_reply_approvals": "true"},
    TEXT | {"allowlisted_country_codes": "US, CA"},
    TEXT | {"allowlisted_country_codes": '["US", "CA"]'},
    TEXT | {"location_id": "123"},
    TEXT | {"crossreshare_to_ig": "true", "crossreshare_to_ig_dark_mode": "true"},
    TEXT | {"text": " ".join(LINKS[:5]), "link_attachment": LINKS[0]},
    TEXT | {"image_url": "", "is_carousel_item": "False", "auto_publish_text": "false"},
    TEXT | {"invented_parameter": "ignored"},
    IMAGE | {"text": "x", "alt_text": "x" * 1000, "is_spoiler_media": "true"},
    VIDEO | {"is_carousel_item": "true", "alt_text": "x"},
]

REFUSED: list[tuple[dict[str, str], str]] = [
    ({"text": "x"}, "media_type"),
    ({"media_type": "text", "text": "x"}, "media_type"),
    ({"media_type": "TEXT"}, "text"),
    ({"media_type": "IMAGE"}, "image_url"),
    ({"media_type": "VIDEO", "text": "x"}, "video_url"),
    ({"media_type": "CAROUSEL"}, "children"),
    (TEXT | {"text": "x" * 501}, "text"),
    (IMAGE | {"text": "x" * 501}, "text"),
    (IMAGE | {"image_url": "ftp://example.com/a.jpg"}, "image_url"),
    (IMAGE | {"image_url": "javascript:alert(1)"}, "image_url"),
    (IMAGE | {"image_url": "https://[broken"}, "image_url"),
    (IMAGE | {"video_url": "https://example.com/a.mp4"}, "video_url"),
    (IMAGE | {"is_carousel_item": "true", "text": "x"}, "text"),
    (IMAGE | {"is_carousel_item": "maybe"}, "is_carousel_item"),
    (IMAGE | {"auto_publish_text": "true"}, "auto_publish_text"),
    (IMAGE | {"alt_text": "x" * 1001}, "alt_text"),
    (IMAGE | {"link_attachment": LINKS[0]}, "link_attachment"),
    (IMAGE | {"poll_attachment": poll("a", "b")}, "poll_attachment"),
    (IMAGE | {"text_entities": json.dumps([spoiler()])}, "text_entities"),
    (TEXT | {"is_spoiler_media": "true"}, "is_spoiler_media"),
    (TEXT | {"alt_text": "x"}, "alt_text"),
    (TEXT | {"link_attachment": "nonsense"}, "link_attachment"),
    (TEXT | {"link_attachment": "javascript:alert.1"}, "link_attachment"),
    (TEXT | {"reply_control": "nobody"}, "reply_control"),
    (TEXT | {"reply_to_id": "abc"}, "reply_to_id"),
    (TEXT | {"topic_tag": "x" * 51}, "topic_tag"),
    (TEXT | {"topic_tag": "a.b"}, "topic_tag"),
    (TEXT | {"topic_tag": "a&b"}, "topic_tag"),
    (TEXT | {"poll_attachment": "no JSON"}, "poll_attachment"),
    (TEXT | {"poll_attachment": "[" * 100_000}, "poll_attachment"),
    (TEXT | {"poll_attachment": "[]"}, "poll_attachment"),
    (TEXT | {"poll_attachment": poll("a")}, "poll_attachment"),
    (TEXT | {"poll_attachment": poll("a", "b" * 26)}, "poll_attachment"),
    (TEXT | {"poll_attachment": poll("a", "")}, "poll_attachment"),
    (TEXT | {"poll_attachment": '{"option_a": "a", "option_b": "b", "option_d": "d"}'}, "poll_attachment"),
    (TEXT | {"poll_attachment": '{"option_a": 1, "option_b": 2}'}, "poll_attachment"),
    (TEXT | {"gif_attachment": '{"gif_id": "1", "provider": "TENOR"}'}, "gif_attachment"),
    (TEXT | {"gif_attachment": '{"provider": "GIPHY"}'}, "gif_attachment"),
    (TEXT | {"text_attachment": attachment(plaintext="x" * 10_001)}, "text_attachment"),
    (TEXT | {"text_attachment": attachment(plaintext=None)}, "text_attachment"),
    (TEXT | {"text_attachment": attachment(style(0, 3), style(2, 3))}, "text_attachment"),
    (TEXT | {"text_attachment": attachment(style(0, 3, "blink"))}, "text_attachment"),
    (TEXT | {"text_attachment": attachment(link_attachment_url="nonsense")}, "text_attachment"),
    (TEXT | {"text_attachment": attachment(), "poll_attachment": poll("a", "b")}, "text_attachment"),
    (
        TEXT | {"text_attachment": attachment(link_attachment_url=LINKS[0]), "link_attachment": LINKS[1]},
        "link_attachment",
    ),
    (TEXT | {"text_entities": json.dumps([spoiler(number) for number in range(11)])}, "text_entities"),
    (TEXT | {"text_entities": json.dumps([spoiler(kind="BOLD")])}, "text_entities"),
    (TEXT | {"text_entities": json.dumps([spoiler(offset=-1)])}, "text_entities"),
    (TEXT | {"text_entities": json.dumps([spoiler(length=True)])}, "text_entities"),
    (TEXT | {"text_entities": json.dumps([spoiler(0, 2), spoiler(1, 2)])}, "text_entities"),
    (TEXT | {"is_ghost_post": "true", "enable_reply_approvals": "true"}, "enable_reply_approvals"),
    (TEXT | {"allowlisted_country_codes": "USA"}, "allowlisted_country_codes"),
    (TEXT | {"allowlisted_country_codes": "[1]"}, "allowlisted_country_codes"),
]


@pytest.mark.parametrize("form", ACCEPTED)
def test_accepted(client: Client, form: dict[str, str]) -> None:
    """What the documentation allows makes a container, whose id is digits."""
    assert client.container(client.token(), **form).isdecimal()


@pytest.mark.parametrize(("form", "parameter"), REFUSED)
def test_refused(client: Client, form: dict[str, str], parameter: str) -> None:
    """What the documentation forbids is error 100, with a word for the user that names the parameter."""
    answer = client.post("/v1.0/me/threads", client.token(), **form)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["is_transient"]) == (400, 100, False)
    assert error["error_user_msg"].startswith(f"{parameter} ")
    assert client.see("containers") == []


@pytest.mark.parametrize(
    ("counted_in", "text", "accepted"),
    [
        ("utf8_bytes", "é" * 250, True),
        ("utf8_bytes", "é" * 251, False),
        ("emoji_bytes", "é" * 500, True),
        ("emoji_bytes", "🍞" * 125, True),
        ("emoji_bytes", "🍞" * 126, False),
        ("code_points", "🍞" * 500, True),
        ("code_points", "🍞" * 501, False),
    ],
)
def test_how_the_500_is_counted_is_a_setting(
    client: Client, counted_in: str, text: str, *, accepted: bool
) -> None:
    """UTF-8 bytes, emoji as bytes, or code points: as the emulator is told."""
    client.control("settings", text_counts=counted_in)
    assert client.post("/me/threads", client.token(), media_type="TEXT", text=text).ok is accepted


def test_too_many_links(client: Client) -> None:
    """More than five different links, wherever they stand, are refused by name."""
    for form in (
        {"text": " ".join(LINKS)},
        {"text": " ".join(f"www.{number}.example" for number in range(6))},
        {"text": " ".join(LINKS[:5]), "link_attachment": LINKS[5]},
        {"text": " ".join(LINKS[:5]), "text_attachment": attachment(link_attachment_url=LINKS[5])},
    ):
        answer = client.post("/me/threads", client.token(), media_type="TEXT", **form)
        assert answer.json()["error"]["message"] == "THREADS_API__LINK_LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    ("form", "missing"),
    [
        ({}, "threads_content_publish"),
        ({"reply_to_id": "1"}, "threads_manage_replies"),
        ({"location_id": "1"}, "threads_location_tagging"),
        ({"crossreshare_to_ig": "true"}, "threads_share_to_instagram"),
    ],
)
def test_parameters_need_their_scope(client: Client, form: dict[str, str], missing: str) -> None:
    """A parameter whose scope was not granted is a permission error that names the scope."""
    scopes = ["threads_basic", "threads_content_publish"]
    token = client.token(scopes=[scope for scope in scopes if scope != missing])
    answer = client.post("/me/threads", token, **TEXT, **form)
    assert (answer.status_code, error_of(answer)) == (403, (10, None))
    assert missing in answer.json()["error"]["error_user_msg"]


def test_countries_need_an_eligible_profile(client: Client) -> None:
    """Only a profile that is eligible for geo-gating may choose countries."""
    token = client.token(account_id=client.account(username="plain", is_eligible_for_geo_gating=False))
    answer = client.post("/me/threads", token, **TEXT, allowlisted_country_codes="US")
    assert error_of(answer) == (100, None)


@pytest.mark.parametrize("name", ["reply_to_id", "quote_post_id"])
def test_named_posts_must_exist(client: Client, name: str) -> None:
    """A missing or deleted post cannot be replied to or quoted."""
    token = client.token()
    deleted = client.publish(token)
    client.delete(f"/{deleted}", token)
    for post in ("123", deleted):
        assert error_of(client.post("/me/threads", token, **TEXT, **{name: post})) == (24, 4279009)


def test_ghosts_do_not_reply(client: Client) -> None:
    """A ghost post is a root post, and so is one with reply approvals."""
    token = client.token()
    root = client.publish(token)
    for name in ("is_ghost_post", "enable_reply_approvals"):
        answer = client.post("/me/threads", token, **TEXT, reply_to_id=root, **{name: "true"})
        assert error_of(answer) == (100, None)


def test_parameters_may_come_in_query_form_or_json(client: Client) -> None:
    """Graph reads parameters wherever they are; JSON objects may be nested as they are."""
    token = client.token()
    client.http.post(f"{client.url}/me/threads", params={**TEXT, "access_token": token}, timeout=10)
    options = {"option_a": "a", "option_b": "b"}
    body = {**TEXT, "text": "half \ud83c", "poll_attachment": options, "access_token": token}
    client.http.post(f"{client.url}/me/threads", json=body, timeout=10)
    by_query, by_json = [container["content"] for container in client.see("containers")]
    assert by_query == TEXT
    assert by_json == {"media_type": "TEXT", "text": "half ?", "poll_attachment": options}
