"""Every way in which a request can fail. Nothing here handles a failure.

The tree says who must act. Each class is one row of the table (status, code, retryable) that callers of the
functions see:

    ServiceError
    ├── CallerError            the caller must send another request, or be another caller
    │   ├── InvalidRequest, MissingAccount, InvalidState, InvalidHandle, InvalidReturnTo,
    │   │   InvalidSignature                                                               400
    │   ├── Unauthenticated, UnverifiedApp, UnverifiedTask                                 401
    │   ├── Forbidden                                                                      403
    │   ├── AccountNotFound, PostNotFound, DeletionNotFound                                404
    │   ├── IdempotencyMismatch, PostCancelled, WrongAccount                               409
    │   └── MethodNotAllowed, PayloadTooLarge, UnsupportedMediaType                        4xx
    ├── ThreadsError           Threads refused, or failed; carries its answer
    │   ├── MissingScope                                                                   403
    │   ├── ReconnectRequired                                                              409
    │   ├── RejectedByThreads                                                              422
    │   ├── RateLimited, QuotaExceeded                                                     429
    │   └── ThreadsUnavailable                                                             503
    ├── TooManyWaiting         too many of the user's own posts are before it                  429
    ├── InProgress             another request is doing it                                 409
    ├── OutcomeUnknown         the owner must look at the account                          409
    ├── GivenUp                every attempt failed                                        422
    ├── ServiceUnavailable     Firestore, Firebase or Cloud Tasks does not answer          503
    └── InternalError          a bug of ours                                               500

    ConfigurationError         the process does not start
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, ClassVar, NamedTuple, Self

RATE_LIMIT_PAUSE = timedelta(minutes=1)
"""How long to wait after a rate limit if Threads does not say when it ends. It rarely does."""

QUOTA_PAUSE = timedelta(hours=1)
"""How long to wait when an account has no posts left. The quota covers a rolling day, and Threads does not
say when the oldest post leaves it. If 250 posts are spread evenly over the day, one leaves it every six
minutes."""

WAITING_PAUSE = timedelta(minutes=6)
"""How long to wait while too many posts of an account wait. Threads lets it publish 250 a day: one in about
six minutes."""

OUTAGE_PAUSE = timedelta(seconds=10)
"""How long to wait after a fault that is expected to end soon."""


class Problem(NamedTuple):
    """One rule that a request breaks: where, which one, and what to change."""

    field: str
    code: str
    message: str


class Evidence(NamedTuple):
    """The parts of Threads' answer that may be kept. None of them is a secret.

    ``graph.error_codes`` decides by them what an error means. Evidence exists only for a call that was made:
    it describes the answer, or the fact that none came.
    """

    step: str
    status: int
    """HTTP status; 0 when no complete answer came."""
    is_envelope: bool = True
    """Whether the answer was an error object of the API itself."""
    code: int | None = None
    subcode: int | None = None
    is_transient: bool = False
    """Threads' own ``is_transient``. It is wrong in both directions, so codes are checked first."""
    words: str = ""
    """The error's message, redacted. Some errors have a name in capitals there instead of a code."""
    reason: str = ""
    """A container's ``error_message`` or its last status. Without an answer: how the call failed."""
    fbtrace_id: str | None = None
    """Meta's own id of the request. Meta's support asks for it first."""
    excerpt: str = ""
    """The beginning of the body, redacted."""

    def for_log(self) -> dict[str, Any]:
        """Return the members that a log line shows."""
        shown = ("step", "status", "code", "subcode", "fbtrace_id", "excerpt")
        values = ((name, getattr(self, name)) for name in shown)
        return {name: value for name, value in values if value not in (None, "")}


class Verdict(NamedTuple):
    """What an error of Threads proves, beside what its class says."""

    is_definite: bool = False
    """The call certainly had no effect. Otherwise its outcome is unknown."""
    is_suspect: bool = False
    """The real cause may be a dead token. Ask the witness before you act on the error."""
    may_last: bool = False
    """The error is gone after a few tries, or it is permanent. Count the tries."""


class ServiceError(Exception):
    """Something went wrong."""

    status: ClassVar[int]
    code: str
    retryable: bool = False
    retry_after: timedelta | None = None
    next_action: str | None = None
    post_id: str | None = None
    """The post that the error is about, if it has a record."""
    place: str | None = None
    """Which of several things the error is about, as a request names it: ``media[1]`` or ``thread[2]``."""
    is_about_content: ClassVar[bool] = False
    """Whether it can be about one of several things. An error about the account is about all of them."""

    def __init__(self, message: str | None = None) -> None:
        """Take the text for the caller. Without one, the class's docstring is the text."""
        self.message = message or (type(self).__doc__ or "").strip()
        super().__init__(self.message)

    @property
    def told(self) -> str:
        """The text for the caller, with the place that it is about."""
        return f"{self.place}: {self.message}" if self.place else self.message

    def as_json(self) -> dict[str, Any]:
        """Return the ``error`` object of an answer."""
        error: dict[str, Any] = {"code": self.code, "message": self.told, "retryable": self.retryable}
        if self.next_action:
            error["nextAction"] = self.next_action
        if self.place:
            error["details"] = [Problem(self.place, self.code, self.message)._asdict()]
        return error

    def at(self, place: str) -> Self:
        """Return the error with the place that it is about, outside of the one that it has already."""
        if not (place and self.is_about_content):
            return self
        return self.changed(place=f"{place}.{self.place}" if self.place else place)

    def changed(self, **changes: Any) -> Self:
        """Return a copy with other attributes. An error that was raised is never edited.

        The copy keeps the cause, because the log names it.
        """
        changed = type(self).__new__(type(self), *self.args)
        changed.__dict__.update(self.__dict__, **changes)
        changed.args = (changed.message,)
        changed.__cause__ = self.__cause__
        return changed


