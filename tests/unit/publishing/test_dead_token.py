"""A token that dies before, during or between deliveries, however Threads says so, or does not say so."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from tests.unit.support import OTHER_KEY, TOKEN, graph_error, reply
from tests.unit.world import (
    ACCOUNT,
    IMAGE,
    NOW,
    PROJECT,
    TEXT,
    UID,
    World,
    is_,
    listed,
    made,
    post_id,
)
from threads.accounts.access_token import note_dead_token
from threads.accounts.vault import Vault
from threads.base.errors import ReconnectRequired, ThreadsUnavailable
from threads.base.secret import Secret
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply, GraphRequest
from threads.posts.content import Content
from threads.posts.ledger import RECORD_LIFETIME, Record, State, begun_again, may_begin_again, new_record
from threads.posts.submission import Submission
from threads.publishing import publish, schedule
from threads.publishing.outcome import Outcome

SAYS_SO = reply(400, graph_error(190, 460))
NOT_FOUND = reply(400, graph_error(24, 4279009, "The requested resource does not exist"))
UNSUPPORTED = reply(400, graph_error(100, 33, "Unsupported request"))
KINDS = {"190": SAYS_SO, "24": NOT_FOUND, "100": UNSUPPORTED}
"""What Threads answers to every call with a dead token: nobody knows which of them before."""

NEW = "THAAnew"
THREAD = Content({"text": "hello", "thread": [{"text": "one"}, {"text": "two"}]})
PICTURES = Content({"media": [{"imageUrl": f"https://cdn.example/{it}.jpg"} for it in "ab"]})
WITNESS = Step.ASK_WITNESS

any_kind = pytest.mark.parametrize("dead", KINDS.values(), ids=KINDS)


class Scene:
    """A Threads that answers each token in its own way, and an account that is connected to it."""

    def __init__(self, *, has_queue: bool = True) -> None:
        """Connect the account; its token works."""
        self.world = World(has_queue=has_queue)
        self.world.graph.always = {step: self._answer(step) for step in Step}
        self.dead: dict[str, GraphReply] = {}
        """The tokens that have died, and what is answered to them."""
        self.broken: dict[Step, GraphReply] = {}
        """The steps that fail with every token."""
        self.then: Callable[[GraphRequest], None] = lambda _request: None
        """Happens before the next call that is about to be answered."""
        self.world.graph.send = self._send  # type: ignore[method-assign]
        self.published = 0
        self._ids = iter(range(20, 99))

    def _send(self, request: GraphRequest) -> GraphReply:
        self.world.graph.requests.append(request)
        self.then(request)
        token = request.token.reveal() if request.token else ""
        return self.dead.get(token) or self.broken.get(request.step) or self._reply(request)

    def _reply(self, request: GraphRequest) -> GraphReply:
        if request.step is Step.CREATE_CONTAINER and "auto_publish_text" not in (request.form or {}):
            return made(str(next(self._ids)))
        if request.step in {Step.CREATE_CONTAINER, Step.PUBLISH_CONTAINER}:
            self.published += 1
            return made(f"100{self.published}")
        return self._answer(request.step)

    @staticmethod
    def _answer(step: Step) -> GraphReply:
        answers = {Step.READ_CONTAINER: is_("FINISHED"), Step.LIST_POSTS: listed()}
        return answers.get(step, reply(200, {"id": ACCOUNT}))

    def kill(self, answer: GraphReply, token: str = TOKEN) -> None:
        """Let the token die."""
        self.dead[token] = answer

    def break_creation(self) -> None:
        """Let Threads not find what a container needs."""
        self.broken[Step.CREATE_CONTAINER] = NOT_FOUND

    def connect_again(self) -> None:
        """Connect the account again, with another token."""
        self.world.connect(ACCOUNT, NEW, at=self.world.clock.now)

    def send(self, content: Content = TEXT, *, by_task: bool = False) -> Outcome:
        """Send the request with its key, for the first time or again."""
        delivery = self.world.delivery(by_task=by_task)
        return publish.publish(self.world.publishing, UID, Submission(UID, content, ACCOUNT, "key"), delivery)

    def fails(self, content: Content = TEXT, *, by_task: bool = False) -> None:
        """Send the request, which learns that the account must be connected again."""
        if by_task:
            ended = self.send(content, by_task=True).last.record
            assert (ended.state, ended.next_action) == (State.FAILED, "reconnect")
            assert ended.error
            assert ended.error["code"] == "reconnect_required"
        else:
            with pytest.raises(ReconnectRequired):
                self.send(content)

    def count(self, step: Step) -> int:
        """Return how often a step was asked for."""
        return self.world.calls.count(step)


# --- a token that was dead before ---------------------------------------------------------------------------


@any_kind
@pytest.mark.parametrize("by_task", [False, True], ids=["web", "task"])
@pytest.mark.parametrize(
    "content", [TEXT, IMAGE, PICTURES, THREAD], ids=["text", "image", "carousel", "thread"]
)
def test_after_connecting_again_the_same_key_goes_on(
    content: Content, dead: GraphReply, *, by_task: bool
) -> None:
    """However a dead token shows, the card asks for a reconnect; then the same request publishes, once."""
    scene = Scene()
    scene.kill(dead)
    scene.fails(content, by_task=by_task)
    assert scene.world.is_marked()
    assert scene.world.card()["statusReason"] == "token_rejected"
    assert scene.count(WITNESS) == 1
    assert scene.published == 0
    scene.fails(content, by_task=by_task)
    assert (scene.count(WITNESS), scene.published) == (1, 0)
    scene.connect_again()
    outcome = scene.send(content, by_task=by_task)
    assert outcome.last.record.state is State.PUBLISHED
    assert scene.published == 1 + len(content.replies)
    assert not scene.world.is_marked()


@any_kind
@pytest.mark.parametrize("by_task", [False, True], ids=["web", "task"])
@pytest.mark.parametrize("step", [Step.READ_CONTAINER, Step.PUBLISH_CONTAINER])
@pytest.mark.parametrize("content", [IMAGE, PICTURES], ids=["image", "carousel"])
def test_a_token_that_dies_on_the_way_is_found_out(
    content: Content, step: Step, dead: GraphReply, *, by_task: bool
) -> None:
    """Nobody waits as for a container that is late; connected again, the same container is published."""
    scene = Scene()
    scene.then = lambda request: scene.kill(dead) if request.step is step else None
    scene.fails(content, by_task=by_task)
    assert scene.world.is_marked()
    assert scene.world.clock.pauses == []
    assert (scene.published, scene.count(WITNESS)) == (0, 1)
    created = scene.count(Step.CREATE_CONTAINER)
    scene.then = lambda _request: None
    scene.connect_again()
    assert scene.send(content, by_task=by_task).last.record.state is State.PUBLISHED
    assert scene.published == 1
    if step is Step.PUBLISH_CONTAINER:
        assert scene.count(Step.CREATE_CONTAINER) == created


@any_kind
@pytest.mark.parametrize("by_task", [False, True], ids=["web", "task"])
def test_a_token_that_dies_within_a_thread_leaves_the_rest_for_later(
    dead: GraphReply, *, by_task: bool
) -> None:
    """The root is out and stays the only one; connected again, the same request publishes the replies."""
    scene = Scene()
    scene.then = lambda _request: scene.kill(dead) if scene.published else None
    scene.fails(THREAD, by_task=by_task)
    assert (scene.world.is_marked(), scene.published) == (True, 1)
    scene.then = lambda _request: None
    scene.connect_again()
    outcome = scene.send(THREAD, by_task=by_task)
    assert [it.record.state for it in outcome.replies] == [State.PUBLISHED] * 2
    assert scene.published == 3


@any_kind
def test_a_scheduled_post_whose_token_died_goes_on_with_its_request(dead: GraphReply) -> None:
    """Its task fails it, and no task brings it back by itself; the same request does, with a new task."""
    scene = Scene()
    wanted = Submission(UID, TEXT, ACCOUNT, "key", scheduled_time=NOW + timedelta(days=1))

    def scheduled() -> Record:
        return schedule.schedule(scene.world.publishing, UID, wanted, scene.world.delivery()).root.record

    def brought() -> Record:
        task = scene.world.tasks.created[-1].name
        delivery = scene.world.delivery(by_task=True)._replace(task=task)
        return publish.deliver_task(scene.world.publishing, UID, post_id("key"), delivery).root.record

    scheduled()
    scene.world.clock.forward(seconds=86400)
    scene.kill(dead)
    failed = brought()
    assert (failed.state, failed.next_action) == (State.FAILED, "reconnect")
    assert scheduled() == failed
    scene.connect_again()
    assert brought() == failed
    assert scheduled().state is State.NEW
    assert len(scene.world.tasks.created) == 2
    assert brought().state is State.PUBLISHED
    assert scene.published == 1


# --- what is not a dead token -------------------------------------------------------------------------------


@pytest.mark.parametrize("said", [NOT_FOUND, UNSUPPORTED], ids=["24", "100"])
def test_a_good_token_is_not_taken_for_a_dead_one(said: GraphReply) -> None:
    """If the witness gets its answer, the error is what it seems to be, and the witness is asked once."""
    world = World()
    world.graph.always = {Step.CREATE_CONTAINER: said, WITNESS: reply(200, {"id": ACCOUNT})}
    record = None
    try:
        record = world.deliver(by_task=True)
    except ThreadsUnavailable:
        record = world.record()
    assert record.next_action != "reconnect"
    assert not world.is_marked()
    assert world.calls.count(WITNESS) == 1


def test_a_witness_is_asked_once_in_a_delivery() -> None:
    """A container that is late is asked for again and again, and the token is not."""
    world = World(has_queue=False)
    world.graph.always = {WITNESS: reply(200, {"id": ACCOUNT})}
    world.say(made("7"), *[NOT_FOUND] * 2, is_("FINISHED"), made("8"))
    assert world.deliver(IMAGE).media_id == "8"
    assert world.calls.count(WITNESS) == 1


@pytest.mark.parametrize("by_task", [False, True], ids=["web", "task"])
@pytest.mark.parametrize("said", [reply(500, graph_error(100)), reply(403, graph_error(4)), reply(200, b"<")])
def test_a_witness_in_trouble_proves_nothing(said: GraphReply, *, by_task: bool) -> None:
    """A server in trouble, a limit or HTML do not end a connection."""
    world = World(has_queue=False)
    world.graph.always = {Step.CREATE_CONTAINER: NOT_FOUND, WITNESS: said}
    with pytest.raises(ThreadsUnavailable):
        world.deliver(by_task=by_task)
    assert not world.is_marked()


# --- what the user is told ----------------------------------------------------------------------------------


NAMING: list[tuple[Content, str]] = [
    (Content({"text": "hello", "replyToId": "5"}), "(replyToId)"),
    (Content({"text": "hello", "quotePostId": "5"}), "(quotePostId)"),
    (
        Content({"text": "hello", "replyToId": "5", "imageUrl": "https://cdn.example/a.jpg"}),
        "(replyToId, imageUrl)",
    ),
    (PICTURES, "(media)"),
]


@pytest.mark.parametrize(("content", "named"), NAMING, ids=[named for _, named in NAMING])
def test_only_what_a_post_names_is_called_wrong(content: Content, named: str) -> None:
    """If Threads does not find something, the message lists the options that the request has."""
    assert named in not_found(content)


def test_a_post_that_names_nothing_is_not_told_that_an_id_is_wrong() -> None:
    """A plain text has no id that could be wrong, and neither has a reply of a thread that was sent whole."""
    for content in (TEXT, THREAD):
        assert not_found(content).startswith("Threads cannot do this right now.")
    scene = Scene()
    scene.then = lambda _request: scene.break_creation() if scene.published else None
    with pytest.raises(ThreadsUnavailable) as told:
        scene.send(THREAD)
    assert told.value.message.startswith("Threads cannot do this right now.")


def not_found(content: Content) -> str:
    """Return what is told if every call that creates a container gets 24/4279009, and the token works."""
    scene = Scene()
    scene.break_creation()
    with pytest.raises(ThreadsUnavailable) as told:
        scene.send(content)
    assert scene.count(WITNESS) == 1
    return told.value.message


# --- connected again meanwhile ------------------------------------------------------------------------------


@any_kind
@pytest.mark.parametrize("by_task", [False, True], ids=["web", "task"])
@pytest.mark.parametrize("content", [TEXT, IMAGE], ids=["text", "image"])
def test_a_delivery_with_the_old_token_ends_nothing(
    content: Content, dead: GraphReply, *, by_task: bool
) -> None:
    """The account was connected again while Threads refused the old token: the next delivery publishes."""
    scene = Scene()

    def meanwhile(_request: GraphRequest) -> None:
        scene.kill(dead)
        scene.connect_again()
        scene.then = lambda _request: None

    scene.then = meanwhile
    with pytest.raises(ThreadsUnavailable) as again:
        scene.send(content, by_task=by_task)
    assert again.value.retry_after == timedelta(seconds=1)
    assert not scene.world.is_marked()
    assert not scene.world.record().is_terminal
    assert scene.send(content, by_task=by_task).last.record.state is State.PUBLISHED
    assert scene.published == 1


def sealed_anew(world: World) -> None:
    """Seal the same token with a new key, as the command ``reseal`` does."""
    world.change_account(accessToken=world.vault.seal_token(Secret(TOKEN), UID, ACCOUNT))


OTHER_WRITERS: dict[str, Callable[[World], object]] = {
    "a setting": lambda world: world.change_account(enabled_for_repost=True),
    "a new seal": sealed_anew,
    "a refresh that begins": lambda world: world.change_account(refreshingUntil=NOW),
}


@pytest.mark.parametrize("write", OTHER_WRITERS.values(), ids=OTHER_WRITERS)
def test_another_writer_does_not_hide_a_dead_token(write: Callable[[World], object]) -> None:
    """Whatever else has changed meanwhile, an account that still has the refused token is marked."""
    world = World()
    read = world.account()
    write(world)
    assert note_dead_token(world.accounts, read)
    assert world.is_marked()


def test_a_new_token_is_not_marked_for_an_old_one() -> None:
    """A token that was put in the place of the refused one stays, whether or not a key opens the old one."""
    for vault in (None, Vault({"other": Secret(OTHER_KEY)}, lambda: PROJECT)):
        world = World()
        read = world.account()
        world.vault = vault or world.vault
        world.connect(ACCOUNT, NEW)
        assert not note_dead_token(world.accounts, read)
        assert not world.is_marked()


def test_an_account_that_is_gone_is_not_brought_back() -> None:
    """A mark makes no document of an account that was disconnected meanwhile."""
    world = World()
    read = world.account()
    world.delete_account()
    assert note_dead_token(world.accounts, read)
    assert not world.has_account()


# --- beginning again ----------------------------------------------------------------------------------------


def test_a_post_that_begins_again_looks_at_its_container_first() -> None:
    """Its containers are kept, and what ended it is gone; the record lasts as long as a new one."""
    first = new_record(ACCOUNT, PICTURES, NOW).leased("one", NOW)
    armed = first.with_children([{"id": "5", "replaced": 1}], NOW).armed("7", NOW)
    failed = armed.failed({"code": "reconnect_required", "nextAction": "reconnect"}, NOW)
    later = NOW + timedelta(days=3)
    again = begun_again(failed, later)
    kept: dict[str, Any] = {
        "container_id": "7",
        "container_at": NOW,
        "children": armed.children,
        "attempts": 1,
    }
    assert again == replace(
        new_record(ACCOUNT, PICTURES, later), state=State.ARMED, created_at=NOW, updated_at=later, **kept
    )
    assert again.expires_at == later + RECORD_LIFETIME
    new = first.failed({"code": "missing_scope", "nextAction": "reconnect"}, NOW)
    assert begun_again(new, later).state is State.NEW


def test_a_post_that_begins_again_does_not_forget_an_unclear_publication() -> None:
    """One of its containers may still become a post, so nothing may publish another one."""
    armed = new_record(ACCOUNT, PICTURES, NOW).armed("7", NOW).publishing(NOW).not_out(NOW)
    failed = armed.failed({"code": "reconnect_required", "nextAction": "reconnect"}, NOW)
    assert begun_again(failed, NOW + timedelta(days=3)).sent_at == NOW


def test_only_what_its_owner_can_mend_begins_again() -> None:
    """A post that Threads refuses, that may be out, or that is out does not."""
    first = new_record(ACCOUNT, TEXT, NOW)
    reconnect = {"code": "reconnect_required", "nextAction": "reconnect"}
    assert may_begin_again(first.failed(reconnect, NOW))
    for ended in (
        first,
        first.failed({"code": "rejected_by_threads"}, NOW),
        first.failed({"code": "given_up", "nextAction": "publish_again"}, NOW),
        first.sending(NOW).left_unknown(reconnect, NOW),
        first.sending(NOW).published("8", NOW),
        first.cancelled(reconnect, NOW),
    ):
        assert not may_begin_again(ended)
