"""Secrets do not show themselves, and are hidden in every text that is shown."""

import json
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.support import TOKEN
from threads.base.secret import Secret, redacted


def test_a_secret_never_shows() -> None:
    """No way of making a text out of a secret, or of what holds it, gives it away."""
    secret = Secret(TOKEN)
    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>40}",
        "{}".format(secret),  # noqa: UP032 - the way is the point
        "%s %r" % (secret, secret),  # noqa: UP031 - the way is the point
        format(secret),
        f"{[secret]} { ({'a': secret}) }",
        json.dumps({"a": secret}, default=str),
        str(ValueError(secret)),
    ]
    assert not [text for text in shown if TOKEN[:8] in text]
    assert secret.reveal() == TOKEN


HIDING = [
    f'{{"access_token": "{TOKEN}", "user_id": 1}}',
    '{"access_token":"short1"}',
    '{"client_secret" : "0123456789abcdef"}',
    "client_secret=0123456789abcdef&grant_type=x",
    "GET /access_token?grant_type=th_exchange_token&access_token=abcdef123",
    f"Authorization: Bearer {TOKEN}",
    "authorization: bearer x.y.z",
    "code=AQBx-qnnZ_#_",
    "?state=abcdefgh&code=ijklmnop",
    '{"input_token": "abcdef123"}',
    "signed_request=abcdef.ghijkl",
    f"the token {TOKEN} was refused",
    "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJl",
    f"x|{TOKEN}|y",
    "THQW%7Cabcdefghijklmnopqrstuvwxyz0123456789",
]
PLANTED = (
    TOKEN[:12],
    "short1",
    "0123456789abcdef",
    "abcdef123",
    "x.y.z",
    "AQBx-qnnZ_",
    "abcdefgh",
    "eyJzdWIi",
)


@pytest.mark.parametrize("text", HIDING)
def test_secrets_are_hidden_in_any_dress(text: str) -> None:
    """Tokens, codes, states and secrets do not survive redaction, in whatever notation they stand."""
    shown = redacted(text)
    assert "[hidden]" in shown
    assert not [secret for secret in PLANTED if secret in shown]


READABLE = [
    "Matching code was not found or was already used",
    "The requested resource does not exist",
    "An unexpected error has occurred. Please retry your request later.",
    "Error validating access token: Session has expired on Friday, 01-Aug-25 10:00:00 PDT.",
    "(#10) Application does not have permission for this action",
    "Param text must be at most 500 characters long.",
    "FAILED_PROCESSING_VIDEO",
    "INVALID_AUDIO_CHANNEL_LAYOUT",
    "THREADS_API__LINK_LIMIT_EXCEEDED",
    '{"error":{"message":"no","type":"OAuthException","code":190,"fbtrace_id":"AbCdEf0123_x-y"}}',
    '{"error":{"code":24,"error_subcode":4279009,"is_transient":false}}',
    "Здравствуйте, это обычное предложение без секретов",
    "https://developers.facebook.com/docs/threads/posts",
]


@pytest.mark.parametrize("text", READABLE)
def test_ordinary_words_stay_readable(text: str) -> None:
    """What Threads says to people, and its words for errors, stay as they are."""
    assert redacted(text) == text


@pytest.mark.parametrize("limit", [1, 20, 300])
@pytest.mark.parametrize("text", ["word " * 1000, "x" * 5000, "ß" * 5000])
def test_what_is_shown_is_short(text: str, limit: int) -> None:
    """An excerpt is never longer than its limit."""
    assert len(redacted(text, limit=limit)) <= limit


@given(st.integers(0, 1300), st.sampled_from([10, 60, 300]))
@example(1180, 300)
def test_a_cut_leaves_no_piece_of_a_token(before: int, limit: int) -> None:
    """A token is hidden whole wherever the excerpt ends, also when much before it was hidden as well."""
    filler = ("a" * 40 + " ") * (before // 41) + " " * (before % 41)
    assert TOKEN[:8] not in redacted(f"{filler}{TOKEN} end", limit=limit)


@pytest.mark.parametrize(
    "unit", ["A", "a", "A_", "code", "code=", "bearer ", "Bearer", " ", "a.", "%", "state=x"]
)
def test_hiding_secrets_takes_time_in_proportion(unit: str) -> None:
    """However a text repeats itself, eight times as much takes about eight times as long, not sixty-four."""

    def seconds(length: int) -> float:
        text = (unit * length)[:length]
        began = time.process_time()
        redacted(text)
        return time.process_time() - began

    assert seconds(64_000) < 24 * seconds(8_000) + 0.1
