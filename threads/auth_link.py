"""Links: a code that is back from the window, and is kept until the app says who is waiting for it.

A state proves who has begun a connection, and a code that somebody has allowed it; nothing proves that they
are one person. An attacker begins one and talks a victim into opening its authorize URL: a callback that
stores what comes back connects the victim's account to the attacker (cross-user session fixation; RFC 9700,
sections 2.1 and 4.7). So in confirm mode, and always to sign in, the callback exchanges nothing. It seals
the code in a link, and gives the link's handle to the browser that has brought the code. The app sends the
handle on, with what only its own visitor has: the ID token of the user who has begun, or the verifier of the
page that has. The victim's app has the handle and neither of these; the attacker has them, and no handle:

* The handle is made from the code, by an HMAC whose key the code is. The attacker knows the state, as it is
  his; the code goes from Threads by way of the victim's browser to the callback. So a reload of the callback
  leads to the same handle, and the same state with another code to none. One more place sees the code: Cloud
  Run's own request log holds callbacks' URLs, from which its readers could make handles, so that the README
  tells how to leave those lines out.
* The database holds no handle: a link's name is the handle's digest, and the code in it is sealed.
* A state takes one code. An attacker who brings one of his own, or a made-up one, has used up his own state:
  what the victim brings after that is not even kept.
* The handle stands in the fragment of ``returnTo``, which no server sees. It works once, for five minutes;
  who sends it without being the one who has begun does not use it up.
* A link is no state and a state no link, though they lie side by side: each is looked at for what it is.

What is left to the app: none of its pages on an origin of ALLOWED_ORIGINS may redirect to whatever address
it is given, as a browser carries the fragment along (RFC 9700, section 4.11); and the page that gets a
handle takes it off its address.
"""

import base64
import hashlib
import hmac
import re
from datetime import timedelta
from typing import Any

from threads.auth_start import PROVIDER
from threads.documents import Found
from threads.errors import InvalidHandle
from threads.oauth import AuthorizationCode
from threads.tools import Tools
from threads.vault import Place, SealBroken

LINK_LIFETIME = timedelta(minutes=5)
"""A page needs a second. The rest is for one that has to sign its user in first."""

CODE_FIELD = "code"

_KIND = "link"
_HANDLE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_PURPOSE = b"th_link\0"
"""Keeps this HMAC apart from any other that may be made with a code one day."""


def handle_of(state: str, code: AuthorizationCode) -> str:
    """Return the handle of the link that a state and a code make: nobody can tell it without the code."""
    digest = hmac.digest(code.secret.reveal().encode(), _PURPOSE + state.encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def is_handle(unverified: str) -> bool:
    """Say whether a text has the form of a handle."""
    return _HANDLE.fullmatch(unverified) is not None


def link_id(handle: str) -> str:
    """Return the name of a handle's link, from which nobody gets back to the handle."""
    return hashlib.sha256(handle.encode()).hexdigest()


def is_link(found: Found) -> bool:
    """Say whether a document is a link, and not a state."""
    return found.fields.get("kind") == _KIND and found.fields.get("provider") == PROVIDER


def new_link(tools: Tools, state: Found, name: str, code: AuthorizationCode) -> dict[str, Any]:
    """Return the document of the link with this name: what the state knows, and the code, sealed."""
    now = tools.now()
    kept = ("uid", "provider", "mode", "scopes", "account", "challenge")
    place = _place(tools, name, state.fields.get("uid"))
    return {
        **{name: state.fields.get(name) for name in kept},
        "kind": _KIND,
        CODE_FIELD: tools.vault().seal(code.secret, place),
        "createdAt": now,
        "expiresAt": now + LINK_LIFETIME,
    }


def open_code(tools: Tools, link: Found) -> AuthorizationCode:
    """Return the code of a link.

    Raises:
        InvalidHandle: its key is gone.

    """
    place = _place(tools, link.id, link.fields["uid"])
    try:
        return AuthorizationCode(tools.vault().open(str(link.fields[CODE_FIELD]), place))
    except SealBroken:
        raise InvalidHandle from None


def _place(tools: Tools, name: str, uid: str | None) -> Place:
    return Place(tools.project(), uid or "", name, CODE_FIELD)
