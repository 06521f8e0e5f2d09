"""Keeps the secrets of the local suite in ``.secret.local``, where the Functions emulator reads them.

Without that file the emulator would ask Secret Manager, over the network, whenever a function starts. The
secrets protect nothing in production. Still, only the owner can read the file.
"""

import base64
import secrets
from collections.abc import Mapping
from pathlib import Path

FILE_NAME = ".secret.local"

_OWNER_ONLY = 0o600
_KEY_BYTES = 32


def read(directory: Path) -> dict[str, str]:
    """Return the secrets in the file of ``directory``, after adding those that are missing.

    An existing value is never changed: it may be that of a real Threads app.
    """
    path = directory / FILE_NAME
    path.touch(mode=_OWNER_ONLY)
    path.chmod(_OWNER_ONLY)
    text = path.read_text(encoding="utf-8")
    values = _parse(text)
    missing = {name: value for name, value in _made_up().items() if not values.get(name)}
    if missing:
        separator = "" if text.endswith("\n") or not text else "\n"
        added = "".join(f"{name}={value}\n" for name, value in missing.items())
        path.write_text(text + separator + added, encoding="utf-8")
    return values | missing


def _made_up() -> Mapping[str, str]:
    return {
        "THREADS_APP_SECRET": secrets.token_hex(16),
        "TOKEN_KEYS": f"local:{base64.b64encode(secrets.token_bytes(_KEY_BYTES)).decode()}",
        "WEBHOOK_VERIFY_TOKEN": secrets.token_hex(16),
    }


def _parse(text: str) -> dict[str, str]:
    """Read lines like ``NAME=value`` as the CLI does (lib/functions/env.js), but no multi-line values."""
    values = {}
    for line in text.splitlines():
        name, separator, value = line.partition("=")
        if separator and not name.lstrip().startswith("#"):
            values[name.strip()] = _unquoted(value.strip())
    return values


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] in "'\"" and value[0] == value[-1]:
        return value[1:-1]
    return value.partition("#")[0].strip()
