"""The Threads API as values: requests to be sent, answers to be read, and what its errors mean.

Nothing here opens a connection, waits or repeats. The calls themselves are in ``oauth`` and ``containers``.
Facts are Meta's (https://developers.facebook.com/docs/threads); "seen" marks what was seen in production.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from threads.errors import (
    Evidence,
    MissingScope,
    RateLimited,
    ReconnectRequired,
    RejectedByThreads,
    ThreadsError,
    ThreadsUnavailable,
)
from threads.wire import Secret, redacted

MAX_RETRY_AFTER = timedelta(hours=1)
"""A longer wait than this is not believed."""


class Step(StrEnum):
    """What a call is for: the word for it in logs, and in decisions about its failure."""

    EXCHANGE_CODE = "exchange_code"
    EXCHANGE_TOKEN = "exchange_token"  # noqa: S105 - the name of a step
    READ_PROFILE = "read_profile"
    CREATE_CONTAINER = "create_container"
    READ_CONTAINER = "read_container"
    PUBLISH_CONTAINER = "publish_container"
    READ_MEDIA = "read_media"


@dataclass(frozen=True)
class GraphRequest:
    """One call to the Threads API, without the host."""

    step: Step
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    token: Secret | None = None
    """Travels as ``Authorization: Bearer``."""
    versioned: bool = True
    """Whether the version stands before the path; the token endpoints have none."""


@dataclass(frozen=True)
class GraphReply:
    """What came back: a complete answer of any kind, or with status 0 none that can be used."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """With names in lower case."""
    body: bytes = field(default=b"", repr=False)
    failure: str = ""
    """Without an answer: in what way, in a word."""


NO_ANSWER = 0
"""The status of a reply that did not come. Unless its failure is ``NOT_SENT``, nobody knows whether the
request had an effect."""

NOT_SENT = "NotSent"
"""The failure of a request that has certainly not left: without any effect."""

CONTAINER_NOT_FOUND = 24
"""The code for "The requested resource does not exist"; with subcode 4279009 it is about a container."""


class Rule(NamedTuple):
    """One row of what Threads' error codes mean; a field of None matches anything."""

    error: type[ThreadsError]
    codes: frozenset[int] | None = None
    subcodes: frozenset[int] | None = None
    statuses: range | None = None
    transient: bool | None = None
    """Threads' own ``is_transient``: right neither when true nor when false, so that codes come first."""
    message: str | None = None


_CLIENT_ERRORS = range(400, 500)
_SERVER_ERRORS = range(500, 600)
_TOO_MANY_REQUESTS = range(429, 430)
_BLOCKED = "Threads restricts what this account may do at the moment. Look into the Threads app."

RULES: tuple[Rule, ...] = (
    # "We restrict certain activity": a spam block, permanent although code 4 is a rate limit (seen).
    Rule(RejectedByThreads, codes=frozenset({4}), subcodes=frozenset({2207051}), message=_BLOCKED),
    # A container that Threads does not see yet, or has lost (seen: a third of all unknown errors).
    Rule(ThreadsUnavailable, codes=frozenset({CONTAINER_NOT_FOUND}), subcodes=frozenset({4279009})),
    # The media could not be fetched (seen: passes as often as not).
    Rule(
        ThreadsUnavailable,
        subcodes=frozenset({2207052}),
        message="Threads could not fetch the file. Check that its URL is public; we try again.",
    ),
    # The token or the session behind it is dead: https://developers.facebook.com/docs/graph-api/guides/error-handling
    Rule(ReconnectRequired, codes=frozenset({102, 190})),
    # The account is restricted.
    Rule(RejectedByThreads, codes=frozenset({9, 368, 4279013}), message=_BLOCKED),
    Rule(RejectedByThreads, subcodes=frozenset({4279013}), message=_BLOCKED),
    # Call limits: https://developers.facebook.com/docs/graph-api/overview/rate-limiting
    Rule(RateLimited, codes=frozenset({4, 17, 32, 341, 613})),
    Rule(RateLimited, statuses=_TOO_MANY_REQUESTS),
    # Code 10 is a missing permission, except with a 5xx, where it has published all the same (seen).
    Rule(MissingScope, codes=frozenset({10, *range(200, 300)}), statuses=_CLIENT_ERRORS),
    Rule(ThreadsUnavailable, statuses=_SERVER_ERRORS),
    Rule(ThreadsUnavailable, codes=frozenset({1, 2})),
    Rule(ThreadsUnavailable, transient=True),
    # The content, or the parameters: 100, 506, THREADS_API__* and whatever else Threads names.
    Rule(RejectedByThreads, statuses=_CLIENT_ERRORS),
)
"""What to make of Threads' errors: the first row that matches."""


