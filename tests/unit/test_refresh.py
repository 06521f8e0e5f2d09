"""One account's refresh: what is asked, what is written, and what becomes of it whatever goes wrong."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.unit.account_store import LIFETIME, AccountStore
from tests.unit.fakes import ACCOUNT, NOW, UID, Said, World, silence
from tests.unit.support import HTML, OTHER_KEY, graph_error, reply
from threads import refresh, tokens
from threads.accounts import TOKEN_FIELD, disconnect_change, reconnect_change
from threads.errors import ServiceUnavailable, ThreadsError
from threads.failures import Step
from threads.graph import GraphReply, GraphRequest
from threads.refresh import Outcome, Refresh
from threads.tools import Tools
from threads.vault import Vault
from threads.wire import Secret

if TYPE_CHECKING:
    from threads.documents import Found
    from threads.store import Store

DAY = timedelta(days=1)
OLD, NEW, OTHER = "THAAold", "THAAnew", "THAAother"
DEAD = reply(400, graph_error(190, 463))
ODD = reply(400, graph_error(100))


def fresh(token: str = NEW, seconds: int = 5183944) -> GraphReply:
    """Return a refreshed token."""
    return reply(200, {"access_token": token, "token_type": "bearer", "expires_in": seconds})


class Scene:
    """An account whose token is due to be refreshed, and a world around it."""

    def __init__(self, *, age: timedelta = 45 * DAY, **changes: Any) -> None:
        """Connect it so long ago."""
        self.world = World()
        self.store = AccountStore(self.world.vault)
        self.store.connect(ACCOUNT, OLD, at=NOW - age, **{"refreshAt": NOW, **changes})

    @property
    def tools(self) -> Tools:
        """The world as the story gets it."""
        return self.world.tools._replace(store=cast("Store", self.store))

    @property
    def fields(self) -> dict[str, Any]:
        """The account's document."""
        return self.store.fields(ACCOUNT)

    @property
    def card(self) -> dict[str, Any]:
        """The account's card."""
        return self.store.cards[UID, ACCOUNT]

    def run(self, *said: Said) -> Refresh:
        """Refresh the account while Threads says this."""
        self.world.say(*said)
        return refresh.refresh_account(self.tools, UID, ACCOUNT)


def test_a_refresh_is_one_read_two_commits_and_one_call() -> None:
    """The new token lies sealed in the old one's place, with its times; the card has the new end."""
    scene = Scene(age=45 * DAY)
    done = scene.run(fresh(seconds=5184000))
    assert (done.outcome, done.account) == (Outcome.REFRESHED, scene.store.found(ACCOUNT))
    assert (scene.store.reads, scene.store.commits, scene.world.calls) == (1, 2, ["refresh_token"])
    assert scene.store.token(ACCOUNT) == NEW
    written = {name: value for name, value in scene.fields.items() if name != TOKEN_FIELD}
    assert written == {
        "status": "active",
        "tokenType": "bearer",
        "updatedAt": NOW,
        **tokens.token_times(ACCOUNT, NOW, LIFETIME),
    }
    assert scene.card == {"status": "active", "username": "ada", "expiresAt": NOW + LIFETIME}


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


def test_who_comes_second_to_the_lease_asks_nothing() -> None:
    """Of two that have read the same document, the one whose commit comes later stops."""
    scene = Scene()

    def overtake(number: int) -> None:
        if number == 1:
            scene.store.change(ACCOUNT, refreshingUntil=NOW + tokens.LEASE)

    scene.store.before_commit = overtake
    assert scene.run().outcome is Outcome.IN_PROGRESS
    assert scene.world.calls == []


def test_a_dead_process_costs_two_minutes() -> None:
    """A lease that nobody gave back ends by itself."""
    scene = Scene(refreshingUntil=NOW + tokens.LEASE)
    assert scene.run().outcome is Outcome.IN_PROGRESS
    scene.world.clock.forward(seconds=tokens.LEASE.total_seconds())
    assert scene.run(fresh()).outcome is Outcome.REFRESHED