class CallerError(ServiceError):
    """The request cannot be served as it is."""


class InvalidRequest(CallerError):
    """The request is not valid."""

    status = 400
    code = "invalid_request"

    def __init__(self, *problems: Problem) -> None:
        """Take every broken rule. If there is only one, its code becomes the answer's code."""
        self.problems: Sequence[Problem] = problems
        super().__init__(" ".join(f"{problem.field}: {problem.message}" for problem in problems) or None)
        if len(problems) == 1:
            self.code = problems[0].code

    def as_json(self) -> dict[str, Any]:
        """Return the ``error`` object with one entry in ``details`` for each broken rule."""
        details = [problem._asdict() for problem in self.problems]
        return super().as_json() | ({"details": details} if details else {})


class MissingAccount(CallerError):
    """Several Threads accounts are connected: say which one with accountId."""

    status = 400
    code = "missing_account"
    next_action = "choose_account"


class InvalidState(CallerError):
    """This connection attempt is unknown, too old or already used. Start connecting again."""

    status = 400
    code = "invalid_state"
    next_action = "connect_again"


class InvalidHandle(CallerError):
    """This connection was not finished in time, or has been finished already. Start connecting again."""

    status = 400
    code = "invalid_handle"
    next_action = "connect_again"


class InvalidReturnTo(CallerError):
    """The value of returnTo must be an absolute URL on one of the app's own origins (ALLOWED_ORIGINS)."""

    status = 400
    code = "invalid_return_to"


class InvalidSignature(CallerError):
    """This was not signed with the Threads app's secret."""

    status = 400
    code = "invalid_signature"


class Unauthenticated(CallerError):
    """Sign in again: the header "Authorization: Bearer <token>" has no valid Firebase ID token."""

    status = 401
    code = "unauthenticated"
    next_action: str | None = "sign_in"


class UnverifiedApp(Unauthenticated):
    """Send a valid Firebase App Check token in the header "X-Firebase-AppCheck": APP_CHECK is on."""

    next_action = None


class UnverifiedTask(Unauthenticated):
    """Send a valid OIDC token of the configured service account. The log says what is wrong with this one."""

    next_action = None


class Forbidden(CallerError):
    """You may not do this."""

    status = 403
    code = "forbidden"


class AccountNotFound(CallerError):
    """There is no such connected Threads account. Connect one first."""

    status = 404
    code = "account_not_found"
    next_action = "connect_account"


class PostNotFound(CallerError):
    """There is no such post."""

    status = 404
    code = "post_not_found"


class DeletionNotFound(CallerError):
    """There is no deletion with this code, or it was done more than 90 days ago."""

    status = 404
    code = "deletion_not_found"


class IdempotencyMismatch(CallerError):
    """Another post was sent with this idempotency key. Use a new key for a new post."""

    status = 409
    code = "idempotency_mismatch"


class PostCancelled(CallerError):
    """This post was cancelled before it was published. Use a new idempotency key to publish it after all."""

    status = 409
    code = "cancelled"


class WrongAccount(CallerError):
    """Another Threads account was chosen in the window than the one to connect again. Nothing was changed."""

    status = 409
    code = "wrong_account"
    next_action = "connect_again"


class MethodNotAllowed(CallerError):
    """This function does not answer that HTTP method."""

    status = 405
    code = "method_not_allowed"

    def __init__(self, allowed: Sequence[str]) -> None:
        """Take the methods that the function answers, for the ``Allow`` header (RFC 9110, 15.5.6)."""
        self.allowed = allowed
        super().__init__(f"This function answers {', '.join(allowed)}.")


class PayloadTooLarge(CallerError):
    """The body is too large."""

    status = 413
    code = "payload_too_large"


class UnsupportedMediaType(CallerError):
    """Send the body as JSON, with the header "Content-Type: application/json"."""

    status = 415
    code = "unsupported_media_type"


class ThreadsError(ServiceError):
    """Threads did not do what was asked."""

    def __init__(
        self,
        message: str | None = None,
        *,
        evidence: Evidence | None = None,
        retry_after: timedelta | None = None,
        verdict: Verdict = Verdict(),  # noqa: B008 - immutable
    ) -> None:
        """Take a better text for the caller, what Threads answered, when to try again, and what it proves."""
        super().__init__(message)
        self.evidence = evidence
        self.retry_after = retry_after or self.retry_after
        self.verdict = verdict

    def as_json(self) -> dict[str, Any]:
        """Return the ``error`` object with Meta's trace id, when there is one."""
        trace = self.evidence.fbtrace_id if self.evidence else None
        return super().as_json() | ({"fbtraceId": trace} if trace else {})


