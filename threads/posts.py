"""What a person asks to publish: reading it from the web app's body and from a task's, and checking it.

A post's content is checked here, before anything is read or sent, that of a scheduled one too; how it gets
published is ``publish``'s.
"""

import hashlib
import json
import posixpath
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from threads.errors import InvalidRequest
from threads.wire import Fields, is_document_id

MAX_TEXT_BYTES = 500
"""Threads' limit for a text. Its documentation speaks of characters and of emoji counted in UTF-8 bytes; in
production every character was seen to count that way (498 characters in 504 bytes were refused).
https://developers.facebook.com/docs/threads/overview#limitations"""

MAX_BODY_TEXT = 64 * 1024
"""Characters of a text that are looked at: all that fit into a body, so that its true size is told."""

MAX_URL = 2048
"""Characters of a media URL."""

MAX_KEY = 512
"""Characters of an idempotency key."""

MAX_SCHEDULE = timedelta(days=30)
"""As far ahead as Cloud Tasks takes a task
(https://cloud.google.com/tasks/docs/quotas)."""

WEB_FIELDS = (
    *("text", "imageUrl", "videoUrl", "accountId", "idempotencyKey", "userId", "scheduledTime", "queue"),
)
"""The web app's body. ``userId`` is there to be compared with the ID token."""

CONTENT_FIELDS = ("text", "imageUrl", "videoUrl", "imageUrls", "videoUrls", "mediaUrls")
"""Where there is something to publish, in the web app's body and in a task's."""

_POST_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)

_VIDEO_ENDINGS = {".mov", ".mp4", ".m4v"}


@dataclass(frozen=True)
class Content:
    """What is to be published: a text, or an image or a video with or without one."""

    text: str | None = None
    image_url: str | None = None
    video_url: str | None = None

    @property
    def media_type(self) -> str:
        """Threads' word for the kind of post."""
        return "IMAGE" if self.image_url else "VIDEO" if self.video_url else "TEXT"

    def as_json(self) -> dict[str, str]:
        """Return the content in the web app's words: what a record keeps of it."""
        given = {"text": self.text, "imageUrl": self.image_url, "videoUrl": self.video_url}
        return {name: value for name, value in given.items() if value}

    @classmethod
    def from_json(cls, content: Mapping[str, str]) -> Self:
        """Return the content that a record keeps."""
        return cls(content.get("text"), content.get("imageUrl"), content.get("videoUrl"))

    def parameters(self) -> dict[str, str]:
        """Return the parameters of the create call.

        Source: https://developers.facebook.com/docs/threads/reference/publishing
        """
        given = {
            "media_type": self.media_type,
            "text": self.text,
            "image_url": self.image_url,
            "video_url": self.video_url,
        }
        return {name: value for name, value in given.items() if value}


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


def read_web_body(body: Mapping[str, Any], header_key: str | None, now: datetime) -> Submission:
    """Read what the web app sends; ``now`` is what a time to publish at is compared with.

    Raises:
        InvalidRequest: with every rule that is broken.

    """
    fields = Fields(body, known=WEB_FIELDS)
    key = fields.text("idempotencyKey", limit=MAX_KEY)
    if header_key and key and header_key != key:
        fields.problem("idempotencyKey", "invalid_request", "differs from the header Idempotency-Key.")
    if header_key and len(header_key) > MAX_KEY:
        fields.problem("Idempotency-Key", "invalid_request", f"may have at most {MAX_KEY} characters.")
    content = Content(
        text=fields.text("text", limit=MAX_BODY_TEXT),
        image_url=fields.text("imageUrl", limit=MAX_URL),
        video_url=fields.text("videoUrl", limit=MAX_URL),
    )
    _check_content(fields, content)
    submission = Submission(
        user_id=fields.text("userId", limit=MAX_KEY),
        content=content,
        account_id=fields.text("accountId", limit=MAX_KEY),
        key=header_key or key or secrets.token_urlsafe(24),
        scheduled_time=_scheduled_time(fields, now),
        is_queued=fields.flag("queue"),
        has_own_key=bool(header_key or key),
    )
    fields.check()
    return submission


def read_task_body(body: Mapping[str, Any]) -> Submission | OwnTask:
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
    return _orchestrated(fields, user_id, key or "")


def is_post_id(unverified: str) -> bool:
    """Say whether a text has the form of a post's name."""
    return _POST_ID.fullmatch(unverified) is not None


def _orchestrated(fields: Fields, user_id: str | None, key: str) -> Submission:
    request = Fields(fields.object("request"))
    post = Fields(request.object("post"))
    inner = Fields(post.object("content"))
    content = _task_content(inner)
    _check_content(inner, content)
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


def _task_content(fields: Fields) -> Content:
    images = [*fields.texts("imageUrls", limit=MAX_URL)]
    videos = [*fields.texts("videoUrl", limit=MAX_URL), *fields.texts("videoUrls", limit=MAX_URL)]
    kind = (fields.text("mediaType", limit=MAX_KEY) or "").lower()
    for url in fields.texts("mediaUrls", limit=MAX_URL):
        (videos if _is_video(url, kind) else images).append(url)
    images, videos = list(dict.fromkeys(images)), list(dict.fromkeys(videos))
    if len(images) + len(videos) > 1:
        fields.problem("mediaUrls", "too_many_media", "One image or one video can be published in a post.")
    return Content(
        text=fields.text("text", limit=MAX_BODY_TEXT),
        image_url=next(iter(images), None),
        video_url=next(iter(videos), None) if not images else None,
    )


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


def _check_content(fields: Fields, content: Content) -> None:
    is_empty = not ((content.text or "").strip() or content.image_url or content.video_url)
    if is_empty and not fields.has_problem(*CONTENT_FIELDS):
        fields.problem("text", "empty_post", "Give a text, an image or a video to publish.")
    if content.image_url and content.video_url:
        fields.problem("videoUrl", "too_many_media", "A post has either imageUrl or videoUrl.")
    size = len((content.text or "").encode())
    if size > MAX_TEXT_BYTES:
        fields.problem("text", "text_too_long", f"has {size} bytes in UTF-8; Threads takes {MAX_TEXT_BYTES}.")
    for name, url in _media_urls(content):
        if not _is_public_url(url):
            fields.problem(name, "invalid_media_url", "must be an absolute https URL that anybody can open.")


def _media_urls(content: Content) -> Iterable[tuple[str, str]]:
    return [(n, u) for n, u in (("imageUrl", content.image_url), ("videoUrl", content.video_url)) if u]


def _is_public_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return (
        parts.scheme == "https"
        and bool(host)
        and parts.username is None
        and url.isprintable()
        and " " not in url
    )
