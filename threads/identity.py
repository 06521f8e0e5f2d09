"""Who is calling: Firebase ID tokens, and OIDC tokens of Cloud Tasks and Cloud Scheduler, verified.

Headers named ``X-CloudTasks-*`` prove nothing and are not looked at here.
"""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple

from threads.config import Config
from threads.errors import Forbidden, ServiceUnavailable, Unauthenticated
from threads.wire import is_document_id

if TYPE_CHECKING:
    from firebase_admin import App

CLOCK_SKEW = timedelta(seconds=30)
"""How far Google's clock and ours may be apart."""

KEYS_KEPT = timedelta(hours=1)
"""Google's keys are good for days; its answers allow to keep them for about six hours."""

KEYS_LAST = timedelta(days=1)
"""How long keys serve while newer ones cannot be had."""

KEYS_PAUSE = timedelta(minutes=1)
"""An unknown key id makes the keys be fetched again, but no more often than this: forgers choose key ids."""

KEYS_TIMEOUT = timedelta(seconds=10)

REMOVED_SIGNATURE = ".SIGNATURE_REMOVED_BY_GOOGLE"
"""What Cloud Run puts in the place of a signature that it has verified."""

SERVICE_ACCOUNTS = ".gserviceaccount.com"
"""The end of every service account's address, and of no other's."""


class User(NamedTuple):
    """A signed-in user of the web app."""

    uid: str


class Task(NamedTuple):
    """Cloud Tasks, speaking for the service itself."""


Caller = User | Task


