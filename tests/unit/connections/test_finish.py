"""The app confirms: who may, how often, how long, and what comes of it."""

from collections.abc import Callable

import pytest
from google.api_core import exceptions

from tests.firestore.errors import refusal
from tests.unit.support import HTML, OTHER_KEY, config, reply
from tests.unit.windows import CHALLENGE, PROFILE, VERIFIER, Windows
from tests.unit.world import ACCOUNT, PROJECT, UID, Died
from threads.accounts.vault import Vault
from threads.base.errors import (
    Forbidden,
    InProgress,
    InvalidHandle,
    ServiceUnavailable,
    ThreadsUnavailable,
    WrongAccount,
)
from threads.base.secret import Secret
from threads.connections.disconnect import disconnect, take_token
from threads.connections.pending import pending_id
from threads.functions.response import error_headers
from threads.graph.error_codes import Step

FOUR_CALLS = [Step.EXCHANGE_CODE, Step.EXCHANGE_TOKEN, Step.READ_PROFILE, Step.READ_GRANTS]
SIGNED_IN = f"threads:{ACCOUNT}"


def confirming() -> Windows:
    """Return a service whose app confirms connections, and signs people in."""
    return Windows(CONNECT_MODE="confirm", SIGN_IN="on")


def test_the_one_who_has_begun_gets_the_account() -> None:
    """Code, tokens, profile and grants, and then the account is saved as an immediate connection saves it."""
    world, immediate = confirming(), Windows()
    world.grants("threads_basic")
    immediate.grants("threads_basic")
    finished = world.confirm(world.pending_handle())
    assert (finished.uid, finished.end.account_id, finished.custom_token) == (UID, ACCOUNT, None)
    assert finished.end.refused_scopes == ("threads_content_publish",)
    assert world.calls == FOUR_CALLS
    immediate.come_back(immediate.begin())
    accounts = [dict(it.saved()) for it in (world, immediate)]
    tokens = {account.pop("accessToken") for account in accounts}
    assert len({account.pop("sealedThreadsUserId") for account in accounts}) == 2
    assert accounts[0] == accounts[1]
    assert len(tokens) == 2
    assert world.summary() == immediate.summary()


STRANGERS: list[tuple[str | None, str | None, str | None]] = [
    (UID, "bob", None),
    (UID, "", None),
    (UID, None, VERIFIER),
    (UID, None, CHALLENGE),
    (UID, "bob", VERIFIER),
    (None, "bob", None),
    (None, UID, None),
    (None, None, None),
    (None, None, "w" * 43),
    (None, None, CHALLENGE),
]


@pytest.mark.parametrize(("begun_by", "uid", "verifier"), STRANGERS)
def test_a_stranger_does_nothing(begun_by: str | None, uid: str | None, verifier: str | None) -> None:
    """Another user, verifier or kind of proof is a 403, and the one who has begun can still finish."""
    world = confirming()
    handle = world.pending_handle(begun_by)
    before = world.everything()
    with pytest.raises(Forbidden) as refusal:
        world.confirm(handle, uid, verifier)
    assert "start here yourself" in refusal.value.message
    assert (world.calls, world.everything()) == ([], before)
    finished = world.confirm(handle, begun_by, None if begun_by else VERIFIER)
    assert finished.uid == (begun_by or SIGNED_IN)


EITHER = pytest.mark.parametrize(
    ("begun_by", "verifier"), [(UID, None), (None, VERIFIER)], ids=["confirm", "signin"]
)
"""Both ways in which an app confirms: a user who is signed in connects an account, or a visitor signs in."""


