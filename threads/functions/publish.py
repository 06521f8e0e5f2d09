"""publish_threads and th_posts: publishing a post, and what its owner can do with it afterwards."""

import secrets
from collections.abc import Mapping
from contextlib import closing
from datetime import datetime
from http import HTTPStatus
from typing import Any

from threads.base.errors import (
    Forbidden,
    InProgress,
    InvalidRequest,
    PostNotFound,
    Problem,
    ServiceError,
    TooManyWaiting,
    status_of,
)
from threads.base.validation import Fields, as_json, as_json_time
from threads.functions.callers import Task, User
from threads.functions.endpoint import error_notes
from threads.functions.request import HttpRequest
from threads.functions.response import HttpResponse, encoded, json_error, with_help
from threads.posts import option_values
from threads.posts.cancel import read
from threads.posts.change import read_change
from threads.posts.ledger import BUDGET
from threads.posts.option_values import WHERE_IDS_ARE
from threads.posts.repository import StoredPost
from threads.posts.submission import MAX_KEY, OwnTask, Submission, is_post_id, read_task_body, read_web_body
from threads.publishing.delete_and_repost import (
    cancel_rest,
    published_media_id,
    remove,
    repost,
    with_address,
    with_permalink,
)
from threads.publishing.dry_run import dry_run
from threads.publishing.lease import Delivery
from threads.publishing.outcome import Outcome
from threads.publishing.parts import PublishingParts
from threads.publishing.publish import deliver_task, publish
from threads.publishing.retry_rules import TASK, UNCLEAR_TASK
from threads.publishing.schedule import change, check_unbegun, schedule
from threads.publishing.share import COME_AGAIN, put_off, spread
from threads.publishing.upkeep import resume

POSTS_SHOWN = 20
"""How many posts th_posts lists if the caller sets no limit."""

MAX_POSTS_SHOWN = 100

MAX_SHOWN = 256 * 1024
"""A list ends with the post that makes it this long, in bytes: a hundred posts can have 6 MiB. An instance
answers 80 requests at once with 512 MiB of memory, and needs several times a list's length for each."""

BUSY = "Several posts of yours are being published just now. Try again in a moment."
"""What a caller above its share is told."""

NO_KEY = (
    "cannot be used for a repost. A repost has no record, and Meta does not say whether a second one of the "
    "same post is harmless. Leave the key out. If an answer is lost, look at the account, then try again."
)
"""What a caller is told that relies on a key. Who gets an answer to a key must be able to rely on it."""


# --- publish_threads ----------------------------------------------------------------------------------------


def publish_threads(parts: PublishingParts, request: HttpRequest, caller: User | Task) -> HttpResponse:
    """Answer publish_threads: publish the web app's post now or later, or the post that a task brings."""
    delivery = Delivery(secrets.token_hex(8), ends=parts.now() + BUDGET)
    if isinstance(caller, Task):
        return _from_task(parts, request, delivery)
    return _from_app(parts, request, caller, delivery)


def _from_app(parts: PublishingParts, request: HttpRequest, user: User, delivery: Delivery) -> HttpResponse:
    header_key = request.flask.headers.get("Idempotency-Key")
    submission = read_web_body(request.json(), header_key, parts.now(), parts.config.text_counting)
    if submission.user_id not in (None, user.uid):
        raise Forbidden("The body names another user than the ID token.")
    # If the service made the key up, the answer tells it: otherwise the caller could not repeat the request.
    told = {} if submission.has_own_key else {"idempotencyKey": submission.key}
    if submission.is_dry_run:
        return HttpResponse(body=dry_run(parts, user.uid, submission))
    try:
        with parts.shares.of(user.uid) as has_room:
            if not has_room:
                raise TooManyWaiting(BUSY, retry_after=COME_AGAIN)
            if submission.is_queued or submission.scheduled_time:
                outcome = schedule(parts, user.uid, submission, delivery)
            else:
                outcome = publish(parts, user.uid, submission, delivery)
                if "return=representation" in request.flask.headers.get("Prefer", ""):
                    outcome = with_address(parts, outcome)
    except ServiceError as error:
        request.notes |= error_notes(error)
        response = json_error(error)
        post = {"postId": error.post_id} if error.post_id else {}
        return response._replace(body={**(response.body or {}), **post, **told})
    request.notes |= _notes(outcome)
    return _outcome_response(outcome, told)


