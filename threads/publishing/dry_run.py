"""A dry run: everything is checked as before publishing, and nothing is published."""

from typing import Any

from threads.accounts.access_token import find_open_account
from threads.base.config import Counting
from threads.posts.content import Content
from threads.posts.options import MAX_LINKS, MAX_TEXT, all_links
from threads.posts.submission import Submission
from threads.posts.text import count
from threads.publishing.parts import PublishingParts
from threads.publishing.schedule import check_queue, check_time


def dry_run(parts: PublishingParts, uid: str, submission: Submission) -> dict[str, Any]:
    """Return what would be sent to Threads, and what is left of today's quota. One read, one call.

    Raises:
        InvalidRequest: the post could not be scheduled.
        MissingAccount, AccountNotFound, ReconnectRequired, MissingScope: no account could publish the post.

    """
    content, counting = submission.content, parts.config.text_counting
    if submission.is_queued or submission.scheduled_time:
        check_queue(parts, "scheduledTime" if submission.scheduled_time else "queue")
        check_time(parts, submission.scheduled_time)
    account = find_open_account(parts.accounts, uid, submission.account_id, content.needed_scopes)
    children = content.child_parameters()
    replies = [
        {"wouldSend": reply.parameters(), "counts": _counts(reply, counting)} for reply in content.replies
    ]
    quota = account.api.quota(replies=content.is_reply)
    return {
        "ok": True,
        "dryRun": True,
        "accountId": account.stored.account_id,
        "wouldSend": content.parameters(),
        **({"children": children} if children else {}),
        **({"thread": replies} if replies else {}),
        "counts": _counts(content, counting),
        "scopes": list(content.needed_scopes),
        **({"quota": {"used": quota.used, "total": quota.total}} if quota else {}),
    }


def _counts(content: Content, counting: Counting) -> dict[str, Any]:
    """Return how much of each limit a post takes up."""
    text = {"count": count(content.text, counting), "limit": MAX_TEXT, "counting": counting.value}
    return {"text": text, "links": {"count": len(all_links(content.values)), "limit": MAX_LINKS}}
