"""The rules for a new task. Each check takes the task and raises Refused.

Source: the reference of ``google.cloud.tasks.v2``, ``Task`` and ``HttpRequest``; Google, "Quotas".
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from emulator.cloud_tasks.errors import invalid, unsupported
from emulator.cloud_tasks.messages import Method, moment, span

if TYPE_CHECKING:
    from datetime import datetime

#: "Maximum task size", of the whole message.
LARGEST_TASK = 1024 * 1024
#: ``HttpRequest.headers``: "must be less than 80KB".
LARGEST_HEADERS = 80 * 1024
#: ``HttpRequest.url``, after encoding.
LONGEST_URL = 2083
#: "Maximum schedule time for a task".
FARTHEST_SCHEDULE = timedelta(days=30)
#: ``Task.dispatch_deadline``.
SHORTEST_DEADLINE = timedelta(seconds=15)
LONGEST_DEADLINE = timedelta(minutes=30)

METHODS_WITH_BODY = {Method.POST, Method.PUT, Method.PATCH}

# RFC 9110, 5.1 and 5.5.
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[^\x00\r\n]*")
# Characters that are not encoded: RFC 3986, section 2.2, and the percent sign of what is already encoded.
_SAFE_IN_URL = "%:/?#[]@!$&'()*+,;=~"


def check_task(task: Any, now: datetime) -> None:
    """Raise Refused for the first rule that a task breaks."""
    _has_an_http_target(task)
    _has_no_rules_of_its_own(task)
    _url_is_absolute(task.http_request.url)
    _headers_can_be_sent(task.http_request.headers)
    _body_fits_the_method(task.http_request)
    _authorization_is_known(task.http_request)
    _deadline_is_in_bounds(task)
    _schedule_is_near(task, now)
    if task.ByteSize() > LARGEST_TASK:
        raise invalid(f"Task size too large: {task.ByteSize()} bytes, at most {LARGEST_TASK}.")


def encoded_url(url: str) -> str:
    """Return a URL as it will be sent."""
    return quote(url, safe=_SAFE_IN_URL)


def _has_an_http_target(task: Any) -> None:
    if task.HasField("app_engine_http_request"):
        raise unsupported("App Engine targets: use http_request")
    if not task.HasField("http_request"):
        raise invalid("The task needs an http_request.")


def _has_no_rules_of_its_own(task: Any) -> None:
    if task.HasField("retry_config"):
        raise unsupported("retry_config of a task: configure the queue")


def _url_is_absolute(url: str) -> None:
    try:
        parts = urlsplit(url)
        is_whole = bool(parts.scheme.lower() in {"http", "https"} and parts.hostname and parts.port != 0)
    except ValueError:
        is_whole = False
    if not is_whole:
        raise invalid('HttpRequest.url must begin with "http://" or "https://" and name a host.')
    if len(encoded_url(url)) > LONGEST_URL:
        raise invalid(f"HttpRequest.url must be at most {LONGEST_URL} characters long.")


def _headers_can_be_sent(headers: Any) -> None:
    for name, value in headers.items():
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(value):
            raise invalid(f"HttpRequest.headers: {name!r} is not a header.")
    if sum(len(name.encode()) + len(value.encode()) for name, value in headers.items()) >= LARGEST_HEADERS:
        raise invalid(f"HttpRequest.headers must be smaller than {LARGEST_HEADERS} bytes.")


def _body_fits_the_method(request: Any) -> None:
    if request.body and (request.http_method or Method.POST) not in METHODS_WITH_BODY:
        raise invalid("A request body is allowed only with POST, PUT and PATCH.")


def _authorization_is_known(request: Any) -> None:
    if request.HasField("oauth_token"):
        raise unsupported("oauth_token: only Google's own APIs accept such tokens")
    if request.HasField("oidc_token") and not request.oidc_token.service_account_email:
        raise invalid("OidcToken.service_account_email is required.")


def _deadline_is_in_bounds(task: Any) -> None:
    deadline = span(task.dispatch_deadline)
    given = task.HasField("dispatch_deadline")
    if given and not SHORTEST_DEADLINE <= deadline <= LONGEST_DEADLINE:
        raise invalid("Task.dispatch_deadline must be between [15s, 30m].")


def _schedule_is_near(task: Any, now: datetime) -> None:
    try:
        too_far = task.HasField("schedule_time") and moment(task.schedule_time) > now + FARTHEST_SCHEDULE
    except (ValueError, OverflowError):
        too_far = True
    if too_far:
        raise invalid("Task.schedule_time must be at most 30 days ahead.")
