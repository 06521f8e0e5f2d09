"""The journal of the requests that were received, as they were sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime


@dataclass
class Entry:
    """One received request. It shows tokens in full, because tests look at them."""

    received_at: datetime
    method: str
    #: As it was sent, with the version.
    path: str
    #: A name that was sent several times has a list of values.
    query: dict[str, str | list[str]]
    form: dict[str, str | list[str]]
    headers: dict[str, str]
    #: The status of the answer; None while there is none, and if it was not sent completely.
    status: int | None = None
    #: When a script reset the connection: "before", "after" or "mid_body".
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