def _from_task(parts: PublishingParts, request: HttpRequest, delivery: Delivery) -> HttpResponse:
    """Answer a task. Permanent failures are answered 200, so that Cloud Tasks does not retry them."""
    tries = request.retry_count() + 1
    delivery = delivery._replace(
        by_task=True,
        is_last=TASK.is_used_up(tries),
        is_final=UNCLEAR_TASK.is_used_up(tries),
        task=request.flask.headers.get("X-CloudTasks-TaskName"),
    )
    try:
        task = read_task_body(request.untyped_json(), parts.config.text_counting)
        uid = request.notes["uid"] = task.user_id or ""
        with parts.shares.of(uid) as has_room:
            if not (has_room or delivery.is_last):
                return _put_off(parts, request, uid, task, delivery)
            if isinstance(task, OwnTask):
                outcome = deliver_task(parts, uid, task.post_id, delivery)
            else:
                outcome = publish(parts, uid, task, delivery)
    except ServiceError as error:
        request.notes |= error_notes(error)
        if not error.retryable:
            return HttpResponse(body={"ok": False, "status": "failed", "error": error.as_json()})
        # 429 tells a web app about a limit. To the queue, every transient error is a 503.
        status = HTTPStatus.CONFLICT if isinstance(error, InProgress) else HTTPStatus.SERVICE_UNAVAILABLE
        return json_error(error)._replace(status=status)
    request.notes |= _notes(outcome)
    return _outcome_response(outcome, {})._replace(status=HTTPStatus.OK)


def _put_off(
    parts: PublishingParts, request: HttpRequest, uid: str, task: OwnTask | Submission, delivery: Delivery
) -> HttpResponse:
    """Leave a task above its user's share to a later task, and answer 200.

    A new task has all its tries before it. So a task that has failed before keeps its own: the queue, which
    counts them, brings it again after a 409.

    Raises:
        ServiceError: there is no later task.

    """
    if request.retry_count() or not parts.posts.queue.is_configured:
        raise InProgress(BUSY, retry_after=spread(delivery.owner, 0))
    if isinstance(task, Submission):
        pause = spread(task.key, 0)
        return _outcome_response(schedule(parts, uid, task, delivery, pause=pause), {})._replace(
            status=HTTPStatus.OK
        )
    due_at = put_off(parts.posts, uid, task.post_id, delivery.task)
    request.notes |= {"postId": task.post_id, "putOffTo": as_json_time(due_at)}
    return HttpResponse(body={"ok": True, "postId": task.post_id, "status": "scheduled"})


def _notes(outcome: Outcome) -> dict[str, Any]:
    """Return the fields of the log line about a post. It is an ERROR if a person must look at Threads."""
    post = outcome.last
    record = post.record
    notes: dict[str, Any] = {
        "postId": post.post_id,
        "accountId": record.account_id,
        "post": record.status,
        "attempts": record.attempts,
    }
    if record.media_id:
        notes["mediaId"] = record.media_id
    if outcome.reason:
        notes |= error_notes(outcome.reason)
    elif record.error:
        notes |= {"error": record.error.get("code"), "errorMessage": record.error.get("message")}
    if record.status == "unknown":
        notes["severity"] = "ERROR"
    return notes


def _outcome_response(outcome: Outcome, told: Mapping[str, Any]) -> HttpResponse:
    """Answer a request to publish: for a thread, with the status of its last post and the ids of all."""
    response = _post_response(outcome.last, told)
    if not outcome.replies:
        return response
    root = outcome.root
    ids = [post.record.media_id for post in (root, *outcome.replies) if post.record.media_id]
    whole = {"id": root.record.media_id, "postId": root.post_id, "ids": ids}
    permalink = {"permalink": root.record.permalink} if root.record.permalink else {}
    return response._replace(body={**(response.body or {}), **whole, **permalink})


def _post_response(post: StoredPost, told: Mapping[str, Any]) -> HttpResponse:
    """Answer with what a post's record says."""
    record = post.record
    body = {"ok": record.error is None or not record.is_terminal, "postId": post.post_id}
    body |= {"accountId": record.account_id, "status": record.status, **told}
    if record.media_id:
        said = {"permalink": record.permalink, "instagramStatus": record.instagram_status}
        known = {name: it for name, it in said.items() if it}
        return HttpResponse(body={"ok": True, "id": record.media_id, **body, **known})
    if record.is_terminal:
        error = record.error or {}
        return HttpResponse(status=status_of(str(error.get("code"))), body={**body, "error": error})
    scheduled = {"scheduledTime": as_json_time(record.due_at)} if record.due_at else {}
    return HttpResponse(status=HTTPStatus.ACCEPTED, body={**body, **scheduled})


