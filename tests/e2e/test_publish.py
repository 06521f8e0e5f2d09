"""Publishing: publish_threads for the web app and for Cloud Tasks."""

import json
from typing import Any

import pytest

from tests.e2e.conftest import APP_ORIGIN, Connect
from tests.e2e.functions import Function
from tests.e2e.oidc import Issuer
from tests.e2e.world import Author, Firebase, SignedIn, Threads, post_is_ready_again, summary_path
from threads.posts.content import Content
from threads.posts.ledger import SETTLE
from threads.posts.submission import Submission

IMAGE = "https://media.example/cat.jpg"
VIDEO = "https://media.example/cat.mp4"


def task_body(uid: str, **content: Any) -> dict[str, Any]:
    """Return the orchestrator's body."""
    platform = content.pop("platform", [{"platform": "threads"}])
    return {
        "userId": uid,
        "postSubmissionId": "submission-1",
        "request": {"post": {"content": {"text": "From the queue", "platform": platform} | content}},
    }


def post_id(uid: str, account: str, key: str) -> str:
    """Return the name of a post."""
    return Submission(None, Content({}), account, key).post_id(uid)


def contents(threads: Threads) -> list[dict[str, Any]]:
    """Return what was published."""
    return [post["content"] for post in threads.posts()]


def test_a_text_is_published_in_one_call(publish_threads: Function, threads: Threads, author: Author) -> None:
    """One POST with auto_publish_text, the token in the header; the answer names the post twice over."""
    answer = publish_threads.post(
        headers=author.headers, json={"text": "Hi, Threads 👋", "idempotencyKey": "k"}
    )
    [post] = threads.posts()
    assert answer.status_code == 200
    assert answer.json() == {
        "ok": True,
        "id": post["id"],
        "postId": post_id(author.uid, author.account_id, "k"),
        "accountId": author.account_id,
        "status": "published",
    }
    [request] = threads.requests()
    assert (request["method"], request["path"], request["query"]) == ("POST", "/v1.0/me/threads", {})
    assert request["form"] == {"media_type": "TEXT", "text": "Hi, Threads 👋", "auto_publish_text": "true"}
    headers = {name.lower(): value for name, value in request["headers"].items()}
    assert headers["authorization"].startswith("Bearer ")


@pytest.mark.parametrize(
    ("body", "kind", "url_name"),
    [
        ({"imageUrl": IMAGE}, "IMAGE", "image_url"),
        ({"videoUrl": VIDEO, "text": "Look"}, "VIDEO", "video_url"),
    ],
)
def test_media_is_published_in_two_steps(
    publish_threads: Function,
    threads: Threads,
    author: Author,
    body: dict[str, str],
    kind: str,
    url_name: str,
) -> None:
    """A container, its status until it is finished, then its publication."""
    threads.control("POST", "media", processing_seconds=0.5)
    answer = publish_threads.post(headers=author.headers, json=body)
    assert answer.json()["status"] == "published"
    calls = threads.calls()
    assert calls[0] == "POST /v1.0/me/threads"
    assert calls[-1] == "POST /v1.0/me/threads_publish"
    assert len(calls) == 4, "created, looked at while in progress, looked at again, published"
    [content] = contents(threads)
    assert content["media_type"] == kind
    assert content[url_name].startswith("https://media.example/cat.")


def test_text_goes_by_way_of_a_container_in_two_step_mode(
    environment: dict[str, str], threads: Threads, author: Author
) -> None:
    """TEXT_MODE=two_step never publishes with the call that creates."""
    with Function("publish_threads", environment | {"TEXT_MODE": "two_step"}) as function:
        assert function.post(headers=author.headers, json={"text": "Strictly"}).json()["ok"]
    assert [call.split("/")[-1] for call in threads.calls()][::2] == ["threads", "threads_publish"]
    assert [content["text"] for content in contents(threads)] == ["Strictly"]


def test_the_permalink_is_answered_when_asked_for(
    publish_threads: Function, threads: Threads, author: Author
) -> None:
    """``Prefer: return=representation`` costs one call more; failing, it does not fail the post."""
    headers = author.headers | {"Prefer": "return=representation"}
    answer = publish_threads.post(headers=headers, json={"text": "One"}).json()
    assert answer["permalink"] == threads.posts()[0]["permalink"]
    threads.answer(r"/\d+", status=500, body="oops")
    answer = publish_threads.post(headers=headers, json={"text": "Two"}).json()
    assert answer["ok"]
    assert "permalink" not in answer


