"""Who is calling: real tokens of Cloud Tasks, of Cloud Scheduler and of Firebase, and forged ones."""

import socket
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import firebase_admin
import google.auth.credentials
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from firebase_admin import _token_gen, credentials
from flask import Request
from werkzeug.test import EnvironBuilder

from tests.unit.functions.tokens import (
    ACCOUNT,
    AUDIENCE,
    ISSUER,
    JWK_SET,
    KEY,
    OTHER,
    STRANGE,
    bearing,
    carrying,
    jwk,
    pem,
    segment,
    token,
    verifier,
)
from tests.unit.support import KEY as TOKEN_KEY
from tests.unit.support import Loopback, always, config, http, loopback, serve_json
from threads.base.errors import (
    Forbidden,
    ServiceUnavailable,
    Unauthenticated,
    UnverifiedApp,
)
from threads.functions import callers as module
from threads.functions import signing_keys
from threads.functions.callers import Callers, Scheduler, Task, User, Visitor
from threads.functions.request import HttpRequest


@pytest.fixture(scope="module")
def keys_server() -> Iterator[Loopback]:
    """Serve one key as a JWK set."""
    with loopback(serve_json(JWK_SET)) as server:
        yield server


# --- Cloud Tasks --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "keys", [[jwk(KEY)], [jwk(OTHER, "k0"), jwk(KEY)], [{"kty": "new", "kid": "k9"}, jwk(KEY)]]
)
def test_a_sound_token_is_cloud_tasks(keys: list[object]) -> None:
    """A token of the configured account is accepted, whichever other keys its issuer has."""
    with loopback(serve_json({"keys": keys})) as server:
        request = bearing(token())
        assert verifier(server).user_or_task(request) == Task()
    assert request.notes == {"caller": "task"}


@pytest.mark.parametrize("header", ["bearer {}", "BEARER {}", "Bearer  {} "])
def test_the_scheme_is_read_as_http_says(header: str, keys_server: Loopback) -> None:
    """The word Bearer may be written in any case."""
    assert verifier(keys_server).user_or_task(carrying(header.format(token()))) == Task()


def hs256_with_the_public_key() -> str:
    """Return a token that uses the public key as a shared secret."""
    public = KEY.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    head, body, _ = token().split(".")
    head = segment({"alg": "HS256", "typ": "JWT", "kid": "k1"})
    signature = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    signed = signature.sign(f"{head}.{body}".encode(), public)
    return f"{head}.{body}.{segment(signed)}"


def altered(part: int, value: object) -> str:
    """Return a sound token with one part replaced after it was signed."""
    parts = token().split(".")
    parts[part] = segment(value)
    return ".".join(parts)


