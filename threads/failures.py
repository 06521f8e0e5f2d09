"""What a failure of Threads means: one table, from what was answered to what may be done next.

Three envelopes come into it, or none: Graph's ``error`` object, the token endpoint's ``error_type``, the
``error_message`` of a container, and HTML, half a body or nothing at all. ``graph`` and ``containers`` read
them into a ``Failure``; here it finds its row. "seen" marks what others saw in production; the codes are from
https://developers.facebook.com/docs/graph-api/guides/error-handling and
https://developers.facebook.com/docs/threads/troubleshooting.
"""

from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from threads.errors import (
    Evidence,
    MissingScope,
    RateLimited,
    ReconnectRequired,
    RejectedByThreads,
    ThreadsError,
    ThreadsUnavailable,
    Verdict,
)

NO_ANSWER = 0
"""The status of a reply that did not come. Unless its reason is ``NOT_SENT``, nobody knows whether the
request had an effect."""

NOT_SENT = "NotSent"
"""The reason of a request that has certainly not left: without any effect."""

MEDIA_TRIES = 3
"""How often a post is offered again whose file Threads could not fetch, or which names something that it does
not find (seen: passes as often as not, at first)."""


class Step(StrEnum):
    """What a call is for: the word for it in logs, and in decisions about its failure."""

    EXCHANGE_CODE = "exchange_code"
    EXCHANGE_TOKEN = "exchange_token"  # noqa: S105 - the name of a step
    READ_GRANTS = "read_grants"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a step
    READ_PROFILE = "read_profile"
    CREATE_CONTAINER = "create_container"
    READ_CONTAINER = "read_container"
    PUBLISH_CONTAINER = "publish_container"
    READ_MEDIA = "read_media"
    LIST_POSTS = "list_posts"
    READ_QUOTA = "read_quota"
    DELETE_POST = "delete_post"
    REPOST = "repost"


class Failure(NamedTuple):
    """What came instead of a result, in the words that the table knows."""

    step: Step
    status: int
    envelope: bool = True
    """Whether the answer was the API's own, with an error in it."""
    code: int | None = None
    subcode: int | None = None
    transient: bool = False
    """Threads' own ``is_transient``: right neither when true nor when false, so that codes come first."""
    words: str = ""
    """Its message: for the errors that have a name in capitals instead of a code."""
    reason: str = ""
    """A container's ``error_message`` or its last status; without an answer, in what way it failed."""


class Rule(NamedTuple):
    """One row; a condition of None holds for everything."""

    error: type[ThreadsError]
    source: str
    steps: frozenset[Step] | None = None
    envelope: bool | None = True
    codes: frozenset[int] | None = None
    subcodes: frozenset[int] | None = None
    statuses: range | None = None
    transient: bool | None = None
    words: str | None = None
    """What stands in the message."""
    reasons: tuple[str, ...] | None = None
    """Beginnings of the reason."""
    verdict: Verdict = Verdict()
    message: str | None = None
    """The text for the caller, instead of the class' or Threads' own."""

    def fits(self, failure: Failure) -> bool:
        """Say whether every condition holds."""
        return (
            (self.steps is None or failure.step in self.steps)
            and (self.envelope is None or self.envelope == failure.envelope)
            and (self.codes is None or failure.code in self.codes)
            and (self.subcodes is None or failure.subcode in self.subcodes)
            and (self.statuses is None or failure.status in self.statuses)
            and (self.transient is None or self.transient == failure.transient)
            and (self.words is None or self.words in failure.words)
            and (self.reasons is None or failure.reason.startswith(self.reasons))
        )


_CLIENT_ERRORS = range(400, 500)
_SERVER_ERRORS = range(500, 600)
_TOO_MANY_REQUESTS = range(429, 430)
_NO_STATUS = range(NO_ANSWER, NO_ANSWER + 1)

_DEFINITE = Verdict(definite=True)
_SUSPECT = Verdict(definite=True, suspect=True)

_BLOCKED = "Threads restricts what this account may do at the moment. Look into the Threads app."
_NOT_FETCHED = "Threads could not fetch the file. Check that its URL is public; we try again."

_HANDLING = "https://developers.facebook.com/docs/graph-api/guides/error-handling"
_LIMITS = "https://developers.facebook.com/docs/graph-api/overview/rate-limiting"
_CONTAINERS = "https://developers.facebook.com/docs/threads/troubleshooting"
_WATCHED = frozenset({Step.READ_CONTAINER})

