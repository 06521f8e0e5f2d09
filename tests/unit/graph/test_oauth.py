"""A connection: the address of its window, its calls to Threads, and what their answers mean."""

from datetime import timedelta
from typing import Any

import pytest

from tests.unit.support import SECRET, TOKEN, config, reply
from threads.base.errors import RejectedByThreads, ThreadsError, ThreadsUnavailable
from threads.base.secret import Secret
from threads.graph import oauth
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply

CODE = oauth.AuthorizationCode(Secret("AQB-code_1"))
SHORT = oauth.ShortLivedToken(Secret("short" + TOKEN), "17841405793187218")
LONG = oauth.LongLivedToken(Secret(TOKEN), "bearer", timedelta(days=60))
HTML = b"<html>Sorry</html>"
BOTH = ("threads_basic", "threads_content_publish")

# --- the window ---------------------------------------------------------------------------------------------


def test_the_address_has_the_promised_form() -> None:
    """The five parameters stand in their order, scopes with literal commas, everything else encoded."""
    assert oauth.authorize_url(config(), state="abc-_123", scopes=BOTH) == (
        "https://www.threads.net/oauth/authorize?client_id=1234567890123456"
        "&redirect_uri=https%3A%2F%2Ffunctions.example%2Fth_auth_callback&response_type=code"
        "&scope=threads_basic,threads_content_publish&state=abc-_123"
    )


def test_the_redirect_uri_is_carried_whole() -> None:
    """A callback with a query of its own arrives byte for byte."""
    settings = config(THREADS_REDIRECT_URI="https://functions.example/cb?a=1&b=ü+%20")
    url = oauth.authorize_url(settings, state="s", scopes=BOTH)
    assert "&redirect_uri=https%3A%2F%2Ffunctions.example%2Fcb%3Fa%3D1%26b%3D%C3%BC%2B%2520&" in url


def test_another_window_is_one_setting() -> None:
    """The emulator's window takes the place of Threads' by configuration alone."""
    settings = config(THREADS_AUTHORIZE_URL="http://localhost:9009/oauth/authorize")
    assert oauth.authorize_url(settings, state="s", scopes=BOTH).startswith(
        "http://localhost:9009/oauth/authorize?c"
    )


# --- requests -----------------------------------------------------------------------------------------------


def test_the_code_is_exchanged_by_form() -> None:
    """The code and both of the app's credentials travel in a form to the versionless endpoint."""
    request = oauth.code_exchange_request(config(), CODE)
    assert (request.step, request.method, request.path) == (Step.EXCHANGE_CODE, "POST", "/oauth/access_token")
    assert request.form == {
        "client_id": "1234567890123456",
        "client_secret": SECRET,
        "grant_type": "authorization_code",
        "redirect_uri": "https://functions.example/th_auth_callback",
        "code": "AQB-code_1",
    }
    assert not request.query
    assert (request.token, request.versioned) == (None, False)


def test_the_token_is_exchanged_as_meta_wants_it() -> None:
    """The exchange for a long-lived token is the one call whose secrets stand in the query: Meta's form."""
    request = oauth.token_exchange_request(config(), SHORT)
    assert (request.step, request.method, request.path) == (Step.EXCHANGE_TOKEN, "GET", "/access_token")
    assert request.query == {
        "grant_type": "th_exchange_token",
        "client_secret": SECRET,
        "access_token": SHORT.secret.reveal(),
    }
    assert (request.form, request.versioned) == (None, False)


@pytest.mark.parametrize(
    ("extra", "fields"),
    [
        ((), "id,username,name,threads_profile_picture_url"),
        (("threads_biography",), "id,username,name,threads_profile_picture_url,threads_biography"),
        (("name", "is_verified"), "id,username,name,threads_profile_picture_url,is_verified"),
    ],
)
def test_the_profile_is_asked_with_the_token_in_its_header(extra: tuple[str, ...], fields: str) -> None:
    """The profile is asked for once with all its fields, each once; the token is not part of the URL."""
    request = oauth.profile_request(LONG.secret, extra)
    assert (request.step, request.method, request.path) == (Step.READ_PROFILE, "GET", "/me")
    assert request.query == {"fields": fields}
    assert request.token == Secret(TOKEN)
    assert request.versioned


def test_no_request_or_value_shows_its_secrets() -> None:
    """Requests, codes and tokens can be printed by mistake without giving anything away."""
    shown = repr(
        [
            CODE,
            SHORT,
            LONG,
            oauth.code_exchange_request(config(), CODE),
            oauth.token_exchange_request(config(), SHORT),
            oauth.profile_request(LONG.secret),
            oauth.grants_request(LONG.secret),
        ]
    )
    assert not [secret for secret in (SECRET, TOKEN, "AQB-code_1") if secret in shown]