# --- th_posts -----------------------------------------------------------------------------------------------


def th_posts(parts: PublishingParts, request: HttpRequest, user: User) -> HttpResponse:
    """Answer th_posts: show posts, change, cancel or delete one, go on with one, or repost one."""
    if request.method == "POST":
        return _go_on_or_repost(parts, request, user)
    if request.method == "PATCH":
        return _change(parts, request, user)
    beside = ("limit", "before") if request.method == "GET" else ("cancel",)
    given = request.known_query("postId", *beside)
    post_id = given.get("postId")
    if post_id is None and request.method == "GET":
        return _latest(parts, request, given, user)
    if post_id is None:
        raise InvalidRequest(Problem("postId", "invalid_request", "must name the post."))
    if not is_post_id(post_id):
        raise PostNotFound
    if request.method == "GET":
        post = with_permalink(parts, read(parts.posts, user.uid, post_id))
        return HttpResponse(body={"ok": True, **_shown(parts, post)})
    if given.get("cancel", "true") != "true":
        raise InvalidRequest(Problem("cancel", "invalid_request", "must be true, or be left out."))
    post = remove(parts, user.uid, post_id, only_cancel="cancel" in given)
    request.notes |= {"postId": post_id, "post": post.record.status}
    rest = [_named(reply) for reply in cancel_rest(parts, post)] if post.record.deleted_at else []
    return HttpResponse(body={"ok": True, **_shown(parts, post), **({"replies": rest} if rest else {})})


def _latest(
    parts: PublishingParts, request: HttpRequest, given: Mapping[str, str], user: User
) -> HttpResponse:
    """List posts until there are as many as wanted, or too many bytes. ``before`` says where to go on."""
    limit, before = _page_of(given)
    shown: list[dict[str, Any]] = []
    unreadable: list[str] = []
    size = 0
    more = {}
    with closing(parts.posts.repository.latest(user.uid, limit, before)) as latest:
        for listed in latest:
            if listed.post:
                shown.append(_shown(parts, listed.post))
                size += len(encoded(shown[-1]))
            else:
                unreadable.append(listed.post_id)
            if len(shown) + len(unreadable) == limit or size >= MAX_SHOWN:
                more = {"before": as_json_time(listed.created_at, to="microseconds")}
                break
    if unreadable:
        request.notes |= {"severity": "WARNING", "unreadable": unreadable}
    return HttpResponse(body={"ok": True, "posts": shown, **more})


def _change(parts: PublishingParts, request: HttpRequest, user: User) -> HttpResponse:
    """Change a scheduled post, and answer with it."""
    body = request.json()
    fields = Fields(body)
    post_id = _post_id_of(fields)
    fields.check()
    if not is_post_id(post_id):
        raise PostNotFound
    request.notes["postId"] = post_id
    post = read(parts.posts, user.uid, post_id)
    check_unbegun(parts, post.record)
    wanted = read_change(body, post.record.content, parts.now(), parts.config.text_counting)
    changed = change(parts, post, wanted)
    request.notes["accountId"] = changed.record.account_id
    return HttpResponse(body={"ok": True, **_shown(parts, changed)})


def _post_id_of(fields: Fields) -> str:
    """Return the post that a body names. If it names none, this becomes a problem."""
    post_id = fields.text("postId", limit=MAX_KEY)
    if post_id is None and not fields.has_problem("postId"):
        fields.problem("postId", "invalid_request", "must name the post.")
    return post_id or ""


def _go_on_or_repost(parts: PublishingParts, request: HttpRequest, user: User) -> HttpResponse:
    body = request.json()
    return (_resume if "resume" in body else _repost)(parts, request, user, body)


