"""The token side of Threads' OAuth flow as values: what is asked, and what the answers say.

The functions are named after the steps of the protocol (RFC 6749, section 4.1) and come in pairs; a step
takes only what the step before has checked. Nothing here opens a connection or knows what time it is.

Source: https://developers.facebook.com/docs/threads/get-started/get-access-tokens-and-permissions
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple

from threads.config import Config
from threads.failures import Step
from threads.graph import GraphReply, GraphRequest, read_object, unreadable
from threads.scopes import KNOWN_SCOPES
from threads.wire import Secret, is_threads_id

PROFILE_FIELDS = ("id", "username", "name", "threads_profile_picture_url")

MAX_CODE_LENGTH = 4096
"""Far above any code seen; keeps a hostile callback from being carried on to Threads."""

MAX_PROFILE_TEXT = 10_000
"""Characters of a profile field that is kept; Threads' longest, the biography, has 150."""

_FRAGMENT_OF_THREADS = "#_"
"""Threads appends it to the callback's URL; who takes the URL apart wrongly keeps it in the code."""


@dataclass(frozen=True)
class AuthorizationCode:
    """A code from the callback of a state of ours. Works once, for an hour."""

    secret: Secret


@dataclass(frozen=True)
class ShortLivedToken:
    """Lasts an hour; good for being exchanged."""

    secret: Secret
    user_id: str


@dataclass(frozen=True)
class LongLivedToken:
    """The token that is kept."""

    secret: Secret
    token_type: str
    expires_in: timedelta


@dataclass(frozen=True)
class Profile:
    """Who connected."""

    id: str
    display_name: str
    username: str
    avatar_url: str | None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """The further fields that the app asked for, under Threads' names."""


class Grants(NamedTuple):
    """What became of the scopes that were asked for: a person may untick each in the window."""

    granted: tuple[str, ...]
    refused: tuple[str, ...] = ()


def validate_code(unverified_code: str) -> AuthorizationCode | None:
    """Return the callback's code without the fragment that Threads appends, or None when it is none.

    Call it only for a state of ours that is unused (RFC 6749, section 10.12), or is used up by this code.
    """
    code = unverified_code.removesuffix(_FRAGMENT_OF_THREADS)
    if not code or len(code) > MAX_CODE_LENGTH or not code.isascii() or not code.isprintable():
        return None
    return AuthorizationCode(Secret(code))


def code_exchange_request(config: Config, code: AuthorizationCode) -> GraphRequest:
    """Exchange the code for a short-lived token (RFC 6749, section 4.1.3)."""
    form = {
        "client_id": config.app_id,
        "client_secret": config.app_secret.reveal(),
        "grant_type": "authorization_code",
        "redirect_uri": config.redirect_uri,
        "code": code.secret.reveal(),
    }
    return GraphRequest(Step.EXCHANGE_CODE, "POST", "/oauth/access_token", form=form, versioned=False)


def read_short_lived_token(reply: GraphReply) -> ShortLivedToken:
    """Read the token and whose it is; ``user_id`` is a bare integer beyond 2^53.

    Raises:
        ThreadsError: the code was rejected, or Threads did not say.

    """
    answer = read_object(Step.EXCHANGE_CODE, reply)
    token, user_id = answer.get("access_token"), str(answer.get("user_id"))
    if not isinstance(token, str) or not token or not is_threads_id(user_id):
        raise unreadable(Step.EXCHANGE_CODE, reply)
    return ShortLivedToken(Secret(token), user_id)


def token_exchange_request(config: Config, token: ShortLivedToken) -> GraphRequest:
    """Exchange the short-lived token for a long-lived one. Meta wants both secrets in the query.

    Source: https://developers.facebook.com/docs/threads/get-started/long-lived-tokens
    """
    query = {
        "grant_type": "th_exchange_token",
        "client_secret": config.app_secret.reveal(),
        "access_token": token.secret.reveal(),
    }
    return GraphRequest(Step.EXCHANGE_TOKEN, "GET", "/access_token", query=query, versioned=False)


def read_long_lived_token(reply: GraphReply) -> LongLivedToken:
    """Read the token and how long it lasts (about 60 days).

    Raises:
        ThreadsError: the exchange was refused, or Threads did not say.

    """
    return _read_long_lived(Step.EXCHANGE_TOKEN, reply)


