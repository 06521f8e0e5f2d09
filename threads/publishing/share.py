"""Nobody waits for somebody else: one user has a bounded share of what a process does at once.

A process serves as many requests as it has threads. Without a bound, one user who schedules hundreds of
videos for nine o'clock has them all, and the posts of everybody else are late. The count is the process's
own and costs no call. It is kept by user and not by account: the user is known before anything is read, and
a user's accounts are part of the user's share.

What comes above the share is not lost: the web app is told to come again, and a task is left to a later one.
"""

import hashlib
import re
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from threads.posts.ledger import task_id
from threads.posts.parts import PostParts
from threads.publishing.retry_rules import PUT_OFF

SHARES = 4
"""A user has at most one of so many equal parts of the threads. Several busy users still leave some for
others, and nobody posts twenty things at once by hand."""

SOONEST = timedelta(seconds=1)
"""When what was put off comes back at the earliest."""

COME_AGAIN = timedelta(seconds=5)
"""When a caller above its share may come again. Most posts are published in a second or two."""

_OURS = re.compile(r"([0-9a-f]{64})(?:-([0-9]{1,4}))?", re.ASCII)
"""The name of a task of ours, and how often it was put off."""


class Shares:
    """Counts what one process does for each user."""

    def __init__(self, threads: int) -> None:
        """Take how many requests the process serves at once."""
        self._most = max(1, threads // SHARES)
        self._running: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def of(self, uid: str) -> Iterator[bool]:
        """Take a part of a user's share, and give it back whatever happens.

        Yields whether the user had a part left. Without one, the caller must not go on.
        """
        has_room = self._take(uid)
        try:
            yield has_room
        finally:
            if has_room:
                self._give_back(uid)

    def _take(self, uid: str) -> bool:
        with self._lock:
            has_room = self._running[uid] < self._most
            if has_room:
                self._running[uid] += 1
            return has_room

    def _give_back(self, uid: str) -> None:
        with self._lock:
            self._running[uid] -= 1
            if not self._running[uid]:
                del self._running[uid]  # the next user is another one: nothing may grow here


def put_off(parts: PostParts, uid: str, post_id: str, task: str | None) -> datetime:
    """Leave a task of ours to a later one for the same post, and return when that comes.

    The record is neither read nor written. It still names the task that was created for it, so the later
    one is named after that: ``<task>-1``, then ``<task>-2``. If a task is delivered twice, both deliveries
    create the same one.

    Raises:
        ServiceUnavailable: Cloud Tasks refused the task, or did not answer.

    """
    ours = _OURS.fullmatch(task or "")
    first, times = (ours[1], int(ours[2] or 0)) if ours else (task_id(post_id, 0, parts.now()), 0)
    name = f"{first}-{times + 1}"
    due_at = parts.now() + spread(name, times)
    parts.queue.enqueue(name, uid=uid, post_id=post_id, due_at=due_at)
    return due_at


def first_task(task: str) -> str:
    """Return the task that was put off, given the name of one that came of it. Any other is its own."""
    ours = _OURS.fullmatch(task)
    return ours[1] if ours else task


def spread(name: str, times: int) -> timedelta:
    """Return how long to put something off, given its name and how often it was put off before.

    What came at once must not come back at once. The name decides, so that no chance is involved.
    """
    part = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4]) / 2**32
    return max(SOONEST, PUT_OFF.pause(times) * part)
