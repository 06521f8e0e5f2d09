"""Tokens at rest: sealing and opening them (AES-256-GCM), and nothing about where they are kept.

A sealed token is ``<kid>:<base64url of nonce and ciphertext>``. Where it belongs is part of what is
authenticated, so that a sealed token copied to another user, account or field does not open.
"""

import base64
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from threads.accounts import TOKEN_FIELD
from threads.wire import Secret

NONCE_BYTES = 12
"""96 bits, random: fit for 2^32 seals with one key (NIST SP 800-38D, section 8.3)."""


class SealBroken(Exception):
    """A sealed text does not open: its key is gone, it was changed, or it belongs somewhere else."""


@dataclass(frozen=True)
class Place:
    """Where a sealed text belongs."""

    project: str
    uid: str
    account_id: str
    field: str

    def associated_data(self) -> bytes:
        """Return the place as bytes, the same for equal places only."""
        return json.dumps([self.project, self.uid, self.account_id, self.field]).encode()


def token_place(project: str, uid: str, account_id: str) -> Place:
    """Return where an account's token belongs."""
    return Place(project, uid, account_id, TOKEN_FIELD)


def key_id(sealed: str) -> str:
    """Return the id of the key that a text was sealed with."""
    return sealed.partition(":")[0]


class Vault:
    """Seals with the newest key, opens with any."""

    def __init__(self, keys: Mapping[str, Secret]) -> None:
        """Take the base64 keys by key id, newest first; at least one."""
        self._keys = {kid: AESGCM(base64.b64decode(key.reveal())) for kid, key in keys.items()}
        self._newest = next(iter(self._keys))

    def seal(self, secret: Secret, place: Place) -> str:
        """Return the secret, readable only with the key and at this place."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._keys[self._newest].encrypt(nonce, secret.reveal().encode(), place.associated_data())
        return f"{self._newest}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def is_newest(self, sealed: str) -> bool:
        """Say whether a text names the key that seals now, without opening it."""
        return key_id(sealed) == self._newest

    def open(self, sealed: str, place: Place) -> Secret:
        """Return the secret.

        Raises:
            SealBroken: it cannot be had.

        """
        kid, _, encoded = sealed.partition(":")
        try:
            raw = base64.urlsafe_b64decode(encoded)
            key = self._keys[kid]
            return Secret(key.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], place.associated_data()).decode())
        except (KeyError, ValueError, InvalidTag):
            raise SealBroken from None
