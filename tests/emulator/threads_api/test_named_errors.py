"""Errors by name: each one can be provoked, and shows what its row in the catalogue says."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
import requests

from emulator.threads_api.causes import Media, Script, Tokens
from emulator.threads_api.named_errors import NAMED_ERRORS
from tests.emulator.threads_api.client import APP, CALLBACK, Client, error_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.threads_api.named_errors import NamedError

ANSWERED = [row for row in NAMED_ERRORS.values() if row.error]
SHOWN = [row for row in NAMED_ERRORS.values() if not row.error]

IMAGE = {"media_type": "IMAGE", "image_url": "https://cdn.example/a.jpg"}
TEXT = {"media_type": "TEXT", "text": "Tea & #tides", "auto_publish_text": "true"}
CODE = {"client_id": APP.id, "client_secret": APP.secret, "grant_type": "authorization_code"}
WINDOW = {"client_id": APP.id, "redirect_uri": CALLBACK, "response_type": "code", "scope": "threads_basic"}


class Caller:
    """A client with a token, a post, a text's container and an image's, from before anything went wrong."""

    def __init__(self, client: Client) -> None:
        """Make them."""
        self.client = client
        self.token = client.token(age_seconds=100_000)
        self.post = client.publish(self.token)
        self.container = client.container(self.token, media_type="TEXT", text="hello")

    def create(self, **form: str) -> requests.Response:
        """Create a container, by default publish a text."""
        return self.client.post("/v1.0/me/threads", self.token, **(form or TEXT))

    def publish(self) -> requests.Response:
        """Publish the text's container."""
        return self.client.post("/v1.0/me/threads_publish", self.token, creation_id=self.container)

    def status(self, container: str | None = None) -> requests.Response:
        """Ask for a container's status."""
        return self.client.get(f"/v1.0/{container or self.container}", self.token, fields="status")

    def delete(self) -> requests.Response:
        """Delete the post."""
        return self.client.delete(f"/v1.0/{self.post}", self.token)

    def call(self, method: str, path: str) -> requests.Response:
        """Make a call that a script of the catalogue is for."""
        calls: dict[str, Callable[[], requests.Response]] = {
            "POST /threads": self.create,
            "POST /threads(_publish)?": self.create,
            "POST /threads_publish": self.publish,
            r"DELETE /\d+": self.delete,
            "POST /oauth/access_token": lambda: self.client.post("/oauth/access_token", **CODE),
            "GET /access_token": lambda: self.client.get("/access_token", grant_type="th_exchange_token"),
            "GET /refresh_access_token": self.refresh,
            "GET /oauth/authorize": lambda: self.client.get("/oauth/authorize", **WINDOW),
        }
        return calls[f"{method} {path}"]()

    def refresh(self) -> requests.Response:
        """Refresh the token."""
        return self.client.get("/refresh_access_token", self.token, grant_type="th_refresh_token")


@pytest.fixture
def caller(client: Client) -> Caller:
    """Return a client to whom nothing bad has happened yet."""
    return Caller(client)


def scripted_call(caller: Caller, row: NamedError) -> requests.Response:
    """Make the call that a row's script is for."""
    assert isinstance(row.cause, Script)
    match = row.cause.members["match"]
    if "parameters" in match:
        return caller.create(media_type="CAROUSEL", children=f"{caller.container},{caller.container}")
    return caller.call(match.get("method", "GET"), match["path"])


def lost_container(caller: Caller) -> requests.Response:
    """Ask for an image that was created."""
    return caller.status(caller.create(**IMAGE).json()["id"])


def published_container(caller: Caller) -> requests.Response:
    """Ask for a container that was published."""
    assert caller.publish().ok
    return caller.status()


CALLS: dict[str, Callable[[Caller], requests.Response]] = {
    "quota_gone": lambda caller: caller.create(),
    "reply_quota_gone": lambda caller: caller.create(**TEXT, reply_to_id=caller.post),
    "deletion_quota_gone": lambda caller: caller.delete(),
    "lost_container": lost_container,
    "published_container_lost": published_container,
    "published_status_refused": published_container,
}
"""The calls that see what is no script, and no token."""


