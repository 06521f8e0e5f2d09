"""What a window may be opened for, and what is remembered of it."""

from typing import Any

import pytest

from tests.unit.windows import CHALLENGE, RETURN_TO, Windows
from tests.unit.world import ACCOUNT, UID
from threads.base.errors import (
    AccountNotFound,
    Forbidden,
    InvalidRequest,
    InvalidReturnTo,
    ServiceError,
    Unauthenticated,
)
from threads.connections.states import CONNECT, SIGN_IN


def refused(world: Windows, error: type[ServiceError], uid: str | None = UID, **wish: Any) -> str:
    """Begin what cannot be begun; return the message, after checking that nothing is remembered."""
    before = world.everything()
    with pytest.raises(error) as refusal:
        world.begin(uid, **wish)
    assert world.everything() == before
    return refusal.value.message


@pytest.mark.parametrize(("mode", "uid"), [("confirm", UID), ("confirm", None), ("immediate", None)])
def test_who_has_to_confirm_needs_a_page_for_it(mode: str, uid: str | None) -> None:
    """Without a returnTo no page can confirm a connection or sign its user in; the message says so."""
    world = Windows(CONNECT_MODE=mode, SIGN_IN="on")
    assert "returnTo is missing" in refused(world, InvalidReturnTo, uid, return_to=None)


def test_an_immediate_connection_needs_no_page() -> None:
    """The callback can answer by itself what it has done by itself."""
    world = Windows()
    assert world.state(world.begin(return_to=None))["returnTo"] is None


WISHES: list[tuple[dict[str, Any], type[ServiceError]]] = [
    ({"uid": None, "unverified_challenge": None}, InvalidRequest),
    ({"uid": None, "unverified_challenge": "c" * 42}, InvalidRequest),
    ({"uid": None, "unverified_account_id": ACCOUNT}, InvalidRequest),
    ({"mode": SIGN_IN, "unverified_challenge": CHALLENGE}, Forbidden),
    ({"unverified_challenge": CHALLENGE}, InvalidRequest),
    ({"uid": ""}, Unauthenticated),
    ({"uid": None, "mode": CONNECT, "unverified_challenge": None}, Unauthenticated),
]


@pytest.mark.parametrize(("wish", "error"), WISHES, ids=str)
def test_what_does_not_go_with_the_mode_is_refused(wish: dict[str, Any], error: type[ServiceError]) -> None:
    """A sign-in needs a challenge, and a connection a user, whichever function begins it."""
    refused(Windows(SIGN_IN="on", CONNECT_MODE="confirm"), error, **wish)


def test_nobody_signs_in_where_that_is_off() -> None:
    """Signing in has to be switched on, and the refusal names the switch."""
    assert "SIGN_IN" in refused(Windows(), Forbidden, None)


def test_a_sign_in_is_nobodys_yet() -> None:
    """Its state has no uid, and holds the challenge that the end of the sign-in has to answer."""
    world = Windows(SIGN_IN="on")
    fields = world.state(world.begin(None))
    assert (fields["uid"], fields["mode"], fields["challenge"]) == (None, "signin", CHALLENGE)


def test_the_account_to_connect_again_is_one_of_the_users() -> None:
    """The state remembers its ids and name; an account that the user has not connected is not found."""
    world = Windows()
    world.connect(ACCOUNT, uid="bob")
    refused(world, AccountNotFound, unverified_account_id=ACCOUNT)
    for profile, username in (({"username": "ada"}, "ada"), (None, None)):
        world.connect(ACCOUNT, profile=profile)
        fields = world.state(world.begin(unverified_account_id=ACCOUNT))
        assert fields["account"] == {"id": ACCOUNT, "username": username}


def test_without_a_certain_account_none_is_read() -> None:
    """A connection costs one write; only connecting a certain account again costs a read before."""
    world = Windows()
    state = world.begin()
    assert (world.wire.reads, world.wire.commits) == (0, 1)
    assert (world.state(state)["account"], world.state(state)["returnTo"]) == (None, RETURN_TO)
    world.connect(ACCOUNT)
    world.begin(unverified_account_id=ACCOUNT)
    assert (world.wire.reads, world.wire.commits) == (1, 2)


def test_what_an_account_could_do_is_asked_for_again() -> None:
    """Connecting an account again asks for all that it has granted, as far as Threads still knows it."""
    world = Windows()
    world.connect(ACCOUNT, scopes=["threads_basic", "threads_delete", "threads_of_old"])
    fields = world.state(world.begin(unverified_account_id=ACCOUNT))
    assert fields["scopes"] == ["threads_basic", "threads_content_publish", "threads_delete"]
