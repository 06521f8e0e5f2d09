"""Links and their handles: only a code leads to one, and only the vault to the code in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support import OTHER_KEY
from tests.unit.windows import CODE, Windows
from threads.auth_link import CODE_FIELD, LINK_LIFETIME, handle_of, is_handle_of, is_link, open_code
from threads.documents import Found
from threads.errors import InvalidHandle
from threads.oauth import AuthorizationCode
from threads.vault import Vault
from threads.wire import Secret, is_document_id

TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)


def code(value: str = CODE) -> AuthorizationCode:
    """Return a code."""
    return AuthorizationCode(Secret(value))


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_state_and_code_make_one_handle_and_nothing_else_makes_it(
    state: str, value: str, other_state: str, other_value: str
) -> None:
    """The same two texts make the same handle, which is a document's name; others make another."""
    handle = handle_of(state, code(value))
    assert handle == handle_of(state, code(value))
    assert is_handle_of(handle, state, code(value))
    assert is_document_id(handle)
    assert len(handle) == 43
    if (other_state, other_value) != (state, value):
        assert not is_handle_of(handle, other_state, code(other_value))


@given(TEXTS, TEXTS)
def test_a_handle_tells_nothing_of_what_made_it(state: str, value: str) -> None:
    """Neither state nor code shows in a handle, nor is it the plain digest of either."""
    handle = handle_of(state, code(value))
    assert handle not in {state, value}
    assert handle != handle_of(value, code(state)) or state == value


def test_a_link_keeps_the_code_where_only_the_vault_finds_it() -> None:
    """The code stands nowhere in clear, and comes back out of its link."""
    world = Windows(CONNECT_MODE="confirm")
    handle = world.linked()
    link = world.states.documents[handle]
    assert is_link(link)
    assert CODE not in world.stored()
    assert open_code(world.tools, link).secret.reveal() == CODE
    assert link.fields["expiresAt"] - link.fields["createdAt"] == LINK_LIFETIME


def test_a_sealed_code_opens_in_its_own_link_only() -> None:
    """A code that is copied to another link or user does not open; nor one whose key is gone."""
    world = Windows(CONNECT_MODE="confirm")
    link = world.states.documents[world.linked()]
    other = world.states.documents[world.linked("bob")]
    sealed = {CODE_FIELD: link.fields[CODE_FIELD]}
    for copy in (
        Found(other.id, {**other.fields, **sealed}, 1),
        link._replace(id=other.id),
        link._replace(fields={**link.fields, "uid": "bob"}),
        link._replace(fields={**link.fields, CODE_FIELD: None}),
    ):
        with pytest.raises(InvalidHandle):
            open_code(world.tools, copy)
    world.vault = Vault({"other": Secret(OTHER_KEY)})
    with pytest.raises(InvalidHandle):
        open_code(world.tools, link)
