"""Pages of a list: a token names the last item that was shown, so changes in between do no harm."""

from __future__ import annotations

import base64
import binascii
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

from emulator.cloud_tasks.errors import invalid

if TYPE_CHECKING:
    from collections.abc import Iterable

Item = TypeVar("Item")


def page(numbered: Iterable[tuple[int, Item]], size: int, largest: int, token: str) -> tuple[list[Item], str]:
    """Return a page of items whose numbers go up, and the next page's token, empty for none."""
    if size < 0:
        raise invalid("page_size must not be negative.")
    size = min(size or largest, largest)
    after = _read(token) if token else 0
    found = list(islice((item for item in numbered if item[0] > after), size + 1))
    next_token = _token(found[size - 1][0]) if len(found) > size else ""
    return [item for _, item in found[:size]], next_token


def _token(number: int) -> str:
    return base64.urlsafe_b64encode(f"after {number}".encode()).decode()


def _read(token: str) -> int:
    try:
        word, _, number = base64.urlsafe_b64decode(token).decode().partition(" ")
        if word == "after":
            return int(number)
    except (ValueError, binascii.Error):
        pass
    raise invalid("page_token is not one that this service gave.")
