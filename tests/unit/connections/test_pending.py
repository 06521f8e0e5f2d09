"""Pending connections and their handles: only a code leads to one, and only the vault to the code in it."""

import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.support import OTHER_KEY
from tests.unit.windows import CODE, Windows
from tests.unit.world import PROJECT
from threads.accounts.vault import Vault
from threads.base.errors import InvalidHandle
from threads.base.secret import Secret
from threads.base.validation import is_document_id
from threads.connections.pending import PENDING_LIFETIME, handle_of, is_handle, open_code, pending_id
from threads.connections.states import PendingConnection
from threads.graph.oauth import AuthorizationCode

TEXTS = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)


def code(value: str = CODE) -> AuthorizationCode:
    """Return a code."""
    return AuthorizationCode(Secret(value))


def read(world: Windows, handle: str) -> PendingConnection:
    """Return the pending connection that a handle leads to."""
    pending = world.connections.repository.read_pending(pending_id(handle))
    assert pending
    return pending


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_state_and_code_make_one_handle_and_nothing_else_makes_it(
    state: str, value: str, other_state: str, other_value: str
) -> None:
    """The same two texts make the same handle and the same document's id; others make others."""
    handle = handle_of(state, code(value))
    assert handle == handle_of(state, code(value))
    assert is_handle(handle)
    assert is_document_id(pending_id(handle))
    if (other_state, other_value) != (state, value):
        other = handle_of(other_state, code(other_value))
        assert other != handle
        assert pending_id(other) != pending_id(handle)


@given(TEXTS, TEXTS)
def test_a_handle_tells_nothing_of_what_made_it(state: str, value: str) -> None:
    """Neither state nor code shows in a handle, nor a handle in its document's id, which is no handle."""
    handle = handle_of(state, code(value))
    assert handle not in {state, value}
    assert handle != handle_of(value, code(state)) or state == value
    assert pending_id(handle) == hashlib.sha256(handle.encode()).hexdigest()
    assert not is_handle(pending_id(handle))


def test_a_pending_connection_keeps_the_code_where_only_the_vault_finds_it() -> None:
    """No document has the code in clear, and the vault opens it, for the five minutes it is kept."""
    world = Windows(CONNECT_MODE="confirm")
    handle = world.pending_handle()
    assert CODE not in world.stored()
    assert open_code(world.vault, read(world, handle)).secret.reveal() == CODE
    fields = world.pending(handle)
    assert fields["expiresAt"] - fields["createdAt"] == PENDING_LIFETIME


def test_the_database_holds_no_handle() -> None:
    """A reader of all documents and their paths finds nothing to finish a connection with."""
    world = Windows(CONNECT_MODE="confirm")
    handle = world.pending_handle()
    assert handle not in world.stored()
    assert pending_id(handle) in world.stored()


def test_a_sealed_code_opens_in_its_own_pending_connection_only() -> None:
    """A code that is copied to another document or user does not open, nor does one whose key is gone."""
    world = Windows(CONNECT_MODE="confirm")
    pending = read(world, world.pending_handle())
    other = read(world, world.pending_handle("bob"))
    for copy in (
        replace(other, sealed_code=pending.sealed_code),
        replace(pending, pending_id=other.pending_id),
        replace(pending, asked=other.asked),
        replace(pending, sealed_code=None),
    ):
        with pytest.raises(InvalidHandle):
            open_code(world.vault, copy)
    with pytest.raises(InvalidHandle):
        open_code(Vault({"other": Secret(OTHER_KEY)}, lambda: PROJECT), pending)
