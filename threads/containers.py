"""Publishing as values: the calls that create, watch and publish a container, in pairs with their answers.

Source: https://developers.facebook.com/docs/threads/posts
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from threads.errors import Evidence, RejectedByThreads, ThreadsError, ThreadsUnavailable
from threads.graph import GraphReply, GraphRequest, Step, read_object, unreadable
from threads.wire import Secret, is_threads_id, redacted


class ContainerStatus(StrEnum):
    """The life of a container.

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
    """Create a container; a text with ``auto_publish_text`` is published by the same call.

    Source: https://developers.facebook.com/docs/threads/posts
    """
    form = {**parameters, **({"auto_publish_text": "true"} if auto_publish_text else {})}
    return GraphRequest(Step.CREATE_CONTAINER, "POST", "/me/threads", form=form, token=token)


def read_created_id(reply: GraphReply) -> str:
    """Return the id of the container, or with ``auto_publish_text`` the media id.

    Raises:
        ThreadsError: Threads did not create it, or did not say.

    """
    return _id(read_object(Step.CREATE_CONTAINER, reply), Step.CREATE_CONTAINER, reply)


def container_status_request(token: Secret, container_id: str) -> GraphRequest:
    """Ask how far a container is. On a published post's id this is an error (code 100)."""
    fields = {"fields": "status,error_message"}
    return GraphRequest(Step.READ_CONTAINER, "GET", f"/{container_id}", query=fields, token=token)


def read_container_status(reply: GraphReply) -> tuple[ContainerStatus, str]:
    """Return a container's status, and the reason when it is ERROR (else an empty text).

    Raises:
        ThreadsError: Threads did not say.

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
        ThreadsError: Threads did not publish it, or did not say.

    """
    return _id(read_object(Step.PUBLISH_CONTAINER, reply), Step.PUBLISH_CONTAINER, reply)


def permalink_request(token: Secret, media_id: str) -> GraphRequest:
    """Ask for a published post's public address.

    Source: https://developers.facebook.com/docs/threads/retrieve-and-discover-posts/retrieve-posts
    """
    return GraphRequest(Step.READ_MEDIA, "GET", f"/{media_id}", query={"fields": "permalink"}, token=token)


def read_permalink(reply: GraphReply) -> str | None:
    """Return the public address, or None when Threads has none to give.

    Raises:
        ThreadsError: Threads did not say.

    """
    permalink = read_object(Step.READ_MEDIA, reply).get("permalink")
    return permalink if isinstance(permalink, str) and permalink.startswith(("https://", "http://")) else None


def container_failure(reason: str) -> ThreadsError:
    """Say what a container's ERROR means for the post.

    Source: https://developers.facebook.com/docs/threads/troubleshooting
    """
    evidence = Evidence(Step.READ_CONTAINER, 200, excerpt=reason)
    if reason.startswith("INVALID_"):
        return RejectedByThreads(f"Threads cannot use this file: {reason}.", evidence=evidence)
    return ThreadsUnavailable(
        f"Threads could not process this file ({reason or 'UNKNOWN'}). Try again.", evidence=evidence
    )


def _id(answer: Mapping[str, Any], step: Step, reply: GraphReply) -> str:
    value = str(answer.get("id"))
    if not is_threads_id(value):
        raise unreadable(step, reply)
    return value
