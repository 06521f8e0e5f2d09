"""Who is calling: the checks that ``app.py`` names for each function, and what each of them returns.

    user               a signed-in user of the web app, by a Firebase ID token: th_posts
    user_or_task       that, or Cloud Tasks, by an OIDC token: publish_threads, th_accounts
    user_unless        that, except where a visitor wants to sign in: th_auth_start, th_auth_finish
    scheduler_or_task  Cloud Scheduler or Cloud Tasks, by an OIDC token: th_refresh_tokens
    scheduler          Cloud Scheduler, in the same way: th_upkeep
    meta               Meta, by what it has signed: th_deauthorize
    meta_or_visitor    that, or anybody who asks how far a deletion is: th_delete_data
    meta_webhook       Meta, by its signature or by the verify token: th_webhook
    anybody            no check, the browser that Threads sends back: th_auth_callback

With ``APP_CHECK``, the first three also require that the app itself calls, by a token of Firebase App Check.
Cloud Tasks needs none.

The check runs before the handler, which gets what the check returns. Headers named ``X-CloudTasks-*`` prove
nothing and are not looked at here.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import jwt

from threads.base.config import Config
from threads.base.errors import (
    Forbidden,
    InvalidRequest,
    InvalidSignature,
    ServiceUnavailable,
    Unauthenticated,
    UnverifiedApp,
    UnverifiedTask,
)
from threads.base.secret import redacted
from threads.base.validation import is_document_id
from threads.functions.request import HttpRequest
from threads.functions.signing_keys import SigningKeys, UnknownKey
from threads.functions.visits import Visits
from threads.graph import webhook
from threads.graph.signed_request import SignedRequest, read_signed_request

if TYPE_CHECKING:
    from firebase_admin import App

CLOCK_SKEW = timedelta(seconds=30)
"""How far apart Google's clock and ours may be."""

APP_CHECK_ISSUER = "https://firebaseappcheck.googleapis.com/"
"""Who issues App Check tokens. The number of the project follows, which the service does not know."""

APP_CHECK_KEYS = f"{APP_CHECK_ISSUER}v1/jwks"
"""The keys that sign them."""

REMOVED_SIGNATURE = ".SIGNATURE_REMOVED_BY_GOOGLE"
"""Cloud Run replaces a signature that it has verified by this."""

SERVICE_ACCOUNTS = ".gserviceaccount.com"
"""The end of every service account's email address, and of no other address."""

MAX_NOTIFICATION = 1024 * 1024
"""The most bytes of a notification. Meta puts up to 1,000 events into one
(https://developers.facebook.com/docs/graph-api/webhooks/getting-started#event-notifications)."""

HANDSHAKE = ("hub.mode", "hub.verify_token", "hub.challenge")

_NOT_VALID = (jwt.PyJWTError, ValueError, TypeError, RecursionError)
"""The exceptions for a text that is not a token, or a token that is not valid."""


_WRONG: Mapping[type[Exception], str] = {
    UnknownKey: "signature",
    jwt.InvalidSignatureError: "signature",
    jwt.InvalidAlgorithmError: "signature",
    jwt.InvalidIssuerError: "issuer",
    jwt.InvalidAudienceError: "audience",
    jwt.ExpiredSignatureError: "time",
    jwt.ImmatureSignatureError: "time",
    jwt.InvalidIssuedAtError: "time",
}
"""What the log calls wrong. PyJWT looks at the signature before everything else."""


class User(NamedTuple):
    """A signed-in user of the web app."""

    uid: str


class Task(NamedTuple):
    """Cloud Tasks, on behalf of the service itself."""


class Scheduler(NamedTuple):
    """Cloud Scheduler or Cloud Tasks, which trigger what is done by the clock."""


class Visitor(NamedTuple):
    """A caller of whom nothing is known."""


class Subscriber(NamedTuple):
    """Meta, which subscribes the webhook and knows the verify token."""

    challenge: str
    """The answer that Meta expects."""


class Notification(NamedTuple):
    """Meta, with a notification that it has signed."""

    body: bytes


