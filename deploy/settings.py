"""The variables in .env.<project>: what is there stays, what is missing is added at the end."""

import re
from collections.abc import Mapping
from pathlib import Path

NOTE = "# Added by make deploy. A value here is never changed: edit it, and deploy again."

AUTHORIZE_URL = "https://threads.com/oauth/authorize"
"""The window's address in Meta's pages since August 2026. The default, on threads.net, redirects there, and
some browsers lose the query on the way (postiz-app, pull request 1819)."""

_LINE = re.compile(
    r"^[ \t]*(?:export[ \t]+)?([A-Za-z_]\w*)[ \t]*=[ \t]*"
    r"(?:'((?:\\'|[^'])*)'|\"((?:\\\"|[^\"])*)\"|([^#\r\n]*))[ \t]*(?:#.*)?$",
    re.MULTILINE,
)
"""As the Firebase CLI reads it (lib/functions/env.js)."""


def read(*paths: Path) -> dict[str, str]:
    """Return the variables in files, of which a later one counts. A file that is not there has none."""
    values: dict[str, str] = {}
    for path in paths:
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        for match in _LINE.finditer(text):
            values[match[1]] = next((it for it in match.groups()[1:] if it is not None), "").strip()
    return values


def add(path: Path, missing: Mapping[str, str]) -> None:
    """Add variables at the end of a file. What is in the file stays as it is, byte for byte."""
    if not missing:
        return
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if text and not text.endswith("\n"):
        text += "\n"
    if NOTE not in text:
        text += f"{NOTE}\n"
    lines = "".join(f"{name}={value}\n" for name, value in missing.items())
    path.write_text(text + lines, encoding="utf-8")
