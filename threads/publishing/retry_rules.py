"""How soon and how often each thing is tried again: one table. Pure: no I/O, no clock.

| what                                     | first pause | factor | longest | times                    |
|------------------------------------------|-------------|--------|---------|--------------------------|
| a look at a container, for a person      | 1 s         | 2      | 2 s     | 2                        |
| a look at it by a follow-up task         | 3 s         | 10     | 60 s    | for five minutes         |
| a post whose account is at a limit       | 60 s        | 2      | 1 h     | 48                       |
| a task above its user's share            | up to 30 s  | 2      | 5 min   | until there is room      |
| a new container for one that went wrong  | 30 s        | 2      | 60 s    | 2                        |
| a call whose error may last              | 30 s        | 2      | 60 s    | 3                        |
| a task                                   | queue.yaml  |        |         | 20; 23 if it may be out  |
| a late post, by the upkeep               | 6 to 9 min  |        |         | 20, see WAKE             |
"""

from datetime import timedelta
from typing import NamedTuple

MAX_EXPONENT = 12
"""With a larger exponent, every pause is the longest one."""


class RetryRule(NamedTuple):
    """When one thing is tried again, like a retry policy of Temporal."""

    first: timedelta = timedelta(0)
    factor: float = 1
    longest: timedelta = timedelta.max
    times: int | None = None
    """The most tries. None: something else ends them."""

    def pause(self, number: int) -> timedelta:
        """Return the pause after a try. The first try has number 0."""
        return min(self.first * self.factor ** min(number, MAX_EXPONENT), self.longest)

    def is_used_up(self, tries: int) -> bool:
        """Return whether this many tries are all that there may be."""
        return self.times is not None and tries >= self.times


LOOK = RetryRule(first=timedelta(seconds=1), factor=2, longest=timedelta(seconds=2))
"""Looks at a container while a person waits for the answer. An image is usually ready at the first or second
look."""

LOOKS_AT_ONCE = 2
"""A person's request pauses this often, for three seconds in all. A task's delivery does not pause: its
process is there for everybody's posts, and a follow-up task costs less than a process that sleeps."""

FOLLOW_UP = RetryRule(first=timedelta(seconds=3), factor=10, longest=timedelta(seconds=60))
"""A follow-up task's looks at a container that Threads still processes: one for an image, and then, as Meta
advises, one after about thirty seconds, and one every minute, for five minutes at most.
https://developers.facebook.com/docs/threads/troubleshooting#publishing-does-not-return-a-media-id"""

PROCESSING_TIME = timedelta(minutes=5)
"""How long a container may be in progress before it counts as stuck: five minutes, by the same advice."""

ACCOUNT_LIMIT = RetryRule(first=timedelta(minutes=1), factor=2, longest=timedelta(hours=1), times=48)
"""A post that waits for its account, because of a rate limit or a spent quota: for two days, mostly one hour
at a time. Threads usually tells no pause, and a pause that it tells may be too short."""

PUT_OFF = RetryRule(first=timedelta(seconds=30), factor=2, longest=timedelta(minutes=5))
"""A task above its user's share: it comes back at any moment within this time. A user's share publishes some
twenty posts a second, so six hundred that were due at once are out after half a minute. What was put off
before waits longer: then there are thousands."""

NEW_CONTAINER = RetryRule(first=timedelta(seconds=30), factor=2, longest=timedelta(minutes=1), times=2)
"""How many failed containers of a post are replaced, and how long after they failed. Threads' own faults are
over within a minute (seen), but not within a second. A file that it cannot process stays as it is, so the
error of the third container ends the post. A container that is lost or has expired is replaced at once."""

LASTING_ERROR = RetryRule(first=timedelta(seconds=30), factor=2, longest=timedelta(minutes=1), times=3)
"""How many deliveries may meet an error that is either gone after a few tries or permanent: Threads could not
fetch a file, or does not find an id. (Seen: as often the one as the other.) The pauses are those between a
post's own tasks. They give a file time to appear where its URL says, and the post's content must not be
answered with a 503, which would slow down the queue for all posts."""

TASK = RetryRule(times=20)
"""The attempt of a task that gives up what still fails. With the back-off of queue.yaml, this is after an
hour. The queue itself tries a few times more, in case the process dies just then, or the post may be out."""

UNCLEAR_TASK = RetryRule(times=23)
"""The same for a post that may be out. With that back-off, everything has settled by then."""

REACHED = RetryRule(times=3)
"""How many deliveries a post has had before the last attempt of a task may give it up. While Firestore or the
function is down, a task's attempts are used up without a look at the post."""

WAKE = RetryRule(times=20)
"""How often the upkeep brings a late post back. Without a queue, it goes on with it in the next call, after
three minutes, for the first few times (``WAKES_IN_A_ROW`` in ``posts.ledger``), and gives it up after two to
three hours. With a queue, each new task makes an hour of attempts of its own."""
