"""The objects that this package works with. ``app`` creates the real ones."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from threads.accounts.parts import AccountParts
from threads.base.config import Config
from threads.cloud.users import Users
from threads.connections.repository import ConnectionRepository
from threads.posts.parts import PostParts

MAX_PAUSE = timedelta(milliseconds=400)
"""The longest pause before another attempt to change what other requests of the same user change, too."""

_A = TypeVar("_A")
_B = TypeVar("_B")


class Both(Protocol):
    """Does two things at once."""

    def __call__(self, first: Callable[[], _A], second: Callable[[], _B], /) -> tuple[_A, _B]:
        """Return both results. If both fail, the error is the first one's. Neither goes on afterwards."""


@dataclass(frozen=True)
class ConnectionParts:
    """What connecting and disconnecting an account need of the outside world."""

    config: Config
    repository: ConnectionRepository
    accounts: AccountParts
    posts: PostParts
    users: Users
    now: Callable[[], datetime]
    """The time, in UTC."""
    sleep: Callable[[timedelta], None]
    both: Both

    def pause(self) -> None:
        """Wait for a random time, so that requests that came at the same time do not do so again."""
        self.sleep(MAX_PAUSE * secrets.randbelow(100) / 100)
