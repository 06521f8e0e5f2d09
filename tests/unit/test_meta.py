"""What Meta calls, as HTTP: forms, signatures, the status page, the webhook."""

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Response

from tests.unit.fakes import ACCOUNT, NOW, UID, made
from tests.unit.serving import serve
from tests.unit.support import SECRET
from tests.unit.test_signed_request import encoded, sign
from tests.unit.whole_store import WholeWorld
from threads.call import MAX_BODY_BYTES
from threads.forget import SETTLES, finish_deletions
from threads.meta import MAX_NOTIFICATION, deletion_error, th_deauthorize, th_delete_data, th_webhook

FORM = "application/x-www-form-urlencoded"
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
PROGRAM = {"Accept": "application/json"}


def signed_request(user_id: Any = ACCOUNT) -> str:
    """Return what Meta signs, now."""
    said = {"algorithm": "HMAC-SHA256", "issued_at": int(NOW.timestamp()), "user_id": user_id}
    return sign(encoded(json.dumps(said).encode()), SECRET)


def delete(world: WholeWorld, **request: Any) -> Response:
    """Ask for a deletion, or look what has become of one."""
    return serve(th_delete_data, world, error_answer=deletion_error, uid=None, **request)


def ask(world: WholeWorld, user_id: Any = ACCOUNT) -> dict[str, Any]:
    """Ask for a deletion as Meta does."""
    answer = delete(world, method="POST", data={"signed_request": signed_request(user_id)})
    assert answer.status_code == 200
    return dict(answer.get_json() or {})


def test_a_removed_app_forgets() -> None:
    """Meta's notice that the app was removed is answered with a yes, and the account is gone."""
    world = WholeWorld()
    answer = serve(th_deauthorize, world, method="POST", uid=None, data={"signed_request": signed_request()})
    assert (answer.status_code, answer.get_json()) == (200, {"ok": True})
    assert world.store.account_ids() == []


def test_a_deletion_is_answered_as_meta_wants_it() -> None:
    """The answer is the address of the status page and a code of letters and digits, and nothing else."""
    world = WholeWorld()
    answer = ask(world)
    assert answer.keys() == {"url", "confirmation_code"}
    parts = urlsplit(answer["url"])
    assert answer["url"].startswith("https://functions.example/th_delete_data?")
    assert parse_qs(parts.query) == {"code": [answer["confirmation_code"]]}
    assert answer["confirmation_code"].isalnum()
    assert world.store.account_ids() == []


def test_a_number_is_an_id_too() -> None:
    """Meta writes ids as texts, or as bare numbers beyond 2^53: both are found."""
    world = WholeWorld()
    ask(world, int(ACCOUNT))
    assert world.store.account_ids() == []


def test_known_and_unknown_are_answered_alike() -> None:
    """Nobody learns from an answer whether an account is connected here."""
    known, unknown = ask(WholeWorld()), ask(WholeWorld(), "12345")
    assert known.keys() == unknown.keys()
    assert len(known["url"]) == len(unknown["url"])


def test_the_status_page_says_how_far_it_is() -> None:
    """A person reads it on a page, a program as JSON; neither learns whose data it was."""
    world = WholeWorld()
    code = ask(world)["confirmation_code"]
    world.clock.now += SETTLES
    finish_deletions(world.tools, world.clock.now)
    shown = delete(world, query_string={"code": code}, headers=BROWSER)
    assert (shown.status_code, shown.content_type) == (200, "text/html; charset=utf-8")
    assert "Your data has been deleted" in shown.get_data(as_text=True)
    told = delete(world, query_string={"code": code}, headers=PROGRAM)
    assert told.get_json() == {"ok": True, "status": "done"}
    for answer in (shown, told):
        assert ACCOUNT not in answer.get_data(as_text=True)
        assert UID not in answer.get_data(as_text=True)


def test_an_unfinished_deletion_says_so() -> None:
    """While anything may be left the page says that it is being done, and how long that takes."""
    world = WholeWorld()
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
    """Who comes with a wrong address gets a page that says so, and a program an error."""
    world = WholeWorld()
    shown = delete(world, query_string=query, headers=BROWSER)
    assert (shown.status_code, shown.content_type) == (status, "text/html; charset=utf-8")
    told = delete(world, query_string=query, headers=PROGRAM)
    assert (told.status_code, told.content_type) == (status, "application/json")


