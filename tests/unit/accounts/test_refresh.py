"""One account's refresh: what is asked, what is written, and what becomes of it whatever goes wrong."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.support import HTML, OTHER_KEY, graph_error, reply
from tests.unit.world import ACCOUNT, LIFETIME, NOW, PROJECT, UID, Died, Said, World, silence, validity
from threads.accounts import refresh, token_lifetime
from threads.accounts.account import TOKEN_FIELD, StoredAccount
from threads.accounts.changes import disconnect_change, reconnect_change
from threads.accounts.refresh import Outcome, Refresh
from threads.accounts.vault import Vault
from threads.base.errors import ServiceUnavailable, ThreadsError
from threads.base.secret import Secret
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply, GraphRequest

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
OLD, NEW, OTHER = "THAAold", "THAAnew", "THAAother"
DEAD = reply(400, graph_error(190, 463))
ODD = reply(400, graph_error(100))
LOST = reply(400, graph_error(24, 4279009))
NOT_VALID = validity(is_valid=False)


def fresh(token: str = NEW, seconds: int = 5183944) -> GraphReply:
    """Return a refreshed token."""
    return reply(200, {"access_token": token, "token_type": "bearer", "expires_in": seconds})


class Scene:
    """An account whose token is due to be refreshed, and a world around it."""

    def __init__(self, *, age: timedelta = 45 * DAY, **changes: Any) -> None:
        """Connect it so long ago."""
        self.world = World()
        self.world.connect(ACCOUNT, OLD, at=NOW - age, **{"refreshAt": NOW, **changes})

    @property
    def account(self) -> StoredAccount:
        """The account as it is stored."""
        return self.world.account()

    @property
    def fields(self) -> Mapping[str, Any]:
        """The account's document."""
        return self.account.fields

    @property
    def card(self) -> dict[str, Any]:
        """The account's card."""
        return self.world.card()

    def run(self, *said: Said) -> Refresh:
        """Refresh the account while Threads says this."""
        self.world.say(*said)
        return refresh.refresh_account(self.world.accounts, UID, ACCOUNT)

    def meanwhile(self, change: Callable[[], object], said: GraphReply, *more: Said) -> Refresh:
        """Refresh the account; while Threads is asked, and says this, another writer makes a change."""

        def asked(_request: GraphRequest) -> GraphReply:
            change()
            return said

        return self.run(asked, *more)


def test_a_refresh_is_one_read_two_commits_and_one_call() -> None:
    """The new token lies sealed in the old one's place, with its times; the card has the new end."""
    scene = Scene(age=45 * DAY)
    before, card = scene.fields, scene.card
    done = scene.run(fresh(seconds=5184000))
    assert (done.outcome, done.account) == (Outcome.REFRESHED, scene.account)
    assert (scene.world.wire.reads, scene.world.wire.commits) == (1, 2)
    assert (scene.world.calls, scene.world.token()) == (["refresh_token"], NEW)
    assert scene.fields == {
        **before,
        TOKEN_FIELD: scene.account.sealed_token,
        "tokenType": "bearer",
        "updatedAt": NOW,
        **token_lifetime.token_times(ACCOUNT, NOW, LIFETIME),
    }
    assert scene.card == {**card, "expiresAt": NOW + LIFETIME, "canPublish": True}


def test_threads_is_asked_as_meta_says() -> None:
    """The token and the kind of grant travel in the query of a GET without a version; nothing else does."""
    scene = Scene()
    scene.run(fresh())
    [request] = scene.world.graph.requests
    assert (request.method, request.path, request.versioned) == ("GET", "/refresh_access_token", False)
    assert request.query == {"grant_type": "th_refresh_token", "access_token": OLD}
    assert (request.token, request.form) == (None, None)
    assert OLD not in repr(request)


def test_a_lease_is_written_before_threads_is_asked() -> None:
    """While one refresh is under way every other one lets it be, and afterwards there is nothing to do."""
    scene = Scene()
    others: list[Outcome] = []

    def asked(_request: GraphRequest) -> GraphReply:
        others.append(scene.run().outcome)
        return fresh()

    assert scene.run(asked).outcome is Outcome.REFRESHED
    assert others == [Outcome.IN_PROGRESS]
    assert scene.run().outcome is Outcome.NOT_DUE
    assert scene.world.calls == ["refresh_token"]


