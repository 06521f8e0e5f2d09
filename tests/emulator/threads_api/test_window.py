"""The authorization window, as a browser without JavaScript uses it."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from tests.emulator.threads_api.client import APP, CALLBACK

if TYPE_CHECKING:
    import requests

    from tests.emulator.threads_api.client import Client

ASKED = {
    "client_id": APP.id,
    "redirect_uri": CALLBACK,
    "response_type": "code",
    "scope": "threads_basic,threads_content_publish,threads_delete",
    "state": "s t&a/t=e",
}


class Form(HTMLParser):
    """Reads the window's form as a browser would send it, untouched."""

    def __init__(self, page: str) -> None:
        """Read the page."""
        super().__init__()
        self.action = ""
        self.fields: list[tuple[str, str]] = []
        self.sources: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Collect what is sent, and where to, and what is loaded."""
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.action = given["action"]
        self.sources += [given[name] for name in ("src", "href") if name in given]
        ticked = given.get("type") not in {"radio", "checkbox"} or "checked" in given
        if tag == "input" and "name" in given and ticked and "disabled" not in given:
            self.fields.append((given["name"], given.get("value", "")))


def opened(client: Client, **changes: str) -> Form:
    """Open the window."""
    answer = client.get("/oauth/authorize", **{**ASKED, **changes})
    assert answer.status_code == 200
    return Form(answer.text)


def press(client: Client, form: Form, fields: list[tuple[str, str]], decision: str) -> requests.Response:
    """Press a button of the window."""
    return client.http.post(
        client.url + form.action, data=[*fields, ("decision", decision)], allow_redirects=False, timeout=10
    )


def came_back(answer: requests.Response) -> dict[str, str]:
    """Return the query with which the browser came back to the app."""
    assert answer.status_code == 302
    location = answer.headers["Location"]
    assert location.startswith("https://app.example/callback?from=threads&")
    assert location.endswith("#_")
    return {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}


def granted(client: Client, code: str) -> list[str]:
    """Return the scopes behind a code."""
    token = client.post(
        "/oauth/access_token",
        client_id=APP.id,
        client_secret=APP.secret,
        grant_type="authorization_code",
        redirect_uri=CALLBACK,
        code=code,
    ).json()["access_token"]
    scopes: list[str] = client.get("/debug_token", token, input_token=token).json()["data"]["scopes"]
    return scopes


def test_allow_sends_code_and_state_back(client: Client) -> None:
    """Allow comes back with code and state; the redirect URI keeps its own query, and ends in ``#_``."""
    form = opened(client)
    back = came_back(press(client, form, form.fields, "allow"))
    assert set(back) == {"from", "code", "state"}
    assert back["state"] == ASKED["state"]
    assert granted(client, back["code"]) == ASKED["scope"].split(",")


def test_everything_may_be_posted_as_a_form(client: Client) -> None:
    """A test may post all parameters in the form, to the bare address."""
    answer = client.post("/oauth/authorize", **ASKED, account_id=client.account(), decision="allow")
    assert granted(client, came_back(answer)["code"]) == ASKED["scope"].split(",")


def test_cancel_sends_the_refusal_back(client: Client) -> None:
    """Cancel comes back with Threads' three error parameters and the state."""
    form = opened(client)
    back = came_back(press(client, form, form.fields, "deny"))
    assert back == {
        "from": "threads",
        "error": "access_denied",
        "error_reason": "user_denied",
        "error_description": "The user denied your request",
        "state": ASKED["state"],
    }


def test_unticked_scopes_are_not_granted(client: Client) -> None:
    """What is unticked is not granted; threads_basic stays, and what was not asked for cannot be added."""
    form = opened(client)
    fields = [field for field in form.fields if field[0] != "scope"]
    fields += [("scope", "threads_delete"), ("scope", "threads_manage_replies")]
    back = came_back(press(client, form, fields, "allow"))
    assert granted(client, back["code"]) == ["threads_basic", "threads_delete"]