def test_the_account_is_picked_or_asked_for(
    publish_threads: Function, threads: Threads, user: SignedIn, firebase: Firebase, connect: Connect
) -> None:
    """None: 404. One: that one. Several: 400 missing_account, until one is named; another user's: 404."""

    def publish(**body: Any) -> tuple[int, str]:
        answer = publish_threads.post(headers=user.headers, json={"text": "Which?"} | body)
        return answer.status_code, answer.json().get("accountId") or answer.json()["error"]["code"]

    assert publish() == (404, "account_not_found")
    first = connect(user, 0)
    assert publish() == (200, first)
    second = connect(user, 1)
    assert publish() == (400, "missing_account")
    assert publish(accountId=second) == (200, second)
    foreign = connect(firebase.sign_in(), 2)
    for unknown in (foreign, "1", "x", "../x", "a/b/c", "__x__", "9" * 400):
        assert publish(accountId=unknown) == (404, "account_not_found"), unknown
    assert [post["account_id"] for post in threads.posts()] == [first, second]


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        ({}, {"text": "empty_post"}),
        ({"text": "  "}, {"text": "empty_post"}),
        ({"text": "ö" * 251}, {"text": "text_too_long"}),
        ({"text": 7}, {"text": "invalid_request"}),
        ({"text": "x", "replyTo": "1"}, {"replyTo": "unknown_field"}),
        ({"text": "x", "scheduledTime": "tomorrow"}, {"scheduledTime": "invalid_time"}),
        ({"text": "x", "scheduledTime": "2100-12-01T10:00:00Z"}, {"scheduledTime": "invalid_time"}),
        ({"text": "x", "queue": "yes"}, {"queue": "invalid_request"}),
        ({"imageUrl": "http://media.example/a.jpg"}, {"imageUrl": "invalid_media_url"}),
        ({"imageUrl": "https://u:p@media.example/a.jpg"}, {"imageUrl": "invalid_media_url"}),
        ({"imageUrl": IMAGE, "videoUrl": VIDEO}, {"videoUrl": "too_many_media"}),
        (
            {"text": "x" * 501, "imageUrl": "nowhere", "accountId": 3},
            {"text": "text_too_long", "imageUrl": "invalid_media_url", "accountId": "invalid_request"},
        ),
    ],
)
def test_every_broken_rule_is_named_before_anything_is_sent(
    publish_threads: Function,
    threads: Threads,
    author: Author,
    body: dict[str, Any],
    codes: dict[str, str],
) -> None:
    """A 400 lists each rule with its field; a single one is also the error's code."""
    answer = publish_threads.post(headers=author.headers, json=body)
    error = answer.json()["error"]
    assert answer.status_code == 400
    assert {problem["field"]: problem["code"] for problem in error["details"]} == codes
    assert error["code"] == ("invalid_request" if len(codes) > 1 else next(iter(codes.values())))
    assert threads.calls() == []


@pytest.mark.parametrize(
    ("raw", "headers", "status"),
    [
        (b"{", {}, 400),
        (b"[]", {}, 400),
        (b"\xff", {}, 400),
        (b'{"text": "\\ud800"}', {}, 400),
        (b'{"text": "a", "text": "b"}', {}, 400),
        (b"[" * 60000, {}, 400),
        (b'{"text": ' + b"9" * 5000 + b"}", {}, 400),
        (b'{"text": "' + b"x" * 66000 + b'"}', {}, 413),
        (b"text=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{}", {"Content-Encoding": "gzip"}, 415),
    ],
)
def test_a_hostile_body_is_a_4xx(
    publish_threads: Function, user: SignedIn, raw: bytes, headers: dict[str, str], status: int
) -> None:
    """Malformed, doubled, nested, oversized and wrongly encoded bodies get an answer, never a 500."""
    headers = {"Content-Type": "application/json"} | user.headers | headers
    assert publish_threads.post(headers=headers, data=raw).status_code == status


def test_a_body_without_a_length_is_limited_too(publish_threads: Function, user: SignedIn) -> None:
    """A chunked body is read up to the limit and no further."""
    headers = user.headers | {"Content-Type": "application/json"}
    chunks = (b" " * 1024 for _ in range(100))
    assert publish_threads.post(headers=headers, data=chunks).status_code == 413


