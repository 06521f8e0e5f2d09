"""Records in Firestore: each change of a record is a compare-and-set on the last one, in one commit.

| path                                              | what                                           |
|---------------------------------------------------|------------------------------------------------|
| ``users/{uid}/integrations/threads/posts/{postId}`` | the record of a post                         |
| ``threadsClaims/{mediaId}``                       | which post a media id belongs to               |

A claim prevents two posts with the same text from taking the same media id. The ``ledger`` says what the
fields mean.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from threads.base.errors import ServiceUnavailable
from threads.cloud.firestore import Repository, as_written, at, conflicts, owner_of, path_of, patience
from threads.posts.ledger import CHECK_FIELD, OPEN, TTL_FIELD, Record, State, as_document, from_document

if TYPE_CHECKING:
    from google.cloud.firestore import Client, DocumentReference, DocumentSnapshot, Query

POSTS = "users/{uid}/integrations/threads/posts"
"""The collection of a user's posts: the record of each."""

CLAIMS = "threadsClaims"
"""The collection that says which post a media id belongs to."""

PAGE = 200
"""Posts of an account that are read at once. One commit, which may have at most 500 writes, erases them with
their claims."""

FIRST_PAGE = 20
"""The most of the latest posts that are read at first. If they are large, no more are wanted."""


@dataclass(frozen=True)
class StoredPost:
    """A post's record as it was read, with its owner and its id."""

    uid: str
    post_id: str
    record: Record
    version: Any
    """When it was last changed. This is the precondition of the next change."""


class Listed(NamedTuple):
    """One of the latest posts."""

    post_id: str
    created_at: datetime
    post: StoredPost | None
    """None if this version cannot read its record."""


@dataclass(frozen=True)
class LatePost:
    """A document that the upkeep must look at, as a query found it."""

    path: str
    check_at: datetime
    post: StoredPost | None
    """None: it cannot be read as the record of a post."""


NOT_READABLE = "A newer version of this service has written this post. It must be back to go on with it."
"""What is said about a record that this version cannot read."""

Note = Callable[[str], object]
"""Gets the path of a document that this version cannot read. A newer version, or a client, has written it."""


def ignored(_path: str) -> None:
    """Do nothing about a document that this version cannot read."""


class Overtaken(Exception):
    """Another writer has changed the record since it was read. A delivery that learns this stops."""


class AlreadyClaimed(Exception):
    """The media id belongs to another post."""


