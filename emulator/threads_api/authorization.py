"""The rules for codes and tokens: which are issued, and for how long they work. No HTTP here.

Source: Meta, "Get authorization", "Get access tokens" and "Long-lived tokens".
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from emulator.threads_api import app_tokens, errors, scopes
from emulator.threads_api.model import CODE_LIFETIME, REFRESHABLE_AFTER, App, Code, Ending, Token

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from emulator.threads_api.model import Account
    from emulator.threads_api.world import World


def issue_code(world: World, app: App, account: Account, redirect_uri: str, granted: tuple[str, ...]) -> Code:
    """Issue a code, which works once."""
    code = Code("AQ" + secrets.token_urlsafe(150), app.id, account.id, redirect_uri, granted, world.now())
    world.codes[code.value] = code
    return code


def exchange_code(world: World, form: Mapping[str, str]) -> Token:
    """Exchange a code for a short-lived token. The code does not work again.

    Source: Meta, "Get access tokens > Exchange the code for a token".

    Raises:
        OAuthError: a field is missing or wrong. The message for an unknown code was seen; the others are
            unverified.

    """
    for name in ("client_id", "client_secret", "code", "grant_type", "redirect_uri"):
        if not form.get(name):
            raise errors.OAuthError(f"Missing required field {name}")
    app = world.apps.get(form["client_id"])
    if app is None:
        raise errors.OAuthError("Invalid platform app")
    if form["client_secret"] != app.secret:
        raise errors.OAuthError("Error validating client secret.")
    if form["grant_type"] != "authorization_code":
        raise errors.OAuthError(f"Invalid grant_type: {form['grant_type']}")
    code = _use_code(world, app, form["code"], form["redirect_uri"])
    return issue_token(world, app.id, code.account_id, code.scopes, issued_at=world.now(), long_lived=False)


def _use_code(world: World, app: App, value: str, redirect_uri: str) -> Code:
    """Use a code up. After a wrong redirect URI the code still works."""
    code = world.codes.get(value)
    if code is None or code.app_id != app.id:
        raise errors.OAuthError("Matching code was not found or was already used")
    if world.now() >= code.issued_at + CODE_LIFETIME:
        raise errors.OAuthError("This authorization code has expired")
    if redirect_uri != code.redirect_uri:
        raise errors.OAuthError(
            "Error validating verification code. Please make sure your redirect_uri is identical to the one "
            "you used in the OAuth dialog request"
        )
    return world.codes.pop(value)


def exchange_token(world: World, secret: str | None, value: str | None) -> Token:
    """Exchange a short-lived token for a long-lived one.

    Source: Meta, "Long-lived tokens > Get a long-lived token".

    Raises:
        GraphError: the secret or the token is wrong. That a long-lived token is refused is unverified.

    """
    token = caller(world, value)
    if secret != world.apps[token.app_id].secret:
        raise errors.wrong_secret()
    if token.long_lived:
        raise errors.refused("access_token", "must be a short-lived token")
    return issue_token(
        world, token.app_id, token.account_id, token.scopes, issued_at=world.now(), long_lived=True
    )


def refresh_token(world: World, value: str | None) -> Token:
    """Exchange a long-lived token that is at least a day old for one that lasts 60 days from now.

    Whether the old token goes on working is unverified; a setting chooses.

    Source: Meta, "Long-lived tokens > Refresh a long-lived token".

    Raises:
        GraphError: the token cannot be refreshed. The code for a token that is too new is unverified.

    """
    token = caller(world, value)
    require(token, scopes.BASIC)
    if not token.long_lived:
        raise errors.refused("access_token", "must be a long-lived token")
    if world.now() < token.issued_at + REFRESHABLE_AFTER:
        raise errors.refused("access_token", "must be at least 24 hours old to be refreshed")
    token.ended_by = Ending.REFRESHED if world.settings.refresh_ends_old_token else None
    return issue_token(
        world, token.app_id, token.account_id, token.scopes, issued_at=world.now(), long_lived=True
    )


def issue_token(  # noqa: PLR0913 - a token has that many members
    world: World,
    app_id: str,
    account_id: str,
    granted: tuple[str, ...],
    *,
    issued_at: datetime,
    long_lived: bool,
) -> Token:
    """Issue a token."""
    token = Token("THAA" + secrets.token_urlsafe(96), app_id, account_id, granted, long_lived, issued_at)
    world.tokens[token.value] = token
    return token


def caller(world: World, value: str | None) -> Token:
    """Return the token of a request.

    Raises:
        GraphError: 190. The token is missing, unknown, expired, revoked or replaced. A token may also end in
            a way that this error does not tell.

    """
    status = world.settings.token_error_status
    if not value:
        raise errors.token_missing(status)
    if app_tokens.app_of(world, value) is not None:
        raise errors.user_token_needed()
    token = world.tokens.get(value)
    if token is None:
        raise errors.token_unknown(status)
    if token.ended_by is not None:
        raise _refusal(token, token.ended_by, status)
    now = world.now()
    if now >= token.expires_at:
        raise errors.token_expired(status, token.expires_at, now)
    return token


def _refusal(token: Token, ending: Ending, status: int) -> errors.GraphError:
    """Return the error of every call with a token that has ended like this."""
    if ending is Ending.REMOVED:
        return errors.app_removed(status, token.app_id)
    if ending is Ending.NOT_FOUND:
        return errors.media_not_found("me")
    if ending is Ending.UNSUPPORTED:
        return errors.unsupported("get", "me")
    if ending in {Ending.REVOKED, Ending.REFRESHED}:
        return errors.token_revoked(status)
    return errors.token_ended(status, ending)


def require(token: Token, scope: str) -> None:
    """Raise GraphError 10 if the token does not have ``scope``."""
    if scope not in token.scopes:
        raise errors.permission_missing(scope)


def revoke(world: World, account_id: str, ending: Ending = Ending.REVOKED) -> int:
    """End every token of an account, and return how many it ended."""
    tokens = [token for token in world.tokens.values() if token.account_id == account_id]
    return _end([token for token in tokens if token.ended_by is None], ending)


def expire(world: World, account_id: str) -> None:
    """Let every token of an account be as old as it may get, and a second older."""
    for token in world.tokens.values():
        if token.account_id == account_id:
            token.issued_at -= token.expires_at - world.now() + timedelta(seconds=1)


def remove_app(world: World, app: App, account: Account) -> int:
    """End every code and token that an account has granted an app; return how many tokens it ended."""
    for code in [code for code in world.codes.values() if _is_of(code, app, account)]:
        del world.codes[code.value]
    tokens = _tokens(world, app, account)
    working = sum(token.ended_by is None for token in tokens)
    _end(tokens, Ending.REMOVED)
    return working


def _end(tokens: list[Token], ending: Ending) -> int:
    for token in tokens:
        token.ended_by = ending
    return len(tokens)


def _tokens(world: World, app: App, account: Account) -> list[Token]:
    return [token for token in world.tokens.values() if _is_of(token, app, account)]


def _is_of(granted: Code | Token, app: App, account: Account) -> bool:
    return (granted.app_id, granted.account_id) == (app.id, account.id)


@dataclass(frozen=True)
class Grant:
    """What an account has granted an app.

    Threads lists an app until the owner removes it, even if its tokens no longer work.
    """

    is_removed: bool
    granted_at: datetime
    #: The scopes that were granted last; none if the app was removed.
    scopes: tuple[str, ...]


def read_grant(world: World, app: App, account: Account) -> Grant | None:
    """Return what an account has granted an app, or None if it never granted anything."""
    tokens = _tokens(world, app, account)
    if not tokens:
        return None
    latest = max(tokens, key=lambda token: token.issued_at)
    is_removed = latest.ended_by is Ending.REMOVED
    return Grant(is_removed, latest.issued_at, () if is_removed else latest.scopes)
