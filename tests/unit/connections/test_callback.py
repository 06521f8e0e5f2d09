"""The browser is back: what is done at once, what is kept for the app, and what a second look gets."""

from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest

from tests.unit.support import HTML, OTHER_KEY, TOKEN, config, graph_error, reply
from tests.unit.windows import ASKED, CODE, PROFILE, RETURN_TO, Windows
from tests.unit.world import ACCOUNT, NOW, PROJECT, UID, Died, account_path, silence, summary_path
from threads.accounts.vault import Vault
from threads.base.errors import InProgress, InvalidState, ServiceUnavailable, WrongAccount
from threads.base.secret import Secret
from threads.connections.disconnect import disconnect, take_token
from threads.connections.pending import pending_id
from threads.functions.response import error_headers
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply, GraphRequest

FOUR_CALLS = [Step.EXCHANGE_CODE, Step.EXCHANGE_TOKEN, Step.READ_PROFILE, Step.READ_GRANTS]
PENDING = "threadsPendingConnections/"


def confirming(**variables: str) -> Windows:
    """Return a service whose app confirms connections."""
    return Windows(CONNECT_MODE="confirm", **variables)


# --- at once ------------------------------------------------------------------------------------------------


def test_what_was_granted_is_stored_and_what_was_not_is_told() -> None:
    """The account has the scopes that the person left ticked; card, app and reload learn of the others."""
    world = Windows()
    world.grants("threads_basic")
    state = world.begin()
    first = world.come_back(state)
    assert first.parameters() == {
        "threads": "connected",
        "accountId": ACCOUNT,
        "refused": "threads_content_publish",
    }
    assert world.saved()["scopes"] == ["threads_basic"]
    assert world.card()["refusedScopes"] == ["threads_content_publish"]
    assert world.come_back(state).parameters() == first.parameters()
    assert world.calls == FOUR_CALLS


SILENT: list[Any] = [
    reply(500, HTML),
    reply(400, graph_error(100)),
    reply(401, graph_error(190)),
    reply(200, {"data": {"is_valid": True, "scopes": ["unheard_of"]}}),
    reply(200, {}),
]


@pytest.mark.parametrize("answer", SILENT, ids=range(len(SILENT)))
def test_a_connection_does_not_fail_because_nobody_knows_what_was_granted(answer: Any) -> None:
    """Where Threads does not say it, nothing counts as granted or refused for good: it is unknown."""
    world = Windows()
    world.graph.always[Step.READ_GRANTS] = answer
    outcome = world.come_back(world.begin())
    assert (outcome.status, list(outcome.refused_scopes)) == ("connected", [])
    assert world.saved()["scopes"] is None
    assert "refusedScopes" not in world.card()


def test_a_token_that_is_not_valid_is_a_failed_connection() -> None:
    """Nothing is saved of a token that Threads itself calls useless."""
    world = Windows()
    world.graph.always[Step.READ_GRANTS] = reply(200, {"data": {"is_valid": False, "scopes": []}})
    outcome = world.come_back(world.begin())
    assert outcome.status == "failed"
    assert outcome.error
    assert (outcome.error.code, outcome.error.next_action) == ("rejected_by_threads", "connect_again")
    assert not world.has_account()


def connecting_again(world: Windows, username: str | None = "ada") -> str:
    """Begin to connect an account again; return the state."""
    world.connect(ACCOUNT, profile={"username": username} if username else None)
    return world.begin(unverified_account_id=ACCOUNT)


def test_the_account_to_connect_again_may_be_chosen() -> None:
    """The right profile is connected like any other."""
    world = Windows()
    assert world.come_back(connecting_again(world)).status == "connected"


@pytest.mark.parametrize("username", ["ada", None])
def test_another_account_than_the_one_to_connect_again_is_not_stored(username: str | None) -> None:
    """Nothing is saved, both are named as far as they are known, and a reload says to start again."""
    world = Windows()
    world.is_person(PROFILE | {"id": "2", "username": "mallory"})
    state = connecting_again(world, username)
    before = world.account()
    outcome = world.come_back(state)
    assert isinstance(outcome.error, WrongAccount)
    assert outcome.parameters() == {"threads": "failed", "error": "wrong_account"}
    assert ("@mallory" in outcome.error.message, "@ada" in outcome.error.message) == (bool(username),) * 2
    assert (world.account(), world.saved_accounts()) == (before, {(UID, ACCOUNT)})
    assert isinstance(world.come_back(state).error, InvalidState)


