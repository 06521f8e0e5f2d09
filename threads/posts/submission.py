"""A request to publish: how it is read from the web app's body or from a task's, and checked.

A post's content is checked here before anything is read from Firestore or sent to Threads, also if the post
is scheduled. ``publishing`` publishes it.
"""

import hashlib
import json
import posixpath
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from threads.base.config import Counting
from threads.base.errors import InvalidRequest
from threads.base.validation import Fields, is_document_id
from threads.posts import options
from threads.posts.content import Content
from threads.posts.option_values import MAX_URL
from threads.posts.thread_option import read_thread

MAX_KEY = 512
"""The most characters of an idempotency key."""

MAX_SCHEDULE = timedelta(days=30)
"""How far ahead Cloud Tasks accepts a task
(https://cloud.google.com/tasks/docs/quotas)."""

WEB_FIELDS = (
    "accountId",
    "idempotencyKey",
    "userId",
    "scheduledTime",
    "queue",
    "dryRun",
    "thread",
    "split",
)
"""The members of the web app's body beside the options of the post. ``userId`` is only compared with the ID
token."""

_POST_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)

_VIDEO_ENDINGS = {".mov", ".mp4", ".m4v"}


@dataclass(frozen=True)
class Submission:
    """One request to publish."""

    user_id: str | None
    """The uid that the body names. A task's is trusted. A web app's must be the caller's own."""
    content: Content
    account_id: str | None
    key: str
    """The idempotency key: requests of one user to one account with the same key are the same post."""
    scheduled_time: datetime | None = None
    """When to publish the post. None: now."""
    is_queued: bool = False
    """Whether a task publishes the post, and not this request."""
    is_dry_run: bool = False
    """Whether the post is only checked."""
    has_own_key: bool = True
    """Whether the caller chose the key. If the service made it up, the answer tells it."""
    refusal: InvalidRequest | None = None
    """Why a task's content cannot be published. A web app's content is refused at once."""

    def post_id(self, uid: str) -> str:
        """Return the post id, which is the same for every delivery of the same request."""
        named = json.dumps([uid, self.account_id or "", self.key])
        return hashlib.sha256(named.encode()).hexdigest()


class OwnTask(NamedTuple):
    """What a task of ours carries: the ids of a post whose content is in its record."""

    user_id: str
    post_id: str


def read_web_body(
    body: Mapping[str, Any], header_key: str | None, now: datetime, counting: Counting
) -> Submission:
    """Read the web app's request to publish.

    Args:
        body: the members of the request's body.
        header_key: the header Idempotency-Key.
        now: the time, with which scheduledTime is compared.
        counting: how a text's length is counted.

    Raises:
        InvalidRequest: at least one rule is broken; the error lists all of them.

    """
    fields = Fields(body, known=(*options.BY_NAME, *WEB_FIELDS))
    key = fields.text("idempotencyKey", limit=MAX_KEY)
    if body.get("idempotencyKey") == "" and not header_key:
        fields.problem("idempotencyKey", "invalid_request", "is empty; give a key, or leave it out.")
    if header_key and key and header_key != key:
        fields.problem("idempotencyKey", "invalid_request", "differs from the header Idempotency-Key.")
    if header_key and len(header_key) > MAX_KEY:
        fields.problem("Idempotency-Key", "invalid_request", f"may have at most {MAX_KEY} characters.")
    content = Content(read_thread(fields, body, counting))
    submission = Submission(
        user_id=fields.text("userId", limit=MAX_KEY),
        content=content,
        account_id=fields.text("accountId", limit=MAX_KEY),
        key=header_key or key or secrets.token_urlsafe(24),
        scheduled_time=scheduled_time_of(fields, now),
        is_queued=fields.flag("queue"),
        is_dry_run=fields.flag("dryRun"),
        has_own_key=bool(header_key or key),
    )
    fields.check()
    return submission


