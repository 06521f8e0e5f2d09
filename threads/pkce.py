"""The proof that whoever ends a sign-in has begun it: a verifier, and the challenge that is made of it.

A page makes up a verifier, sends its challenge to th_auth_start, and the verifier itself to th_auth_finish.

Source: Proof Key for Code Exchange (RFC 7636), method S256, between the app and this service: Threads has
none.
"""

import base64
import hashlib
import hmac
import re

_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_VERIFIER = re.compile(r"[A-Za-z0-9._~-]{43,128}", re.ASCII)


def is_challenge(unverified: str) -> bool:
    """Say whether a text has the form of a challenge (RFC 7636, section 4.2)."""
    return _CHALLENGE.fullmatch(unverified) is not None


def is_verifier(unverified: str) -> bool:
    """Say whether a text has the form of a verifier (RFC 7636, section 4.1)."""
    return _VERIFIER.fullmatch(unverified) is not None


def is_answered(challenge: str, unverified_verifier: str) -> bool:
    """Say whether a challenge was made of this verifier (RFC 7636, section 4.6); it takes the same time."""
    digest = hashlib.sha256(unverified_verifier.encode()).digest()
    return hmac.compare_digest(base64.urlsafe_b64encode(digest).rstrip(b"="), challenge.encode())