def test_of_two_refreshes_the_second_one_asks_nothing() -> None:
    """Of two that have read the same document, the one whose commit comes later stops."""
    scene = Scene()

    def overtake(number: int) -> None:
        if number == 1:
            scene.world.change_account(refreshingUntil=NOW + token_lifetime.LEASE)

    scene.world.wire.before_commit = overtake
    assert scene.run().outcome is Outcome.IN_PROGRESS
    assert scene.world.calls == []


def test_a_dead_process_costs_two_minutes() -> None:
    """A lease that was never given back ends by itself."""
    scene = Scene(refreshingUntil=NOW + token_lifetime.LEASE)
    assert scene.run().outcome is Outcome.IN_PROGRESS
    scene.world.clock.forward(seconds=token_lifetime.LEASE.total_seconds())
    assert scene.run(fresh()).outcome is Outcome.REFRESHED


IDLE: list[dict[str, Any]] = [
    {"refreshAt": NOW + timedelta(seconds=1)},
    {"refreshAt": None},
    {"status": "reconnect_required", "refreshAt": None},
    {"status": "unheard_of"},
    {"age": timedelta(hours=23)},
]


@pytest.mark.parametrize("changes", IDLE, ids=str)
def test_what_is_not_due_costs_one_read(changes: dict[str, Any]) -> None:
    """An account whose turn it is not is neither written nor asked about."""
    scene = Scene(**changes)
    assert scene.run().outcome is Outcome.NOT_DUE
    assert (scene.world.wire.reads, scene.world.wire.commits, scene.world.calls) == (1, 0, [])


def test_an_account_that_is_gone_is_let_go() -> None:
    """A task that comes for an account which was disconnected does nothing."""
    scene = Scene()
    scene.world.delete_account()
    assert scene.run() == Refresh(Outcome.OVERTAKEN)


PASSING: dict[str, list[Said]] = {
    "no answer": [silence()],
    "not sent": [silence("NotSent")],
    "500": [reply(500, HTML)],
    "503": [reply(503, graph_error(2, is_transient=True))],
    "429": [reply(429, b"")],
    "limit": [reply(400, graph_error(4))],
    "spam": [reply(400, graph_error(4, 2207051))],
    "blocked": [reply(400, graph_error(368))],
    "permission": [reply(400, graph_error(10))],
    "too young": [ODD, reply(200, {"id": ACCOUNT})],
    "refused, and not confirmed": [ODD, silence()],
    "not found": [LOST, reply(200, {"id": ACCOUNT})],
    "not found, and not confirmed": [LOST, reply(503, graph_error(24, 4279009))],
    "unknown code": [reply(400, graph_error(4711)), reply(200, {"id": ACCOUNT})],
    "dead, and it works": [DEAD, reply(200, {"id": ACCOUNT})],
    "dead, says a server in trouble": [reply(500, graph_error(190))],
    "refused, and dead says a server in trouble": [ODD, reply(502, graph_error(190))],
    "HTML": [reply(200, HTML)],
    "half an answer": [reply(200, b'{"access_token": "THA')],
    "no token": [reply(200, {"expires_in": 60})],
    "an empty token": [reply(200, {"access_token": "", "expires_in": 60})],
    "a redirect": [reply(302, b"")],
}


@pytest.mark.parametrize("said", PASSING.values(), ids=PASSING)
def test_passing_trouble_never_disconnects(said: list[Said]) -> None:
    """An error that does not prove a dead token leaves the account active, without a lease, and due later."""
    scene = Scene()
    before, card = scene.account, scene.card
    done = scene.run(*said)
    assert (done.outcome, done.account) == (Outcome.POSTPONED, scene.account)
    assert done.error
    assert scene.world.graph.is_done()
    later = token_lifetime.retry_at(before, NOW)
    assert scene.fields == {**before.fields, "refreshAt": later, "refreshError": done.error.code}
    assert scene.card == card