def refresh_request(token: Secret) -> GraphRequest:
    """Ask for a token that lasts longer; this one must be a day old, and still good.

    Source: https://developers.facebook.com/docs/threads/get-started/long-lived-tokens#refresh-a-long-lived-token
    """
    query = {"grant_type": "th_refresh_token", "access_token": token.reveal()}
    return GraphRequest(Step.REFRESH_TOKEN, "GET", "/refresh_access_token", query=query, versioned=False)


def read_refreshed_token(reply: GraphReply) -> LongLivedToken:
    """Read the token and how long it lasts from now on.

    Raises:
        ThreadsError: the refresh was refused, or Threads did not say.

    """
    return _read_long_lived(Step.REFRESH_TOKEN, reply)


def _read_long_lived(step: Step, reply: GraphReply) -> LongLivedToken:
    answer = read_object(step, reply)
    token, seconds = answer.get("access_token"), answer.get("expires_in")
    if not isinstance(token, str) or not token or isinstance(seconds, bool) or not isinstance(seconds, int):
        raise unreadable(step, reply)
    if not 0 < seconds <= timedelta(days=3650).total_seconds():
        raise unreadable(step, reply)
    return LongLivedToken(
        Secret(token), str(answer.get("token_type") or "bearer"), timedelta(seconds=seconds)
    )


def profile_request(token: LongLivedToken, extra_fields: Iterable[str] = ()) -> GraphRequest:
    """Ask who the token belongs to.

    Source: https://developers.facebook.com/docs/threads/threads-profiles
    """
    fields = ",".join(dict.fromkeys((*PROFILE_FIELDS, *extra_fields)))
    return GraphRequest(Step.READ_PROFILE, "GET", "/me", query={"fields": fields}, token=token.secret)


def grants_request(token: LongLivedToken) -> GraphRequest:
    """Ask a token about itself: nothing else says which scopes were granted. Meta wants it in the query.

    Source: https://developers.facebook.com/docs/threads/troubleshooting/debug-access-token, where the one who
    asks is a tester of the app; that any token may ask about itself was seen.
    """
    query = {"input_token": token.secret.reveal(), "access_token": token.secret.reveal()}
    return GraphRequest(Step.READ_GRANTS, "GET", "/debug_token", query=query)


def read_grants(reply: GraphReply, asked: Iterable[str]) -> Grants:
    """Read which scopes a valid token has, and which of those that were asked for it has not.

    Raises:
        ThreadsError: Threads did not say.

    """
    answer = read_object(Step.READ_GRANTS, reply).get("data")
    said = answer.get("scopes") if isinstance(answer, dict) and answer.get("is_valid") is True else None
    granted = tuple(scope for scope in KNOWN_SCOPES if scope in said) if isinstance(said, list) else ()
    if not granted:  # a token without a single scope is one that Threads does not give out
        raise unreadable(Step.READ_GRANTS, reply)
    return Grants(granted, tuple(scope for scope in asked if scope not in granted))


def own_id_request(token: Secret) -> GraphRequest:
    """Ask for nothing but whether a token works."""
    return GraphRequest(Step.READ_PROFILE, "GET", "/me", query={"fields": "id"}, token=token)


def read_own_id(reply: GraphReply) -> str:
    """Return the account's id.

    Raises:
        ThreadsError: Threads did not say who it is; ReconnectRequired: as the token is dead.

    """
    return str(read_object(Step.READ_PROFILE, reply).get("id"))


def read_profile(reply: GraphReply, extra_fields: Iterable[str] = ()) -> Profile:
    """Read the profile; a missing name is the username, and the other way round.

    Raises:
        ThreadsError: Threads did not say who it is.

    """
    answer = read_object(Step.READ_PROFILE, reply)
    profile_id = str(answer.get("id"))
    if not is_threads_id(profile_id):
        raise unreadable(Step.READ_PROFILE, reply)
    name, username = (str(answer.get(field) or "") for field in ("name", "username"))
    picture = answer.get("threads_profile_picture_url")
    return Profile(
        id=profile_id,
        display_name=name or username or profile_id,
        username=username or name or profile_id,
        avatar_url=picture if isinstance(picture, str) and picture else None,
        extra={
            field: answer[field]
            for field in extra_fields
            if field not in PROFILE_FIELDS and _is_storable(answer.get(field))
        },
    )


def _is_storable(value: Any) -> bool:
    """Say whether a profile field has a form that Firestore holds and a profile may have."""
    if isinstance(value, str):
        return len(value) <= MAX_PROFILE_TEXT
    return isinstance(value, int) and abs(value) < 1 << 63
