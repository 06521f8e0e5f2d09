"""The rules for the authorization window: what an app asks for, and what its user grants. No HTTP here.

Source: Meta, "Get authorization".
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emulator.threads_api import authorization, errors, scopes
from emulator.threads_api.inferred import WINDOW_WITHOUT_TYPE, takes

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from emulator.threads_api.model import Account, App, Code
    from emulator.threads_api.world import World

#: Error codes of the window. The first two were seen; the others are unverified.
REDIRECT_URI_NOT_REGISTERED = 1349168
WRONG_APP_ID = 4476002
INVITE_NOT_ACCEPTED = 1349245
INVALID_PARAMETER = 100


@dataclass(frozen=True)
class AuthorizationRequest:
    """The checked parameters of the authorization window."""

    app: App
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None


def read_authorization_request(world: World, parameters: Mapping[str, str]) -> AuthorizationRequest:
    """Check the parameters with which an app opened the window.

    Source: Meta, "Get authorization". Two codes and their texts were seen (fbsamples/threads_api#13, #18).

    Raises:
        WindowError: a parameter is wrong. Threads never sends such a mistake back to the app.

    """
    app = world.apps.get(parameters.get("client_id", ""))
    if app is None:
        raise errors.WindowError("No app ID was provided in the request.", WRONG_APP_ID)
    redirect_uri = parameters.get("redirect_uri", "")
    if redirect_uri not in app.redirect_uris:
        raise errors.WindowError(
            "URL Blocked: This redirect failed because the redirect URI is not whitelisted in the app's "
            "Client OAuth Settings. Make sure Client and Web OAuth Login are on and add all your app domains "
            "as Valid OAuth Redirect URIs.",
            REDIRECT_URI_NOT_REGISTERED,
        )
    usual = "code" if takes(world.settings, WINDOW_WITHOUT_TYPE) else ""
    if (parameters.get("response_type") or usual) != "code":
        raise errors.WindowError("Invalid response_type: it must be code", INVALID_PARAMETER)
    return AuthorizationRequest(app, redirect_uri, _asked_scopes(parameters), parameters.get("state"))


def _asked_scopes(parameters: Mapping[str, str]) -> tuple[str, ...]:
    """Read and check ``scope``."""
    asked = split_scopes(parameters.get("scope", ""))
    unknown = [scope for scope in asked if scope not in scopes.SCOPES]
    if unknown:
        raise errors.WindowError(f"Invalid Scopes: {', '.join(unknown)}", INVALID_PARAMETER)
    if scopes.BASIC not in asked:
        raise errors.WindowError(f"Invalid Scopes: {scopes.BASIC} is required", INVALID_PARAMETER)
    return asked


def split_scopes(listed: str) -> tuple[str, ...]:
    """Split a list of scopes at commas and spaces, and drop repetitions."""
    return tuple(dict.fromkeys(filter(None, re.split(r"[,\s]+", listed))))


def allow(world: World, asked: AuthorizationRequest, account: Account, ticked: Collection[str]) -> Code:
    """Grant the requested scopes that are ticked, and ``threads_basic``, which cannot be unticked."""
    if not account.accepted_invite:
        raise errors.WindowError("The user has not accepted the invite to test the app.", INVITE_NOT_ACCEPTED)
    granted = tuple(scope for scope in asked.scopes if scope in ticked or scope == scopes.BASIC)
    return authorization.issue_code(world, asked.app, account, asked.redirect_uri, granted)
