"""What an error of Threads means: one table, from what Threads answered to what may be done next.

An error comes in one of three envelopes: Graph's ``error`` object, the token endpoint's ``error_type``, or a
container's ``error_message``. It may also come without one: as HTML, as half a body, or as no answer at all.
``protocol`` and ``media`` turn each into an ``Evidence``, and this table has a row for it.

It also decides whether a token is dead. Threads does not always say so: some dead tokens get 24/4279009 or
100 for every call (seen), like a good token that names what is not there. So a row may be *suspect*. And
Threads may say it of a good token. So in both cases, a witness is asked: a call that names nothing but the
token's own account (``Step.ASK_WITNESS``).

| the call was answered                              | the witness was answered                | the token |
|----------------------------------------------------|-----------------------------------------|-----------|
| 102, 190                                           | 102, 190, 24/4279009, 100               | is dead   |
| 24/4279009, 100, 506, or an undocumented code      | the same                                | is dead   |
| any of these                                       | with the account's id                   | works     |
| any of these                                       | anything else, or not at all            | may work  |
| anything else; or any of these with a 5xx          | not asked                               | may work  |

Only the first two rows end an account. ``AccountApi.confirmed`` asks the witness.

"seen" marks what others saw in production. The codes are from
https://developers.facebook.com/docs/graph-api/guides/error-handling and
https://developers.facebook.com/docs/threads/troubleshooting.
"""

from datetime import timedelta
from enum import StrEnum
from typing import NamedTuple

