"""The rules for replies: who sees them, who approves and hides them. No HTTP here.

Source: Meta, "Reply management" and "Retrieve media replies and conversations".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.threads_api import errors
from emulator.threads_api.model import Approval, HideStatus

if TYPE_CHECKING:
    from emulator.threads_api.model import Content, Post
    from emulator.threads_api.world import World

_WAITING = (Approval.PENDING, Approval.IGNORED)


def direct(world: World, post: Post) -> list[Post]:
    """Return the direct replies to a post that can be seen, the oldest first."""
    return [one for one in _children(world, post) if one.approval not in _WAITING]


def waiting(world: World, post: Post, status: str | None) -> list[Post]:
    """Return the replies that wait for approval or were ignored, the oldest first; ``status`` chooses."""
    wanted = _WAITING if status is None else (status,)
    return [one for one in _children(world, post) if one.approval in wanted]


def below(world: World, post: Post) -> list[Post]:
    """Return the replies of every depth that can be seen, the oldest first."""
    found: list[Post] = []
    for reply in direct(world, post):
        found += [reply, *below(world, reply)]
    return sorted(found, key=lambda one: one.published_at)


def _children(world: World, post: Post) -> list[Post]:
    now = world.now()
    return [
        one
        for one in world.every_post.values()
        if one.content.get("reply_to_id") == post.id and not one.gone(now)
    ]


def root_of(world: World, post: Post) -> Post:
    """Return the post at the top of a reply's tree."""
    return _line(world, post)[-1]


def _line(world: World, post: Post) -> list[Post]:
    """Return a post, what it replies to, and so on up to the top."""
    line = [post]
    while (parent := world.every_post.get(line[-1].content.get("reply_to_id", ""))) is not None:
        line.append(parent)
    return line


def first_approval(world: World, account_id: str, content: Content) -> Approval | None:
    """Return whether a new post must wait: a reply of somebody else to a post with reply approvals.

    That this concerns direct replies only, and never the owner's own, is unverified.
    """
    parent = world.every_post.get(content.get("reply_to_id", ""))
    if parent is None or "enable_reply_approvals" not in parent.content or parent.account_id == account_id:
        return None
    return Approval.PENDING


def shown_approval(post: Post) -> str | None:
    """Return ``reply_approval_status``: "Values: pending, ignored"."""
    return str(post.approval) if post.approval in _WAITING else None


def hide_status(world: World, reply: Post) -> HideStatus:
    """Return whether a reply is hidden. Hiding a top-level reply hides all replies below it."""
    line = _line(world, reply)
    return line[-2].hide_status if len(line) > 1 else HideStatus.NOT_HUSHED


def hide(world: World, account_id: str, reply_id: str, *, hidden: bool) -> None:
    """Hide or show a top-level reply to one's own post. The error for any other post is unverified."""
    reply = _to_own_post(world, account_id, reply_id)
    if reply is None:
        raise errors.unsupported("post", reply_id)
    if root_of(world, reply).id != reply.content["reply_to_id"]:
        raise errors.refused("hide", "is supported for top-level replies only")
    reply.hide_status = HideStatus.HIDDEN if hidden else HideStatus.UNHUSHED


def review(world: World, account_id: str, reply_id: str, *, approved: bool) -> Post:
    """Approve or ignore a reply that waits: "Ignored replies can still be approved"."""
    reply = _to_own_post(world, account_id, reply_id)
    if reply is None or reply.approval not in _WAITING:
        raise errors.unsupported("post", reply_id)
    reply.approval = Approval.APPROVED if approved else Approval.IGNORED
    return reply


def _to_own_post(world: World, account_id: str, reply_id: str) -> Post | None:
    """Return a reply below a post of the account, or None."""
    reply = world.posts.get(reply_id)
    if reply is None or not reply.is_reply or reply.gone(world.now()):
        return None
    return reply if root_of(world, reply).account_id == account_id else None
