"""The dates of ``since`` and ``until``, as PHP's ``strtotime`` reads them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from emulator.threads_api.moments import read_moment

#: A Wednesday.
NOW = datetime(2026, 5, 13, 15, 30, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1714521600", "2024-05-01T00:00:00"),
        ("@1714521600", "2024-05-01T00:00:00"),
        ("2024-05-01", "2024-05-01T00:00:00"),
        ("2024-05-01 12:34", "2024-05-01T12:34:00"),
        ("2024-05-01T12:34:56Z", "2024-05-01T12:34:56"),
        ("2024-05-01T12:34:56.789+0000", "2024-05-01T12:34:56.789000"),
        ("2024-05-01T12:00:00+02:00", "2024-05-01T10:00:00"),
        ("2024-05-01T12:00:00-0730", "2024-05-01T19:30:00"),
        ("5/1/2024", "2024-05-01T00:00:00"),
        ("01.05.2024", "2024-05-01T00:00:00"),
        ("1 May 2024", "2024-05-01T00:00:00"),
        ("May 1st, 2024 3:05 pm", "2024-05-01T15:05:00"),
        ("Wed, 01 May 2024 12:00:00 GMT", "2024-05-01T12:00:00"),
        ("now", "2026-05-13T15:30:20"),
        ("today", "2026-05-13T00:00:00"),
        ("yesterday", "2026-05-12T00:00:00"),
        ("yesterday noon", "2026-05-12T12:00:00"),
        ("tomorrow 8am", "2026-05-14T08:00:00"),
        ("-1 week", "2026-05-06T15:30:20"),
        ("+1 week 2 days 4 hours", "2026-05-22T19:30:20"),
        ("2 days ago", "2026-05-11T15:30:20"),
        ("last month", "2026-04-13T15:30:20"),
        ("last monday", "2026-05-11T00:00:00"),
        ("next wednesday", "2026-05-20T00:00:00"),
        ("friday", "2026-05-15T00:00:00"),
        ("first day of next month", "2026-06-01T15:30:20"),
        ("last day of last month midnight", "2026-04-30T00:00:00"),
        ("2024-01-31 +1 month", "2024-03-02T00:00:00"),
        ("", None),
        ("some day", None),
        ("2024-13-01", None),
    ],
)
def test_dates(text: str, expected: str | None) -> None:
    """The usual forms of ``strtotime`` are read; what is not read is an error."""
    if expected is None:
        with pytest.raises(ValueError, match=r".*"):
            read_moment(text, NOW)
    else:
        assert read_moment(text, NOW) == datetime.fromisoformat(expected).replace(tzinfo=UTC)
