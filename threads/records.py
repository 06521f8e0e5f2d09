"""The ledger's documents: each change of a record is a compare-and-set on the last one, in one commit.

| path                                              | what                                           |
|---------------------------------------------------|------------------------------------------------|
| ``users/{uid}/integrations/threads/posts/{postId}`` | the record of a post                         |
| ``threadsClaims/{mediaId}``                       | which post a media id belongs to               |

A claim keeps two posts with the same text from taking the same media id for theirs. What the fields mean is
the ``ledger``'s.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from threads.documents import Documents, conflicts, owner_of, patience
from threads.errors import ServiceError, ServiceUnavailable
from threads.ledger import TTL_FIELD, Record, State, as_document, from_document

if TYPE_CHECKING:
    from google.cloud.firestore import DocumentReference


PAGE = 200
"""Posts of an account that are read at once; with their claims they are erased in one commit of at most 500
writes."""


class Held(NamedTuple):
    """A record, where it lies, and its version: the precondition of the next change."""

    uid: str
    post_id: str
    record: Record
    version: Any
    reason: ServiceError | None = None
    """Why this delivery has ended it badly: for the log, with what Threads answered."""
    thread: "tuple[Held, ...]" = ()
    """With the root of a thread: the replies that have been looked at, in order."""


class Overtaken(Exception):
    """Somebody else has changed the record since it was read: whoever learns this stops."""


class AlreadyClaimed(Exception):
    """The media id is another post's."""


class Records(Documents):
    """The records of posts."""

    def create(self, uid: str, post_id: str, record: Record) -> Held:
        """Write a new record, and return it, or the one that is there already. One commit."""
        with self.rpc(), conflicts():
            written = self._post(uid, post_id).create(as_document(record), **patience())
            return Held(uid, post_id, record, written.update_time)
        there = self.read(uid, post_id)
        if there is None:
            raise ServiceUnavailable  # it has been forgotten just now
        return there

    def read(self, uid: str, post_id: str) -> Held | None:
        """Read a record. One read."""
        with self.rpc():
            return _held(uid, self._post(uid, post_id).get(**patience()))

    def write(self, held: Held, record: Record, *, media_id: str | None = None) -> Held:
        """Change a record unless somebody has since it was read, and claim a media id with it. One commit.

        Raises:
            Overtaken: somebody has.
            AlreadyClaimed: the media id is another post's; nothing was written.

        """
        before = as_document(held.record)
        change = {name: value for name, value in as_document(record).items() if value != before.get(name)}
        with self.rpc() as client, conflicts():
            batch = client.batch()
            unchanged = client.write_option(last_update_time=held.version)
            batch.update(self._post(held.uid, held.post_id), change, option=unchanged)
            if media_id:
                claim = {"uid": held.uid, "postId": held.post_id, TTL_FIELD: record.expires_at}
                batch.create(self._claim(media_id), claim)
            [written, *_] = batch.commit(**patience())
            return Held(held.uid, held.post_id, record, written.update_time)
        there = self.read(held.uid, held.post_id)
        if there and there.record == record:
            # Firestore's client repeats a commit whose answer was lost, and fails on its own change.
            return there
        if media_id and there and there.version == held.version:
            raise AlreadyClaimed
        raise Overtaken

    def find(
        self, uid: str, account_id: str, *, limit: int, state: State | None = None, after: str | None = None
    ) -> list[Held]:
        """Return a user's posts of one account, by their names. One read.

        Args:
            uid: whose posts they are.
            account_id: whose account's.
            limit: how many at most.
            state: only those that are in it.
            after: only those behind this name.

        """
        from google.cloud.firestore import FieldFilter  # noqa: PLC0415 - heavy

        with self.rpc():
            posts = self.summary(uid).collection("posts")
            found = posts.where(filter=FieldFilter("accountId", "==", account_id))
            if state:
                found = found.where(filter=FieldFilter("state", "==", state.value))
            found = found.order_by("__name__")
            if after:
                found = found.start_after({"__name__": self._post(uid, after)})
            snapshots = found.limit(limit).get(**patience())
        return [held for snapshot in snapshots if (held := _held(uid, snapshot))]

    def pages_of(self, account_id: str) -> Iterator[list[Held]]:
        """Return an account's posts, of all users, page by page. One read each.

        An app's own ``posts`` may have an ``accountId``, too: they are passed over (see ``owner_of``).
        """
        from google.cloud.firestore import FieldFilter  # noqa: PLC0415 - heavy

        after = None
        while True:
            with self.rpc() as client:
                posts = client.collection_group("posts")
                posts = posts.where(filter=FieldFilter("accountId", "==", account_id)).order_by("__name__")
                if after:
                    posts = posts.start_after({"__name__": after})
                snapshots = posts.limit(PAGE).get(**patience())
            if not snapshots:
                return
            owned = ((owner_of(it.reference.path), it) for it in snapshots)
            yield [held for uid, it in owned if uid and (held := _held(uid, it))]
            after = snapshots[-1].reference

    def claimed(self, media_id: str) -> Held | None:
        """Return the post that a media id belongs to. Two reads."""
        with self.rpc():
            claim = self._claim(media_id).get(**patience()).to_dict()
        held = self.read(claim["uid"], claim["postId"]) if claim else None
        return held if held and held.record.media_id == media_id else None

    def erase(self, posts: Sequence[Held]) -> bool:
        """Delete records with their claims, unless somebody has changed one since; say so. One commit."""
        with self.rpc() as client, conflicts() as conflict:
            batch = client.batch()
            for held in posts:
                unchanged = client.write_option(last_update_time=held.version)
                batch.delete(self._post(held.uid, held.post_id), option=unchanged)
                if held.record.media_id:
                    batch.delete(self._claim(held.record.media_id))
            batch.commit(**patience())
        return not conflict

    def latest(self, uid: str, limit: int, before: datetime | None) -> list[Held]:
        """Return a user's posts, the newest first, of those older than a moment. One read."""
        with self.rpc():
            posts = self.summary(uid).collection("posts").order_by("createdAt", direction="DESCENDING")
            if before:
                posts = posts.start_after({"createdAt": before})
            snapshots = posts.limit(limit).get(**patience())
        return [held for snapshot in snapshots if (held := _held(uid, snapshot))]

    def _claim(self, media_id: str) -> "DocumentReference":
        claim: DocumentReference = self._client().collection("threadsClaims").document(media_id)
        return claim

    def _post(self, uid: str, post_id: str) -> "DocumentReference":
        post: DocumentReference = self.summary(uid).collection("posts").document(post_id)
        return post


def _held(uid: str, snapshot: Any) -> Held | None:
    fields = snapshot.to_dict()
    return Held(uid, snapshot.id, from_document(fields), snapshot.update_time) if fields else None
