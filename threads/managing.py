"""What th_accounts does with a request.

A handler reads it, calls a story, and answers with what came of it; it is called through an ``Endpoint``,
which turns what it raises into answers. Stories are imported with the first request that needs them.
"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from threads.answer import Answer
from threads.call import Call
from threads.errors import InvalidRequest, Problem
from threads.service import Service
from threads.wire import Fields

if TYPE_CHECKING:
    from threads.settings import Choice

CHOICES = ("accountId", "enabled_for_repost", "default")

MAX_ACCOUNT_ID = 200
"""Characters of an account's id that are looked at."""


def th_accounts(service: Service, call: Call) -> Answer:
    """Serve th_accounts: the cards, what the user chooses for an account, and an account's end."""
    from threads.accounts import cards_answer  # noqa: PLC0415 - lazy

    uid = service.identity().user(call.authorization).uid
    call.notes["uid"] = uid
    if call.request.method == "PATCH":
        return _choose(service, call, uid)
    if call.request.method == "DELETE":
        return _disconnect(service, call, uid)
    return Answer(body=cards_answer(service.store().read_summary(uid)))


def _choose(service: Service, call: Call, uid: str) -> Answer:
    from threads import settings  # noqa: PLC0415 - lazy
    from threads.accounts import cards_answer  # noqa: PLC0415 - lazy

    choice = _read_choice(call.json())
    call.notes["accountId"] = choice.unverified_account_id
    return Answer(body=cards_answer(settings.choose(service.store(), uid, choice, now=datetime.now(UTC))))


def _read_choice(body: dict[str, Any]) -> "Choice":
    """Return what the user has chosen.

    Raises:
        InvalidRequest: it is not said for which account, or what; or which account is *not* the default one.

    """
    from threads.settings import Choice  # noqa: PLC0415 - lazy

    fields = Fields(body, known=CHOICES)
    account_id = fields.text("accountId", limit=MAX_ACCOUNT_ID)
    if account_id is None and not fields.has_problem("accountId"):
        fields.problem("accountId", "invalid_request", "must name the account.")
    repost = fields.flag("enabled_for_repost") if body.get("enabled_for_repost") is not None else None
    is_default = fields.flag("default")
    if body.get("default") is False:
        fields.problem("default", "invalid_request", "can only be true: name the account to use instead.")
    elif repost is None and body.get("default") is None:
        fields.problem("body", "invalid_request", "must have enabled_for_repost or default.")
    fields.check()
    return Choice(account_id or "", enabled_for_repost=repost, is_default=is_default)


def _disconnect(service: Service, call: Call, uid: str) -> Answer:
    from threads.accounts import cards_answer  # noqa: PLC0415 - lazy
    from threads.disconnect import disconnect  # noqa: PLC0415 - lazy

    account_id = call.known_query("accountId").get("accountId")
    if not account_id:
        raise InvalidRequest(Problem("accountId", "invalid_request", "must name the account to disconnect."))
    done = disconnect(service.tools(), uid, account_id)
    call.notes |= {"accountId": account_id, "cancelled": done.cancelled}
    return Answer(body={**cards_answer(done.summary), "cancelled": done.cancelled})
