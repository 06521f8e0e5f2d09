"""What is sent in production but not documented: taken by default, refused when strict."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from emulator.threads_api import inferred
from tests.emulator.threads_api.client import APP, CALLBACK

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from tests.emulator.threads_api.client import Client

    Try = Callable[[Client], requests.Response]

ITEM = {"media_type": "IMAGE", "image_url": "https://cdn.example/a.jpg", "is_carousel_item": "true"}


def creating(**form: object) -> Try:
    """Create a container with these parameters; objects are written as JSON."""
    sent = {name: it if isinstance(it, str) else json.dumps(it) for name, it in form.items()}
    return lambda client: client.post("/me/threads", client.token(), **sent)


def text(**form: object) -> Try:
    """Create a text."""
    return creating(media_type="TEXT", text="hello", **form)


def exchange(client: Client) -> requests.Response:
    """Exchange a code by GET."""
    app = {"client_id": APP.id, "client_secret": APP.secret, "redirect_uri": CALLBACK}
    code = client.control("codes", account_id=client.account())["code"]
    return client.get("/oauth/access_token", grant_type="authorization_code", code=code, **app)


def open_window(client: Client) -> requests.Response:
    """Open the window without response_type."""
    asked = {"client_id": APP.id, "redirect_uri": CALLBACK, "scope": "threads_basic"}
    return client.get("/oauth/authorize", **asked)


POLL = {"option_a": "tea", "option_b": "coffee", "option_c": "", "option_d": ""}
RANGE = {"offset": "0", "length": "2"}

TRIES: list[tuple[inferred.Inferred, Try]] = [
    (inferred.EMPTY_CHOICES, text(poll_attachment=POLL)),
    (inferred.NUMBERS_AS_TEXTS, text(text_entities=[{"entity_type": "SPOILER", **RANGE}])),
    (
        inferred.NUMBERS_AS_TEXTS,
        text(
            text_attachment={
                "plaintext": "x",
                "text_with_styling_info": [{**RANGE, "styling_info": ["bold"]}],
            }
        ),
    ),
    (inferred.TEXT_OF_AN_ITEM, creating(**ITEM, text="hello")),
    (inferred.SLASH_AT_THE_END, lambda client: client.get("/v1.0/me/", client.token())),
    (inferred.CODE_BY_GET, exchange),
    (inferred.WINDOW_WITHOUT_TYPE, open_window),
    (
        inferred.DEMOGRAPHICS_AS_A_WHOLE,
        lambda client: client.get("/me/threads_insights", client.token(), metric="follower_demographics"),
    ),
]


@pytest.mark.parametrize(("case", "attempt"), TRIES)
def test_what_is_inferred_is_taken_unless_strict(
    client: Client, case: inferred.Inferred, attempt: Try
) -> None:
    """Each case of the table is taken, and with ``strict`` it is refused. Each has a source."""
    client.control("settings", strict=False)
    assert attempt(client).status_code == 200
    client.control("settings", strict=True)
    assert attempt(client).status_code in {400, 404}
    assert case.what
    assert case.source


def test_every_case_of_the_table_is_tried() -> None:
    """A new row needs a try."""
    assert {case for case, _ in TRIES} == {*inferred.INFERRED}


def test_what_is_taken_is_kept_in_the_documented_form(client: Client) -> None:
    """Empty choices, texts of items and numbers as texts leave no trace."""
    client.control("settings", strict=False)
    for case, attempt in TRIES[:4]:
        assert attempt(client).ok, case
    poll, spoiler, styled, item = [container["content"] for container in client.see("containers")]
    assert poll["poll_attachment"] == {"option_a": "tea", "option_b": "coffee"}
    assert (spoiler["text_entities"][0]["offset"], spoiler["text_entities"][0]["length"]) == (0, 2)
    assert styled["text_attachment"]["text_with_styling_info"][0]["length"] == 2
    assert "text" not in item


@pytest.mark.parametrize("name", ["poll_attachment", "text_entities", "text_attachment"])
@pytest.mark.parametrize("value", ["no JSON", "7", "[7]", '{"text_with_styling_info": 7}', "[" * 100_000])
def test_nonsense_is_refused_as_before(client: Client, name: str, value: str) -> None:
    """What cannot be brought into the documented form is error 100."""
    client.control("settings", strict=False)
    assert text(**{name: value})(client).status_code == 400