class Callers:
    """Verifies callers. It opens no connection before the first one comes."""

    def __init__(self, config: Config, firebase_app: "Callable[[], App]") -> None:
        """Take the configuration, which says who may call, and a function that returns the Firebase app."""
        self._config = config
        self._firebase_app = firebase_app
        self._keys = SigningKeys(config.tasks_certs_url)
        # firebase-admin's own check may wait half a minute for its keys, and all others behind it.
        self._app_check_keys = SigningKeys(APP_CHECK_KEYS)

    def user(self, request: HttpRequest) -> User:
        """Return the user whose Firebase ID token the request carries.

        Raises:
            Unauthenticated: there is no token, or it is not valid.
            UnverifiedApp: another program than the web app calls, see ``_check_app``.
            Forbidden: the user id cannot be part of a path.
            ServiceUnavailable: Google's certificates cannot be fetched.

        Source: https://firebase.google.com/docs/auth/admin/verify-id-tokens

        """
        self._check_app(request)
        unverified = _bearer(request)
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
        request.notes["uid"] = uid
        return User(uid)

    def user_or_task(self, request: HttpRequest) -> User | Task:
        """Return the user or Cloud Tasks. The token's unverified issuer only decides how it is verified.

        Raises:
            Unauthenticated: there is no token, or it is not valid.
            Forbidden: the token belongs to another service account.
            ServiceUnavailable: the keys that verify the token cannot be fetched.

        """
        unverified = _bearer(request)
        try:
            claims = jwt.decode(unverified, options={"verify_signature": False})
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise Unauthenticated from None
        if claims.get("iss") != self._config.tasks_issuer:
            email = claims.get("email")
            if _is_service(email) or (email and email == self._config.tasks_service_account):
                raise _refused(request, "issuer", expected=self._config.tasks_issuer, given=claims.get("iss"))
            return self.user(request)
        self._check_task(request, unverified, self._config.tasks_audience)
        request.notes["caller"] = "task"
        return Task()

    def user_unless(
        self, is_sign_in: Callable[[HttpRequest], bool], count: Visits | None = None
    ) -> Callable[[HttpRequest], User | Visitor]:
        """Return a check that requires a user, unless a visitor wants to sign in.

        If an ID token comes with a sign-in, it is not read, and changes nothing.

        Args:
            is_sign_in: whether the request is for a visitor.
            count: counts visitors, and refuses those who come too often. None: all are admitted.

        """

        def check(request: HttpRequest) -> User | Visitor:
            if not is_sign_in(request):
                return self.user(request)
            self._check_app(request)
            if count:
                count.admit(request)
            return Visitor()

        return check

    def scheduler_or_task(self, request: HttpRequest) -> Scheduler:
        """Accept Cloud Scheduler and Cloud Tasks, which trigger the refreshing of tokens.

        A function with a schedule is not public. Cloud Run verifies the OIDC token of each caller, and admits
        only callers that IAM lists as invokers. It removes the signature before it passes the token on, so
        that the token cannot be used again. The check accepts a token without a signature only on Google
        Cloud, where no request gets past Cloud Run, and only for a service account. A token with its
        signature is verified in full.

        If the function is made public (``allUsers`` as invoker), a made-up token is accepted here. It does no
        harm: the function only does what is due anyway, no more often, and tells nothing.

        Raises:
            Unauthenticated: there is no token, or it is not valid here.
            Forbidden: the token belongs to a person, or to another service account.
            ServiceUnavailable: the keys that verify the token cannot be fetched.

        Source: https://cloud.google.com/run/docs/troubleshooting#signature-removed

        """
        return self._scheduler(request, self._config.refresh_url)

    def scheduler(self, request: HttpRequest) -> Scheduler:
        """Accept Cloud Scheduler, which triggers the upkeep, as ``scheduler_or_task`` does.

        Raises:
            Unauthenticated, Forbidden, ServiceUnavailable: see ``scheduler_or_task``.

        """
        return self._scheduler(request, self._config.upkeep_url)

    def _scheduler(self, request: HttpRequest, audience: str | None) -> Scheduler:
        unverified = _bearer(request, UnverifiedTask)
        if unverified.endswith(REMOVED_SIGNATURE):
            self._check_admitted(request, unverified)
        else:
            self._check_task(request, unverified, audience)
        return Scheduler()

    def meta(self, request: HttpRequest) -> SignedRequest:
        """Return what Meta has signed. A form with any other mistake counts as not signed.

        Raises:
            InvalidSignature, PayloadTooLarge, UnsupportedMediaType: the request has no signed form.

        Source: https://developers.facebook.com/docs/development/create-an-app/app-dashboard/data-deletion-callback

        """
        try:
            unverified = request.form("signed_request").get("signed_request", "")
        except InvalidRequest:
            raise InvalidSignature from None
        return read_signed_request(unverified, self._config.signing_secrets)

    def meta_or_visitor(self, request: HttpRequest) -> SignedRequest | Visitor:
        """Return what Meta has signed. The caller of a GET is a visitor."""
        return Visitor() if request.method == "GET" else self.meta(request)

    def meta_webhook(self, request: HttpRequest) -> Subscriber | Notification:
        """Return a notification that Meta has signed, or, for a GET, Meta's subscription of the webhook.

        Raises:
            Forbidden: the caller does not know the verify token.
            InvalidSignature, PayloadTooLarge: Meta has not signed the notification.

        Source: https://developers.facebook.com/docs/graph-api/webhooks/getting-started

        """
        if request.method == "GET":
            given = request.query(*HANDSHAKE)
            return Subscriber(webhook.answer_challenge(given, self._config.webhook_verify_token))
        body = request.raw_body(limit=MAX_NOTIFICATION)
        signature = request.flask.headers.get("X-Hub-Signature-256")
        webhook.check_signature(signature, body, self._config.signing_secrets)
        return Notification(body)

    def _check_app(self, request: HttpRequest) -> None:
        """Require a token of Firebase App Check, if ``APP_CHECK`` is on.

        Raises:
            UnverifiedApp: there is no token, or it is not valid for this project.
            ServiceUnavailable: Google's keys cannot be fetched.

        Source: https://firebase.google.com/docs/app-check/custom-resource-backend#other

        """
        if not self._config.is_app_check_on:
            return
        unverified = request.flask.headers.get("X-Firebase-AppCheck", "")
        if not unverified:
            raise UnverifiedApp
        try:
            header = jwt.get_unverified_header(unverified)
            claims = jwt.decode(
                unverified,
                self._app_check_keys.find(str(header.get("kid"))),
                algorithms=["RS256"],
                audience=f"projects/{self._firebase_app().project_id}",
                options={"require": ["exp", "aud", "iss", "sub"]},
            )
        except _NOT_VALID:
            raise UnverifiedApp from None
        is_of_app_check = header.get("typ") == "JWT" and str(claims["iss"]).startswith(APP_CHECK_ISSUER)
        if not (is_of_app_check and isinstance(claims["aud"], list)):
            raise UnverifiedApp

    def _check_admitted(self, request: HttpRequest, unverified: str) -> None:
        """Check a token that Cloud Run has verified, and whose signature it has removed."""
        if not self._config.on_cloud:
            raise UnverifiedTask("Only Google Cloud may take a token's signature away.")
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
        except _NOT_VALID as error:
            raise self._not_valid(request, unverified, error, None) from None
        if not _is_service(claims.get("email")) or claims.get("email_verified") is not True:
            _note(request, "account", expected=f"one of {SERVICE_ACCOUNTS}", given=claims.get("email"))
            raise Forbidden("The OIDC token belongs to no service account.")

    def _check_task(self, request: HttpRequest, unverified: str, audience: str | None) -> None:
        """Verify an OIDC token of Cloud Tasks. Without configuration, every token is refused.

        Source: https://cloud.google.com/tasks/docs/creating-http-target-tasks#token
        """
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
        except _NOT_VALID as error:
            raise self._not_valid(request, unverified, error, audience) from None
        email = claims.get("email")
        if email != config.tasks_service_account or claims.get("email_verified") is not True:
            _note(request, "account", expected=config.tasks_service_account, given=email)
            raise Forbidden("The task's OIDC token belongs to another service account.")

    def _not_valid(
        self, request: HttpRequest, unverified: str, error: Exception, audience: str | None
    ) -> UnverifiedTask:
        """Return the error for a token that is not valid, and note which part of it is wrong."""
        wrong = next((what for kind, what in _WRONG.items() if isinstance(error, kind)), "form")
        expected = {"issuer": self._config.tasks_issuer, "audience": audience}.get(wrong)
        given = None
        if expected:  # the signature was good
            claims = jwt.decode(unverified, options={"verify_signature": False})
            given = claims.get({"issuer": "iss", "audience": "aud"}[wrong])
        return _refused(request, wrong, expected=expected, given=given)


def anybody(_request: HttpRequest) -> Visitor:
    """Accept every caller. What the request carries is verified elsewhere, or proves nothing."""
    return Visitor()


def _is_service(unverified_email: Any) -> bool:
    return isinstance(unverified_email, str) and unverified_email.endswith(SERVICE_ACCOUNTS)


def _note(request: HttpRequest, wrong: str, *, expected: str | None, given: Any) -> None:
    """Note for the log what is wrong with an OIDC token: one word, what it should be, and what it is."""
    shown = {"expected": expected, "given": given and redacted(str(given), limit=200)}
    request.notes["oidc"] = {"wrong": wrong, **{name: it for name, it in shown.items() if it}}


def _refused(request: HttpRequest, wrong: str, *, expected: str | None, given: Any) -> UnverifiedTask:
    _note(request, wrong, expected=expected, given=given)
    return UnverifiedTask()


def _bearer(request: HttpRequest, error: type[Unauthenticated] = Unauthenticated) -> str:
    """Return the unverified token of the request (RFC 6750, section 2.1)."""
    scheme, _, unverified = (request.authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not unverified.strip():
        raise error
    return unverified.strip()
