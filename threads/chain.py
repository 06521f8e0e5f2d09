"""The story of a thread: a root and its replies, in order, each a post of its own in the ledger.

Whoever comes after a crash walks the thread from its root again: what is out answers from its record, and the
first post that is not goes on. A reply's content names the post before it, which is known once that is out.
"""

import hashlib
from dataclasses import replace

from threads.access import find_account, open_token
from threads.claims import Delivery, claim_new
from threads.deliver import Walk
from threads.errors import InProgress, MissingScope, ReconnectRequired, ServiceError
from threads.holding import end, ended_badly
from threads.ledger import BUDGET, Record, State, new_record
from threads.posts import Content
from threads.records import Held
from threads.tools import Tools


def reply_name(root: str, position: int) -> str:
    """Return the name of a thread's post, by its root's; the first reply has position 1."""
    return hashlib.sha256(f"{root}|{position}".encode()).hexdigest()


def follow(tools: Tools, held: Held, delivery: Delivery) -> Held:
    """Publish what comes after a post in its thread, until it ends or has to wait; return the root's record.

    The account is read anew before each: one that was disconnected meanwhile, or whose token is dead by then,
    publishes nothing more. With the root come, as ``thread``, the replies so far: only the last of them may
    not be published. Nothing follows a post that is not published itself: its own record comes back. If it
    waits, it has its task.

    Raises:
        InProgress: another delivery is at one of them, or there is no time left for the next one.
        ReconnectRequired, MissingScope: a web app's request; connected again, the same one goes on.
        ServiceError: another delivery may go on.

    """
    if held.record.state is not State.PUBLISHED:
        return held
    root = tools.records.read(held.uid, held.record.root) if held.record.root else held
    if root is None:
        return held
    ends = tools.now() + BUDGET
    posts = [root]
    for position, values in enumerate(Content(root.record.content).replies, 1):
        if posts[-1].record.state is not State.PUBLISHED:
            break
        if tools.now() >= ends:
            raise InProgress("This thread is not finished yet. The same request goes on with it.")
        content = {**values, "replyToId": posts[-1].record.media_id}
        record = replace(new_record(root.record.account_id, content, tools.now()), root=root.post_id)
        name = reply_name(root.post_id, position)
        posts.append(_publish(tools, root.uid, name, record, delivery))
    return root._replace(thread=tuple(posts[1:]))


def _publish(tools: Tools, uid: str, name: str, record: Record, delivery: Delivery) -> Held:
    """Publish one reply, if there still is an account to do it; else end it, and say what to do."""
    try:
        account = find_account(tools, uid, record.account_id)
        token = open_token(tools, uid, account)
    except ServiceError as trouble:
        is_waiting = isinstance(trouble, ReconnectRequired | MissingScope) and not delivery.by_task
        if trouble.retryable or is_waiting:
            raise
        there = tools.records.create(uid, name, ended_badly(record, trouble, tools.now()))
        return end(tools, there, trouble)
    return Walk(tools, claim_new(tools, uid, name, record, delivery), delivery, token, account).run()
