"""The story of "Connect Threads": a state is written, and the browser may go to the authorization window.

1 write    oauthStates/{state}
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from threads.authorization import authorize_url
from threads.config import Config
from threads.return_to import validate_return_to
from threads.scopes import requested_scopes
from threads.store import Store

STATE_LIFETIME = timedelta(minutes=10)
"""Long enough to log in to Threads and decide, short enough for a leaked URL to be worthless."""

STATE_BYTES = 32
"""256 random bits; RFC 6749, section 10.10 asks for a chance of guessing below 2^-128."""

PROVIDER = "threads"
"""Other providers' states may lie in the same collection."""


class Wish(NamedTuple):
    """What a signed-in user asks for."""

    uid: str
    unverified_return_to: str | None
    unverified_scopes: Sequence[str]


def start(config: Config, store: Store, wish: Wish, *, now: datetime) -> str:
    """Write a state and return the authorize URL.

    Raises:
        InvalidReturnTo, InvalidRequest: where to return to, or a scope, is not acceptable.
        ServiceUnavailable: Firestore does not answer.

    """
    return_to = None
    if wish.unverified_return_to:
        return_to = validate_return_to(wish.unverified_return_to, config.allowed_origins)
    scopes = requested_scopes(config.extra_scopes, wish.unverified_scopes)
    state = secrets.token_urlsafe(STATE_BYTES)
    store.create_state(
        state,
        {
            "uid": wish.uid,
            "provider": PROVIDER,
            "returnTo": return_to.url if return_to else None,
            "scopes": list(scopes),
            "createdAt": now,
            "expiresAt": now + STATE_LIFETIME,
        },
    )
    return authorize_url(config, state=state, scopes=scopes)
