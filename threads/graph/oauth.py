"""Threads' OAuth flow from the code to the token, as values: requests, and how to read their answers.

The functions are named after the steps of the protocol (RFC 6749, section 4.1) and come in pairs. Each step
takes only what the step before has checked. Nothing here opens a connection or knows the time.

Source: https://developers.facebook.com/docs/threads/get-started/get-access-tokens-and-permissions
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from threads.base.config import Config
from threads.base.scopes import KNOWN_SCOPES
from threads.base.secret import Secret
from threads.base.validation import is_threads_id
from threads.graph import shown
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply, GraphRequest, read_object, unreadable

PROFILE_FIELDS = ("id", "username", "name", "threads_profile_picture_url")

MAX_CODE_LENGTH = 4096
"""Far above the length of any code seen. A longer code, from a hostile callback, is not sent to Threads."""

ASSUMED_LIFETIME = timedelta(days=60)
"""How long a token lives of which Threads does not say it: what Meta documents."""

MAX_LIFETIME = timedelta(days=3650)
"""No token lives longer. An answer that says so is not believed."""

MAX_PROFILE_TEXT = 10_000
"""The most characters of a profile field that is stored. Threads' longest field, the biography, has 150."""

_FRAGMENT_OF_THREADS = "#_"
"""Threads appends it to the callback's URL. A client that parses the URL wrongly leaves it in the code."""


@dataclass(frozen=True)
class AuthorizationCode:
    """A code from a callback with a state of ours. It works once, within an hour."""

    secret: Secret


@dataclass(frozen=True)
class ShortLivedToken:
    """A token that lasts an hour. It is only exchanged for a long-lived one."""

    secret: Secret
    user_id: str
    """The Threads user's id."""


@dataclass(frozen=True)
class LongLivedToken:
    """The token that is stored."""

    secret: Secret
    token_type: str
    expires_in: timedelta
    is_lifetime_known: bool = True
    """Whether Threads has said how long it lasts. Otherwise this is ``ASSUMED_LIFETIME``."""


@dataclass(frozen=True)
class Profile:
    """The profile of an account."""

    id: str
    display_name: str
    username: str
    avatar_url: str | None
    extra: Mapping[str, Any] = field(default_factory=dict)
    """The further fields that the configuration names, under Threads' names."""


class Grants(NamedTuple):
    """Which of the requested scopes were granted. The user can deselect each in the authorization window."""

    asked: tuple[str, ...]
    granted: tuple[str, ...] | None = None
    """None: Threads has not said it."""
    user_id: str | None = None
    """The Threads user whose token it is, if Threads has said it."""
    is_valid: bool = True
    """False: Threads has said that the token is not valid."""

    @property
    def refused(self) -> tuple[str, ...]:
        """The requested scopes that were certainly not granted."""
        granted = self.asked if self.granted is None else self.granted
        return tuple(scope for scope in self.asked if scope not in granted)


def validate_code(unverified_code: str) -> AuthorizationCode | None:
    """Return the callback's code without the fragment that Threads appends, or None if it is not a code.

    Call it only for a state of ours that is unused (RFC 6749, section 10.12), or was used up by this code.
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
    """Read the token and whose it is. Threads sends ``user_id`` as an integer above 2^53.

    Raises:
        ThreadsError: Threads rejected the code, or did not answer.

    """
    answer = read_object(Step.EXCHANGE_CODE, reply)
    token, user_id = answer.get("access_token"), str(answer.get("user_id"))
    if not isinstance(token, str) or not token or not is_threads_id(user_id):
        raise unreadable(Step.EXCHANGE_CODE, reply)
    return ShortLivedToken(Secret(token), user_id)


def token_exchange_request(config: Config, token: ShortLivedToken) -> GraphRequest:
    """Exchange the short-lived token for a long-lived one. Meta requires both secrets in the query.

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
        ThreadsError: Threads refused the exchange, or did not answer.

    """
    return _read_long_lived(Step.EXCHANGE_TOKEN, reply)


def refresh_request(token: Secret) -> GraphRequest:
    """Ask for a token that lasts longer. The current one must be at least a day old and still valid.

    Source: https://developers.facebook.com/docs/threads/get-started/long-lived-tokens#refresh-a-long-lived-token
    """
    query = {"grant_type": "th_refresh_token", "access_token": token.reveal()}
    return GraphRequest(Step.REFRESH_TOKEN, "GET", "/refresh_access_token", query=query, versioned=False)


def read_refreshed_token(reply: GraphReply) -> LongLivedToken:
    """Read the token and how long it lasts from now on.

    Raises:
        ThreadsError: Threads refused the refresh, or did not answer.

    """
    return _read_long_lived(Step.REFRESH_TOKEN, reply)


def _read_long_lived(step: Step, reply: GraphReply) -> LongLivedToken:
    """Read a token. It is never thrown away for its lifetime: the old one may have ended with this answer."""
    answer = read_object(step, reply)
    token = answer.get("access_token")
    if not isinstance(token, str) or not token:
        raise unreadable(step, reply)
    said = _lifetime(answer.get("expires_in"))
    token_type = str(answer.get("token_type") or "bearer")
    return LongLivedToken(Secret(token), token_type, said or ASSUMED_LIFETIME, said is not None)


def _lifetime(value: Any) -> timedelta | None:
    """Return a lifetime in whole seconds, also if it came as a text or a float, or None if it is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        seconds = int(float(value))
    except (ValueError, OverflowError):
        return None
    return timedelta(seconds=seconds) if 0 < seconds <= MAX_LIFETIME.total_seconds() else None


