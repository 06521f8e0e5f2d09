"""The Threads API for one account: its calls carry the account's token, and return what Threads answered."""

from collections.abc import Callable
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property

from threads.base.errors import MissingScope, ReconnectRequired, ThreadsError, ThreadsUnavailable
from threads.base.secret import Secret
from threads.graph import media, oauth
from threads.graph.client import Graph
from threads.graph.protocol import GraphReply, GraphRequest

MAX_PAGES = 20
"""How many pages of an account's posts are read, 100 posts each. That is more than an account can publish in
a day, including replies (https://developers.facebook.com/docs/threads/overview#rate-limiting)."""


CLOCKS_DIFFER = timedelta(minutes=10)
"""How far Threads' clock may be behind ours when posts are listed. The answer tells how far it is. So this
only decides how many posts are read."""


class AccountApi:
    """Sends the requests of one account."""

    def __init__(self, graph: Graph, token: Secret) -> None:
        """Take the client and the account's token."""
        self._graph = graph
        self.token = token

    def send(self, request: GraphRequest) -> GraphReply:
        """Send a request made with the token."""
        return self._graph.send(request)

    def container_status(self, container_id: str) -> tuple[media.ContainerStatus, str]:
        """Return a container's status, and the reason if it is ERROR.

        Raises:
            ThreadsError: Threads did not tell the status.

        """
        reply = self.send(media.container_status_request(self.token, container_id))
        return media.read_container_status(reply)

    def posts_since(
        self, since: datetime, *, replies: bool, now: Callable[[], datetime], ends: datetime | None = None
    ) -> list[media.RecentPost]:
        """List the account's posts, the oldest first. With ``replies``, include the list of replies.

        It is not known whether the list of posts contains replies. The list of replies needs a scope of its
        own, and is left out without it.

        Args:
            since: the moment, by the clock of ``now``. Threads' own may differ: see ``CLOCKS_DIFFER``.
            replies: whether to include replies.
            now: tells the time in which the posts' times are returned.
            ends: when the time is up. No further page is read from then on.

        Raises:
            ThreadsError: Threads did not list the posts, or not all of them.

        """
        posts = self._list(since, "/me/threads", now, ends)
        if replies:
            with suppress(MissingScope):
                posts += self._list(since, "/me/replies", now, ends)
        return sorted(dict.fromkeys(posts), key=lambda post: post.published_at)

    def _list(
        self, since: datetime, path: str, now: Callable[[], datetime], ends: datetime | None
    ) -> list[media.RecentPost]:
        """Read a list to its end: a day may have several pages of posts."""
        posts: list[media.RecentPost] = []
        after = None
        for _ in range(MAX_PAGES):
            request = media.recent_posts_request(self.token, since - CLOCKS_DIFFER, path=path, after=after)
            reply = self.send(request)
            ahead = media.time_ahead(reply, now())
            listed = media.read_recent_posts(reply)
            posts = [it._replace(published_at=it.published_at - ahead) for it in listed] + posts
            after = media.read_end_of_page(reply)
            if after is None:
                return posts
            if ends and now() >= ends:
                break
        raise ThreadsUnavailable("This account's posts are too many to look through now.")

    def permalink(self, media_id: str) -> str | None:
        """Return a post's public address, or None if Threads gives none.

        Raises:
            ThreadsError: Threads did not tell whether there is one.

        """
        return media.read_permalink(self.send(media.permalink_request(self.token, media_id)))

    def quota(self, *, replies: bool) -> media.Quota | None:
        """Return how much of today's quota of posts or replies is used, or None without an answer."""
        try:
            reply = self.send(media.quota_request(self.token, replies=replies))
            return media.read_quota(reply, replies=replies)
        except ThreadsError:
            return None

    # --- is the token dead? -------------------------------------------------------------------------------

    def confirmed(self, error: ThreadsError) -> ThreadsError:
        """Return what an error really is. No token counts as dead that the witness does not call dead, too.

        For a dead token, Threads sometimes blames something else. And now and then it calls a good token
        dead: then the call that it has refused can be made again. ``error_codes`` says which errors are
        suspect, and which answer of the witness proves a token dead.
        """
        is_said = isinstance(error, ReconnectRequired)
        if not (is_said or error.verdict.is_suspect):
            return error
        if isinstance(self._witness, ReconnectRequired):
            return error if is_said else self._witness
        if is_said:
            return ThreadsUnavailable(evidence=error.evidence, verdict=error.verdict)
        return error

    @property
    def is_alive(self) -> bool:
        """Whether Threads answers to this token. False if the token is dead, and if nobody can say."""
        return self._witness is None

    @cached_property
    def _witness(self) -> ThreadsError | None:
        """What the witness says about the token: its error, or None if the token works. Asked once."""
        try:
            oauth.read_own_id(self.send(oauth.own_id_request(self.token)))
        except ThreadsError as error:
            return error
        return None