@EITHER
def test_the_same_request_gets_the_same_good_answer_for_an_hour(
    begun_by: str | None, verifier: str | None
) -> None:
    """A double click or a lost answer changes nothing; the code is exchanged once, and is not kept."""
    world = confirming()
    world.grants("threads_basic")
    handle = world.pending_handle(begun_by)
    first = world.confirm(handle, begun_by, verifier)
    world.pass_time(seconds=3599)
    again = world.confirm(handle, begun_by, verifier)
    assert (again.uid, again.end) == (first.uid, first.end)
    assert (again.custom_token is None) is (begun_by is not None)
    assert world.calls == FOUR_CALLS
    assert world.pending(handle)["code"] is None
    world.pass_time(seconds=1)
    with pytest.raises(InvalidHandle, match="Start connecting again"):
        world.confirm(handle, begun_by, verifier)


def test_the_answer_to_who_signed_in_has_a_custom_token_of_its_own() -> None:
    """Firebase is asked anew: a user who was disabled meanwhile gets none."""
    world = confirming()
    handle = world.pending_handle(None)
    world.confirm(handle, None, VERIFIER)
    again = world.confirm(handle, None, VERIFIER)
    assert again.custom_token
    assert again.custom_token.reveal() == f"custom token of {SIGNED_IN}"
    disable(world)
    with pytest.raises(Forbidden):
        world.confirm(handle, None, VERIFIER)


@EITHER
def test_nobody_else_gets_the_answer_again(begun_by: str | None, verifier: str | None) -> None:
    """What is refused to strangers before the handle was used is refused to them afterwards."""
    world = confirming()
    handle = world.pending_handle(begun_by)
    world.confirm(handle, begun_by, verifier)
    strangers = [whom[1:] for whom in STRANGERS if whom[0] == begun_by]
    for uid, stranger in strangers:
        with pytest.raises(Forbidden):
            world.confirm(handle, uid, stranger)
    assert len(strangers) == 5


@EITHER
def test_the_answer_is_given_again_only_while_it_is_true(begun_by: str | None, verifier: str | None) -> None:
    """Once the account is disconnected, or disconnecting has begun, its handle does not work any more."""
    for has_begun in (True, False):
        world = confirming()
        handle = world.pending_handle(begun_by)
        uid = world.confirm(handle, begun_by, verifier).uid
        if has_begun:
            take_token(world.connections, uid, ACCOUNT)
        else:
            disconnect(world.connections, uid, ACCOUNT)
        with pytest.raises(InvalidHandle):
            world.confirm(handle, begun_by, verifier)


@EITHER
@pytest.mark.parametrize("place", ["commit", "answer"])
def test_who_was_connected_is_told_though_the_first_request_ended_unheard(
    place: str, begun_by: str | None, verifier: str | None
) -> None:
    """The process dies after its last commit, or Firestore is silent from then on: the next request tells."""
    world = confirming()
    handle = world.pending_handle(begun_by)

    def die() -> None:
        raise Died

    def be_silent() -> None:
        world.wire.fails = 1  # the call that would find out
        raise refusal(exceptions.ServiceUnavailable, "the answer is lost")

    trouble, error = {"commit": (die, Died), "answer": (be_silent, InProgress)}[place]
    world.before_saving(lambda: setattr(world.wire, "after_commit", trouble))
    with pytest.raises(error):
        world.confirm(handle, begun_by, verifier)
    finished = world.confirm(handle, begun_by, verifier)
    assert finished.end.account_id == ACCOUNT
    assert world.saved_accounts() == {(finished.uid, ACCOUNT)}
    assert world.calls == FOUR_CALLS


def test_who_was_told_that_nothing_is_connected_is_told_the_truth() -> None:
    """A request that hangs for longer than it may saves nothing after the next one was answered."""
    world = confirming()
    handle = world.pending_handle()

    def meanwhile() -> None:
        world.pass_time(seconds=120)
        with pytest.raises(InvalidHandle):
            world.confirm(handle)

    world.before_saving(meanwhile)
    with pytest.raises(ServiceUnavailable, match="Start connecting again"):
        world.confirm(handle)
    assert world.saved_accounts() == set()


