"""All functions in one world: what docs/openapi.yaml and docs/errors.md show is sent to them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flask import Response

from tests.unit.serving import door, serve
from tests.unit.support import reply
from tests.unit.windows import Windows
from tests.unit.world import ACCOUNT, LIFETIME, UID, is_, made, post_path, quota, summary_path
from threads.accounts.summary import fresh_card
from threads.functions import accounts, auth, meta, publish, refresh, upkeep
from threads.functions.callers import Scheduler, Task
from threads.graph.error_codes import Step
from threads.graph.oauth import Profile
from threads.posts.content import Content
from threads.posts.ledger import Record, as_document, new_record

POST = "9c56cc51b374c3ba189210d5b6d4bf57790d351c96c47c02190ecf1e430635ab"
"""The post that the pages name."""

NOW = datetime(2027, 1, 30, 12, tzinfo=UTC)
"""The day before the times that the pages name."""


def call(world: Windows, function: str, *, by: str = "user", **sent: Any) -> Response:
    """Return what a function answers to its caller: a user, Google, or whoever has signed what is sent."""
    callers, connections, publishing = door(world), world.connections, world.publishing
    uid = UID if by == "user" else None
    google = {"google": lambda _request: Task()}.get(by)
    served: dict[str, tuple[Any, Any, Any]] = {
        "th_auth_start": (auth.th_auth_start, connections, callers.user_unless(auth.starts_sign_in)),
        "th_auth_callback": (auth.th_auth_callback, connections, lambda _request: None),
        "th_auth_finish": (auth.th_auth_finish, connections, callers.user_unless(auth.finishes_sign_in)),
        "publish_threads": (publish.publish_threads, publishing, google or callers.user),
        "th_posts": (publish.th_posts, publishing, callers.user),
        "th_accounts": (accounts.th_accounts, connections, google or callers.user),
        "th_refresh_tokens": (refresh.th_refresh_tokens, connections, lambda _request: Scheduler()),
        "th_upkeep": (upkeep.th_upkeep, publishing, lambda _request: Scheduler()),
        "th_deauthorize": (meta.th_deauthorize, connections, callers.meta),
        "th_delete_data": (meta.th_delete_data, connections, callers.meta_or_visitor),
        "th_webhook": (meta.th_webhook, publishing, callers.meta_webhook),
    }
    handler, parts, caller = served[function]
    return serve(handler, parts, caller, uid=uid, **sent)


def world() -> Windows:
    """Return a world in which every example of the pages works."""
    made_up = Windows(
        ALLOWED_ORIGINS="https://app.example",
        CONNECT_MODE="confirm",
        SIGN_IN="on",
        WEBHOOK_VERIFY_TOKEN="meatyhamhock",
    )
    made_up.clock.now = NOW
    made_up.connect(ACCOUNT, at=NOW)
    profile = Profile(ACCOUNT, "Ada Lovelace", "ada", None)
    card = {**fresh_card(profile, NOW + LIFETIME, ()), "enabled_for_repost": False}
    summary = {"defaultAccountId": ACCOUNT, "connectedCount": 1, "accounts": {ACCOUNT: card}}
    made_up.database.put(summary_path(UID), summary)
    made_up.graph.always |= {
        Step.READ_CONTAINER: is_("FINISHED"),
        Step.READ_QUOTA: quota(12),
        Step.REPOST: made("17900000000000002"),
        Step.DELETE_POST: reply(200, {"success": True}),
        Step.READ_MEDIA: reply(200, {"permalink": "https://www.threads.com/@ada/post/1"}),
    }
    made_up.say(*(made(f"1790000000000000{number}") for number in range(1, 9)))
    return made_up


def put(made_up: Windows, **changed: Any) -> None:
    """Write the record of ``POST``. Without changes, it waits for its task."""
    due = NOW + timedelta(days=1)
    record = new_record(ACCOUNT, Content({"text": "Good morning"}), NOW, scheduled_time=due)
    waiting: Record = replace(record, due_at=due, task="a-task", **changed)
    made_up.database.put(post_path(POST), as_document(waiting))