def test_it_is_tried_until_the_token_ends() -> None:
    """Within the hour on the last days; the account asks for a reconnect only once Threads has been asked."""
    scene = Scene(age=LIFETIME - timedelta(minutes=8))
    assert scene.run(silence()).outcome is Outcome.POSTPONED
    assert scene.fields["refreshAt"] == NOW + token_lifetime.LAST_PAUSE
    scene.world.clock.now = scene.fields["refreshAt"]
    assert scene.run(silence()).outcome is Outcome.POSTPONED
    assert scene.fields["refreshAt"] == scene.fields["expiresAt"]
    scene.world.clock.now = scene.fields["expiresAt"]
    assert scene.run(silence()).outcome is Outcome.POSTPONED
    scene.world.clock.now = scene.fields["refreshAt"]
    assert scene.run(DEAD, DEAD).outcome is Outcome.ENDED
    assert scene.fields["status"] == "reconnect_required"
    assert scene.card["statusReason"] == "token_expired"
    assert scene.world.calls == [*["refresh_token"] * 4, "ask_witness"]


def test_a_token_has_expired_whatever_threads_says_of_it_a_day_later() -> None:
    """Threads may refuse it with an error that proves nothing: then the account ends a day after its time."""
    refusal = reply(400, graph_error(10))
    scene = Scene(age=LIFETIME + 23 * HOUR)
    assert scene.run(refusal).outcome is Outcome.POSTPONED
    scene.world.clock.forward(seconds=3601)
    assert scene.run(refusal, reply(200, {"id": ACCOUNT})).outcome is Outcome.POSTPONED
    scene.world.clock.forward(seconds=3600)
    assert scene.run(refusal, refusal).outcome is Outcome.ENDED
    assert scene.card["statusReason"] == "token_expired"


ENDS: list[list[Said]] = [
    [DEAD, DEAD],
    [reply(401, graph_error(102)), DEAD],
    [DEAD, LOST],
    [ODD, DEAD],
    [reply(400, graph_error(4711)), DEAD],
    [ODD, ODD],
    [reply(400, graph_error(100, 33)), reply(400, graph_error(100, 33))],
    [LOST, LOST],
    [LOST, DEAD],
]


@pytest.mark.parametrize("said", ENDS, ids=range(len(ENDS)))
def test_a_dead_token_asks_for_a_reconnect(said: list[Said]) -> None:
    """The card says so at once. The token is not refreshed again, and looked at in an hour."""
    scene = Scene()
    done = scene.run(*said, NOT_VALID)
    assert (done.outcome, type(done.error).__name__) == (Outcome.ENDED, "ReconnectRequired")
    assert scene.fields["status"] == "reconnect_required"
    assert scene.fields["refreshAt"] == NOW + HOUR
    assert not {"refreshingUntil", "refreshError", "deadSince"} & scene.fields.keys()
    assert (scene.card["status"], scene.card["statusReason"]) == ("reconnect_required", "token_rejected")
    assert scene.run().outcome is Outcome.NOT_DUE


def ended() -> Scene:
    """Return an account that has ended, for wrong answers, an hour later."""
    scene = Scene()
    scene.run(DEAD, DEAD, NOT_VALID)
    scene.world.clock.now = scene.fields["refreshAt"]
    return scene


def test_an_account_that_threads_was_wrong_about_revives() -> None:
    """An hour later the token works: the card asks for nothing, and the next sweep refreshes it."""
    scene = ended()
    done = scene.run(reply(200, {"id": ACCOUNT}))
    assert (done.outcome, done.account) == (Outcome.REVIVED, scene.account)
    assert not scene.world.is_marked()
    assert "statusReason" not in scene.card
    assert scene.run(fresh()).outcome is Outcome.REFRESHED
    assert scene.world.token() == NEW