def profile_request(token: Secret, extra_fields: Iterable[str] = ()) -> GraphRequest:
    """Ask for the profile of the account that the token belongs to.

    Source: https://developers.facebook.com/docs/threads/threads-profiles
    """
    fields = ",".join(dict.fromkeys((*PROFILE_FIELDS, *extra_fields)))
    return GraphRequest(Step.READ_PROFILE, "GET", "/me", query={"fields": fields}, token=token)


def grants_request(token: Secret, asked_with: Secret | None = None) -> GraphRequest:
    """Ask which scopes a token has, and whether it is valid. Meta requires both tokens in the query.

    Source: https://developers.facebook.com/docs/threads/troubleshooting/debug-access-token. There a tester of
    the app asks. Seen: any token may ask about itself. Assumed: so may an app's token.

    Args:
        token: the token in question.
        asked_with: the token that asks. None: the one in question. But Threads may refuse a dead one.

    """
    query = {"input_token": token.reveal(), "access_token": (asked_with or token).reveal()}
    return GraphRequest(Step.READ_GRANTS, "GET", "/debug_token", query=query)


def read_grants(reply: GraphReply, asked: tuple[str, ...]) -> Grants:
    """Read which scopes a token has. They stay unknown if Threads names none that exist today.

    Raises:
        ThreadsError: Threads did not answer.

    """
    answer = read_object(Step.READ_GRANTS, reply).get("data")
    if not isinstance(answer, dict):
        raise unreadable(Step.READ_GRANTS, reply)
    is_valid, said, user_id = answer.get("is_valid"), answer.get("scopes"), str(answer.get("user_id"))
    granted = tuple(scope for scope in KNOWN_SCOPES if scope in said) if isinstance(said, list) else ()
    is_known = is_valid is True and (granted or said == [])
    return Grants(
        asked=asked,
        granted=granted if is_known else None,
        user_id=user_id if is_threads_id(user_id) else None,
        is_valid=is_valid is not False,
    )


def own_id_request(token: Secret) -> GraphRequest:
    """Ask only for the account's id, to find out whether a token works."""
    return GraphRequest(Step.ASK_WITNESS, "GET", "/me", query={"fields": "id"}, token=token)


def read_own_id(reply: GraphReply) -> str:
    """Return the account's id.

    Raises:
        ThreadsError: Threads did not tell the id.
        ReconnectRequired: the token is dead.

    """
    return str(read_object(Step.ASK_WITNESS, reply).get("id"))


def read_profile(reply: GraphReply, extra_fields: Iterable[str] = ()) -> Profile:
    """Read the profile. The username stands in for a missing name, and the name for a missing username.

    Raises:
        ThreadsError: Threads did not tell whose profile it is.

    """
    answer = read_object(Step.READ_PROFILE, reply)
    profile_id = str(answer.get("id"))
    if not is_threads_id(profile_id):
        raise unreadable(Step.READ_PROFILE, reply)
    name, username = (shown.name(answer.get(field)) for field in ("name", "username"))
    return Profile(
        id=profile_id,
        display_name=name or username or profile_id,
        username=username or name or profile_id,
        avatar_url=shown.web_address(answer.get("threads_profile_picture_url")),
        extra={
            field: answer[field]
            for field in extra_fields
            if field not in PROFILE_FIELDS and _is_storable(answer.get(field))
        },
    )


def _is_storable(value: Any) -> bool:
    """Return whether a profile field has a type and size that Firestore can store."""
    if isinstance(value, str):
        return len(value) <= MAX_PROFILE_TEXT
    return isinstance(value, int) and abs(value) < 1 << 63


def authorize_url(config: Config, *, state: str, scopes: Collection[str]) -> str:
    """Return the authorization window's URL, with literal commas between scopes (RFC 6749, 4.1.1)."""
    query = {
        "client_id": config.app_id,
        "redirect_uri": config.redirect_uri,
        "response_type": "code",
        "scope": ",".join(scopes),
        "state": state,
    }
    return f"{config.authorize_url}?{urlencode(query, safe=',', quote_via=quote)}"
