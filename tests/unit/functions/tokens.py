"""Tokens of Cloud Tasks as its callers carry them, the keys that sign them, and the checks that get them."""

import base64
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from flask import Request
from werkzeug.test import EnvironBuilder

from tests.unit.support import Loopback, config
from threads.functions.callers import Callers
from threads.functions.request import HttpRequest

ACCOUNT = "tasks@project.iam.gserviceaccount.example"
AUDIENCE = "https://functions.example/publish_threads"
ISSUER = "https://accounts.example"

KEY, OTHER, STRANGE = (rsa.generate_private_key(65537, 2048) for _ in range(3))


def jwk(key: rsa.RSAPrivateKey, kid: str | None = "k1") -> dict[str, Any]:
    """Return the public half as an entry of a JWK set."""
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
    return {**public, "alg": "RS256", "use": "sig", **({"kid": kid} if kid else {})}


def pem(key: rsa.RSAPrivateKey) -> str:
    """Return a certificate of the key, as Google serves them to firebase-admin, by key id."""
    name, now = x509.Name([]), datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(days=1))
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()


JWK_SET = {"keys": [jwk(KEY)]}


def token(
    *, key: Any = KEY, algorithm: str = "RS256", header: dict[str, Any] | None = None, **changes: Any
) -> str:
    """Return a token as Cloud Tasks sends it, with changed claims; None leaves one out."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "1",
        "iat": now,
        "exp": now + 3600,
        "email": ACCOUNT,
        "email_verified": True,
        **changes,
    }
    claims = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(claims, key, algorithm, {"kid": "k1"} if header is None else header)


def segment(value: object) -> str:
    """Return a part of a token."""
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def carrying(authorization: str | None) -> HttpRequest:
    """Return a request with this header, or without it."""
    headers = [] if authorization is None else [("Authorization", authorization)]
    return HttpRequest(Request(EnvironBuilder(headers=headers).get_environ()))


def bearing(unverified: str) -> HttpRequest:
    """Return a request that carries a token."""
    return carrying(f"Bearer {unverified}")


def verifier(server: Loopback, **variables: str) -> Callers:
    """Return the checks, against this server's keys; there is no Firebase."""
    settings = {
        "TASKS_SERVICE_ACCOUNT": ACCOUNT,
        "TASKS_AUDIENCE": AUDIENCE,
        "TASKS_ISSUER": ISSUER,
        "TASKS_CERTS_URL": server.url,
        **variables,
    }
    return Callers(config(**settings), lambda: pytest.fail("Firebase was asked"))
