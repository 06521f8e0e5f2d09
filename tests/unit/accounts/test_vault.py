"""Sealed tokens: they open with their key, at their place, and otherwise fail in one way."""

import base64
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.support import KEY, OTHER_KEY, TOKEN
from threads.accounts.account import StoredAccount
from threads.accounts.vault import Place, SealBroken, Vault, is_seal, key_id
from threads.base.config import read_config
from threads.base.secret import Secret

PLACE = Place("uid", "17841405793187218", "accessToken")


def vault(*, project: str = "project", **keys: str) -> Vault:
    """Return a project's vault with these keys, the newest first."""
    return Vault({kid: Secret(key) for kid, key in keys.items()}, lambda: project)


VAULT = vault(k1=KEY)
SEALED = VAULT.seal(Secret(TOKEN), PLACE)


@given(st.text(), st.builds(Place, st.text(), st.text(), st.text()))
@example("", PLACE)
def test_what_is_sealed_opens_at_its_place(text: str, place: Place) -> None:
    """Any text comes back as it was sealed."""
    assert VAULT.open(VAULT.seal(Secret(text), place), place) == Secret(text)


@given(st.text())
@example("k1:AAAA")
def test_a_seal_is_told_from_what_is_none(text: str) -> None:
    """By its form alone: whether it opens is another question."""
    assert is_seal(VAULT.seal(Secret(text), PLACE))
    assert not is_seal(text)


def test_an_owner_is_known_only_where_the_service_has_sealed_it() -> None:
    """A seal of another account, another user or another field says nothing."""
    owner, token = VAULT.seal_ids({"99", "98"}, "ada", "1"), VAULT.seal_token(Secret("99"), "ada", "1")
    account = StoredAccount("ada", "1", {"sealedThreadsUserId": owner}, None)
    assert (VAULT.sealed_ids(account), VAULT.has_sealed(account)) == (frozenset(["98", "99"]), True)
    for other in (replace(account, uid="bob"), replace(account, account_id="2")):
        assert (VAULT.sealed_ids(other), VAULT.has_sealed(other)) == (frozenset(), False)
    for odd in (token, None, 5, "", "k1:AAAA", {"a": 1}):
        assert not VAULT.sealed_ids(replace(account, fields={"sealedThreadsUserId": odd}))
    assert VAULT.has_sealed(replace(account, fields={"accessToken": token}))
    assert not VAULT.has_sealed(replace(account, fields={"accessToken": owner}))


def test_a_seal_shows_nothing_and_never_repeats() -> None:
    """Sealing the same token twice gives two texts, neither of which has anything of the token in it."""
    again = VAULT.seal(Secret(TOKEN), PLACE)
    assert again != SEALED
    for sealed in (again, SEALED):
        assert sealed.startswith("k1:")
        assert TOKEN[:8].encode() not in base64.urlsafe_b64decode(sealed[3:])


ELSEWHERE: list[tuple[str, Place]] = [
    ("other", PLACE),
    ("project", replace(PLACE, uid="other")),
    ("project", replace(PLACE, name="17841405793187219")),
    ("project", replace(PLACE, field="refreshToken")),
    ("project", replace(PLACE, uid=PLACE.name, name=PLACE.uid)),
    ("projectuid", replace(PLACE, uid="")),
    ('project","uid', replace(PLACE, uid="")),
    ("project", replace(PLACE, uid="uid\ud800")),
]


@pytest.mark.parametrize(("project", "place"), ELSEWHERE, ids=ascii)
def test_a_seal_does_not_open_elsewhere(project: str, place: Place) -> None:
    """A sealed token copied to another project, user, account or field stays closed."""
    with pytest.raises(SealBroken):
        vault(project=project, k1=KEY).open(SEALED, place)


@given(st.lists(st.text(max_size=3), min_size=8, max_size=8))
@example(["a", "b", "c", "", "a", "", "b", "c"])
@example(['a","b', "c", "d", "e", "a", "b", 'c","d', "e"])
@example(["a", "b", "c", "d"] * 2)
def test_two_places_never_look_alike(parts: list[str]) -> None:
    """A seal opens at an equal place of an equal project only, whatever the names are made of."""
    one, other = parts[:4], parts[4:]
    sealed = vault(project=one[0], k1=KEY).seal(Secret(TOKEN), Place(*one[1:]))
    elsewhere = vault(project=other[0], k1=KEY)
    if one == other:
        assert elsewhere.open(sealed, Place(*other[1:])) == Secret(TOKEN)
    else:
        with pytest.raises(SealBroken):
            elsewhere.open(sealed, Place(*other[1:]))


def account(sealed: str | None, *, uid: str = "ada", account_id: str = "1") -> StoredAccount:
    """Return an account whose document has this in the token's place."""
    return StoredAccount(uid, account_id, {} if sealed is None else {"accessToken": sealed}, None)


