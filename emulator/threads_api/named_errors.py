"""The catalogue of errors: all that Threads is known to answer, each with a name by which it can be provoked.

``POST /_emulator/answers {"name": "rate_limit"}`` provokes one; ``GET /_emulator/errors`` lists them.

A source begins with "Meta" for what Meta documents, with "seen" for what others saw in production, or with
"inferred" for what follows from one of these. A status or a text that nobody has told is inferred, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from emulator.base.json_body import Malformed
from emulator.threads_api import errors
from emulator.threads_api.causes import Change, Invited, Media, Script, Spent, Tokens
from emulator.threads_api.errors import GraphError
from emulator.threads_api.model import Ending, Fate, Outcome, Quota
from emulator.threads_api.outcomes import ERROR_MESSAGES

if TYPE_CHECKING:
    from emulator.base.json_body import JsonBody
    from emulator.threads_api.causes import Cause
    from emulator.threads_api.world import World


@dataclass(frozen=True)
class NamedError:
    """One row of the catalogue."""

    name: str
    cause: Cause
    source: str
    #: What a good client does.
    advice: str
    #: What the client sees, if it is an error of the Graph API.
    error: GraphError | None = None
    #: What it sees otherwise.
    shows: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the row as ``GET errors`` shows it."""
        members = self.error.members if self.error else {}
        return {
            "name": self.name,
            "acts_through": self.cause.kind,
            "status": self.error and int(self.error.status),
            "code": members.get("code"),
            "error_subcode": members.get("error_subcode"),
            "is_transient": members.get("is_transient"),
            "message": members.get("message"),
            "shows": self.shows,
            "source": self.source,
            "advice": self.advice,
        }


def provoke(world: World, body: JsonBody) -> NamedError:
    """Bring about the error that a control's body names. Raises Malformed."""
    name = body.text("name")
    if name not in NAMED_ERRORS:
        raise Malformed(f"there is no error named {name}; GET errors lists them")
    error = NAMED_ERRORS[name]
    before = len(world.answers)
    error.cause.act(world, body)
    for answer in world.answers[before:]:
        answer.posted = {"name": name, **answer.posted}
    return error


# ---- which calls a script is for, unless the control says so

_CREATE = {"method": "POST", "path": "/threads"}
_PUBLISH = {"method": "POST", "path": "/threads_publish"}
_POSTING = {"method": "POST", "path": "/threads(_publish)?"}
_CAROUSEL = {**_CREATE, "parameters": {"media_type": "CAROUSEL"}}
_DELETE = {"method": "DELETE", "path": r"/\d+"}
_CODE = {"method": "POST", "path": "/oauth/access_token"}
_REFRESH = {"method": "GET", "path": "/refresh_access_token"}
_WINDOW = {"path": "/oauth/authorize"}

# ---- where it is from

_HANDLING = "Meta, Graph API: Handling errors"
_LIMITS = "Meta, Graph API: Rate limits"
_TROUBLE = "Meta, Threads: Troubleshooting"
_QUOTA = "Meta, Threads: Overview, Rate limiting (the limit); inferred (the error)"
_GATING = "Meta, Threads: Geo-gating (the name); inferred (the code)"
_DEAD = "seen: trypost#230, trypost#254"

# ---- what a good client does

_LOOK = "Look whether the post is out before you send it again."
_WAIT = "Send nothing for this account for a while: minutes, then hours."
_TOMORROW = "Ask /threads_publishing_limit, and wait until the 24 hours are over."
_RECONNECT = "Ask the owner to connect the account again."
_TELL = "Tell the author. The same content is refused again."
_REST = "Tell the owner to look into the Threads app. Do not try again by yourself."
_AGAIN = "Try a new container half a minute later, three times at most."
_FILE = "Tell the author that the file is not usable. It is not with another try."

_FORBIDDEN, _FAILED = HTTPStatus.FORBIDDEN, HTTPStatus.INTERNAL_SERVER_ERROR
_SAMPLE_TIME = datetime(2026, 5, 1, 11, tzinfo=UTC)


