"""What a connection is before it becomes an account: states, pending connections, and how they end.

A *state* stands for one authorization window. It belongs to one user (to sign in, there is none yet), and it
works once, within ten minutes. A *pending connection* is a code that came back from the window and waits
until the app confirms it.

Each of them can be used up only once, and the service exchanges a code only after that: ``exchange`` takes a
``Used`` and nothing else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from threads.base.errors import CallerError, InvalidHandle, InvalidState

PROVIDER = "threads"
"""The collection may also hold the states of other providers."""

CONNECT = "connect"
SIGN_IN = "signin"
MODES = (CONNECT, SIGN_IN)
"""What a window is opened for: to connect an account to a user, or to sign a user in."""

CONNECTED = "connected"
CANCELLED = "cancelled"
FAILED = "failed"
PENDING = "pending"
"""How a window has ended. ``pending``: its code waits for the app."""

EXCHANGE_TIME = timedelta(minutes=2)
"""How long something used up may have no end: the time limit of the functions that exchange codes. After
that, the next caller ends it: nothing is saved any more, and callers are told to connect again."""

USED_LIFETIME = timedelta(hours=1)
"""How long something used up answers a reload or a repeated request as it did the first time. It is kept as
long, even if it was used in the last second of its own lifetime."""


@dataclass(frozen=True)
class ExpectedAccount:
    """The account to connect again, if only a certain one is allowed."""

    account_id: str
    username: str | None
    """The name for messages."""


@dataclass(frozen=True)
class Asked:
    """What a window was opened for."""

    mode: str
    """One of ``MODES``."""
    uid: str | None
    """The user who opened it. None to sign in."""
    scopes: tuple[str, ...]
    account: ExpectedAccount | None = None
    challenge: str | None = None
    """To sign in: the challenge that the page's verifier must match (``pkce``)."""


@dataclass(frozen=True)
class End:
    """How something used up has ended."""

    status: str
    account_id: str | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)
    refused_scopes: tuple[str, ...] = ()
    error: str | None = None
    """The code of the error."""


@dataclass(frozen=True)
class Use:
    """When something was used up, and how it has ended, if it has."""

    used_at: datetime
    end: End | None = None
    code_id: str | None = None
    """Which code a state was used up with (``pending.code_id``). None: with none, as the user cancelled."""

    def may_be_running(self, now: datetime) -> bool:
        """Return whether the request that used it up may still be working on it."""
        return self.end is None and self.used_at + EXCHANGE_TIME > now


@dataclass(frozen=True)
class OAuthState:
    """A state as it was read."""

    state: str
    asked: Asked
    unverified_return_to: str | None
    """Checked when the window was opened. The allowed origins may have changed since."""
    is_confirmed: bool
    """Whether the app was promised that nothing is connected before it confirms."""
    expires_at: datetime
    use: Use | None = None
    version: Any = None
    """When it was last changed. This is the precondition of the next change."""


@dataclass(frozen=True)
class PendingConnection:
    """A code that waits for the app, as it was read."""

    pending_id: str
    asked: Asked
    sealed_code: str | None
    """None once it is used up."""
    expires_at: datetime
    use: Use | None = None
    version: Any = None
    """When it was last changed. This is the precondition of the next change."""


OneTime = OAuthState | PendingConnection
"""What can be used up, once."""


def unusable(of: OneTime) -> CallerError:
    """Return the error that says that a state or a handle does not work, or not any more."""
    return InvalidState() if isinstance(of, OAuthState) else InvalidHandle()


T = TypeVar("T", OAuthState, PendingConnection)


@dataclass(frozen=True)
class Used(Generic[T]):
    """A state or a pending connection that this request has used up. Only the repository creates one."""

    of: T
    version: Any

    @property
    def asked(self) -> Asked:
        """What the window was opened for."""
        return self.of.asked


UsedUp = Used[OAuthState] | Used[PendingConnection]
"""A state or a pending connection that was used up."""

RUNNING = "running"
DONE = "done"


@dataclass(frozen=True)
class Deletion:
    """A data deletion, of a Threads user for Meta, or of a user of the app. It is kept a while once done."""

    code: str
    """The confirmation code."""
    state: str
    """``running`` or ``done``."""
    threads_user_id: str | None
    """The Threads user to forget. None once it is done, and for a user of the app."""
    issued_at: datetime
    """When the request was issued."""
    due_at: datetime | None
    """When it is tried next."""
    settles_at: datetime | None = None
    """From this moment on, nothing is under way any more that began before the account was forgotten."""
    account_ids: Sequence[str] = ()
    """The ids of the user's accounts. Once the accounts are deleted, only this field still tells them."""
    uid: str | None = None
    """The user of the app to forget. None once it is done, and for a Threads user."""
    searched_to: float = 0
    """How far the search for the Threads user's accounts has come, of 1, if a try had too little time."""