def test_a_token_is_sealed_for_its_account() -> None:
    """An account's token opens on this account, and on no other."""
    sealed = VAULT.seal_token(Secret(TOKEN), "ada", "1")
    assert VAULT.open_token(account(sealed)) == Secret(TOKEN)
    for other in (account(sealed, uid="bob"), account(sealed, account_id="2")):
        with pytest.raises(SealBroken):
            VAULT.open_token(other)


@pytest.mark.parametrize("sealed", [None, "", TOKEN])
def test_an_account_without_a_token_has_none_to_open(sealed: str | None) -> None:
    """A missing token, and one that was never sealed, are a broken seal like any other."""
    with pytest.raises(SealBroken):
        VAULT.open_token(account(sealed))


def test_what_was_sealed_before_still_opens() -> None:
    """The sealed form is stored: a new version of the service opens what earlier ones have sealed."""
    sealed = "k1:IGqvp1GH4lUbJ_RawUrUjkFeNlhia84sJV_kmexiGx0t-6t1sg=="
    assert VAULT.open(sealed, PLACE) == Secret("THAAtoken")


def test_keys_rotate() -> None:
    """A new key in front seals; what the old one has sealed still opens until the old one is gone."""
    both = vault(k2=OTHER_KEY, k1=KEY)
    assert both.open(SEALED, PLACE) == Secret(TOKEN)
    renewed = both.seal(Secret(TOKEN), PLACE)
    assert renewed.startswith("k2:")
    only_new = vault(k2=OTHER_KEY)
    assert only_new.open(renewed, PLACE) == Secret(TOKEN)
    with pytest.raises(SealBroken):
        only_new.open(SEALED, PLACE)
    with pytest.raises(SealBroken):
        VAULT.open(renewed, PLACE)


def test_a_text_names_its_key() -> None:
    """The id of the key stands in front. A text that was never sealed names no key of ours."""
    both = vault(k2=OTHER_KEY, k1=KEY)
    assert not both.is_newest(SEALED)
    assert VAULT.is_newest(SEALED)
    assert both.is_newest(both.seal(Secret(TOKEN), PLACE))
    assert [key_id(text) for text in (SEALED, "", ":x", TOKEN)] == ["k1", "", "", TOKEN]


def test_a_key_ids_name_alone_opens_nothing() -> None:
    """Another key under the same id does not open, nor does the same key under another's text."""
    with pytest.raises(SealBroken):
        vault(k1=OTHER_KEY).open(SEALED, PLACE)
    with pytest.raises(SealBroken):
        vault(k2=KEY).open(SEALED, PLACE)


RAW = base64.urlsafe_b64decode(SEALED[3:])
GARBAGE = [
    "",
    ":",
    "k1",
    "k1:",
    ":" + SEALED[3:],
    SEALED[3:],
    "K1" + SEALED[2:],
    " " + SEALED,
    "k1:a",
    "k1:AAAA",
    "k1:====",
    "k1:é",
    "k1:\ud800",
    "\ud800:",
    "k1:" + "\x00" * 40,
    SEALED[:-8],
    SEALED[:20],
    "None",
    TOKEN,
    f"k1:{TOKEN}",
    *("k1:" + base64.urlsafe_b64encode(RAW[:size]).decode() for size in (0, 1, 7, 8, 12, 13, 27, 28)),
    "k1:" + base64.urlsafe_b64encode(RAW + b"\0").decode(),
    "k1:" + base64.urlsafe_b64encode(b"\0" + RAW).decode(),
]


@pytest.mark.parametrize("sealed", GARBAGE, ids=range(len(GARBAGE)))
def test_garbage_is_a_broken_seal(sealed: str) -> None:
    """Anything else in a sealed token's place is SealBroken, which says and chains nothing."""
    with pytest.raises(SealBroken) as broken:
        VAULT.open(sealed, PLACE)
    assert (str(broken.value), broken.value.__cause__) == ("", None)


@given(
    st.text() | st.text().map("k1:{}".format) | st.binary().map(base64.urlsafe_b64encode).map("k1:{}".format)
)
def test_any_text_is_a_broken_seal(sealed: str) -> None:
    """No text raises anything but SealBroken."""
    with pytest.raises(SealBroken):
        VAULT.open(sealed, PLACE)


@given(st.integers(0, len(RAW) - 1), st.integers(1, 255))
def test_one_changed_bit_breaks_the_seal(position: int, change: int) -> None:
    """Nonce, ciphertext and tag are all authenticated."""
    changed = bytearray(RAW)
    changed[position] ^= change
    with pytest.raises(SealBroken):
        VAULT.open("k1:" + base64.urlsafe_b64encode(changed).decode(), PLACE)


def test_the_development_key_works() -> None:
    """A service with a Firestore emulator seals without having been given a key."""
    keys = read_config(
        {
            "THREADS_APP_ID": "1",
            "THREADS_APP_SECRET": "s",
            "THREADS_REDIRECT_URI": "https://x.example/th_auth_callback",
            "FIRESTORE_EMULATOR_HOST": "127.0.0.1:1",
        }
    ).token_keys
    local = Vault(keys, lambda: "project")
    assert local.open(local.seal(Secret(TOKEN), PLACE), PLACE) == Secret(TOKEN)
