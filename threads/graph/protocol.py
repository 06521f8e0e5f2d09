"""The Threads API as values: requests to send, and answers to read.

Nothing here opens a connection, waits or retries. The calls are in ``oauth`` and ``media``, the meaning of
errors in ``error_codes``. The facts are from https://developers.facebook.com/docs/threads.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from threads.base.errors import Evidence, ThreadsError
from threads.base.secret import Secret, redacted
from threads.graph.error_codes import NO_ANSWER, NOT_SENT, Step, error_for

MAX_WORDS = 2000
"""How many characters of an error's message are searched for the name of an error."""

_CONSTANT = re.compile(r"THREADS_API__([A-Z0-9_]+)")
"""The name of an error in Threads' own code, which Threads may give instead of a text for people."""

MAX_RETRY_AFTER = timedelta(hours=1)
"""A longer ``Retry-After`` is cut to this."""


@dataclass(frozen=True)
class GraphRequest:
    """One call to the Threads API, without the host."""

    step: Step
    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    token: Secret | None = None
    """Sent as ``Authorization: Bearer``."""
    versioned: bool = True
    """Whether the path begins with the API's version. The token endpoints have no version."""


@dataclass(frozen=True)
class GraphReply:
    """What came back: a complete answer of any kind. With status 0, no usable answer came."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    """The names are in lower case."""
    body: bytes = field(default=b"", repr=False)
    failure: str = ""
    """Without an answer: how the call failed, in one word."""

    @property
    def is_unsent(self) -> bool:
        """Whether the request has certainly not left, and never will."""
        return self.status == NO_ANSWER and self.failure.startswith(NOT_SENT)


def read_object(step: Step, reply: GraphReply) -> dict[str, Any]:
    """Return the JSON object of a successful answer.

    Raises:
        ThreadsError: Threads answered with an error, no answer came, or the answer is not the API's (a
            proxy's HTML, a redirect, half a body). The table of ``error_codes`` chooses the class.

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
    """Return the error for an answer that is not the API's, or for no answer."""
    seen = Evidence(
        step,
        reply.status,
        is_envelope=False,
        reason=reply.failure,
        fbtrace_id=_trace(reply, {}),
        excerpt=reply.failure or redacted(reply.body.decode(errors="replace")),
    )
    return error_for(seen, retry_after=_retry_after(reply))


def _classified(step: Step, reply: GraphReply, envelope: Mapping[str, Any]) -> ThreadsError:
    seen = Evidence(
        step,
        reply.status,
        code=_integer(envelope.get("code")),
        subcode=_integer(envelope.get("error_subcode")),
        is_transient=envelope.get("is_transient") is True,
        words=redacted(str(envelope.get("message") or ""), limit=MAX_WORDS),
        fbtrace_id=_trace(reply, envelope),
        excerpt=redacted(reply.body.decode(errors="replace")),
    )
    return error_for(seen, said=_user_message(envelope), retry_after=_retry_after(reply))


def _user_message(envelope: Mapping[str, Any]) -> str | None:
    """Return Threads' message for the user, or else its message for the developer."""
    given = (envelope.get(name) for name in ("error_user_msg", "error_user_title", "message"))
    texts = [text.strip() for text in given if isinstance(text, str) and text.strip()]
    said = next((text for text in texts if not _CONSTANT.search(text)), None)
    if said is None and texts:
        said = _CONSTANT.sub(lambda it: it[1].replace("_", " ").lower(), texts[0])
    return f"Threads says: {redacted(said)}" if said else None


def _parsed(body: bytes) -> dict[str, Any] | None:
    try:
        # Encoding it again turns half of a surrogate pair, which cannot be stored or answered, into "?".
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
    """Read ``Retry-After`` in seconds. Threads is not known to send the date form."""
    value = reply.headers.get("retry-after", "").strip()
    if not (value.isascii() and value.isdigit() and len(value) < 10):  # noqa: PLR2004 - 30 years
        return None
    return min(timedelta(seconds=int(value)), MAX_RETRY_AFTER)