@pytest.mark.parametrize("said", [DEAD, silence(), reply(503, b"")], ids=["dead", "silent", "down"])
def test_a_dead_token_is_looked_at_for_a_week(said: GraphReply) -> None:
    """One call each time, whatever is wrong; after a week, no sweep finds the account."""
    scene = ended()
    asked = len(scene.world.calls)
    while "refreshAt" in scene.fields:
        scene.world.clock.now = scene.fields["refreshAt"]
        assert scene.run(said).outcome is Outcome.STILL_DEAD
    assert scene.world.calls[asked:] == ["ask_witness"] * 8
    assert scene.world.is_marked()
    assert scene.world.clock.now - NOW < 7 * DAY
    assert scene.run().outcome is Outcome.NOT_DUE


def test_an_account_that_is_connected_again_while_it_is_looked_at_keeps_that() -> None:
    """Its new token is not touched by what Threads says of the old one."""
    for said in (DEAD, reply(200, {"id": ACCOUNT})):
        scene = ended()
        scene.meanwhile(lambda it=scene: it.world.connect(ACCOUNT, OTHER), said)  # type: ignore[misc]
        assert (scene.world.token(), scene.world.is_marked()) == (OTHER, False)


def others_die(world: World) -> None:
    """Let some other tokens die just now."""
    for _ in range(5):
        world.accounts.repository.note_dead(world.clock())


def test_the_app_asks_in_its_own_name_whether_a_token_is_dead() -> None:
    """In Meta's form: Threads would refuse to answer the dead token itself."""
    scene = Scene()
    scene.run(DEAD, DEAD, NOT_VALID)
    assert scene.world.calls == ["refresh_token", "ask_witness", "read_grants"]
    [*_, request] = scene.world.graph.requests
    own = f"TH|{scene.world.config.app_id}|{scene.world.config.app_secret.reveal()}"
    assert request.query == {"input_token": OLD, "access_token": own}
    assert scene.world.config.app_secret.reveal() not in repr(request)


def test_who_cannot_speak_for_the_app_leaves_a_doubt() -> None:
    """A function without the app's secret does not ask."""
    scene = Scene()
    scene.world.say(DEAD, DEAD)
    parts = replace(scene.world.accounts, app_token=None)
    assert refresh.refresh_account(parts, UID, ACCOUNT).outcome is Outcome.DOUBTED
    assert scene.world.calls == ["refresh_token", "ask_witness"]


UNCERTAIN: dict[str, GraphReply] = {
    "the app's token is dead, too": DEAD,
    "it is valid": validity(is_valid=True),
    "silence": silence(),
    "503": reply(503, b""),
    "HTML": reply(200, HTML),
    "nothing about it": reply(200, {"data": {}}),
}


@pytest.mark.parametrize("third", UNCERTAIN.values(), ids=UNCERTAIN)
def test_without_a_third_answer_there_is_a_doubt(third: GraphReply) -> None:
    """The account stays active, is tried again within hours, and its card has the reason; then it is well."""
    scene = Scene()
    before = scene.card
    assert scene.run(DEAD, DEAD, third).outcome is Outcome.DOUBTED
    assert scene.card == before | {"refreshError": "reconnect_required"}
    assert scene.fields["refreshAt"] - NOW <= 6 * HOUR
    scene.world.clock.now = scene.fields["refreshAt"]
    scene.run(fresh())
    assert "refreshError" not in scene.card


@pytest.mark.parametrize(("age", "shown"), [(45 * DAY, None), (LIFETIME - 5 * DAY, "threads_unavailable")])
def test_a_doubt_that_is_over_leaves_the_card(age: timedelta, shown: str | None) -> None:
    """Another error is not shown, except in the token's last week."""
    scene = Scene(age=age)
    scene.run(DEAD, DEAD, DEAD)
    scene.world.clock.now = scene.fields["refreshAt"]
    assert scene.run(silence()).outcome is Outcome.POSTPONED
    assert scene.card.get("refreshError") == shown


def test_a_token_that_is_called_dead_later_without_a_doubt_ends_its_account() -> None:
    """The doubt is about Threads' bad hour, and ends with it, if the token was really dead."""
    scene = Scene()
    assert scene.run(DEAD, DEAD, DEAD).outcome is Outcome.DOUBTED
    scene.world.clock.now = scene.fields["refreshAt"]
    assert scene.run(DEAD, DEAD, NOT_VALID).outcome is Outcome.ENDED
    assert "refreshError" not in scene.card