NOW = int(time.time())
FORGED: dict[str, Callable[[], str]] = {
    "expired": lambda: token(exp=NOW - 60),
    "no expiry": lambda: token(exp=None),
    "expiry as text": lambda: token(exp="never"),
    "issued in the future": lambda: token(iat=NOW + 3600),
    "not issued": lambda: token(iat=None),
    "not valid yet": lambda: token(nbf=NOW + 3600),
    "another audience": lambda: token(aud="https://functions.example/other"),
    "longer audience": lambda: token(aud=AUDIENCE + "/"),
    "no audience": lambda: token(aud=None),
    "audience of another kind": lambda: token(aud={"x": AUDIENCE}),
    "another key": lambda: token(key=OTHER),
    "unknown key id": lambda: token(header={"kid": "k2"}),
    "no key id": lambda: token(header={}),
    "empty key id": lambda: token(header={"kid": ""}),
    "critical extension": lambda: token(header={"kid": "k1", "crit": ["x"], "x": 1}),
    "another algorithm": lambda: token(algorithm="PS256"),
    "another kind of key": lambda: token(key=ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"),
    "alg none": lambda: f"{segment({'alg': 'none', 'kid': 'k1'})}.{token().split('.')[1]}.",
    "alg none, signed": lambda: altered(0, {"alg": "none", "kid": "k1"}),
    "alg missing": lambda: altered(0, {"kid": "k1"}),
    "HS256 with the public key": hs256_with_the_public_key,
    "claims changed": lambda: altered(1, {"iss": ISSUER, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 60}),
    "signature changed": lambda: altered(2, b"x" * 256),
    "signature missing": lambda: token().rpartition(".")[0] + ".",
    "key id of another kind": lambda: altered(0, {"alg": "RS256", "kid": ["k1"]}),
    "a key of its own": lambda: token(key=OTHER, header={"kid": "k1", "jwk": jwk(OTHER)}),
    "keys of its own": lambda: token(key=OTHER, header={"kid": "k9", "jku": "http://127.0.0.1:1/"}),
}


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_token_is_nobodys(forge: Callable[[], str], keys_server: Loopback) -> None:
    """A token is 401 if it is not signed, not for this service or not of this hour, whatever it claims."""
    with pytest.raises(Unauthenticated) as refusal:
        verifier(keys_server).user_or_task(bearing(forge()))
    assert refusal.value.__cause__ is None


def test_another_issuers_token_is_no_tasks(keys_server: Loopback) -> None:
    """The issuer is verified, also where it does not decide how to verify."""
    for issuer in ("https://evil.example", ISSUER + "/", None):
        with pytest.raises(Unauthenticated):
            refresher(keys_server).scheduler_or_task(bearing(token(iss=issuer, aud=REFRESH_URL)))


WRONG_TOKENS: list[tuple[Callable[[], str], dict[str, str]]] = [
    (lambda: token(key=OTHER), {"wrong": "signature"}),
    (lambda: token(header={"kid": "k2"}), {"wrong": "signature"}),
    (
        lambda: token(iss="https://evil.example"),
        {"wrong": "issuer", "expected": ISSUER, "given": "https://evil.example"},
    ),
    (
        lambda: token(aud="https://x.example"),
        {"wrong": "audience", "expected": AUDIENCE, "given": "https://x.example"},
    ),
    (lambda: token(exp=NOW - 60), {"wrong": "time"}),
    (lambda: token(email="b@c.example"), {"wrong": "account", "expected": ACCOUNT, "given": "b@c.example"}),
]


@pytest.mark.parametrize(("forge", "noted"), WRONG_TOKENS, ids=range(len(WRONG_TOKENS)))
def test_the_log_says_what_is_wrong_with_a_tasks_token(
    forge: Callable[[], str], noted: dict[str, str], keys_server: Loopback
) -> None:
    """It names signature, issuer, audience, time or account, and what it should be. No queue signs in."""
    request = bearing(forge())
    with pytest.raises((Unauthenticated, Forbidden)) as refusal:
        verifier(keys_server).user_or_task(request)
    assert request.notes["oidc"] == noted
    assert refusal.value.next_action is None


def test_a_scheduler_without_a_token_is_not_told_to_sign_in(keys_server: Loopback) -> None:
    """Nobody can sign in there."""
    with pytest.raises(Unauthenticated) as refusal:
        refresher(keys_server).scheduler_or_task(carrying(None))
    assert refusal.value.next_action is None


OTHERS: list[dict[str, Any]] = [
    {"email": "other@project.iam.gserviceaccount.example"},
    {"email": ACCOUNT.upper()},
    {"email": None},
    {"email": [ACCOUNT]},
    {"email_verified": None},
    {"email_verified": False},
    {"email_verified": "true"},
    {"email_verified": 1},
]


@pytest.mark.parametrize("claims", OTHERS, ids=str)
def test_another_service_account_is_forbidden(claims: dict[str, Any], keys_server: Loopback) -> None:
    """Google signs tokens of all its customers: Cloud Tasks is the configured account alone."""
    with pytest.raises(Forbidden) as refusal:
        verifier(keys_server).user_or_task(bearing(token(**claims)))
    assert (refusal.value.status, refusal.value.code) == (403, "forbidden")


@pytest.mark.parametrize("variable", ["TASKS_SERVICE_ACCOUNT", "TASKS_AUDIENCE"])
def test_without_configuration_no_task_is_believed(variable: str) -> None:
    """A service that was not told who may call refuses every task, without fetching keys."""
    with loopback(serve_json(JWK_SET)) as server:
        for claims in ({}, {"email": None}, {"email": ""}, {"aud": ""}):
            with pytest.raises(Forbidden):
                verifier(server, **{variable: ""}).user_or_task(bearing(token(**claims)))
    assert server.received == []


# --- Cloud Scheduler, and Cloud Tasks for refreshing --------------------------------------------------------

REFRESH_URL = "https://functions.example/th_refresh_tokens"
SCHEDULER = "123-compute@developer.gserviceaccount.com"
CLOUD = {
    "K_SERVICE": "th-refresh-tokens",
    "TOKEN_KEYS": f"k1:{TOKEN_KEY}",
    "ALLOWED_ORIGINS": "",
    "TASKS_CERTS_URL": "https://keys.example",
}


def stripped(**claims: Any) -> str:
    """Return a token of Google's as Cloud Run passes it on."""
    signed = token(**{"iss": "https://accounts.google.com", "email": SCHEDULER, **claims})
    return signed.rpartition(".")[0] + ".SIGNATURE_REMOVED_BY_GOOGLE"


def on_cloud(**variables: str) -> Callers:
    """Return the checks, as they are on Google Cloud."""
    return Callers(config(**{**CLOUD, **variables}), lambda: pytest.fail("Firebase was asked"))


@pytest.mark.parametrize("email", [SCHEDULER, "tasks@project.iam.gserviceaccount.com"])
@pytest.mark.parametrize("audience", [REFRESH_URL, "https://th-refresh-tokens-x.a.run.app", None])
def test_a_caller_that_cloud_run_has_verified_may_refresh(email: str, audience: str | None) -> None:
    """On Google Cloud a service account needs no signature; its audience is IAM's business."""
    assert on_cloud().scheduler_or_task(bearing(stripped(email=email, aud=audience))) == Scheduler()


NOT_ADMITTED: dict[str, dict[str, Any]] = {
    "expired": {"exp": int(time.time()) - 60},
    "no expiry": {"exp": None},
    "another issuer": {"iss": "https://accounts.google.com.evil.example"},
    "no issuer": {"iss": None},
}


@pytest.mark.parametrize("claims", NOT_ADMITTED.values(), ids=NOT_ADMITTED)
def test_a_token_that_cloud_run_would_have_refused_is_refused(claims: dict[str, Any]) -> None:
    """A token without a signature is 401 if Cloud Run cannot have verified it."""
    with pytest.raises(Unauthenticated):
        on_cloud().scheduler_or_task(bearing(stripped(**claims)))


@pytest.mark.parametrize(
    "claims",
    [
        {"email": "somebody@gmail.com"},
        {"email": "gserviceaccount.com"},
        {"email": "x@evil-gserviceaccount.com"},
        {"email": None},
        {"email": [SCHEDULER]},
        {"email_verified": False},
        {"email_verified": "true"},
    ],
    ids=str,
)
def test_a_person_does_not_refresh(claims: dict[str, Any]) -> None:
    """IAM may have admitted a person, too: only service accounts are accepted."""
    with pytest.raises(Forbidden):
        on_cloud().scheduler_or_task(bearing(stripped(**claims)))


@pytest.mark.parametrize(
    "variables", [{"K_SERVICE": ""}, {"FUNCTIONS_EMULATOR": "true", "K_REVISION": "1"}], ids=str
)
def test_off_the_cloud_a_signature_may_not_be_missing(variables: dict[str, str]) -> None:
    """Where Cloud Run verifies no tokens, one without a signature proves nothing."""
    settings = {"TASKS_SERVICE_ACCOUNT": SCHEDULER, "REFRESH_URL": REFRESH_URL, **variables}
    with pytest.raises(Unauthenticated):
        on_cloud(**settings).scheduler_or_task(bearing(stripped()))


GARBAGE = [
    None,
    "Bearer",
    "Bearer .SIGNATURE_REMOVED_BY_GOOGLE",
    "Bearer SIGNATURE_REMOVED_BY_GOOGLE",
    "Bearer ..SIGNATURE_REMOVED_BY_GOOGLE",
    "Bearer a.b.SIGNATURE_REMOVED_BY_GOOGLE",
    f"Bearer {segment([])}.{segment([])}.SIGNATURE_REMOVED_BY_GOOGLE",
    f"Bearer {segment({'alg': 'RS256'})}.{segment(b'[' * 5000)}.SIGNATURE_REMOVED_BY_GOOGLE",
    f"Bearer {stripped()}.SIGNATURE_REMOVED_BY_GOOGLE",
    f"Basic {stripped()}",
    f"Bearer {stripped().replace('REMOVED', 'removed')}",
    f"Bearer {stripped().rpartition('.')[0]}.",
]


@pytest.mark.parametrize("header", GARBAGE, ids=range(len(GARBAGE)))
def test_what_is_no_token_does_not_refresh(header: str | None, keys_server: Loopback) -> None:
    """A header that holds no token is refused, on the cloud and off it."""
    for callers in (on_cloud(), refresher(keys_server)):
        with pytest.raises((Unauthenticated, Forbidden)) as refusal:
            callers.scheduler_or_task(carrying(header))
        assert refusal.value.__cause__ is None


def refresher(server: Loopback, **variables: str) -> Callers:
    """Return the checks off the cloud, with the URL that tasks for refreshing call."""
    return verifier(server, REFRESH_URL=REFRESH_URL, **variables)


def test_a_signed_token_refreshes_anywhere(keys_server: Loopback) -> None:
    """With its signature, a token of the tasks' account for this function's URL is verified in full."""
    assert refresher(keys_server).scheduler_or_task(bearing(token(aud=REFRESH_URL))) == Scheduler()


@pytest.mark.parametrize("forge", FORGED.values(), ids=FORGED)
def test_a_forged_token_does_not_refresh(forge: Callable[[], str], keys_server: Loopback) -> None:
    """The tokens that publish nothing refresh nothing either."""
    with pytest.raises(Unauthenticated):
        refresher(keys_server).scheduler_or_task(bearing(forge()))


def test_a_token_for_publishing_does_not_refresh(keys_server: Loopback) -> None:
    """Each function's tasks have an audience of their own."""
    with pytest.raises(Unauthenticated):
        refresher(keys_server).scheduler_or_task(bearing(token()))
    with pytest.raises(Unauthenticated):
        refresher(keys_server).user_or_task(bearing(token(aud=REFRESH_URL)))


def test_another_service_accounts_signed_token_does_not_refresh(keys_server: Loopback) -> None:
    """Google signs tokens of all its customers."""
    for claims in OTHERS:
        with pytest.raises(Forbidden):
            refresher(keys_server).scheduler_or_task(bearing(token(aud=REFRESH_URL, **claims)))


@pytest.mark.parametrize("variable", ["TASKS_SERVICE_ACCOUNT", "REFRESH_URL"])
def test_without_configuration_no_signed_token_refreshes(variable: str, keys_server: Loopback) -> None:
    """A service that was not told who may call refuses every signed token."""
    callers = verifier(keys_server, **{"REFRESH_URL": REFRESH_URL, variable: ""})
    tried: list[dict[str, Any]] = [{"aud": REFRESH_URL}, {"aud": ""}, {"aud": REFRESH_URL, "email": ""}]
    for claims in tried:
        with pytest.raises(Forbidden):
            callers.scheduler_or_task(bearing(token(**claims)))


# --- Cloud Scheduler for the upkeep -------------------------------------------------------------------------

UPKEEP_URL = "https://functions.example/th_upkeep"


def test_cloud_scheduler_starts_the_upkeep() -> None:
    """On Google Cloud, Cloud Run has verified it. Elsewhere, a signed token has this function's URL."""
    assert on_cloud().scheduler(bearing(stripped())) == Scheduler()


def test_a_signed_token_for_the_upkeep_starts_nothing_else(keys_server: Loopback) -> None:
    """Each function has an audience of its own. Without a URL, the upkeep has none."""
    callers = refresher(keys_server, UPKEEP_URL=UPKEEP_URL)
    assert callers.scheduler(bearing(token(aud=UPKEEP_URL))) == Scheduler()
    with pytest.raises(Unauthenticated):
        callers.scheduler(bearing(token(aud=REFRESH_URL)))
    with pytest.raises(Unauthenticated):
        callers.scheduler_or_task(bearing(token(aud=UPKEEP_URL)))
    with pytest.raises(Forbidden):
        refresher(keys_server).scheduler(bearing(token(aud=UPKEEP_URL)))


# --- Firebase ID tokens -------------------------------------------------------------------------------------


class Anonymous(credentials.Base):  # type: ignore[misc]
    """A credential that opens nothing."""

    def get_credential(self) -> google.auth.credentials.Credentials:
        """Return anonymous credentials."""
        return google.auth.credentials.AnonymousCredentials()  # type: ignore[no-untyped-call]


@pytest.fixture
def users(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callers]:
    """Return the checks with Firebase's own rules, as in production."""
    monkeypatch.delenv("FIREBASE_AUTH_EMULATOR_HOST", raising=False)
    app = firebase_admin.initialize_app(Anonymous(), {"projectId": "demo"}, name="unit")
    yield Callers(config(TASKS_ISSUER=ISSUER), lambda: app)
    firebase_admin.delete_app(app)


@pytest.fixture
def app_check_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    """Serve a key from this machine instead of App Check's."""
    with loopback(serve_json(JWK_SET)) as server:
        monkeypatch.setattr(module, "APP_CHECK_KEYS", server.url)
        yield server


@pytest.fixture
def guarded(users: Callers, app_check_keys: Loopback) -> Callers:  # noqa: ARG001 - it comes first
    """Return the same checks with App Check."""
    return Callers(config(TASKS_ISSUER=ISSUER, APP_CHECK="on"), users._firebase_app)


FIREBASE: dict[str, Any] = {
    "iss": "https://securetoken.google.com/demo",
    "aud": "demo",
    "sub": "u",
    "iat": NOW,
    "exp": NOW + 60,
}
NESTED = b"[" * 5000
NOT_UTF_8 = b'{"alg": "\xff"}'
SOUND = segment({"alg": "RS256", "kid": "k"})
HEADERS: dict[str, str | None] = {
    "absent": None,
    "empty": "",
    "no token": "Bearer",
    "blank token": "Bearer   ",
    "another scheme": "Basic dTpw",
    "no scheme": token(),
    "no JWT": "Bearer x",
    "two parts": "Bearer a.b",
    "four parts": "Bearer a.b.c.d",
    "empty parts": "Bearer ..",
    "not ASCII": "Bearer é.ü.ö",
    "no base64": "Bearer !.!.!",
    "no JSON": f"Bearer {segment(b'x')}.{segment(b'y')}.xxxx",
    "lists": f"Bearer {segment([])}.{segment([])}.xxxx",
    "nested claims": f"Bearer {SOUND}.{segment(NESTED)}.xxxx",
    "nested header": f"Bearer {segment(NESTED)}.{segment(FIREBASE)}.xxxx",
    "not UTF-8": f"Bearer {segment(NOT_UTF_8)}.{segment(FIREBASE)}.xxxx",
    "unsigned": f"Bearer {segment({'alg': 'none', 'typ': 'JWT'})}.{segment(FIREBASE)}.",
    "HS256": f"Bearer {jwt.encode(FIREBASE, 'x' * 32, 'HS256', {'kid': 'k'})}",
    "a stranger's": f"Bearer {token(iss='https://evil.example')}",
    "no issuer": f"Bearer {token(iss=None)}",
    "no key id": f"Bearer {token(header={}, **FIREBASE)}",
    "another project": f"Bearer {token(**FIREBASE | {'aud': 'other'})}",
    "another issuer": f"Bearer {token(**FIREBASE | {'iss': 'https://securetoken.google.com/other'})}",
    "an issuer of another kind": f"Bearer {SOUND}.{segment({'iss': [ISSUER]})}.xxxx",
}


@pytest.mark.parametrize("header", HEADERS.values(), ids=HEADERS)
@pytest.mark.parametrize("verify", ["user", "user_or_task"])
def test_what_is_no_id_token_is_nobodys(verify: str, header: str | None, users: Callers) -> None:
    """A header that holds no ID token is 401, and causes no call to Google."""
    with pytest.raises(Unauthenticated) as refusal:
        getattr(users, verify)(carrying(header))
    assert (refusal.value.status, refusal.value.next_action) == (401, "sign_in")
    assert refusal.value.__cause__ is None


@pytest.fixture
def googles_certificates(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Serve a certificate from this machine, where firebase-admin looks for Google's."""
    with loopback(serve_json({"k1": pem(KEY), "k0": pem(OTHER)})) as server:
        monkeypatch.setattr(_token_gen, "ID_TOKEN_CERT_URI", server.url)
        yield


def id_token(**changes: Any) -> str:
    """Return a token as Firebase Authentication issues it, with changed claims, key or header."""
    now = int(time.time())
    claims: dict[str, Any] = {"email": None, "email_verified": None, "auth_time": now, "user_id": "u"}
    return token(**{**FIREBASE, "iat": now, "exp": now + 3600, **claims, **changes})


@pytest.mark.usefixtures("googles_certificates")
@pytest.mark.parametrize(
    "changes",
    [{}, {"key": OTHER, "header": {"kid": "k0"}}, {"iat": NOW - 3000}],
    ids=("first", "other", "old"),
)
@pytest.mark.parametrize("verify", ["user", "user_or_task"])
def test_a_sound_id_token_is_its_users(verify: str, changes: dict[str, Any], users: Callers) -> None:
    """A token that one of Google's keys has signed for this project names its user."""
    request = bearing(id_token(**changes))
    assert getattr(users, verify)(request) == User("u")
    assert request.notes == {"uid": "u"}


def signed_by_nobody(algorithm: str) -> str:
    """Return a token that names a key, and has no signature of it."""
    head = segment({"alg": algorithm, "typ": "JWT", "kid": "k1"})
    return f"{head}.{id_token().split('.')[1]}."


def with_claims_of(claims: str, signature: str) -> str:
    """Return a token's claims under another one's signature."""
    head, _, proof = signature.split(".")
    return f"{head}.{claims.split('.')[1]}.{proof}"


FORGED_ID_TOKENS: dict[str, Callable[[], str]] = {
    "another key": lambda: id_token(key=STRANGE),
    "another key's id": lambda: id_token(header={"kid": "k0"}),
    "unknown key id": lambda: id_token(header={"kid": "k2"}),
    "no key id": lambda: id_token(header={}),
    "alg none": lambda: signed_by_nobody("none"),
    "without a signature": lambda: signed_by_nobody("RS256"),
    "claims changed": lambda: with_claims_of(id_token(sub="root"), id_token()),
    "expired": lambda: id_token(iat=NOW - 7200, exp=NOW - 60),
    "no expiry": lambda: id_token(exp=None),
    "not yet issued": lambda: id_token(iat=int(time.time()) + 120),
    "not issued": lambda: id_token(iat=None),
    "another audience": lambda: id_token(aud="other"),
    "another issuer": lambda: id_token(iss="https://securetoken.google.com/other"),
    "an issuer like it": lambda: id_token(iss="https://securetoken.google.com/demo/"),
    "empty sub": lambda: id_token(sub=""),
    "no sub": lambda: id_token(sub=None),
    "long sub": lambda: id_token(sub="u" * 129),
}


@pytest.mark.usefixtures("googles_certificates")
@pytest.mark.parametrize("forge", FORGED_ID_TOKENS.values(), ids=FORGED_ID_TOKENS)
@pytest.mark.parametrize("verify", ["user", "user_or_task"])
def test_a_forged_id_token_is_nobodys(verify: str, forge: Callable[[], str], users: Callers) -> None:
    """A token is 401 unless Google has signed it for this project and this hour, whatever it claims."""
    with pytest.raises(Unauthenticated) as refusal:
        getattr(users, verify)(bearing(forge()))
    assert refusal.value.__cause__ is None


@pytest.mark.usefixtures("googles_certificates")
@pytest.mark.parametrize("uid", ["a/b", ".", "__x__"])
def test_a_user_whose_id_is_no_documents_name_is_forbidden(uid: str, users: Callers) -> None:
    """A user id that would lead to another path in Firestore is refused, although Google has signed it."""
    with pytest.raises(Forbidden):
        users.user(bearing(id_token(sub=uid)))


def test_without_googles_certificates_users_come_again(
    users: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Google's certificates cannot be fetched, a user is neither accepted nor refused."""
    with loopback(always(http(b"", "500 Oops"))) as server:
        monkeypatch.setattr(_token_gen, "ID_TOKEN_CERT_URI", server.url)
        with pytest.raises(ServiceUnavailable):
            users.user(bearing(id_token()))


def test_a_tasks_token_is_no_users(users: Callers) -> None:
    """A function that needs a user refuses a token of Cloud Tasks."""
    with pytest.raises(Unauthenticated):
        users.user(bearing(token()))


# --- Firebase App Check -------------------------------------------------------------------------------------


def app_token(**changes: Any) -> str:
    """Return a token as Firebase App Check issues it, with changed claims, key or header."""
    claims: dict[str, Any] = {
        "iss": "https://firebaseappcheck.googleapis.com/123",
        "aud": ["projects/123", "projects/demo"],
        "sub": "1:123:web:abc",
        "email": None,
        "email_verified": None,
    }
    return token(**{**claims, **changes})


def calling(unverified: str | None, authorization: str | None = None) -> HttpRequest:
    """Return a request with these headers."""
    given = {"X-Firebase-AppCheck": unverified, "Authorization": authorization}
    headers = [(name, value) for name, value in given.items() if value is not None]
    return HttpRequest(Request(EnvironBuilder(headers=headers).get_environ()))


def callers_of_the_app(callers: Callers) -> dict[str, Callable[[HttpRequest], Any]]:
    """Return the checks that a call of the web app passes."""
    return {
        "user": callers.user,
        "user or task": callers.user_or_task,
        "user unless": callers.user_unless(lambda _request: False),
        "sign-in": callers.user_unless(lambda _request: True),
    }


@pytest.mark.usefixtures("googles_certificates")
def test_the_app_is_admitted_with_its_token(guarded: Callers) -> None:
    """A token that App Check has signed for this project opens what the same caller may do without it."""
    for name, check in callers_of_the_app(guarded).items():
        admitted = check(calling(app_token(), f"Bearer {id_token()}"))
        assert admitted == (Visitor() if name == "sign-in" else User("u"))


FORGED_APP_TOKENS: dict[str, Callable[[], str | None]] = {
    "absent": lambda: None,
    "empty": lambda: "",
    "no JWT": lambda: "x",
    "not ASCII": lambda: "é.ü.ö",
    "nested": lambda: f"{segment(NESTED)}.{segment(NESTED)}.xxxx",
    "lists": lambda: f"{segment([])}.{segment([])}.xxxx",
    "an ID token": id_token,
    "another key": lambda: app_token(key=OTHER),
    "unknown key id": lambda: app_token(header={"kid": "k2"}),
    "no key id": lambda: app_token(header={}),
    "alg none": lambda: f"{segment({'alg': 'none', 'typ': 'JWT'})}.{app_token().split('.')[1]}.",
    "another algorithm": lambda: app_token(algorithm="PS256"),
    "expired": lambda: app_token(exp=NOW - 60),
    "another project": lambda: app_token(aud=["projects/999"]),
    "an audience of another kind": lambda: app_token(aud="projects/demo"),
    "no audience": lambda: app_token(aud=None),
    "another issuer": lambda: app_token(iss=ISSUER),
    "no issuer": lambda: app_token(iss=None),
    "no app": lambda: app_token(sub=None),
}


@pytest.mark.usefixtures("googles_certificates")
@pytest.mark.parametrize("forge", FORGED_APP_TOKENS.values(), ids=FORGED_APP_TOKENS)
def test_a_program_that_is_not_the_app_is_refused(forge: Callable[[], str | None], guarded: Callers) -> None:
    """Without a sound App Check token even a signed-in user, or one who wants to sign in, gets nothing."""
    for check in callers_of_the_app(guarded).values():
        with pytest.raises(UnverifiedApp) as refusal:
            check(calling(forge(), f"Bearer {id_token()}"))
        assert (refusal.value.status, refusal.value.code) == (401, "unauthenticated")
        assert "X-Firebase-AppCheck" in refusal.value.message
        assert refusal.value.next_action is None
        assert refusal.value.__cause__ is None


def test_cloud_tasks_needs_no_app_check(keys_server: Loopback) -> None:
    """A task's own token is enough: no app sends it."""
    callers = verifier(keys_server, APP_CHECK="on", REFRESH_URL=AUDIENCE)
    assert callers.user_or_task(bearing(token())) == Task()
    assert callers.scheduler_or_task(bearing(token())) == Scheduler()


def test_without_the_keys_of_app_check_the_app_comes_again(
    users: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the keys cannot be fetched, the app is neither accepted nor refused, and is told so soon."""
    monkeypatch.setattr(signing_keys, "KEYS_TIMEOUT", timedelta(seconds=0.1))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        monkeypatch.setattr(module, "APP_CHECK_KEYS", f"http://127.0.0.1:{silent.getsockname()[1]}")
        guarded = Callers(config(APP_CHECK="on"), users._firebase_app)
        started = time.monotonic()
        for _ in range(20):
            with pytest.raises(ServiceUnavailable):
                guarded.user(calling(app_token(), f"Bearer {id_token()}"))
        assert time.monotonic() - started < 1, "only the first one waits for the keys"