# --- the code -----------------------------------------------------------------------------------------------

CODES: dict[str, str | None] = {
    "AQB-code_1": "AQB-code_1",
    "AQB-code_1#_": "AQB-code_1",
    "AQB#_code": "AQB#_code",
    "AQB#": "AQB#",
    "a" * 4096: "a" * 4096,
    "a" * 4097: None,
    "": None,
    "#_": None,
    "é": None,
    "a\nb": None,
    "a\x00": None,
    "\ud800": None,
}


@pytest.mark.parametrize(("given", "expected"), CODES.items(), ids=[ascii(code)[:20] for code in CODES])
def test_the_code_loses_the_fragment_of_threads(given: str, expected: str | None) -> None:
    """A code is taken without the ``#_`` of Threads' redirect; what cannot be a code is none."""
    code = oauth.validate_code(given)
    assert (code.secret.reveal() if code else None) == expected


# --- the short-lived token ----------------------------------------------------------------------------------

BIG = 17841405793187218
"""Beyond 2^53: a reader that converts it to a float makes 17841405793187220 of it."""


@pytest.mark.parametrize("user_id", [BIG, str(BIG), 1])
def test_the_user_id_keeps_every_digit(user_id: object) -> None:
    """The bare integer that Threads sends becomes a text without losing its end."""
    token = oauth.read_short_lived_token(reply(200, {"access_token": TOKEN, "user_id": user_id}))
    assert (token.secret.reveal(), token.user_id) == (TOKEN, str(user_id))


def test_a_float_is_not_taken_for_an_id() -> None:
    """An id that has lost digits already is refused."""
    with pytest.raises(ThreadsUnavailable):
        oauth.read_short_lived_token(reply(200, b'{"access_token": "x", "user_id": 1.7841405793187218e16}'))


NO_IDS: list[Any] = [None, True, -1, 1.5, "", "me", "1/2", [1], {}]
TOKEN_ANSWERS: list[Any] = [
    {},
    {"access_token": TOKEN},
    {"user_id": BIG},
    {"access_token": "", "user_id": BIG},
    {"access_token": None, "user_id": BIG},
    {"access_token": 5, "user_id": BIG},
    {"access_token": [TOKEN], "user_id": BIG},
    *({"access_token": TOKEN, "user_id": value} for value in NO_IDS),
    {"data": {"access_token": TOKEN, "user_id": BIG}},
    [{"access_token": TOKEN, "user_id": BIG}],
    HTML,
    b"",
    b'{"access_token": "' + TOKEN.encode(),
]


@pytest.mark.parametrize("body", TOKEN_ANSWERS, ids=range(len(TOKEN_ANSWERS)))
def test_an_answer_without_token_or_user_is_no_answer(body: object) -> None:
    """What is not a token with its user is trouble of Threads, and the error holds none of it."""
    with pytest.raises(ThreadsUnavailable) as failure:
        oauth.read_short_lived_token(reply(200, body))
    assert TOKEN[:12] not in repr((failure.value, failure.value.evidence, failure.value.as_json()))


def test_a_used_code_is_refused_for_good() -> None:
    """The token endpoint's own envelope is understood: a code works once."""
    text = "Matching code was not found or was already used"
    with pytest.raises(RejectedByThreads, match=text) as failure:
        oauth.read_short_lived_token(
            reply(400, {"error_type": "OAuthException", "code": 400, "error_message": text})
        )
    assert failure.value.evidence
    assert failure.value.evidence.step == Step.EXCHANGE_CODE


# --- the long-lived token -----------------------------------------------------------------------------------

LONG_LIVED = {"access_token": TOKEN, "token_type": "bearer", "expires_in": 5183944}


def test_a_long_lived_token_has_its_term() -> None:
    """Token, type and seconds are read; a missing type is bearer."""
    token = oauth.read_long_lived_token(reply(200, LONG_LIVED))
    assert (token.secret.reveal(), token.token_type) == (TOKEN, "bearer")
    assert token.expires_in == timedelta(seconds=5183944)
    assert oauth.read_long_lived_token(reply(200, LONG_LIVED | {"token_type": None})).token_type == "bearer"


@pytest.mark.parametrize("term", ["5183944", 5183944.0, "5183944.5", " 5183944 "])
def test_a_term_is_read_in_whatever_form_it_comes(term: object) -> None:
    """A text or a float says the same as a whole number."""
    token = oauth.read_refreshed_token(reply(200, LONG_LIVED | {"expires_in": term}))
    assert (token.expires_in, token.is_lifetime_known) == (timedelta(seconds=5183944), True)


