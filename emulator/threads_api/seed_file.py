"""A seed file: the accounts and posts that are there from the start, and after each reset.

    {
      "accounts": [{"username": "ada", "name": "Ada", "token": "token-of-ada"}, {"username": "ben"}],
      "posts": [
        {"key": "hello", "by": "ada", "text": "Hello", "hours_ago": 30},
        {"by": "ben", "reply_to": "hello", "text": "Hi Ada", "hours_ago": 29}
      ]
    }

The same file always gets the same ids. Beside ``key``, ``by``, ``reply_to``, ``hours_ago`` and ``id``, a post
has the parameters of a creation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from emulator.base.json_body import JsonBody, Malformed
from emulator.threads_api import replies
from emulator.threads_api.errors import GraphError
from emulator.threads_api.model import Account, Post, Token
from emulator.threads_api.parameters import read_content
from emulator.threads_api.scopes import SCOPES
from emulator.threads_api.shortcodes import shortcode_of
from emulator.threads_api.window import USERNAME

if TYPE_CHECKING:
    from pathlib import Path

    from emulator.threads_api.model import Content
    from emulator.threads_api.world import World

#: Where the ids of seeded posts begin: odd numbers beyond 2^53, below those of what is published later.
_FIRST_POST = 17_990_100_200_300_401
_STEP = 7_340_018

_MOST_HOURS = 10 * 365 * 24
#: A seeded token has this age, so that it can be refreshed.
_TOKEN_AGE = timedelta(days=2)
_SHORTEST_TOKEN = 8


@dataclass(frozen=True)
class SeededAccount:
    """An account of a file."""

    fields: dict[str, Any]
    token: str | None = field(repr=False)


@dataclass(frozen=True)
class SeededPost:
    """A post of a file."""

    id: str
    by: str
    content: Content
    age: timedelta


@dataclass(frozen=True)
class Seed:
    """The content of a file, checked."""

    accounts: tuple[SeededAccount, ...]
    posts: tuple[SeededPost, ...]

    def plant(self, world: World) -> None:
        """Put everything into a world that has just begun. Accounts take the place of the made-up ones."""
        if self.accounts:
            world.accounts.clear()
        for account in self.accounts:
            self._add(world, account)
        for post in sorted(self.posts, key=lambda post: post.age, reverse=True):
            author = world.account_called(post.by)
            if author is None:
                raise Malformed(f"posts: there is no account {post.by}")
            world.posts[post.id] = Post(
                post.id,
                author.id,
                shortcode_of(post.id),
                post.content,
                world.now() - post.age,
                approval=replies.first_approval(world, author.id, post.content),
            )

    def _add(self, world: World, seeded: SeededAccount) -> None:
        account = world.add_account(Account(**{"id": world.new_account_id(), **seeded.fields}))
        if seeded.token is not None:
            app_id = next(iter(world.apps), "")
            issued_at = world.now() - _TOKEN_AGE
            token = Token(
                seeded.token, app_id, account.id, tuple(SCOPES), long_lived=True, issued_at=issued_at
            )
            world.tokens[token.value] = token


def read_seed_file(path: Path) -> Seed:
    """Read and check a file. Raises Malformed, which names the entry that is wrong."""
    try:
        parsed = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise Malformed(f"the seed file cannot be read: {problem}") from None
    return read_seed(parsed)


def read_seed(parsed: object) -> Seed:
    """Check the content of a file. Raises Malformed, which names the entry that is wrong."""
    body = JsonBody(parsed, "the seed file")
    accounts, posts = body.items("accounts"), body.items("posts")
    body.finish()
    read = tuple(_read_account(one) for one in accounts)
    _check_new("accounts", "username", [one.fields["username"] for one in read])
    _check_new("accounts", "id", [one.fields["id"] for one in read if "id" in one.fields])
    _check_new("accounts", "token", [one.token for one in read if one.token])
    return Seed(read, tuple(_read_posts(posts)))


def _read_account(body: JsonBody) -> SeededAccount:
    username, token = body.text("username").lower(), body.text("token", None)
    account_id = body.text("id", None)
    fields = {
        "username": username,
        "name": body.text("name", ""),
        "biography": body.text("biography", ""),
        "is_verified": body.flag("is_verified", default=False),
        **({"id": account_id} if account_id is not None else {}),
    }
    body.finish()
    if not USERNAME.fullmatch(username):
        raise Malformed(f"{body.where}: username must have 1 to 30 letters, digits, dots and underscores")
    if account_id is not None and not account_id.isdecimal():
        raise Malformed(f"{body.where}: an id has only digits")
    if token is not None and not (len(token) >= _SHORTEST_TOKEN and token.isascii() and token.isprintable()):
        raise Malformed(f"{body.where}: a token has {_SHORTEST_TOKEN} or more printable characters")
    return SeededAccount(fields, token)


def _read_posts(bodies: list[JsonBody]) -> list[SeededPost]:
    posts: list[SeededPost] = []
    ids: dict[str, str] = {}
    for number, body in enumerate(bodies):
        media_id = body.text("id", str(_FIRST_POST + number * _STEP))
        key, parent = body.text("key", media_id), body.text("reply_to", None)
        by, hours = body.text("by").lower(), body.number("hours_ago", 1, least=0, most=_MOST_HOURS)
        if not media_id.isdecimal() or media_id in ids.values() or key in ids:
            raise Malformed(f"{body.where}: id and key must be new, and an id has only digits")
        if parent is not None and parent not in ids:
            raise Malformed(f"{body.where}: there is no post {parent} before this one")
        ids[key] = media_id
        content = _read_content(body, {"reply_to_id": ids[parent]} if parent is not None else {})
        posts.append(SeededPost(media_id, by, content, timedelta(hours=hours)))
    return posts


def _read_content(body: JsonBody, more: dict[str, str]) -> Content:
    """Read the parameters of a creation. A member that is none of them is a mistake."""
    given = body.rest()
    usual = "IMAGE" if "image_url" in given else "VIDEO" if "video_url" in given else "TEXT"
    sent = {"media_type": usual, **{name: _as_sent(value) for name, value in given.items()}, **more}
    try:
        content = read_content(sent)
    except GraphError as refused:
        raise Malformed(f"{body.where}: {refused}") from None
    unknown = sorted(given.keys() - content.keys())
    if (
        unknown
        or content["media_type"] == "CAROUSEL"
        or not content.keys() & {"text", "image_url", "video_url"}
    ):
        raise Malformed(f"{body.where}: a post has text, image_url or video_url; {unknown} is not known")
    return content


def _as_sent(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _check_new(where: str, name: str, values: list[str]) -> None:
    if len(values) != len(set(values)):
        raise Malformed(f"{where}: each {name} must be another one")