def test_if_many_tokens_have_died_just_now_there_is_a_doubt() -> None:
    """Whatever the app is told. It ends with the hour."""
    scene = Scene()
    others_die(scene.world)
    assert scene.run(DEAD, DEAD, NOT_VALID).outcome is Outcome.DOUBTED
    scene.world.clock.now = scene.fields["refreshAt"]
    assert scene.run(DEAD, DEAD, NOT_VALID).outcome is Outcome.ENDED


def test_a_firestore_that_does_not_tell_how_many_are_dead_leaves_doubt() -> None:
    """The account stays active, and is tried again later."""
    scene = Scene()
    scene.world.wire.refuses = "threadsAlarms/"
    assert scene.run(DEAD, DEAD, NOT_VALID).outcome is Outcome.DOUBTED
    assert not scene.world.is_marked()


def test_a_bad_day_of_threads_ends_no_account() -> None:
    """A token has to be called dead in each try of a day, whatever comes between; then it is believed."""
    for said in ([ODD, reply(200, {"id": ACCOUNT})], [silence()], [DEAD, reply(200, {"id": ACCOUNT})]):
        scene = Scene()
        while scene.world.clock() < NOW + DAY:
            done = scene.run(DEAD, DEAD, DEAD)
            assert (done.outcome, type(done.error).__name__) == (Outcome.DOUBTED, "ReconnectRequired")
            scene.world.clock.now = scene.fields["refreshAt"]
        assert scene.run(*said).outcome is Outcome.POSTPONED
        scene.world.clock.now = scene.fields["refreshAt"]
        assert scene.run(DEAD, DEAD, DEAD).outcome is Outcome.DOUBTED
        scene.world.clock.forward(seconds=DAY.total_seconds())
        assert scene.run(DEAD, DEAD).outcome is Outcome.ENDED


def test_the_card_says_that_the_last_weeks_refreshes_fail() -> None:
    """Once a day until the token ends; with the next good refresh, it is as before."""
    scene = Scene(age=LIFETIME - 6 * DAY)
    refusal = reply(400, graph_error(10))
    done = scene.run(refusal)
    assert (done.outcome, done.is_alarm) == (Outcome.POSTPONED, True)
    assert (scene.card["status"], scene.card.get("refreshError")) == ("active", "missing_scope")
    scene.world.clock.now = scene.fields["refreshAt"]
    assert not scene.run(refusal).is_alarm
    scene.world.clock.now = NOW + DAY + HOUR
    assert scene.run(refusal).is_alarm
    scene.world.clock.now = scene.fields["refreshAt"]
    scene.run(fresh())
    assert "refreshError" not in scene.card
    assert "alarmedAt" not in scene.fields


# --- what nobody has said -----------------------------------------------------------------------------------

GRANTED = reply(200, {"data": {"is_valid": True, "scopes": ["threads_basic"], "user_id": ACCOUNT}})


def test_what_nobody_knew_is_asked_with_each_refresh() -> None:
    """Until Threads says what a token may do; then the account and its card know it, and nobody asks."""
    scene = Scene(scopes=None)
    assert scene.run(fresh(), silence()).outcome is Outcome.REFRESHED
    assert scene.account.scopes is None
    scene.world.change_account(refreshAt=NOW, expiresIn=None)
    done = scene.run(fresh(), GRANTED)
    assert (done.outcome, done.account) == (Outcome.REFRESHED, scene.account)
    assert scene.account.scopes == ["threads_basic"]
    assert scene.card["refusedScopes"] == ["threads_content_publish"]
    assert scene.card["canPublish"] is False
    scene.world.change_account(refreshAt=NOW, expiresIn=None)
    scene.run(fresh())
    assert scene.world.calls == [*["refresh_token", "read_grants"] * 2, "refresh_token"]


