"""What a person asks to publish: reading it from the web app's body and from a task's, and checking it.

A post's content is checked here, before anything is read or sent, that of a scheduled one too; how it gets
published is ``publish``'s.
"""

import hashlib
import json
import posixpath
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from threads import options
from threads.errors import InvalidRequest
from threads.option_values import MAX_URL
from threads.scopes import DEFAULT_SCOPES
from threads.texts import Counting
from threads.thread_values import read_thread
from threads.wire import Fields, is_document_id

MAX_KEY = 512
"""Characters of an idempotency key."""

MAX_SCHEDULE = timedelta(days=30)
"""As far ahead as Cloud Tasks takes a task
(https://cloud.google.com/tasks/docs/quotas)."""

WEB_FIELDS = (
    *("accountId", "idempotencyKey", "userId", "scheduledTime", "queue", "dryRun", "thread", "split"),
)
"""What the web app's body has beside the options of the post. ``userId`` is there to be compared with the ID
token."""

_POST_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)

_VIDEO_ENDINGS = {".mov", ".mp4", ".m4v"}


@dataclass(frozen=True)
class Content:
    """What is to be published."""

    values: options.Values

    @property
    def media_type(self) -> str:
        """Threads' word for the kind of post."""
        return options.kind_of(self.values)

    @property
    def text(self) -> str:
        """The text, empty when there is none."""
        return str(self.values.get("text", ""))

    @property
    def is_reply(self) -> bool:
        """Whether it answers another post: then lists may not show it."""
        return "replyToId" in self.values

    @property
    def replies(self) -> Sequence[options.Values]:
        """What follows it in its thread."""
        following: Sequence[options.Values] = self.values.get("thread", ())
        return following

    @property
    def needed_scopes(self) -> tuple[str, ...]:
        """The scopes that publishing it needs, with all that follows it."""
        whole = [self.values, *({**values, "replyToId": ""} for values in self.replies)]
        extra = (scope for values in whole for scope in options.needed_scopes(values))
        return tuple(dict.fromkeys((*DEFAULT_SCOPES, *extra)))

    def as_json(self) -> dict[str, Any]:
        """Return the content in the web app's words: what a record keeps of it."""
        return dict(self.values)

    def parameters(self, children: Sequence[str] = ()) -> dict[str, str]:
        """Return the parameters of the create call; a carousel's has the containers of its media."""
        return options.parameters(self.values, children)

    def child_parameters(self) -> list[dict[str, str]]:
        """Return the parameters of the call that creates each medium of a carousel, none for other posts."""
        return options.child_parameters(self.values)


@dataclass(frozen=True)
class Submission:
    """One request to publish."""

    user_id: str | None
    """Whom the body names; the caller's identity decides whether that is believed."""
    content: Content
    account_id: str | None
    key: str
    """The idempotency key: requests of one user to one account with the same key are the same post."""
    scheduled_time: datetime | None = None
    """When it is to be published; None: now."""
    is_queued: bool = False
    """Whether a task does it, and not this request."""
    is_dry_run: bool = False
    """Whether it is only to be checked."""
    has_own_key: bool = True
    """Whether the caller chose the key; one that we made up is told."""
    refusal: InvalidRequest | None = None
    """Why a task's content cannot be published; a web app's is refused at once."""

    def post_id(self, uid: str) -> str:
        """Return the name of the post: the same for every delivery of the same request."""
        named = json.dumps([uid, self.account_id or "", self.key])
        return hashlib.sha256(named.encode()).hexdigest()


class OwnTask(NamedTuple):
    """What a task of ours carries: the names of a post whose content lies in its record."""

    user_id: str
    post_id: str


def read_web_body(
    body: Mapping[str, Any], header_key: str | None, now: datetime, counting: Counting
) -> Submission:
    """Read what the web app sends.

    Args:
        body: the request's members.
        header_key: the header Idempotency-Key.
        now: what a time to publish at is compared with.
        counting: how a text's length is counted.

    Raises:
        InvalidRequest: with every rule that is broken.

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
        scheduled_time=_scheduled_time(fields, now),
        is_queued=fields.flag("queue"),
        is_dry_run=fields.flag("dryRun"),
        has_own_key=bool(header_key or key),
    )
    fields.check()
    return submission


def read_task_body(body: Mapping[str, Any], counting: Counting) -> Submission | OwnTask:
    """Read a task: one of ours, or the orchestrator's, which is one submission to several platforms.

    Of the latter Threads' part is taken; members that are another platform's business are passed over. What
    is wrong with its content comes back as ``refusal``, to be recorded on the post.

    Raises:
        InvalidRequest: whose post it is cannot be read.

    """
    fields = Fields(body)
    user_id = fields.text("userId", limit=MAX_KEY)
    if not fields.has_problem("userId") and (user_id is None or not is_document_id(user_id)):
        fields.problem("userId", "invalid_request", "must name the user whose post this is.")
    if "postId" in body:
        post_id = fields.text("postId", limit=MAX_KEY) or ""
        if not is_post_id(post_id) and not fields.has_problem("postId"):
            fields.problem("postId", "invalid_request", "must be the name of a post.")
        fields.check()
        return OwnTask(user_id or "", post_id)
    key = fields.text("postSubmissionId", limit=MAX_KEY)
    if key is None and not fields.has_problem("postSubmissionId"):
        fields.problem("postSubmissionId", "invalid_request", "must name the submission.")
    fields.check()
    return _orchestrated(fields, user_id, key or "", counting)


def is_post_id(unverified: str) -> bool:
    """Say whether a text has the form of a post's name."""
    return _POST_ID.fullmatch(unverified) is not None


def _orchestrated(fields: Fields, user_id: str | None, key: str, counting: Counting) -> Submission:
    request = Fields(fields.object("request"))
    post = Fields(request.object("post"))
    members = post.object("content")
    inner = Fields(members)
    content = Content(read_thread(inner, {**members, **_task_media(inner)}, counting))
    account_id = _task_account(inner)
    problems = [*fields.problems, *request.problems, *post.problems, *inner.problems]
    refusal = InvalidRequest(*problems) if problems else None
    return Submission(user_id, content, account_id, key, refusal=refusal)


def _scheduled_time(fields: Fields, now: datetime) -> datetime | None:
    """Read a moment that a task can be scheduled for. One that has passed may be a repeated request's."""
    when = fields.moment("scheduledTime")
    if when is not None and when > now + MAX_SCHEDULE:
        message = f"is too far ahead; at most {MAX_SCHEDULE.days} days are possible."
        fields.problem("scheduledTime", "invalid_time", message)
    return when


def _task_media(fields: Fields) -> dict[str, Any]:
    """Return the media of a task as the option that they are: an image, a video, or a carousel."""
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