@pytest.mark.parametrize("step", FOUR_CALLS[:3])
def test_a_failure_says_that_connecting_has_to_be_started_again(step: Step) -> None:
    """A code works once: neither a person nor a program is told to try the same again."""
    world = Windows()
    world.graph.always[step] = reply(503, HTML)
    outcome = world.come_back(world.begin())
    assert outcome.error
    assert outcome.error.as_json() == {
        "code": "threads_unavailable",
        "message": "This connection could not be finished. Start connecting again.",
        "retryable": False,
        "nextAction": "connect_again",
    }
    assert error_headers(outcome.error) == {}
    assert world.saved_accounts() == set()


def test_what_threads_says_of_a_refusal_is_told() -> None:
    """A refusal is Threads' to explain; what to do next is ours."""
    world = Windows()
    world.graph.always[Step.EXCHANGE_CODE] = reply(400, graph_error(100, message="This code has expired"))
    outcome = world.come_back(world.begin())
    assert outcome.error
    assert outcome.error.message == "Threads says: This code has expired. Start connecting again."


def test_of_two_windows_the_one_that_was_authorized_later_counts() -> None:
    """A callback that hangs does not bring its old token back over a newer one, nor its moment."""
    world = Windows()
    first, second = world.begin(), world.begin()
    issued, sent = iter(("token-1", "token-2")), world.graph.send
    hanging = iter((first,))

    def send(request: GraphRequest) -> GraphReply:
        if request.step is Step.EXCHANGE_TOKEN:
            return reply(200, {"access_token": next(issued), "expires_in": 5183944})
        if request.step is Step.READ_GRANTS and next(hanging, None):
            world.pass_time(seconds=5)
            assert world.come_back(second).status == "connected"
            world.pass_time(seconds=5)
        return sent(request)

    with patch.object(world.graph, "send", send):
        assert world.come_back(first).status == "connected"
    assert world.token() == "token-2"
    assert world.saved()["updatedAt"] == NOW + timedelta(seconds=5)
    assert world.come_back(first).status == "connected"


@pytest.mark.parametrize("key_is_gone", [False, True])
def test_a_narrower_window_leaves_the_token_that_can_do_more(*, key_is_gone: bool) -> None:
    """What an account could do it can do after a plain connection, too, unless no key opens its token."""
    world = Windows()
    world.grants(*ASKED, "threads_delete")
    world.come_back(world.begin())
    before = world.saved()
    if key_is_gone:
        world.vault = Vault({"other": Secret(OTHER_KEY)}, lambda: PROJECT)
    world.grants(*ASKED)
    world.is_person(PROFILE | {"name": "Ada K."})
    world.pass_time(days=1)
    assert world.come_back(world.begin()).status == "connected"
    after = world.saved()
    assert after["profile"]["displayName"] == "Ada K."
    assert world.card()["displayName"] == "Ada K."
    assert (after["accessToken"] == before["accessToken"]) is not key_is_gone
    assert (after["scopes"] == before["scopes"]) is not key_is_gone


CHANGED = PROFILE | {"id": "2", "username": "ada.k"}
"""The person of ``PROFILE``, whose profile has got another id. The id in their token stays."""


@pytest.mark.parametrize("is_asked_for", [False, True])
def test_a_person_whose_id_has_changed_connects_the_same_account_again(*, is_asked_for: bool) -> None:
    """The id that came with the token tells: there is one card, under the id that app and posts know."""
    world = Windows()
    world.come_back(world.begin())
    world.pass_time(days=1)
    world.is_person(CHANGED, threads_user_id=ACCOUNT)
    state = world.begin(unverified_account_id=ACCOUNT if is_asked_for else None)
    outcome = world.come_back(state)
    assert (outcome.status, outcome.account_id, outcome.profile["platformId"]) == ("connected", ACCOUNT, "2")
    assert world.come_back(state) == outcome
    assert (world.account_ids(), [*(world.summary() or {})["accounts"]]) == ([ACCOUNT], [ACCOUNT])
    assert (world.card()["username"], world.token()) == ("ada.k", TOKEN)
    assert world.vault.sealed_ids(world.account()) == {ACCOUNT, CHANGED["id"]}
    assert world.saved()["connectedAt"] == NOW + timedelta(days=1)


