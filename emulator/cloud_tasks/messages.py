"""The messages of the protocol: their classes, and how times are read from them.

The classes are made at run time, so for the type checker they are ``Any``.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from google.cloud.tasks_v2 import types
from google.protobuf.empty_pb2 import Empty as EmptyMessage  # type: ignore[import-untyped]

from emulator.cloud_tasks.errors import invalid

CreateTaskRequest: Any = types.CreateTaskRequest.pb()
DeleteTaskRequest: Any = types.DeleteTaskRequest.pb()
Task: Any = types.Task.pb()
Empty: Any = EmptyMessage
View: Any = types.Task.View
Method: Any = types.HttpMethod


def span(duration: Any) -> timedelta:
    """Read a duration. Raises Refused if it is too long."""
    try:
        read: timedelta = duration.ToTimedelta()
    except (ValueError, OverflowError) as error:
        raise invalid("A duration is out of its bounds.") from error
    return read


def moment(timestamp: Any) -> datetime:
    """Read a timestamp. Like the service, cut it to microseconds."""
    read: datetime = timestamp.ToDatetime(tzinfo=UTC)
    return read
