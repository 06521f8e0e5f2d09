"""How much of each daily limit an account has used. No HTTP here.

Source: Meta, "Overview > Rate limiting" and "Reference > User".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.threads_api import scopes
from emulator.threads_api.asked import read_asked
from emulator.threads_api.authorization import require
from emulator.threads_api.fields import Node, Table, View, read_fields
from emulator.threads_api.model import QUOTA_WINDOW, Quota
from emulator.threads_api.publishing import quota_total, quota_usage

if TYPE_CHECKING:
    from emulator.threads_api.model import Token

#: What the names of a limit's two fields begin with, and the permissions that they need.
_LIMITS = {
    "": (Quota.POSTS, (scopes.PUBLISH,)),
    "reply_": (Quota.REPLIES, (scopes.PUBLISH, scopes.MANAGE_REPLIES)),
    "delete_": (Quota.DELETIONS, (scopes.DELETE,)),
    "location_search_": (Quota.LOCATION_SEARCHES, (scopes.TAG_LOCATIONS,)),
}

_CONFIG_FIELDS: Table = {
    "quota_total": lambda view, quota: quota_total(view.world, quota),
    "quota_duration": lambda _view, _quota: int(QUOTA_WINDOW.total_seconds()),
}


def _usage(quota: Quota) -> Any:
    return lambda view, account_id: quota_usage(view.world, account_id, quota)


def _config(quota: Quota) -> Any:
    return lambda _view, _account_id: Node(_CONFIG_FIELDS, quota, is_whole=True)


LIMIT_FIELDS: Table = {
    **{f"{prefix}quota_usage": _usage(quota) for prefix, (quota, _) in _LIMITS.items()},
    **{f"{prefix}config": _config(quota) for prefix, (quota, _) in _LIMITS.items()},
}


def read_limits(view: View, token: Token, asked: str) -> dict[str, object]:
    """Return the limits that were asked for. Raises GraphError 10 without the permissions that they need."""
    names = {one.name for one in read_asked(asked or "quota_usage")}
    for prefix, (_, needed) in _LIMITS.items():
        if names & {f"{prefix}quota_usage", f"{prefix}config"}:
            for scope in needed:
                require(token, scope)
    return read_fields(LIMIT_FIELDS, view, token.account_id, asked, "quota_usage")