def test_the_ids_of_all_times_stay_known() -> None:
    """Whichever of them Meta names in the end, it finds the account."""
    world = Windows()
    for number in ("1", "2", "3"):
        world.is_person(PROFILE | {"id": number}, threads_user_id=ACCOUNT)
        world.come_back(world.begin())
    assert world.account_ids() == ["1"]
    assert world.vault.sealed_ids(world.account("1")) == {ACCOUNT, "1", "2", "3"}


VICTIM = "17841499999999999"


@pytest.mark.parametrize("is_copied", [False, True])
@pytest.mark.parametrize("is_asked_for", [False, True])
def test_an_account_that_a_client_has_written_is_not_connected_again(
    *, is_asked_for: bool, is_copied: bool
) -> None:
    """It says that it is hers, under another's id. Her token is sealed under her own, or not at all."""
    world = Windows()
    world.come_back(world.begin())
    copied = world.saved() if is_copied else {"extra": {"threadsUserId": ACCOUNT}, "status": "active"}
    world.delete_account()
    world.database.put(account_path(UID, VICTIM), {**copied, "accountId": VICTIM})
    before = world.account(VICTIM)
    outcome = world.come_back(world.begin(unverified_account_id=VICTIM if is_asked_for else None))
    assert world.account(VICTIM) == before
    assert isinstance(outcome.error, WrongAccount) is is_asked_for
    assert outcome.account_id == (None if is_asked_for else ACCOUNT)


def test_another_users_account_of_the_same_person_stays_alone() -> None:
    """Who has connected what counts for one user of the app only."""
    world = Windows()
    world.come_back(world.begin("bob"))
    world.is_person(CHANGED, threads_user_id=ACCOUNT)
    world.come_back(world.begin())
    assert world.saved_accounts() == {("bob", ACCOUNT), (UID, "2")}


WITNESSES = {
    "190": (reply(400, graph_error(190, 458)), True),
    "24": (reply(400, graph_error(24, 4279009)), True),
    "100": (reply(400, graph_error(100, 33)), True),
    "nobody can say": (silence(), True),
    "it works": (reply(200, {"id": ACCOUNT}), False),
}
"""What the witness says of the old token, and whether the new one takes its place."""


@pytest.mark.parametrize("others_come_first", [False, True])
@pytest.mark.parametrize(("witness", "is_replaced"), WITNESSES.values(), ids=WITNESSES)
def test_a_new_token_is_not_thrown_away_for_a_dead_one(
    witness: GraphReply, *, is_replaced: bool, others_come_first: bool
) -> None:
    """Whoever has removed the app and connects with fewer permissions has a token that works, not the old."""
    world = Windows()
    world.grants(*ASKED, "threads_delete")
    world.come_back(world.begin())
    before = world.saved()
    world.grants(*ASKED)
    world.pass_time(days=1)
    world.graph.always[Step.EXCHANGE_TOKEN] = reply(200, {"access_token": "THAAnew", "expires_in": 5183944})
    world.graph.always[Step.ASK_WITNESS] = witness
    asked = len(world.calls)
    if others_come_first:
        world.comes_between(lambda: world.database.put(summary_path(UID), world.summary() or {}), number=4)
    assert world.come_back(world.begin()).status == "connected"
    assert world.token() == ("THAAnew" if is_replaced else TOKEN)
    assert (world.saved()["scopes"] == before["scopes"]) is not is_replaced
    assert world.calls[asked:].count(Step.ASK_WITNESS) == 1
    told = [it.token.reveal() for it in world.graph.requests if it.step is Step.ASK_WITNESS and it.token]
    assert told == [TOKEN]


@pytest.mark.parametrize("fault", ["loses_answers", "repeats"])
@pytest.mark.parametrize("others", [[], ["2"]], ids=["first", "further"])
def test_an_account_that_is_saved_is_told_though_the_answer_was_lost(fault: str, others: list[str]) -> None:
    """The state tells whether the last commit was carried out: the first answer is the reload's."""
    world = Windows()
    for account_id in others:
        world.connect(account_id)
    state = world.begin()
    world.before_saving(lambda: setattr(world.wire, fault, 1))
    first = world.come_back(state)
    assert (first.status, first.error) == ("connected", None)
    assert world.come_back(state).parameters() == first.parameters()
    assert {*world.account_ids()} == {ACCOUNT, *others}
    assert world.calls == FOUR_CALLS


