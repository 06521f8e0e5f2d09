"""Code that is wrong on purpose: each lacks one thing that keeps a promise.

The promises are that a request becomes one post, and a whole one, and that a user is told what is so.

A mutant changes the real modules for as long as it is entered, in this process.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, NoReturn
from unittest.mock import patch

from threads.accounts.repository import Condition
from threads.base.errors import InvalidHandle, ServiceError
from threads.cloud.clock import ServerClock
from threads.connections import callback, finish
from threads.connections import repository as connections
from threads.connections.repository import ConnectionRepository
from threads.connections.states import End, OAuthState, Used, UsedUp
from threads.functions import upkeep as upkeep_function
from threads.graph import media
from threads.posts import ledger
from threads.posts import repository as posts
from threads.posts.ledger import Record, State, as_document, new_record
from threads.publishing import delete_and_repost, matching, steps, thread, upkeep
from threads.publishing.carousel import Carousel, Child, Look
from threads.publishing.delivery import _Loop
from threads.publishing.lease import Delivery, Lease, lease_new
from threads.publishing.parts import PublishingParts
from threads.publishing.step_results import Known, Next, Retry
from threads.publishing.steps import Steps
from threads.publishing.upkeep import Late

FIRST = "d1"
"""The first delivery of a story."""


@contextmanager
def no_lease() -> Iterator[None]:
    """Keep no other delivery out, and let no delivery's time end."""
    with (
        patch.object(Record, "is_leased", lambda *_: False),
        patch.object(Steps, "_is_late", lambda *_: False),
        patch.object(Steps, "too_late", lambda *_: None),
    ):
        yield


@contextmanager
def no_write_ahead() -> Iterator[None]:
    """Send without writing it down before."""
    with patch.object(posts, "as_document", _without_intent):
        yield


@contextmanager
def record_deleted_on_error() -> Iterator[None]:
    """Let a delivery that fails leave nothing behind, so that the next one begins anew."""
    retry = _Loop._retry

    def forgetful(loop: _Loop, what: Retry) -> Next:
        try:
            return retry(loop, what)
        except ServiceError:
            loop._parts.posts.repository.erase([loop._post])
            raise

    with patch.object(_Loop, "_retry", forgetful):
        yield


@contextmanager
def settle_is_zero() -> Iterator[None]:
    """Count as not out what cannot be found at once."""
    with patch.object(ledger, "SETTLE", timedelta()):
        yield


@contextmanager
def unclear_publication_forgotten() -> Iterator[None]:
    """Once a call to publish a container has settled, let its record say no more of it."""
    with patch.object(Record, "not_out", Record.withdrawn):
        yield


@contextmanager
def errors_settle_soon() -> Iterator[None]:
    """Take an error answer for a sign that the post is out at once, or not at all."""
    soon = timedelta(seconds=30)
    with patch.object(Record, "unsettled", lambda record, now: replace(record, settles_at=now + soon)):
        yield


@contextmanager
def extras_ignored() -> Iterator[None]:
    """Count posts with the same text as the same, whatever else a list shows of them."""
    with patch.object(matching, "_has_same_extras", lambda *_: True):
        yield


@contextmanager
def texts_compared_exactly() -> Iterator[None]:
    """Count on Threads showing a text as it was sent."""
    with patch.object(matching, "is_same_text", str.__eq__):
        yield


@contextmanager
def time_by_the_machine() -> Iterator[None]:
    """Believe the clock of each machine."""
    with patch.object(ServerClock, "hear", lambda *_: None):
        yield


@contextmanager
def time_of_lists_believed() -> Iterator[None]:
    """Count Threads' clock as right."""
    with patch.object(media, "time_ahead", lambda *_: timedelta()):
        yield


@contextmanager
def no_upkeep() -> Iterator[None]:
    """Leave it to those who have brought a post to come again."""
    with (
        patch.object(upkeep, "upkeep", lambda _: []),
        patch.object(upkeep_function, "upkeep", lambda _: []),
    ):
        yield


@contextmanager
def root_deleted_in_vain() -> Iterator[None]:
    """Go on with a thread whose root its owner has deleted."""
    with (
        patch.object(Record, "deleted", lambda record, now: replace(record, deleted_at=None, updated_at=now)),
        patch.object(delete_and_repost, "cancel_rest", lambda *_: []),
    ):
        yield


@contextmanager
def no_status_look() -> Iterator[None]:
    """Count every container as waiting to be published."""

    def unseen(these: Steps, known: Known) -> Next:
        return these._publish_container(known, known.record.container_id or "")

    with patch.dict(steps._BY_STATE, {State.ARMED: unseen}):
        yield