def test_another_users_name_in_the_body_is_forbidden(
    publish_threads: Function, threads: Threads, author: Author
) -> None:
    """The uid comes from the token alone."""
    assert (
        publish_threads.post(headers=author.headers, json={"text": "x", "userId": "ada"}).status_code == 403
    )
    assert (
        publish_threads.post(headers=author.headers, json={"text": "x", "userId": author.uid}).status_code
        == 200
    )
    assert publish_threads.post(headers=author.headers, json=task_body(author.uid)).status_code == 400
    assert len(threads.posts()) == 1


ERRORS: list[tuple[dict[str, Any], int, str, bool]] = [
    ({"error": {"code": 2, "is_transient": True}}, 503, "threads_unavailable", True),
    ({"status": 500, "body": "<html>"}, 503, "threads_unavailable", True),
    ({"status": 200, "body": "<html>"}, 503, "threads_unavailable", True),
    ({"status": 200, "body": {"success": True}}, 503, "threads_unavailable", True),
    ({"drop": "before"}, 503, "threads_unavailable", True),
    ({"error": {"code": 4}, "status": 400}, 429, "rate_limited", True),
    ({"error": {"code": 4, "error_subcode": 2207051}, "status": 400}, 422, "rejected_by_threads", False),
    ({"error": {"code": 10}, "status": 403}, 403, "missing_scope", False),
    (
        {"error": {"code": 100, "error_user_msg": "No cats."}, "status": 400},
        422,
        "rejected_by_threads",
        False,
    ),
]


@pytest.mark.parametrize(("script", "status", "code", "retryable"), ERRORS)
def test_an_error_of_threads_is_answered_by_what_it_means(
    publish_threads: Function,
    threads: Threads,
    author: Author,
    script: dict[str, Any],
    status: int,
    code: str,
    retryable: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """The web app learns whether another try can help, and when; Meta's trace id is passed on and logged."""
    threads.answer("/me/threads", **script)
    answer = publish_threads.post(headers=author.headers, json={"text": "Hello"})
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["retryable"]) == (status, code, retryable)
    assert ("Retry-After" in answer.headers) == retryable
    line = publish_threads.log_lines()[-1]
    assert (line["severity"], line["error"], line["graph"]["step"]) == ("WARNING", code, "create_container")
    if "error" in script:
        assert error["fbtraceId"] == line["graph"]["fbtrace_id"]
    if "error_user_msg" in script.get("error", {}):
        assert error["message"] == "Threads says: No cats."


@pytest.mark.parametrize(
    ("script", "code", "retryable"), [(script, code, again) for script, _, code, again in ERRORS]
)
def test_a_task_is_ended_by_what_will_not_change_and_repeated_for_what_may(
    publish_threads: Function,
    threads: Threads,
    tasks: Issuer,
    author: Author,
    script: dict[str, Any],
    code: str,
    retryable: bool,  # noqa: FBT001 - a column of the table
) -> None:
    """To Cloud Tasks a passing error is 503 with Retry-After, a permanent one 200 with the failure."""
    threads.answer("/me/threads", **script)
    headers = {"Authorization": f"Bearer {tasks.token()}"}
    answer = publish_threads.post(headers=headers, json=task_body(author.uid))
    assert answer.json()["ok"] is False
    assert answer.json()["error"]["code"] == code
    if retryable:
        assert answer.status_code == 503
        assert int(answer.headers["Retry-After"]) > 0
    else:
        assert (answer.status_code, answer.json()["status"]) == (200, "failed")


@pytest.mark.parametrize(
    ("path", "body"), [("/me/threads", {"text": "x"}), ("/threads_publish", {"imageUrl": IMAGE})]
)
@pytest.mark.parametrize("script", [{"drop": "after"}, {"status": 500, "effect": True}, {"drop": "mid_body"}])
def test_a_post_that_is_out_is_found_although_the_call_failed(
    publish_threads: Function,
    threads: Threads,
    author: Author,
    path: str,
    body: dict[str, str],
    script: dict[str, Any],
) -> None:
    """After an answer that says nothing, Threads is asked what has happened; its post is the answer."""
    threads.control("POST", "media", processing_seconds=0)
    threads.answer(path, **script)
    answer = publish_threads.post(headers=author.headers, json=body)
    [post] = threads.posts()
    assert (answer.status_code, answer.json()["id"]) == (200, post["id"])