def test_windows_that_came_at_once_do_not_come_again_at_once() -> None:
    """Between two attempts to save an account passes a random time, below half a second."""
    world = Windows()
    state = world.begin()

    def another_window_is_saved(commit: int) -> None:
        if len(world.clock.pauses) < 19:
            world.database.put(summary_path(UID), {"accounts": {}, "commit": commit})

    world.before_saving(lambda: setattr(world.wire, "before_commit", another_window_is_saved))
    assert world.come_back(state).status == "connected"
    assert len(world.clock.pauses) == 19
    assert len(set(world.clock.pauses)) > 5
    assert all(0 <= pause < 0.5 for pause in world.clock.pauses)


def test_a_summary_without_room_is_no_passing_trouble() -> None:
    """The user is told what helps. Nothing is saved."""
    world = Windows()
    world.connect("2")
    state = world.begin()
    world.before_saving(lambda: setattr(world.wire, "full", summary_path(UID)))
    outcome = world.come_back(state)
    assert outcome.parameters() == {"threads": "failed", "error": "invalid_request"}
    assert outcome.error
    assert "Disconnect one first" in outcome.error.message
    assert world.saved_accounts() == {(UID, "2")}


def test_an_account_that_is_not_saved_is_not_told() -> None:
    """A Firestore that did nothing is a failure, and the state says so, too."""
    world = Windows()
    state = world.begin()
    world.before_saving(lambda: setattr(world.wire, "fails", 1))
    outcome = world.come_back(state)
    assert outcome.parameters() == {"threads": "failed", "error": "service_unavailable"}
    assert outcome.error
    assert not outcome.error.retryable
    assert world.state(state)["outcome"]["status"] == "failed"
    assert world.saved_accounts() == set()


def test_a_callback_that_died_is_waited_for_two_minutes() -> None:
    """While its process may live, it counts as under way. Then it has failed."""
    world = Windows()
    state = world.begin()
    world.deaths.next = "before exchange_code"
    with pytest.raises(Died):
        world.come_back(state)
    world.pass_time(seconds=119)
    with pytest.raises(InProgress):
        world.come_back(state)
    world.pass_time(seconds=1)
    assert isinstance(world.come_back(state).error, InvalidState)
    assert world.calls == []


@pytest.mark.parametrize("mode", ["immediate", "confirm"])
def test_a_used_state_is_kept_for_its_exchange(mode: str) -> None:
    """A state may be used in its last second, and expired documents are deleted at any moment."""
    world = Windows(CONNECT_MODE=mode)
    state = world.begin()
    world.pass_time(seconds=599)
    world.come_back(state)
    assert world.state(state)["expiresAt"] == world.clock() + timedelta(hours=1)


def test_where_a_state_leads_is_checked_anew() -> None:
    """No browser is sent to an origin that is not allowed any more, whatever was stored when it was."""
    world = Windows()
    left, connected = world.begin(), world.begin()
    world.config = config(ALLOWED_ORIGINS="https://other.example")
    assert world.come_back(left, "", "access_denied").return_to is None
    assert world.come_back(connected).return_to is None


OTHER_CODE = "AQ-of-another-account"


@pytest.mark.parametrize("mode", ["immediate", "confirm"])
def test_a_state_answers_only_to_the_code_that_it_was_used_up_with(mode: str) -> None:
    """Another account that is allowed under the same state is not connected, and nobody is told so."""
    world = Windows(CONNECT_MODE=mode)
    state = world.begin()
    first = world.come_back(state)
    calls, before = [*world.calls], world.everything()
    assert world.come_back(state, OTHER_CODE).parameters() == {"threads": "failed", "error": "invalid_state"}
    assert world.come_back(state) == first
    assert (world.calls, world.everything()) == (calls, before)


@pytest.mark.parametrize("mode", ["immediate", "confirm"])
def test_who_cancels_goes_back_and_allows_is_not_told_that_they_cancelled(mode: str) -> None:
    """A code that comes after a cancel is not exchanged; only a reload of the cancel says "cancelled"."""
    world = Windows(CONNECT_MODE=mode)
    state = world.begin()
    for _ in range(2):
        assert world.come_back(state, "", "access_denied").parameters() == {"threads": "cancelled"}
    assert world.come_back(state).parameters() == {"threads": "failed", "error": "invalid_state"}
    assert (world.calls, world.saved_accounts()) == ([], set())