def read_object(step: Step, reply: GraphReply) -> dict[str, Any]:
    """Return the JSON object of a successful answer.

    Raises:
        ThreadsError: by ``RULES`` for what Threads calls an error; ThreadsUnavailable for no answer, and for
            one that is not the API's (HTML of a proxy, a redirect, half a body).

    """
    answer = _parsed(reply.body)
    if answer is None:
        raise unreadable(step, reply)
    envelope = answer.get("error")
    if isinstance(envelope, dict):
        raise _classified(step, reply, envelope)
    if "error_type" in answer:  # the token endpoint's own envelope
        raise _classified(step, reply, {"code": answer.get("code"), "message": answer.get("error_message")})
    if reply.status != 200:  # noqa: PLR2004 - the only status that Threads documents for success
        raise unreadable(step, reply)
    return answer


def unreadable(step: Step, reply: GraphReply) -> ThreadsError:
    """Return the error for an answer that is none."""
    excerpt = reply.failure or redacted(reply.body.decode(errors="replace"))
    evidence = Evidence(step, reply.status, fbtrace_id=_trace(reply, {}), excerpt=excerpt)
    error = RateLimited if reply.status in _TOO_MANY_REQUESTS else ThreadsUnavailable
    return error(evidence=evidence, retry_after=_retry_after(reply))


def _classified(step: Step, reply: GraphReply, envelope: Mapping[str, Any]) -> ThreadsError:
    code, subcode = _integer(envelope.get("code")), _integer(envelope.get("error_subcode"))
    evidence = Evidence(
        step,
        reply.status,
        code=code,
        subcode=subcode,
        fbtrace_id=_trace(reply, envelope),
        excerpt=redacted(reply.body.decode(errors="replace")),
    )
    for rule in RULES:
        if (
            (rule.codes is None or code in rule.codes)
            and (rule.subcodes is None or subcode in rule.subcodes)
            and (rule.statuses is None or reply.status in rule.statuses)
            and (rule.transient is None or rule.transient == (envelope.get("is_transient") is True))
        ):
            message = rule.message
            if message is None and rule.error is RejectedByThreads:
                message = _user_message(envelope)
            return rule.error(message, evidence=evidence, retry_after=_retry_after(reply))
    return ThreadsUnavailable(evidence=evidence, retry_after=_retry_after(reply))


def _user_message(envelope: Mapping[str, Any]) -> str | None:
    """Return Threads' own words for the user, else its words for the developer."""
    texts = (envelope.get(name) for name in ("error_user_msg", "error_user_title", "message"))
    said = next((text for text in texts if isinstance(text, str) and text.strip()), None)
    return f"Threads says: {redacted(said.strip())}" if said else None


def _parsed(body: bytes) -> dict[str, Any] | None:
    try:
        # There and back: half of a surrogate pair, which nobody could store or answer, becomes "?".
        answer = json.loads(json.dumps(json.loads(body), ensure_ascii=False).encode(errors="replace"))
    except (ValueError, RecursionError):
        return None
    return answer if isinstance(answer, dict) else None


def _integer(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _trace(reply: GraphReply, envelope: Mapping[str, Any]) -> str | None:
    trace = envelope.get("fbtrace_id") or reply.headers.get("x-fb-trace-id")
    return redacted(trace, limit=64) if isinstance(trace, str) else None


def _retry_after(reply: GraphReply) -> timedelta | None:
    """Read ``Retry-After`` in seconds; Threads is not known to send the date form."""
    value = reply.headers.get("retry-after", "").strip()
    if not (value.isascii() and value.isdigit() and len(value) < 10):  # noqa: PLR2004 - 30 years
        return None
    return min(timedelta(seconds=int(value)), MAX_RETRY_AFTER)