from threads.base.errors import (
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
"""The status if no reply came. Unless the reason begins with ``NOT_SENT``, it is unknown whether the request
had an effect."""

NOT_SENT = "NotSent"
"""How the reason begins if not one byte of the request was sent. So it certainly had no effect."""


class Step(StrEnum):
    """What a call is for. Logs show it, and the rules for its errors depend on it."""

    EXCHANGE_CODE = "exchange_code"
    EXCHANGE_TOKEN = "exchange_token"  # noqa: S105 - the name of a step
    READ_GRANTS = "read_grants"
    REFRESH_TOKEN = "refresh_token"  # noqa: S105 - the name of a step
    READ_PROFILE = "read_profile"
    ASK_WITNESS = "ask_witness"
    """Does this token still work? Asks for the account's id."""
    CREATE_CONTAINER = "create_container"
    READ_CONTAINER = "read_container"
    PUBLISH_CONTAINER = "publish_container"
    READ_MEDIA = "read_media"
    LIST_POSTS = "list_posts"
    READ_QUOTA = "read_quota"
    DELETE_POST = "delete_post"
    REPOST = "repost"


class Rule(NamedTuple):
    """One row of the table. A condition that is None always holds."""

    error: type[ThreadsError]
    source: str
    steps: frozenset[Step] | None = None
    is_envelope: bool | None = True
    codes: frozenset[int] | None = None
    subcodes: frozenset[int] | None = None
    statuses: range | None = None
    is_transient: bool | None = None
    words: str | None = None
    """A part of the message."""
    reasons: tuple[str, ...] | None = None
    """How the reason may begin."""
    verdict: Verdict = Verdict()
    message: str | None = None
    """The text for the caller, instead of the class's or Threads' own."""

    def fits(self, seen: Evidence) -> bool:
        """Return whether every condition holds."""
        return (
            (self.steps is None or seen.step in self.steps)
            and (self.is_envelope is None or self.is_envelope == seen.is_envelope)
            and (self.codes is None or seen.code in self.codes)
            and (self.subcodes is None or seen.subcode in self.subcodes)
            and (self.statuses is None or seen.status in self.statuses)
            and (self.is_transient is None or self.is_transient == seen.is_transient)
            and (self.words is None or self.words in seen.words)
            and (self.reasons is None or seen.reason.startswith(self.reasons))
        )


_CLIENT_ERRORS = range(400, 500)
_SERVER_ERRORS = range(500, 600)
_TOO_MANY_REQUESTS = range(429, 430)
_NO_STATUS = range(NO_ANSWER, NO_ANSWER + 1)

_DEFINITE = Verdict(is_definite=True)
_SUSPECT = Verdict(is_definite=True, is_suspect=True)

_BLOCKED = "Threads restricts what this account may do at the moment. Look into the Threads app."
_NOT_FETCHED = "Threads could not fetch the file: its URL must be public. We try again in a moment."

_HANDLING = "https://developers.facebook.com/docs/graph-api/guides/error-handling"
_LIMITS = "https://developers.facebook.com/docs/graph-api/overview/rate-limiting"
_CONTAINERS = "https://developers.facebook.com/docs/threads/troubleshooting"
_WATCHED = frozenset({Step.READ_CONTAINER})
_WITNESS = frozenset({Step.ASK_WITNESS})

RULES: tuple[Rule, ...] = (
    # --- a container that cannot be published, by its error_message or its status
    Rule(
        RejectedByThreads,
        _CONTAINERS,
        steps=_WATCHED,
        is_envelope=False,
        reasons=("INVALID_",),
        verdict=_DEFINITE,
        message="Threads cannot use this file: {reason}.",
    ),
    Rule(
        ThreadsUnavailable,
        _CONTAINERS,
        steps=_WATCHED,
        is_envelope=False,
        reasons=("EXPIRED",),
        verdict=_DEFINITE,
        message="Threads has not kept this file long enough ({reason}).",
    ),
    Rule(
        ThreadsUnavailable,
        "seen: a new container half a minute to a minute later is mostly fine, three within seconds are not",
        steps=_WATCHED,
        is_envelope=False,
        reasons=("FAILED_", "UNKNOWN", "ERROR"),
        verdict=Verdict(is_definite=True, may_last=True),
        message="Threads could not process this file ({reason}). We try again in a moment.",
    ),
    # --- not an answer of the API: nothing, half a body, HTML, a redirect, a success without an id
    Rule(
        ThreadsUnavailable,
        "the connection was never made",
        is_envelope=False,
        statuses=_NO_STATUS,
        reasons=(NOT_SENT,),
        verdict=_DEFINITE,
    ),
    Rule(RateLimited, _LIMITS, is_envelope=False, statuses=_TOO_MANY_REQUESTS, verdict=_DEFINITE),
    Rule(ThreadsUnavailable, "an error with an unknown outcome", is_envelope=False),
    # --- errors about the account
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
        ReconnectRequired,
        "seen: a dead token that is refused like this on every call. The witness names nothing else",
        steps=_WITNESS,
        codes=frozenset({24}),
        subcodes=frozenset({4279009}),
        statuses=_CLIENT_ERRORS,
        is_transient=False,
        verdict=_DEFINITE,
    ),
    Rule(
        ReconnectRequired,
        "seen: the same with code 100, with and without subcode 33",
        steps=_WITNESS,
        codes=frozenset({100}),
        statuses=_CLIENT_ERRORS,
        is_transient=False,
        verdict=_DEFINITE,
    ),
    Rule(
        RejectedByThreads, _HANDLING, codes=frozenset({9, 368, 4279013}), verdict=_DEFINITE, message=_BLOCKED
    ),
    Rule(RejectedByThreads, "seen", subcodes=frozenset({4279013}), verdict=_DEFINITE, message=_BLOCKED),
    Rule(RateLimited, _LIMITS, codes=frozenset({4, 17, 32, 341, 613}), verdict=_DEFINITE),
    Rule(RateLimited, _LIMITS, statuses=_TOO_MANY_REQUESTS, verdict=_DEFINITE),
    Rule(
        MissingScope,
        _HANDLING,  # seen: an answer with code 10 and a 5xx, although the post was published
        codes=frozenset({10, *range(200, 300)}),
        statuses=_CLIENT_ERRORS,
        verdict=_DEFINITE,
    ),
    # --- errors about the container or the file
    Rule(
        ThreadsUnavailable,
        "seen: Threads does not see yet what the call names, or it does not exist",
        steps=frozenset({Step.CREATE_CONTAINER}),
        codes=frozenset({24}),
        subcodes=frozenset({4279009}),
        verdict=Verdict(is_definite=True, is_suspect=True, may_last=True),
    ),
    Rule(
        ThreadsUnavailable,
        "seen: a container that Threads does not see yet, or has lost; a third of all unknown errors",
        codes=frozenset({24}),
        subcodes=frozenset({4279009}),
        verdict=_SUSPECT,
    ),
    Rule(
        ThreadsUnavailable,
        "seen: as often gone with the next try as not",
        subcodes=frozenset({2207052}),
        statuses=_CLIENT_ERRORS,
        verdict=Verdict(is_definite=True, may_last=True),
        message=_NOT_FETCHED,
    ),
    Rule(
        ThreadsUnavailable,
        "seen: as often gone with the next try as not",
        subcodes=frozenset({2207052}),
        verdict=Verdict(may_last=True),
        message=_NOT_FETCHED,
    ),
    Rule(
        ThreadsUnavailable,
        "seen: an answer to a carousel although its items are finished; they are, or one is lost",
        steps=frozenset({Step.CREATE_CONTAINER}),
        codes=frozenset({100}),
        subcodes=frozenset({4279004}),
        statuses=_CLIENT_ERRORS,
        verdict=Verdict(is_definite=True, is_suspect=True, may_last=True),
        message="Threads does not take the images and videos of this carousel. We try again in a moment.",
    ),
    Rule(
        RejectedByThreads,
        "seen: a link_attachment that redirects, also with status 500",
        subcodes=frozenset({4279047}),
        verdict=_DEFINITE,
        message="Threads does not take the link of this card. Give the address that it redirects to.",
    ),
    # --- errors of Threads itself: the outcome is unknown
    Rule(ThreadsUnavailable, _HANDLING, statuses=_SERVER_ERRORS),
    Rule(ThreadsUnavailable, _HANDLING, codes=frozenset({1, 2})),
    Rule(ThreadsUnavailable, _HANDLING, is_transient=True),
    # --- errors about the content
    Rule(
        RejectedByThreads,
        "https://developers.facebook.com/docs/threads/create-posts/text-attachments",
        words="THREADS_API__LINK_LIMIT_EXCEEDED",
        statuses=_CLIENT_ERRORS,
        verdict=_SUSPECT,
        message="Threads counts more than 5 different links in this post. Leave some of them out.",
    ),
    Rule(RejectedByThreads, _CONTAINERS, words="THREADS_API__", statuses=_CLIENT_ERRORS, verdict=_SUSPECT),
    Rule(
        RejectedByThreads, _HANDLING, codes=frozenset({100, 506}), statuses=_CLIENT_ERRORS, verdict=_SUSPECT
    ),
    # --- all other refusals: an undocumented code proves nothing
    Rule(RejectedByThreads, _HANDLING, statuses=_CLIENT_ERRORS, verdict=Verdict(is_suspect=True)),
    Rule(ThreadsUnavailable, "an error with the status of a success"),
)
"""The first row that fits decides what an error means. The last row fits every envelope."""


