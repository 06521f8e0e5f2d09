"""Tokens at rest: how they are sealed and opened (AES-256-GCM), not where they are stored.

A sealed text is ``<kid>:<base64url of nonce and ciphertext>``. The place where it belongs is authenticated
with it. So a sealed token that is copied to another project, user, account or field does not open.
"""

import base64
import json
import os
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from threads.accounts.account import OWNER_FIELD, TOKEN_FIELD, StoredAccount
from threads.base.secret import Secret

NONCE_BYTES = 12
"""96 random bits are enough for 2^32 seals with one key (NIST SP 800-38D, section 8.3)."""


class SealBroken(Exception):
    """A sealed text does not open: its key is missing, it was changed, or it belongs to another place."""


@dataclass(frozen=True)
class Place:
    """Where a sealed text belongs, within the project."""

    uid: str
    name: str
    """The document's id, such as an account's id."""
    field: str


def token_place(uid: str, account_id: str) -> Place:
    """Return where an account's token belongs."""
    return Place(uid, account_id, TOKEN_FIELD)


def _owner_place(uid: str, account_id: str) -> Place:
    return Place(uid, account_id, OWNER_FIELD)


def key_id(sealed: str) -> str:
    """Return the id of the key that a text was sealed with."""
    return sealed.partition(":")[0]


def is_seal(text: str) -> bool:
    """Return whether a text has the form of a sealed one. It may open with no key at all."""
    kid, _, encoded = text.partition(":")
    try:
        return bool(kid) and len(base64.b64decode(encoded, altchars=b"-_", validate=True)) > NONCE_BYTES
    except ValueError:
        return False


class Vault:
    """Seals with the newest key, and opens with every key."""

    def __init__(self, keys: Mapping[str, Secret], project: Callable[[], str]) -> None:
        """Take the base64 keys by key id, newest first, and a function that returns the project's id.

        A function that neither seals nor opens is given none.
        """
        self._keys = {kid: AESGCM(base64.b64decode(key.reveal())) for kid, key in keys.items()}
        self._newest = next(iter(self._keys), "")
        self._project = project

    def seal_token(self, token: Secret, uid: str, account_id: str) -> str:
        """Return a sealed token, which opens only with its key and for this account."""
        return self.seal(token, token_place(uid, account_id))

    def open_token(self, account: StoredAccount) -> Secret:
        """Return an account's token.

        Raises:
            SealBroken: the account has no token, or no key opens it.

        """
        return self.open(account.sealed_token or "", token_place(account.uid, account.account_id))

    def seal_ids(self, ids: Collection[str], uid: str, account_id: str) -> str:
        """Return Threads' ids of an account's owner, sealed like a token."""
        return self.seal(Secret(" ".join(sorted(ids))), _owner_place(uid, account_id))

    def sealed_ids(self, account: StoredAccount) -> frozenset[str]:
        """Return Threads' ids of an account's owner, as the service has sealed them: none if it has not."""
        try:
            sealed = str(account.fields.get(OWNER_FIELD) or "")
            opened = self.open(sealed, _owner_place(account.uid, account.account_id))
        except SealBroken:
            return frozenset()
        return frozenset(opened.reveal().split())

    def has_sealed(self, account: StoredAccount) -> bool:
        """Return whether the service has written an account's document: something in it opens here.

        Otherwise a client of the app may have written it, or a key is missing.
        """
        with suppress(SealBroken):
            self.open_token(account)
            return True
        return bool(self.sealed_ids(account))

    def is_newest(self, sealed: str) -> bool:
        """Return whether a sealed text names the newest key. It is not opened."""
        return key_id(sealed) == self._newest

    def seal(self, secret: Secret, place: Place) -> str:
        """Return a sealed secret, which opens only with its key and at this place."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._keys[self._newest].encrypt(nonce, secret.reveal().encode(), self._bound_to(place))
        return f"{self._newest}:{base64.urlsafe_b64encode(nonce + sealed).decode()}"

    def open(self, sealed: str, place: Place) -> Secret:
        """Return the secret in a sealed text.

        Raises:
            SealBroken: the text does not open at this place.

        """
        if not self._keys:  # a token that cannot be opened would count as lost
            raise RuntimeError("functions.yaml gives this function no keys.")
        kid, _, encoded = sealed.partition(":")
        try:
            raw = base64.urlsafe_b64decode(encoded)
            key = self._keys[kid]
            return Secret(key.decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], self._bound_to(place)).decode())
        except (KeyError, ValueError, InvalidTag):
            raise SealBroken from None

    def _bound_to(self, place: Place) -> bytes:
        """Return the place as bytes. Only equal places have equal bytes."""
        return json.dumps([self._project(), place.uid, place.name, place.field]).encode()
