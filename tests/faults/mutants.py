"""Ledgers that are wrong on purpose: each lacks one thing that makes a request one post, and a whole one.

A mutant changes the real modules for as long as it is entered, in this process.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest.mock import patch

from tests.faults import virtual_firestore
from tests.faults.virtual_connection import StateStore
from threads import chain, deliver, ledger
from threads.account_graph import AccountGraph
from threads.children import Children
from threads.claims import Claim, Delivery, claim_new
from threads.deliver import Walk
from threads.documents import Found
from threads.errors import ServiceError
from threads.holding import Holding
from threads.ledger import Record, State, as_document
from threads.posts import Content
from threads.tools import Tools

FIRST = "d1"
"""The first delivery of a story."""


@contextmanager
def no_lease() -> Iterator[None]:
    """Keep nobody out, and let nobody's time end."""
    with (
        patch.object(Record, "is_held", lambda *_: False),
        patch.object(Holding, "is_late", lambda *_, **__: False),
    ):
        yield


@contextmanager
def no_write_ahead() -> Iterator[None]:
    """Send without writing it down before."""
    with patch.object(virtual_firestore, "as_document", _without_intent):
        yield


@contextmanager
def record_deleted_on_error() -> Iterator[None]:
    """Let a delivery that fails leave nothing behind, so that the next one begins anew."""
    pause = Holding.pause

    def forgetful(post: Holding, error: ServiceError) -> None:
        try:
            pause(post, error)
        except ServiceError:
            records: Any = post._tools.records
            records.delete(post.held.post_id)
            raise

    with patch.object(Holding, "pause", forgetful):
        yield


@contextmanager
def settle_is_zero() -> Iterator[None]:
    """Count as not out what cannot be found at once."""
    nothing = timedelta()
    with patch.object(ledger, "SETTLE_SILENCE", nothing), patch.object(ledger, "SETTLE_ANSWER", nothing):
        yield


@contextmanager
def no_status_look() -> Iterator[None]:
    """Count every container as waiting to be published."""

    def unseen(walk: Walk) -> None:
        walk._publish_container(walk._post.record.container_id or "")

    with patch.dict(deliver._STEPS, {State.ARMED: unseen}):
        yield


@contextmanager
def state_used_up_after_the_exchange() -> Iterator[None]:
    """Let a callback exchange its code first, and use up its state with what it saves."""
    save = StateStore.save_account

    def trusting(store: StateStore, found: Found, change: Mapping[str, Any]) -> Found:
        store.deferred = change
        return found

    def late(store: StateStore, *names: str, **members: Any) -> None:
        save(store, *names, **{**members, "outcome": {**members["outcome"], **store.deferred}})

    with patch.object(StateStore, "use_up_state", trusting), patch.object(StateStore, "save_account", late):
        yield


@contextmanager
def thread_begun_again() -> Iterator[None]:
    """Let every delivery but the first one write the replies of a thread down as its own."""

    def anew(tools: Tools, uid: str, name: str, record: Record, delivery: Delivery) -> Claim:
        own = name if delivery.owner == FIRST else f"{name} {delivery.owner}"
        return claim_new(tools, uid, own, record, delivery)

    with patch.object(chain, "claim_new", anew):
        yield


@contextmanager
def children_forgotten() -> Iterator[None]:
    """Let every delivery create all media of a carousel anew."""
    begin = Children.__init__

    def forgetful(children: Children, graph: AccountGraph, post: Holding, content: Content) -> None:
        post.record = replace(post.record, children=[])
        begin(children, graph, post, content)

    with patch.object(Children, "__init__", forgetful):
        yield


@contextmanager
def children_unseen() -> Iterator[None]:
    """Count all media of a carousel as finished."""

    def unseen(children: Children, container_id: str) -> None:
        children._finished.add(container_id)

    with patch.object(Children, "_failure", unseen):
        yield


def _without_intent(record: Record) -> dict[str, Any]:
    """Return the document as it would be if the intent had not been written."""
    if record.is_terminal:
        return as_document(record)
    state = State.NEW if record.state is State.SENT else record.state
    return as_document(replace(record, state=state, ambiguous=False, sent_at=None, settles_at=None))
