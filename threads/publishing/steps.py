"""The steps of a delivery: each looks at what is known, asks Threads if it must, and returns what comes next.

    NEW     create a container                                -> ARMED
    ARMED   look at it; once it is finished, publish it       -> PUBLISHED
    SENT    search for a text that was sent in a single call  -> PUBLISHED, or NEW if it never appeared

A step writes nothing to Firestore, does not sleep and creates no task: ``delivery`` does. Nothing is sent
again while the outcome of a call is unknown. A step that follows such a call looks first.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta

from threads.accounts.access_token import OpenAccount
from threads.base.errors import (
    OUTAGE_PAUSE,
    Evidence,
    MissingScope,
    OutcomeUnknown,
    QuotaExceeded,
    RateLimited,
    ReconnectRequired,
    RejectedByThreads,
    ServiceError,
    ThreadsError,
    ThreadsUnavailable,
)
from threads.graph import media
from threads.graph.error_codes import Step, is_missing_container, is_passing
from threads.graph.media import ContainerStatus
from threads.graph.protocol import GraphReply
from threads.posts.content import Content
from threads.posts.ledger import BUDGET, CONTAINER_SETTLES, LEASE, PROMPT, Record, State, ended_badly
from threads.publishing.carousel import Carousel
from threads.publishing.lease import Delivery, Lease
from threads.publishing.matching import is_listed_as, search_begins
from threads.publishing.parts import PublishingParts
from threads.publishing.retry_rules import (
    ACCOUNT_LIMIT,
    FOLLOW_UP,
    LASTING_ERROR,
    LOOK,
    LOOKS_AT_ONCE,
    NEW_CONTAINER,
    PROCESSING_TIME,
)
from threads.publishing.step_results import (
    Done,
    FollowUp,
    Go,
    Known,
    Next,
    Postpone,
    Publish,
    Retry,
    Save,
    Take,
    Wait,
)

_NOT_PROCESSED = ThreadsUnavailable("Threads could not process this file. We try again in a moment.")


class Steps:
    """The steps of one delivery of one post."""

    def __init__(
        self, parts: PublishingParts, delivery: Delivery, account: OpenAccount, content: Content
    ) -> None:
        """Take the clock and the queue, the delivery and its deadline, the account, and the content."""
        self._now = parts.now
        self._has_queue = parts.posts.queue.is_configured
        self._delivery = delivery
        self._ends = delivery.ends
        self._api = account.api
        self._content = content
        self._carousel = Carousel(account.api, content)

    def begin(self, lease: Lease) -> Next:
        """Return the first step. A text whose write-ahead came with the lease is sent at once."""
        record = lease.post.record
        if record.lease_until:
            # The lease is by Firestore's clock. When the request began, this machine's may have been wrong.
            self._ends = min(self._ends, record.lease_until - (LEASE - BUDGET))
        known = Known(record, looked_at=self._now())
        if not lease.is_sending:
            return Go(known)
        request = media.create_container_request(
            self._api.token, self._content.parameters(), auto_publish_text=True
        )
        before = record.withdrawn(self._now())
        return Publish(known.but(before_call=before), request, media.read_created_id, is_written=True)

    def go(self, known: Known) -> Next:
        """Take the step for the record's state."""
        return _BY_STATE[known.record.state](self, known)

    # --- by state -----------------------------------------------------------------------------------------

    def create(self, known: Known) -> Next:
        """Create a container. It is saved before anything publishes it."""
        if early := self._early(known):
            return early
        try:
            if self._carousel.wanted and (unready := self._media(known)):
                return unready
            if self._is_late():
                return self._late(known)
            children = [str(child["id"]) for child in known.record.children]
            request = media.create_container_request(self._api.token, self._content.parameters(children))
            container_id = media.read_created_id(self._api.send(request))
        except ThreadsError as error:
            return self._refused(known, error)
        return Save(known.but(record=known.record.armed(container_id, self._now())))

    def watch(self, known: Known) -> Next:
        """Look at the container, and return what its status asks for."""
        container_id = known.record.container_id or ""
        known = known.but(looked_at=self._now())
        try:
            status, reason = self._api.container_status(container_id)
        except ThreadsError as error:
            return self._not_shown(known, error)
        if status is ContainerStatus.FINISHED:
            return self._publish_container(known, container_id)
        if status is ContainerStatus.IN_PROGRESS:
            return self._wait(known.but(seen=Evidence(Step.READ_CONTAINER, 200, excerpt=status)))
        if status is ContainerStatus.PUBLISHED:
            return self._find_published(known)
        return self._replace(known, media.container_failure(status, reason))

    def reconcile(self, known: Known) -> Next:
        """Search for a text that may be out. It is sent again only once it cannot appear any more."""
        if known.refusal and known.refusal.verdict.is_definite:
            return self._believe(known, known.refusal)
        return self._search(known.but(looked_at=self._now()), self._text_not_listed)

    def _text_not_listed(self, known: Known) -> Next:
        if not known.record.is_settled(known.looked_at):
            return self._unclear(known)
        return Go(known.but(record=known.record.without_single_call(self._now()), refusal=None))

    # --- a carousel's items -------------------------------------------------------------------------------

    def _media(self, known: Known) -> Next | None:
        """Return what the items of a carousel need before its own container, or None once they are ready.

        Raises:
            ThreadsError: Threads did not create an item's container, or did not tell its status.

        """
        children = self._carousel.children(known.record)
        if any(child["id"] is None for child in children):
            created = self._carousel.create_missing(children, self._is_late)
            if created is None:
                return self._late(known)
            return Save(known.but(record=known.record.with_children(created, self._now())))
        look = self._carousel.look(children, known, self._now())
        known = known.but(finished=look.finished, seen=look.in_progress or known.seen)
        if look.failure:
            return self.fail(known, look.failure)
        if look.lost:
            replaced = max(child["replaced"] for child in look.children if child["id"] is None)
            known = known.but(record=known.record.with_children(look.children, self._now()))
            return self._create_again(known, look.lost, replaced)
        return None if len(look.finished) >= len(children) else self._wait(known)

    # --- publishing ---------------------------------------------------------------------------------------

    def _publish_container(self, known: Known, container_id: str) -> Next:
        """Publish a finished container: once in a delivery, unless Threads says that it is not there yet."""
        if known.refusal is None:
            record, now = known.record, self._now()
            before = record.not_out(now) if record.is_settled(known.looked_at) else record
            ahead = known.but(record=before.publishing(now), before_call=before)
            request = media.publish_container_request(self._api.token, container_id)
            return Publish(ahead, request, media.read_published_id)
        if not known.refusal.verdict.is_definite:
            return self._unclear(known)
        return self._believe(known, known.refusal)

    def too_late(self, publish: Publish) -> Retry | None:
        """Return what to do instead of a call that publishes, if no time is left for it."""
        written_at = publish.known.record.updated_at
        if not self._is_late() and self._now() <= written_at + PROMPT:
            return None
        return self._late(publish.known.but(record=_before_call(publish.known)))

    def published(self, publish: Publish, reply: GraphReply) -> Next:
        """Return what follows the answer to a call that publishes. After an error, the next step looks."""
        known, now = publish.known, self._now()
        try:
            media_id = publish.read_media_id(reply)
            instagram = media.read_instagram_status(reply)
        except ThreadsError as error:
            if reply.is_unsent:
                return self._believe(known, error)
            return Go(known.but(record=known.record.unsettled(now), refusal=error))
        return Done(known, known.record.published(media_id, now, instagram_status=instagram), media_id)

    def _believe(self, known: Known, refusal: ThreadsError) -> Next:
        """Act on an error that leaves nothing to look for: the call has certainly published nothing."""
        known = known.but(refusal=None, record=_before_call(known))
        refusal = self._api.confirmed(refusal)
        if is_missing_container(refusal) and known.record.container_id:
            return self._missing(known, refusal)
        return self._refused(known, refusal)

    # --- looking ------------------------------------------------------------------------------------------

    def _search(self, known: Known, otherwise: Callable[[Known], Next]) -> Next:
        """Search for the post among the account's posts."""
        since = search_begins(known.record)
        try:
            posts = self._api.posts_since(since, replies=self._content.is_reply, now=self._now)
        except ThreadsError as error:
            return self._refused(known, error)
        return Take(known, [it for it in posts if is_listed_as(it, self._content, since)], otherwise)

    def _find_published(self, known: Known) -> Next:
        """Find the media id of a published container, which only the account's posts tell.

        Lists lag behind the moment of publishing. This moment is not known: a call that took long may have
        published the container just now. So the search goes on for a while before the id is given up.
        """
        now = self._now()
        return self._search(known.but(record=known.record.seen_out(now), looked_at=now), self._id_not_listed)

    def _id_not_listed(self, known: Known) -> Next:
        if not known.record.is_settled(known.looked_at):
            return self._come_back(known)
        return self._not_listed(known, OutcomeUnknown("This post is out, but its id could not be found."))

    def _not_listed(self, known: Known, end: OutcomeUnknown) -> Next:
        """Return what follows if a post should be listed by now: a few more looks, and then the end."""
        known = known.but(record=known.record.refused_again(self._now()))
        return (
            self.fail(known, end) if LASTING_ERROR.is_used_up(known.record.refused) else self._unclear(known)
        )

    def _not_shown(self, known: Known, error: ThreadsError) -> Next:
        """Return what follows if Threads does not tell a container's status."""
        error = self._api.confirmed(error)
        if is_missing_container(error):
            return self._missing(known, error)
        if isinstance(error, ReconnectRequired) and known.refusal and known.refusal.verdict.is_definite:
            refusal = self._api.confirmed(known.refusal)
            if isinstance(refusal, ReconnectRequired):
                return self._believe(known, refusal)
        if not (known.record.ambiguous and isinstance(error, RejectedByThreads)):
            return self._refused(known, error)
        return self._look_further(known)

    def _missing(self, known: Known, error: ThreadsError) -> Next:
        """Return what follows if Threads does not know a container: it is too new, or lost."""
        if known.record.sent_at:
            return self._look_further(known)
        age = known.looked_at - (known.record.container_at or known.looked_at)
        return self._wait(known) if age < CONTAINER_SETTLES else self._without_container(known, error)

    def _replace(self, known: Known, error: ThreadsError) -> Next:
        """Replace a container that is of no use, if it is certain that it was not published before."""
        if known.refusal and known.refusal.verdict.is_definite:
            known = known.but(record=_before_call(known), refusal=None)
        return self._look_further(known) if known.record.sent_at else self._without_container(known, error)

    def _look_further(self, known: Known) -> Next:
        """Search for a post whose container was perhaps published, and tells nothing any more.

        From here on, nothing publishes another container: Threads may have published this one.
        """
        return self._search(known, self._container_not_listed)

    def _container_not_listed(self, known: Known) -> Next:
        if not known.record.is_settled(known.looked_at):
            return self._unclear(known)
        return self._not_listed(known, OutcomeUnknown())

    def _without_container(self, known: Known, error: ThreadsError) -> Next:
        known = known.but(record=known.record.withdrawn(self._now()), refusal=None)
        if error.retryable and not NEW_CONTAINER.is_used_up(known.record.replaced):
            known = known.but(record=known.record.without_container(self._now()))
            return self._create_again(known, error, known.record.replaced)
        return self.fail(known, error)

    def _create_again(self, known: Known, error: ThreadsError, replaced: int) -> Next:
        """Go on to a new container: at once, or if Threads could not process the last one, after a while."""
        if not is_passing(error):
            return Go(known)
        at = self._now() + NEW_CONTAINER.pause(replaced - 1)
        known = known.but(record=known.record.creating_from(at, self._now()))
        return self._early(known, error) or Go(known)

    def _early(self, known: Known, error: ThreadsError = _NOT_PROCESSED) -> Next | None:
        """Return what to do while it is too early for a new container."""
        at, now = known.record.create_at, self._now()
        if at is None or at <= now:
            return None
        return FollowUp(known, at) if self._has_queue else Retry(known, error.changed(retry_after=at - now))

    # --- coming back --------------------------------------------------------------------------------------

    def _wait(self, known: Known) -> Next:
        """Wait for a container that Threads still processes.

        The container's age decides when to give up, not the number of tasks: a container that replaces
        another one has five minutes of its own. If the process was frozen since its look, it no longer knows
        the container's status, so it does not give up. Nor does it while a call to publish the container is
        unclear: Threads may be at it.
        """
        now = self._now()
        if not self._is_late() and now - (known.record.container_at or now) >= PROCESSING_TIME:
            if known.record.ambiguous:
                return self._look_further(known)
            stuck = "Threads did not finish processing the file within five minutes."
            return self.fail(known, RejectedByThreads(stuck))
        return self._come_back(known)

    def _come_back(self, known: Known) -> Next:
        """Look again in a moment, if only this delivery can; then it is left to a later one.

        A person waits for the answer, and without a queue no task of ours comes later. A process that waits
        for one post's file keeps everybody else's posts waiting, too, so this takes seconds only.
        """
        now, pause = self._now(), LOOK.pause(known.pauses)
        is_awaited = not (self._delivery.by_task and self._has_queue)
        if is_awaited and known.pauses < LOOKS_AT_ONCE and now + pause < self._ends:
            return Wait(known.but(pauses=known.pauses + 1), pause)
        if self._has_queue:
            return FollowUp(known, now + FOLLOW_UP.pause(known.record.follow_ups))
        return self._late(known, retry_after=FOLLOW_UP.pause(known.record.attempts - 1))

    def _unclear(self, known: Known) -> Retry:
        """Leave it to a later delivery to find out whether the post is out."""
        return Retry(known, self._outcome_unclear(known, known.refusal.evidence if known.refusal else None))

    def _late(self, known: Known, *, retry_after: timedelta = FOLLOW_UP.longest) -> Retry:
        """Return the error for a delivery that can do no more: nothing is out, or the post may be out."""
        if known.record.ambiguous:
            return Retry(known, self._outcome_unclear(known, None))
        error = ThreadsUnavailable(
            "Threads did not finish in time, and nothing was published.",
            evidence=known.seen,
            retry_after=retry_after,
        )
        return Retry(known, error)

    def _outcome_unclear(self, known: Known, seen: Evidence | None) -> ThreadsError:
        now = self._now()
        rest = (known.record.settles_at or now) - now
        return ThreadsUnavailable(
            "Threads did not answer clearly: the post may be out. The same request with the same "
            "idempotency key finds out, and does not publish it twice.",
            evidence=seen,
            retry_after=rest if rest > timedelta(0) else OUTAGE_PAUSE,
        )

    def _is_late(self) -> bool:
        """Return whether the deadline has passed. From then on, another delivery may have the lease."""
        return self._now() >= self._ends

    # --- the end ------------------------------------------------------------------------------------------

    def fail(self, known: Known, error: ServiceError) -> Done:
        """End the post without a media id: as failed, or as unknown if it may still be out."""
        return Done(known, ended_badly(known.record, error, self._now()), reason=error)

    def _refused(self, known: Known, error: ThreadsError) -> Next:
        """Return what follows an error of Threads. Its call has not published the post."""
        error = self._api.confirmed(error)
        if known.record.ambiguous and isinstance(error, RejectedByThreads):
            return self._unclear(known)  # Threads only refuses to show the post, which may be out
        error = self._naming_what_is_missing(known, error)
        if type(error) is RateLimited and self._is_quota_spent():
            error = QuotaExceeded(evidence=error.evidence)
        if isinstance(error, RateLimited | QuotaExceeded):
            return self._postpone(known, error)
        if error.verdict.may_last:
            known = known.but(record=known.record.refused_again(self._now()))
        is_hopeless = error.verdict.may_last and LASTING_ERROR.is_used_up(known.record.refused)
        if error.retryable and not is_hopeless:
            if error.verdict.may_last and self._can_postpone():
                return Postpone(known, self._now() + LASTING_ERROR.pause(known.record.refused - 1), error)
            return Retry(known, error)
        if isinstance(error, MissingScope):
            error = self._naming_scopes(error)
        if isinstance(error, ReconnectRequired | MissingScope) and not self._delivery.by_task:
            return Retry(known, error)  # connected again, the same request goes on
        return self.fail(known, error)

    def _postpone(self, known: Known, error: ThreadsError) -> Next:
        """Leave the post to a task that comes when the account can publish again.

        Posts of other accounts need not wait for it.
        """
        if not self._can_postpone():
            return Retry(known, error)
        if ACCOUNT_LIMIT.is_used_up(known.record.postponed):
            return self.fail(known, error)
        wait = error.retry_after or ACCOUNT_LIMIT.first
        if isinstance(error, RateLimited):
            wait = max(wait, ACCOUNT_LIMIT.pause(known.record.postponed))
        return Postpone(known, self._now() + wait, error)

    def _can_postpone(self) -> bool:
        """Return whether a task of the post's own can go on later, so that the queue need not slow down."""
        return self._delivery.by_task and self._has_queue

    def _is_quota_spent(self) -> bool:
        quota = self._api.quota(replies=self._content.is_reply)
        return quota is not None and quota.used >= quota.total

    def _naming_what_is_missing(self, known: Known, error: ThreadsError) -> ThreadsError:
        """Return the error of a create call with what Threads may not find, if the post names anything.

        The user does not know of a ``replyToId`` that comes from the thread.
        """
        named = [name for name in self._content.named if not (known.record.root and name == "replyToId")]
        seen = error.evidence
        if not (named and seen and seen.step == Step.CREATE_CONTAINER and is_missing_container(error)):
            return error
        return error.changed(
            message=f"Threads does not find what this post names ({', '.join(named)}): perhaps an id or an "
            "address is wrong. A new post or file may take a moment. We try again."
        )

    def _naming_scopes(self, error: MissingScope) -> MissingScope:
        """Return the error with the scopes that may be missing.

        The user may have refused a scope in the window although the app asked for it.
        """
        scopes = ", ".join(self._content.needed_scopes)
        return MissingScope(
            f"Threads says that a permission is missing; this post needs {scopes}. Connect the account again "
            "with these scopes, and allow them.",
            evidence=error.evidence,
            verdict=error.verdict,
        ).needing(self._content.needed_scopes)


def _before_call(known: Known) -> Record:
    return known.before_call or known.record


_BY_STATE: Mapping[State, Callable[[Steps, Known], Next]] = {
    State.NEW: Steps.create,
    State.ARMED: Steps.watch,
    State.SENT: Steps.reconcile,
}
"""The step for each state that is not terminal."""
