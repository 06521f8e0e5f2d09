"""One delivery of a post: from its claim, through the ledger's states, to its end or to a later delivery.

    NEW     create a container                                          -> ARMED
    ARMED   look at it; when it is finished, publish it                 -> PUBLISHED
    SENT    look for a text that was sent in a single call              -> PUBLISHED, or NEW if it never came

Each step begins with what the record says and ends with a commit, so that another delivery can go on from
there whatever happens in between. Whoever comes after a call whose outcome is not known looks first, and
sends later.
"""

import unicodedata
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from itertools import chain, repeat

from threads import containers
from threads.access import note_dead_token
from threads.account_graph import AccountGraph
from threads.children import Children
from threads.claims import Claim, Delivery
from threads.containers import LISTED_TYPES, ContainerStatus
from threads.documents import Found
from threads.errors import (
    InProgress,
    MissingScope,
    OutcomeUnknown,
    QuotaExceeded,
    RateLimited,
    ReconnectRequired,
    RejectedByThreads,
    ServiceUnavailable,
    ThreadsError,
)
from threads.failures import NO_ANSWER, is_missing_container
from threads.graph import GraphReply, GraphRequest
from threads.holding import Holding
from threads.ledger import (
    CLOCK_ALLOWANCE,
    CONTAINER_SETTLES,
    MAX_REPLACED,
    SETTLE_ANSWER,
    Point,
    Record,
    State,
)
from threads.posts import Content
from threads.records import AlreadyClaimed, Held, Overtaken
from threads.tools import Tools
from threads.wire import Secret

LOOKS = tuple(timedelta(seconds=pause) for pause in (1, 2, 3, 5, 8, 13, 20, 30))
"""Pauses between looks at a container, the last one again and again. Images are mostly ready at the first or
second look."""

QUICK_LOOKS = 3
"""With a queue, after so many pauses the rest is left to a follow-up task: no process waits for a video."""


