"""The public keys of who signs tokens: Google for tasks and schedules, Firebase App Check for the app."""

import time
from datetime import timedelta
from typing import Any

import jwt
from jwt import PyJWKClient, PyJWKClientError, PyJWKSet

from threads.base.errors import ServiceUnavailable

KEYS_KEPT = timedelta(hours=1)
"""How long fetched keys are cached. Google's keys are valid for days, and its answers allow to cache them for
about six hours."""

KEYS_LAST = timedelta(days=1)
"""How long old keys are used while newer ones cannot be fetched."""

KEYS_PAUSE = timedelta(minutes=1)
"""For an unknown key id the keys are fetched again, but no more often than this: forgers choose key ids."""

KEYS_TIMEOUT = timedelta(seconds=10)


class UnknownKey(jwt.PyJWTError):
    """The issuer has no key by which a token's signature could be verified."""


class SigningKeys(PyJWKClient):
    """An issuer's public keys (a JWK set, RFC 7517). If their server fails, they are used for up to a day."""

    def __init__(self, url: str) -> None:
        """Take the URL of the keys."""
        super().__init__(
            url,
            lifespan=KEYS_KEPT.total_seconds(),
            timeout=KEYS_TIMEOUT.total_seconds(),
            cooldown_duration=KEYS_PAUSE.total_seconds(),
        )
        self._last: PyJWKSet | None = None
        self._fetched_at = self._failed_at = float("-inf")

    def find(self, unverified_kid: str) -> Any:
        """Return the public key.

        Raises:
            UnknownKey: the issuer has no such key.
            ServiceUnavailable: the keys cannot be fetched, and the last ones do not have this key.

        """
        try:
            return self.get_signing_key(unverified_kid).key
        except PyJWKClientError as error:
            if self._failed_at > self._fetched_at:
                raise ServiceUnavailable from error
            raise UnknownKey from None

    def get_jwk_set(self, refresh: bool = False) -> PyJWKSet:  # noqa: FBT001, FBT002 - as PyJWT calls it
        """Return the keys, fetched again if they are too old. While that fails, return the last ones.

        After a failure, the keys are not fetched again at once.

        Raises:
            ServiceUnavailable: the keys cannot be fetched, and there are no last ones that may be used.

        """
        now = time.monotonic()
        if now - self._failed_at <= KEYS_PAUSE.total_seconds():
            return self._last_keys(now)
        try:
            keys = super().get_jwk_set(refresh)
        except (jwt.PyJWTError, OSError, ValueError, TypeError, AttributeError, RecursionError) as error:
            self._failed_at = now
            return self._last_keys(now, error)
        if keys is not self._last:
            self._last, self._fetched_at = keys, now
        return keys

    def _last_keys(self, now: float, error: Exception | None = None) -> PyJWKSet:
        if self._last is None or now - self._fetched_at > KEYS_LAST.total_seconds():
            raise ServiceUnavailable from error
        return self._last
