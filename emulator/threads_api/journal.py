"""The journal: what the emulator was asked, as it came, for tests to look at. No HTTP objects in here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime


@dataclass
class Entry:
    """One received request. Tokens stand here as they came: that is what tests want to see."""

    received_at: datetime
    method: str
    #: As it came, version segment included.
    path: str
    #: A name that came several times has the list of its values.
    query: dict[str, str | list[str]]
    form: dict[str, str | list[str]]
    headers: dict[str, str]
    #: The answer's status; None while it is being served, and when no whole answer was sent.
    status: int | None = None
    #: "before", "after" or "mid_body" when a script dropped the connection.
    dropped: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the entry as ``GET /_emulator/requests`` shows it."""
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "form": self.form,
            "headers": self.headers,
            "status": self.status,
            "dropped": self.dropped,
            "time": self.received_at.isoformat(),
        }
