"""What may go wrong with a call to Threads: one table, by the names that a cell's key uses."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from functools import partial
from typing import Any

from threads.base.errors import ThreadsError
from threads.graph import media, oauth
from threads.graph.error_codes import NO_ANSWER, NOT_SENT, Step, is_missing_container
from threads.graph.protocol import GraphReply

DEADLINE = timedelta(seconds=15)
"""How long a call takes that gets no answer: the client's limit."""

SOON = timedelta(milliseconds=300)


class Effect(StrEnum):
    """Whether Threads does what the call asks for."""

    NONE = "none"
    NOW = "now"
    LATE = "late"


@dataclass(frozen=True)
class Wrong:
    """One way for a call to go wrong."""

    name: str
    reply: GraphReply | None
    """What comes back; None: what Threads really answers, in the state that it is in by then."""
    effect: Effect = Effect.NONE
    takes: timedelta = SOON
    delay: timedelta = timedelta()
    """From the call to its late effect."""
    fate: str = ""
    """What becomes of the container that the call is about, before it is served."""
    reason: str = ""
    hides: bool = False
    """The list is without the posts of this run, though they were due there."""
    forgets: bool = False
    """Afterwards, Threads does not know the container that the call is about, if it is published."""


def graph_error(code: int, *, status: int = 400, **members: Any) -> GraphReply:
    """Return an error in Graph's envelope."""
    error = {"message": "no", "type": "OAuthException", "code": code, "is_transient": False, **members}
    return GraphReply(status, {}, json.dumps({"error": error}).encode())


MISSING = graph_error(24, error_subcode=4279009)
NOT_PUBLISHABLE = graph_error(100)

_SILENCE = GraphReply(NO_ANSWER, failure="Timeout")
_RESET = GraphReply(NO_ANSWER, failure="ConnectionError")
_HTML = GraphReply(502, {}, b"<html><h1>Bad Gateway</h1></html>")
_DEAD_TOKEN = graph_error(190, error_subcode=460)
_RATE_LIMIT = graph_error(4, status=403)
_5XX = graph_error(2, status=500)
_TRANSIENT = graph_error(1, is_transient=True)

WITHOUT_EFFECT = (
    Wrong("5xx_no_effect", _5XX),
    Wrong("is_transient_body", _TRANSIENT),
    Wrong("timeout_no_effect", _SILENCE, takes=DEADLINE),
    Wrong("reset_no_effect", _RESET),
    Wrong("not_sent", GraphReply(NO_ANSWER, failure=NOT_SENT), takes=timedelta(seconds=5)),
    Wrong("not_found_4279009", MISSING),
    Wrong("190", _DEAD_TOKEN),
    Wrong("rate_limit", _RATE_LIMIT),
    Wrong("429", GraphReply(429, {"retry-after": "30"}, b"")),
    Wrong("content_100", NOT_PUBLISHABLE),
    Wrong("html", _HTML),
)
"""Of any call."""

_UNREADABLE = (
    Wrong("truncated", GraphReply(200, {}, b'{"id": "18050'), Effect.NOW),
    Wrong("no_id", GraphReply(200, {}, b"{}"), Effect.NOW),
)

WITH_EFFECT = (
    *_UNREADABLE,
    Wrong("5xx_with_effect", graph_error(10, status=500), Effect.NOW),
    Wrong("is_transient_with_effect", _TRANSIENT, Effect.NOW),
    Wrong("timeout_with_effect", _SILENCE, Effect.NOW, takes=DEADLINE),
    Wrong("reset_mid_body", _RESET, Effect.NOW),
    Wrong("html_with_effect", _HTML, Effect.NOW),
    Wrong("late_effect", _SILENCE, Effect.LATE, DEADLINE, timedelta(seconds=60)),
    Wrong("late_effect_200s", _SILENCE, Effect.LATE, DEADLINE, timedelta(seconds=200)),
    Wrong("late_effect_1h", _SILENCE, Effect.LATE, DEADLINE, timedelta(hours=1)),
)
"""Of a call that changes something."""

