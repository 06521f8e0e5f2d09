"""The protocol's messages: which classes they have, their defaults, and what is read out of them.

Everything else works with these messages as they are; their classes are made at run time, so for the type
checker they are ``Any``.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud.tasks_v2 import types
from google.protobuf.empty_pb2 import Empty as EmptyMessage  # type: ignore[import-untyped]
from google.protobuf.field_mask_pb2 import FieldMask as FieldMaskMessage  # type: ignore[import-untyped]

from emulator.cloud_tasks.errors import invalid, unsupported
from emulator.cloud_tasks.retries import UNLIMITED, RetryRules

Empty: Any = EmptyMessage
FieldMask: Any = FieldMaskMessage
Queue: Any = types.Queue.pb()
Task: Any = types.Task.pb()
State: Any = types.Queue.State
View: Any = types.Task.View
Method: Any = types.HttpMethod

#: What the real service picks (seen in ``gcloud tasks queues describe``).
DEFAULT_RATE = 500.0
DEFAULT_CONCURRENCY = 1_000
DEFAULT_ATTEMPTS = 100
DEFAULT_DOUBLINGS = 16
DEFAULT_MIN_BACKOFF = timedelta(milliseconds=100)
DEFAULT_MAX_BACKOFF = timedelta(hours=1)

#: ``RateLimits``: "the maximum allowed value".
HIGHEST_RATE = 500.0
HIGHEST_CONCURRENCY = 5_000

#: What callers cannot set.
OUTPUT_ONLY = ("name", "state", "purge_time")


def with_defaults(given: Any) -> Any:
    """Return a queue's message in which every limit is set, or raise Refused."""
    queue = Queue()
    queue.CopyFrom(given)
    if queue.HasField("app_engine_routing_override") or queue.HasField("http_target"):
        raise unsupported("queue-level routing")
    queue.state = queue.state or State.RUNNING
    limits, retry = queue.rate_limits, queue.retry_config
    limits.max_dispatches_per_second = limits.max_dispatches_per_second or DEFAULT_RATE
    limits.max_concurrent_dispatches = limits.max_concurrent_dispatches or DEFAULT_CONCURRENCY
    _fill_retry_config(retry)
    check_queue(queue)
    limits.max_burst_size = math.ceil(limits.max_dispatches_per_second)
    return queue


def _fill_retry_config(retry: Any) -> None:
    """Set what is not set. In proto3 a zero cannot be told from nothing."""
    retry.max_attempts = retry.max_attempts or DEFAULT_ATTEMPTS
    retry.max_doublings = retry.max_doublings or DEFAULT_DOUBLINGS
    if not retry.HasField("min_backoff"):
        retry.min_backoff.FromTimedelta(DEFAULT_MIN_BACKOFF)
    if not retry.HasField("max_backoff"):
        retry.max_backoff.FromTimedelta(DEFAULT_MAX_BACKOFF)
    retry.max_retry_duration.SetInParent()


def check_queue(queue: Any) -> None:
    """Raise Refused for a limit out of its bounds."""
    limits = queue.rate_limits
    if not 0 < limits.max_dispatches_per_second <= HIGHEST_RATE:
        raise invalid(f"max_dispatches_per_second must be above 0 and at most {HIGHEST_RATE:.0f}.")
    if not 0 < limits.max_concurrent_dispatches <= HIGHEST_CONCURRENCY:
        raise invalid(f"max_concurrent_dispatches must be from 1 to {HIGHEST_CONCURRENCY}.")
    check_retry_config(queue.retry_config)


def check_retry_config(retry: Any) -> None:
    """Raise Refused for retry rules out of their bounds."""
    if retry.max_attempts < UNLIMITED:
        raise invalid("max_attempts must be -1 (unlimited) or more.")
    if retry.max_doublings < 0:
        raise invalid("max_doublings must not be negative.")
    for name in ("min_backoff", "max_backoff", "max_retry_duration"):
        if span(getattr(retry, name)) < timedelta():
            raise invalid(f"{name} must not be negative.")


def updated(queue: Any, given: Any, mask: Any) -> Any:
    """Return a queue's message with the fields of ``given`` that the mask names; an empty one names all."""
    merged = Queue()
    merged.CopyFrom(queue if mask.paths else given)
    try:
        mask.MergeMessage(given, merged, replace_message_field=True)
    except ValueError as error:
        raise invalid(f"update_mask: {error}.") from error
    for name in OUTPUT_ONLY:
        merged.ClearField(name)
    result = with_defaults(merged)
    if mask.paths and "retry_config" not in mask.paths:
        # Here a zero is one that somebody has set.
        result.retry_config.max_doublings = merged.retry_config.max_doublings
    result.name, result.state = queue.name, queue.state
    if queue.HasField("purge_time"):
        result.purge_time.CopyFrom(queue.purge_time)
    return result


def retry_rules(retry: Any) -> RetryRules:
    """Read a retry configuration in which everything is set."""
    return RetryRules(
        max_attempts=retry.max_attempts,
        max_retry_duration=span(retry.max_retry_duration),
        min_backoff=span(retry.min_backoff),
        max_backoff=span(retry.max_backoff),
        max_doublings=retry.max_doublings,
    )


def task_retry_config(task: Any) -> Any | None:
    """Return a task's own retry configuration with its defaults, or None when it has none."""
    if not task.HasField("retry_config"):
        return None
    _fill_retry_config(task.retry_config)
    check_retry_config(task.retry_config)
    return task.retry_config


def span(duration: Any) -> timedelta:
    """Read a duration, or raise Refused."""
    try:
        read: timedelta = duration.ToTimedelta()
    except (ValueError, OverflowError) as error:
        raise invalid("A duration is out of its bounds.") from error
    return read


def moment(timestamp: Any) -> datetime:
    """Read a timestamp; microseconds are as fine as it gets, as in the service."""
    read: datetime = timestamp.ToDatetime(tzinfo=UTC)
    return read
