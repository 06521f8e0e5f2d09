"""Reads and sends requests of an ``.http`` file, as the REST Client of Visual Studio Code does.

It knows what docs/api.http uses: ``@name = value``, ``# @name``, ``{{variable}}``, ``{{$guid}}``,
``{{name.response.body.$.member}}`` and ``{{$datetime iso8601 1 d}}``. ``# @expect 404`` is a comment for
everybody else.
"""

import re
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import requests

TIMEOUT = 90


@dataclass
class Request:
    """One request, with its variables not yet replaced."""

    title: str
    name: str = ""
    expected: int | None = None
    line: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


class HttpFile:
    """A file of requests, which are sent one after the other."""

    def __init__(self, text: str, variables: Mapping[str, str]) -> None:
        """Take the file's text, and what its variables are here."""
        self.assigned = dict(re.findall(r"^@(\w+) = (.*)$", text, re.MULTILINE))
        self.variables = self.assigned | dict(variables)
        self.answers: dict[str, Any] = {}
        self._text = text

    def all(self) -> Iterator[Request]:
        """Yield the requests from top to bottom."""
        for part in re.split(r"^###", self._text, flags=re.MULTILINE)[1:]:
            title, _, rest = part.partition("\n")
            request = Request(title.strip())
            head, _, request.body = _without_assignments(rest).partition("\n\n")
            for line in head.splitlines():
                if mark := re.fullmatch(r"# @(\w+) (\S+)", line):
                    request.name = mark[2] if mark[1] == "name" else request.name
                    request.expected = int(mark[2]) if mark[1] == "expect" else request.expected
                elif not request.line:
                    request.line = line
                else:
                    name, _, value = line.partition(": ")
                    request.headers[name] = value
            yield request

    def send(self, request: Request) -> requests.Response:
        """Send a request, and keep its answer if it has a name."""
        method, _, url = self.filled(request.line).partition(" ")
        headers = {name: self.filled(value) for name, value in request.headers.items()}
        body = self.filled(request.body).strip().encode()
        answer = requests.request(
            method, url, headers=headers, data=body or None, allow_redirects=False, timeout=TIMEOUT
        )
        if request.name:
            self.answers[request.name] = answer.json()
        return answer

    def filled(self, text: str) -> str:
        """Return a text with its variables replaced."""
        return re.sub(r"{{(.+?)}}", lambda found: self._value(found[1]), text)

    def _value(self, name: str) -> str:
        if name == "$guid":
            return str(uuid.uuid4())
        if ahead := re.fullmatch(r"\$datetime iso8601 (\d+) d", name):
            return (datetime.now(UTC) + timedelta(days=int(ahead[1]))).isoformat()
        if member := re.fullmatch(r"(\w+)\.response\.body\.\$\.(\w+)", name):
            return str(self.answers[member[1]][member[2]])
        return self.filled(self.variables[name])


def _without_assignments(text: str) -> str:
    return re.sub(r"^@\w+ = .*\n", "", text, flags=re.MULTILINE).strip() + "\n"
