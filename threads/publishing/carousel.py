"""The containers of a carousel's items: they are created and watched, and one that fails is created again.

All of them come before the carousel's own container, and none of them can become a post. So an unused one is
harmless, and expires in a day.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from threads.base.errors import Evidence, ThreadsError
from threads.graph import media
from threads.graph.account_api import AccountApi
from threads.graph.error_codes import Step, is_missing_container, is_passing
from threads.graph.media import ContainerStatus
from threads.posts.content import Content
from threads.posts.ledger import CONTAINER_SETTLES, Record
from threads.publishing.retry_rules import NEW_CONTAINER
from threads.publishing.step_results import Known

Child = Mapping[str, Any]
"""An item's container: its ``id``, or None if there is none yet, and how often it was ``replaced``."""


class Look(NamedTuple):
    """What a look at the containers of all items has shown."""

    children: Sequence[Child]
    """The containers, without the ids of those that have failed."""
    finished: frozenset[str]
    lost: ThreadsError | None = None
    """Why at least one must be created again. If this is Threads' passing fault, not at once."""
    failure: ThreadsError | None = None
    """The error that ends the post: an item cannot be used, or has failed too often."""
    in_progress: Evidence | None = None
    """What Threads answered about one that is still in progress."""


class Carousel:
    """The items of one post."""

    def __init__(self, api: AccountApi, content: Content) -> None:
        """Take the account that creates the containers, and the content of the post."""
        self._api = api
        self.wanted = content.child_parameters()
        """The parameters of each item. Empty for a post that is no carousel."""

    def children(self, record: Record) -> Sequence[Child]:
        """Return the containers in a record, or an empty place for each item."""
        return record.children or [{"id": None, "replaced": 0} for _ in self.wanted]

    def create_missing(
        self, children: Sequence[Child], is_late: Callable[[], bool]
    ) -> Sequence[Child] | None:
        """Create the missing containers, or return None if the time is up. All are saved at once.

        Raises:
            ThreadsError: Threads did not create one of them.

        """
        created = list(children)
        for number, child in enumerate(created):
            if child["id"] is None:
                if is_late():
                    return None
                created[number] = {**child, "id": self._create(number)}
        return created

    def _create(self, number: int) -> str:
        reply = self._api.send(media.create_container_request(self._api.token, self.wanted[number]))
        try:
            return media.read_created_id(reply)
        except ThreadsError as error:
            raise error.at(_place(number)) from None

    def look(self, children: Sequence[Child], known: Known, now: datetime) -> Look:
        """Look at each container that was not finished before.

        Raises:
            ThreadsError: Threads did not tell the status of one.

        """
        look = Look(children, known.finished & {child["id"] for child in children})
        for number, child in enumerate(children):
            if child["id"] in look.finished:
                continue
            look = self._look_at(number, look, known.record, now)
            if look.failure:
                break
        return look

    def _look_at(self, number: int, look: Look, record: Record, now: datetime) -> Look:
        child = look.children[number]
        try:
            status, reason = self._api.container_status(child["id"])
        except ThreadsError as refusal:
            error = self._api.confirmed(refusal)
            if not is_missing_container(error):
                raise error from None
            is_young = now - (record.container_at or now) <= CONTAINER_SETTLES
            return look if is_young else _failed(number, look, error)
        if status is ContainerStatus.FINISHED:
            return look._replace(finished=look.finished | {child["id"]})
        if status is ContainerStatus.IN_PROGRESS:
            return look._replace(in_progress=Evidence(Step.READ_CONTAINER, 200, excerpt=status))
        return _failed(number, look, media.container_failure(status, reason))


def _failed(number: int, look: Look, error: ThreadsError) -> Look:
    """Forget a container that has failed, so that it is created again, or end the post with its error."""
    child = look.children[number]
    error = error.at(_place(number))
    if not error.retryable or NEW_CONTAINER.is_used_up(child["replaced"]):
        return look._replace(failure=error)
    children = list(look.children)
    children[number] = {"id": None, "replaced": child["replaced"] + 1}
    is_told = look.lost is not None and is_passing(look.lost)
    return look._replace(children=children, lost=look.lost if is_told else error)


def _place(number: int) -> str:
    """Return which item it is, as a request names it."""
    return f"media[{number}]"
