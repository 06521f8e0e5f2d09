"""OIDC tokens like those that Google signs for Cloud Tasks, and the public key that verifies them.

Source: Google, "Create HTTP target tasks > Using HTTP Target tasks with authentication tokens";
OpenID Connect Core 1.0, section 2.
"""

from __future__ import annotations

import hashlib
import json
import time
from datetime import timedelta
from threading import Lock
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

#: The lifetime of Google's tokens.
LIFETIME = timedelta(hours=1)
#: How long a token is used again. Signing takes about a millisecond.
REUSE = timedelta(minutes=5)
KEY_SIZE = 2048


class Signer:
    """Signs with one key, which is made when it is first needed. Times are real: a target knows no other."""

    def __init__(self) -> None:
        """Begin without a key: making one takes a while."""
        self._making = Lock()
        self._key: rsa.RSAPrivateKey | None = None
        self._tokens: dict[tuple[str, str, str], tuple[float, str]] = {}

    def token(self, issuer: str, email: str, audience: str) -> str:
        """Return a token of a service account for an audience."""
        now = time.time()
        wanted = (issuer, email, audience)
        made_at, token = self._tokens.get(wanted, (0.0, ""))
        if now - made_at > REUSE.total_seconds():
            token = self._sign(issuer, email, audience, int(now))
            self._tokens[wanted] = (now, token)
        return token

    def keys(self) -> dict[str, Any]:
        """Return the JWK set (RFC 7517, section 5)."""
        return {"keys": [{**self._jwk(), "kid": self._key_id(), "alg": "RS256", "use": "sig"}]}

    def _sign(self, issuer: str, email: str, audience: str, now: int) -> str:
        subject = _numeric_id(email)
        claims = {
            "iss": issuer,
            "aud": audience,
            "azp": subject,
            "sub": subject,
            "email": email,
            "email_verified": True,
            "iat": now,
            "exp": now + int(LIFETIME.total_seconds()),
        }
        return jwt.encode(claims, self._private_key(), algorithm="RS256", headers={"kid": self._key_id()})

    def _private_key(self) -> rsa.RSAPrivateKey:
        with self._making:
            if self._key is None:
                self._key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_SIZE)
            return self._key

    def _jwk(self) -> dict[str, Any]:
        jwk: dict[str, Any] = json.loads(RSAAlgorithm.to_jwk(self._private_key().public_key()))
        jwk.pop("key_ops", None)
        return jwk

    def _key_id(self) -> str:
        return hashlib.sha256(self._jwk()["n"].encode()).hexdigest()[:40]


def _numeric_id(email: str) -> str:
    """Return the unique id of a service account: 21 digits, the first a 1, which follow from the address."""
    return f"1{int(hashlib.sha256(email.encode()).hexdigest(), 16) % 10**20:020d}"