@pytest.mark.parametrize("separator", [",", " "])
def test_scopes_are_separated_by_commas_or_spaces(client: Client, separator: str) -> None:
    """Both ways of writing scopes mean the same."""
    form = opened(client, scope=separator.join(["threads_basic", "threads_delete"]))
    back = came_back(press(client, form, form.fields, "allow"))
    assert granted(client, back["code"]) == ["threads_basic", "threads_delete"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_id": "999"}, 4476002),
        ({"client_id": ""}, 4476002),
        ({"redirect_uri": "https://evil.example/"}, 1349168),
        ({"redirect_uri": CALLBACK + "/"}, 1349168),
        ({"redirect_uri": ""}, 1349168),
        ({"response_type": "token"}, 100),
        ({"scope": "threads_content_publish"}, 100),
        ({"scope": "threads_basic,threads_everything"}, 100),
        ({"scope": ""}, 100),
    ],
)
def test_mistakes_of_the_app_never_go_back_to_it(client: Client, changes: dict[str, str], code: int) -> None:
    """A wrong configuration shows a JSON page with Threads' code, whichever way it is sent."""
    asked = {**ASKED, **changes}
    shown = client.get("/oauth/authorize", **asked)
    decided = client.post("/oauth/authorize", **asked, decision="deny")
    for answer in (shown, decided):
        assert answer.status_code == 400
        assert "Location" not in answer.headers
        assert set(answer.json()) == {"error_message", "error_code"}
        assert answer.json()["error_code"] == code


def test_account_without_invite_gets_a_json_page(client: Client) -> None:
    """Who has not accepted the invite to test the app does not come back to it."""
    account = client.account(username="stranger", accepted_invite=False)
    answer = client.post("/oauth/authorize", **ASKED, account_id=account, decision="allow")
    assert answer.status_code == 400
    assert "has not accepted the invite to test the app" in answer.json()["error_message"]


def test_new_account_can_be_added_in_the_window(client: Client) -> None:
    """A new username makes an account, and the code is for it."""
    answer = client.post(
        "/oauth/authorize", **ASKED, new_username="@Nina.9", new_name="Nina & Co", decision="allow"
    )
    came_back(answer)
    added = client.see("accounts")[-1]
    assert (added["username"], added["name"]) == ("nina.9", "Nina & Co")


def test_known_username_is_that_account(client: Client) -> None:
    """Adding a username that exists signs in as its owner."""
    before = client.see("accounts")
    came_back(client.post("/oauth/authorize", **ASKED, new_username=before[1]["username"], decision="allow"))
    assert client.see("accounts") == before


def test_name_without_username_is_asked_again_with_what_was_typed(client: Client) -> None:
    """A name without a username connects no account. The window keeps it and asks for the username."""
    chosen = client.see("accounts")[0]["id"]
    answer = client.post("/oauth/authorize", **ASKED, account_id=chosen, new_name="Nina", decision="allow")
    assert answer.status_code == 400
    assert "<details open>" in answer.text
    assert 'value="Nina"' in answer.text


@pytest.mark.parametrize("choice", [{"new_username": "<script>"}, {"account_id": "1"}, {}])
def test_impossible_choice_is_asked_again(client: Client, choice: dict[str, str]) -> None:
    """No account, or one that cannot be, shows the window again with a complaint."""
    answer = client.post("/oauth/authorize", **ASKED, **choice, decision="allow")
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text
    assert "<script>" not in answer.text


def test_window_says_that_it_is_the_emulator(client: Client) -> None:
    """The page names the emulator and the app, describes the permissions, and loads nothing else."""
    page = client.get("/oauth/authorize", **ASKED).text
    assert "Threads emulator" in page
    assert "Bakery &lt;i&gt;&amp;&lt;/i&gt; Co would like to access your Threads account" in page
    assert "Delete your threads" in page
    assert all(source.startswith(("/avatars/", "data:")) for source in Form(page).sources)


def test_hostile_names_are_escaped(client: Client) -> None:
    """Names and parameters are text, whatever they contain."""
    hostile = "\"><script>alert('x')</script>"
    client.account(username="mallory", name=hostile)
    page = client.get(f"/oauth/authorize?{urlencode({**ASKED, 'state': hostile, 'extra': hostile})}").text
    assert "<script" not in page
