"""Secrets that never print their value, and the redaction of texts that may hold a secret."""

import re
from dataclasses import dataclass, field

_SECRET_PARAMETER = re.compile(
    r"(?i)(?<![a-z_])(access_token|client_secret|refresh_token|signed_request|input_token|id_token|code|state)"
    r"(\"?\s*[=:]\s*\"?)([^\"&\s,;}]{6,})"
)
_BEARER = re.compile(r"(?i)\b(bearer)\s+[^\s\"']+")
_TOKEN_LIKE = re.compile(r"(?<![A-Za-z0-9_\-|.%])(?![A-Z_]+(?![A-Za-z0-9_\-|.%]))[A-Za-z0-9_\-|.%]{32,}")
"""A long run of a token's characters, but not one of Threads' own names for errors, such as
THREADS_API__LINK_LIMIT_EXCEEDED. A match can only begin where such a run begins: if the pattern were tried at
every character, 60,000 of them would take seconds."""
_HIDDEN = "[hidden]"

MAX_REDACTED = 1 << 20
"""How many characters are searched for secrets. The text is shortened to its limit only after secrets are
hidden, so that no piece of a token is left over."""


@dataclass(frozen=True)
class Secret:
    """A text that never prints itself. Only ``reveal()`` returns it, and ``grep reveal`` finds every use."""

    _value: str = field(repr=False)

    def reveal(self) -> str:
        """Return the secret itself."""
        return self._value

    def __str__(self) -> str:
        """Return a placeholder, so that formatting a message by mistake leaks nothing."""
        return _HIDDEN


def redacted(text: str, *, limit: int = 300) -> str:
    """Return the beginning of ``text`` with everything hidden that is, or looks like, a secret."""
    shown = _SECRET_PARAMETER.sub(rf"\1\2{_HIDDEN}", text[:MAX_REDACTED])
    shown = _TOKEN_LIKE.sub(_HIDDEN, _BEARER.sub(rf"\1 {_HIDDEN}", shown))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
