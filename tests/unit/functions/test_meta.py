"""What Meta calls: th_deauthorize, th_delete_data with its status page, and th_webhook."""

import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Response

from tests.unit.graph.test_signed_request import encoded, sign
from tests.unit.serving import door, serve
from tests.unit.support import SECRET
from tests.unit.world import ACCOUNT, NOW, UID, World, made
from threads.connections.deletion import SETTLES, finish_deletions
from threads.functions.callers import MAX_NOTIFICATION
from threads.functions.meta import deletion_error, th_deauthorize, th_delete_data, th_webhook
from threads.functions.request import MAX_BODY_BYTES

FORM = "application/x-www-form-urlencoded"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PROGRAM = {"Accept": "application/json"}


def signed_request(user_id: Any = ACCOUNT) -> str:
    """Return what Meta signs, now."""
    said = {"algorithm": "HMAC-SHA256", "issued_at": int(NOW.timestamp()), "user_id": user_id}
    return sign(encoded(json.dumps(said).encode()), SECRET)


def deauthorize(world: World, **request: Any) -> Response:
    """Return what th_deauthorize answers."""
    return serve(th_deauthorize, world.connections, door(world).meta, uid=None, **request)


def delete(world: World, **request: Any) -> Response:
    """Return what th_delete_data answers."""
    caller = door(world).meta_or_visitor
    return serve(th_delete_data, world.connections, caller, error_answer=deletion_error, uid=None, **request)


def webhook(world: World, **request: Any) -> Response:
    """Return what th_webhook answers."""
    return serve(th_webhook, world.publishing, door(world).meta_webhook, uid=None, **request)


def ask(world: World, user_id: Any = ACCOUNT) -> dict[str, Any]:
    """Ask for a deletion as Meta does."""
    answer = delete(world, method="POST", data={"signed_request": signed_request(user_id)})
    assert answer.status_code == 200
    return dict(answer.get_json() or {})


def test_a_removed_app_forgets() -> None:
    """When the app was removed at Threads, the account is deleted."""
    world = World()
    answer = deauthorize(world, method="POST", data={"signed_request": signed_request()})
    assert (answer.status_code, answer.get_json()) == (200, {"ok": True})
    assert world.account_ids() == []


def test_a_deletion_is_answered_as_meta_wants_it() -> None:
    """The answer is the address of the status page and a code of letters and digits, and nothing else."""
    world = World()
    answer = ask(world)
    assert answer.keys() == {"url", "confirmation_code"}
    parts = urlsplit(answer["url"])
    assert answer["url"].startswith("https://functions.example/th_delete_data?")
    assert parse_qs(parts.query) == {"code": [answer["confirmation_code"]]}
    assert answer["confirmation_code"].isalnum()
    assert world.account_ids() == []


def test_a_number_is_an_id_too() -> None:
    """Meta writes ids as texts, or as bare numbers beyond 2^53: both are found."""
    world = World()
    ask(world, int(ACCOUNT))
    assert world.account_ids() == []


def test_known_and_unknown_are_answered_alike() -> None:
    """The answer does not tell whether the account is connected here."""
    known, unknown = ask(World()), ask(World(), "12345")
    assert known.keys() == unknown.keys()
    assert len(known["url"]) == len(unknown["url"])


def test_the_status_page_says_how_far_it_is() -> None:
    """A person reads it on a page, a program as JSON; neither learns whose data it was."""
    world = World()
    code = ask(world)["confirmation_code"]
    world.clock.now += SETTLES
    finish_deletions(world.connections, world.clock.now)
    shown = delete(world, query_string={"code": code}, headers=BROWSER)
    assert (shown.status_code, shown.content_type) == (200, "text/html; charset=utf-8")
    assert "Your data has been deleted" in shown.get_data(as_text=True)
    told = delete(world, query_string={"code": code}, headers=PROGRAM)
    assert told.get_json() == {"ok": True, "status": "done"}
    for answer in (shown, told):
        assert ACCOUNT not in answer.get_data(as_text=True)
        assert UID not in answer.get_data(as_text=True)


