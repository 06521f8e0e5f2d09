"""Publishing as values: each call that creates, watches or publishes a container, paired with its answer.

Source: https://developers.facebook.com/docs/threads/posts
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, NamedTuple

from threads.base.errors import Evidence, ThreadsError
from threads.base.secret import Secret, redacted
from threads.base.validation import is_threads_id
from threads.graph import shown
from threads.graph.error_codes import Step, error_for
from threads.graph.protocol import GraphReply, GraphRequest, read_object, unreadable


class ContainerStatus(StrEnum):
    """The states of a container at Threads.

    Source: https://developers.facebook.com/docs/threads/troubleshooting#publishing-does-not-return-a-media-id
    """

    IN_PROGRESS = "IN_PROGRESS"
    FINISHED = "FINISHED"
    PUBLISHED = "PUBLISHED"
    ERROR = "ERROR"
    EXPIRED = "EXPIRED"


def create_container_request(
    token: Secret, parameters: Mapping[str, str], *, auto_publish_text: bool = False
) -> GraphRequest:
    """Create a container. With ``auto_publish_text``, the same call publishes the text.

    Source: https://developers.facebook.com/docs/threads/posts
    """
    form = {**parameters, **({"auto_publish_text": "true"} if auto_publish_text else {})}
    return GraphRequest(Step.CREATE_CONTAINER, "POST", "/me/threads", form=form, token=token)


def read_created_id(reply: GraphReply) -> str:
    """Return the id of the container, or with ``auto_publish_text`` the media id.

    Raises:
        ThreadsError: Threads did not create the container, or did not answer.

    """
    return _id(read_object(Step.CREATE_CONTAINER, reply), Step.CREATE_CONTAINER, reply)


def container_status_request(token: Secret, container_id: str) -> GraphRequest:
    """Ask how far a container is. For a published post's id, Threads answers with an error (code 100)."""
    fields = {"fields": "status,error_message"}
    return GraphRequest(Step.READ_CONTAINER, "GET", f"/{container_id}", query=fields, token=token)


def read_container_status(reply: GraphReply) -> tuple[ContainerStatus, str]:
    """Return a container's status, and the reason if it is ERROR (otherwise an empty text).

    Raises:
        ThreadsError: Threads did not tell the status.

    """
    answer = read_object(Step.READ_CONTAINER, reply)
    try:
        status = ContainerStatus(str(answer.get("status")))
    except ValueError:
        raise unreadable(Step.READ_CONTAINER, reply) from None
    return status, redacted(str(answer.get("error_message") or ""), limit=100)


def publish_container_request(token: Secret, container_id: str) -> GraphRequest:
    """Publish a finished container.

    Source: https://developers.facebook.com/docs/threads/posts#step-2--publish-a-threads-media-container
    """
    form = {"creation_id": container_id}
    return GraphRequest(Step.PUBLISH_CONTAINER, "POST", "/me/threads_publish", form=form, token=token)


def read_published_id(reply: GraphReply) -> str:
    """Return the media id of the published post.

    Raises:
        ThreadsError: Threads did not publish the post, or did not answer.

    """
    return _id(read_object(Step.PUBLISH_CONTAINER, reply), Step.PUBLISH_CONTAINER, reply)


def permalink_request(token: Secret, media_id: str) -> GraphRequest:
    """Ask for a published post's public address.

    Source: https://developers.facebook.com/docs/threads/retrieve-and-discover-posts/retrieve-posts
    """
    return GraphRequest(Step.READ_MEDIA, "GET", f"/{media_id}", query={"fields": "permalink"}, token=token)


def read_permalink(reply: GraphReply) -> str | None:
    """Return the public address, or None if Threads gives none.

    Raises:
        ThreadsError: Threads did not tell whether there is one.

    """
    return shown.web_address(read_object(Step.READ_MEDIA, reply).get("permalink"))