def _answered(
    name: str, match: dict[str, Any], error: GraphError, source: str, advice: str, **more: Any
) -> NamedError:
    """Return the row of an error that Threads answers once; ``more`` are members of its script."""
    script = Script({"match": match, "status": int(error.status), "error": error.members, **more})
    return NamedError(name, script, source, advice, error)


def _odd(name: str, shows: str, source: str, advice: str, **script: Any) -> NamedError:
    """Return the row of an answer that is none of the Graph API's."""
    return NamedError(name, Script({"match": _POSTING, **script}), source, advice, shows=shows)


def _window(name: str, error: errors.WindowError, advice: str) -> NamedError:
    """Return the row of what the authorization window shows instead of itself."""
    script = Script({"match": _WINDOW, "status": 400, "body": error.envelope()})
    shows = f"JSON in the browser: error_code {error.code}"
    return NamedError(name, script, "seen: fbsamples/threads_api#13, #18", advice, shows=shows)


def _dead(name: str, ending: Ending | None, error: GraphError, source: str = _HANDLING) -> NamedError:
    """Return the row of a token that works no more."""
    return NamedError(name, Tokens(ending), source, _RECONNECT, error)


def _processed(message: str) -> NamedError:
    """Return the row of a container's error message."""
    name = "failed_without_reason" if message == "UNKNOWN" else message.lower()
    advice = _FILE if message.startswith("INVALID_") else _AGAIN
    shows = f"the container's status ERROR, error_message {message}"
    return NamedError(name, Media(Outcome(0.0, message)), _TROUBLE, advice, shows=shows)


_NOT_FETCHED: dict[str, Any] = {
    "user_title": "Media download has failed",
    "user_message": "The media could not be fetched from this URI.",
}
_LINK: dict[str, Any] = {"subcode": 4279047, "user_title": "Invalid link attachment"}