def test_an_unfinished_deletion_says_so() -> None:
    """While anything may be left, the page says that the deletion is under way, and how long it takes."""
    world = World()
    world.say(made("8"))
    world.deliver()
    code = ask(world)["confirmation_code"]
    shown = delete(world, query_string={"code": code}).get_data(as_text=True)
    assert "is being deleted" in shown
    assert "an hour or two" in shown
    told = delete(world, query_string={"code": code}, headers=PROGRAM)
    assert told.get_json() == {"ok": True, "status": "running"}


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"code": "unknown"}, 404),
        ({"code": "a/b"}, 404),
        ({}, 404),
        ("code=1&code=2", 400),
        ("code=%ff", 400),
    ],
)
def test_an_unknown_code_is_a_page_too(query: Any, status: int) -> None:
    """A wrong address is answered with a page to a person, and with an error to a program."""
    world = World()
    shown = delete(world, query_string=query, headers=BROWSER)
    assert (shown.status_code, shown.content_type) == (status, "text/html; charset=utf-8")
    told = delete(world, query_string=query, headers=PROGRAM)
    assert (told.status_code, told.content_type) == (status, "application/json")


def test_an_outage_shows_on_the_page() -> None:
    """When Firestore fails, the page says so, and when to come again; Meta gets the same as JSON."""
    world = World()
    world.wire.fails = 1
    shown = delete(world, query_string={"code": "c"}, headers=BROWSER)
    assert (shown.status_code, shown.content_type) == (503, "text/html; charset=utf-8")
    assert int(shown.headers["Retry-After"]) > 0
    world.wire.fails = 1
    told = delete(world, method="POST", headers=BROWSER, data={"signed_request": signed_request()})
    assert (told.status_code, (told.get_json() or {})["error"]["code"]) == (503, "service_unavailable")
    assert int(told.headers["Retry-After"]) > 0


BAD_FORMS: dict[str, tuple[str | bytes, str, int]] = {
    "nothing": ("", FORM, 400),
    "another field": (urlencode({"request": signed_request()}), FORM, 400),
    "an empty field": ("signed_request=", FORM, 400),
    "the field twice": (urlencode([("signed_request", signed_request())] * 2), FORM, 400),
    "not UTF-8": (b"signed_request=%ff", FORM, 400),
    "raw bytes": (b"signed_request=\xff", FORM, 400),
    "half a surrogate": ("signed_request=%ED%A0%80", FORM, 400),
    "another secret": (urlencode({"signed_request": sign("e30", "f" * 32)}), FORM, 400),
    "JSON": (json.dumps({"signed_request": signed_request()}), "application/json", 415),
    "JSON as a form": (json.dumps({"signed_request": signed_request()}), FORM, 400),
    "a plain text": (urlencode({"signed_request": signed_request()}), "text/plain", 415),
    "no type": (urlencode({"signed_request": signed_request()}), "", 415),
    "several parts": (b"--x\r\n\r\n--x--", "multipart/form-data; boundary=x", 415),
    "too much": ("signed_request=" + "A" * 70_000, FORM, 413),
    "a thousand fields": ("a=1&" * 15_000, FORM, 400),
}


@pytest.mark.parametrize(("body", "kind", "status"), BAD_FORMS.values(), ids=BAD_FORMS)
@pytest.mark.parametrize("function", [deauthorize, delete])
def test_nothing_is_forgotten_without_metas_signature(
    function: Callable[..., Response], body: str | bytes, kind: str, status: int
) -> None:
    """Anything but a form with a signed request is refused, and nothing is written or deleted."""
    world = World()
    before = world.everything()
    answer = function(world, method="POST", data=body, content_type=kind)
    code = {400: "invalid_signature", 413: "payload_too_large", 415: "unsupported_media_type"}[status]
    assert (answer.status_code, (answer.get_json() or {})["error"]["code"]) == (status, code)
    assert (world.everything(), world.wire.commits) == (before, 0)


def test_the_state_of_a_deletion_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """The log says how far a deletion is, or what went wrong with its first try."""
    world = World(SIGN_IN="on")
    ask(world)
    world.users.is_out_of_order = True
    ask(world, "12345")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["deletion"] for line in lines] == ["running", "service_unavailable"]