IDLE: list[dict[str, Any]] = [
    {"refreshAt": NOW + timedelta(seconds=1)},
    {"refreshAt": None},
    {"status": "reconnect_required"},
    {"age": timedelta(hours=23)},
]


@pytest.mark.parametrize("changes", IDLE, ids=str)
def test_what_is_not_due_costs_one_read(changes: dict[str, Any]) -> None:
    """An account whose turn it is not is neither written nor asked about."""
    scene = Scene(**changes)
    assert scene.run().outcome is Outcome.NOT_DUE
    assert (scene.store.reads, scene.store.commits, scene.world.calls) == (1, 0, [])


def test_an_account_that_is_gone_is_let_go() -> None:
    """A task that comes for an account which was disconnected does nothing."""
    scene = Scene()
    scene.store.delete(ACCOUNT)
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
    "refused, and nobody knows": [ODD, silence()],
    "unknown code": [reply(400, graph_error(4711)), reply(200, {"id": ACCOUNT})],
    "dead, says a server in trouble": [reply(500, graph_error(190))],
    "refused, and dead says a server in trouble": [ODD, reply(502, graph_error(190))],
    "HTML": [reply(200, HTML)],
    "half an answer": [reply(200, b'{"access_token": "THA')],
    "no token": [reply(200, {"expires_in": 60})],
    "an empty token": [reply(200, {"access_token": "", "expires_in": 60})],
    "no lifetime": [reply(200, {"access_token": NEW})],
    "no length of time": [reply(200, {"access_token": NEW, "expires_in": -1})],
    "a redirect": [reply(302, b"")],
}


@pytest.mark.parametrize("said", PASSING.values(), ids=PASSING)
def test_passing_trouble_never_disconnects(said: list[Said]) -> None:
    """Whatever does not prove a dead token leaves the account active, unleased, and due some hours later."""
    scene = Scene()
    before = dict(scene.fields)
    done = scene.run(*said)
    assert done.outcome is Outcome.POSTPONED
    assert done.error
    assert scene.world.graph.is_done()
    assert scene.fields == {**before, "refreshAt": tokens.retry_at(ACCOUNT, before, NOW)}
    assert scene.card == {"status": "active", "username": "ada"}


def test_it_is_tried_until_the_token_ends() -> None:
    """Within the hour on the last days; then the account asks for a reconnect, with a reason of its own."""
    scene = Scene(age=LIFETIME - timedelta(minutes=8))
    assert scene.run(silence()).outcome is Outcome.POSTPONED
    assert scene.fields["refreshAt"] == NOW + tokens.LAST_PAUSE
    scene.world.clock.now = scene.fields["refreshAt"]
    assert scene.run(silence()).outcome is Outcome.POSTPONED
    assert scene.fields["refreshAt"] == scene.fields["expiresAt"]
    scene.world.clock.now = scene.fields["expiresAt"]
    assert scene.run().outcome is Outcome.ENDED
    assert scene.fields["status"] == "reconnect_required"
    assert scene.card["statusReason"] == "token_expired"
    assert scene.world.calls == ["refresh_token"] * 2


ENDS: list[list[Said]] = [
    [DEAD],
    [reply(401, graph_error(102))],
    [ODD, DEAD],
    [reply(400, graph_error(4711)), DEAD],
]


@pytest.mark.parametrize("said", ENDS, ids=range(len(ENDS)))
def test_a_dead_token_asks_for_a_reconnect(said: list[Said]) -> None:
    """What Threads calls dead, at once or when the profile is asked for, ends: no sweep finds it again."""
    scene = Scene()
    done = scene.run(*said)
    assert (done.outcome, type(done.error).__name__) == (Outcome.ENDED, "ReconnectRequired")
    assert scene.fields["status"] == "reconnect_required"
    assert not {"refreshAt", "refreshingUntil"} & scene.fields.keys()
    assert (scene.card["status"], scene.card["statusReason"]) == ("reconnect_required", "token_rejected")
    assert scene.run().outcome is Outcome.NOT_DUE