_ROWS = (
    # the service is in trouble
    _answered(
        "unknown_error",
        _POSTING,
        GraphError("An unknown error has occurred.", 1, status=_FAILED),
        _HANDLING,
        _LOOK,
    ),
    _answered(
        "unknown_error_as_400",
        _POSTING,
        GraphError("An unknown error has occurred.", 1),
        "Meta, Graph API: Handling errors (the code); inferred (the status)",
        _LOOK,
    ),
    _answered(
        "service_unavailable",
        _POSTING,
        GraphError("Service temporarily unavailable", 2, status=503, is_transient=True),
        _HANDLING,
        _LOOK,
    ),
    _answered(
        "transient_error",
        _POSTING,
        GraphError("An error occurred while processing this request", 99_999, is_transient=True),
        "inferred: what is_transient is for",
        _LOOK,
    ),
    _answered(
        "error_after_publishing",
        _POSTING,
        GraphError("Application does not have permission for this action", 10, status=_FAILED),
        "seen: an error 500 with code 10 had published",
        "A 5xx proves nothing, whatever its code. " + _LOOK,
        effect=True,
    ),
    _answered(
        "error_in_a_success",
        _POSTING,
        GraphError("An error occurred while processing this request", 99, status=200),
        "inferred: nobody has seen one",
        "A status is not enough: look for the envelope. " + _LOOK,
    ),
    _odd(
        "html_page",
        "502 with a page",
        "seen: what stands before Threads answers",
        _LOOK,
        status=502,
        body="<html><body>Sorry, something went wrong.</body></html>",
    ),
    _odd("empty_answer", "500 without a body", "seen: what stands before Threads answers", _LOOK, status=500),
    _odd("half_answer", "half an answer; all is done", "inferred: networks do so", _LOOK, drop="mid_body"),
    _odd("lost_request", "a reset; nothing is done", "inferred: networks do so", _LOOK, drop="before"),
    _odd("lost_answer", "a reset; all is done", "seen: postiz-app#1813", _LOOK, drop="after"),
    _odd(
        "late_effect",
        "a reset; all is done a minute later",
        "inferred: nobody can rule it out",
        "Look more than once, for some minutes. " + _LOOK,
        drop="after",
        effect_delay_seconds=60,
    ),
    # limits
    _answered(
        "rate_limit",
        _POSTING,
        GraphError("Application request limit reached", 4, status=_FORBIDDEN),
        _LIMITS,
        _WAIT,
    ),
    _answered(
        "user_rate_limit",
        _POSTING,
        GraphError("User request limit reached", 17, status=_FORBIDDEN),
        _LIMITS,
        _WAIT,
    ),
    _answered(
        "page_rate_limit",
        _POSTING,
        GraphError("Page request limit reached", 32, status=_FORBIDDEN),
        _LIMITS,
        _WAIT,
    ),
    _answered(
        "application_limit",
        _POSTING,
        GraphError("Application limit reached", 341, status=_FORBIDDEN),
        _HANDLING,
        _WAIT,
    ),
    _answered(
        "custom_rate_limit",
        _POSTING,
        GraphError("Calls to this api have exceeded the rate limit.", 613, status=_FORBIDDEN),
        _LIMITS,
        _WAIT,
    ),
    _answered(
        "too_many_requests_in_words",
        _POSTING,
        GraphError("Too many requests", 429, status=HTTPStatus.TOO_MANY_REQUESTS),
        "inferred: RFC 6585",
        _WAIT,
    ),
    _odd("too_many_requests", "429 without a body", "inferred: RFC 6585", _WAIT, status=429),
    NamedError("quota_gone", Spent(Quota.POSTS), _QUOTA, _TOMORROW, errors.quota_reached(Quota.POSTS, 250)),
    NamedError(
        "reply_quota_gone", Spent(Quota.REPLIES), _QUOTA, _TOMORROW, errors.quota_reached(Quota.REPLIES, 1000)
    ),
    NamedError(
        "deletion_quota_gone",
        Spent(Quota.DELETIONS),
        _QUOTA,
        _TOMORROW,
        errors.quota_reached(Quota.DELETIONS, 100),
    ),
    # the account
    _answered(
        "spam_block",
        _POSTING,
        GraphError(
            "Application request limit reached",
            4,
            status=_FORBIDDEN,
            subcode=2207051,
            user_title="Action is blocked",
            user_message="We restrict certain activity to protect our community.",
        ),
        "seen: postiz-app#2047",
        "It is no rate limit, although the code is 4. " + _REST,
    ),
    _answered(
        "action_blocked",
        _POSTING,
        GraphError("Temporarily blocked for policies violations", 368),
        _HANDLING,
        _REST,
    ),
    _answered(
        "user_restricted",
        _POSTING,
        GraphError("User performs too many actions", 9),
        "seen: postiz-app",
        _REST,
    ),
    _answered(
        "account_restricted",
        _POSTING,
        GraphError("Invalid parameter", 100, subcode=4279013, user_title="User restricted"),
        "seen: postiz-app (the subcode); inferred (the code)",
        _REST,
    ),
    _answered(
        "permission_missing",
        _POSTING,
        errors.permission_missing("threads_content_publish"),
        _HANDLING,
        "Ask the owner to connect the account again, and to allow what is missing.",
    ),
    _answered(
        "permission_not_granted",
        _POSTING,
        GraphError("Permissions error", 200, status=_FORBIDDEN),
        _HANDLING,
        "The same, for each code from 200 to 299.",
    ),
    # the token
    _dead("dead_token", Ending.REVOKED, errors.token_revoked(400)),
    _dead("dead_token_as_24", Ending.NOT_FOUND, errors.media_not_found("me"), _DEAD),
    _dead("dead_token_as_100", Ending.UNSUPPORTED, errors.unsupported("get", "me"), _DEAD),
    _dead("app_removed", Ending.REMOVED, errors.app_removed(400, "<app id>")),
    _dead("checkpointed_user", Ending.CHECKPOINTED, errors.token_ended(400, Ending.CHECKPOINTED)),
    _dead("expired_token", None, errors.token_expired(400, _SAMPLE_TIME, _SAMPLE_TIME)),
    _dead("unconfirmed_user", Ending.UNCONFIRMED, errors.token_ended(400, Ending.UNCONFIRMED)),
    _dead("invalid_token", Ending.INVALID, errors.token_ended(400, Ending.INVALID)),
    _dead("invalid_session", Ending.SESSION_INVALID, errors.token_ended(400, Ending.SESSION_INVALID)),
    _dead("session_ended", Ending.SESSION_ENDED, errors.token_ended(400, Ending.SESSION_ENDED)),
    _answered(
        "good_token_refused",
        _POSTING,
        errors.token_unknown(400),
        "seen: a good token is refused now and then",
        "Ask for /me before you believe that a token is dead.",
    ),
    # containers
    _answered(
        "container_not_ready",
        _PUBLISH,
        errors.media_not_found("<container id>"),
        "seen: fbsamples/threads_api#70",
        "Ask for the container's status, and publish it again once it is FINISHED.",
    ),
    _answered(
        "already_published",
        _PUBLISH,
        errors.already_published("<container id>"),
        "inferred: a container publishes once",
        "Do not create another one: ask for its status, and look for the post.",
    ),
    _answered(
        "not_publishable",
        _PUBLISH,
        errors.not_publishable("<container id>", "it has failed"),
        "inferred: what has failed or expired cannot be published",
        "Ask for the container's status, which says why.",
    ),
    NamedError(
        "lost_container",
        Media(Outcome(0.0, fate=Fate.LOST)),
        "seen: postiz-app#2047",
        "Ask again a few times. Then create a new one, three times at most.",
        errors.media_not_found("<container id>"),
    ),
    NamedError(
        "published_container_lost",
        Change({"published_containers_stay": False}),
        "seen: a published container is not found any more",
        "Do not create another one: look for the post.",
        errors.media_not_found("<container id>"),
    ),
    NamedError(
        "published_status_refused",
        Change({"published_containers_tell": False}),
        "seen: exileum/meta-mcp#139, #143",
        "Do not create another one: look for the post.",
        errors.unknown_field("status"),
    ),
    NamedError(
        "container_expired",
        Media(Outcome(0.0, fate=Fate.EXPIRED)),
        _TROUBLE,
        "Create a new container.",
        shows="the container's status EXPIRED",
    ),
    NamedError(
        "container_stuck",
        Media(Outcome(None)),
        _TROUBLE,
        "Ask once a minute, for five minutes. Then give up.",
        shows="the container's status stays IN_PROGRESS",
    ),
    *(_processed(message) for message in ERROR_MESSAGES),
    _answered(
        "media_fetch_failed",
        _CREATE,
        GraphError("The media could not be fetched", 9004, subcode=2207052, **_NOT_FETCHED),
        "seen: postiz-app",
        "Try again once or twice. Then tell the author that the URL must be public.",
    ),
    _answered(
        "media_fetch_failed_as_1",
        _CREATE,
        GraphError("An unknown error occurred", 1, subcode=2207052, **_NOT_FETCHED),
        "seen: postiz-app",
        "The same. The code alone says nothing.",
    ),
    _answered(
        "media_fetch_failed_as_500",
        _CREATE,
        GraphError("An unknown error occurred", 1, status=_FAILED, subcode=2207052, **_NOT_FETCHED),
        "inferred: code 1 comes with both statuses",
        "The same.",
    ),
    _answered(
        "invalid_carousel_children",
        _CAROUSEL,
        errors.invalid_carousel_children("<container ids>"),
        "seen: exileum/meta-mcp#4",
        "Ask for each child's status, replace what is lost, and try again.",
    ),
    # the content
    _answered("invalid_parameter", _CREATE, errors.refused("text", "is invalid"), _HANDLING, _TELL),
    _answered("duplicate_post", _POSTING, GraphError("Duplicate Post", 506), _HANDLING, _TELL),
    _answered(
        "link_limit",
        _CREATE,
        errors.too_many_links(5),
        "Meta, Threads: Text attachments (the name); inferred (the code)",
        _TELL,
    ),
    _answered(
        "feature_not_available",
        _CREATE,
        GraphError("THREADS_API__FEATURE_NOT_AVAILABLE", 100, kind="THApiException"),
        _GATING,
        "Leave the option out for this profile.",
    ),
    _answered(
        "invalid_country_codes",
        _CREATE,
        GraphError("THREADS_API__GEO_GATING_INVALID_COUNTRY_CODES", 100, kind="THApiException"),
        _GATING,
        _TELL,
    ),
    _answered(
        "invalid_link_attachment",
        _CREATE,
        GraphError("Fatal", -1, **_LINK),
        "seen: a link_attachment that redirects",
        "Tell the author to give the address that it redirects to.",
    ),
    _answered(
        "invalid_link_attachment_as_500",
        _CREATE,
        GraphError("Fatal", -1, status=_FAILED, **_LINK),
        "seen: the same with status 500",
        "The same. It is the content, although the status is 500.",
    ),
    _answered(
        "post_not_found",
        _DELETE,
        errors.unsupported("delete", "<media id>"),
        "seen: restfb#1502",
        "Count it as deleted only if the permission is there: both are answered like this.",
    ),
    _answered(
        "undocumented_code",
        _POSTING,
        GraphError("An error occurred while processing this request", 99_999),
        "inferred: Meta's lists are not complete",
        "It proves nothing. Ask for /me: a dead token may hide behind it.",
    ),
    # lists, texts, Instagram
    NamedError(
        "lagging_list",
        Change({"listing_seconds": 25.0}),
        "inferred: nobody promises that lists are up to date",
        "Do not send a post again because a list does not show it yet.",
        shows="a new post is not listed for 25 seconds",
    ),
    NamedError(
        "changed_texts",
        Change({"shown_texts": "changed"}),
        "seen: one change by one",
        "Compare what survives: letters, not links, # or what cannot be seen.",
        shows="a text comes back escaped, shortened, and without its first #",
    ),
    NamedError(
        "instagram_share_failed",
        Change({"instagram_share": "FAILED"}),
        "Meta, Threads: Cross-share to Instagram",
        "Do not publish again: the post is out.",
        shows="crossreshare_to_ig_status FAILED",
    ),
    # connecting
    NamedError(
        "code_used",
        Script(
            {
                "match": _CODE,
                "status": 400,
                "body": errors.OAuthError("Matching code was not found or was already used").envelope(),
            }
        ),
        "seen: the token endpoint's own envelope",
        "Open the window again. A code works once.",
        shows="400 with error_type and error_message",
    ),
    _answered(
        "wrong_secret",
        {"method": "GET", "path": "/access_token"},
        errors.wrong_secret(),
        "Meta, Graph API (the message); inferred (the rest)",
        "Correct the configuration. It is nothing that a user can mend.",
    ),
    _answered(
        "refresh_too_early",
        _REFRESH,
        errors.refused("access_token", "must be at least 24 hours old to be refreshed"),
        "Meta, Threads: Long-lived tokens (the rule); inferred (the error)",
        "The token works: refresh it a day later.",
    ),
    _window(
        "redirect_not_registered",
        errors.WindowError("URL Blocked", 1349168),
        "Register the redirect URI, byte for byte. Threads never tells your app.",
    ),
    _window(
        "wrong_app_id",
        errors.WindowError("No app ID was provided in the request.", 4476002),
        "Use the Threads app's id, not the Facebook app's. Threads never tells your app.",
    ),
    NamedError(
        "invite_not_accepted",
        Invited(),
        "seen: fbsamples/threads_api#13",
        "Tell the person to accept the invite. Threads never tells your app.",
        shows="JSON in the browser, once the person has allowed the app",
    ),
)

NAMED_ERRORS = {row.name: row for row in _ROWS}