def seen_by(caller: Caller, row: NamedError) -> requests.Response:
    """Make the call that sees a row's error."""
    if isinstance(row.cause, Script):
        return scripted_call(caller, row)
    if isinstance(row.cause, Tokens):
        return caller.client.get("/v1.0/me", caller.token)
    return CALLS[row.name](caller)


@pytest.mark.parametrize("row", ANSWERED, ids=lambda row: row.name)
def test_a_name_provokes_the_error_of_its_row(caller: Caller, row: NamedError) -> None:
    """The client gets status, code, subcode, transience and message as the catalogue has them."""
    caller.client.control("answers", name=row.name)
    answer = seen_by(caller, row)
    listed = row.as_json()
    assert answer.status_code == listed["status"]
    assert error_of(answer) == (listed["code"], listed["error_subcode"])
    error = answer.json()["error"]
    assert error["is_transient"] is listed["is_transient"]
    if row.name not in {"expired_token", "app_removed"}:  # theirs has a time, or an id, in it
        assert error["message"].partition(" with ID")[0] == listed["message"].partition(" with ID")[0]


def test_a_dead_token_is_dead_in_every_call(caller: Caller) -> None:
    """A token that an account's error ends stays so, its refresh included; a new one works."""
    caller.client.control("answers", name="dead_token_as_24")
    for answer in (caller.create(), caller.refresh(), caller.delete(), caller.create()):
        assert error_of(answer) == (24, 4279009)
    assert caller.client.get("/v1.0/me", caller.client.token()).ok


def test_an_error_of_an_account_leaves_the_others_alone(caller: Caller) -> None:
    """``account_id`` names the one account whose tokens end, or whose quota is used up."""
    one, other = (it["id"] for it in caller.client.see("accounts")[:2])
    caller.token, spared = caller.client.token(account_id=one), caller.client.token(account_id=other)
    for name in ("quota_gone", "dead_token"):
        caller.client.control("answers", name=name, account_id=one)
    assert error_of(caller.create()) == (190, 460)
    assert caller.client.publish(spared)


def test_a_quota_that_is_gone_is_back_a_day_later(caller: Caller) -> None:
    """The limit shows what is used, and 24 hours later nothing is."""
    caller.client.control("answers", name="quota_gone")
    limit = caller.client.get("/v1.0/me/threads_publishing_limit", caller.token).json()["data"][0]
    assert limit["quota_usage"] == 250
    caller.client.advance(24 * 3600 + 1)
    assert caller.create().ok


# ---- what is no error of the Graph API


def test_what_stands_before_threads_may_answer(caller: Caller) -> None:
    """A page, nothing at all, or a limit without an envelope."""
    for name, status, text in (
        ("html_page", 502, "<html>"),
        ("empty_answer", 500, ""),
        ("too_many_requests", 429, ""),
    ):
        caller.client.control("answers", name=name)
        answer = caller.create()
        assert (answer.status_code, answer.text[: len(text) or 1]) == (status, text)
    assert len(caller.client.see("posts")) == 1


@pytest.mark.parametrize(
    ("name", "at_once", "later"),
    [("lost_request", 1, 1), ("lost_answer", 2, 2), ("late_effect", 1, 2), ("half_answer", 2, 2)],
)
def test_an_answer_may_be_lost(caller: Caller, name: str, at_once: int, later: int) -> None:
    """Whether the post is out, and when, is what the name says; there was one before."""
    caller.client.control("answers", name=name)
    caller.client.http = requests.Session()
    with pytest.raises(requests.RequestException):
        caller.create()
    assert len(caller.client.see("posts")) == at_once
    caller.client.advance(60)
    assert len(caller.client.see("posts")) == later


CONTAINERS = [row for row in SHOWN if isinstance(row.cause, Media)]


@pytest.mark.parametrize("row", CONTAINERS, ids=lambda row: row.name)
def test_a_container_may_fail(caller: Caller, row: NamedError) -> None:
    """The next image's or video's status is what the row says; the one after it is well."""
    caller.client.control("answers", name=row.name)
    failed = caller.create(**IMAGE).json()["id"]
    shown = caller.client.get(f"/v1.0/{failed}", caller.token, fields="status,error_message").json()
    assert shown["status"] in row.shows
    assert ("error_message" in shown) == ("error_message" in row.shows)
    assert shown.get("error_message", "") in row.shows
    well = caller.create(**IMAGE).json()["id"]
    caller.client.advance(1)
    assert caller.status(well).json()["status"] == "FINISHED"


