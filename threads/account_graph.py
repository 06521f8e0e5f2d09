"""The Threads API as one account speaks to it: calls with its token, and questions with their answers."""

from contextlib import suppress
from datetime import datetime

from threads import containers, oauth
from threads.errors import MissingScope, ReconnectRequired, ThreadsError, ThreadsUnavailable
from threads.graph import GraphReply, GraphRequest
from threads.tools import Graph
from threads.wire import Secret

MAX_PAGES = 20
"""Of an account's posts that are looked through, 100 each: more than it can have in a day, replies and all
(https://developers.facebook.com/docs/threads/overview#rate-limiting)."""


class AccountGraph:
    """What sends an account's requests."""

    def __init__(self, graph: Graph, token: Secret) -> None:
        """Take the client and the account's token."""
        self._graph = graph
        self.token = token

    def send(self, request: GraphRequest) -> GraphReply:
        """Send a request made with the token."""
        return self._graph.send(request)

    def container_status(self, container_id: str) -> tuple[containers.ContainerStatus, str]:
        """Return a container's status, and the reason when it is ERROR.

        Raises:
            ThreadsError: Threads did not say.

        """
        reply = self.send(containers.container_status_request(self.token, container_id))
        return containers.read_container_status(reply)

    def posts_since(self, since: datetime, *, replies: bool) -> list[containers.RecentPost]:
        """List the account's posts, the oldest first; with ``replies``, from the list of replies, too.

        Whether the list of posts has the replies is not known, and the other one needs a scope of its own.

        Raises:
            ThreadsError: Threads did not say, or not all.

        """
        posts = self._list(since, "/me/threads")
        if replies:
            with suppress(MissingScope):
                posts += self._list(since, "/me/replies")
        return sorted(dict.fromkeys(posts), key=lambda post: post.published_at)

    def _list(self, since: datetime, path: str) -> list[containers.RecentPost]:
        """Read a list to its end: a day may have several pages of posts."""
        posts: list[containers.RecentPost] = []
        after = None
        for _ in range(MAX_PAGES):
            reply = self.send(containers.recent_posts_request(self.token, since, path=path, after=after))
            posts = containers.read_recent_posts(reply) + posts
            after = containers.read_end_of_page(reply)
            if after is None:
                return posts
        raise ThreadsUnavailable("This account's posts are too many to look through.")

    def permalink(self, media_id: str) -> str | None:
        """Return a post's public address, or None when Threads has none to give.

        Raises:
            ThreadsError: Threads did not say.

        """
        return containers.read_permalink(self.send(containers.permalink_request(self.token, media_id)))

    def quota(self, *, replies: bool) -> containers.Quota | None:
        """Return what is used of today's quota, of posts or of replies; None without an answer."""
        try:
            reply = self.send(containers.quota_request(self.token, replies=replies))
            return containers.read_quota(reply, replies=replies)
        except ThreadsError:
            return None

    def confirmed(self, error: ThreadsError) -> ThreadsError:
        """Ask for the profile: a dead token sometimes answers as if the content were wrong."""
        try:
            oauth.read_own_id(self.send(oauth.own_id_request(self.token)))
        except ReconnectRequired as dead:
            return dead
        except ThreadsError:
            return error
        return error
