"""The whole state of the emulated Threads, and its lock. No rules and no HTTP here.

The rules are functions that take the World (``authorization``, ``publishing``). ``wire`` serves each request
under ``World.lock``, so that a rule never sees another request half done.
"""

from __future__ import annotations

import itertools
from collections import ChainMap, defaultdict, deque
from dataclasses import dataclass
from threading import Condition, RLock
from typing import TYPE_CHECKING

from emulator.base import world
from emulator.base.world import JOURNAL_LENGTH
from emulator.threads_api import seeds
from emulator.threads_api.model import Account
from emulator.threads_api.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from emulator.threads_api.answers import Answer
    from emulator.threads_api.delivery import Delivery
    from emulator.threads_api.journal import Entry
    from emulator.threads_api.model import App, Code, Container, Post, Quota, ScriptedOutcome, Search, Token

#: Ids begin here and grow by an even step, so all are odd numbers beyond 2^53. A client that reads an id as a
#: floating-point number changes it, which its tests notice.
_FIRST_ACCOUNT = 17_841_405_793_187_219
_FIRST_CONTAINER = 17_889_615_691_921_649
_FIRST_MEDIA = 18_050_206_876_707_111
_STEP = 7_340_018

_PEOPLE = (
    ("mira.okafor", "Mira Okafor", "Bread, bicycles and small computers."),
    ("jonas_lind", "Jonas Lind", "Photographs of weather."),
    ("tea.and.tides", "Tea & Tides", "A café by the sea <3"),
)


@dataclass(frozen=True)
class LateEffect:
    """A request that takes effect after it was answered or cut off."""

    due: datetime
    carry_out: Callable[[], object]


class World(world.World[Settings]):
    """The state of one emulator."""

    def __init__(
        self,
        apps: Iterable[App],
        settings: Settings | None = None,
        plant: Callable[[World], None] | None = None,
    ) -> None:
        """Begin with these apps and settings, and with a few made-up accounts.

        ``plant`` may put in something else: see ``seed_file``.
        """
        super().__init__(settings or Settings())
        self.lock = RLock()
        #: Notified when a delivery enters the outbox, and when one has ended.
        self.mail = Condition(self.lock)
        #: The certificate of the proxy's authority, while there is a proxy.
        self.authority: str | None = None
        self._first_apps = tuple(apps)
        # A reset does not start these again: an id from before it must not name something new.
        self._container_ids = itertools.count(_FIRST_CONTAINER, _STEP)
        self._media_ids = itertools.count(_FIRST_MEDIA, _STEP)
        self._plant = plant
        self._begin()

    def reset(self) -> None:
        """Return to the first apps, accounts and settings, and to real time."""
        super().reset()
        self._begin()

    def _begin(self) -> None:
        self.apps = {app.id: app for app in self._first_apps}
        self._account_ids = itertools.count(_FIRST_ACCOUNT, _STEP)
        self.accounts: dict[str, Account] = {}
        for username, name, biography in _PEOPLE:
            self.add_account(Account(self.new_account_id(), username, name, biography))
        self.codes: dict[str, Code] = {}
        self.tokens: dict[str, Token] = {}
        self.containers: dict[str, Container] = {}
        self.posts: dict[str, Post] = {}
        #: With the people and the posts of ``seeds``, which nobody can sign in as or delete.
        self.everybody = ChainMap(self.accounts, {account.id: account for account in seeds.ACCOUNTS})
        self.every_post = ChainMap(self.posts, seeds.posts())
        self.searches: defaultdict[str, list[Search]] = defaultdict(list)
        self.quota_uses: defaultdict[tuple[str, Quota], deque[datetime]] = defaultdict(deque)
        self.outcomes: list[ScriptedOutcome] = []
        self.answers: list[Answer] = []
        self.late_effects: list[LateEffect] = []
        self.journal: deque[Entry] = deque(maxlen=JOURNAL_LENGTH)
        self.outbox: deque[Delivery] = deque(maxlen=JOURNAL_LENGTH)
        self.deliveries: deque[Delivery] = deque(maxlen=JOURNAL_LENGTH)
        #: The app and the address of each webhook that an app has confirmed.
        self.subscriptions: set[tuple[str, str]] = set()
        if self._plant:
            self._plant(self)

    def add_account(self, account: Account) -> Account:
        """Add an account. Its id and its username must be new."""
        self.accounts[account.id] = account
        return account

    def account_called(self, username: str) -> Account | None:
        """Return the account with this username, or None."""
        wanted = username.lower()
        return next((account for account in self.accounts.values() if account.username == wanted), None)

    def new_account_id(self) -> str:
        """Return an id for an account."""
        return str(next(self._account_ids))

    def new_container_id(self) -> str:
        """Return an id for a container."""
        return str(next(self._container_ids))

    def new_media_id(self) -> str:
        """Return an id for a post."""
        return str(next(self._media_ids))

    def carry_out_late_effects(self) -> None:
        """Carry out the effects that are due, in order, each at the time at which it was due."""
        now = self.now()
        due = sorted(
            (effect for effect in self.late_effects if effect.due <= now), key=lambda effect: effect.due
        )
        for effect in due:
            self.late_effects.remove(effect)
            with self.clock.standing_at(effect.due):
                effect.carry_out()