RULES: tuple[Rule, ...] = (
    # --- a container that cannot be published, by its error_message or its status
    Rule(
        RejectedByThreads,
        _CONTAINERS,
        steps=_WATCHED,
        envelope=False,
        reasons=("INVALID_",),
        verdict=_DEFINITE,
        message="Threads cannot use this file: {reason}.",
    ),
    Rule(
        ThreadsUnavailable,
        _CONTAINERS,
        steps=_WATCHED,
        envelope=False,
        reasons=("FAILED_", "UNKNOWN", "ERROR", "EXPIRED"),
        verdict=_DEFINITE,
        message="Threads could not process this file ({reason}).",
    ),
    # --- no answer of the API's: nothing, half of it, HTML, a redirect, a success without an id
    Rule(
        ThreadsUnavailable,
        "the connection was never made",
        envelope=False,
        statuses=_NO_STATUS,
        reasons=(NOT_SENT,),
        verdict=_DEFINITE,
    ),
    Rule(RateLimited, _LIMITS, envelope=False, statuses=_TOO_MANY_REQUESTS, verdict=_DEFINITE),
    Rule(ThreadsUnavailable, "nobody knows", envelope=False),
    # --- the account's trouble
    Rule(
        RejectedByThreads,
        "seen: 'we restrict certain activity', a spam block, although code 4 is a rate limit",
        codes=frozenset({4}),
        subcodes=frozenset({2207051}),
        verdict=_DEFINITE,
        message=_BLOCKED,
    ),
    Rule(ReconnectRequired, _HANDLING, codes=frozenset({102, 190}), verdict=_DEFINITE),
    Rule(
        RejectedByThreads, _HANDLING, codes=frozenset({9, 368, 4279013}), verdict=_DEFINITE, message=_BLOCKED
    ),
    Rule(RejectedByThreads, "seen", subcodes=frozenset({4279013}), verdict=_DEFINITE, message=_BLOCKED),
    Rule(RateLimited, _LIMITS, codes=frozenset({4, 17, 32, 341, 613}), verdict=_DEFINITE),
    Rule(RateLimited, _LIMITS, statuses=_TOO_MANY_REQUESTS, verdict=_DEFINITE),
    Rule(
        MissingScope,
        _HANDLING,  # with a 5xx, code 10 was seen to have published all the same
        codes=frozenset({10, *range(200, 300)}),
        statuses=_CLIENT_ERRORS,
        verdict=_DEFINITE,
    ),
    # --- the container's and the file's
    Rule(
        ThreadsUnavailable,
        "seen: what the call names is not seen yet, or not there at all",
        steps=frozenset({Step.CREATE_CONTAINER}),
        codes=frozenset({24}),
        subcodes=frozenset({4279009}),
        verdict=Verdict(definite=True, tries=MEDIA_TRIES),
        message="Threads does not find what this post names: what replyToId or quotePostId is, or a medium. "
        "What is new may take a moment; if it does not pass, the id is wrong.",
    ),
    Rule(
        ThreadsUnavailable,
        "seen: a container that Threads does not see yet, or has lost; a third of all unknown errors",
        codes=frozenset({24}),
        subcodes=frozenset({4279009}),
        verdict=_DEFINITE,
    ),
    Rule(
        ThreadsUnavailable,
        "seen: passes as often as not",
        subcodes=frozenset({2207052}),
        statuses=_CLIENT_ERRORS,
        verdict=Verdict(definite=True, tries=MEDIA_TRIES),
        message=_NOT_FETCHED,
    ),
    Rule(
        ThreadsUnavailable,
        "seen: passes as often as not",
        subcodes=frozenset({2207052}),
        verdict=Verdict(tries=MEDIA_TRIES),
        message=_NOT_FETCHED,
    ),
    # --- Threads' own trouble: the outcome is unknown
    Rule(ThreadsUnavailable, _HANDLING, statuses=_SERVER_ERRORS),
    Rule(ThreadsUnavailable, _HANDLING, codes=frozenset({1, 2})),
    Rule(ThreadsUnavailable, _HANDLING, transient=True),
    # --- the content's
    Rule(
        RejectedByThreads, _HANDLING, codes=frozenset({100, 506}), statuses=_CLIENT_ERRORS, verdict=_SUSPECT
    ),
    Rule(RejectedByThreads, _CONTAINERS, words="THREADS_API__", statuses=_CLIENT_ERRORS, verdict=_SUSPECT),
    # --- whatever else Threads refuses: a code that nobody has described proves nothing
    Rule(RejectedByThreads, _HANDLING, statuses=_CLIENT_ERRORS, verdict=Verdict(suspect=True)),
    Rule(ThreadsUnavailable, "an error with the status of a success"),
)
"""What to make of a failure: the first row that fits. The last one fits every envelope."""


def classify(failure: Failure) -> Rule:
    """Return the row of a failure.

    With a 5xx it proves nothing, whatever its code says: a server in trouble least of all that a token is
    dead, which would cost its owner the connection.
    """
    rule = next(rule for rule in RULES if rule.fits(failure))
    if failure.status not in _SERVER_ERRORS or not rule.verdict.definite:
        return rule
    error = ThreadsUnavailable if rule.error is ReconnectRequired else rule.error
    return rule._replace(error=error, verdict=rule.verdict._replace(definite=False))


def error_for(
    failure: Failure, evidence: Evidence, *, said: str | None = None, retry_after: timedelta | None = None
) -> ThreadsError:
    """Return the error that a failure is.

    Args:
        failure: what came.
        evidence: what of it may be kept.
        said: Threads' own words for the user, used where it refuses the content.
        retry_after: when it says to come back.

    """
    rule = classify(failure)
    message = rule.message and rule.message.format(reason=failure.reason or "UNKNOWN")
    if message is None and rule.error is RejectedByThreads:
        message = said
    return rule.error(message, evidence=evidence, retry_after=retry_after, verdict=rule.verdict)


def is_missing_container(error: ThreadsError) -> bool:
    """Say whether Threads does not know a container: not yet, or not any more."""
    evidence = error.evidence
    return evidence is not None and (evidence.code, evidence.subcode) == (24, 4279009)


def is_missing_post(error: ThreadsError) -> bool:
    """Say whether Threads does not find a post; in the same words, 100/33, it refuses a permission (seen)."""
    evidence = error.evidence
    is_named = evidence is not None and (evidence.code, evidence.subcode) == (100, 33)
    return error.verdict.definite and (is_named or is_missing_container(error))