def test_a_new_token_is_saved_before_anything_is_asked_about_it() -> None:
    """A process that dies while it asks has lost nothing."""
    scene = Scene(scopes=None)
    scene.world.deaths.next = "before read_grants"
    with pytest.raises(Died):
        scene.run(fresh())
    assert scene.world.token() == NEW


def test_a_token_whose_lifetime_nobody_has_said_lasts_sixty_days() -> None:
    """It is saved, and the log is told."""
    scene = Scene()
    done = scene.run(reply(200, {"access_token": NEW}))
    assert (done.outcome, done.is_lifetime_known) == (Outcome.REFRESHED, False)
    assert scene.fields["expiresAt"] == NOW + LIFETIME


def test_a_token_that_no_key_opens_is_not_given_up() -> None:
    """A key that was left out comes back: the account is looked at again later, and not marked."""
    scene = Scene()
    scene.world.vault = Vault({"other": Secret(OTHER_KEY)}, lambda: PROJECT)
    done = scene.run()
    assert done.outcome is Outcome.POSTPONED
    assert done.error
    assert "TOKEN_KEYS" in done.error.message
    assert scene.account.is_active
    assert scene.fields["refreshAt"] == token_lifetime.retry_at(scene.account, NOW)
    assert scene.world.calls == []


# --- other writers, meanwhile -------------------------------------------------------------------------------


def test_what_was_disconnected_stays_so() -> None:
    """The new token of an account that is gone is thrown away."""
    scene = Scene()
    done = scene.meanwhile(scene.world.delete_account, fresh())
    assert done == Refresh(Outcome.OVERTAKEN)
    assert not scene.world.has_account()


def test_what_is_being_disconnected_is_not_resurrected() -> None:
    """An account whose token has been taken away gets no other."""
    scene = Scene()
    change = disconnect_change(NOW)
    done = scene.meanwhile(lambda: scene.world.change_account(**change.account), fresh())
    assert done.outcome is Outcome.OVERTAKEN
    assert scene.account.sealed_token is None
    assert scene.fields["status"] == "reconnect_required"


def test_a_reconnect_wins() -> None:
    """An account that was connected again meanwhile has the newer token, and keeps it."""
    scene = Scene()
    done = scene.meanwhile(lambda: scene.world.connect(ACCOUNT, OTHER), fresh())
    assert done.outcome is Outcome.OVERTAKEN
    assert scene.world.token() == OTHER
    assert scene.fields["expiresAt"] == NOW + LIFETIME


def test_an_account_that_was_connected_again_is_not_marked_for_its_old_token() -> None:
    """That the old token is dead says nothing of the new one."""
    scene = Scene()
    done = scene.meanwhile(lambda: scene.world.connect(ACCOUNT, OTHER), DEAD, DEAD, NOT_VALID)
    assert (done.outcome, done.account) == (Outcome.OVERTAKEN, scene.account)
    assert (scene.fields["status"], scene.card["status"]) == ("active", "active")


def test_a_dead_token_of_an_account_that_is_gone_marks_nothing() -> None:
    """A refresh that learns of a dead token after its account was disconnected writes nothing."""
    scene = Scene()
    done = scene.meanwhile(scene.world.delete_account, DEAD, DEAD, NOT_VALID)
    assert done == Refresh(Outcome.OVERTAKEN)
    assert scene.card["status"] == "active"


def test_passing_trouble_leaves_a_reconnect_alone() -> None:
    """An account that was connected again meanwhile is due when its own token says so."""
    scene = Scene()
    connected: list[StoredAccount] = []
    done = scene.meanwhile(lambda: connected.append(scene.world.connect(ACCOUNT, OTHER)), silence())
    assert done.outcome is Outcome.POSTPONED
    assert connected == [scene.account]


def test_a_change_of_something_else_does_not_cost_the_new_token() -> None:
    """Another writer of the same document is no reason to throw a token away."""
    scene = Scene()
    done = scene.meanwhile(lambda: scene.world.change_account(enabled_for_repost=True), fresh())
    assert done.outcome is Outcome.REFRESHED
    assert scene.world.token() == NEW
    assert scene.fields["enabled_for_repost"] is True