def _resume(
    parts: PublishingParts, request: HttpRequest, user: User, body: Mapping[str, Any]
) -> HttpResponse:
    """Go on with a post that was left open, and answer as publish_threads does. No key is needed."""
    fields = Fields(body, known=("postId", "resume"))
    post_id = _post_id_of(fields)
    if not fields.flag("resume") and not fields.has_problem("resume"):
        fields.problem("resume", "invalid_request", "can only be true.")
    fields.check()
    if not is_post_id(post_id):
        raise PostNotFound
    request.notes["postId"] = post_id
    delivery = Delivery(secrets.token_hex(8), ends=parts.now() + BUDGET)
    try:
        with parts.shares.of(user.uid) as has_room:
            if not has_room:
                raise TooManyWaiting(BUSY, retry_after=COME_AGAIN)
            outcome = resume(parts, user.uid, post_id, delivery)
    except ServiceError as error:
        request.notes |= error_notes(error)
        response = json_error(error)
        return response._replace(body={**(response.body or {}), "postId": post_id})
    request.notes |= _notes(outcome)
    return _outcome_response(outcome, {})


def _repost(
    parts: PublishingParts, request: HttpRequest, user: User, body: Mapping[str, Any]
) -> HttpResponse:
    """Repost the post that the body names: by its media id, or by the post id of one of the user's own."""
    fields = Fields(body, known=("mediaId", "postId", "accountId", "idempotencyKey"))
    if body.get("idempotencyKey") is not None:
        fields.problem("idempotencyKey", "not_idempotent", NO_KEY)
    if "Idempotency-Key" in request.flask.headers:
        fields.problem("Idempotency-Key", "not_idempotent", NO_KEY)
    media_id, post_id = fields.text("mediaId", limit=MAX_KEY), fields.text("postId", limit=MAX_KEY)
    account_id = fields.text("accountId", limit=MAX_KEY)
    if media_id and post_id:
        fields.problem("mediaId", "exclude_each_other", "cannot stand beside postId.")
    elif media_id:
        fields.read("mediaId", option_values.media_id, code="invalid_post_id")
    elif post_id and not is_post_id(post_id):
        message = f"names no post of this service. A media id belongs into mediaId: {WHERE_IDS_ARE}"
        fields.problem("postId", "invalid_post_id", message)
    elif not (media_id or post_id or fields.has_problem("mediaId", "postId")):
        fields.problem("mediaId", "invalid_request", "must name the post to repost, or postId one of yours.")
    fields.check()
    media_id = media_id or published_media_id(parts, user.uid, post_id or "")
    request.notes["mediaId"] = media_id
    reposted = repost(parts, user.uid, media_id, account_id)
    request.notes["accountId"] = reposted.account_id
    own_id = {"id": reposted.repost_id} if reposted.repost_id else {}
    return HttpResponse(body={"ok": True, **own_id, "accountId": reposted.account_id, "mediaId": media_id})


def _page_of(given: Mapping[str, str]) -> tuple[int, datetime | None]:
    """Return how many of the latest posts the caller wants, and from before which moment."""
    fields, limit = Fields(given), given.get("limit", str(POSTS_SHOWN))
    before = fields.moment("before")
    if not (limit.isascii() and limit.isdigit() and len(limit) < 4 and 0 < int(limit) <= MAX_POSTS_SHOWN):  # noqa: PLR2004 - digits
        fields.problem("limit", "invalid_request", f"must be a number from 1 to {MAX_POSTS_SHOWN}.")
    fields.check()
    return int(limit), before


def _named(post: StoredPost) -> dict[str, Any]:
    """Return which post of a thread this is, and whether it is out."""
    media_id = {"id": post.record.media_id} if post.record.media_id else {}
    return {"postId": post.post_id, "status": post.record.status, **media_id}


def _shown(parts: PublishingParts, post: StoredPost) -> dict[str, Any]:
    """Return a record as its owner sees it."""
    record = post.record
    given = {
        "postId": post.post_id,
        "accountId": record.account_id,
        "status": record.status,
        "content": record.content.as_json(),
        "id": record.media_id,
        "permalink": record.permalink,
        "instagramStatus": record.instagram_status,
        "error": record.error,
        "nextAction": record.next_action,
        "nextActionAt": record.next_action_at,
        "attempts": record.attempts,
        "scheduledTime": record.due_at or record.scheduled_time,
        "createdAt": record.created_at,
        "updatedAt": record.updated_at,
    }
    known = {name: as_json(value) for name, value in given.items() if value is not None}
    return dict(with_help(known, parts.config.errors_url))