def test_lists_may_lag_and_texts_change(caller: Caller) -> None:
    """A new post is listed 25 seconds later, and its text has changed a little."""
    caller.client.control("answers", name="lagging_list")
    caller.client.control("answers", name="changed_texts")
    caller.create()
    shown = [
        it["text"] for it in caller.client.get("/me/threads", caller.token, fields="text").json()["data"]
    ]
    assert "Tea &amp; tides" not in shown
    caller.client.advance(25)
    shown = [
        it["text"] for it in caller.client.get("/me/threads", caller.token, fields="text").json()["data"]
    ]
    assert "Tea &amp; tides" in shown


def test_instagram_may_fail(caller: Caller) -> None:
    """The post is out, and Instagram's status says FAILED."""
    caller.client.control("answers", name="instagram_share_failed")
    assert caller.create(**TEXT, crossreshare_to_ig="true").json()["crossreshare_to_ig_status"] == "FAILED"


@pytest.mark.parametrize("name", ["code_used", "redirect_not_registered", "wrong_app_id"])
def test_connecting_may_fail(caller: Caller, name: str) -> None:
    """The token endpoint and the window have envelopes of their own."""
    caller.client.control("answers", name=name)
    answer = scripted_call(caller, NAMED_ERRORS[name])
    assert answer.status_code == 400
    number = re.search(r"error_code (\d+)", NAMED_ERRORS[name].shows)
    assert answer.json().get("error_code") == (int(number[1]) if number else None)
    assert "error_message" in answer.json()


def test_an_invite_may_be_open(caller: Caller) -> None:
    """Whoever has not accepted the invite gets no code."""
    caller.client.control("answers", name="invite_not_accepted")
    form = {"decision": "allow", "scope": "threads_basic", "account_id": caller.client.account()}
    answer = caller.client.http.post(
        f"{caller.client.url}/oauth/authorize", params=WINDOW, data=form, timeout=10
    )
    assert (answer.status_code, answer.json()["error_code"]) == (400, 1349245)


# ---- the control


def test_the_catalogue_is_listed(client: Client) -> None:
    """``GET errors`` has each name, where it is from, and what a good client does."""
    listed = client.see("errors")
    assert [it["name"] for it in listed] == [*NAMED_ERRORS]
    for it in listed:
        assert re.match(r"Meta,|seen:|inferred:", it["source"]), it
        assert it["advice"].endswith("."), it
        assert (it["code"] is None) == bool(it["shows"]), it


def test_a_name_takes_the_members_of_a_script(caller: Caller) -> None:
    """``match`` and ``times`` say which calls and how many, and the script that is left has its name."""
    caller.client.control("answers", name="rate_limit", match={"path": "/threads_publish"}, times=2)
    assert caller.create().ok
    assert caller.publish().status_code == 403
    [left] = caller.client.see("answers")
    assert (left["name"], left["times"], left["match"]["method"]) == ("rate_limit", 1, "POST")
    assert caller.publish().status_code == 403
    assert caller.publish().ok


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"name": "nonsense"}, "there is no error named nonsense"),
        ({"name": 1}, "name must be text"),
        ({"name": "dead_token", "account_id": "7"}, "there is no account 7"),
        ({"name": "dead_token", "times": 2}, "unknown fields: times"),
        ({"name": "lagging_list", "match": {}}, "unknown fields: match"),
        ({"name": "lost_container", "media_type": "TEXT"}, "media_type must be"),
        ({"name": "rate_limit", "match": []}, "match must be"),
    ],
)
def test_a_name_that_is_asked_for_wrongly(client: Client, asked: dict[str, Any], complaint: str) -> None:
    """A mistake is a 400 that says what is wrong, and nothing has changed."""
    answer = client.http.post(f"{client.url}/_emulator/answers", json=asked, timeout=10)
    assert answer.status_code == 400
    assert complaint in answer.json()["error"]
    assert client.see("answers") == []
