"""The start of "Connect Threads" and "Sign in with Threads": a state, and the URL that the browser opens.

1 read     the account, if a certain one is connected again
1 write    oauthStates/{state}
"""

import secrets
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from threads.accounts.access_token import find_account
from threads.accounts.account import StoredAccount
from threads.base.config import Config
from threads.base.errors import Forbidden, InvalidRequest, InvalidReturnTo, Problem, Unauthenticated
from threads.base.scopes import KNOWN_SCOPES, requested_scopes
from threads.connections.parts import ConnectionParts
from threads.connections.pkce import is_challenge
from threads.connections.return_to import ReturnTo, validate_return_to
from threads.connections.states import SIGN_IN, Asked, ExpectedAccount, OAuthState
from threads.graph.oauth import authorize_url

STATE_LIFETIME = timedelta(minutes=10)
"""Long enough to log in to Threads and decide. Short enough that a leaked URL is soon worthless."""

STATE_BYTES = 32
"""256 random bits. RFC 6749, section 10.10 requires a chance of guessing below 2^-128."""

_NO_CHALLENGE = "must be the SHA-256 of a verifier in base64url, 43 characters (RFC 7636, S256)."


class Wish(NamedTuple):
    """What the caller asks for: a signed-in user wants to connect an account, or a visitor to sign in."""

    mode: str
    """One of ``states.MODES``. Everything that differs between the two depends on it."""
    uid: str | None
    """The signed-in user. None to sign in."""
    unverified_return_to: str | None
    unverified_scopes: Sequence[str]
    unverified_account_id: str | None = None
    """The account to connect again."""
    unverified_challenge: str | None = None
    """To sign in: the challenge that the page's verifier must match (``pkce``)."""


def start(parts: ConnectionParts, wish: Wish) -> str:
    """Write a state and return the authorize URL.

    Raises:
        InvalidReturnTo: returnTo is missing, or not on an allowed origin.
        InvalidRequest: a scope is unknown, or a member is missing or not allowed in this mode.
        Unauthenticated: an account is to be connected, and no user is signed in.
        Forbidden: sign-in with Threads is off, or a signed-in user wants to sign in.
        AccountNotFound: the user does not have the account to connect again.
        ServiceUnavailable: Firestore does not answer.

    """
    config, now = parts.config, parts.now()
    _check_mode(config, wish)
    return_to = _return_to(config, wish)
    scopes = requested_scopes(config.extra_scopes, wish.unverified_scopes)
    account = _account(parts, wish)
    if account:  # connecting it again must not take a scope away from it
        granted = [scope for scope in account.scopes or () if scope in KNOWN_SCOPES]
        scopes = tuple(dict.fromkeys((*scopes, *granted)))
    expected = ExpectedAccount(account.account_id, account.username) if account else None
    state = OAuthState(
        state=secrets.token_urlsafe(STATE_BYTES),
        asked=Asked(wish.mode, wish.uid, scopes, expected, wish.unverified_challenge),
        unverified_return_to=return_to.url if return_to else None,
        is_confirmed=is_confirmed(config, wish.mode),
        expires_at=now + STATE_LIFETIME,
    )
    parts.repository.create_state(state, now)
    return authorize_url(config, state=state.state, scopes=scopes)


def check_sign_in(config: Config) -> None:
    """Refuse a sign-in if sign-in with Threads is off.

    Raises:
        Forbidden: it is off.

    """
    if not config.is_sign_in_on:
        raise Forbidden("Nobody can sign in with Threads here: SIGN_IN is off.")


def is_confirmed(config: Config, mode: str) -> bool:
    """Return whether the app must confirm a connection before its code is exchanged."""
    return mode == SIGN_IN or config.connect_mode == "confirm"


def _check_mode(config: Config, wish: Wish) -> None:
    """Refuse a wish that lacks what its mode needs, or that has what only the other mode allows."""
    if wish.mode == SIGN_IN:
        check_sign_in(config)
        if not is_challenge(wish.unverified_challenge or ""):
            raise InvalidRequest(Problem("challenge", "invalid_request", _NO_CHALLENGE))
        if wish.unverified_account_id is not None:
            raise InvalidRequest(Problem("accountId", "invalid_request", "is for mode=connect only."))
        if wish.uid is not None:
            raise Forbidden("Who is signed in connects an account: leave out mode=signin.")
        return
    if not wish.uid:
        raise Unauthenticated
    if wish.unverified_challenge is not None:
        raise InvalidRequest(Problem("challenge", "invalid_request", "is for mode=signin only."))


def _return_to(config: Config, wish: Wish) -> ReturnTo | None:
    if wish.unverified_return_to is not None:
        return validate_return_to(wish.unverified_return_to, config.allowed_origins)
    if is_confirmed(config, wish.mode):
        raise InvalidReturnTo("returnTo is missing: a page of the app has to confirm what comes back.")
    return None


def _account(parts: ConnectionParts, wish: Wish) -> StoredAccount | None:
    """Return the account to connect again, if the caller names one."""
    if wish.uid is None or wish.unverified_account_id is None:
        return None
    return find_account(parts.accounts, wish.uid, wish.unverified_account_id)
