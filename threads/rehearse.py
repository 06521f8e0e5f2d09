"""The story of a dry run: everything that is checked before a post is sent, and nothing sent."""

from collections.abc import Mapping
from typing import Any

from threads.access import find_account, open_token
from threads.account_graph import AccountGraph
from threads.options import MAX_LINKS, MAX_TEXT, all_links, parameters
from threads.posts import Submission
from threads.publish import check_queue, check_time
from threads.texts import Counting, count
from threads.tools import Tools


def rehearse(tools: Tools, uid: str, submission: Submission) -> dict[str, Any]:
    """Return what would be sent to Threads, and what is left of today's quota. One read, one call.

    Raises:
        InvalidRequest: it could not be scheduled.
        MissingAccount, AccountNotFound, ReconnectRequired, MissingScope: no account could publish it.

    """
    content, counting = submission.content, tools.config.text_counting
    if submission.is_queued or submission.scheduled_time:
        check_queue(tools, submission)
        check_time(tools, submission)
    account = find_account(tools, uid, submission.account_id)
    token = open_token(tools, uid, account, content.needed_scopes)
    children = content.child_parameters()
    replies = [
        {"wouldSend": parameters(values), "counts": _counts(values, counting)} for values in content.replies
    ]
    quota = AccountGraph(tools.graph, token).quota(replies=content.is_reply)
    return {
        "ok": True,
        "dryRun": True,
        "accountId": account.id,
        "wouldSend": content.parameters(),
        **({"children": children} if children else {}),
        **({"thread": replies} if replies else {}),
        "counts": _counts(content.values, counting),
        "scopes": list(content.needed_scopes),
        **({"quota": {"used": quota.used, "total": quota.total}} if quota else {}),
    }


def _counts(values: Mapping[str, Any], counting: Counting) -> dict[str, Any]:
    """Return how much a post has of what is limited."""
    text = {"count": count(values.get("text", ""), counting), "limit": MAX_TEXT, "counting": counting.value}
    return {"text": text, "links": {"count": len(all_links(values)), "limit": MAX_LINKS}}