def test_nothing_secret_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the signed request nor the confirmation code is in the log, whatever the answer is."""
    world = World()
    code = ask(world)["confirmation_code"]
    delete(world, query_string={"code": code})
    delete(world, method="POST", data={"signed_request": signed_request() + "x"})
    log = capsys.readouterr().out
    assert log.count("\n") == 3
    for secret in (signed_request(), code, SECRET):
        assert secret not in log


# --- the webhook --------------------------------------------------------------------------------------------

TOKEN = "meatyhamhock"
ASKED = {"hub.mode": "subscribe", "hub.verify_token": TOKEN, "hub.challenge": "1158201444"}


def notify(world: World, body: bytes, **changed: str) -> Response:
    """Send a notification, signed as Meta does."""
    signature = f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}"
    headers = {"X-Hub-Signature-256": signature, "Content-Type": "application/json", **changed}
    return webhook(world, method="POST", data=body, headers=headers)


def about(field: str, **value: Any) -> bytes:
    """Return a notification about the post 8."""
    return json.dumps({"values": {"field": field, "value": {"id": "8", **value}}}).encode()


def test_the_webhook_is_subscribed() -> None:
    """Meta's challenge comes back as a plain text, without anything around it."""
    answer = webhook(World(WEBHOOK_VERIFY_TOKEN=TOKEN), query_string=ASKED)
    assert (answer.status_code, answer.get_data()) == (200, b"1158201444")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("configured", ["", "another"])
def test_a_stranger_does_not_subscribe(configured: str) -> None:
    """A wrong verify token is a 403, and so is every one while none is configured."""
    answer = webhook(World(WEBHOOK_VERIFY_TOKEN=configured), query_string=ASKED)
    assert (answer.status_code, (answer.get_json() or {})["error"]["code"]) == (403, "forbidden")


def test_a_notification_reaches_the_ledger() -> None:
    """The record of the post changes, and the answer is 200."""
    world = World()
    world.say(made("8"))
    world.deliver()
    answer = notify(world, about("delete"))
    assert (answer.status_code, answer.get_json()) == (200, {"ok": True})
    assert world.record().status == "deleted"


def test_unknown_events_are_accepted() -> None:
    """An event that the service does not use is answered 200: Meta would repeat it for a day and a half."""
    world = World()
    for body in (about("replies"), about("something_new"), b"{}", b'{"values": []}', b'{"object": "page"}'):
        assert notify(world, body).status_code == 200


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=" + "0" * 64])
def test_an_unsigned_notification_is_refused(signature: str) -> None:
    """A body that Meta has not signed is not read: even a broken one is refused for its signature."""
    world = World()
    world.say(made("8"))
    published = world.deliver()
    for body in (about("delete"), b"{", b"[" * 30_000):
        answer = notify(world, body, **{"X-Hub-Signature-256": signature})
        assert (answer.status_code, (answer.get_json() or {})["error"]["code"]) == (400, "invalid_signature")
    assert world.record() == published


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 30_000, b'{"a": "\\ud800"}'])
def test_a_signed_body_that_is_no_object_is_refused(body: bytes) -> None:
    """A body that is no JSON object is a 400, although it is signed."""
    assert notify(World(), body).status_code == 400


def test_a_body_without_end_is_refused() -> None:
    """A notification has at most 1 MiB, signed or not, and the answer names the limit."""
    refused = notify(World(), b"x" * (MAX_NOTIFICATION + 1))
    assert (refused.status_code, "1024 KiB" in refused.get_data(as_text=True)) == (413, True)
    assert notify(World(), b"x" * MAX_NOTIFICATION).status_code == 400


def test_a_batch_of_meta_is_taken() -> None:
    """Meta puts up to 1,000 events into one notification, and the last counts like the first."""
    world = World()
    world.say(made("8"))
    world.deliver()
    many = [
        {"field": "publish", "value": {"id": str(number), "permalink": "x" * 200}} for number in range(999)
    ]
    many.append({"field": "delete", "value": {"id": "8"}})
    body = json.dumps({"values": many}).encode()
    assert len(body) > 3 * MAX_BODY_BYTES
    assert notify(world, body).status_code == 200
    assert world.record().status == "deleted"


def test_an_outage_makes_meta_repeat() -> None:
    """When Firestore fails, the answer is a 503: Meta sends the notification again."""
    world = World()
    world.wire.fails = 1
    answer = notify(world, about("publish", username=f"user{ACCOUNT}", id="9"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
