"""The objects that this package works with. ``app`` creates the real ones."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from threads.accounts.parts import AccountParts
from threads.base.config import Config
from threads.posts.parts import PostParts
from threads.publishing.share import Shares


@dataclass(frozen=True)
class PublishingParts:
    """What publishing a post needs of the outside world."""

    config: Config
    accounts: AccountParts
    posts: PostParts
    now: Callable[[], datetime]
    """The time, in UTC."""
    sleep: Callable[[timedelta], None]
    shares: Shares
    """What this process is doing for each user."""
    is_gone: Callable[[str], bool]
    """Whether a user was deleted or disabled. Always False if nobody wants to know (``CHECK_USERS``)."""
