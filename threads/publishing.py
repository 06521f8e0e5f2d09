"""What publish_threads and th_posts do with a request, and how they show a post.

A handler reads it, calls a story, and answers with what came of it; it is called through an ``Endpoint``,
which turns what it raises into answers. Stories are imported with the first request that needs them.
"""

import secrets
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from threads.answer import Answer, json_error
from threads.call import Call
from threads.edge import error_notes
from threads.errors import (
    Forbidden,
    InProgress,
    InvalidRequest,
    PostNotFound,
    Problem,
    ServiceError,
    status_of,
)
from threads.identity import Task
from threads.service import Service
from threads.wire import Fields, as_json_time, is_threads_id

if TYPE_CHECKING:
    from threads.records import Held

POSTS_SHOWN = 20
"""Posts that th_posts lists unless it is told how many."""

MAX_POSTS_SHOWN = 100


def publish_threads(service: Service, call: Call) -> Answer:
    """Serve publish_threads: for the web app now or later, for Cloud Tasks what a task brings."""
    caller = service.identity().caller(call.authorization)
    return _from_task(service, call) if isinstance(caller, Task) else _from_app(service, call, caller.uid)


def _from_app(service: Service, call: Call, uid: str) -> Answer:
    from threads import posts, publish  # noqa: PLC0415 - lazy
    from threads.claims import Delivery  # noqa: PLC0415 - lazy
    from threads.rehearse import rehearse  # noqa: PLC0415 - lazy

    call.notes["uid"] = uid
    tools = service.tools()
    submission = posts.read_web_body(
        call.json(), call.request.headers.get("Idempotency-Key"), tools.now(), service.config.text_counting
    )
    if submission.user_id not in (None, uid):
        raise Forbidden("The body names another user than the ID token.")
    # Without the key that was made up, the caller could not send the same request again.
    told = {} if submission.has_own_key else {"idempotencyKey": submission.key}
    if submission.is_dry_run:
        return Answer(body=rehearse(tools, uid, submission))
    try:
        if submission.is_queued or submission.scheduled_time:
            held = publish.schedule(tools, uid, submission)
        else:
            held = publish.publish(tools, uid, submission, Delivery(secrets.token_hex(8)))
            if "return=representation" in call.request.headers.get("Prefer", ""):
                held = publish.with_permalink(tools, held)
    except ServiceError as error:
        call.notes |= error_notes(error)
        answer = json_error(error)
        post = {"postId": error.post_id} if error.post_id else {}
        return answer._replace(body={**(answer.body or {}), **post, **told})
    call.notes |= _notes(held)
    return _post_answer(held, told)


def _from_task(service: Service, call: Call) -> Answer:
    """Serve a task; what no other try can change is an answer that ends the task."""
    from threads import posts, publish  # noqa: PLC0415 - lazy
    from threads.claims import Delivery  # noqa: PLC0415 - lazy
    from threads.ledger import MAX_DELIVERIES, MAX_UNCLEAR_DELIVERIES  # noqa: PLC0415 - lazy

    call.notes["caller"] = "task"
    tries = call.retry_count() + 1
    delivery = Delivery(
        secrets.token_hex(8),
        by_task=True,
        is_last=tries >= MAX_DELIVERIES,
        is_final=tries >= MAX_UNCLEAR_DELIVERIES,
        task=call.request.headers.get("X-CloudTasks-TaskName"),
    )
    try:
        task = posts.read_task_body(call.untyped_json(), service.config.text_counting)
        uid = task.user_id or ""
        call.notes["uid"] = uid
        if isinstance(task, posts.OwnTask):
            held = publish.deliver_task(service.tools(), uid, task.post_id, delivery)
        else:
            held = publish.publish(service.tools(), uid, task, delivery)
    except ServiceError as error:
        call.notes |= error_notes(error)
        if not error.retryable:
            return Answer(body={"ok": False, "status": "failed", "error": error.as_json()})
        # 429 is the web app's word for a limit; to the queue everything that passes is 503.
        status = HTTPStatus.CONFLICT if isinstance(error, InProgress) else HTTPStatus.SERVICE_UNAVAILABLE
        return json_error(error)._replace(status=status)
    call.notes |= _notes(held)
    return _post_answer(held, {})._replace(status=HTTPStatus.OK)


def th_posts(service: Service, call: Call) -> Answer:
    """Serve th_posts: one post, the latest ones, the end of one, or a repost."""
    from threads import manage  # noqa: PLC0415 - lazy
    from threads.posts import is_post_id  # noqa: PLC0415 - lazy
    from threads.publish import with_permalink  # noqa: PLC0415 - lazy

    uid = service.identity().user(call.authorization).uid
    call.notes["uid"] = uid
    if call.request.method == "POST":
        return _repost(service, call, uid)
    given = call.known_query("postId", "limit", "before")
    name = given.get("postId")
    if name is None and call.request.method == "GET":
        limit, before = _page_of(given)
        listed = manage.latest(service.tools(), uid, limit, before)
        more = (
            {"before": as_json_time(listed[-1].record.created_at, to="microseconds")}
            if len(listed) == limit
            else {}
        )
        return Answer(body={"ok": True, "posts": [_shown(held) for held in listed], **more})
    if name is None:
        raise InvalidRequest(Problem("postId", "invalid_request", "must name the post."))
    if not is_post_id(name):
        raise PostNotFound
    tools = service.tools()
    if call.request.method == "GET":
        held = with_permalink(tools, manage.read(tools, uid, name))
    else:
        held = manage.remove(tools, uid, name)
        call.notes |= {"postId": name, "post": held.record.status}
    return Answer(body={"ok": True, **_shown(held)})