def test_a_handle_that_is_deleted_while_its_code_is_exchanged_connects_nothing() -> None:
    """It is found out at the first commit, and said as it is: this handle does not work."""
    world = confirming()
    handle = world.pending_handle()
    before = world.wire.commits
    world.before_saving(lambda: world.database.delete(f"threadsPendingConnections/{pending_id(handle)}"))
    with pytest.raises(InvalidHandle):
        world.confirm(handle)
    assert (world.saved_accounts(), world.clock.pauses) == (set(), [])
    assert world.wire.commits - before <= 4


def test_a_handle_works_for_five_minutes() -> None:
    """It works a second before they have passed, and not any more a second after."""
    world = confirming()
    in_time, late = world.pending_handle(), world.pending_handle()
    world.pass_time(seconds=299)
    world.confirm(in_time)
    world.pass_time(seconds=2)
    with pytest.raises(InvalidHandle):
        world.confirm(late)
    assert world.calls == FOUR_CALLS


@pytest.mark.parametrize("handle", ["", "unknown", "a/b", "..", "__x__", "x" * 3000, "\ud800", "a b"])
def test_an_unknown_handle_is_invalid(handle: str) -> None:
    """A text that is no handle leads to no document."""
    with pytest.raises(InvalidHandle):
        confirming().confirm(handle)


def test_a_state_is_no_handle() -> None:
    """Neither a state nor the id of a pending connection can be confirmed, and both stay as they are."""
    world = confirming()
    fresh, used = world.begin(), world.begin()
    world.come_back(used)
    before = world.everything()
    [pending] = world.database.paths("threadsPendingConnections/")
    for name in (fresh, used, pending.rpartition("/")[2]):
        with pytest.raises(InvalidHandle):
            world.confirm(name)
    assert (world.calls, world.everything()) == ([], before)


def test_of_two_confirmations_at_once_one_exchanges_the_code() -> None:
    """The other is told to look again, and then gets the same answer."""
    world = confirming()
    handle = world.pending_handle()
    world.comes_between(lambda: world.confirm(handle))
    with pytest.raises(InProgress):
        world.confirm(handle)
    assert world.confirm(handle).end.account_id == ACCOUNT
    assert world.calls == FOUR_CALLS


def test_a_confirmation_that_died_is_waited_for_two_minutes() -> None:
    """While its process may live, it counts as under way. Then connecting has to be started again."""
    world = confirming()
    handle = world.pending_handle()
    world.deaths.next = "before exchange_code"
    with pytest.raises(Died):
        world.confirm(handle)
    world.pass_time(seconds=119)
    with pytest.raises(InProgress):
        world.confirm(handle)
    world.pass_time(seconds=1)
    with pytest.raises(InvalidHandle):
        world.confirm(handle)


@pytest.mark.parametrize("step", FOUR_CALLS[:3])
def test_a_failure_uses_the_handle_up_and_says_so(step: Step) -> None:
    """Nothing is saved; the text says to start again, and the same handle says it, too, without a call."""
    world = confirming()
    handle = world.pending_handle()
    world.graph.always[step] = reply(502, HTML)
    with pytest.raises(ThreadsUnavailable) as failure:
        world.confirm(handle)
    assert failure.value.message == "This connection could not be finished. Start connecting again."
    assert not failure.value.retryable
    assert error_headers(failure.value) == {}
    assert failure.value.next_action == "connect_again"
    calls = [*world.calls]
    with pytest.raises(InvalidHandle):
        world.confirm(handle)
    assert (world.saved_accounts(), world.calls) == (set(), calls)


def test_another_account_than_the_one_to_connect_again_is_not_stored() -> None:
    """The pending connection says which account was meant."""
    world = confirming()
    before = world.connect(ACCOUNT, profile={"username": "ada"})
    handle = world.pending_handle(unverified_account_id=ACCOUNT)
    world.is_person(PROFILE | {"id": "2", "username": "mallory"})
    with pytest.raises(WrongAccount, match="@mallory"):
        world.confirm(handle)
    assert (world.account(), world.saved_accounts()) == (before, {(UID, ACCOUNT)})


