"""Pending connections: a code that came back from the window is kept until the app confirms the connection.

A state proves who began a connection. A code proves that the account's owner allowed it. Nothing proves that
the two are one person. An attacker can begin a connection and talk a victim into opening its authorize URL.
If the callback then stored what comes back, it would connect the victim's account to the attacker (cross-user
session fixation; RFC 9700, sections 2.1 and 4.7).

So in confirm mode, and always to sign in, the callback exchanges nothing. It seals the code in a pending
connection, and gives a handle to the browser that brought the code. The app sends the handle back with what
only its own visitor has: the ID token of the user who began the connection, or the verifier of the page that
did. The victim's app has the handle, but neither of these. The attacker has them, but not the handle:

* The handle is an HMAC of the state, and its key is the code. The attacker knows the state, because it is his
  own. But the code goes from Threads through the victim's browser to the callback. So a reload of the
  callback gets the same handle, and the same state with another code gets none. One other place sees the
  code: Cloud Run's request log holds the URLs of callbacks, and its readers could make handles from them.
  docs/deploy.md tells how to exclude these lines.
* The database holds no handle: the id of a pending connection is the handle's digest, and its code is sealed.
* A state takes one code. If an attacker brings a code of his own, or a made-up one, he uses up his own state.
  A code that the victim brings after that is not even kept.
* The handle is in the fragment of ``returnTo``, which no server sees. It works once, within five minutes. A
  caller who did not begin the connection does not use it up. The one who did gets the same answer again for
  an hour, because the first one may have been lost.

The app must do the rest. No page on an origin of ALLOWED_ORIGINS may redirect to a URL that it is given,
because a browser carries the fragment along (RFC 9700, section 4.11). And the page that gets a handle must
remove it from its address.
"""

import base64
import hashlib
import hmac
import re
from datetime import datetime, timedelta

from threads.accounts.vault import Place, SealBroken, Vault
from threads.base.errors import InvalidHandle
from threads.connections.states import OAuthState, PendingConnection
from threads.graph.oauth import AuthorizationCode

PENDING_LIFETIME = timedelta(minutes=5)
"""A page needs a second. The rest is for a page that must sign its user in first."""

_HANDLE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_PURPOSE = b"th_link\0"
"""Separates this HMAC from any other that may be made with a code one day."""


def handle_of(state: str, code: AuthorizationCode) -> str:
    """Return the handle for a state and a code. It cannot be computed without the code."""
    digest = hmac.digest(code.secret.reveal().encode(), _PURPOSE + state.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_handle(unverified: str) -> bool:
    """Return whether a text has the form of a handle."""
    return _HANDLE.fullmatch(unverified) is not None


def pending_id(handle: str) -> str:
    """Return the id of a handle's pending connection. The handle cannot be computed from it."""
    return hashlib.sha256(handle.encode()).hexdigest()


def code_id(state: str, code: AuthorizationCode) -> str:
    """Return how a state remembers the code that it was used up with. The code cannot be computed from it.

    In confirm mode, it is the id of the pending connection.
    """
    return pending_id(handle_of(state, code))


def new_pending(
    vault: Vault, state: OAuthState, name: str, code: AuthorizationCode, now: datetime
) -> PendingConnection:
    """Return the pending connection with this id: what the window was opened for, and the sealed code."""
    return PendingConnection(
        pending_id=name,
        asked=state.asked,
        sealed_code=vault.seal(code.secret, _place(name, state.asked.uid)),
        expires_at=now + PENDING_LIFETIME,
    )


def open_code(vault: Vault, pending: PendingConnection) -> AuthorizationCode:
    """Return the code of a pending connection.

    Raises:
        InvalidHandle: the key of its seal is missing.

    """
    place = _place(pending.pending_id, pending.asked.uid)
    try:
        return AuthorizationCode(vault.open(pending.sealed_code or "", place))
    except SealBroken:
        raise InvalidHandle from None


def _place(name: str, uid: str | None) -> Place:
    return Place(uid or "", name, "code")
