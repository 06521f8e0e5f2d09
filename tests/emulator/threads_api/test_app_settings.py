"""The page on which people take back what they have allowed an app."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.emulator.threads_api.app import app_server
from tests.emulator.threads_api.client import APP, error_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from tests.emulator.threads_api.app import AppServer
    from tests.emulator.threads_api.client import Client

PAGE = "/settings/apps"


@pytest.fixture
def app(client: Client) -> Iterator[AppServer]:
    """Return the server of the app."""
    with app_server(client) as serving:
        yield serving


def press(client: Client, action: str, **form: str) -> requests.Response:
    """Press a button of the first account's app, or of another one."""
    return client.post(PAGE, **{"account_id": client.account(), "app_id": APP.id, **form}, action=action)


def words(client: Client) -> str:
    """Return what the page says, without its markup."""
    markup = re.compile(r"<style>.*?</style>|<[^>]+>", re.DOTALL)
    return " ".join(markup.sub(" ", client.get(PAGE).text).split())


def test_page_shows_what_was_granted(client: Client) -> None:
    """An account's app stands there with the permissions in words; the front page leads there."""
    assert "No account has allowed an app anything yet" in words(client)
    client.token(scopes=["threads_basic", "threads_content_publish"])
    shown = words(client)
    assert "for @mira.okafor" in shown
    assert "Create and publish threads on your behalf" in shown
    assert "Delete your threads" not in shown
    client.token(scopes=["threads_basic"])
    assert "Create and publish" not in words(client), "what was allowed last counts"
    assert f'href="{PAGE}"' in client.get("/").text


def test_person_removes_an_app_and_asks_for_deletion(client: Client, app: AppServer) -> None:
    """Two buttons, one after the other; at the end the page has the app's own confirmation."""
    token = client.token()
    back = press(client, "remove")
    assert (back.status_code, back.headers["Location"]) == (303, PAGE)
    assert error_of(client.get("/me", token)) == (190, 458)
    assert "Removed" in words(client)
    assert 'value="delete_data"' in client.get(PAGE).text
    press(client, "delete_data")
    assert "confirmation code c0de7" in words(client)
    assert 'href="https://app.example/deletions/7"' in client.get(PAGE).text
    assert "<button" not in client.get(PAGE).text
    assert app.paths() == ["/deauthorize", "/delete"]


def test_missing_confirmation_is_said_and_may_be_asked_for_again(client: Client, app: AppServer) -> None:
    """An app that fails to answer is shown as such."""
    app.answer = lambda _: (503, "busy")
    client.token()
    press(client, "delete_data")
    assert "gave no confirmation (503)" in words(client)
    app.answer = None
    press(client, "delete_data")
    assert "confirmation code c0de7" in words(client)


def test_new_connection_is_not_confirmed_to_be_deleted(client: Client, app: AppServer) -> None:
    """A confirmation from before the app was allowed again is not shown."""
    client.token()
    press(client, "delete_data")
    client.advance(1)
    client.token()
    press(client, "remove")
    assert "c0de7" not in words(client)
    assert 'value="delete_data"' in client.get(PAGE).text
    assert app.paths() == ["/deauthorize", "/delete", "/deauthorize"]


@pytest.mark.parametrize(
    ("action", "form"), [("remove", {"account_id": "1"}), ("remove", {"app_id": "1"}), ("x", {})]
)
def test_unknown_things_are_not_found(client: Client, action: str, form: dict[str, str]) -> None:
    """A form that names nothing changes nothing."""
    token = client.token()
    assert press(client, action, **form).status_code == 400
    assert client.get("/me", token).status_code == 200


def test_page_escapes_what_comes_from_outside(client: Client, app: AppServer) -> None:
    """Names are text, and an app's answer leads nowhere but to the web."""
    app.answer = lambda _: (200, '{"url": "javascript:alert(1)", "confirmation_code": "<script>"}')
    app.register(name="<script>alert(1)</script>")
    client.token()
    press(client, "delete_data")
    page = client.get(PAGE).text
    assert "<script" not in page
    assert "javascript:" not in page