def classify(seen: Evidence) -> Rule:
    """Return the row for an answer.

    An answer with a 5xx proves nothing, whatever its code says. In particular it does not prove that a token
    is dead: that would disconnect the owner's account.
    """
    rule = next(rule for rule in RULES if rule.fits(seen))
    if seen.status not in _SERVER_ERRORS or not rule.verdict.is_definite:
        return rule
    error = ThreadsUnavailable if rule.error is ReconnectRequired else rule.error
    return rule._replace(error=error, verdict=rule.verdict._replace(is_definite=False, is_suspect=False))


def error_for(
    seen: Evidence, *, said: str | None = None, retry_after: timedelta | None = None
) -> ThreadsError:
    """Return the error for an answer.

    Args:
        seen: what Threads answered.
        said: Threads' own message, shown to the user if Threads refuses the content.
        retry_after: the pause that Threads asks for.

    """
    rule = classify(seen)
    message = rule.message and rule.message.format(reason=seen.reason or "UNKNOWN")
    if message is None and rule.error is RejectedByThreads:
        message = said
    return rule.error(message, evidence=seen, retry_after=retry_after, verdict=rule.verdict)


def is_missing_container(error: ThreadsError) -> bool:
    """Return whether Threads does not know a container: it does not see it yet, or has lost it."""
    seen = error.evidence
    if seen is None or isinstance(
        error, ReconnectRequired
    ):  # the witness of a dead token gets the same answer
        return False
    return (seen.code, seen.subcode) == (24, 4279009)


def is_passing(failure: ThreadsError) -> bool:
    """Return whether what failed a container mostly passes in a minute. One that is lost has not failed."""
    return failure.verdict.may_last or not failure.verdict.is_definite


def is_missing_post(error: ThreadsError) -> bool:
    """Return whether Threads does not find a post. It answers a missing permission the same way (seen)."""
    seen = error.evidence
    is_named = (
        seen is not None
        and (seen.code, seen.subcode) == (100, 33)
        and not isinstance(error, ReconnectRequired)
    )
    return error.verdict.is_definite and (is_named or is_missing_container(error))
