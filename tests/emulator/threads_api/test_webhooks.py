"""Webhooks: who is told of which post, in which words, and how an app subscribes."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.emulator.threads_api.app import VERIFY_TOKEN, app_server, settled
from tests.emulator.threads_api.client import APP

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulator.threads_api.app import AppServer
    from tests.emulator.threads_api.client import Client


@pytest.fixture
def app(client: Client) -> Iterator[AppServer]:
    """Return the server of the app."""
    with app_server(client) as serving:
        yield serving


def told(client: Client, app: AppServer) -> list[Any]:
    """Wait, and return the fields that the app was told of."""
    settled(client)
    return [it["values"]["field"] for it in app.notifications()]


def test_published_post_is_told_as_meta_documents(client: Client, app: AppServer) -> None:
    """The app gets the media id, type, permalink, time and author of a post, on topic interaction."""
    media = client.publish(client.token(), "Fresh bread")
    settled(client)
    [notification] = app.notifications()
    sent_at = notification.pop("time")
    permalink = client.see("posts")[0]["permalink"]
    value = notification["values"]["value"]
    timestamp = value.pop("timestamp")
    assert sent_at == pytest.approx(time.time(), abs=30)
    assert timestamp.endswith("+0000")
    assert notification == {
        "app_id": APP.id,
        "topic": "interaction",
        "target_id": client.account(),
        "subscription_id": f"{APP.id}001",
        "has_uid_field": False,
        "values": {
            "value": {
                "id": media,
                "media_type": "TEXT_POST",
                "permalink": permalink,
                "username": "mira.okafor",
            },
            "field": "publish",
        },
    }


def test_deleted_post_is_told_as_meta_documents(client: Client, app: AppServer) -> None:
    """The app gets the media id, its owner and both times, on topic moderate."""
    token = client.token()
    media = client.publish(token)
    client.delete(f"/v1.0/{media}", token)
    settled(client)
    notification = app.notifications()[1]
    assert (notification["topic"], notification["target_id"]) == ("moderate", media)
    assert notification["values"]["field"] == "delete"
    value = notification["values"]["value"]
    assert set(value) == {"id", "owner", "deleted_at", "timestamp", "username"}
    assert (value["id"], value["owner"]) == (media, {"owner_id": client.account()})


def test_every_way_to_publish_and_delete_is_told(client: Client, app: AppServer) -> None:
    """Containers, replies, reposts and late effects are posts; their author may delete in Threads' app."""
    token = client.token()
    client.control("settings", image_seconds=0)
    root = client.publish(token)
    client.publish(token, "An answer", reply_to_id=root)
    image = client.container(token, media_type="IMAGE", image_url="https://cdn.example/a.jpg")
    client.post("/me/threads_publish", token, creation_id=image)
    client.post(f"/{root}/repost", token)
    late = {"match": {"path": "/threads"}, "status": 500, "effect": True, "effect_delay_seconds": 60}
    client.control("answers", **late)
    client.post("/me/threads", token, media_type="TEXT", text="late", auto_publish_text="true")
    assert told(client, app) == ["publish"] * 4
    client.advance(60)
    assert told(client, app) == ["publish"] * 5
    assert client.delete(f"/_emulator/posts/{root}").json() == {"ok": True}
    assert told(client, app) == ["publish"] * 5 + ["delete"]
    again = client.delete(f"/_emulator/posts/{root}")
    assert (again.status_code, again.json()) == (400, {"error": f"there is no post {root}"})


def test_signature_is_over_the_body_as_it_is_sent(client: Client, app: AppServer) -> None:
    """The HMAC is of the raw body, whose slashes are escaped as Meta's are: written anew it is another."""
    client.publish(client.token())
    settled(client)
    [request] = [it for it in app.received if it.method == "POST"]
    raw = request.get_data()
    digest = hmac.new(APP.secret.encode(), raw, hashlib.sha256).hexdigest()
    assert request.headers["X-Hub-Signature-256"] == f"sha256={digest}"
    assert request.headers["Content-Type"] == "application/json"
    assert b'"permalink":"http:\\/\\/' in raw
    assert json.dumps(json.loads(raw)).encode() != raw


def test_app_subscribes_once_before_the_first_webhook(client: Client, app: AppServer) -> None:
    """It is asked with mode, challenge and verify token; its own query stays; then it is believed."""
    token = client.token()
    for _ in range(2):
        client.publish(token)
    settled(client)
    first, *others = app.received
    assert (first.method, first.path) == ("GET", "/webhook")
    assert set(first.args) == {"from", "hub.mode", "hub.challenge", "hub.verify_token"}
    assert (first.args["from"], first.args["hub.mode"]) == ("threads", "subscribe")
    assert first.args["hub.verify_token"] == VERIFY_TOKEN
    assert [it.method for it in others] == ["POST", "POST"]
    client.control("reset")
    app.register()
    client.publish(client.token())
    settled(client)
    assert [it.method for it in app.received[3:]] == ["GET", "POST"], "a reset ends subscriptions"