ODD_TERMS: list[Any] = [
    *(None, True, False, "", "soon", "nan", "inf", "1e400", -1, 0, 0.5, 10**12, 10**400, [1], {})
]


@pytest.mark.parametrize(
    "body",
    [*(LONG_LIVED | {"expires_in": term} for term in ODD_TERMS), {"access_token": TOKEN}],
    ids=lambda body: ascii(body)[-40:],
)
def test_a_token_is_not_thrown_away_for_its_term(body: object) -> None:
    """Without a believable term it counts as Meta's sixty days, and says that nobody has said so."""
    for read in (oauth.read_long_lived_token, oauth.read_refreshed_token):
        token = read(reply(200, body))
        assert token.secret.reveal() == TOKEN
        assert (token.expires_in, token.is_lifetime_known) == (timedelta(days=60), False)


@pytest.mark.parametrize(
    "body",
    [
        {"expires_in": 1},
        LONG_LIVED | {"access_token": ""},
        LONG_LIVED | {"access_token": 1},
        {"data": LONG_LIVED},
        HTML,
    ],
    ids=lambda body: ascii(body)[-40:],
)
def test_an_answer_without_a_token_is_no_answer(body: object) -> None:
    """There is nothing to store."""
    with pytest.raises(ThreadsUnavailable) as failure:
        oauth.read_long_lived_token(reply(200, body))
    assert failure.value.evidence
    assert failure.value.evidence.step == Step.EXCHANGE_TOKEN
    assert TOKEN[:12] not in failure.value.evidence.excerpt


# --- the profile --------------------------------------------------------------------------------------------

PICTURE = "https://scontent.example/p.jpg?x=1"
PROFILES: list[tuple[dict[str, Any], tuple[str, str, str | None]]] = [
    (
        {"name": "Ada L.", "username": "ada", "threads_profile_picture_url": PICTURE},
        ("Ada L.", "ada", PICTURE),
    ),
    ({"username": "ada"}, ("ada", "ada", None)),
    ({"name": "Ada L."}, ("Ada L.", "Ada L.", None)),
    ({"name": "", "username": "ada", "threads_profile_picture_url": ""}, ("ada", "ada", None)),
    ({"name": None, "username": "ada", "threads_profile_picture_url": None}, ("ada", "ada", None)),
    ({}, (str(BIG), str(BIG), None)),
    ({"name": "Ада 🦊", "username": "ada", "threads_profile_picture_url": 5}, ("Ада 🦊", "ada", None)),
    ({"name": {"first": "Ada"}, "username": "ada"}, ("ada", "ada", None)),
    ({"name": "🦊" * 10_000, "username": "a" * 10_000}, ("🦊" * 100, "a" * 100, None)),
    ({"name": " Ada\n\tL. ", "username": ["ada"]}, ("Ada L.", "Ada L.", None)),
    ({"username": "ada", "threads_profile_picture_url": "javascript:alert(1)"}, ("ada", "ada", None)),
    ({"username": "ada", "threads_profile_picture_url": "https://" + "p" * 900_000}, ("ada", "ada", None)),
]


@pytest.mark.parametrize(("given", "expected"), PROFILES)
def test_a_missing_name_is_the_other_one(
    given: dict[str, Any], expected: tuple[str, str, str | None]
) -> None:
    """Display name and user name stand in for each other, and the id for both."""
    for profile_id in (BIG, str(BIG)):
        profile = oauth.read_profile(reply(200, {"id": profile_id, **given}))
        assert (profile.display_name, profile.username, profile.avatar_url) == expected
        assert profile.id == str(BIG)


def test_only_the_fields_that_were_asked_for_are_kept() -> None:
    """Of further fields those are kept that the app asked for, as Threads sent them."""
    answer = reply(
        200, {"id": "1", "username": "a", "threads_biography": "hi", "is_verified": False, "more": 1}
    )
    wanted = ("threads_biography", "is_verified", "is_eligible_for_geo_gating", "username")
    assert oauth.read_profile(answer, wanted).extra == {"threads_biography": "hi", "is_verified": False}
    assert oauth.read_profile(answer).extra == {}


@pytest.mark.parametrize(
    "body",
    [{}, {"id": None}, {"id": True}, {"id": "me"}, {"id": "1/2"}, {"data": {"id": "1"}}, HTML, b"", []],
)
def test_a_profile_without_an_id_is_none(body: object) -> None:
    """Nothing is stored under an id that Threads did not give."""
    with pytest.raises(ThreadsUnavailable):
        oauth.read_profile(reply(200, body))