def read_task_body(body: Mapping[str, Any], counting: Counting) -> Submission | OwnTask:
    """Read a task: one of ours, or the orchestrator's, which is one submission to several platforms.

    Of the orchestrator's task, only Threads' part is read, and members for other platforms are ignored. If
    its content is wrong, the error is returned as ``refusal``, so that it can be recorded on the post.

    Raises:
        InvalidRequest: the task does not say which post of which user it is.

    """
    fields = Fields(body)
    uid = fields.text("userId", limit=MAX_KEY)
    if not fields.has_problem("userId") and (uid is None or not is_document_id(uid)):
        fields.problem("userId", "invalid_request", "must name the user whose post this is.")
    if "postId" in body:
        post_id = fields.text("postId", limit=MAX_KEY) or ""
        if not is_post_id(post_id) and not fields.has_problem("postId"):
            fields.problem("postId", "invalid_request", "must be the name of a post.")
        fields.check()
        return OwnTask(uid or "", post_id)
    key = fields.text("postSubmissionId", limit=MAX_KEY)
    if key is None and not fields.has_problem("postSubmissionId"):
        fields.problem("postSubmissionId", "invalid_request", "must name the submission.")
    fields.check()
    return _orchestrated(fields, uid, key or "", counting)


def is_post_id(unverified: str) -> bool:
    """Return whether a text has the form of a post id."""
    return _POST_ID.fullmatch(unverified) is not None


def _orchestrated(fields: Fields, uid: str | None, key: str, counting: Counting) -> Submission:
    request = Fields(fields.object("request"))
    post = Fields(request.object("post"))
    members = post.object("content")
    inner = Fields(members)
    content = Content(read_thread(inner, {**members, **_task_media(inner)}, counting))
    account_id = _task_account(inner)
    problems = [*fields.problems, *request.problems, *post.problems, *inner.problems]
    refusal = InvalidRequest(*problems) if problems else None
    return Submission(uid, content, account_id, key, refusal=refusal)


def scheduled_time_of(fields: Fields, now: datetime) -> datetime | None:
    """Read the time to publish at. A past time is accepted, because the request may be a repeated one."""
    when = fields.moment("scheduledTime")
    if when is not None and when > now + MAX_SCHEDULE:
        message = f"is too far ahead; at most {MAX_SCHEDULE.days} days are possible."
        fields.problem("scheduledTime", "invalid_time", message)
    return when


def _task_media(fields: Fields) -> dict[str, Any]:
    """Return the media of a task as an option of a post: an image, a video, or a carousel."""
    images = [*fields.texts("imageUrls", limit=MAX_URL), *fields.texts("imageUrl", limit=MAX_URL)]
    videos = [*fields.texts("videoUrl", limit=MAX_URL), *fields.texts("videoUrls", limit=MAX_URL)]
    kind = (fields.text("mediaType", limit=MAX_KEY) or "").lower()
    named = {url: _is_video(url, kind) for url in fields.texts("mediaUrls", limit=MAX_URL)}
    named |= dict.fromkeys(images, False) | dict.fromkeys(videos, True)
    media = [{"videoUrl" if is_video else "imageUrl": url} for url, is_video in named.items()]
    none = {"imageUrl": None, "videoUrl": None}
    return none | (media[0] if len(media) == 1 else {"media": media} if media else {})


def _task_account(fields: Fields) -> str | None:
    platforms = fields.objects("platform")
    ours = [Fields(entry) for entry in platforms if entry.get("platform") == "threads"]
    accounts = {entry.text("accountId", limit=MAX_KEY) for entry in ours}
    fields.problems += [problem for entry in ours for problem in entry.problems]
    if platforms and not ours:
        fields.problem("platform", "invalid_request", "does not name threads.")
    if len(accounts) > 1:
        fields.problem(
            "platform", "invalid_request", "names several Threads accounts; send one task for each."
        )
    return next(iter(accounts), None)


def _is_video(url: str, kind: str) -> bool:
    if kind.startswith(("image", "video")):
        return kind.startswith("video")
    return posixpath.splitext(_path(url))[1].lower() in _VIDEO_ENDINGS


def _path(url: str) -> str:
    try:
        return urlsplit(url).path
    except ValueError:
        return ""