class PostRepository(Repository):
    """The records of posts."""

    def create(self, uid: str, post_id: str, record: Record) -> StoredPost:
        """Write a new record and return it, or return the one that exists already. One commit."""
        with self.rpc(), conflicts():
            written = self._post(uid, post_id).create(as_document(record), **patience())
            return StoredPost(uid, post_id, record, written.update_time)
        there = self.read(uid, post_id)
        if there is None:
            raise ServiceUnavailable  # it was erased just now
        return there

    def read(self, uid: str, post_id: str) -> StoredPost | None:
        """Read a record. One read.

        Raises:
            ServiceUnavailable: this version cannot read it; the one that has written it can.

        """
        with self.rpc():
            snapshot = self.get(self._post(uid, post_id))
        post = _readable(uid, snapshot)
        if post is None and snapshot.exists:
            raise ServiceUnavailable(NOT_READABLE)
        return post

    def write(self, post: StoredPost, record: Record, *, media_id: str | None = None) -> StoredPost:
        """Change a record unless it has changed since it was read, and claim a media id with it. One commit.

        Raises:
            Overtaken: another writer has changed the record.
            AlreadyClaimed: the media id belongs to another post; nothing was written.

        """
        change = _changes(post.record, record)
        with self.rpc() as client, conflicts():
            batch = client.batch()
            unchanged = client.write_option(last_update_time=post.version)
            batch.update(self._post(post.uid, post.post_id), change, option=unchanged)
            if media_id:
                claim = {"uid": post.uid, "postId": post.post_id, TTL_FIELD: record.expires_at}
                batch.create(self._claim(media_id), claim)
            [written, *_] = batch.commit(**patience())
            return StoredPost(post.uid, post.post_id, record, written.update_time)
        there = self.read(post.uid, post.post_id)
        if there and there.record == record:
            # Firestore's client retries a commit whose answer was lost, and fails on its own change.
            return there
        if media_id and there and there.version == post.version:
            raise AlreadyClaimed
        raise Overtaken

    def take_over(self, post: StoredPost, record: Record, media_id: str, now: datetime) -> StoredPost:
        """Publish a post with a media id that Threads has answered, and take it from the post that found it.

        The other post goes on looking for its own. If the post with this id was deleted meanwhile, it is this
        one that was deleted. Two reads and a commit, which hardly ever happen.

        Raises:
            Overtaken: another writer has changed the record.
            AlreadyClaimed: the media id is not one that another post has only found; nothing was written.

        """
        with self.rpc():
            claim = self._claim(media_id).get(**patience())
        owner = claim.to_dict() or {}
        other = self.read(owner["uid"], owner["postId"]) if owner else None
        if other is None or not other.record.is_found or other.record.media_id != media_id:
            raise AlreadyClaimed
        if other.record.deleted_at:
            record = record.deleted(now)
        with self.rpc() as client, conflicts():
            batch = client.batch()
            for it, after in ((post, record), (other, other.record.reopened(now))):
                unchanged = client.write_option(last_update_time=it.version)
                batch.update(self._post(it.uid, it.post_id), _changes(it.record, after), option=unchanged)
            mine = {"uid": post.uid, "postId": post.post_id, TTL_FIELD: record.expires_at}
            unchanged = client.write_option(last_update_time=claim.update_time)
            batch.update(self._claim(media_id), mine, option=unchanged)
            [written, *_] = batch.commit(**patience())
            return StoredPost(post.uid, post.post_id, record, written.update_time)
        there = self.read(post.uid, post.post_id)
        if there and there.record == record:
            return there
        raise AlreadyClaimed if there and there.version == post.version else Overtaken

    def find(
        self, uid: str, account_id: str, *, limit: int, state: State | None = None, after: str | None = None
    ) -> list[StoredPost]:
        """Return the readable posts of one account of a user, in the order of their ids. One read.

        Args:
            uid: the user.
            account_id: the account.
            limit: the most posts to return.
            state: return only posts in this state.
            after: return only posts after this post id.

        """
        from google.cloud.firestore import FieldFilter  # noqa: PLC0415 - heavy

        with self.rpc() as client:
            posts = client.collection(at(POSTS, uid))
            found = posts.where(filter=FieldFilter("accountId", "==", account_id))
            if state:
                found = found.where(filter=FieldFilter("state", "==", state.value))
            found = found.order_by("__name__")
            if after:
                found = found.start_after({"__name__": self._post(uid, after)})
            snapshots = found.limit(limit).get(**patience())
        return [post for snapshot in snapshots if (post := _readable(uid, snapshot))]

    def find_unanswered(self, uid: str, account_id: str, *, limit: int) -> list[StoredPost]:
        """Return the posts of one account that may be out, but whose media ids are not known. One read."""
        from google.cloud.firestore import FieldFilter  # noqa: PLC0415 - heavy

        with self.rpc() as client:
            posts = client.collection(at(POSTS, uid)).where(filter=FieldFilter("accountId", "==", account_id))
            posts = posts.where(filter=FieldFilter("ambiguous", "==", True))
            posts = posts.where(filter=FieldFilter("state", "in", [State.SENT.value, State.ARMED.value]))
            snapshots = posts.limit(limit).get(**patience())
        return [post for snapshot in snapshots if (post := _readable(uid, snapshot))]

    def count_open(self, uid: str, account_id: str, *, most: int) -> int:
        """Return how many of a user's posts of one account have not ended, up to ``most``.

        One read. Firestore counts in its indexes and bills one document for each 1,000 posts
        (https://firebase.google.com/docs/firestore/query-data/aggregation-queries).
        """
        from google.cloud.firestore import FieldFilter  # noqa: PLC0415 - heavy

        with self.rpc() as client:
            posts = client.collection(at(POSTS, uid))
            counted = posts.where(filter=FieldFilter("accountId", "==", account_id))
            counted = counted.where(filter=FieldFilter("state", "in", [state.value for state in OPEN]))
            counts: Any = counted.limit(most).count().get(**patience())
        return int(counts[0][0].value)

    def pages_of(
        self, account_id: str, odd: Note = ignored, *, uid: str | None = None
    ) -> Iterator[list[StoredPost]]:
        """Yield an account's posts, of all users or of one, page by page. One read each.

        An app's own ``posts`` may have an ``accountId``, too. They are skipped (see ``owner_of``).

        Args:
            account_id: the account.
            odd: gets the path of each document that this version cannot read.
            uid: the user, or None for all users.

        """
        from google.cloud.firestore import FieldFilter  # noqa: PLC0415 - heavy

        named = FieldFilter("accountId", "==", account_id)

        def query(client: "Client") -> "Query":
            posts = client.collection(at(POSTS, uid)) if uid else client.collection_group("posts")
            return posts.where(filter=named)

        return (_read_all(page, odd) for page in self.pages(query, PAGE))

    def pages_of_user(self, uid: str, odd: Note = ignored) -> Iterator[list[StoredPost]]:
        """Yield a user's posts, of all accounts, page by page. One read each. ``odd`` as in ``pages_of``."""
        pages = self.pages(lambda client: client.collection(at(POSTS, uid)), PAGE)
        return (_read_all(page, odd) for page in pages)

    def find_late(self, now: datetime, after: LatePost | None, limit: int) -> list[LatePost]:
        """Return posts of all users that the upkeep must look at by now, the longest overdue first. One read.

        With ``after``, only posts after this one.
        """
        from google.cloud.firestore import FieldFilter  # noqa: PLC0415 - heavy

        with self.rpc() as client:
            posts = client.collection_group("posts").where(filter=FieldFilter(CHECK_FIELD, "<=", now))
            posts = posts.order_by(CHECK_FIELD).order_by("__name__")
            if after:
                place = {CHECK_FIELD: after.check_at, "__name__": client.document(after.path)}
                posts = posts.start_after(place)
            snapshots = posts.limit(limit).get(**patience())
        return [_late(snapshot) for snapshot in snapshots]

    def put_off(self, late: LatePost, until: datetime) -> None:
        """Let the upkeep look at a document later, whatever else is in it. One commit."""
        with self.rpc() as client, conflicts():
            client.document(late.path).update({CHECK_FIELD: until}, **patience())

    def of_media_id(self, media_id: str) -> StoredPost | None:
        """Return the post that a media id belongs to. Two reads."""
        with self.rpc():
            claim = self._claim(media_id).get(**patience()).to_dict()
        post = self.read(claim["uid"], claim["postId"]) if claim else None
        return post if post and post.record.media_id == media_id else None

    def erase(self, posts: Sequence[StoredPost]) -> bool:
        """Delete records with their claims, or return False if one has changed meanwhile. A read, a commit.

        A record may name a media id that belongs to another post. Then this claim stays.
        """
        with self.rpc() as client, conflicts() as conflict:
            batch = client.batch()
            for post in posts:
                unchanged = client.write_option(last_update_time=post.version)
                batch.delete(self._post(post.uid, post.post_id), option=unchanged)
            for claim in self._own_claims(client, posts):
                unchanged = client.write_option(last_update_time=claim.update_time)
                batch.delete(claim.reference, option=unchanged)
            batch.commit(**patience())
        return not conflict

    def erase_odd(self, path: str) -> None:
        """Delete a document that this version cannot read. One commit."""
        with self.rpc() as client:
            client.document(path).delete(**patience())

    def _own_claims(
        self, client: "Client", posts: Sequence[StoredPost]
    ) -> "list[DocumentSnapshot[DocumentReference]]":
        named = {post.record.media_id: post for post in posts if post.record.media_id}
        claims = client.get_all([self._claim(media_id) for media_id in named], **patience()) if named else ()
        found = ((claim, named[claim.reference.id], claim.to_dict() or {}) for claim in claims)
        return [
            claim
            for claim, post, fields in found
            if (fields.get("uid"), fields.get("postId")) == (post.uid, post.post_id)
        ]

    def latest(self, uid: str, limit: int, before: datetime | None) -> Generator[Listed, None, None]:
        """Yield a user's posts, the newest first; with ``before``, only older ones. One read, or two.

        Firestore sends the posts while they are taken. Close the generator when you need no more of them: the
        rest stays unread, and takes no memory.

        A newer version may have written some of them, before it was taken back. They must not hide the rest.
        """
        count = min(limit, FIRST_PAGE)
        with self.rpc() as client:
            posts = client.collection(at(POSTS, uid)).order_by("createdAt", direction="DESCENDING")
            while count:
                page = posts.start_after({"createdAt": before}) if before else posts
                taken = 0
                with closing(page.limit(count).stream(**patience())) as snapshots:
                    for snapshot in snapshots:
                        taken, before = taken + 1, snapshot.get("createdAt")
                        yield Listed(snapshot.id, before, _readable(uid, snapshot))
                limit -= count
                count = limit if taken == count else 0

    def _claim(self, media_id: str) -> "DocumentReference":
        claim: DocumentReference = self._client().collection(CLAIMS).document(media_id)
        return claim

    def _post(self, uid: str, post_id: str) -> "DocumentReference":
        post: DocumentReference = self._client().collection(at(POSTS, uid)).document(post_id)
        return post


