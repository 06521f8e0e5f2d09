"""Every error that Threads answers, one function per case.

Source: Meta, "Error codes". What Meta does not document is marked "seen" or "unverified".
"""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from emulator.threads_api.model import Ending

if TYPE_CHECKING:
    from datetime import datetime


class GraphError(Exception):
    """An error of the Graph API, in its documented envelope."""

    def __init__(  # noqa: PLR0913 - the envelope has that many members
        self,
        message: str,
        code: int,
        *,
        status: int = HTTPStatus.BAD_REQUEST,
        subcode: int | None = None,
        kind: str = "OAuthException",
        is_transient: bool = False,
        user_title: str | None = None,
        user_message: str | None = None,
    ) -> None:
        """Take the members of the envelope; ``kind`` is its ``type``."""
        super().__init__(message)
        self.status = status
        self._members = {
            "message": message,
            "type": kind,
            "code": code,
            "error_subcode": subcode,
            "is_transient": is_transient,
            "error_user_title": user_title,
            "error_user_msg": user_message,
        }

    @property
    def members(self) -> dict[str, Any]:
        """What the envelope has in it, apart from its ``fbtrace_id``."""
        return {name: member for name, member in self._members.items() if member is not None}

    def envelope(self) -> dict[str, Any]:
        """Return the JSON body, with a new ``fbtrace_id`` each time."""
        return {"error": {**self.members, "fbtrace_id": new_trace_id()}}


class OAuthError(Exception):
    """An error of ``POST /oauth/access_token``, which has an envelope of its own (seen)."""

    def envelope(self) -> dict[str, Any]:
        """Return the JSON body."""
        return {"error_type": "OAuthException", "code": 400, "error_message": str(self)}


class WindowError(Exception):
    """An error that the authorization window shows as JSON instead of returning to the app (seen)."""

    def __init__(self, message: str, code: int) -> None:
        """Take the two members of the page."""
        super().__init__(message)
        self.code = code

    def envelope(self) -> dict[str, Any]:
        """Return the JSON page."""
        return {"error_message": str(self), "error_code": self.code}


def new_trace_id() -> str:
    """Return a new ``fbtrace_id``."""
    return "A" + secrets.token_urlsafe(16)


# ---- tokens and permissions


def token_missing(status: int) -> GraphError:
    """Return 190: the request has no token."""
    return GraphError("An access token is required to request this resource.", 190, status=status)


def token_unknown(status: int) -> GraphError:
    """Return 190: Threads did not issue this token."""
    return GraphError("Invalid OAuth access token - Cannot parse access token", 190, status=status)


def token_expired(status: int, expired_at: datetime, now: datetime) -> GraphError:
    """Return 190, subcode 463: the token has expired."""
    message = (
        f"Error validating access token: Session has expired on {expired_at:%A, %d-%b-%y %H:%M:%S %Z}. "
        f"The current time is {now:%A, %d-%b-%y %H:%M:%S %Z}."
    )
    return GraphError(message, 190, status=status, subcode=463)


def token_revoked(status: int) -> GraphError:
    """Return 190, subcode 460: the owner of the account, or Threads, ended the session."""
    message = (
        "Error validating access token: The session has been invalidated because the user changed their "
        "password or the session was changed for security reasons."
    )
    return GraphError(message, 190, status=status, subcode=460)


def app_removed(status: int, app_id: str) -> GraphError:
    """Return 190, subcode 458: the owner of the account has removed the app."""
    message = f"Error validating access token: The user has not authorized application {app_id}."
    return GraphError(message, 190, status=status, subcode=458)


def token_ended(status: int, ending: Ending) -> GraphError:
    """Return the error for a session that is over in one of the other documented ways."""
    subcode, why = _SESSIONS[ending]
    code = 102 if subcode is None else 190
    return GraphError(f"Error validating access token: {why}", code, status=status, subcode=subcode)


#: The subcode of 190, and why the token ended (Meta, "Access tokens > Errors"). None: 102 instead.
_SESSIONS: dict[Ending, tuple[int | None, str]] = {
    Ending.CHECKPOINTED: (459, "The user cannot access the app because they have been checkpointed."),
    Ending.UNCONFIRMED: (464, "The session has been invalidated because the user is not a confirmed user."),
    Ending.INVALID: (467, "The access token has been invalidated."),
    Ending.SESSION_INVALID: (492, "The session is invalid: the user is not allowed to use it any more."),
    Ending.SESSION_ENDED: (None, "Session key invalid or no longer valid."),
}


