"""What Threads says of people and posts, and pages show: checked and bounded where it comes in."""

from typing import Any

MAX_NAME = 100
"""The most characters of a name or a username. Threads' own limits are far below; a longer one is cut off."""

MAX_ADDRESS = 2000
"""The most characters of a web address. The longest seen, of a picture, has some 700."""


def name(value: Any) -> str:
    """Return a name or a username on one line, or an empty text if the value is not a text."""
    return " ".join(value[:MAX_NAME].split()) if isinstance(value, str) else ""


def web_address(value: Any) -> str | None:
    """Return the public address of a picture or a post, or None if the value is not a web address."""
    if not isinstance(value, str) or len(value) > MAX_ADDRESS or not value.isprintable():
        return None
    return value if value.startswith(("https://", "http://")) else None