REFUSED_WITH_EFFECT = (
    Wrong("4279009_with_effect", MISSING, Effect.NOW),
    Wrong("rate_limit_with_effect", _RATE_LIMIT, Effect.NOW),
    Wrong("content_100_with_effect", NOT_PUBLISHABLE, Effect.NOW),
)
"""Of publishing a container: what reads like a definite refusal is looked into there. A dead token is not
among them: without a token the service cannot look."""

FATES = (
    Wrong("breaks", None, fate="ERROR", reason="FAILED_PROCESSING_VIDEO"),
    Wrong("spoilt", None, fate="ERROR", reason="INVALID_DURATION"),
    Wrong("expires", None, fate="EXPIRED"),
    Wrong("vanishes", None, fate="lost"),
)
"""Of a container, at a look at it or when it is to be published; one that is a post keeps being one."""

FORGETS = (
    Wrong("5xx_out_and_lost", graph_error(2, status=500), Effect.NOW, forgets=True),
    Wrong("timeout_out_and_lost", _SILENCE, Effect.NOW, takes=DEADLINE, forgets=True),
)
"""Of publishing a container, in the wide world: it is out, and nothing but a list tells so."""

HIDES = (Wrong("unlisted", None, hides=True),)
"""Of a list."""

READ_ONLY = (*WITHOUT_EFFECT, *_UNREADABLE)
"""Of a call that only reads."""

BY_STEP: dict[Step, tuple[Wrong, ...]] = {
    Step.CREATE_CONTAINER: (*WITHOUT_EFFECT, *WITH_EFFECT),
    Step.PUBLISH_CONTAINER: (*WITHOUT_EFFECT, *WITH_EFFECT, *REFUSED_WITH_EFFECT, *FATES),
    Step.READ_CONTAINER: (*READ_ONLY, *FATES),
    Step.LIST_POSTS: (*READ_ONLY, *HIDES),
    # Of a witness, 24/4279009 and 100 say the same as 190: so they are "190", and end a post like it.
    Step.ASK_WITNESS: tuple(sorted(READ_ONLY, key=lambda wrong: wrong.name != "190")),
    Step.READ_QUOTA: READ_ONLY,
}

CHANGING = frozenset({Step.CREATE_CONTAINER, Step.PUBLISH_CONTAINER})
"""Calls that change something at Threads."""

_READERS: Mapping[Step, Callable[[GraphReply], object]] = {
    Step.CREATE_CONTAINER: media.read_created_id,
    Step.PUBLISH_CONTAINER: media.read_published_id,
    Step.READ_CONTAINER: media.read_container_status,
    Step.LIST_POSTS: media.read_recent_posts,
    Step.ASK_WITNESS: oauth.read_own_id,
    Step.READ_QUOTA: partial(media.read_quota, replies=False),
}


def distinct(step: Step) -> tuple[Wrong, ...]:
    """Return the ways for a call to go wrong; of those that the service cannot tell apart, the first.

    What it makes of an answer is asked of its own reader of that answer. So ways that a later change lets it
    tell apart are returned from then on.
    """
    found: dict[object, Wrong] = {}
    for wrong in BY_STEP[step]:
        effect = (wrong.effect, wrong.delay) if step in CHANGING else None
        key = (_as_taken(step, wrong), effect, wrong.takes, wrong.fate, wrong.reason, wrong.hides)
        found.setdefault(key, wrong)
    return tuple(found.values())


def _as_taken(step: Step, wrong: Wrong) -> object:
    """Return all that the service makes of an answer."""
    if wrong.reply is None:
        return None
    try:
        return _READERS[step](wrong.reply)
    except ThreadsError as error:
        is_silent = step in CHANGING and wrong.reply.status == NO_ANSWER
        return type(error), error.verdict, error.retry_after, is_missing_container(error), is_silent


BY_NAME = {wrong.name: wrong for wrongs in (*BY_STEP.values(), FORGETS) for wrong in wrongs}

LASTING = frozenset({"190", "content_100", "content_100_with_effect", "spoilt"})
"""After these a post may end as FAILED; after the others it must come out."""

BLINDING = frozenset({"190", "content_100", *(wrong.name for wrong in FATES)})
"""After these the service cannot look any more, so that a post which may be out ends as UNKNOWN: Threads
shows nothing, or the container that was perhaps published tells nothing."""
