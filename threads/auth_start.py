"""The story of "Connect Threads", and of "Sign in with Threads": a state is written, and the browser may go.

1 read     the account, when a certain one is to be connected again
1 write    oauthStates/{state}
"""

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from threads.accounts import select_account
from threads.authorization import authorize_url
from threads.config import Config
from threads.documents import Found
from threads.errors import Forbidden, InvalidRequest, InvalidReturnTo, Problem, Unauthenticated
from threads.pkce import is_challenge
from threads.return_to import ReturnTo, validate_return_to
from threads.scopes import KNOWN_SCOPES, requested_scopes
from threads.store import Store

STATE_LIFETIME = timedelta(minutes=10)
"""Long enough to log in to Threads and decide, short enough for a leaked URL to be worthless."""

STATE_BYTES = 32
"""256 random bits; RFC 6749, section 10.10 asks for a chance of guessing below 2^-128."""

PROVIDER = "threads"
"""Other providers' states may lie in the same collection."""

CONNECT = "connect"
SIGN_IN = "signin"
MODES = (CONNECT, SIGN_IN)
"""What a window is opened for: another account for a user, or a user."""

_NO_CHALLENGE = "must be the SHA-256 of a verifier in base64url, 43 characters (RFC 7636, S256)."


class Wish(NamedTuple):
    """What is asked for: by a signed-in user, or by somebody who wants to become one."""

    mode: str
    """One of ``MODES``: everything that differs between the two goes by it."""
    uid: str | None
    """Who is signed in; nobody, to sign in."""
    unverified_return_to: str | None
    unverified_scopes: Sequence[str]
    unverified_account_id: str | None = None
    """The account to connect again."""
    unverified_challenge: str | None = None
    """To sign in: what the page's verifier has to match (``pkce``)."""


def start(config: Config, store: Store, wish: Wish, *, now: datetime) -> str:
    """Write a state and return the authorize URL.

    Raises:
        InvalidReturnTo, InvalidRequest: where to return to, a scope, or what does not go with the mode, is
            not acceptable.
        Unauthenticated: an account is connected for somebody.
        Forbidden: nobody signs in with Threads here.
        AccountNotFound: the user has not the account that is to be connected again.
        ServiceUnavailable: Firestore does not answer.

    """
    _check_mode(config, wish)
    return_to = _return_to(config, wish)
    scopes = requested_scopes(config.extra_scopes, wish.unverified_scopes)
    account = _account(store, wish)
    if account:  # what it could do before, it shall be able to do again
        granted = [scope for scope in account.fields.get("scopes") or () if scope in KNOWN_SCOPES]
        scopes = tuple(dict.fromkeys((*scopes, *granted)))
    state = secrets.token_urlsafe(STATE_BYTES)
    store.create_state(
        state,
        {
            "uid": wish.uid,
            "provider": PROVIDER,
            "mode": wish.mode,
            "isConfirmed": is_confirmed(config, wish.mode),
            "returnTo": return_to.url if return_to else None,
            "scopes": list(scopes),
            "account": _remembered(account) if account else None,
            "challenge": wish.unverified_challenge,
            "createdAt": now,
            "expiresAt": now + STATE_LIFETIME,
        },
    )
    return authorize_url(config, state=state, scopes=scopes)


def check_sign_in(config: Config) -> None:
    """Let nobody sign in where that is off.

    Raises:
        Forbidden: it is.

    """
    if not config.is_sign_in_on:
        raise Forbidden("Nobody can sign in with Threads here: SIGN_IN is off.")


def is_confirmed(config: Config, mode: str | None) -> bool:
    """Say whether the app has to confirm what comes back from a window before anything is done with it."""
    return mode == SIGN_IN or config.connect_mode == "confirm"


def _check_mode(config: Config, wish: Wish) -> None:
    """Let only a wish pass that has what its mode needs, and nothing of the other one's."""
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


def _account(store: Store, wish: Wish) -> Found | None:
    """Return the account to connect again, if it is a certain one."""
    if wish.uid is None or wish.unverified_account_id is None:
        return None
    found = store.find_accounts(wish.uid, wish.unverified_account_id)
    return select_account(found, wish.unverified_account_id)


def _remembered(account: Found) -> dict[str, Any]:
    """Return what the state remembers of an account; the name is for people."""
    return {"id": account.id, "username": (account.fields.get("profile") or {}).get("username")}