@contextmanager
def thread_begun_again() -> Iterator[None]:
    """Let every delivery but the first one write the replies of a thread down as its own."""

    def anew(parts: PublishingParts, uid: str, post_id: str, record: Record, delivery: Delivery) -> Lease:
        own = post_id if delivery.owner == FIRST else f"{post_id} {delivery.owner}"
        return lease_new(parts, uid, own, record, delivery)

    with patch.object(thread, "lease_new", anew):
        yield


@contextmanager
def children_forgotten() -> Iterator[None]:
    """Let every delivery create all media of a carousel anew."""
    begin = Steps.begin

    def forgetful(these: Steps, lease: Lease) -> Next:
        post = replace(lease.post, record=replace(lease.post.record, children=()))
        return begin(these, replace(lease, post=post))

    with patch.object(Steps, "begin", forgetful):
        yield


@contextmanager
def children_unseen() -> Iterator[None]:
    """Count all media of a carousel as finished."""

    def unseen(_: Carousel, children: Sequence[Child], known: Known, _now: datetime) -> Look:
        return Look(children, known.finished | {child["id"] for child in children})

    with patch.object(Carousel, "look", unseen):
        yield


@contextmanager
def state_used_up_after_the_exchange() -> Iterator[None]:
    """Let a callback exchange its code first, and use up its state with what it saves."""

    def trusting(_: ConnectionRepository, found: OAuthState, *_others: Any) -> Used[OAuthState]:
        return Used(found, found.version)

    def late(repository: ConnectionRepository, used: Used[OAuthState], end: End) -> Condition:
        fields: Mapping[str, Any] = connections._usage(used.of.expires_at, end, None)
        return Condition(repository._reference(used.of), fields, used.version)

    with (
        patch.object(ConnectionRepository, "use_up", trusting),
        patch.object(ConnectionRepository, "condition", late),
    ):
        yield


@contextmanager
def answer_forgotten() -> Iterator[None]:
    """Let a handle work once, whatever has come of it, as if its answer could not be lost."""

    def forgetful(*_: Any) -> NoReturn:
        raise InvalidHandle

    with patch.object(finish, "_earlier", forgetful):
        yield


@contextmanager
def handle_not_used_up() -> Iterator[None]:
    """Use up neither a state nor a handle before its code is exchanged."""
    with patch.object(ConnectionRepository, "use_up", lambda _, found, *_others: Used(found, found.version)):
        yield


@contextmanager
def failure_not_written() -> Iterator[None]:
    """Tell that a connection has failed, and let a commit that is under way save it."""
    with patch.object(ConnectionRepository, "settle", lambda *given: given[-1]):
        yield


@contextmanager
def end_not_written() -> Iterator[None]:
    """Save an account without saying at its window how that has ended."""
    condition = ConnectionRepository.condition

    def endless(repository: ConnectionRepository, used: UsedUp, end: End) -> Condition:
        return condition(repository, used, end)._replace(change={"touched": True})

    with patch.object(ConnectionRepository, "condition", endless):
        yield


@contextmanager
def any_code_answered() -> Iterator[None]:
    """Let a state answer to whatever code comes."""
    with patch.object(callback, "compare_digest", lambda *_: True):
        yield


@contextmanager
def upkeep_begins_anew() -> Iterator[None]:
    """Let a post that is brought back begin like a new one, without a look at what may be out."""
    woken = Record.woken

    def forgetful(record: Record, now: datetime) -> Record:
        fresh = new_record(record.account_id, record.content, now, scheduled_time=record.scheduled_time)
        return woken(record if record.is_terminal else replace(fresh, root=record.root), now)

    with patch.object(Record, "woken", forgetful):
        yield


@contextmanager
def late_posts_unlogged() -> Iterator[None]:
    """Bring late posts back in silence."""
    with patch.object(upkeep_function, "_log", lambda _late: None):
        yield


@contextmanager
def late_posts_logged_each_time() -> Iterator[None]:
    """Log an ERROR whenever a post is brought back, and not for each post."""
    log = upkeep_function._log

    def as_if_new(late: Late) -> None:
        post = late.post and replace(late.post, record=replace(late.post.record, wakes=0))
        log(replace(late, post=post))

    with patch.object(upkeep_function, "_log", as_if_new):
        yield


def _without_intent(record: Record) -> dict[str, Any]:
    """Return the document as it would be if the intent had not been written."""
    if record.is_terminal:
        return as_document(record)
    state = State.NEW if record.state is State.SENT else record.state
    return as_document(replace(record, state=state, ambiguous=False, sent_at=None, settles_at=None))