def test_who_allows_goes_back_and_cancels_is_connected() -> None:
    """The cancel comes too late, and is answered with what is true."""
    world = Windows()
    state = world.begin()
    assert world.come_back(state) == world.come_back(state, "", "access_denied")


def test_a_reload_says_connected_only_while_it_is_true() -> None:
    """Not once the account was disconnected, or disconnecting has begun, and not after the hour."""
    failed = {"threads": "failed", "error": "invalid_state"}

    def disconnected(world: Windows) -> None:
        disconnect(world.connections, UID, ACCOUNT)

    def disconnecting(world: Windows) -> None:
        take_token(world.connections, UID, ACCOUNT)

    def later(world: Windows) -> None:
        world.pass_time(hours=1)

    for change in (disconnected, disconnecting, later):
        world = Windows()
        state = world.begin()
        assert world.come_back(state).status == "connected"
        assert world.come_back(state).status == "connected"
        change(world)
        assert world.come_back(state).parameters() == failed


def test_a_state_that_is_deleted_while_its_code_is_exchanged_connects_nothing() -> None:
    """It is found out at the first commit, and said as it is: this state does not work."""
    world = Windows()
    state = world.begin()
    world.before_saving(lambda: world.database.delete(f"oauthStates/{state}"))
    outcome = world.come_back(state)
    assert outcome.parameters() == {"threads": "failed", "error": "invalid_state"}
    assert (world.saved_accounts(), world.clock.pauses) == (set(), [])


def test_a_state_that_is_deleted_before_it_is_used_up_is_unknown() -> None:
    """Nobody is told to wait for a request that there is not."""
    for mode in ("immediate", "confirm"):
        world = Windows(CONNECT_MODE=mode)
        state = world.begin()
        world.comes_between(lambda world=world, state=state: world.database.delete(f"oauthStates/{state}"))  # type: ignore[misc]
        with pytest.raises(InvalidState):
            world.come_back(state)
        assert world.calls == []


# --- for the app to confirm ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("world", "uid"), [(confirming(), UID), (Windows(SIGN_IN="on"), None)])
def test_what_has_to_be_confirmed_is_kept_and_nothing_is_done(world: Windows, uid: str | None) -> None:
    """The browser gets a handle; Threads is not called, no account exists, and the state is used up."""
    state = world.begin(uid)
    outcome = world.come_back(state)
    assert (outcome.status, outcome.parameters()) == ("pending", {"threads": "pending"})
    assert outcome.return_to
    assert outcome.handle
    assert outcome.return_to.with_handle(outcome.handle) == f"{RETURN_TO}#th_link={outcome.handle}"
    assert outcome.handle not in repr(outcome)
    assert world.state(state)["usedAt"] == world.clock()
    assert (world.calls, world.saved_accounts()) == ([], set())


def test_a_reload_with_the_same_code_leads_to_the_same_handle() -> None:
    """The browser's reload button repeats the way back to the app. However late, it keeps no second code."""
    world = confirming()
    state = world.begin()
    first = world.come_back(state)
    world.pass_time(minutes=20)
    assert world.come_back(state) == first
    assert world.come_back(state, f"{CODE}#_") == first
    assert len(world.database.paths(PENDING)) == 1


@pytest.mark.parametrize(
    ("code", "error"), [("AQ-made-up", ""), ("", ""), (CODE + "x", ""), (CODE, "access_denied")]
)
def test_who_knows_the_state_alone_does_not_get_the_handle(code: str, error: str) -> None:
    """An attacker knows his own state. Without the code he learns nothing and changes nothing."""
    world = confirming()
    state = world.begin()
    world.come_back(state)
    before = world.everything()
    outcome = world.come_back(state, code, error)
    assert (outcome.handle, isinstance(outcome.error, InvalidState)) == (None, True)
    assert world.everything() == before


def test_an_attacker_who_comes_first_has_used_up_his_own_state() -> None:
    """What the victim brings afterwards is not kept: no handle, no pending connection, no call."""
    world = confirming()
    state = world.begin()
    world.come_back(state, "AQ-made-up")
    before = world.everything()
    outcome = world.come_back(state, CODE)
    assert (outcome.handle, isinstance(outcome.error, InvalidState)) == (None, True)
    assert world.everything() == before