def _repost(service: Service, call: Call, uid: str) -> Answer:
    """Repost what the body names, by its media id or as a post of the user's own."""
    from threads import manage  # noqa: PLC0415 - lazy
    from threads.posts import MAX_KEY, is_post_id  # noqa: PLC0415 - lazy

    fields = Fields(call.json(), known=("mediaId", "postId", "accountId"))
    media_id, name = fields.text("mediaId", limit=MAX_KEY), fields.text("postId", limit=MAX_KEY)
    account_id = fields.text("accountId", limit=MAX_KEY)
    if media_id and name:
        fields.problem("mediaId", "exclude_each_other", "cannot stand beside postId.")
    elif media_id and not is_threads_id(media_id):
        fields.problem("mediaId", "invalid_post_id", "must be an id of Threads, as a text of digits.")
    elif not (media_id or name or fields.has_problem("mediaId", "postId")):
        fields.problem("mediaId", "invalid_request", "must name the post to repost, or postId one of yours.")
    fields.check()
    if name and not is_post_id(name):
        raise PostNotFound
    tools = service.tools()
    media_id = media_id or manage.published_media_id(tools, uid, name or "")
    call.notes["mediaId"] = media_id
    reposted = manage.repost(tools, uid, media_id, account_id)
    call.notes["accountId"] = reposted.account_id
    own_id = {"id": reposted.repost_id} if reposted.repost_id else {}
    return Answer(body={"ok": True, **own_id, "accountId": reposted.account_id, "mediaId": media_id})


def _page_of(given: Mapping[str, str]) -> tuple[int, datetime | None]:
    """Read which of the latest posts are wanted."""
    fields, limit = Fields(given), given.get("limit", str(POSTS_SHOWN))
    before = fields.moment("before")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 0 < int(limit) <= MAX_POSTS_SHOWN):  # noqa: PLR2004 - digits
        fields.problem("limit", "invalid_request", f"must be a number from 1 to {MAX_POSTS_SHOWN}.")
    fields.check()
    return int(limit), before


def _notes(held: "Held") -> dict[str, Any]:
    """Return what the log line says of a post; that somebody has to look is an error."""
    held = held.thread[-1] if held.thread else held
    record = held.record
    notes: dict[str, Any] = {
        "postId": held.post_id,
        "accountId": record.account_id,
        "post": record.status,
        "attempts": record.attempts,
    }
    if record.media_id:
        notes["mediaId"] = record.media_id
    if held.reason:
        notes |= error_notes(held.reason)
    elif record.error:
        notes |= {"error": record.error.get("code"), "errorMessage": record.error.get("message")}
    if record.status == "unknown":
        notes["severity"] = "ERROR"
    return notes


def _post_answer(held: "Held", told: Mapping[str, Any]) -> Answer:
    """Answer a request to publish: of a thread with what its last post has come to, and the ids of all."""
    if not held.thread:
        return _single_answer(held, told)
    answer = _single_answer(held.thread[-1], told)
    ids = [post.record.media_id for post in (held, *held.thread) if post.record.media_id]
    root = {"id": held.record.media_id, "postId": held.post_id, "ids": ids}
    permalink = {"permalink": held.record.permalink} if held.record.permalink else {}
    return answer._replace(body={**(answer.body or {}), **root, **permalink})


def _single_answer(held: "Held", told: Mapping[str, Any]) -> Answer:
    """Answer with what a post's record says."""
    record = held.record
    body = {"ok": record.error is None or not record.is_terminal, "postId": held.post_id}
    body |= {"accountId": record.account_id, "status": record.status, **told}
    if record.media_id:
        said = {"permalink": record.permalink, "instagramStatus": record.instagram_status}
        known = {name: it for name, it in said.items() if it}
        return Answer(body={"ok": True, "id": record.media_id, **body, **known})
    if record.is_terminal:
        error = record.error or {}
        return Answer(status=status_of(str(error.get("code"))), body={**body, "error": error})
    scheduled = {"scheduledTime": as_json_time(record.due_at)} if record.due_at else {}
    return Answer(status=HTTPStatus.ACCEPTED, body={**body, **scheduled})


def _shown(held: "Held") -> dict[str, Any]:
    """Return a record as its owner sees it."""
    record = held.record
    given = {
        "postId": held.post_id,
        "accountId": record.account_id,
        "status": record.status,
        "content": record.content,
        "id": record.media_id,
        "permalink": record.permalink,
        "instagramStatus": record.instagram_status,
        "error": record.error,
        "nextAction": record.next_action,
        "attempts": record.attempts,
        "scheduledTime": record.due_at or record.scheduled_time,
        "createdAt": record.created_at,
        "updatedAt": record.updated_at,
    }
    return {
        name: as_json_time(value) if isinstance(value, datetime) else value
        for name, value in given.items()
        if value is not None
    }