def test_the_same_token_with_a_longer_life_is_saved() -> None:
    """Threads may let a token live on instead of giving out another."""
    scene = Scene()
    done = scene.meanwhile(lambda: scene.world.change_account(enabled_for_repost=True), fresh(OLD))
    assert done.outcome is Outcome.REFRESHED
    assert scene.world.token() == OLD
    assert scene.fields["expiresAt"] > NOW + 59 * DAY


def test_a_token_that_was_sealed_anew_is_still_the_same() -> None:
    """A change of keys under way does not keep a refreshed token from being saved."""
    scene = Scene()
    keys = {"new": Secret(OTHER_KEY), **scene.world.config.token_keys}
    scene.world.vault = Vault(keys, lambda: PROJECT)

    def reseal() -> None:
        sealed = scene.world.vault.seal_token(Secret(OLD), UID, ACCOUNT)
        scene.world.change_account(**{TOKEN_FIELD: sealed})

    assert scene.meanwhile(reseal, fresh()).outcome is Outcome.REFRESHED
    assert scene.world.token() == NEW


def test_an_account_that_was_marked_for_the_old_token_lives_on_with_the_new_one() -> None:
    """A delivery used the old token while it was exchanged, and marked the account: wrongly, by now."""
    scene = Scene()

    def mark() -> None:
        marked = reconnect_change("token_rejected", NOW)
        assert scene.world.accounts.repository.change(scene.account, marked)
        assert scene.card["statusReason"] == "token_rejected"

    assert scene.meanwhile(mark, fresh()).outcome is Outcome.REFRESHED
    assert (scene.fields["status"], scene.world.token()) == ("active", NEW)
    assert scene.fields["refreshAt"] > NOW
    assert (scene.card["status"], "statusReason" in scene.card) == ("active", False)


# --- Firestore's troubles -----------------------------------------------------------------------------------


def trouble(scene: Scene, *, fails: int = 0, loses_answers: int = 0) -> Callable[[], None]:
    """Return what lets the next calls to Firestore fail, or the next commits lose their answers."""

    def begin() -> None:
        scene.world.wire.fails, scene.world.wire.loses_answers = fails, loses_answers

    return begin


def test_a_lost_answer_of_the_last_commit_is_found_out() -> None:
    """The token was saved although the answer was lost: it is not saved twice."""
    scene = Scene()
    done = scene.meanwhile(trouble(scene, loses_answers=1), fresh())
    assert (done.outcome, done.account) == (Outcome.REFRESHED, scene.account)
    assert scene.world.token() == NEW


@pytest.mark.parametrize("fails", [1, 2, 4])
def test_a_new_token_survives_firestores_bad_moment(fails: int) -> None:
    """A token that Threads has given out is not lost to a few failed commits."""
    scene = Scene()
    assert scene.meanwhile(trouble(scene, fails=fails), fresh()).outcome is Outcome.REFRESHED
    assert scene.world.token() == NEW


def test_a_firestore_that_stays_down_leaves_the_account_due() -> None:
    """A token that was not saved is refreshed anew when the lease is over, with the one that is there."""
    scene = Scene()
    with pytest.raises(ServiceUnavailable):
        scene.meanwhile(trouble(scene, fails=1000), fresh())
    scene.world.wire.fails = 0
    assert scene.world.token() == OLD
    scene.world.clock.forward(seconds=token_lifetime.LEASE.total_seconds())
    assert scene.run(fresh(OTHER)).outcome is Outcome.REFRESHED
    assert scene.world.token() == OTHER


def test_no_secret_shows_in_what_is_told() -> None:
    """What Threads echoes of a token does not get into what the log is told."""
    scene = Scene()
    error = scene.run(reply(400, graph_error(4, message=f"access_token={OLD}"))).error
    assert isinstance(error, ThreadsError)
    assert error.evidence
    assert error.evidence.step is Step.REFRESH_TOKEN
    assert "[hidden]" in error.evidence.excerpt
    assert OLD not in f"{error.message} {error.evidence}"