def test_an_unclear_answer_is_called_unclear(
    publish_threads: Function, threads: Threads, author: Author
) -> None:
    """While the post may be out, the message says so, and a made-up key comes along to ask again with."""
    threads.answer("/me/threads", status=500)
    answer = publish_threads.post(headers=author.headers, json={"text": "x"})
    assert answer.status_code == 503
    assert "may be out" in answer.json()["error"]["message"]
    assert 0 < int(answer.headers["Retry-After"]) <= SETTLE.total_seconds()
    again = {"text": "x", "idempotencyKey": answer.json()["idempotencyKey"]}
    assert publish_threads.post(headers=author.headers, json=again).status_code == 503
    assert threads.posts() == [], "before the outcome is settled, nothing is sent again"


def test_a_closed_door_is_not_called_unclear(environment: dict[str, str], author: Author) -> None:
    """A call that never left has published nothing, and the message does not say otherwise."""
    with Function("publish_threads", environment | {"THREADS_GRAPH_URL": "http://127.0.0.1:1"}) as function:
        answer = function.post(headers=author.headers, json={"text": "x"})
    assert answer.status_code == 503
    assert "may be out" not in answer.json()["error"]["message"]


def test_a_dead_token_asks_for_a_new_connection(
    publish_threads: Function, threads: Threads, firebase: Firebase, author: Author
) -> None:
    """Error 190, twice, is 409 reconnect_required, on account and card; the next try calls nobody."""
    threads.control("POST", f"accounts/{author.account_id}/revoke")
    for expected_calls in (2, 2):
        answer = publish_threads.post(headers=author.headers, json={"text": "Hello"})
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["nextAction"]) == (
            409,
            "reconnect_required",
            "reconnect",
        )
        assert len(threads.calls()) == expected_calls
    assert (firebase.read(author.account_path) or {})["status"] == "reconnect_required"
    card = (firebase.read(summary_path(author.uid)) or {})["accounts"][author.account_id]
    assert (card["status"], card["statusReason"]) == ("reconnect_required", "token_rejected")