def test_a_token_that_no_key_opens_is_not_given_up() -> None:
    """A key that was left out comes back: the account is looked at again later, and not marked."""
    scene = Scene()
    scene.world.vault = Vault({"other": Secret(OTHER_KEY)})
    done = scene.run()
    assert done.outcome is Outcome.POSTPONED
    assert done.error
    assert "TOKEN_KEYS" in done.error.message
    assert scene.fields["status"] == "active"
    assert scene.fields["refreshAt"] == tokens.retry_at(ACCOUNT, scene.fields, NOW)
    assert scene.world.calls == []


# --- others, meanwhile --------------------------------------------------------------------------------------


def meanwhile(scene: Scene, change: Callable[[Scene], None]) -> Refresh:
    """Let somebody change the account while Threads is being asked."""

    def asked(_request: GraphRequest) -> GraphReply:
        change(scene)
        return fresh()

    return scene.run(asked)


def disconnect(scene: Scene) -> None:
    """Disconnect the account."""
    scene.store.delete(ACCOUNT)


def test_what_was_disconnected_stays_so() -> None:
    """The new token of an account that is gone is thrown away."""
    scene = Scene()
    assert meanwhile(scene, disconnect).outcome is Outcome.OVERTAKEN
    assert scene.store.find_accounts(UID, ACCOUNT) == []


def test_what_is_being_disconnected_is_not_resurrected() -> None:
    """An account whose token has been taken away gets no other."""
    scene = Scene()
    change, _ = disconnect_change(NOW)
    assert meanwhile(scene, lambda it: void(it.store.change(ACCOUNT, **change))).outcome is Outcome.OVERTAKEN
    assert TOKEN_FIELD not in scene.fields
    assert scene.fields["status"] == "reconnect_required"


def void(_value: object) -> None:
    """Return nothing."""


def test_a_reconnect_wins() -> None:
    """Who has connected the account again meanwhile has the newer token, and keeps it."""
    scene = Scene()
    done = meanwhile(scene, lambda it: void(it.store.connect(ACCOUNT, OTHER)))
    assert done.outcome is Outcome.OVERTAKEN
    assert scene.store.token(ACCOUNT) == OTHER
    assert scene.fields["expiresAt"] == NOW + LIFETIME


def test_an_account_that_was_connected_again_is_not_marked_for_its_old_token() -> None:
    """That the old token is dead says nothing of the new one."""
    scene = Scene()

    def asked(_request: GraphRequest) -> GraphReply:
        scene.store.connect(ACCOUNT, OTHER)
        return DEAD

    done = scene.run(asked)
    assert (done.outcome, done.account) == (Outcome.OVERTAKEN, scene.store.found(ACCOUNT))
    assert scene.fields["status"] == "active"
    assert scene.card["status"] == "active"


def test_a_dead_token_of_an_account_that_is_gone_is_nobodys() -> None:
    """Who learns that a token is dead after its account was disconnected finds none to mark."""
    scene = Scene()

    def asked(_request: GraphRequest) -> GraphReply:
        disconnect(scene)
        return DEAD

    assert scene.run(asked) == Refresh(Outcome.OVERTAKEN)


def test_passing_trouble_leaves_a_reconnect_alone() -> None:
    """What was connected meanwhile is due when its own token says so."""
    scene = Scene()
    connected: list[Found] = []

    def asked(_request: GraphRequest) -> GraphReply:
        connected.append(scene.store.connect(ACCOUNT, OTHER))
        return silence()

    assert scene.run(asked).outcome is Outcome.POSTPONED
    assert connected == [scene.store.found(ACCOUNT)]


def test_a_change_of_something_else_does_not_cost_the_new_token() -> None:
    """Another writer of the same document is no reason to throw a token away."""
    scene = Scene()
    done = meanwhile(scene, lambda it: void(it.store.change(ACCOUNT, enabled_for_repost=True)))
    assert done.outcome is Outcome.REFRESHED
    assert scene.store.token(ACCOUNT) == NEW
    assert scene.fields["enabled_for_repost"] is True


