"""Sealed tokens: they open with their key, at their place, and otherwise fail in one way."""

import base64
from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.support import KEY, OTHER_KEY, TOKEN
from threads.config import read_config
from threads.vault import Place, SealBroken, Vault, key_id
from threads.wire import Secret

PLACE = Place("project", "uid", "17841405793187218", "accessToken")
VAULT = Vault({"k1": Secret(KEY)})
SEALED = VAULT.seal(Secret(TOKEN), PLACE)


@given(st.text(), st.builds(Place, st.text(), st.text(), st.text(), st.text()))
@example("", PLACE)
def test_what_is_sealed_opens_at_its_place(text: str, place: Place) -> None:
    """Any text comes back as it was sealed."""
    assert VAULT.open(VAULT.seal(Secret(text), place), place) == Secret(text)


def test_a_seal_shows_nothing_and_never_repeats() -> None:
    """Sealing the same token twice gives two texts, neither of which has anything of the token in it."""
    again = VAULT.seal(Secret(TOKEN), PLACE)
    assert again != SEALED
    for sealed in (again, SEALED):
        assert sealed.startswith("k1:")
        assert TOKEN[:8].encode() not in base64.urlsafe_b64decode(sealed[3:])


ELSEWHERE = [
    replace(PLACE, project="other"),
    replace(PLACE, uid="other"),
    replace(PLACE, account_id="17841405793187219"),
    replace(PLACE, field="refreshToken"),
    replace(PLACE, uid=PLACE.account_id, account_id=PLACE.uid),
    replace(PLACE, project="projectuid", uid=""),
    replace(PLACE, project='project","uid', uid=""),
    replace(PLACE, uid="uid\ud800"),
]


@pytest.mark.parametrize("place", ELSEWHERE, ids=ascii)
def test_a_seal_does_not_open_elsewhere(place: Place) -> None:
    """A sealed token copied to another project, user, account or field stays closed."""
    with pytest.raises(SealBroken):
        VAULT.open(SEALED, place)


@given(st.lists(st.text(max_size=3), min_size=8, max_size=8))
@example(["a", "b", "c", "", "a", "", "b", "c"])
@example(['a","b', "c", "d", "e", "a", "b", 'c","d', "e"])
def test_two_places_never_look_alike(parts: list[str]) -> None:
    """What is authenticated is equal for equal places only, whatever the names are made of."""
    one, other = Place(*parts[:4]), Place(*parts[4:])
    assert (one.associated_data() == other.associated_data()) is (one == other)


def test_keys_rotate() -> None:
    """A new key in front seals; what the old one has sealed still opens until the old one is gone."""
    both = Vault({"k2": Secret(OTHER_KEY), "k1": Secret(KEY)})
    assert both.open(SEALED, PLACE) == Secret(TOKEN)
    renewed = both.seal(Secret(TOKEN), PLACE)
    assert renewed.startswith("k2:")
    only_new = Vault({"k2": Secret(OTHER_KEY)})
    assert only_new.open(renewed, PLACE) == Secret(TOKEN)
    with pytest.raises(SealBroken):
        only_new.open(SEALED, PLACE)
    with pytest.raises(SealBroken):
        VAULT.open(renewed, PLACE)


def test_a_text_names_its_key() -> None:
    """Which key has sealed a text is told without opening it; what is none of ours was not sealed last."""
    both = Vault({"k2": Secret(OTHER_KEY), "k1": Secret(KEY)})
    assert not both.is_newest(SEALED)
    assert VAULT.is_newest(SEALED)
    assert both.is_newest(both.seal(Secret(TOKEN), PLACE))
    assert [key_id(text) for text in (SEALED, "", ":x", TOKEN)] == ["k1", "", "", TOKEN]


def test_a_key_ids_name_alone_opens_nothing() -> None:
    """Another key under the same id does not open, nor does the same key under another's text."""
    with pytest.raises(SealBroken):
        Vault({"k1": Secret(OTHER_KEY)}).open(SEALED, PLACE)
    with pytest.raises(SealBroken):
        Vault({"k2": Secret(KEY)}).open(SEALED, PLACE)


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
    """Whatever stands where a sealed token should be is SealBroken, which says and chains nothing."""
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
    """A service on this machine seals without having been given a key."""
    keys = read_config(
        {
            "THREADS_APP_ID": "1",
            "THREADS_APP_SECRET": "s",
            "THREADS_REDIRECT_URI": "https://x.example/th_auth_callback",
        }
    ).token_keys
    assert Vault(keys).open(Vault(keys).seal(Secret(TOKEN), PLACE), PLACE) == Secret(TOKEN)
