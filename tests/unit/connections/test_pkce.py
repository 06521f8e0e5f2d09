"""Verifier and challenge: the proof that a sign-in is ended by the page that has begun it."""

import pytest

from threads.connections.pkce import is_answered, is_challenge, is_verifier

VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
"""The example of RFC 7636, appendix B."""


def test_the_example_of_the_rfc_is_understood() -> None:
    """A challenge is answered by the verifier that it was made of, as RFC 7636 makes it."""
    assert is_verifier(VERIFIER)
    assert is_challenge(CHALLENGE)
    assert is_answered(CHALLENGE, VERIFIER)


@pytest.mark.parametrize("other", ["", "x", VERIFIER[:-1], VERIFIER + "a", VERIFIER.lower(), CHALLENGE, "é"])
def test_nothing_else_answers_a_challenge(other: str) -> None:
    """Another text is not the verifier, whatever it looks like, and the challenge itself is none."""
    assert not is_answered(CHALLENGE, other)


def test_a_challenge_without_digest_is_answered_by_nothing() -> None:
    """The method "plain", where the verifier is its own challenge, does not exist here."""
    assert not is_answered(VERIFIER, VERIFIER)
    assert not is_answered("", "")


@pytest.mark.parametrize("text", ["", "a" * 42, "a" * 129, "a" * 42 + "+", "a" * 43 + "\n", "é" * 43])
def test_what_is_no_verifier_is_told(text: str) -> None:
    """A verifier has 43 to 128 unreserved characters."""
    assert not is_verifier(text)
    assert is_verifier("a" * 43)
    assert is_verifier("a.~_-" * 25 + "abc")


@pytest.mark.parametrize("text", ["", "a" * 42, "a" * 44, "a" * 42 + "=", "a" * 42 + ".", "a" * 43 + "\n"])
def test_what_is_no_challenge_is_told(text: str) -> None:
    """A challenge has the 43 characters of a SHA-256 in base64url, without padding."""
    assert not is_challenge(text)
