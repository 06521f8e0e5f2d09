"""The story of a thread: a root and its replies, in order, each a post of its own in the ledger.

Whoever comes after a crash walks the thread from its root again: what is out answers from its record, and the
first post that is not goes on. A reply's content names the post before it, which is known once that is out.
"""

import hashlib
from dataclasses import replace

from threads.claims import Delivery, claim_new
from threads.deliver import Walk
from threads.documents import Found
from threads.errors import InProgress
from threads.ledger import BUDGET, State, new_record
from threads.posts import Content
from threads.records import Held
from threads.tools import Tools
from threads.wire import Secret


def reply_name(root: str, position: int) -> str:
    """Return the name of a thread's post, by its root's; the first reply has position 1."""
    return hashlib.sha256(f"{root}|{position}".encode()).hexdigest()


def follow(tools: Tools, held: Held, delivery: Delivery, token: Secret, account: Found) -> Held:
    """Publish what comes after a post in its thread, until it ends or has to wait; return the root's record.

    With it come, as ``thread``, the replies so far: only the last one of them may not be published. Nothing
    follows a post that is not published itself: its own record comes back. If it waits, it has its task.

    Raises:
        InProgress: another delivery is at one of them, or there is no time left for the next one.
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
        record = replace(new_record(account.id, content, tools.now()), root=root.post_id)
        name = reply_name(root.post_id, position)
        claimed = claim_new(tools, root.uid, name, record, delivery)
        posts.append(Walk(tools, claimed, delivery, token, account).run())
    return root._replace(thread=tuple(posts[1:]))