def test_a_key_that_is_gone_ends_the_connection() -> None:
    """A handle whose code no key opens any more does not work."""
    world = confirming()
    handle = world.pending_handle()
    world.vault = Vault({"other": Secret(OTHER_KEY)}, lambda: PROJECT)
    with pytest.raises(InvalidHandle):
        world.confirm(handle)


# --- signing in ---------------------------------------------------------------------------------------------


def signed_in(world: Windows) -> str:
    """Sign in as the person in the window; return the custom token."""
    finished = world.confirm(world.pending_handle(None), None, VERIFIER)
    assert finished.custom_token
    return finished.custom_token.reveal()


def test_who_signs_in_is_the_user_of_their_account() -> None:
    """User, custom token and account belong together; a person who signs in again is the same user."""
    world = confirming()
    assert signed_in(world) == f"custom token of {SIGNED_IN}"
    assert world.users.saved == {SIGNED_IN: ("Ada L.", "https://p.example/1")}
    assert world.saved_accounts() == {(SIGNED_IN, ACCOUNT)}
    world.is_person({"id": ACCOUNT, "username": "ada"})
    signed_in(world)
    assert world.users.saved == {SIGNED_IN: ("ada", None)}


def test_who_signs_in_again_keeps_what_they_could_do() -> None:
    """A sign-in's window asks for what every window asks for: what was granted beyond that is not lost."""
    world = confirming()
    world.grants("threads_basic", "threads_content_publish", "threads_delete")
    world.confirm(world.pending_handle(SIGNED_IN), SIGNED_IN)
    before = world.saved(uid=SIGNED_IN)["scopes"]
    world.grants("threads_basic", "threads_content_publish")
    signed_in(world)
    assert world.saved(uid=SIGNED_IN)["scopes"] == before
    assert "threads_delete" in before


def test_who_signs_in_with_another_id_is_another_user() -> None:
    """An account's owner is recognized within one user only, and every answer names the same user."""
    world = confirming()
    signed_in(world)
    world.is_person(PROFILE | {"id": "2"}, threads_user_id=ACCOUNT)
    handle = world.pending_handle(None)
    for _ in range(2):
        finished = world.confirm(handle, None, VERIFIER)
        assert (finished.uid, finished.end.account_id) == ("threads:2", "2")
    assert world.saved_accounts() == {(SIGNED_IN, ACCOUNT), ("threads:2", "2")}


@pytest.mark.parametrize("fault", ["loses_answers", "repeats"])
def test_who_is_saved_is_signed_in_though_the_answer_was_lost(fault: str) -> None:
    """The pending connection tells whether the last commit was carried out."""
    world = confirming()
    world.before_saving(lambda: setattr(world.wire, fault, 1))
    assert signed_in(world) == f"custom token of {SIGNED_IN}"
    assert world.saved_accounts() == {(SIGNED_IN, ACCOUNT)}


def disable(world: Windows) -> None:
    """Disable the user."""
    world.users.disabled.add(SIGNED_IN)


def break_signing(world: Windows) -> None:
    """Let no custom token be signed."""
    world.users.is_out_of_order = True


@pytest.mark.parametrize(("trouble", "error"), [(disable, Forbidden), (break_signing, ServiceUnavailable)])
def test_who_cannot_sign_in_leaves_no_account(
    trouble: Callable[[Windows], None], error: type[Exception]
) -> None:
    """A disabled user is a 403, a token that cannot be signed a 503; neither leaves an account."""
    world = confirming()
    trouble(world)
    with pytest.raises(error):
        signed_in(world)
    assert world.saved_accounts() == set()


def test_signing_in_can_be_switched_off_in_between() -> None:
    """A sign-in that began before cannot be finished after."""
    world = confirming()
    handle = world.pending_handle(None)
    world.config = config(CONNECT_MODE="confirm")
    with pytest.raises(Forbidden, match="SIGN_IN"):
        world.confirm(handle, None, VERIFIER)
    assert world.calls == []
