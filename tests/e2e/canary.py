"""What nothing may show: secrets have a form that is recognized, wherever they turn up.

Every answer of a function, and every document that a test leaves, is searched with that test. Every line that
a function has logged is searched when its process ends.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.suite import local_secrets
from emulator.suite.paths import ROOT
from threads.base.config import DEVELOPMENT_KEYS

MARKS: Mapping[str, str] = {
    # The Threads emulator's tokens and codes begin as Meta's do.
    "token of Threads": r"THAA[\w-]{40,}",
    "code": r"AQ[\w-]{150,}",
    "secret of the Threads app": re.escape(local_secrets.read(ROOT)["THREADS_APP_SECRET"]),
    "key of sealed tokens": re.escape(DEVELOPMENT_KEYS.partition(":")[2]),
}
"""What no answer, log line or document may hold."""

SEALED = {"sealed secret": r"(?:development|local|k\d):[\w-]{60,}"}
"""What only an account and a pending connection may hold."""

SEALED_IN = {
    "accounts": {"accessToken", "sealedThreadsUserId"},
    "threadsPendingConnections": {"code"},
}
"""The collections with sealed values, and their fields."""

TICKETS = {
    "ID token, or custom token": r"eyJ[\w-]{10,}\.eyJ[\w-]{10,}",
    "signed request": r"(?<![\w-])[\w-]{43}\.eyJ[\w-]+",
}
"""What proves who is calling."""

HANDLES = {"state, handle or verifier": r"(?<![\w-])[\w-]{43}(?![\w-])"}
"""A state is the name of its document and part of the authorize URL, a handle of the way back to the app."""

ANSWERED = {**MARKS, **SEALED}
"""What no answer may hold; a custom token is the answer to a sign-in."""

STORED = {**MARKS, **SEALED, **TICKETS}
"""What no document may hold."""

LOGGED = {**MARKS, **SEALED, **TICKETS, **HANDLES}
"""What no log line may hold."""


COLLECTIONS = (
    *("integrations", "accounts", "posts"),
    *("oauthStates", "threadsPendingConnections", "threadsClaims", "threadsDeletions"),
)
"""Where the service writes documents."""


def leaks(text: str, marks: Mapping[str, str]) -> list[str]:
    """Return the kinds of secrets that a text holds; never the secrets."""
    return [kind for kind, pattern in marks.items() if re.search(pattern, text)]


def check_answer(name: str, headers: Mapping[str, str], body: str) -> None:
    """Fail when a function's answer holds what it may not."""
    shown = "\n".join([*headers.values(), body])
    assert not (found := leaks(shown, ANSWERED)), f"{name} answered with a {' and a '.join(found)}"


def check_log(name: str, log: str) -> None:
    """Fail when a function's log holds what it may not."""
    lines = [(line, found) for line in log.splitlines() if (found := leaks(line, LOGGED))]
    told = [f"{' and '.join(found)}, in a line of {len(line)} characters" for line, found in lines]
    assert not told, f"{name} logged: {'; '.join(told)}"


def check_document(path: str, fields: Mapping[str, Any]) -> None:
    """Fail when a document holds what it may not; sealed secrets are where they belong, and nowhere else."""
    collection = path.split("/")[-2]
    for name, value in fields.items():
        text = _flat(value)
        if name in SEALED_IN.get(collection, ()):  # by chance, what is sealed looks like a code
            text = re.sub(SEALED["sealed secret"], "", text)
        assert not (found := leaks(text, STORED)), f"{path} has a {found[0]} in {name}"


def _flat(value: Any) -> str:
    return json.dumps(value, default=str, ensure_ascii=False)


def documents(client: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every document that the service writes, with its path."""
    for group in COLLECTIONS:
        for document in client.collection_group(group).stream():
            yield document.reference.path, document.to_dict()