class Walk:
    """A delivery's way through the states of a post that it has claimed."""

    def __init__(self, tools: Tools, claim: Claim, delivery: Delivery, token: Secret, account: Found) -> None:
        """Take what is claimed, who claimed it, and the account with its token."""
        self._tools = tools
        self._delivery = delivery
        self._post = Holding(tools, claim, delivery)
        self._graph = AccountGraph(tools.graph, token)
        self._account = account
        self._is_sending = claim.is_sending
        self._content = Content(claim.held.record.content)
        self._children = Children(self._graph, self._post, self._content)
        self._pauses = chain(LOOKS, repeat(LOOKS[-1]))
        self._looks = 0
        self._misses = 0
        """How often Threads did not know the container."""
        self._looked_at = tools.now()
        """When the last look was asked for: what it does not show may have come since."""
        self._refusal: ThreadsError | None = None
        """How this delivery's own call to publish has failed."""
        self._before_call = claim.held.record
        """The record before that call's write-ahead."""
        self._out_since: datetime | None = None
        """When this delivery learned that the container is published."""

    def run(self) -> Held:
        """Go on until the post has ended, or a task will go on; return its record.

        Raises:
            ServiceError: it has done neither; another delivery may go on, and ``retry_after`` says when.

        """
        try:
            self._post.reached(Point.CLAIMED)
            if self._is_sending:
                self._send_text()
            while not (self._post.record.is_terminal or self._post.is_left):
                _STEPS[self._post.record.state](self)
        except Overtaken:
            raise InProgress from None
        self._post.reached(Point.BEFORE_RESPONSE)
        return self._post.held

    # --- the steps ----------------------------------------------------------------------------------------

    def create(self) -> None:
        """Create a container, and save it before anything can publish it."""
        if not self._media_are_ready() or self._post.is_late():
            return None
        self._post.reached(Point.BEFORE_CREATE)
        reply = self._graph.send(
            containers.create_container_request(
                self._graph.token, self._content.parameters(self._children.ids)
            )
        )
        self._post.reached(Point.AFTER_CREATE_SENT)
        try:
            container_id = containers.read_created_id(reply)
        except ThreadsError as error:
            return self._refused(error)
        self._post.reached(Point.AFTER_CREATE_OK)
        self._post.write(self._post.record.armed(container_id, self._post.now()))
        self._post.reached(Point.ARMED)
        return None

    def _media_are_ready(self) -> bool:
        """See to the media of a carousel, which come first."""
        try:
            if self._children.are_ready():
                return True
        except ThreadsError as error:
            self._refused(error)
            return False
        if not self._post.record.is_terminal:
            self._wait()
        return False

    def watch(self) -> None:
        """Do what the container's status asks for."""
        container_id = self._post.record.container_id or ""
        self._looked_at = self._post.now()
        try:
            status, reason = self._graph.container_status(container_id)
        except ThreadsError as error:
            if is_missing_container(error):
                return self._missing(error)
            if isinstance(error, ReconnectRequired) and isinstance(self._refusal, ReconnectRequired):
                return self._believe(self._refusal)
            if self._post.record.ambiguous and isinstance(error, RejectedByThreads):
                return self._find_or_give_up()
            return self._refused(error)
        self._post.reached(Point.POLLED)
        if status is ContainerStatus.FINISHED:
            self._publish_container(container_id)
        elif status is ContainerStatus.IN_PROGRESS:
            self._wait()
        elif status is ContainerStatus.PUBLISHED:
            self._find_or_leave()
        else:
            self._replace(containers.container_failure(status, reason))
        return None

    def reconcile(self) -> None:
        """Look for a text that may be out; send it again only when it cannot come any more."""
        self._looked_at = self._post.now()
        if self._search():
            return
        if not self._post.record.is_settled(self._looked_at):
            self._leave_unclear()
        else:
            self._post.record, self._refusal = self._post.record.without_single_call(self._post.now()), None

    # --- publishing ---------------------------------------------------------------------------------------

    def _send_text(self) -> None:
        """Publish a text in one call; its write-ahead came with the claim."""
        self._before_call = self._post.record.withdrawn(self._post.now())
        request = containers.create_container_request(
            self._graph.token, self._content.parameters(), auto_publish_text=True
        )
        self._publish(request, containers.read_created_id)
        if self._refusal and self._refusal.verdict.definite:
            self._believe(self._refusal)

    def _publish_container(self, container_id: str) -> None:
        """Publish a finished container: once in a delivery, unless Threads says that it is not there yet."""
        if self._refusal is None:
            is_settled = self._post.record.is_settled(self._looked_at)
            self._before_call = (
                self._post.record.withdrawn(self._post.now()) if is_settled else self._post.record
            )
            self._post.write(self._before_call.publishing(self._post.now()))
            request = containers.publish_container_request(self._graph.token, container_id)
            self._publish(request, containers.read_published_id)
        elif not self._refusal.verdict.definite:
            self._leave_unclear()
        else:  # and its container unpublished
            self._believe(self._refusal)

    def _believe(self, refusal: ThreadsError) -> None:
        """Act on a refusal that has been looked into: the call has certainly published nothing."""
        self._refusal, self._post.record = None, self._before_call
        if is_missing_container(refusal):
            self._missing(refusal)
        else:
            self._refused(refusal)

    def _publish(self, request: GraphRequest, read: Callable[[GraphReply], str]) -> None:
        """Make the call that publishes. When it fails, the next step finds out what it has done."""
        self._post.reached(Point.INTENT_WRITTEN)
        intended, self._post.record = self._post.record, self._before_call
        if self._post.is_late(written_at=intended.updated_at):
            return
        self._post.record = intended
        reply = self._graph.send(request)
        self._post.reached(Point.AFTER_PUBLISH_SENT)
        try:
            media_id = read(reply)
            instagram = containers.read_instagram_status(reply)
        except ThreadsError as error:
            self._refusal = error
            if reply.status == NO_ANSWER:
                self._post.record = self._post.record.unanswered(self._post.now())
            else:
                self._post.record = self._post.record.answered(self._before_call, self._post.now())
            return
        self._post.reached(Point.AFTER_PUBLISH_OK)
        try:
            ended = self._post.record.published(media_id, self._post.now(), instagram_status=instagram)
            self._post.write(ended, media_id=media_id)
        except AlreadyClaimed:
            # Another post with the same text has found this one, and taken it for its own: there is, or will
            # be, one for each.
            self._post.pause(ServiceUnavailable())
        self._post.reached(Point.FINISHED)

    # --- looking ------------------------------------------------------------------------------------------

    def _search(self) -> bool:
        """Look for the post among the account's, and end with it when it is there."""
        record = self._post.record
        since = search_begins(record)
        try:
            posts = self._graph.posts_since(since, replies=self._content.is_reply)
        except ThreadsError as error:
            self._refused(error)
            return True
        for post in posts:
            if is_listed_as(post, self._content, since):
                try:
                    ended = self._post.record.published(
                        post.media_id, self._post.now(), permalink=post.permalink
                    )
                    self._post.write(ended, media_id=post.media_id)
                except AlreadyClaimed:
                    self._post.record = self._post.record.shared(post.published_at, self._post.now())
                else:
                    self._post.reached(Point.FINISHED)
                    return True
        return False

    def _find_or_leave(self) -> None:
        """Find the media id of a container that is published, which only the account's posts tell.

        Lists lag behind the moment of publishing, which is not known: a call that was under way for long may
        have published it just now. So it is watched for a while before its id is given up.
        """
        self._out_since = self._out_since or self._post.now()
        self._looked_at = self._post.now()
        if self._search():
            return
        if self._post.now() >= self._post.ends or not self._post.record.is_settled(self._looked_at):
            self._leave_unclear()
        elif self._looked_at - self._out_since < SETTLE_ANSWER:
            self._tools.sleep(next(self._pauses))
        else:
            self._post.fail(OutcomeUnknown("This post is out, but its id could not be found."))

    def _find_or_give_up(self) -> None:
        """Look for a post whose container Threads refuses to show."""
        if not self._post.record.is_settled(self._looked_at):
            self._leave_unclear()
        elif not self._search():
            self._post.fail(OutcomeUnknown())

    def _missing(self, error: ThreadsError) -> None:
        """Deal with a container that Threads does not know, or says so: it is too young, or lost."""
        self._misses += 1
        looked_at = self._looked_at
        if looked_at - (self._post.record.container_at or looked_at) < CONTAINER_SETTLES:
            self._wait()
        elif self._misses <= QUICK_LOOKS:
            self._tools.sleep(next(self._pauses))
        else:
            self._replace(error)

    def _replace(self, error: ThreadsError) -> None:
        """Give a container up for a new one, while that may help; but first look whether it is published."""
        if self._post.record.ambiguous:
            if not self._post.record.is_settled(self._looked_at):
                return self._leave_unclear()
            if self._search():
                return None
        self._post.record, self._refusal = self._post.record.withdrawn(self._post.now()), None
        if error.retryable and self._post.record.replaced < MAX_REPLACED:
            self._post.record = self._post.record.without_container(self._post.now())
            return None
        return self._post.fail(error)

    # --- coming back --------------------------------------------------------------------------------------

    def _wait(self) -> None:
        """Wait for a container: a moment here, longer by a follow-up task."""
        pause, now = next(self._pauses), self._post.now()
        self._looks += 1
        if self._looks > QUICK_LOOKS and self._tools.tasks.is_configured:
            self._post.follow_up(now)
        elif now + pause >= self._post.ends:
            self._post.pause(self._post.still_processing())
        else:
            self._tools.sleep(pause)

    def _leave_unclear(self) -> None:
        """Let a later delivery find out whether the post is out."""
        self._post.pause(self._post.unclear(self._refusal.evidence if self._refusal else None))

    # --- the end ------------------------------------------------------------------------------------------

    def _refused(self, error: ThreadsError) -> None:
        """Do what an error of Threads asks for, which has not published the post."""
        if self._post.record.ambiguous and isinstance(error, RejectedByThreads):
            return self._leave_unclear()  # it refuses to show the post, and says nothing of it
        if error.verdict.suspect:
            error = self._graph.confirmed(error)
        if type(error) is RateLimited and self._is_quota_spent():
            error = QuotaExceeded(evidence=error.evidence)
        if isinstance(error, RateLimited | QuotaExceeded):
            return self._post.postpone(error)
        tries = error.verdict.tries
        if tries is not None:
            self._post.record = self._post.record.refused_again(self._post.now())
        if error.retryable and (tries is None or self._post.record.refused < tries):
            return self._post.pause(error)
        if isinstance(error, ReconnectRequired):
            note_dead_token(self._tools, self._post.held.uid, self._account)
        if isinstance(error, MissingScope):
            error = self._naming_scopes(error)
        if isinstance(error, ReconnectRequired | MissingScope) and not self._delivery.by_task:
            return self._post.pause(error)  # connected again, the same request goes on
        return self._post.fail(error)

    def _is_quota_spent(self) -> bool:
        quota = self._graph.quota(replies=self._content.is_reply)
        return quota is not None and quota.used >= quota.total

    def _naming_scopes(self, error: MissingScope) -> MissingScope:
        """Say which permissions it may be: one that was asked for may have been refused in the window."""
        scopes = ", ".join(self._content.needed_scopes)
        return MissingScope(
            f"Threads says that a permission is missing; this post needs {scopes}. Connect the account again "
            "with these scopes, and allow them.",
            evidence=error.evidence,
            verdict=error.verdict,
        )


def search_begins(record: Record) -> datetime:
    """Return from when on a post can be among the account's."""
    return (record.container_at or record.sent_at or record.created_at) - CLOCK_ALLOWANCE


def is_listed_as(listed: containers.RecentPost, content: Content, since: datetime) -> bool:
    """Compare type, time and text of a listed post with what may be out since then."""
    return (
        listed.published_at >= since.replace(microsecond=0)
        and listed.media_type == LISTED_TYPES[content.media_type]
        and is_same_text(listed.text, content.text)
    )


def is_same_text(one: str, other: str) -> bool:
    """Compare two texts as far as Threads leaves them as they were."""
    return _letters(one) == _letters(other)


def _letters(text: str) -> str:
    """Return a text without what Threads might change: white space, and the way accents are written."""
    return "".join(unicodedata.normalize("NFC", text).split())


_STEPS: Mapping[State, Callable[[Walk], None]] = {
    State.NEW: Walk.create,
    State.ARMED: Walk.watch,
    State.SENT: Walk.reconcile,
}
"""What to do in each state that is not an end."""
