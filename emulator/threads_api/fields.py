"""Reads the fields that ``fields=`` asks for, out of a table per kind of object. No HTTP here.

The tables are in ``media_fields`` and ``profile_fields``. A field's value is plain, or an object with fields
of its own (``Node``), or a list of such objects (``Edge``).

Source: Graph API, "Field expansion".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.threads_api import errors
from emulator.threads_api.asked import Asked, read_asked

if TYPE_CHECKING:
    from datetime import datetime

    from emulator.threads_api.model import Account, Post
    from emulator.threads_api.world import World


@dataclass(frozen=True)
class View:
    """The world as one request sees it."""

    world: World
    #: The URL at which the client reaches the emulator, without a slash at the end.
    base_url: str
    #: The account that asks; None for pages and webhooks.
    viewer_id: str | None = None

    def owns(self, post: Post) -> bool:
        """Return whether the account that asks has published a post."""
        return post.account_id == self.viewer_id


Table = Mapping[str, Callable[[View, Any], object]]


@dataclass(frozen=True)
class Node:
    """A value with fields of its own."""

    table: Table
    subject: object
    #: Whether it shows all of its fields if none is asked for. Otherwise it shows its id.
    is_whole: bool = False


@dataclass(frozen=True)
class Edge:
    """A list of values with fields of their own, which is shown as ``{"data": […]}``."""

    nodes: tuple[Node, ...]


def read_fields(
    table: Table, view: View, subject: object, asked: str, usual: str = "id"
) -> dict[str, object]:
    """Return the requested fields in order, and always ``id``. A field without a value is left out.

    Args:
        table: the fields of this kind of object.
        view: who asks.
        subject: the object.
        asked: the parameter ``fields``.
        usual: what is shown if nothing is asked for.

    Raises:
        GraphError: 100. This kind of object has no such field. 2500: the parameter has a syntax error.

    """
    return _read(table, view, subject, read_asked(asked) or read_asked(usual))


def _read(table: Table, view: View, subject: object, asked: tuple[Asked, ...]) -> dict[str, object]:
    unknown = next((one.name for one in asked if one.name not in table), None)
    if unknown is not None:
        raise errors.unknown_field(unknown)
    answer: dict[str, object] = {}
    for one in (*asked, *(Asked(name) for name in ("id",) if name in table)):
        if one.name not in answer:
            answer[one.name] = _expanded(view, table[one.name](view, subject), one)
    return {name: value for name, value in answer.items() if value not in (None, "")}


def _expanded(view: View, value: object, asked: Asked) -> object:
    """Return a field's value as it is shown."""
    if isinstance(value, Edge):
        return {"data": [_expanded(view, node, asked) for node in value.nodes[: asked.limit]]}
    if isinstance(value, Node):
        whole = tuple(map(Asked, value.table)) if value.is_whole else ()
        return _read(value.table, view, value.subject, asked.inner or whole)
    if asked.inner and value is not None:
        raise errors.no_subfields(asked.name)
    return value


def graph_time(moment: datetime) -> str:
    """Write a time as the Graph API does."""
    return f"{moment:%Y-%m-%dT%H:%M:%S%z}"


def picture_url(view: View, account: Account) -> str:
    """Return the URL of an account's picture."""
    return f"{view.base_url}/avatars/{account.id}.svg"


def permalink(view: View, post: Post) -> str:
    """Return the URL of a post's page."""
    return f"{view.base_url}/@{owner(view, post).username}/post/{post.shortcode}"


def owner(view: View, post: Post) -> Account:
    """Return the account that published a post."""
    return view.world.everybody[post.account_id]