def test_trouble_shows_on_the_page() -> None:
    """Where Firestore fails the page says so, and when to come again; Meta gets it as JSON."""
    world = WholeWorld()
    world.store.fails = 1
    shown = delete(world, query_string={"code": "c"}, headers=BROWSER)
    assert (shown.status_code, shown.content_type) == (503, "text/html; charset=utf-8")
    assert int(shown.headers["Retry-After"]) > 0
    world.store.fails = 1
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
@pytest.mark.parametrize("handler", [th_deauthorize, th_delete_data])
def test_nothing_is_forgotten_without_metas_signature(
    handler: Any, body: str | bytes, kind: str, status: int
) -> None:
    """Whatever is not a form with a signed request is refused, and nothing is written or deleted."""
    world = WholeWorld()
    answer = serve(handler, world, method="POST", uid=None, data=body, content_type=kind)
    code = {400: "invalid_signature", 413: "payload_too_large", 415: "unsupported_media_type"}[status]
    assert (answer.status_code, (answer.get_json() or {})["error"]["code"]) == (status, code)
    assert (world.store.account_ids(), world.store.deletions, world.store.commits) == ([ACCOUNT], {}, 0)


def test_what_has_come_of_a_request_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """The log says how far a deletion is, or what went wrong with its first try."""
    world = WholeWorld(SIGN_IN="on")
    ask(world)
    world.users.is_out_of_order = True
    ask(world, "12345")
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["deletion"] for line in lines] == ["running", "service_unavailable"]


def test_nothing_secret_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither the signed request nor the code that it is given is in the log, whatever comes of it."""
    world = WholeWorld()
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


def notify(world: WholeWorld, body: bytes, **changed: str) -> Response:
    """Send a notification, signed as Meta does."""
    signature = f"sha256={hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()}"
    headers = {"X-Hub-Signature-256": signature, "Content-Type": "application/json", **changed}
    return serve(th_webhook, world, method="POST", data=body, headers=headers, uid=None)


def about(field: str, **value: Any) -> bytes:
    """Return a notification about the post 8."""
    return json.dumps({"values": {"field": field, "value": {"id": "8", **value}}}).encode()


def test_the_webhook_is_subscribed() -> None:
    """Meta's challenge comes back as a plain text, and nothing around it."""
    answer = serve(th_webhook, WholeWorld(WEBHOOK_VERIFY_TOKEN=TOKEN), query_string=ASKED, uid=None)
    assert (answer.status_code, answer.get_data()) == (200, b"1158201444")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("configured", ["", "another"])
def test_a_stranger_does_not_subscribe(configured: str) -> None:
    """With another verify token, or where none is configured, it is a 403."""
    answer = serve(th_webhook, WholeWorld(WEBHOOK_VERIFY_TOKEN=configured), query_string=ASKED, uid=None)
    assert (answer.status_code, (answer.get_json() or {})["error"]["code"]) == (403, "forbidden")


def test_a_notification_reaches_the_ledger() -> None:
    """A signed notification is taken into account, and answered with a short yes."""
    world = WholeWorld()
    world.say(made("8"))
    world.deliver()
    answer = notify(world, about("delete"))
    assert (answer.status_code, answer.get_json()) == (200, {"ok": True})
    assert world.record().status == "deleted"


def test_unknown_events_are_fine() -> None:
    """What nobody has asked for is answered 200, or Meta would send it for a day and a half."""
    world = WholeWorld()
    for body in (about("replies"), about("something_new"), b"{}", b'{"values": []}', b'{"object": "page"}'):
        assert notify(world, body).status_code == 200


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=" + "0" * 64])
def test_an_unsigned_notification_is_refused(signature: str) -> None:
    """Nothing of a body is read that Meta has not signed, however broken it is."""
    world = WholeWorld()
    world.say(made("8"))
    published = world.deliver()
    for body in (about("delete"), b"{", b"[" * 30_000):
        answer = notify(world, body, **{"X-Hub-Signature-256": signature})
        assert (answer.status_code, (answer.get_json() or {})["error"]["code"]) == (400, "invalid_signature")
    assert world.record() == published


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"[" * 30_000, b'{"a": "\\ud800"}'])
def test_a_signed_body_that_is_no_object_is_refused(body: bytes) -> None:
    """Even signed, what is not a JSON object is the sender's mistake."""
    assert notify(WholeWorld(), body).status_code == 400


def test_a_body_without_end_is_refused() -> None:
    """A notification has at most 1 MiB, signed or not, and the answer says so."""
    refused = notify(WholeWorld(), b"x" * (MAX_NOTIFICATION + 1))
    assert (refused.status_code, "1024 KiB" in refused.get_data(as_text=True)) == (413, True)
    assert notify(WholeWorld(), b"x" * MAX_NOTIFICATION).status_code == 400


def test_a_batch_of_meta_is_taken() -> None:
    """Meta puts up to 1,000 events into one notification: that of the last one counts like the first's."""
    world = WholeWorld()
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


def test_trouble_makes_meta_repeat() -> None:
    """Where Firestore fails the answer is a 503: Meta sends the notification again."""
    world = WholeWorld()
    world.store.fails = 1
    answer = notify(world, about("publish", username=f"user{ACCOUNT}", id="9"))
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