def delete_post_request(token: Secret, media_id: str) -> GraphRequest:
    """Delete a published post.

    Source: https://developers.facebook.com/docs/threads/posts/delete-posts
    """
    return GraphRequest(Step.DELETE_POST, "DELETE", f"/{media_id}", token=token)


def read_deleted(reply: GraphReply) -> None:
    """Check that Threads has deleted a post.

    Raises:
        ThreadsError: Threads did not delete the post, or did not answer.

    """
    if read_object(Step.DELETE_POST, reply).get("success") is not True:
        raise unreadable(Step.DELETE_POST, reply)


def repost_request(token: Secret, media_id: str) -> GraphRequest:
    """Repost a post of any account.

    Source: https://developers.facebook.com/docs/threads/posts/reposts
    """
    return GraphRequest(Step.REPOST, "POST", f"/{media_id}/repost", token=token)


def read_repost_id(reply: GraphReply) -> str | None:
    """Return the repost's own id, or None if Threads reposted the post without telling an id.

    Raises:
        ThreadsError: Threads did not repost the post, or half an answer came.

    """
    answer = read_object(Step.REPOST, reply)
    if answer.get("success", True) is not True:
        raise unreadable(Step.REPOST, reply)
    repost_id = str(answer.get("id"))
    return repost_id if is_threads_id(repost_id) else None


def container_failure(status: ContainerStatus, reason: str) -> ThreadsError:
    """Return the error that a container's ERROR or EXPIRED means for the post.

    Source: https://developers.facebook.com/docs/threads/troubleshooting
    """
    why = reason or status
    return error_for(Evidence(Step.READ_CONTAINER, 200, is_envelope=False, reason=why, excerpt=why))


class RecentPost(NamedTuple):
    """A post in Threads' list of an account's posts."""

    media_id: str
    media_type: str
    text: str
    published_at: datetime
    permalink: str | None = None
    topic: str | None = None
    link: str | None = None
    """The address on its link card."""
    audience: str | None = None
    """Who may reply."""
    alt_text: str | None = None
    has_poll: bool = False
    has_gif: bool = False
    is_quote: bool = False


LISTED_TYPES = {"TEXT": "TEXT_POST", "IMAGE": "IMAGE", "VIDEO": "VIDEO", "CAROUSEL": "CAROUSEL_ALBUM"}
"""Threads' name for a published post of each kind.
https://developers.facebook.com/docs/threads/threads-media#fields"""


def read_instagram_status(reply: GraphReply) -> str | None:
    """Return how sharing to Instagram went: SUCCESS or FAILED, or None if it was not asked for.

    Source: https://developers.facebook.com/docs/threads/posts (cross-sharing)
    """
    status = read_object(Step.PUBLISH_CONTAINER, reply).get("crossreshare_to_ig_status")
    return redacted(status, limit=40) if isinstance(status, str) else None


def recent_posts_request(
    token: Secret, since: datetime, *, path: str = "/me/threads", after: str | None = None
) -> GraphRequest:
    """Ask for the account's own posts since a moment, the newest first. A page has at most 100.

    Args:
        token: the account's token.
        since: the moment.
        path: the list: ``/me/threads`` or ``/me/replies``.
        after: where the previous page ended; None asks for the first page.

    Source: https://developers.facebook.com/docs/threads/retrieve-and-discover-posts/retrieve-posts

    """
    query = {
        "fields": ",".join(LISTED_FIELDS),
        "since": str(int(since.timestamp())),
        "limit": "100",
        **({"after": after} if after else {}),
    }
    return GraphRequest(Step.LIST_POSTS, "GET", path, query=query, token=token)


LISTED_FIELDS = (
    "id",
    "media_type",
    "text",
    "timestamp",
    "permalink",
    "topic_tag",
    "link_attachment_url",
    "poll_attachment",
    "gif_url",
    "is_quote_post",
    "reply_audience",
    "alt_text",
)
"""What a list is asked to show of each post: all that tells two posts of an account apart.
https://developers.facebook.com/docs/threads/threads-media#fields"""


