"""The Threads API as values: requests to be sent, answers to be read.

Nothing here opens a connection, waits or repeats. The calls themselves are in ``oauth`` and ``containers``,
what an error means is in ``failures``. Facts are Meta's (https://developers.facebook.com/docs/threads).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from threads.errors import Evidence, ThreadsError
from threads.failures import Failure, Step, error_for
from threads.wire import Secret, redacted

MAX_RETRY_AFTER = timedelta(hours=1)
"""A longer wait than this is not believed."""


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


def read_object(step: Step, reply: GraphReply) -> dict[str, Any]:
    """Return the JSON object of a successful answer.

    Raises:
        ThreadsError: by the table of ``failures``, for what Threads calls an error, for no answer, and for
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
    failure = Failure(step, reply.status, envelope=False, reason=reply.failure)
    return error_for(failure, evidence, retry_after=_retry_after(reply))


def _classified(step: Step, reply: GraphReply, envelope: Mapping[str, Any]) -> ThreadsError:
    failure = Failure(
        step,
        reply.status,
        code=_integer(envelope.get("code")),
        subcode=_integer(envelope.get("error_subcode")),
        transient=envelope.get("is_transient") is True,
        words=str(envelope.get("message") or ""),
    )
    evidence = Evidence(
        step,
        reply.status,
        code=failure.code,
        subcode=failure.subcode,
        fbtrace_id=_trace(reply, envelope),
        excerpt=redacted(reply.body.decode(errors="replace")),
    )
    return error_for(failure, evidence, said=_user_message(envelope), retry_after=_retry_after(reply))


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
