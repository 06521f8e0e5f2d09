"""The HTTP request of a delivery, with its headers.

Source: Google, "Create HTTP target tasks > Writing a task handler"; the reference of
``google.cloud.tasks.v2``, ``HttpRequest``. ``TaskRetryReason`` was empty in every recorded request.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.cloud_tasks.checks import encoded_url
from emulator.cloud_tasks.messages import Method, span
from emulator.cloud_tasks.names import short

if TYPE_CHECKING:
    from emulator.cloud_tasks.model import Delivery
    from emulator.cloud_tasks.world import World

USER_AGENT = "Google-Cloud-Tasks"

#: "Some HTTP request headers will be ignored or replaced."
_REPLACED = {"host", "content-length", "user-agent", "transfer-encoding", "connection"}
_RESERVED = ("x-google-", "x-appengine-", "x-cloudtasks-")


@dataclass(frozen=True)
class Request:
    """An HTTP request, and how many seconds its answer may take."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes
    seconds: float


def request_of(world: World, delivery: Delivery) -> Request:
    """Return the request of a delivery."""
    message = delivery.task.message
    sent = message.http_request
    headers = {name: value for name, value in sent.headers.items() if _is_kept(name)}
    headers["User-Agent"] = USER_AGENT
    headers |= _task_headers(delivery)
    if sent.HasField("oidc_token"):
        headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        headers["Authorization"] = f"Bearer {_token(world, delivery)}"
    own_deadline = span(message.dispatch_deadline).total_seconds()
    seconds = world.settings.dispatch_deadline_seconds or own_deadline
    return Request(Method(sent.http_method).name, encoded_url(sent.url), headers, sent.body, seconds)


def _task_headers(delivery: Delivery) -> dict[str, str]:
    headers = {
        "X-CloudTasks-QueueName": delivery.queue.short_name,
        "X-CloudTasks-TaskName": short(delivery.task.name),
        "X-CloudTasks-TaskRetryCount": str(delivery.retry_count),
        "X-CloudTasks-TaskExecutionCount": str(delivery.execution_count),
        "X-CloudTasks-TaskETA": f"{delivery.scheduled_at.timestamp():.6f}",
    }
    if delivery.previous is not None:
        headers["X-CloudTasks-TaskPreviousResponse"] = str(delivery.previous)
        headers["X-CloudTasks-TaskRetryReason"] = ""
    return headers


def _token(world: World, delivery: Delivery) -> str:
    sent = delivery.task.message.http_request
    # Google, ``OidcToken.audience``: "If not specified, the URI specified in target will be used."
    audience = sent.oidc_token.audience or sent.url
    return world.signer.token(world.issuer, sent.oidc_token.service_account_email, audience)


def _is_kept(name: str) -> bool:
    return name.lower() not in _REPLACED and not name.lower().startswith(_RESERVED)
