"""The proof that the page that finishes a sign-in also began it: a verifier and its challenge.

A page makes up a verifier. It sends the verifier's challenge to th_auth_start, and the verifier itself to
th_auth_finish.

Source: Proof Key for Code Exchange (RFC 7636), method S256. It is used between the app and this service,
because Threads does not support it.
"""

import base64
import hashlib
import hmac
import re

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


def is_challenge(unverified: str) -> bool:
    """Return whether a text has the form of a challenge (RFC 7636, section 4.2)."""
    return _CHALLENGE.fullmatch(unverified) is not None


def is_verifier(unverified: str) -> bool:
    """Return whether a text has the form of a verifier (RFC 7636, section 4.1)."""
    return _VERIFIER.fullmatch(unverified) is not None


def is_answered(challenge: str, unverified_verifier: str) -> bool:
    """Return whether a challenge was made from this verifier, in constant time (RFC 7636, section 4.6)."""
    digest = hashlib.sha256(unverified_verifier.encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"="), challenge.encode())