def read_recent_posts(reply: GraphReply) -> list[RecentPost]:
    """Return the listed posts, the oldest first.

    Raises:
        ThreadsError: Threads did not list them.

    """
    listed = read_object(Step.LIST_POSTS, reply).get("data")
    if not isinstance(listed, list):
        raise unreadable(Step.LIST_POSTS, reply)
    try:
        posts = [_recent_post(entry) for entry in listed if isinstance(entry, dict)]
    except (ValueError, OverflowError):
        raise unreadable(Step.LIST_POSTS, reply) from None
    return sorted(
        (post for post in posts if is_threads_id(post.media_id)), key=lambda post: post.published_at
    )


def time_ahead(reply: GraphReply, now: datetime) -> timedelta:
    """Return how far Threads' clock is ahead of ours, by the ``Date`` of an answer that has just come.

    The answer was on its way for a while. So the clock may be ahead a little more. Without a date (RFC 9110,
    section 6.6.1) the clocks count as equal.
    """
    try:
        return parsedate_to_datetime(reply.headers["date"]) - now
    except (KeyError, ValueError, TypeError):
        return timedelta()


def read_end_of_page(reply: GraphReply) -> str | None:
    """Return where a page of posts ends, or None if it is empty: then there are no more posts.

    A page may have fewer posts than were asked for without being the last one.

    Source: https://developers.facebook.com/docs/graph-api/results
    """
    answer = read_object(Step.LIST_POSTS, reply)
    paging = answer.get("paging")
    cursors = paging.get("cursors") if isinstance(paging, dict) else None
    after = cursors.get("after") if isinstance(cursors, dict) else None
    return after if answer.get("data") and isinstance(after, str) else None


class Quota(NamedTuple):
    """How many posts, or replies, of a rolling day's quota are used."""

    used: int
    total: int


def quota_request(token: Secret, *, replies: bool) -> GraphRequest:
    """Ask how many posts of today's quota are used. Replies have a quota of their own.

    Source: https://developers.facebook.com/docs/threads/troubleshooting#retrieve-publishing-quota-limit
    """
    query = {"fields": "reply_quota_usage,reply_config" if replies else "quota_usage,config"}
    return GraphRequest(Step.READ_QUOTA, "GET", "/me/threads_publishing_limit", query=query, token=token)


def read_quota(reply: GraphReply, *, replies: bool) -> Quota:
    """Return today's quota.

    Raises:
        ThreadsError: Threads did not tell the quota.

    """
    answer = read_object(Step.READ_QUOTA, reply)
    try:
        [limit, *_] = answer["data"]
        prefix = "reply_" if replies else ""
        return Quota(int(limit[f"{prefix}quota_usage"]), int(limit[f"{prefix}config"]["quota_total"]))
    except (KeyError, TypeError, ValueError, OverflowError):
        raise unreadable(Step.READ_QUOTA, reply) from None


def _recent_post(entry: Mapping[str, Any]) -> RecentPost:
    return RecentPost(
        media_id=str(entry.get("id")),
        media_type=str(entry.get("media_type")),
        text=str(entry.get("text") or ""),
        published_at=datetime.fromisoformat(str(entry.get("timestamp"))).astimezone(UTC),
        permalink=shown.web_address(entry.get("permalink")),
        topic=_text(entry.get("topic_tag")),
        link=_text(entry.get("link_attachment_url")),
        audience=_text(entry.get("reply_audience")),
        alt_text=_text(entry.get("alt_text")),
        has_poll=bool(entry.get("poll_attachment")),
        has_gif=bool(entry.get("gif_url")),
        is_quote=bool(entry.get("is_quote_post")),
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _id(answer: Mapping[str, Any], step: Step, reply: GraphReply) -> str:
    value = str(answer.get("id"))
    if not is_threads_id(value):
        raise unreadable(step, reply)
    return value
