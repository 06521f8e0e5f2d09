"""What the emulated Threads remembers: apps, accounts, codes, tokens, containers, posts, deliveries."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

#: Meta, "Long-lived tokens": about 60 days; this is the number its sample answer shows.
LONG_LIVED = timedelta(seconds=5_183_944)
#: Meta, "Get access tokens": short-lived tokens are valid for one hour.
SHORT_LIVED = timedelta(hours=1)
#: Meta, "Get authorization": a code is valid for one hour and for one use.
CODE_LIFETIME = timedelta(hours=1)
#: Meta, "Long-lived tokens": a token must be at least a day old before it can be refreshed.
REFRESHABLE_AFTER = timedelta(hours=24)
#: Meta, "Troubleshooting": a container that was not published within a day is expired.
CONTAINER_LIFETIME = timedelta(hours=24)
#: Meta, "Ghost posts": archived after a day.
GHOST_LIFETIME = timedelta(hours=24)
#: Meta, "Overview > Rate limiting": every limit counts the last 24 hours.
QUOTA_WINDOW = timedelta(hours=24)

#: What was read from a creation request: parameter name to its value.
Content = dict[str, Any]


class Status(StrEnum):
    """A container's status (Meta, "Troubleshooting > Media container's publishing status")."""

    IN_PROGRESS = "IN_PROGRESS"
    FINISHED = "FINISHED"
    PUBLISHED = "PUBLISHED"
    ERROR = "ERROR"
    EXPIRED = "EXPIRED"


class Quota(StrEnum):
    """What is limited per account and 24 hours."""

    POSTS = "posts"
    REPLIES = "replies"
    DELETIONS = "deletions"


@dataclass(frozen=True)
class App:
    """An app registered with Meta; ``redirect_uris`` are compared byte for byte."""

    id: str
    secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    name: str = "Your app"
    #: Where the app wants to be called, as the fields of the App Dashboard say; None: nothing is sent.
    deauthorize_url: str | None = None
    delete_url: str | None = None
    webhook_url: str | None = None
    webhook_verify_token: str = field(default="", repr=False)


@dataclass
class Account:
    """A Threads account that somebody may connect."""

    id: str
    username: str
    name: str = ""
    biography: str = ""
    is_verified: bool = False
    is_eligible_for_geo_gating: bool = True
    #: False: "has not accepted the invite to test the app", as long as the app is in development.
    accepted_invite: bool = True


@dataclass
class Code:
    """An authorization code; it is forgotten when it is used."""

    value: str = field(repr=False)
    app_id: str
    account_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    issued_at: datetime


class Ending(StrEnum):
    """Why a token does not work although its time has not come."""

    REVOKED = "revoked"
    #: The account's owner has removed the app.
    REMOVED = "removed"
    #: Another one has taken its place.
    REFRESHED = "refreshed"


@dataclass
class Token:
    """A user access token."""

    value: str = field(repr=False)
    app_id: str
    account_id: str
    scopes: tuple[str, ...]
    long_lived: bool
    issued_at: datetime
    ended_by: Ending | None = None

    @property
    def expires_at(self) -> datetime:
        """When the token stops to work by itself."""
        return self.issued_at + (LONG_LIVED if self.long_lived else SHORT_LIVED)

    def works(self, now: datetime) -> bool:
        """Tell whether the token opens anything at ``now``."""
        return self.ended_by is None and now < self.expires_at


@dataclass(frozen=True)
class Outcome:
    """How the processing of a container goes."""

    #: None: it never finishes.
    seconds: float | None
    #: One of Meta's values ("Troubleshooting"), or None when the media is fine.
    error_message: str | None = None


@dataclass
class Container:
    """An unpublished media object."""

    id: str
    account_id: str
    content: Content
    created_at: datetime
    #: None: processing never finishes.
    ready_at: datetime | None
    error_message: str | None = None
    media_id: str | None = None

    def status(self, now: datetime) -> Status:
        """Return the status at ``now``."""
        if self.media_id is not None:
            return Status.PUBLISHED
        if now >= self.created_at + CONTAINER_LIFETIME:
            return Status.EXPIRED
        if self.ready_at is None or now < self.ready_at:
            return Status.IN_PROGRESS
        return Status.ERROR if self.error_message else Status.FINISHED


@dataclass
class Post:
    """A published post; ``id`` is its media id."""

    id: str
    account_id: str
    shortcode: str
    content: Content
    published_at: datetime
    container_id: str | None = None
    deleted_at: datetime | None = None

    @property
    def is_reply(self) -> bool:
        """Whether the post answers another one."""
        return "reply_to_id" in self.content

    def gone(self, now: datetime) -> bool:
        """Tell whether nobody can see the post any more: deleted, or a ghost post after its day."""
        if self.deleted_at is not None:
            return True
        return bool(self.content.get("is_ghost_post")) and now >= self.published_at + GHOST_LIFETIME


class Kind(StrEnum):
    """What a delivery is about."""

    SUBSCRIBE = "subscribe"
    PUBLISH = "publish"
    DELETE = "delete"
    DEAUTHORIZE = "deauthorize"
    DELETE_DATA = "delete_data"


@dataclass
class Delivery:
    """One request from Threads to an app, and what the app answered."""

    kind: Kind
    app_id: str
    #: Whose account it is about; None for a subscription.
    account_id: str | None
    method: str
    url: str
    headers: dict[str, str]
    body: str
    created_at: datetime
    #: The answer's status, and the beginning of its text; None while there is none, or there never was.
    status: int | None = None
    answer: str | None = None
    #: Why there is no answer, or why nothing was sent.
    error: str | None = None

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it."""
        return self.status is not None or self.error is not None