@pytest.mark.parametrize("name", ["name", "username", "threads_biography"])
def test_what_is_kept_of_a_profile_can_be_stored(name: str) -> None:
    """Half of a surrogate pair, which neither Firestore nor UTF-8 can hold, does not get out of a profile."""
    answer = GraphReply(200, body=rb'{"id": "1", "%s": "x\ud83d"}' % name.encode())
    try:
        profile = oauth.read_profile(answer, ["threads_biography"])
    except ThreadsError:
        return
    for text in (profile.display_name, profile.username, *profile.extra.values()):
        assert text.encode()


# --- what was granted ---------------------------------------------------------------------------------------

ASKED = ("threads_basic", "threads_content_publish", "threads_delete")


def test_a_token_is_asked_about_itself_as_meta_wants_it() -> None:
    """The question about a token carries it twice, in the query: Meta's form."""
    request = oauth.grants_request(LONG.secret)
    assert (request.step, request.method, request.path) == (Step.READ_GRANTS, "GET", "/debug_token")
    assert request.query == {"input_token": TOKEN, "access_token": TOKEN}
    assert (request.token, request.versioned) == (None, True)


def grants(scopes: object, **more: Any) -> GraphReply:
    """Return what Threads says about a token."""
    return reply(200, {"data": {"type": "USER", "is_valid": True, "scopes": scopes, **more}})


GRANTED: list[tuple[list[Any], tuple[str, ...], tuple[str, ...]]] = [
    ([*ASKED], ASKED, ()),
    (["threads_delete", "threads_basic"], ("threads_basic", "threads_delete"), ("threads_content_publish",)),
    (["threads_basic"], ("threads_basic",), ("threads_content_publish", "threads_delete")),
    ([*ASKED, "threads_read_replies"], (*ASKED[:2], "threads_read_replies", "threads_delete"), ()),
    (["threads_basic", "new_scope", 7, None, {}, []], ("threads_basic",), ASKED[1:]),
]


@pytest.mark.parametrize(("said", "granted", "refused"), GRANTED, ids=range(len(GRANTED)))
def test_what_was_not_granted_is_told(
    said: list[Any], granted: tuple[str, ...], refused: tuple[str, ...]
) -> None:
    """The scopes of a token are read, and what of the asked ones it lacks; unknown ones are nothing."""
    found = oauth.read_grants(grants(said), ASKED)
    assert set(found.granted or ()) == set(granted)
    assert found.refused == refused


@pytest.mark.parametrize("user_id", ["17841405793187218", 17841405793187218])
def test_it_is_read_whose_token_it_is(user_id: object) -> None:
    """Threads' id of the owner is a text here, whatever it is there."""
    assert oauth.read_grants(grants([*ASKED], user_id=user_id), ASKED).user_id == "17841405793187218"
    assert oauth.read_grants(grants([*ASKED], user_id="../x"), ASKED).user_id is None


def test_what_was_refused_is_refused() -> None:
    """A valid token with no scope at all is one whose owner has allowed nothing."""
    found = oauth.read_grants(grants([]), ASKED)
    assert (found.granted, found.refused) == ((), ASKED)


@pytest.mark.parametrize(
    "answer",
    [
        grants(None),
        grants("threads_basic"),
        grants({"threads_basic": True}),
        grants(["unheard_of"]),
        grants(["threads_basic"], is_valid=None),
        reply(200, {"data": {"scopes": ["threads_basic"]}}),
    ],
    ids=lambda answer: ascii(answer.body)[-40:],
)
def test_what_threads_has_not_said_is_unknown(answer: GraphReply) -> None:
    """Nothing counts as granted or refused that nobody has said."""
    found = oauth.read_grants(answer, ASKED)
    assert (found.granted, found.refused, found.is_valid) == (None, (), True)


def test_a_token_that_is_not_valid_is_told_from_one_that_works() -> None:
    """Threads says this of a token which it has just issued, too."""
    assert not oauth.read_grants(grants([], is_valid=False), ASKED).is_valid


@pytest.mark.parametrize(
    "answer",
    [
        reply(200, {"data": ["threads_basic"]}),
        reply(200, {"data": None}),
        reply(200, {"scopes": ["threads_basic"], "is_valid": True}),
        reply(200, {}),
        reply(500, {"data": {"is_valid": True, "scopes": ["threads_basic"]}}),
        reply(400, {"error": {"code": 100, "message": "no"}}),
        reply(200, HTML),
        GraphReply(0, failure="Timeout"),
    ],
    ids=lambda answer: ascii(answer.body)[-40:],
)
def test_an_answer_that_says_nothing_about_scopes_is_none(answer: GraphReply) -> None:
    """What does not list the scopes of a living token is trouble of Threads, and never "no scope"."""
    with pytest.raises(ThreadsError) as failure:
        oauth.read_grants(answer, ASKED)
    assert failure.value.evidence
    assert failure.value.evidence.step == Step.READ_GRANTS
