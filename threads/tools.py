"""What the stories work with; ``app`` puts the real ones together, tests may put in others."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple, Protocol

from threads.config import Config
from threads.store import Store

if TYPE_CHECKING:
    from threads.graph import GraphReply, GraphRequest
    from threads.vault import Vault


class Graph(Protocol):
    """What sends a Graph request."""

    def send(self, request: "GraphRequest") -> "GraphReply":
        """Return what came back; a failure to answer is a reply, too."""


class Tools(NamedTuple):
    """The outside world, one member for each part of it."""

    config: Config
    store: Store
    graph: Graph
    vault: "Callable[[], Vault]"
    project: Callable[[], str]
    """The Google Cloud project's id."""
    now: Callable[[], datetime]
    """The time, in UTC."""
    sleep: Callable[[timedelta], None]
