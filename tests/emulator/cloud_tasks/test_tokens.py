"""OIDC tokens: signed as Google signs them for Cloud Tasks, verified as a target does it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import jwt
import pytest

from tests.emulator.cloud_tasks.client import SERVICE_ACCOUNT

if TYPE_CHECKING:
    from tests.emulator.cloud_tasks.client import CloudTasks, Target

AUDIENCE = "https://publish.example"


def sent_token(target: Target) -> str:
    """Return the newest token that came."""
    kind, _, token = target.received[-1].headers["Authorization"].partition(" ")
    assert kind == "Bearer"
    return token


def verified(tasks: CloudTasks, token: str, **expected: Any) -> dict[str, Any]:
    """Verify a token against the emulator's keys; returns its claims."""
    key = jwt.PyJWKClient(f"{tasks.url}/certs").get_signing_key_from_jwt(token)
    claims: dict[str, Any] = jwt.decode(token, key.key, algorithms=["RS256"], **expected)
    return claims


def test_a_token_verifies_against_the_published_keys(tasks: CloudTasks, target: Target) -> None:
    """Issuer, audience, service account and an hour's life are as a target expects them."""
    token = {"service_account_email": SERVICE_ACCOUNT, "audience": AUDIENCE}
    tasks.create(target, http={"oidc_token": token})
    tasks.settle()
    claims = verified(tasks, sent_token(target), audience=AUDIENCE, issuer=tasks.url)
    assert (claims["email"], claims["email_verified"]) == (SERVICE_ACCOUNT, True)
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["sub"] == claims["azp"]
    assert claims["sub"].isdecimal()
    assert len(claims["sub"]) == 21


def test_without_an_audience_it_is_the_url(tasks: CloudTasks, target: Target) -> None:
    """As the reference says of ``OidcToken.audience``."""
    url = f"{target.url}/publish?x=1"
    tasks.create(url, http={"oidc_token": {"service_account_email": SERVICE_ACCOUNT}})
    tasks.settle()
    verified(tasks, sent_token(target), audience=url)


def test_a_token_replaces_an_authorization_header(tasks: CloudTasks, target: Target) -> None:
    """There is one, and it is the token."""
    token = {"service_account_email": SERVICE_ACCOUNT, "audience": AUDIENCE}
    tasks.create(target, http={"oidc_token": token, "headers": {"authorization": "Basic x"}})
    tasks.settle()
    verified(tasks, sent_token(target), audience=AUDIENCE)


def test_an_authorization_header_of_ones_own_is_sent(tasks: CloudTasks, target: Target) -> None:
    """Without ``oidc_token`` nothing else says who calls."""
    tasks.create(target, http={"headers": {"Authorization": "Basic x"}})
    tasks.settle()
    assert target.received[0].headers["Authorization"] == "Basic x"


def test_the_discovery_document_leads_to_the_keys(tasks: CloudTasks) -> None:
    """A verifier needs to know the issuer only."""
    found = tasks.http.get(f"{tasks.url}/.well-known/openid-configuration", timeout=10).json()
    assert found["issuer"] == tasks.url
    [key] = tasks.http.get(found["jwks_uri"], timeout=10).json()["keys"]
    assert (key["kty"], key["alg"], key["use"]) == ("RSA", "RS256", "sig")
    assert "d" not in key


def test_the_issuer_can_be_chosen(tasks: CloudTasks, target: Target) -> None:
    """A target that expects Google's gets Google's."""
    tasks.control("settings", issuer="https://accounts.google.com")
    tasks.create(target, http={"oidc_token": {"service_account_email": SERVICE_ACCOUNT}})
    tasks.settle()
    verified(tasks, sent_token(target), audience=target.url, issuer="https://accounts.google.com")


def test_tokens_live_in_real_time(tasks: CloudTasks, target: Target) -> None:
    """However far the emulator's clock is put on, a target's own clock finds the token fresh."""
    tasks.advance(30 * 86_400)
    tasks.create(target, http={"oidc_token": {"service_account_email": SERVICE_ACCOUNT}})
    tasks.settle()
    claims = verified(tasks, sent_token(target), audience=target.url)
    assert claims["iat"] == pytest.approx(time.time(), abs=600)