def test_a_token_that_does_not_open_asks_for_a_new_connection(
    publish_threads: Function, threads: Threads, firebase: Firebase, author: Author
) -> None:
    """A sealed token that no key opens is a 409 and no crash, and the account is not given up."""
    firebase.client.document(author.account_path).update({"accessToken": "development:AAAA"})
    answer = publish_threads.post(headers=author.headers, json={"text": "Hello"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "reconnect_required")
    assert threads.calls() == []
    assert (firebase.read(author.account_path) or {})["status"] == "active", "a lost key may come back"


@pytest.mark.parametrize(
    ("reason", "times", "status"),
    [
        ("INVALID_DURATION", 1, 422),
        ("FAILED_PROCESSING_VIDEO", 2, 200),
        ("FAILED_PROCESSING_VIDEO", 3, 422),
    ],
)
def test_a_file_that_threads_cannot_use_is_told_from_a_fault(
    publish_threads: Function,
    threads: Threads,
    firebase: Firebase,
    author: Author,
    reason: str,
    times: int,
    status: int,
) -> None:
    """A container's INVALID_* is the user's to change; FAILED_* is tried again, twice, after a while."""
    threads.control("POST", "media", error_message=reason, times=times, processing_seconds=0)
    threads.control("POST", "media", processing_seconds=0)
    body = {"videoUrl": VIDEO, "idempotencyKey": "k"}
    answer = publish_threads.post(headers=author.headers, json=body)
    while answer.status_code == 503:
        assert int(answer.headers["Retry-After"]) >= 30
        post_is_ready_again(firebase, author, answer.json()["postId"])
        answer = publish_threads.post(headers=author.headers, json=body)
    assert answer.status_code == status
    if status == 200:
        assert len(threads.posts()) == 1
    else:
        assert reason in answer.json()["error"]["message"]
        assert answer.json()["error"]["retryable"] is False
        assert threads.posts() == []


def test_a_task_needs_no_content_type(publish_threads: Function, tasks: Issuer, author: Author) -> None:
    """Cloud Tasks sets none by itself; the OIDC token says enough about where the request comes from."""
    headers = {"Authorization": f"Bearer {tasks.token()}", "Content-Type": ""}
    answer = publish_threads.post(headers=headers, data=json.dumps(task_body(author.uid)))
    assert answer.json()["ok"]


def test_the_orchestrators_task_is_published(
    publish_threads: Function, threads: Threads, tasks: Issuer, user: SignedIn, connect: Connect
) -> None:
    """Its whole shape is understood: the platform's entry picks the account, mediaUrls the kind of post."""
    connect(user, 0)
    account = connect(user, 1)
    platform = [{"platform": "x", "accountId": "7"}, {"platform": "threads", "accountId": account}]
    headers = {"Authorization": f"Bearer {tasks.token()}", "X-CloudTasks-TaskRetryCount": "0"}
    media = {"mediaType": "image", "mediaUrls": [IMAGE], "imageUrls": [IMAGE], "videoUrl": None}
    answer = publish_threads.post(headers=headers, json=task_body(user.uid, platform=platform, **media))
    assert answer.json() | {"id": ""} == {
        "ok": True,
        "id": "",
        "postId": post_id(user.uid, account, "submission-1"),
        "accountId": account,
        "status": "published",
    }
    assert contents(threads)[0]["image_url"] == IMAGE


@pytest.mark.parametrize(
    ("claims", "status"),
    [
        ({"aud": "https://other.example"}, 401),
        ({"exp": 1}, 401),
        ({"email": "someone@else.example"}, 403),
        ({"email_verified": False}, 403),
        ({"email_verified": "true"}, 403),
        ({"email": None}, 403),
        ({"iss": "https://evil.example"}, 401),
    ],
)
def test_a_token_that_is_not_our_queues_is_refused(
    publish_threads: Function,
    threads: Threads,
    tasks: Issuer,
    author: Author,
    claims: dict[str, Any],
    status: int,
) -> None:
    """Audience, time, issuer and e-mail count; headers of Cloud Tasks prove nothing."""
    headers = {"Authorization": f"Bearer {tasks.token(**claims)}", "X-CloudTasks-QueueName": "publish"}
    assert publish_threads.post(headers=headers, json=task_body(author.uid)).status_code == status
    assert publish_threads.post(headers=headers | {"Authorization": ""}, json={}).status_code == 401
    assert threads.posts() == []


def test_tasks_are_refused_while_none_are_configured(
    environment: dict[str, str], tasks: Issuer, author: Author
) -> None:
    """Without TASKS_SERVICE_ACCOUNT every task's token is a 403."""
    with Function("publish_threads", environment | {"TASKS_SERVICE_ACCOUNT": ""}) as function:
        headers = {"Authorization": f"Bearer {tasks.token()}"}
        assert function.post(headers=headers, json=task_body(author.uid)).status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"userId": "a/b", "postSubmissionId": "s", "request": {"post": {"content": {"text": "x"}}}},
        {"userId": "ada", "postSubmissionId": "s", "request": {"post": {"content": {"text": "x" * 501}}}},
        {"userId": "ada", "postSubmissionId": "s", "request": []},
        {"userId": "nobody", "postSubmissionId": "s", "request": {"post": {"content": {"text": "x"}}}},
    ],
)
def test_a_task_that_cannot_be_published_does_not_come_back(
    publish_threads: Function, tasks: Issuer, firebase: Firebase, body: dict[str, Any]
) -> None:
    """Whatever a task's body lacks, it is answered 200 with the failure: Cloud Tasks would repeat a 4xx."""
    firebase.clear()
    answer = publish_threads.post(headers={"Authorization": f"Bearer {tasks.token()}"}, json=body)
    assert (answer.status_code, answer.json()["ok"], answer.json()["status"]) == (200, False, "failed")


def test_browsers_of_the_app_may_call_and_others_may_not(publish_threads: Function, author: Author) -> None:
    """A preflight is answered for the configured origins only, the methods and headers spelled out."""
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    allowed = publish_threads.request("OPTIONS", headers=preflight | {"Origin": APP_ORIGIN})
    assert (allowed.status_code, allowed.headers["Access-Control-Allow-Origin"]) == (204, APP_ORIGIN)
    assert "POST" in allowed.headers["Access-Control-Allow-Methods"]
    assert "Authorization" in allowed.headers["Access-Control-Allow-Headers"]
    foreign = publish_threads.request("OPTIONS", headers=preflight | {"Origin": "https://evil.example"})
    assert foreign.status_code == 403
    assert "Access-Control-Allow-Origin" not in foreign.headers
    published = publish_threads.post(headers=author.headers | {"Origin": APP_ORIGIN}, json={"text": "x"})
    assert published.headers["Access-Control-Allow-Origin"] == APP_ORIGIN
    wrong = publish_threads.get(headers=author.headers)
    assert (wrong.status_code, wrong.headers["Allow"]) == (405, "POST")
