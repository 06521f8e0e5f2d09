"""Versions of documents: the moments of their last changes, in the forms that the real client has."""

from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp  # type: ignore[import-untyped]
from proto.datetime_helpers import DatetimeWithNanoseconds  # type: ignore[import-untyped]

from tests.firestore.values import in_utc


def version_at(moment: datetime) -> datetime:
    """Return a version as answers have it."""
    version = in_utc(DatetimeWithNanoseconds, moment)
    version._nanosecond = moment.microsecond * 1000
    answered: datetime = version
    return answered


def as_message(version: datetime) -> Any:
    """Return a version as the real client returns it from a query across collections."""
    message = Timestamp()
    message.FromDatetime(version)
    return message


def read_version(version: object) -> datetime | None:
    """Return the version that a precondition names, None where it names none.

    Raises:
        TypeError: it is no version.

    """
    if isinstance(version, Timestamp):
        moment: datetime = version.ToDatetime(UTC)
        return moment
    if version is None or (isinstance(version, datetime) and version.tzinfo):
        return version
    raise TypeError(f"A version is an aware datetime or a Timestamp, not {version!r}.")
