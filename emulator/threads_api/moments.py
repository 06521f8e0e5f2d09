"""Reads the moments of ``since`` and ``until``: Unix times, and dates as PHP's ``strtotime`` takes them.

Meta, "Reference > User": "a Unix timestamp or a date/time representation parseable by strtotime()".

Of the many forms the usual ones are read: ``2024-05-01``, ``2024-05-01T12:00:00+0200``, ``1 May 2024``,
``May 1, 2024``, ``5/1/2024``, ``@1714521600``, ``now``, ``yesterday noon``, ``-1 week``, ``2 days ago``,
``last monday``, ``first day of next month``. A date without a zone is UTC.

Source: PHP manual, "Supported Date and Time Formats".
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_NAME = rf"({'|'.join(_DAYS)})[a-z]*"
_MONTH_NAME = rf"({'|'.join(_MONTHS)})[a-z]*"
_SECOND = r"(?::(?P<second>\d\d)(?:[.,](?P<fraction>\d+))?)?"
_UNIT = r"(sec|min|hour|day|weekday|week|fortnight|month|year)[a-z]*"
_SECONDS = {
    "sec": 1,
    "min": 60,
    "hour": 3600,
    "day": 86400,
    "weekday": 86400,
    "week": 604800,
    "fortnight": 1209600,
}
_DAYS_AWAY = {"today": 0, "midnight": 0, "yesterday": -1, "tomorrow": 1}
_WORDS_FOR_NUMBERS = {"last": -1, "previous": -1, "this": 0, "next": 1}
_MONTHS_A_YEAR = 12
_NOON = 12


def read_moment(text: str, now: datetime) -> datetime:
    """Return the moment that a text means at ``now``. Raises ValueError."""
    left = text.strip().lower()
    if left.isdecimal():
        return datetime.fromtimestamp(int(left), UTC)
    if not left:
        raise ValueError(text)
    moment = now.astimezone(UTC)
    while left:
        for pattern, change in _FORMS:
            if (match := pattern.match(left)) is not None:
                moment, left = change(moment, match), left[match.end() :].lstrip(" ,t")
                break
        else:
            raise ValueError(text)
    return moment


def _at_midnight(moment: datetime) -> datetime:
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def _on(moment: datetime, year: str | int, month: str | int, day: str | int) -> datetime:
    return _at_midnight(moment).replace(year=int(year), month=int(month), day=int(day))


def _month_number(name: str) -> int:
    return _MONTHS.index(name) + 1


def _clock(moment: datetime, match: re.Match[str]) -> datetime:
    hour = (
        int(match["hour"]) % _NOON + _NOON * (match["half"] == "p") if match["half"] else int(match["hour"])
    )
    fraction = int((match["fraction"] or "0")[:6].ljust(6, "0"))
    return moment.replace(
        hour=hour, minute=int(match["minute"] or 0), second=int(match["second"] or 0), microsecond=fraction
    )


def _zone(moment: datetime, match: re.Match[str]) -> datetime:
    if not match["sign"]:
        return moment
    offset = timedelta(hours=int(match["hours"]), minutes=int(match["minutes"] or 0))
    return moment - offset if match["sign"] == "+" else moment + offset


def _later(moment: datetime, count: int, unit: str) -> datetime:
    """Add units. A month without that day runs over into the next one, as in PHP."""
    if unit in _SECONDS:
        return moment + timedelta(seconds=count * _SECONDS[unit])
    months = moment.year * _MONTHS_A_YEAR + moment.month - 1
    months += count * (_MONTHS_A_YEAR if unit == "year" else 1)
    year, month = divmod(months, _MONTHS_A_YEAR)
    return moment.replace(year=year, month=month + 1, day=1) + timedelta(days=moment.day - 1)


def _weekday(moment: datetime, name: str, which: str | None) -> datetime:
    """Return the midnight of the next or the last such day; without a word today counts, too."""
    ahead = (_DAYS.index(name) - moment.weekday()) % len(_DAYS)
    if which in {"last", "previous"}:
        ahead = ahead - 7 if ahead else -7
    elif which == "next":
        ahead = ahead or 7
    return _at_midnight(moment) + timedelta(days=ahead)


def _edge_of_month(moment: datetime, match: re.Match[str]) -> datetime:
    moment = _later(moment.replace(day=1), _WORDS_FOR_NUMBERS[match[2]], "month")
    last = calendar.monthrange(moment.year, moment.month)[1]
    return moment.replace(day=1 if match[1] == "first" else last)


#: What may follow one after the other: a form, and how it changes the moment. The first that fits is taken.
_FORMS: tuple[tuple[re.Pattern[str], Callable[[datetime, re.Match[str]], datetime]], ...] = tuple(
    (re.compile(pattern), change)
    for pattern, change in (
        (r"@(-?\d+)", lambda _, m: datetime.fromtimestamp(int(m[1]), UTC)),
        (r"(\d{4})-(\d{1,2})-(\d{1,2})(?!\d)", lambda it, m: _on(it, m[1], m[2], m[3])),
        (r"(\d{1,2})/(\d{1,2})/(\d{4})", lambda it, m: _on(it, m[3], m[1], m[2])),
        (r"(\d{1,2})[.-](\d{1,2})[.-](\d{4})", lambda it, m: _on(it, m[3], m[2], m[1])),
        (
            rf"(\d{{1,2}})(?:st|nd|rd|th)?[ -]+{_MONTH_NAME}[ ,-]+(\d{{4}})",
            lambda it, m: _on(it, m[3], _month_number(m[2]), m[1]),
        ),
        (
            rf"{_MONTH_NAME}\.? +(\d{{1,2}})(?:st|nd|rd|th)?,? +(\d{{4}})",
            lambda it, m: _on(it, m[3], _month_number(m[1]), m[2]),
        ),
        (
            rf"(?P<hour>\d{{1,2}}):(?P<minute>\d\d){_SECOND}(?: ?(?P<half>[ap])\.?m\b\.?)?",
            _clock,
        ),
        (
            r"(?P<hour>\d{1,2})(?P<minute>)(?P<second>)(?P<fraction>) ?(?P<half>[ap])\.?m\b\.?",
            _clock,
        ),
        (rf"([+-]? ?\d+) *{_UNIT} +ago\b", lambda it, m: _later(it, -int(m[1].replace(" ", "")), m[2])),
        (rf"([+-]? ?\d+) *{_UNIT}\b", lambda it, m: _later(it, int(m[1].replace(" ", "")), m[2])),
        (r"(?P<sign>[+-])(?P<hours>\d\d):?(?P<minutes>\d\d)?\b", _zone),
        (r"(?P<sign>)(?:z|utc|gmt)\b", _zone),
        (r"now\b", lambda it, _: it),
        (
            r"(today|midnight|yesterday|tomorrow)\b",
            lambda it, m: _at_midnight(it) + timedelta(_DAYS_AWAY[m[1]]),
        ),
        (r"noon\b", lambda it, _: _at_midnight(it) + timedelta(hours=_NOON)),
        (r"(first|last) day of (last|previous|this|next) month\b", _edge_of_month),
        (rf"(last|previous|this|next) +{_UNIT}\b", lambda it, m: _later(it, _WORDS_FOR_NUMBERS[m[1]], m[2])),
        (rf"(last|previous|this|next) +{_DAY_NAME}\b", lambda it, m: _weekday(it, m[2], m[1])),
        (rf"{_DAY_NAME}\b", lambda it, m: _weekday(it, m[1], None)),
    )
)