def permission_missing(scope: str) -> GraphError:
    """Return 10: the token does not have ``scope``. The HTTP status is unverified."""
    return GraphError(
        "Application does not have permission for this action",
        10,
        status=HTTPStatus.FORBIDDEN,
        kind="THApiException",
        user_title="Permission missing",
        user_message=f"This action needs the permission {scope}.",
    )


def user_token_needed() -> GraphError:
    """Return 2500: an app token was sent where a user's is needed (Graph API, seen)."""
    return GraphError(
        "An active access token must be used to query information about the current user.", 2500
    )


# ---- objects and parameters


def unsupported(method: str, node: str) -> GraphError:
    """Return 100, subcode 33: the object is unknown, belongs to another account, or cannot do this (seen)."""
    message = (
        f"Unsupported {method.lower()} request. Object with ID '{node}' does not exist, cannot be loaded "
        "due to missing permissions, or does not support this operation"
    )
    return GraphError(message, 100, subcode=33, kind="THApiException")


def unknown_path(path: str) -> GraphError:
    """Return 2500: there is no such route."""
    return GraphError(f"Unknown path components: {path}", 2500)


def unknown_field(name: str) -> GraphError:
    """Return 100: the object has no such field (seen for ``status`` of a media id)."""
    return GraphError(f"Tried accessing nonexisting field ({name})", 100, kind="THApiException")


def no_subfields(name: str) -> GraphError:
    """Return 2500: fields were asked for of a plain value (Graph API, seen)."""
    return GraphError(f"Subfields are not supported by {name}", 2500)


def field_syntax(expected: str, found: str, position: int, asked: str) -> GraphError:
    """Return 2500: ``fields`` cannot be read (Graph API, seen)."""
    return GraphError(
        f'Syntax error "Expected {expected} instead of "{found}"." at character {position}: {asked}', 2500
    )


def media_not_found(node: str) -> GraphError:
    """Return 24, subcode 4279009: there is no such container, or it is not ready (seen)."""
    return GraphError(
        "The requested resource does not exist",
        24,
        subcode=4279009,
        user_title="Media Not Found",
        user_message=f"The media with id {node} cannot be found.",
    )


def refused(parameter: str, reason: str) -> GraphError:
    """Return 100: a parameter is wrong."""
    return GraphError(
        f"(#100) Param {parameter} {reason}",
        100,
        kind="THApiException",
        user_title="Invalid parameter",
        user_message=f"{parameter} {reason}.",
    )


def too_many_links(limit: int) -> GraphError:
    """Return 100: there are too many links (Meta, "Create posts > Links"). The code is unverified."""
    return GraphError(
        "THREADS_API__LINK_LIMIT_EXCEEDED",
        100,
        kind="THApiException",
        user_title="Too many links",
        user_message=f"A post may contain at most {limit} different links.",
    )


def invalid_carousel_children(children: str) -> GraphError:
    """Return 100, subcode 4279004: an item is not ready, lost or not there (seen, exileum/meta-mcp#4)."""
    return GraphError(
        "Invalid parameter",
        100,
        subcode=4279004,
        user_title="Invalid Carousel Children",
        user_message=f"The children with IDs {children} are invalid, nonexistent, or expired.",
    )


def already_published(node: str) -> GraphError:
    """Return 100: the container was already published. Unverified."""
    return GraphError(
        "(#100) The media has already been published",
        100,
        kind="THApiException",
        user_title="Already published",
        user_message=f"The container {node} has already been published.",
    )


def not_publishable(node: str, reason: str) -> GraphError:
    """Return 100: the container can never be published. Unverified."""
    return GraphError(
        "(#100) The media cannot be published",
        100,
        kind="THApiException",
        user_title="Not publishable",
        user_message=f"The container {node} cannot be published: {reason}.",
    )


def quota_reached(what: str, limit: int) -> GraphError:
    """Return 4: a limit per 24 hours is used up. Code and status are unverified."""
    return GraphError(
        "Application request limit reached",
        4,
        status=HTTPStatus.FORBIDDEN,
        user_title="Limit reached",
        user_message=f"This account has used its {limit} {what} of the last 24 hours.",
    )


def wrong_secret() -> GraphError:
    """Return 101: the secret is not the app's. Unverified."""
    return GraphError("Error validating client secret.", 101)