def test_of_two_callbacks_at_once_both_lead_to_one_handle() -> None:
    """A browser that loads a callback twice gets the same handle twice."""
    world = confirming()
    state = world.begin()
    seen: list[str | None] = []
    world.comes_between(lambda: seen.append(world.come_back(state).handle))
    assert [world.come_back(state).handle] == seen
    assert len(world.database.paths(PENDING)) == 1


def test_of_two_codes_at_once_one_is_kept() -> None:
    """The other one's browser gets no handle."""
    world = confirming()
    state = world.begin()
    world.comes_between(lambda: world.come_back(state, "AQ-made-up"))
    outcome = world.come_back(state)
    assert (outcome.handle, isinstance(outcome.error, InvalidState)) == (None, True)
    assert len(world.database.paths(PENDING)) == 1


@pytest.mark.parametrize("mode", ["confirm", "immediate"])
@pytest.mark.parametrize(("code", "error"), [(CODE, ""), ("", ""), ("", "access_denied")])
def test_neither_a_handle_nor_its_pending_connection_is_a_state(mode: str, code: str, error: str) -> None:
    """Nothing that comes to the callback exchanges or ends a pending connection."""
    world = confirming()
    handle = world.pending_handle()
    world.config = config(CONNECT_MODE=mode)
    before = world.everything()
    for unverified in (handle, pending_id(handle)):
        with pytest.raises(InvalidState):
            world.come_back(unverified, code, error)
    assert (world.everything(), world.calls) == (before, [])


def test_who_began_under_confirm_is_asked_to_confirm() -> None:
    """What was promised at the beginning holds, though the configuration has changed, or an old instance."""
    world = confirming()
    state = world.begin()
    world.config = config()
    assert world.come_back(state).status == "pending"


def test_without_a_page_to_confirm_on_nothing_is_kept() -> None:
    """A state from the time of immediate connections, or of another origin, leads nowhere."""
    world = Windows()
    state = world.begin(return_to=None)
    world.config = config(CONNECT_MODE="confirm")
    before = world.everything()
    with pytest.raises(InvalidState):
        world.come_back(state)
    assert world.everything() == before


def test_cancelling_and_failing_are_told_as_ever() -> None:
    """A person who leaves the window without a code has nothing to confirm."""
    world = confirming()
    assert world.come_back(world.begin(), "", "access_denied").parameters() == {"threads": "cancelled"}
    failed = {"threads": "failed", "error": "rejected_by_threads"}
    assert world.come_back(world.begin(), "", "server_error").parameters() == failed
    assert world.come_back(world.begin(), "").parameters() == failed


def test_two_immediate_callbacks_exchange_one_code() -> None:
    """The second one is told to wait, and finds the account when it looks again."""
    world = Windows()
    state = world.begin()
    world.comes_between(lambda: world.come_back(state))
    with pytest.raises(InProgress):
        world.come_back(state)
    assert world.calls == FOUR_CALLS
    assert world.come_back(state).status == "connected"


@pytest.mark.parametrize("fault", ["loses_answers", "repeats"])
def test_a_code_that_is_kept_leads_to_its_handle_though_the_answer_was_lost(fault: str) -> None:
    """Where the client repeats its commit, the state tells whose it was. Where it gives up, a reload does."""
    world = confirming()
    state = world.begin()
    setattr(world.wire, fault, 1)
    if fault == "loses_answers":
        with pytest.raises(ServiceUnavailable):
            world.come_back(state)
    outcome = world.come_back(state)
    assert outcome.handle
    assert world.database.paths(PENDING) == [f"{PENDING}{pending_id(outcome.handle)}"]


def test_a_state_that_changes_unused_is_tried_again() -> None:
    """A commit that is refused although the state is still unused keeps nothing. A reload does."""
    world = confirming()
    state = world.begin()
    world.comes_between(lambda: world.change_state(state, note="an operator's"))
    with pytest.raises(InProgress):
        world.come_back(state)
    assert world.database.paths(PENDING) == []
    assert world.come_back(state).handle


def test_a_firestore_that_is_away_does_not_hide_what_went_wrong() -> None:
    """The app is told what went wrong at Threads, although Firestore does not take it down."""
    world = Windows()
    del world.graph.always[Step.EXCHANGE_CODE]

    def fail(_request: GraphRequest) -> GraphReply:
        world.wire.fails = 1
        return reply(503, HTML)

    world.say(fail)
    state = world.begin()
    outcome = world.come_back(state)
    assert outcome.error
    assert outcome.error.code == "threads_unavailable"
    assert "outcome" not in world.state(state)