def test_a_token_that_was_sealed_anew_is_still_the_same() -> None:
    """A change of keys under way does not keep a refreshed token from being saved."""
    scene = Scene()
    scene.world.vault = Vault({"new": Secret(OTHER_KEY), **scene.world.config.token_keys})

    def reseal(it: Scene) -> None:
        place = it.store.place(UID, ACCOUNT)
        it.store.change(ACCOUNT, **{TOKEN_FIELD: it.world.vault.seal(Secret(OLD), place)})

    assert meanwhile(scene, reseal).outcome is Outcome.REFRESHED
    assert scene.store.token(ACCOUNT, vault=scene.world.vault) == NEW


def test_an_account_that_was_marked_for_the_old_token_lives_on_with_the_new_one() -> None:
    """A delivery that used the old token while it was exchanged has marked the account: wrongly, by now."""
    scene = Scene()

    def mark(it: Scene) -> None:
        change, card = reconnect_change("token_rejected", NOW)
        it.store.change_account(UID, it.store.found(ACCOUNT), change=change, card=card)

    assert meanwhile(scene, mark).outcome is Outcome.REFRESHED
    assert (scene.fields["status"], scene.store.token(ACCOUNT)) == ("active", NEW)
    assert scene.fields["refreshAt"] > NOW
    assert (scene.card["status"], "statusReason" in scene.card) == ("active", False)


# --- Firestore's troubles -----------------------------------------------------------------------------------


def test_a_lost_answer_of_the_last_commit_is_found_out() -> None:
    """The token was saved although nobody said so: it is not saved twice."""
    scene = Scene()

    def asked(_request: GraphRequest) -> GraphReply:
        scene.store.loses_answers = 1
        return fresh()

    assert scene.run(asked).outcome is Outcome.REFRESHED
    assert scene.store.token(ACCOUNT) == NEW


@pytest.mark.parametrize("fails", [1, 2, 4])
def test_a_new_token_survives_firestores_bad_moment(fails: int) -> None:
    """A token that Threads has given out is not lost to a few failed commits."""
    scene = Scene()

    def asked(_request: GraphRequest) -> GraphReply:
        scene.store.fails = fails
        return fresh()

    assert scene.run(asked).outcome is Outcome.REFRESHED
    assert scene.store.token(ACCOUNT) == NEW


def test_a_firestore_that_stays_down_leaves_the_account_due() -> None:
    """What could not be saved is refreshed anew when the lease is over, with the token that is there."""
    scene = Scene()

    def asked(_request: GraphRequest) -> GraphReply:
        scene.store.fails = 1000
        return fresh()

    with pytest.raises(ServiceUnavailable):
        scene.run(asked)
    scene.store.fails = 0
    assert scene.store.token(ACCOUNT) == OLD
    scene.world.clock.forward(seconds=tokens.LEASE.total_seconds())
    assert scene.run(fresh(OTHER)).outcome is Outcome.REFRESHED
    assert scene.store.token(ACCOUNT) == OTHER


def test_the_same_token_with_a_longer_life_is_saved() -> None:
    """Threads may let a token live on instead of giving out another."""
    scene = Scene()
    done = meanwhile_same(scene)
    assert done.outcome is Outcome.REFRESHED
    assert scene.store.token(ACCOUNT) == OLD
    assert scene.fields["expiresAt"] > NOW + 59 * DAY


def meanwhile_same(scene: Scene) -> Refresh:
    """Refresh to the same token while somebody changes the document."""

    def asked(_request: GraphRequest) -> GraphReply:
        scene.store.change(ACCOUNT, enabled_for_repost=True)
        return fresh(OLD)

    return scene.run(asked)


def test_no_secret_shows_in_what_is_told() -> None:
    """What Threads echoes of a token does not get into what the log is told."""
    scene = Scene()
    error = scene.run(reply(400, graph_error(4, message=f"access_token={OLD}"))).error
    assert isinstance(error, ThreadsError)
    assert error.evidence
    assert error.evidence.step is Step.REFRESH_TOKEN
    assert "[hidden]" in error.evidence.excerpt
    assert OLD not in f"{error.message} {error.evidence}"