def _changes(before: Record, after: Record) -> dict[str, Any]:
    """Return the fields that differ, as Firestore takes them."""
    old, new = as_document(before), as_document(after)
    return as_written({name: new.get(name) for name in old | new if new.get(name) != old.get(name)})


def _readable(uid: str, snapshot: Any) -> StoredPost | None:
    """Return a post that can be delivered and shown. None: there is none, or this version cannot read it."""
    try:
        post = _stored(uid, snapshot)
        if post:
            post.record.content.as_json()
    except (ValueError, TypeError, KeyError):
        return None
    return post


def _stored(uid: str, snapshot: Any) -> StoredPost | None:
    fields = snapshot.to_dict()
    return StoredPost(uid, snapshot.id, from_document(fields), snapshot.update_time) if fields else None


def _read_all(snapshots: Iterable[Any], odd: Note) -> list[StoredPost]:
    """Return the posts among documents. ``odd`` gets the path of each that cannot be read."""
    posts = []
    for snapshot in snapshots:
        path = path_of(snapshot)
        uid = owner_of(path)
        try:
            post = _stored(uid, snapshot) if uid else None
        except Exception:  # noqa: BLE001 - an odd document must not hide the other ones
            odd(path)
            continue
        if post:
            posts.append(post)
    return posts


def _late(snapshot: Any) -> LatePost:
    path = path_of(snapshot)
    uid = owner_of(path)
    try:
        post = _stored(uid, snapshot) if uid else None
    except Exception:  # noqa: BLE001 - an odd document must not hide the other ones
        post = None
    return LatePost(path, snapshot.get(CHECK_FIELD), post)
