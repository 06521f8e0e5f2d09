"""The story of a post: from a checked submission to a media id.

    1 read     the account
    text       1 call     POST /me/threads with auto_publish_text
    media      1 call     POST /me/threads: a container
               1+ calls   GET its status until it is FINISHED
               1 call     POST /me/threads_publish

``deliver`` walks the steps of one post and keeps nothing between two deliveries. Remembering how far a post
came is a ledger's part, for which this is the place.
"""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, repeat

from threads import containers
from threads.accounts import TOKEN_FIELD, check_connected, reconnect_change, select_account
from threads.containers import ContainerStatus
from threads.errors import Evidence, ReconnectRequired, ServiceUnavailable, ThreadsError, ThreadsUnavailable
from threads.graph import CONTAINER_NOT_FOUND, NOT_SENT, Step
from threads.posts import Content, Submission, post_id
from threads.store import Found
from threads.tools import Tools
from threads.vault import Place, SealBroken
from threads.wire import Secret

BUDGET = timedelta(minutes=5)
"""From the request to the last call that may publish: Meta advises to look at a container for five minutes
at most, and the function ends a minute later (functions.yaml). A process goes on after its request has timed
out, so without a look at the clock it would publish what the caller has been told to try again.
https://developers.facebook.com/docs/threads/troubleshooting#publishing-does-not-return-a-media-id"""

POLL_PAUSES = tuple(timedelta(seconds=pause) for pause in (1, 2, 3, 5, 8, 13, 20, 30))
"""Between looks at a container, the last one again and again. Images are mostly ready at the first or second
look, videos within half a minute."""


@dataclass(frozen=True)
class Published:
    """A post that is out."""

    media_id: str
    post_id: str
    account_id: str
    permalink: str | None = None

    def as_json(self) -> dict[str, object]:
        """Return the answer."""
        answer: dict[str, object] = {
            "ok": True,
            "id": self.media_id,
            "postId": self.post_id,
            "accountId": self.account_id,
            "status": "published",
        }
        return answer | ({"permalink": self.permalink} if self.permalink else {})


def publish(tools: Tools, uid: str, submission: Submission, *, permalink: bool) -> Published:
    """Publish a submission for a user; with ``permalink`` one more call asks for the post's address.

    Raises:
        MissingAccount, AccountNotFound: which account is not clear, or it is not there.
        ReconnectRequired: the account's token is dead, and its card says so from now on; or it cannot be
            read with the keys there are.
        ThreadsError: Threads did not publish it; ``retryable`` says whether it may another time.

    """
    ends = tools.now() + BUDGET
    account = select_account(tools.store.find_accounts(uid, submission.account_id), submission.account_id)
    check_connected(account.fields, tools.now())
    token = _open_token(tools, uid, account)
    try:
        media_id = deliver(tools, token, submission.content, ends)
    except ReconnectRequired:
        change, card = reconnect_change("token_rejected", tools.now())
        with suppress(ServiceUnavailable):  # the next delivery finds it out anew
            tools.store.change_account(uid, account, change=change, card=card)
        raise
    return Published(
        media_id=media_id,
        post_id=post_id(uid, account.id, submission.key),
        account_id=account.id,
        permalink=_permalink(tools, token, media_id) if permalink else None,
    )


def deliver(tools: Tools, token: Secret, content: Content, ends: datetime) -> str:
    """Bring content to Threads by the time given, and return its media id.

    Raises:
        ThreadsError: the step that failed is in its evidence.

    """
    if content.media_type == "TEXT" and tools.config.text_mode == "single_step":
        return create(tools, token, content, auto_publish_text=True)
    container_id = create(tools, token, content, auto_publish_text=False)
    wait_until_finished(tools, token, container_id, ends)
    return publish_container(tools, token, container_id)


def create(tools: Tools, token: Secret, content: Content, *, auto_publish_text: bool) -> str:
    """Create a container and return its id, or with ``auto_publish_text`` the media id."""
    request = containers.create_container_request(
        token, content.parameters(), auto_publish_text=auto_publish_text
    )
    with _saying_what_is_unknown() if auto_publish_text else nullcontext():
        return containers.read_created_id(tools.graph.send(request))


def look(tools: Tools, token: Secret, container_id: str) -> bool:
    """Say whether a container can be published; one that never will be raises."""
    request = containers.container_status_request(token, container_id)
    status, reason = containers.read_container_status(tools.graph.send(request))
    if status not in (ContainerStatus.FINISHED, ContainerStatus.IN_PROGRESS):
        raise containers.container_failure(reason or status)
    return status is ContainerStatus.FINISHED


def publish_container(tools: Tools, token: Secret, container_id: str) -> str:
    """Publish a finished container and return the media id."""
    request = containers.publish_container_request(token, container_id)
    with _saying_what_is_unknown():
        return containers.read_published_id(tools.graph.send(request))


def wait_until_finished(tools: Tools, token: Secret, container_id: str, ends: datetime) -> None:
    """Look at a container until it can be published.

    Raises:
        ThreadsUnavailable: there is no time left; nothing has been published.

    """
    pauses = chain(POLL_PAUSES, repeat(POLL_PAUSES[-1]))
    while True:
        finished = look(tools, token, container_id)
        pause = next(pauses)
        if tools.now() + (timedelta() if finished else pause) >= ends:
            raise ThreadsUnavailable(
                "Threads did not finish processing the file in time, and nothing was published.",
                evidence=Evidence(Step.READ_CONTAINER, 200, excerpt=ContainerStatus.IN_PROGRESS),
                retry_after=timedelta(minutes=1),
            )
        if finished:
            return
        tools.sleep(pause)


@contextmanager
def _saying_what_is_unknown() -> Iterator[None]:
    """Tell the truth about a call that may have published although it failed."""
    try:
        yield
    except ThreadsUnavailable as error:
        evidence = error.evidence
        if evidence is None or evidence.code == CONTAINER_NOT_FOUND or evidence.excerpt == NOT_SENT:
            raise
        raise ThreadsUnavailable(
            "Threads did not answer clearly: the post may be out. Look at the account before you try again.",
            evidence=evidence,
            retry_after=error.retry_after,
        ) from error


def _open_token(tools: Tools, uid: str, account: Found) -> Secret:
    place = Place(tools.project(), uid, account.id, TOKEN_FIELD)
    try:
        return tools.vault().open(str(account.fields.get(TOKEN_FIELD)), place)
    except SealBroken as error:
        # The account is not marked: its token works again once a key that was left out is back.
        raise ReconnectRequired from error


def _permalink(tools: Tools, token: Secret, media_id: str) -> str | None:
    """Ask for the address of a post that is out already: not getting it is no failure."""
    try:
        return containers.read_permalink(tools.graph.send(containers.permalink_request(token, media_id)))
    except ThreadsError:
        return None
