"""Which of the service's documents a project's Firestore rules open.

Rules only ever add access: whatever ours forbid, another rule of the same project may allow. This reads the
paths that rules match and the methods that they allow, and takes every condition but ``if false`` for one
that somebody can meet.

Source: https://firebase.google.com/docs/firestore/security/rules-structure
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

_SUMMARY = "users/U/integrations/threads"
_POST = f"{_SUMMARY}/posts/P"
_SERVERS = {
    f"{_SUMMARY}/accounts/A": "the accounts with their tokens",
    "oauthStates/S": "the states of connections",
    "threadsPendingConnections/P": "unfinished connections",
    "threadsClaims/M": "the claims of posts",
    "threadsDeletions/D": "the deletions",
}
"""Documents that no client may read, and what they are."""

_READS = {"read", "get", "list"}
_WRITES = {"write", "create", "update", "delete"}

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_TOKEN = re.compile(
    r"\bmatch\s+(?P<path>(?:/(?:\{\w+(?:=\*\*)?\}|\$\(\w+\)|[^\s/{}]+))+)\s*\{"
    r"|\ballow\s+(?P<methods>[\w\s,]+?)\s*(?::\s*if\s+(?P<condition>[^;]*))?;"
    r"|(?P<opened>\{)|(?P<closed>\})"
)
_PREFIX = re.compile(r"^/databases/[^/]+/documents")


class Allowed(NamedTuple):
    """What one line allows."""

    path: str
    """Below the database's documents, such as ``/users/{uid}``."""
    methods: frozenset[str]


def allowed(text: str) -> Iterator[Allowed]:
    """Yield what rules allow to whoever meets a condition."""
    blocks: list[str] = []
    for token in _TOKEN.finditer(_COMMENT.sub(" ", text)):
        if token["path"]:
            blocks.append(token["path"])
        elif token["opened"]:
            blocks.append("")
        elif token["closed"]:
            del blocks[-1:]
        elif (token["condition"] or "").strip() != "false":
            path = _PREFIX.sub("", "".join(blocks))
            yield Allowed(path, frozenset(re.findall(r"\w+", token["methods"])))


def opened(text: str) -> list[str]:
    """Return a sentence for each rule that opens what only the service may read or write."""
    sentences = []
    for rule in allowed(text):
        read = [what for path, what in _SERVERS.items() if rule.methods & _READS and _covers(rule, path)]
        written = [it for it in (_SUMMARY, _POST, *_SERVERS) if rule.methods & _WRITES and _covers(rule, it)]
        if read:
            sentences.append(
                f"The rule for {rule.path} lets clients read {read[0]}: take what lies below"
                f" users/{{uid}}/integrations and the service's own collections out of it."
            )
        elif written:
            sentences.append(
                f"The rule for {rule.path} lets clients write the service's documents: take what lies below"
                f" users/{{uid}}/integrations and the service's own collections out of it."
            )
    return sentences


def shows_cards(text: str) -> bool:
    """Return whether rules let somebody read cards and posts, as firestore.rules lets their owner."""
    return all(
        any(rule.methods & _READS and _covers(rule, path) for rule in allowed(text))
        for path in (_SUMMARY, _POST)
    )


def _covers(rule: Allowed, path: str) -> bool:
    pattern = re.sub(r"/\\\{\w+=\\\*\\\*\\\}", "(?:/.*)?", re.escape(rule.path))
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", pattern)
    return re.fullmatch(pattern, f"/{path}") is not None
