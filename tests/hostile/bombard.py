"""Sends made-up requests to running functions, byte by byte as they are, and judges the answers."""

import socket
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPResponse
from itertools import islice
from urllib.parse import urlsplit

from tests import openapi
from tests.e2e import canary
from tests.hostile.generate import Hostile

WORKERS = 6
PATIENCE = 60.0
BATCH = 200

PROMISED = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
}
"""On every answer of ours. The HTTP server itself refuses what is no HTTP, and has no such headers."""

SERVERS_OWN = {400, 431, 501, 505}
"""What the HTTP server answers by itself: no request line, a header too many, an unknown coding."""


@dataclass
class Verdict:
    """What has come of all requests."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    """How often a function answered with a status."""
    wrongs: list[tuple[Hostile, str]] = field(default_factory=list)
    """Requests that got what they should not, and what."""

    @property
    def count(self) -> int:
        """How many answers there were."""
        return sum(self.answers.values())


def bombard(urls: Mapping[str, str], requests: Iterable[Hostile]) -> Verdict:
    """Send requests to the functions at these URLs, a few at a time."""
    verdict, remaining = Verdict(), iter(requests)
    with ThreadPoolExecutor(WORKERS) as threads:
        while batch := list(islice(remaining, BATCH)):
            for request, (status, wrong) in zip(
                batch, threads.map(lambda it: _send(urls[it.function], it), batch), strict=True
            ):
                verdict.answers[request.function, status] += 1
                if wrong:
                    verdict.wrongs.append((request, wrong))
    return verdict


def _send(url: str, request: Hostile) -> tuple[int, str]:
    """Send a request; return its status, and what is wrong with the answer."""
    address = urlsplit(url)
    try:
        with socket.create_connection((address.hostname or "", address.port or 80), PATIENCE) as connection:
            connection.sendall(_written(request))
            answer = HTTPResponse(connection, method=request.method.upper())
            answer.begin()
            body = answer.read().decode(errors="replace")
            headers = {name.lower(): value for name, value in answer.getheaders()}
    except (OSError, HTTPException) as error:
        return 0, f"no answer: {type(error).__name__}"
    return answer.status, _wrong(request, answer.status, headers, body)


def _written(request: Hostile) -> bytes:
    headers = {"Host": "functions.example", "Connection": "close", **request.headers}
    if request.body or request.method.upper() not in {"GET", "HEAD"}:
        headers["Content-Length"] = str(len(request.body))
    lines = [f"{request.method} {request.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode(errors="replace") + request.body


def _wrong(request: Hostile, status: int, headers: Mapping[str, str], body: str) -> str:
    if status >= 500 and status not in SERVERS_OWN:
        return f"{status} {body[:200]}"
    is_servers = status in SERVERS_OWN and "cache-control" not in headers
    lacking = [name for name, value in PROMISED.items() if headers.get(name) != value]
    if lacking and not is_servers:
        return f"{status} without {', '.join(lacking)}"
    if headers.get("access-control-allow-origin") not in {None, "https://app.example"}:
        return "another origin is let in"
    try:
        canary.check_answer(request.function, headers, body)
        if not is_servers:
            openapi.check_answer(request.function, request.method.upper(), status, headers, body)
    except AssertionError as wrong:
        return str(wrong)
    return ""
