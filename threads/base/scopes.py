"""The permissions that Threads knows, and which of them a connection asks for."""

from collections.abc import Collection, Iterable

from threads.base.errors import InvalidRequest, Problem
from threads.base.secret import redacted
from threads.base.validation import MAX_UNKNOWN_NAMED

DEFAULT_SCOPES = ("threads_basic", "threads_content_publish")

KNOWN_SCOPES = (
    *DEFAULT_SCOPES,
    "threads_read_replies",
    "threads_manage_replies",
    "threads_manage_insights",
    "threads_manage_mentions",
    "threads_keyword_search",
    "threads_delete",
    "threads_location_tagging",
    "threads_profile_discovery",
    "threads_share_to_instagram",
)
"""Source: https://developers.facebook.com/docs/threads/overview#threads-api-permissions"""


def may_publish(granted: Collection[str] | None) -> bool:
    """Return whether an account with these scopes may publish. If they are not known (None), it may."""
    return granted is None or set(DEFAULT_SCOPES) <= set(granted)


def requested_scopes(extra: Iterable[str], wanted: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the scopes to ask for: the two defaults, then the configured ones, then this request's.

    Raises:
        InvalidRequest: Threads does not know one of the scopes.

    """
    scopes = tuple(dict.fromkeys((*DEFAULT_SCOPES, *extra, *wanted)))
    unknown = [scope for scope in scopes if scope not in KNOWN_SCOPES]
    if unknown:
        raise InvalidRequest(*map(_unknown, unknown[:MAX_UNKNOWN_NAMED]))
    return scopes


def _unknown(scope: str) -> Problem:
    return Problem("scopes", "unknown_scope", f"{redacted(scope, limit=60)!r} is not a scope of Threads.")