class Identity:
    """Verifies callers. Opens nothing before the first one comes."""

    def __init__(self, config: Config, firebase_app: Callable[[], "App"]) -> None:
        """Take who may call, and what returns the Firebase app."""
        self._config = config
        self._firebase_app = firebase_app
        self._keys = SigningKeys(config.tasks_certs_url)

    def user(self, authorization: str | None) -> User:
        """Return the user whose Firebase ID token the header carries.

        Raises:
            Unauthenticated: there is no token, or it is not valid.
            ServiceUnavailable: Google's certificates cannot be had.

        Source: https://firebase.google.com/docs/auth/admin/verify-id-tokens

        """
        unverified = _bearer(authorization)
        app = self._firebase_app()
        from firebase_admin import auth  # noqa: PLC0415 - heavy, and loaded with the app

        try:
            uid = auth.verify_id_token(unverified, app=app, clock_skew_seconds=CLOCK_SKEW.seconds)["uid"]
        except auth.CertificateFetchError as error:
            raise ServiceUnavailable from error
        except (auth.InvalidIdTokenError, ValueError, KeyError, TypeError, RecursionError):
            raise Unauthenticated from None
        if not isinstance(uid, str) or not is_document_id(uid):
            raise Forbidden("This user id cannot be served.")
        return User(uid)

    def caller(self, authorization: str | None) -> Caller:
        """Return the user or Cloud Tasks. The token's unverified issuer only decides how it is verified.

        Raises:
            Unauthenticated: there is no token, or it is not valid.
            Forbidden: it is another service account's.
            ServiceUnavailable: the keys to verify it with cannot be had.

        """
        import jwt  # noqa: PLC0415 - heavy

        unverified = _bearer(authorization)
        try:
            claims = jwt.decode(unverified, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise Unauthenticated from None
        if claims.get("iss") != self._config.tasks_issuer:
            return self.user(authorization)
        self._check_task(unverified, self._config.tasks_audience)
        return Task()

    def check_refresher(self, authorization: str | None) -> None:
        """Let Cloud Scheduler and Cloud Tasks pass, which make tokens be refreshed.

        A function with a schedule is not public: Cloud Run verifies a caller's OIDC token at its door, lets
        in only whom IAM calls an invoker, and hands the token on with its signature taken away, so that
        nobody can use it again. Such a token is believed on Google Cloud alone, where nothing gets past that
        door, and only for a service account. One that has its signature is verified in full.

        Should somebody open the door (``allUsers`` as invoker), a made-up token passes here and does no harm:
        whoever calls, the function does what is due anyway, no more often, and tells nothing.

        Raises:
            Unauthenticated: there is no token, or it is not valid here.
            Forbidden: it is a person's, or another service account's.
            ServiceUnavailable: the keys to verify it with cannot be had.

        Source: https://cloud.google.com/run/docs/troubleshooting#signature-removed

        """
        unverified = _bearer(authorization)
        if unverified.endswith(REMOVED_SIGNATURE):
            self._check_admitted(unverified)
        else:
            self._check_task(unverified, self._config.refresh_url)

    def _check_admitted(self, unverified: str) -> None:
        """Look at a token that Cloud Run has verified, and taken the signature from."""
        import jwt  # noqa: PLC0415 - heavy

        if not self._config.on_cloud:
            raise Unauthenticated("Only Google Cloud may take a token's signature away.")
        try:
            claims = jwt.decode(
                unverified,
                issuer=self._config.tasks_issuer,
                leeway=CLOCK_SKEW,
                options={
                    "verify_signature": False,
                    "verify_exp": True,
                    "verify_iss": True,
                    "require": ["exp", "iss"],
                },
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise Unauthenticated("The OIDC token is not valid here.") from None
        email = claims.get("email")
        is_service = isinstance(email, str) and email.endswith(SERVICE_ACCOUNTS)
        if not is_service or claims.get("email_verified") is not True:
            raise Forbidden("The OIDC token belongs to no service account.")

    def _check_task(self, unverified: str, audience: str | None) -> None:
        """Verify an OIDC token as Cloud Tasks sends it; everything is refused while nothing is configured.

        Source: https://cloud.google.com/tasks/docs/creating-http-target-tasks#token
        """
        import jwt  # noqa: PLC0415 - heavy

        config = self._config
        if not config.tasks_service_account or not audience:
            raise Forbidden(
                "This service expects no tasks: TASKS_SERVICE_ACCOUNT or the URL that they call is not set."
            )
        try:
            claims = jwt.decode(
                unverified,
                self._keys.find(str(jwt.get_unverified_header(unverified).get("kid"))),
                algorithms=["RS256"],
                audience=audience,
                issuer=config.tasks_issuer,
                leeway=CLOCK_SKEW,
                options={"require": ["exp", "iat", "aud", "iss"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            raise Unauthenticated("The task's OIDC token is not valid here.") from None
        if claims.get("email") != config.tasks_service_account or claims.get("email_verified") is not True:
            raise Forbidden("The task's OIDC token belongs to another service account.")


class SigningKeys:
    """An issuer's public keys by key id, fetched when needed and kept for a while."""

    def __init__(self, url: str) -> None:
        """Take where a JWK set (RFC 7517), or an object of PEM certificates by key id, is served."""
        self._url = url
        self._keys: dict[str, Any] = {}
        self._fetched = self._tried = float("-inf")
        self._failed = False
        self._lock = threading.Lock()

    def find(self, unverified_kid: str) -> Any:
        """Return the public key.

        Raises:
            Unauthenticated: the issuer has no such key.
            ServiceUnavailable: the keys cannot be had.

        """
        with self._lock:
            now = time.monotonic()
            is_old = now - self._fetched > KEYS_KEPT.total_seconds()
            if (
                is_old or unverified_kid not in self._keys
            ) and now - self._tried > KEYS_PAUSE.total_seconds():
                self._renew(now)
            key = self._keys.get(unverified_kid)
        if key is None and self._failed:
            raise ServiceUnavailable
        if key is None:
            raise Unauthenticated("The task's OIDC token is signed with an unknown key.")
        return key

    def _renew(self, now: float) -> None:
        """Fetch the keys; those there are stay good for a while when that fails."""
        self._tried, self._failed = now, True
        try:
            self._keys, self._fetched, self._failed = self._fetch(), now, False
        except ServiceUnavailable:
            if now - self._fetched > KEYS_LAST.total_seconds():
                self._keys = {}

    def _fetch(self) -> dict[str, Any]:
        import jwt  # noqa: PLC0415 - heavy
        import requests  # noqa: PLC0415 - heavy
        from cryptography.x509 import load_pem_x509_certificate  # noqa: PLC0415 - heavy

        try:
            response = requests.get(self._url, timeout=KEYS_TIMEOUT.total_seconds(), allow_redirects=False)
            if response.status_code != HTTPStatus.OK:
                raise ServiceUnavailable
            answer = response.json()
            if "keys" in answer:
                return {key.key_id or "": key.key for key in jwt.PyJWKSet.from_dict(answer).keys}
            return {kid: load_pem_x509_certificate(pem.encode()).public_key() for kid, pem in answer.items()}
        except (
            requests.RequestException,
            jwt.PyJWTError,
            ValueError,
            AttributeError,
            TypeError,
            RecursionError,
        ) as error:
            raise ServiceUnavailable from error


def _bearer(authorization: str | None) -> str:
    """Return the unverified token of the header (RFC 6750, section 2.1)."""
    scheme, _, unverified = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not unverified.strip():
        raise Unauthenticated
    return unverified.strip()