class MissingScope(ThreadsError):
    """The Threads account did not grant the permission that this needs. Connect it again and allow it."""

    status = 403
    code = "missing_scope"
    next_action = "reconnect"
    scopes: Sequence[str] = ()
    """The permissions to ask for when the account is connected again."""

    def needing(self, scopes: Iterable[str]) -> Self:
        """Return the error with the permissions that it is about."""
        return self.changed(scopes=list(scopes))

    def as_json(self) -> dict[str, Any]:
        """Return the ``error`` object with the permissions."""
        return super().as_json() | ({"scopes": list(self.scopes)} if self.scopes else {})


class ReconnectRequired(ThreadsError):
    """The connection to this Threads account has ended. Connect the account again."""

    status = 409
    code = "reconnect_required"
    next_action = "reconnect"


class RejectedByThreads(ThreadsError):
    """Threads refused this for good."""

    status = 422
    code = "rejected_by_threads"
    is_about_content = True


class RateLimited(ThreadsError):
    """Threads asks to slow down. Try again later."""

    status = 429
    code = "rate_limited"
    retryable = True
    retry_after = RATE_LIMIT_PAUSE


class QuotaExceeded(ThreadsError):
    """This Threads account has published as many posts today as Threads allows. Try again later."""

    status = 429
    code = "quota_exceeded"
    retryable = True
    retry_after = QUOTA_PAUSE


class ThreadsUnavailable(ThreadsError):
    """Threads cannot do this right now. Try again in a moment."""

    status = 503
    code = "threads_unavailable"
    retryable = True
    retry_after = OUTAGE_PAUSE
    is_about_content = True


class InProgress(ServiceError):
    """This is being done right now. Look again in a moment."""

    status = 409
    code = "in_progress"
    retryable = True
    retry_after = timedelta(seconds=2)

    def __init__(self, message: str | None = None, *, retry_after: timedelta | None = None) -> None:
        """Take a better text, and how long the other request may still take."""
        super().__init__(message)
        self.retry_after = retry_after or self.retry_after


class TooManyWaiting(ServiceError):
    """Too many posts of this account wait to be published. Cancel some, or try again later."""

    status = 429
    code = "too_many_waiting"
    retryable = True
    retry_after = WAITING_PAUSE

    def __init__(self, message: str | None = None, *, retry_after: timedelta | None = None) -> None:
        """Take a better text, and when there may be room."""
        super().__init__(message)
        self.retry_after = retry_after or self.retry_after


class OutcomeUnknown(ServiceError):
    """Nobody can say whether this post is out. Look at the account before you publish it again."""

    status = 409
    code = "outcome_unknown"
    next_action = "check_account"
    is_about_content = True


class GivenUp(ServiceError):
    """This could not be published."""

    status = 422
    code = "given_up"
    next_action = "publish_again"
    is_about_content = True

    def __init__(self, last: ServiceError | None = None, *, tried: str = "") -> None:
        """Take the error of the last attempt, and what was tried: "3 times in 2 minutes".

        The first sentence of a transient error says what went wrong. The others say that it is tried again,
        which is no longer true.
        """
        why = last.message if last and not isinstance(last, GivenUp) else type(self).__doc__ or ""
        what = f"It was tried {tried}, and is given up" if tried else "It is given up"
        super().__init__(f"{_first_sentence(why)} {what}: publish it again, with a new idempotency key.")
        self.place = last.place if last else None


class ServiceUnavailable(ServiceError):
    """The service cannot do this right now. Try again in a moment."""

    status = 503
    code = "service_unavailable"
    retryable = True
    retry_after = OUTAGE_PAUSE


class InternalError(ServiceError):
    """Something went wrong on our side. It has been logged."""

    status = 500
    code = "internal"


def _first_sentence(text: str) -> str:
    first, stop, _ = text.partition(". ")
    return first + stop.rstrip()


def name_of(error: Exception) -> str:
    """Return the name under which an error is counted: its code, and for a bug of ours also its type."""
    return error.code if isinstance(error, ServiceError) else f"{InternalError.code} {type(error).__name__}"


def status_of(code: str) -> int:
    """Return the HTTP status of a recorded error. A code without a class is a broken rule's (400)."""
    return next(
        (error.status for error in _leaves(ServiceError) if error.code == code), InvalidRequest.status
    )


def _leaves(error: type[ServiceError]) -> Iterator[type[ServiceError]]:
    for below in error.__subclasses__():
        yield from _leaves(below) if below.__subclasses__() else (below,)


class ConfigurationError(Exception):
    """The environment does not describe a service that can run."""

    def __init__(self, mistakes: Mapping[str, str]) -> None:
        """Take every mistake, by the name of its variable. No text may hold a secret's value."""
        self.mistakes = mistakes
        lines = "".join(f"\n  {name}: {text}" for name, text in mistakes.items())
        super().__init__(f"The configuration has {len(mistakes)} mistake(s):{lines}")
