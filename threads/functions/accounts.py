"""th_accounts: showing the cards of a user's accounts, changing an account, disconnecting one or all."""

from http import HTTPStatus
from typing import Any, NamedTuple

from threads.accounts.parts import AccountParts
from threads.accounts.summary import cards_answer, unreadable_cards, with_choice
from threads.base.errors import Forbidden, InvalidRequest, Problem
from threads.base.validation import Fields, is_document_id
from threads.connections.deletion import forget_user
from threads.connections.disconnect import disconnect
from threads.connections.parts import ConnectionParts
from threads.functions.callers import Task, User
from threads.functions.request import HttpRequest
from threads.functions.response import HttpResponse

CHOICES = ("accountId", "enabled_for_repost", "default")

MAX_ACCOUNT_ID = 200
"""The most characters of an account's id."""


class Choice(NamedTuple):
    """The settings that the user has chosen for one account."""

    unverified_account_id: str
    enabled_for_repost: bool | None = None
    """None: no change."""
    is_default: bool = False
    """False: no change."""


def th_accounts(parts: ConnectionParts, request: HttpRequest, caller: User | Task) -> HttpResponse:
    """Answer th_accounts. The app's server calls it as a task does, and only to forget a user."""
    if isinstance(caller, Task):
        return _forget(parts, request, _read_whom(request))
    user = caller
    if request.method == "PATCH":
        return _choose(parts.accounts, request, user)
    if request.method == "DELETE":
        return _disconnect(parts, request, user)
    summary = parts.accounts.repository.read_summary(user.uid)
    if unreadable := unreadable_cards(summary):
        request.notes |= {"severity": "WARNING", "unreadable": unreadable}
    return HttpResponse(body=cards_answer(summary))


def _choose(parts: AccountParts, request: HttpRequest, user: User) -> HttpResponse:
    choice = _read_choice(request.json())
    request.notes["accountId"] = choice.unverified_account_id
    summary = parts.repository.change_summary(
        user.uid,
        lambda before: with_choice(
            before,
            choice.unverified_account_id,
            enabled_for_repost=choice.enabled_for_repost,
            is_default=choice.is_default,
            now=parts.now(),
        ),
    )
    return HttpResponse(body=cards_answer(summary))


def _read_choice(body: dict[str, Any]) -> Choice:
    """Return the settings that the user has chosen.

    Raises:
        InvalidRequest: the account or the setting is missing, or the body says that the account should *not*
            be the default.

    """
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


def _read_whom(request: HttpRequest) -> str:
    """Return the user whom the app's server wants forgotten.

    Raises:
        Forbidden: it wants something else.
        InvalidRequest: it names no user.

    """
    if request.method != "DELETE":
        raise Forbidden("A service account may only forget a user: DELETE ?all=true&userId=.")
    given = request.known_query("all", "userId")
    uid = given.get("userId", "")
    if given.get("all") != "true":
        raise InvalidRequest(Problem("all", "invalid_request", "must be true."))
    if not is_document_id(uid):
        raise InvalidRequest(Problem("userId", "invalid_request", "must be a user's id."))
    return uid


def _forget(parts: ConnectionParts, request: HttpRequest, uid: str) -> HttpResponse:
    request.notes["uid"] = uid
    code = forget_user(parts, uid)
    return HttpResponse(status=HTTPStatus.ACCEPTED, body={"ok": True, "status": "running", "code": code})


def _disconnect(parts: ConnectionParts, request: HttpRequest, user: User) -> HttpResponse:
    given = request.known_query("accountId", "all")
    account_id = given.get("accountId")
    if given == {"all": "true"}:
        return _forget(parts, request, user.uid)
    if "all" in given:
        raise InvalidRequest(Problem("all", "invalid_request", "must be true, and stand alone."))
    if not account_id:
        raise InvalidRequest(Problem("accountId", "invalid_request", "must name the account to disconnect."))
    done = disconnect(parts, user.uid, account_id)
    request.notes |= {"accountId": account_id, "cancelled": done.cancelled}
    return HttpResponse(body={**cards_answer(done.summary), "cancelled": done.cancelled})
