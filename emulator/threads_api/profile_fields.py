"""The fields of containers, of one's own profile, and of public profiles. No HTTP here.

Source: Meta, "Profiles", "Troubleshooting", "Keyword search" and "Reference > User".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.threads_api import made_up
from emulator.threads_api.fields import View, picture_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from emulator.threads_api.model import Account, Container

    UserField = Callable[[View, Account], object]
    ContainerField = Callable[[View, Container], object]

_MILLISECONDS = 1000

CONTAINER_FIELDS: dict[str, ContainerField] = {
    "id": lambda _view, container: container.id,
    "status": lambda view, container: container.status(view.world.now()),
    # Only a container whose processing has failed has one.
    "error_message": lambda view, container: (
        container.error_message if container.status(view.world.now()) == "ERROR" else None
    ),
}

#: What a container shows if no field is asked for (Meta, "Reference > Publishing").
USUAL_CONTAINER_FIELDS = "id,status"


def _searches(view: View, account: Account) -> list[dict[str, object]]:
    """Return the keywords that the account has searched for, the newest first."""
    return [
        {"query": search.query, "timestamp": int(search.made_at.timestamp() * _MILLISECONDS)}
        for search in reversed(view.world.searches[account.id])
    ]


USER_FIELDS: dict[str, UserField] = {
    "id": lambda _view, account: account.id,
    "username": lambda _view, account: account.username,
    "name": lambda _view, account: account.name,
    "threads_profile_picture_url": picture_url,
    "threads_biography": lambda _view, account: account.biography,
    "is_verified": lambda _view, account: account.is_verified,
    "is_eligible_for_geo_gating": lambda _view, account: account.is_eligible_for_geo_gating,
    "recently_searched_keywords": _searches,
}

#: What ``/profile_lookup`` shows. Meta's page names no parameter ``fields``; all are shown.
PUBLIC_PROFILE_FIELDS: dict[str, UserField] = {
    "username": lambda _view, account: account.username,
    "name": lambda _view, account: account.name,
    "profile_picture_url": picture_url,
    "biography": lambda _view, account: account.biography,
    "is_verified": lambda _view, account: account.is_verified,
    "follower_count": lambda _view, account: made_up.followers(account),
    "likes_count": lambda view, account: made_up.recent(view.world, account, "likes"),
    "quotes_count": lambda view, account: made_up.recent(view.world, account, "quotes"),
    "replies_count": lambda view, account: made_up.recent(view.world, account, "replies"),
    "reposts_count": lambda view, account: made_up.recent(view.world, account, "reposts"),
    "views_count": lambda view, account: made_up.recent(view.world, account, "views"),
}
