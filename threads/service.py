"""The service's parts as the handlers get them, each made with its first use."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from threads.config import Config
from threads.identity import Identity
from threads.store import Store

if TYPE_CHECKING:
    from threads.tools import Tools


class Service(NamedTuple):
    """What a handler works with."""

    config: Config
    identity: Callable[[], Identity]
    store: Callable[[], Store]
    tools: "Callable[[], Tools]"
