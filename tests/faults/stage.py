"""What the rows on real servers share: Firestore's emulator, a Threads emulator, the configuration, accounts.

One Firestore serves every row of a run; it starts with the first row that needs it, and ends with the
process. A Threads emulator lies in the harness' own process, so that its clock and its answers are at hand,
and the functions reach it over HTTP like the real one.
"""

import atexit
import itertools
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from google.cloud import firestore

from emulator.suite.addresses import PROJECT
from emulator.suite.ports import Ports
from emulator.suite.suite import Suite
from emulator.threads_api import Account, App, Settings, World
from emulator.threads_api.authorization import issue_token
from emulator.threads_api.scopes import SCOPES
from tests.e2e.world import account_path, summary_path
from threads.accounts.account import ACTIVE, TOKEN_FIELD
from threads.accounts.vault import Vault
from threads.base.config import DEVELOPMENT_KEYS, read_config
from threads.base.secret import Secret
from threads.publishing.parts import PublishingParts

if TYPE_CHECKING:
    from threads.functions.callers import Task, User
    from threads.functions.request import HttpRequest
    from threads.functions.response import HttpResponse


CALLBACK = "http://127.0.0.1:5001/th_auth_callback"
"""Registered with the Threads emulator; nothing listens there."""

APP = App("1000000000000001", "emulator-secret", (CALLBACK,))

_media_ids = itertools.count(18_050_206_876_707_111 + os.getpid() * 10**11, 2)
"""Of every Threads that this process makes. No other process has them, and no other row: they share a
Firestore, where a media id is claimed once."""


class Person(NamedTuple):
    """A user of the app with one connected account."""

    uid: str
    account_id: str


@cache
def firebase() -> Suite:
    """Start the Firestore (and Auth) emulators, once; return the suite, whose ``environment`` names them."""
    suite = Suite(ports=Ports.free(), functions=False, directory="faults")
    suite.start()
    atexit.register(suite.stop)
    os.environ.update(suite.environment)
    return suite


def configuration(suite: Mapping[str, str], threads_url: str, tasks: Mapping[str, str]) -> dict[str, str]:
    """Return a function's whole configuration: the emulators' addresses and who may call as Cloud Tasks."""
    return {
        **suite,
        **tasks,
        "THREADS": "80",
        "THREADS_APP_ID": APP.id,
        "THREADS_APP_SECRET": APP.secret,
        "THREADS_REDIRECT_URI": CALLBACK,
        "THREADS_AUTHORIZE_URL": f"{threads_url}/oauth/authorize",
        "THREADS_GRAPH_URL": threads_url,
    }


def world() -> World:
    """Return a Threads whose media ids no other one has."""
    made = World([APP], Settings(strict=True))
    made._media_ids = _media_ids
    return made


class Accounts:
    """Connects made-up accounts without walking through the authorization window."""

    def __init__(self, client: firestore.Client, world: World, configured: Mapping[str, str]) -> None:
        """Take the Firestore, the Threads, and the configuration of the functions that will use them."""
        self._client = client
        self._world = world
        keys = read_config({**configured, "TOKEN_KEYS": DEVELOPMENT_KEYS}).token_keys
        self._vault = Vault(keys, lambda: PROJECT)

    def connect(self, uid: str) -> Person:
        """Add an account to Threads, and connect it for a user."""
        world = self._world
        with world.lock:
            account_id = world.new_account_id()
            world.add_account(Account(account_id, f"u{account_id}"))
            token = issue_token(
                world, APP.id, account_id, tuple(SCOPES), issued_at=world.now(), long_lived=True
            )
        sealed = self._vault.seal_token(Secret(token.value), uid, account_id)
        fields = {TOKEN_FIELD: sealed, "status": ACTIVE}
        self._client.document(account_path(uid, account_id)).set(fields)
        return Person(uid, account_id)


def records_of(client: firestore.Client, uid: str) -> dict[str, dict[str, Any]]:
    """Return a user's ledger records by post id."""
    posts = client.collection(f"{summary_path(uid)}/posts").stream()
    return {str(post.id): post.to_dict() or {} for post in posts}


def task_body(person: Person, key: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the orchestrator's task carries."""
    named = {"platform": [{"platform": "threads", "accountId": person.account_id}]}
    return {
        "userId": person.uid,
        "postSubmissionId": key,
        "request": {"post": {"content": {**content, **named}}},
    }


def content_of(kind: str, text: str) -> dict[str, Any]:
    """Return the content of a text, an image or a video."""
    if kind == "text":
        return {"text": text}
    return {
        "text": text,
        "mediaUrls": [f"https://media.example/{kind}.{'jpg' if kind == 'image' else 'mp4'}"],
    }


def in_time(
    parts: PublishingParts, *, now: Callable[[], datetime], sleep: Callable[[timedelta], None]
) -> PublishingParts:
    """Return the parts with another clock, and another way to wait."""
    accounts, posts = replace(parts.accounts, now=now), replace(parts.posts, now=now)
    return replace(parts, accounts=accounts, posts=posts, now=now, sleep=sleep)


def publish_with(parts: PublishingParts, before_response: Callable[[], None] = lambda: None) -> None:
    """Give publish_threads other parts in this process; the environment must have its configuration."""
    from threads import app  # noqa: PLC0415 - reads the environment
    from threads.functions.publish import publish_threads  # noqa: PLC0415 - with it

    def handler(request: "HttpRequest", caller: "User | Task") -> "HttpResponse":
        response = publish_threads(parts, request, caller)
        before_response()
        return response

    app.PUBLISH = replace(app.PUBLISH, handler=handler)