@pytest.mark.parametrize("answer", [(403, ""), (200, "something else"), (200, ""), (201, "{challenge}")])
def test_app_that_does_not_confirm_gets_no_webhook(
    client: Client, app: AppServer, answer: tuple[int, str]
) -> None:
    """Without the challenge in a 200 nothing is sent; the next post asks again."""
    app.answer = lambda request: (
        answer[0],
        answer[1].replace("{challenge}", request.args.get("hub.challenge", "")),
    )
    token = client.token()
    client.publish(token)
    deliveries = settled(client)
    assert [it["kind"] for it in deliveries] == ["publish", "subscribe"]
    assert deliveries[0]["error"] == "not sent: the app did not confirm the subscription"
    assert app.notifications() == []
    app.answer = None
    client.publish(token)
    assert told(client, app) == ["publish"]


@pytest.mark.parametrize(
    ("scopes", "fields"),
    [
        (["threads_basic", "threads_content_publish"], ["publish"]),
        (["threads_basic", "threads_content_publish", "threads_delete"], ["publish", "delete"]),
    ],
)
def test_app_is_told_what_it_was_granted(
    client: Client, app: AppServer, scopes: list[str], fields: list[str]
) -> None:
    """Of a deletion only with threads_delete."""
    media = client.publish(client.token(scopes=scopes))
    client.delete(f"/_emulator/posts/{media}")
    assert told(client, app) == fields


def test_removed_app_is_not_told_any_more(client: Client, app: AppServer) -> None:
    """Who has removed an app, or whose token has run out, keeps posts to herself."""
    media = client.publish(client.token())
    settled(client)
    client.control(f"accounts/{client.account()}/deauthorize")
    client.delete(f"/_emulator/posts/{media}")
    client.token(age_seconds=61 * 24 * 3600)
    other = client.token(account_id=client.account(username="other"))
    client.publish(other)
    assert told(client, app) == ["publish", "publish"]


def test_webhooks_can_be_switched_off(client: Client, app: AppServer) -> None:
    """A setting decides; and without an address there is nothing to switch."""
    client.control("settings", webhooks=False)
    token = client.token()
    client.publish(token)
    client.control("settings", webhooks=True)
    app.register(webhook_url=None)
    client.publish(token)
    assert (settled(client), app.received) == ([], [])


def test_values_may_be_a_list(client: Client, app: AppServer) -> None:
    """A setting gives ``values`` the shape that was seen instead of the documented one."""
    client.control("settings", webhook_values_listed=True)
    client.publish(client.token())
    settled(client)
    assert [it["field"] for it in app.notifications()[0]["values"]] == ["publish"]


def test_publishing_does_not_wait_for_the_app(client: Client, app: AppServer) -> None:
    """An app that does not answer delays no request to the API. It gets its webhooks in order later."""
    app.gate.clear()
    token = client.token()
    started = time.monotonic()
    posts = [client.publish(token) for _ in range(3)]
    assert time.monotonic() - started < 2
    app.gate.set()
    settled(client)
    assert [it["values"]["value"]["id"] for it in app.notifications()] == posts


def test_replies_are_told_to_whom_they_answer(client: Client, app: AppServer) -> None:
    """The owners of the root and of the parent are told of a reply; its author is told that it is out."""
    mine, theirs = client.token(), client.token(account_id=client.account(username="other"))
    root = client.publish(mine, "root")
    reply = client.publish(theirs, "an answer", reply_to_id=root)
    client.publish(mine, "my own answer", reply_to_id=root)
    assert told(client, app) == ["publish", "publish", "replies", "publish"]
    notification = app.notifications()[2]
    value = notification["values"]["value"]
    assert (notification["topic"], notification["target_id"]) == ("moderate", reply)
    assert value["replied_to"] == {"id": root}
    assert value["root_post"] == {"id": root, "owner_id": client.account(), "username": "mira.okafor"}
    assert (value["id"], value["username"], value["text"]) == (reply, "other", "an answer")


def test_a_reply_that_needs_approval_is_told_when_it_has_it(client: Client, app: AppServer) -> None:
    """Nobody is told of a reply that waits."""
    mine, theirs = client.token(), client.token(account_id=client.account(username="other"))
    reply = client.publish(theirs, reply_to_id=client.publish(mine, enable_reply_approvals="true"))
    assert told(client, app) == ["publish", "publish"]
    client.post(f"/{reply}/manage_pending_reply", mine, approve="true")
    assert told(client, app) == ["publish", "publish", "replies"]


@pytest.mark.parametrize("reads_replies", [True, False])
def test_mentions_are_told_to_the_mentioned(client: Client, app: AppServer, *, reads_replies: bool) -> None:
    """Whoever is mentioned is told; what says that it is a reply needs the permission to read replies."""
    client.token(
        scopes=["threads_basic", "threads_manage_mentions", *["threads_read_replies"] * reads_replies]
    )
    client.publish(client.token(account_id=client.account(username="other")), "Hello @mira.okafor")
    settled(client)
    notification = next(it for it in app.notifications() if it["values"]["field"] == "mentions")
    value = notification["values"]["value"]
    assert (notification["topic"], notification["target_id"]) == ("interaction", client.account())
    assert (value["text"], value["username"]) == ("Hello @mira.okafor", "other")
    assert ("is_reply" in value) is reads_replies


def test_an_app_gets_only_what_it_is_subscribed_to(client: Client, app: AppServer) -> None:
    """The fields of the App Dashboard choose."""
    app.register(webhook_fields=["replies"])
    root = client.publish(client.token())
    client.publish(client.token(account_id=client.account(username="other")), reply_to_id=root)
    assert told(client, app) == ["replies"]
