"""The objects that this package works with. ``app`` creates the real ones."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from threads.accounts.repository import AccountRepository
from threads.accounts.vault import Vault
from threads.base.secret import Secret
from threads.base.side_by_side import SideBySide
from threads.graph.client import Graph


class RefreshQueue(Protocol):
    """A queue that brings accounts to ``th_refresh_tokens``. ``cloud.tasks.TaskQueue`` is the real one."""

    @property
    def is_configured(self) -> bool:
        """Whether a queue is configured."""

    def enqueue_refresh(self, task_id: str, body: Mapping[str, Any], *, due_at: datetime) -> None:
        """Create a task for ``th_refresh_tokens``. If the task exists already, it stays as it is."""


@dataclass(frozen=True)
class AccountParts:
    """What accounts need of the outside world: their documents, Threads, keys, the queue and the clock."""

    repository: AccountRepository
    graph: Graph
    app_token: Secret | None
    """With it, the app asks Threads about a token. None in a function that does not have it."""
    vault: Vault
    queue: RefreshQueue
    now: Callable[[], datetime]
    """The time, in UTC."""
    side_by_side: SideBySide
    """How a sweep deals with many accounts, and the upkeep with many posts."""
