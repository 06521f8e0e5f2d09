"""What a person asks to publish: reading it from the web app's body and from a task's, and checking it.

A post's content is checked here, before anything is read or sent; how it gets published is ``publish``'s.
"""

import hashlib
import json
import posixpath
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

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

WEB_FIELDS = ("text", "imageUrl", "videoUrl", "accountId", "idempotencyKey", "userId")
"""The web app's body. ``userId`` is there to be compared with the ID token."""

CONTENT_FIELDS = ("text", "imageUrl", "videoUrl", "imageUrls", "videoUrls", "mediaUrls")
"""Where there is something to publish, in the web app's body and in a task's."""

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


def post_id(uid: str, account_id: str, key: str) -> str:
    """Return the name of a post: the same for every delivery of the same request."""
    return hashlib.sha256(json.dumps([uid, account_id, key]).encode()).hexdigest()


def read_web_body(body: Mapping[str, Any], header_key: str | None) -> Submission:
    """Read what the web app sends.

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
    )
    fields.check()
    return submission


def read_task_body(body: Mapping[str, Any]) -> Submission:
    """Read the orchestrator's task: one submission to several platforms, of which Threads' part is taken.

    Members that are another platform's business are passed over.

    Raises:
        InvalidRequest: with every rule that is broken.

    """
    fields = Fields(body)
    user_id = fields.text("userId", limit=MAX_KEY)
    key = fields.text("postSubmissionId", limit=MAX_KEY)
    if not fields.has_problem("userId") and (user_id is None or not is_document_id(user_id)):
        fields.problem("userId", "invalid_request", "must name the user whose post this is.")
    if key is None:
        fields.problem("postSubmissionId", "invalid_request", "must name the submission.")
    request = Fields(fields.object("request"))
    post = Fields(request.object("post"))
    inner = Fields(post.object("content"))
    content = _task_content(inner)
    _check_content(inner, content)
    submission = Submission(user_id, content, _task_account(inner), key or "")
    fields.problems += [*request.problems, *post.problems, *inner.problems]
    fields.check()
    return submission


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
