"""th_upkeep: Cloud Scheduler calls it every few minutes, so that no accepted post stays open."""

from collections import Counter
from typing import Any

from threads.base.errors import ServiceError
from threads.functions.callers import Scheduler
from threads.functions.endpoint import error_notes, write_line
from threads.functions.request import HttpRequest
from threads.functions.response import HttpResponse
from threads.posts.ledger import State
from threads.publishing.parts import PublishingParts
from threads.publishing.upkeep import Late, upkeep


def th_upkeep(parts: PublishingParts, request: HttpRequest, _caller: Scheduler) -> HttpResponse:
    """Answer th_upkeep: bring back the posts that are late, and log an ERROR for each, once.

    A transient error is answered 200, because the next call comes in a few minutes anyway.
    """
    results: Counter[str] = Counter()
    try:
        for late in upkeep(parts):
            results[late.result] += 1
            _log(late)
    except ServiceError as error:
        if not error.retryable:
            raise
        request.notes |= error_notes(error)
    request.notes["late"] = dict(results)
    return HttpResponse(body={"ok": "error" not in request.notes})


def _log(late: Late) -> None:
    """Write the line of one post that came late. It says who lost what, and no content.

    It is an ERROR the first time, so that errors count posts, and if a person must look at Threads.
    """
    post = late.post
    is_known = post is not None and post.record.wakes > 0 and late.result != State.UNKNOWN.lower()
    about: dict[str, Any] = {"path": late.path}
    if post:
        about = {
            "uid": post.uid,
            "postId": post.post_id,
            "accountId": post.record.account_id,
            "wakes": post.record.wakes,
        }
    write_line(
        {
            "severity": "WARNING" if is_known else "ERROR",
            "message": f"th_upkeep a post is late: {late.why}",
            "function": "th_upkeep",
            "why": late.why,
            "lateSeconds": round(late.late.total_seconds()),
            "result": late.result,
            **about,
        }
    )
