"""An OIDC issuer on this machine: signs tokens as Cloud Tasks sends them, and serves its public keys."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm

SERVICE_ACCOUNT = "tasks@demo-threads.iam.gserviceaccount.com"
AUDIENCE = "https://publish.example"
KEY_ID = "key-1"


class Issuer:
    """Signs what a test wants signed; its keys are at ``certs_url``."""

    def __init__(self, url: str, key: rsa.RSAPrivateKey) -> None:
        """Take where it serves its keys, and the one it signs with."""
        self.url = url
        self.certs_url = f"{url}/certs"
        self._key = key

    def token(self, **changed: Any) -> str:
        """Return a token as the configured service account's, with some claims changed."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "aud": AUDIENCE,
            "email": SERVICE_ACCOUNT,
            "email_verified": True,
            "sub": "1",
            "iat": now,
            "exp": now + 600,
        }
        return jwt.encode(claims | changed, self._key, algorithm="RS256", headers={"kid": KEY_ID})

    @property
    def environment(self) -> Mapping[str, str]:
        """The variables with which a function believes this issuer."""
        return {
            "TASKS_SERVICE_ACCOUNT": SERVICE_ACCOUNT,
            "TASKS_AUDIENCE": AUDIENCE,
            "TASKS_ISSUER": self.url,
            "TASKS_CERTS_URL": self.certs_url,
        }


@contextmanager
def issuer() -> Iterator[Issuer]:
    """Serve an issuer on a free port."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = json.loads(RSAAlgorithm.to_jwk(key.public_key())) | {"kid": KEY_ID, "alg": "RS256", "use": "sig"}
    body = json.dumps({"keys": [public]}).encode()

    class Keys(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Keys)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Issuer(f"http://127.0.0.1:{server.server_port}", key)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
