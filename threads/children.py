"""The containers of a carousel's media: created, watched, and only the one that fails created again.

All of them come before the carousel's own container, and none of them can become a post: whatever is lost
here is harmless, and gone in a day.
"""

from typing import Any

from threads import containers
from threads.account_graph import AccountGraph
from threads.containers import ContainerStatus
from threads.errors import ThreadsError
from threads.failures import is_missing_container
from threads.holding import Holding
from threads.ledger import CONTAINER_SETTLES, MAX_REPLACED, Point
from threads.posts import Content


class Children:
    """The media of one post on their way."""

    def __init__(self, graph: AccountGraph, post: Holding, content: Content) -> None:
        """Take who speaks to Threads, the post in hand, and what it is to have."""
        self._graph = graph
        self._post = post
        self._wanted = content.child_parameters()
        self._finished: set[str] = set()
        """Containers that need no further look."""

    @property
    def ids(self) -> list[str]:
        """The containers, in the order of the carousel; none for other posts."""
        return [str(child["id"]) for child in self._post.record.children]

    def are_ready(self) -> bool:
        """Create what is missing, look at the rest; say whether all are finished, or there are none.

        Raises:
            ThreadsError: Threads did not create one, or did not say.

        """
        if not self._wanted:
            return True
        known: list[dict[str, Any]] = [dict(child) for child in self._post.record.children]
        children = known or [{"id": None, "replaced": 0} for _ in self._wanted]
        if not self._create_missing(children):
            return False
        return self._look(children)

    def _create_missing(self, children: list[dict[str, Any]]) -> bool:
        """Create what has no container yet, and save them all at once; say whether there was time."""
        missing = [number for number, child in enumerate(children) if child["id"] is None]
        for number in missing:
            if self._post.is_late():
                return False
            self._post.reached(Point.BEFORE_CREATE)
            request = containers.create_container_request(self._graph.token, self._wanted[number])
            reply = self._graph.send(request)
            self._post.reached(Point.AFTER_CREATE_SENT)
            children[number]["id"] = containers.read_created_id(reply)
            self._post.reached(Point.AFTER_CREATE_OK)
        if missing:
            self._post.write(self._post.record.with_children(children, self._post.now()))
        return True

    def _look(self, children: list[dict[str, Any]]) -> bool:
        """Look at each that is not finished yet; forget the one that has failed, or end the post with it."""
        failed = False
        for child in children:
            error = None if child["id"] in self._finished else self._failure(child["id"])
            if error and (not error.retryable or child["replaced"] == MAX_REPLACED):
                self._post.fail(error)
                return False
            if error:
                child.update(id=None, replaced=child["replaced"] + 1)
                failed = True
        if failed:
            self._post.record = self._post.record.with_children(children, self._post.now())
            return self.are_ready()
        return len(self._finished) >= len(children) and {*self.ids} <= self._finished

    def _failure(self, container_id: str) -> ThreadsError | None:
        """Return what is wrong with a container, None while nothing is."""
        try:
            status, reason = self._graph.container_status(container_id)
        except ThreadsError as error:
            if not is_missing_container(error):
                raise
            created_at = self._post.record.container_at or self._post.now()
            return error if self._post.now() - created_at > CONTAINER_SETTLES else None
        self._post.reached(Point.POLLED)
        if status is ContainerStatus.FINISHED:
            self._finished.add(container_id)
        if status in {ContainerStatus.FINISHED, ContainerStatus.IN_PROGRESS}:
            return None
        return containers.container_failure(status, reason)
