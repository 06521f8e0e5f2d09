"""Scripted answers: what the next matching requests get instead of the real answer."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Response

from emulator.base.json_body import JsonBody, Malformed
from emulator.threads_api.errors import new_trace_id

if TYPE_CHECKING:
    from datetime import timedelta

    from emulator.threads_api.journal import Entry

_VERSION_SEGMENT = re.compile(r"/v\d+\.\d+(?=/)")
#: Graph's service errors. They are answered 500 unless a script says otherwise.
_SERVICE_ERRORS = {1, 2}


class Drop(StrEnum):
    """When the connection is reset: before the effect, after it, or halfway through the answer."""

    BEFORE = "before"
    AFTER = "after"
    MID_BODY = "mid_body"


@dataclass(frozen=True)
class Match:
    """Which requests an answer is for. None matches every request."""

    method: str | None
    #: Searched for in the path without its version; must match up to the end.
    path: re.Pattern[str] | None
    #: Query or form parameters that must have these values.
    parameters: dict[str, str]

    def fits(self, entry: Entry) -> bool:
        """Return whether a request matches."""
        if self.method not in (None, entry.method):
            return False
        if self.path is not None and not self.path.search(without_version(entry.path)):
            return False
        sent = entry.query | entry.form
        return all(sent.get(name) == value for name, value in self.parameters.items())


@dataclass
class Answer:
    """One script."""

    match: Match
    #: How many more requests it answers; None: all.
    times: int | None
    status: int | None
    body: bytes | None
    content_type: str
    headers: dict[str, str]
    #: How long the client waits for the answer, in real time.
    delay: timedelta
    #: How long the effect is put off, by the emulator's clock.
    effect_delay: timedelta
    drop: Drop | None
    #: Whether the request takes effect.
    effect: bool
    #: The script as it was posted.
    posted: dict[str, Any]

    @property
    def replaces_answer(self) -> bool:
        """Whether the script has an answer of its own."""
        return self.status is not None or self.body is not None

    def over(self, real: Response | None) -> Response:
        """Return the answer to send: the script's own, or the real one with the script's headers."""
        if self.replaces_answer or real is None:
            answer = Response(self.body or b"", self.status or HTTPStatus.OK, content_type=self.content_type)
        else:
            answer = real
        answer.headers.update(self.headers)
        return answer

    def as_json(self) -> dict[str, Any]:
        """Return the script as it was posted, but with the number of requests that it still answers."""
        return {**self.posted, "times": self.times}


def without_version(path: str) -> str:
    """Remove the version from a path. Any ``vN.N`` is accepted."""
    match = _VERSION_SEGMENT.match(path)
    return path[match.end() :] if match else path


def take_answer(answers: list[Answer], entry: Entry) -> Answer | None:
    """Return the first script that fits a request, and count its use."""
    answer = next((answer for answer in answers if answer.match.fits(entry)), None)
    if answer is not None and answer.times is not None:
        answer.times -= 1
        if answer.times == 0:
            answers.remove(answer)
    return answer


# ---- reading a script


def read_answer(parsed: object) -> Answer:
    """Read and check a posted script. Raises Malformed."""
    body = JsonBody(parsed)
    posted = dict(parsed) if isinstance(parsed, dict) else {}
    status, content = _read_content(body)
    replaced = status is not None or content is not None
    drop = _read_drop(body)
    answer = Answer(
        match=_read_match(body.inner("match")),
        times=None if body.null("times") else body.count("times", 1),
        status=status,
        body=content,
        content_type=body.text("content_type", _content_type(posted.get("body"))),
        headers={name: str(value) for name, value in body.inner("headers").rest().items()},
        delay=body.seconds("delay_seconds"),
        effect_delay=body.seconds("effect_delay_seconds"),
        drop=drop,
        effect=body.flag("effect", default=not (replaced or drop is Drop.BEFORE)),
        posted=posted,
    )
    body.finish()
    _check_sense(answer)
    return answer


def _read_match(body: JsonBody) -> Match:
    method = body.text("method", None)
    path = body.text("path", None)
    parameters = {name: str(value) for name, value in body.inner("parameters").rest().items()}
    body.finish()
    try:
        pattern = None if path is None else re.compile(f"(?:{path})$")
    except re.error as mistake:
        raise Malformed(f"match.path is not a regular expression: {mistake}") from None
    return Match(None if method is None else method.upper(), pattern, parameters)


def _read_content(body: JsonBody) -> tuple[int | None, bytes | None]:
    """Read ``status`` and ``body``; or ``error``, which has the members of a Graph error."""
    status = body.number("status", None, least=200, most=599)
    if body.has("error") and body.has("body"):
        raise Malformed("error and body exclude each other")
    if body.has("error"):
        members = body.inner("error").rest()
        default = HTTPStatus.INTERNAL_SERVER_ERROR if members.get("code") in _SERVICE_ERRORS else 400
        return int(status or default), _envelope(members)
    if not body.has("body"):
        return status, None
    content = body.take("body")
    return status, content.encode() if isinstance(content, str) else json.dumps(content).encode()


def _envelope(members: dict[str, Any]) -> bytes:
    usual = {"message": "An unknown error has occurred.", "type": "OAuthException", "code": 1}
    return json.dumps({"error": {**usual, **members, "fbtrace_id": new_trace_id()}}).encode()


def _content_type(body: object) -> str:
    return "text/html; charset=utf-8" if isinstance(body, str) else "application/json"


def _read_drop(body: JsonBody) -> Drop | None:
    value = body.text("drop", None)
    if value not in (None, *Drop):
        raise Malformed(f"drop must be one of {', '.join(Drop)}")
    return None if value is None else Drop(value)


def _check_sense(answer: Answer) -> None:
    """Raise Malformed for a script that contradicts itself."""
    if answer.drop is Drop.BEFORE and answer.effect:
        raise Malformed("drop 'before' means without effect; for one with effect use drop 'after'")
    if not answer.effect and not answer.replaces_answer and answer.drop is None:
        raise Malformed("without effect there is no real answer: add a status, a body, an error or a drop")
    late = bool(answer.effect_delay)
    if late and not answer.effect:
        raise Malformed("effect_delay_seconds needs an effect; add effect: true")
    if late and not answer.replaces_answer and answer.drop is not Drop.AFTER:
        raise Malformed("a late effect has no answer yet: add a status, a body, an error or drop 'after'")
