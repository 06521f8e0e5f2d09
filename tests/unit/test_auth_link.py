"""Links and their handles: only a code leads to one, and only the vault to the code in it."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support import OTHER_KEY
from tests.unit.windows import CODE, Windows
from threads.auth_link import CODE_FIELD, LINK_LIFETIME, handle_of, is_handle, is_link, link_id, open_code
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
    """The same two texts make the same handle and link, whose name is a document's; others make others."""
    handle = handle_of(state, code(value))
    assert handle == handle_of(state, code(value))
    assert is_handle(handle)
    assert is_document_id(link_id(handle))
    if (other_state, other_value) != (state, value):
        other = handle_of(other_state, code(other_value))
        assert other != handle
        assert link_id(other) != link_id(handle)


@given(TEXTS, TEXTS)
def test_a_handle_tells_nothing_of_what_made_it(state: str, value: str) -> None:
    """Neither state nor code shows in a handle, nor a handle in its link's name, which is none itself."""
    handle = handle_of(state, code(value))
    assert handle not in {state, value}
    assert handle != handle_of(value, code(state)) or state == value
    assert link_id(handle) == hashlib.sha256(handle.encode()).hexdigest()
    assert not is_handle(link_id(handle))


def test_a_link_keeps_the_code_where_only_the_vault_finds_it() -> None:
    """The code stands nowhere in clear, and comes back out of its link."""
    world = Windows(CONNECT_MODE="confirm")
    handle = world.linked()
    link = world.link(handle)
    assert is_link(link)
    assert CODE not in world.stored()
    assert open_code(world.tools, link).secret.reveal() == CODE
    assert link.fields["expiresAt"] - link.fields["createdAt"] == LINK_LIFETIME


def test_the_database_holds_no_handle() -> None:
    """Whoever reads all documents, with their names, finds nothing to finish a connection with."""
    world = Windows(CONNECT_MODE="confirm")
    handle = world.linked()
    assert handle not in world.stored()
    assert link_id(handle) in world.stored()


@pytest.mark.parametrize("change", [{"kind": None}, {"kind": "state"}, {"provider": "instagram"}])
def test_what_lies_beside_is_no_link(change: dict[str, str | None]) -> None:
    """Neither a state nor another provider's link in the same collection is one of ours."""
    world = Windows(CONNECT_MODE="confirm")
    link = world.link(world.linked())
    assert is_link(link)
    assert not is_link(link._replace(fields={**link.fields, **change}))


def test_a_sealed_code_opens_in_its_own_link_only() -> None:
    """A code that is copied to another link or user does not open; nor one whose key is gone."""
    world = Windows(CONNECT_MODE="confirm")
    link, other = world.link(world.linked()), world.link(world.linked("bob"))
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
