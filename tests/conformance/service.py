"""The service's own code on the Threads emulator, over HTTP. Firestore is in memory, both have one clock."""

from datetime import timedelta
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

from emulator.threads_api import Account, App, Emulator, publishing
from emulator.threads_api.authorization import issue_code, issue_token
from emulator.threads_api.scopes import SCOPES
from tests.unit.support import ENVIRONMENT
from tests.unit.windows import RETURN_TO
from tests.unit.world import ACCOUNT, UID, World, post_id
from threads.accounts.refresh import Refresh, refresh_account
from threads.base.errors import ServiceError
from threads.connections import callback
from threads.connections.start import Wish, start
from threads.connections.states import CONNECT
from threads.graph.client import GraphClient
from threads.graph.protocol import GraphReply, GraphRequest
from threads.posts.content import Content
from threads.posts.ledger import Record
from threads.posts.submission import Submission
from threads.publishing import publish
from threads.publishing.delete_and_repost import remove

APP = App(
    ENVIRONMENT["THREADS_APP_ID"], ENVIRONMENT["THREADS_APP_SECRET"], (ENVIRONMENT["THREADS_REDIRECT_URI"],)
)

MOST_REQUESTS = 60
"""How often the same request is sent: more often than any rule of the service tries anything."""


class Story(NamedTuple):
    """What became of a request that was sent until it had ended."""

    first: ServiceError | None
    """What its first answer was; None: it was published at once."""
    last: ServiceError | None
    """Why it ended without being published, or what asks for a person."""
    took: timedelta
    """How long it took from the first answer on, as each answer said how long to wait."""


class Service:
    """A user's request to publish, on a Threads where something goes wrong."""

    def __init__(self, emulator: Emulator, **variables: str) -> None:
        """Connect the account; Threads' clock stands where the service's does."""
        self.emulator = emulator
        self.threads = emulator.world
        self.threads.reset()
        self.threads.clock.freeze()
        self.threads.add_account(Account(ACCOUNT, "ada"))
        self.world = World(has_queue=False, **variables)
        self._by_hand: set[str] = set()
        self._client = GraphClient(emulator.url, "v1.0", connections=4)
        self.world.graph.send = self._send  # type: ignore[method-assign]
        self._set_clock()
        self.connect()

    def connect(self) -> None:
        """Let the owner connect the account, for the first time or again."""
        self._set_clock()
        token = issue_token(
            self.threads, APP.id, ACCOUNT, tuple(SCOPES), issued_at=self.threads.now(), long_lived=True
        )
        self.world.connect(ACCOUNT, token.value, at=self.world.clock.now)

    def publish(self, content: Content) -> Record:
        """Send the request once. Raises ServiceError."""
        wanted = Submission(UID, content, ACCOUNT, "key")
        outcome = publish.publish(self.world.publishing, UID, wanted, self.world.delivery())
        if outcome.reason:
            raise outcome.reason
        return outcome.root.record

    def publish_until_it_ends(self, content: Content) -> Story:
        """Send the same request as often, and as late, as its answers ask for."""
        first: ServiceError | None = None
        begun = self.world.clock.now
        for number in range(MOST_REQUESTS):
            try:
                self.publish(content)
            except ServiceError as error:
                first = error if number == 0 else first
                begun = self.world.clock.now if number == 0 else begun
                if error.retry_after is None:
                    return Story(first, error, self.world.clock.now - begun)
                self.world.clock.now += error.retry_after
            else:
                return Story(first, None, self.world.clock.now - begun)
        raise AssertionError(f"no end after {MOST_REQUESTS} requests: {first}")

    def walk_through_the_window(self) -> callback.Outcome:
        """Let the owner allow the app, and come back with a code."""
        wish = Wish(CONNECT, UID, unverified_scopes=(), unverified_return_to=RETURN_TO)
        [state] = parse_qs(urlsplit(start(self.world.connections, wish)).query)["state"]
        self._set_clock()
        account = self.threads.accounts[ACCOUNT]
        code = issue_code(self.threads, APP, account, APP.redirect_uris[0], tuple(SCOPES))
        return callback.complete(self.world.connections, callback.Callback(state, code.value, ""))

    def refresh(self) -> Refresh:
        """Refresh the token of the account, which is due."""
        self.world.change_account(refreshAt=self.world.clock.now)
        return refresh_account(self.world.accounts, UID, ACCOUNT)

    def delete(self) -> Record:
        """Delete the post. Raises ServiceError."""
        return remove(self.world.publishing, UID, post_id("key")).record

    @property
    def record(self) -> Record | None:
        """What the ledger says of the post, if there is a record."""
        post = self.world.post(post_id("key"))
        return post.record if post else None

    @property
    def published(self) -> int:
        """How many posts the service has published, and not deleted."""
        mine = (it for it in self.threads.posts.values() if it.id not in self._by_hand)
        return sum(not it.gone(self.threads.now()) for it in mine)

    def posted_by_hand(self) -> str:
        """Let the owner post something in the Threads app; return its id."""
        token = next(reversed(self.threads.tokens.values()))
        with self.threads.lock:
            post = publishing.create(
                self.threads, token, {"media_type": "TEXT", "text": "by hand", "auto_publish_text": "true"}
            )
        self._by_hand.add(post.id)
        return post.id

    def pass_a_day(self) -> None:
        """Let a day pass."""
        self.world.clock.now += timedelta(days=1, seconds=1)
        self._set_clock()

    def _send(self, request: GraphRequest) -> GraphReply:
        self._set_clock()
        return self._client.send(request)

    def _set_clock(self) -> None:
        with self.threads.lock:
            self.threads.clock.advance(self.world.clock.now - self.threads.now())
            self.threads.carry_out_late_effects()
