"""What the service works with in a cell: its real repositories and vault, on a Firestore in memory."""

from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Never

from tests.faults.model import START, World
from tests.faults.virtual_firestore import PROJECT, VirtualFirestore
from tests.firestore.writes import Write, setting
from threads.accounts.account import ACTIVE, TOKEN_FIELD
from threads.accounts.parts import AccountParts
from threads.accounts.repository import AccountRepository
from threads.accounts.token_lifetime import token_times
from threads.accounts.vault import Place, Vault
from threads.base.config import read_config
from threads.base.secret import Secret
from threads.cloud.clock import ServerClock
from threads.cloud.tasks import TaskQueue
from threads.graph.client import Graph
from threads.posts.parts import PostParts, PostQueue
from threads.posts.repository import PostRepository
from threads.publishing.parts import PublishingParts
from threads.publishing.share import Shares

UID = "user"
ACCOUNT = "17841405793187219"
SUMMARY_PATH = f"users/{UID}/integrations/threads"
NOT_AT_ALL = timedelta()
ACCOUNT_PATH = f"{SUMMARY_PATH}/accounts/{ACCOUNT}"

CONFIG = read_config(
    {
        "THREADS_APP_ID": "1",
        "THREADS_APP_SECRET": "secret",
        "THREADS_REDIRECT_URI": "https://app.example/th_auth_callback",
        "ALLOWED_ORIGINS": "https://app.example",
        "TOKEN_KEYS": "k:" + "A" * 43 + "=",
    }
)
_CONFIGS = {mode: replace(CONFIG, text_mode=mode) for mode in ("single_step", "two_step")}


class _RememberingVault(Vault):
    """A vault that opens each text once: cells open the same one a million times."""

    def __init__(self) -> None:
        super().__init__(CONFIG.token_keys, lambda: PROJECT)
        self._opened = cache(super().open)

    def open(self, sealed: str, place: Place) -> Secret:
        return self._opened(sealed, place)


_VAULT = _RememberingVault()


def _no_cloud_tasks() -> Never:
    raise AssertionError("No token ends in a cell, so that none is refreshed.")


NO_QUEUE = TaskQueue(CONFIG, _no_cloud_tasks)
"""The service's own queue, which is not configured."""


def connection(uid: str, account_id: str, token: str) -> list[Write]:
    """Return what is written for a connected account."""
    summary = f"users/{uid}/integrations/threads"
    account = {
        "accountId": account_id,
        TOKEN_FIELD: _VAULT.seal_token(Secret(token), uid, account_id),
        "status": ACTIVE,
        "createdAt": START,
        "connectedAt": START,
        **token_times(account_id, START, timedelta(days=60)),
    }
    card = {
        "defaultAccountId": account_id,
        "accounts": {account_id: {"status": ACTIVE}},
        "connectedCount": 1,
    }
    return [
        setting(f"{summary}/accounts/{account_id}", account, merge=False),
        setting(summary, card, merge=False),
    ]


_CONNECTED = connection(UID, ACCOUNT, "token")


def connect(firestore: VirtualFirestore) -> None:
    """Let the user have a connected account, for the first time or again."""
    firestore.database.commit(_CONNECTED)


def clock_of(world: World, ahead: timedelta = NOT_AT_ALL) -> ServerClock:
    """Return the clock of a process on a machine whose own clock is ahead so far."""
    return ServerClock(lambda: world.now + ahead)


def account_parts(clock: ServerClock, firestore: VirtualFirestore, graph: Graph) -> AccountParts:
    """Return what opens and saves accounts."""
    repository = AccountRepository(firestore.client.provide, clock)
    return AccountParts(repository, graph, CONFIG.app_token, _VAULT, NO_QUEUE, clock.now, map)


def post_parts(clock: ServerClock, firestore: VirtualFirestore, queue: PostQueue) -> PostParts:
    """Return what keeps posts."""
    return PostParts(PostRepository(firestore.client.provide, clock), queue, clock.now)


def publishing_parts(
    world: World,
    clock: ServerClock,
    firestore: VirtualFirestore,
    graph: Graph,
    queue: PostQueue,
    *,
    text_mode: str,
) -> PublishingParts:
    """Return what publishes, in a process of its own."""
    return PublishingParts(
        _CONFIGS[text_mode],
        accounts=account_parts(clock, firestore, graph),
        posts=post_parts(clock, firestore, queue),
        now=clock.now,
        sleep=world.pass_time,
        shares=Shares(threads=1),
        is_gone=lambda _uid: False,
    )
