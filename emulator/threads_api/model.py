"""The things of the emulated Threads: apps, accounts, codes, tokens, containers, posts."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

#: Meta, "Long-lived tokens": about 60 days. The sample answer shows this number.
LONG_LIVED = timedelta(seconds=5_183_944)
#: Meta, "Get access tokens": a short-lived token is valid for one hour.
SHORT_LIVED = timedelta(hours=1)
#: Meta, "Get authorization": a code is valid for one hour, and works once.
CODE_LIFETIME = timedelta(hours=1)
#: Meta, "Long-lived tokens": a token can be refreshed when it is a day old.
REFRESHABLE_AFTER = timedelta(hours=24)
#: Meta, "Troubleshooting": a container expires if it is not published within a day.
CONTAINER_LIFETIME = timedelta(hours=24)
#: Meta, "Ghost posts": Threads archives them after a day.
GHOST_LIFETIME = timedelta(hours=24)
#: Meta, "Overview > Rate limiting": every limit counts the last 24 hours.
QUOTA_WINDOW = timedelta(hours=24)

#: The parameters of a creation: name and value.
Content = dict[str, Any]


class Status(StrEnum):
    """A container's status (Meta, "Troubleshooting > Media container's publishing status")."""

    IN_PROGRESS = "IN_PROGRESS"
    FINISHED = "FINISHED"
    PUBLISHED = "PUBLISHED"
    ERROR = "ERROR"
    EXPIRED = "EXPIRED"


class Quota(StrEnum):
    """What an account can use up in 24 hours."""

    POSTS = "posts"
    REPLIES = "replies"
    DELETIONS = "deletions"
    LOCATION_SEARCHES = "location searches"
    KEYWORD_SEARCHES = "keyword searches"
    PROFILE_LOOKUPS = "profile lookups"


class Approval(StrEnum):
    """What became of a reply that has to be approved (Meta, "Reply management > Reply approvals")."""

    PENDING = "pending"
    IGNORED = "ignored"
    APPROVED = "approved"


class HideStatus(StrEnum):
    """Whether a reply is hidden. Meta lists more values, which only Threads itself sets."""

    NOT_HUSHED = "NOT_HUSHED"
    HIDDEN = "HIDDEN"
    UNHUSHED = "UNHUSHED"


@dataclass(frozen=True)
class App:
    """An app that is registered with Meta. Redirect URIs are compared byte for byte."""

    id: str
    secret: str = field(repr=False)
    redirect_uris: tuple[str, ...]
    name: str = "Your app"
    #: The addresses that Meta's App Dashboard asks for. None: nothing is sent.
    deauthorize_url: str | None = None
    delete_url: str | None = None
    webhook_url: str | None = None
    webhook_verify_token: str = field(default="", repr=False)
    #: The webhooks that are subscribed in the App Dashboard.
    webhook_fields: tuple[str, ...] = ("publish", "mentions", "replies", "delete")


@dataclass
class Account:
    """A Threads account that an app can connect."""

    id: str
    username: str
    name: str = ""
    biography: str = ""
    is_verified: bool = False
    is_eligible_for_geo_gating: bool = True
    #: None: a made-up number.
    followers_count: int | None = None
    #: False: "has not accepted the invite to test the app", which is needed while the app is in development.
    accepted_invite: bool = True


@dataclass
class Code:
    """An authorization code. It is forgotten when it is used."""

    value: str = field(repr=False)
    app_id: str
    account_id: str
    redirect_uri: str
    scopes: tuple[str, ...]
    issued_at: datetime


class Ending(StrEnum):
    """Why a token stopped working before it expired."""

    REVOKED = "revoked"
    #: The same, but every call is answered 24/4279009, as if what it names did not exist (seen).
    NOT_FOUND = "not_found"
    #: The same, but every call is answered 100, subcode 33 (seen).
    UNSUPPORTED = "unsupported"
    #: The other ways in which Meta documents that a session ends ("Access tokens > Errors").
    CHECKPOINTED = "checkpointed"
    UNCONFIRMED = "unconfirmed"
    INVALID = "invalid"
    SESSION_INVALID = "session_invalid"
    SESSION_ENDED = "session_ended"
    #: The owner of the account has removed the app.
    REMOVED = "removed"
    #: A refresh has replaced it.
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
        """When the token expires."""
        return self.issued_at + (LONG_LIVED if self.long_lived else SHORT_LIVED)

    def works(self, now: datetime) -> bool:
        """Return whether the token works at ``now``."""
        return self.ended_by is None and now < self.expires_at


class Fate(StrEnum):
    """What becomes of a container that cannot be published, whatever its processing comes to."""

    #: Threads does not find it any more (seen).
    LOST = "lost"
    #: It has expired, before its day is over.
    EXPIRED = "expired"


@dataclass(frozen=True)
class Outcome:
    """How the processing of a container ends."""

    #: None: it never ends.
    seconds: float | None
    #: One of Meta's values ("Troubleshooting"); None: it succeeds.
    error_message: str | None = None
    fate: Fate | None = None


@dataclass
class ScriptedOutcome:
    """The outcome of the next ``times`` containers of a media type. None: of images and videos."""

    outcome: Outcome
    media_type: str | None
    times: int

    def fits(self, media_type: str) -> bool:
        """Return whether this script is for a container of this media type."""
        return media_type == self.media_type or (self.media_type is None and media_type in {"IMAGE", "VIDEO"})


@dataclass
class Container:
    """An unpublished media object."""

    id: str
    account_id: str
    content: Content
    created_at: datetime
    #: When processing ends; None: never.
    ready_at: datetime | None
    error_message: str | None = None
    fate: Fate | None = None
    media_id: str | None = None

    def status(self, now: datetime) -> Status:
        """Return the container's status at ``now``."""
        if self.media_id is not None:
            return Status.PUBLISHED
        if self.fate is Fate.EXPIRED or now >= self.created_at + CONTAINER_LIFETIME:
            return Status.EXPIRED
        if self.ready_at is None or now < self.ready_at:
            return Status.IN_PROGRESS
        return Status.ERROR if self.error_message else Status.FINISHED


@dataclass
class Post:
    """A published post. ``id`` is its media id."""

    id: str
    account_id: str
    shortcode: str
    content: Content
    published_at: datetime
    container_id: str | None = None
    deleted_at: datetime | None = None
    #: None: it need not be approved.
    approval: Approval | None = None
    hide_status: HideStatus = HideStatus.NOT_HUSHED

    @property
    def is_reply(self) -> bool:
        """Whether the post is a reply."""
        return "reply_to_id" in self.content

    def gone(self, now: datetime) -> bool:
        """Return whether the post is deleted, or a ghost post that is over."""
        if self.deleted_at is not None:
            return True
        return bool(self.content.get("is_ghost_post")) and now >= self.published_at + GHOST_LIFETIME


@dataclass(frozen=True)
class Search:
    """A keyword that an account has searched for."""

    query: str
    made_at: datetime
