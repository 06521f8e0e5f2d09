"""A delivery: one request from Threads to an app."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime


class Kind(StrEnum):
    """What a delivery is about."""

    SUBSCRIBE = "subscribe"
    PUBLISH = "publish"
    MENTIONS = "mentions"
    REPLIES = "replies"
    DELETE = "delete"
    DEAUTHORIZE = "deauthorize"
    DELETE_DATA = "delete_data"


@dataclass
class Delivery:
    """One request from Threads to an app, and what the app answered."""

    kind: Kind
    app_id: str
    #: The account that it is about; None for a subscription.
    account_id: str | None
    method: str
    url: str
    headers: dict[str, str]
    body: str
    created_at: datetime
    #: The status of the answer and the beginning of its text; None while there is no answer.
    status: int | None = None
    answer: str | None = None
    #: Why there is no answer, or why the delivery was not sent.
    error: str | None = None

    @property
    def ended(self) -> bool:
        """Whether the delivery was answered, or has failed."""
        return self.status is not None or self.error is not None

    def as_json(self) -> dict[str, Any]:
        """Return the delivery as the controls show it."""
        return {
            "kind": self.kind,
            "app_id": self.app_id,
            "account_id": self.account_id,
            "method": self.method,
            "url": self.url,
            "headers": self.headers,
            "body": self.body,
            "time": self.created_at.isoformat(),
            "status": self.status,
            "answer": self.answer,
            "error": self.error,
        }
