"""What is asked of the service before a long outage: posts of every kind, in every way, by many users.

One user asks for half of them, with several accounts, because Threads lets an account publish 250 posts a
day. All others ask for twenty each.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from random import Random
from typing import Any, NamedTuple

from threads.base.validation import as_json_time

EACH = 20
"""Posts of a user with one account."""

EACH_OF_BUSY = 200
"""Posts of each account of the busy user."""

BUSY = "busy"

BURST = timedelta(seconds=3)
"""Half of the posts that are to be published at once are asked for so shortly before the outage."""

KINDS = ("text", "text", "image", "video", "carousel", "thread")


class Way(StrEnum):
    """How a post is asked for."""

    NOW = "now"
    """In one request of the web app, whose browser is closed, whatever is answered."""
    QUEUE = "queue"
    SCHEDULE = "schedule"
    ORCHESTRATOR = "orchestrator"
    """In a task of another service."""


WITH_QUEUE = (Way.NOW, Way.QUEUE, Way.SCHEDULE, Way.SCHEDULE, Way.ORCHESTRATOR)
OF_BUSY = (Way.QUEUE, Way.SCHEDULE, Way.SCHEDULE)
"""More than a few posts that are published at once are refused, because they are above a user's share."""


class Order(NamedTuple):
    """A post that is asked for. No other post has its texts."""

    uid: str
    account_id: str
    key: str
    way: Way
    at: datetime
    due_at: datetime
    """When it is to be out: then, or soon after."""
    content: Mapping[str, Any]

    @property
    def texts(self) -> list[str]:
        """The texts of all its posts, in order."""
        return [str(post["text"]) for post in self.content.get("thread") or [self.content]]

    def body(self) -> dict[str, Any]:
        """Return the body of its request."""
        if self.way is Way.ORCHESTRATOR:
            named = {"platform": [{"platform": "threads", "accountId": self.account_id}]}
            post = {"post": {"content": {**self.content, **named}}}
            return {"userId": self.uid, "postSubmissionId": self.key, "request": post}
        how: dict[Way, dict[str, Any]] = {
            Way.NOW: {},
            Way.QUEUE: {"queue": True},
            Way.SCHEDULE: {"scheduledTime": as_json_time(self.due_at)},
        }
        said = {"accountId": self.account_id, "idempotencyKey": self.key}
        return {**self.content, **said, **how[self.way]}


class Times(NamedTuple):
    """When what happens."""

    begins: datetime
    dies: datetime
    """When the outage begins."""
    returns: datetime
    """When everything is back."""


def orders(random: Random, count: int, times: Times, *, has_queue: bool) -> Iterator[Order]:
    """Yield so many orders, in any order."""
    for number in range(count):
        is_busy = has_queue and number % 2 == 1
        nth = number // (2 * EACH_OF_BUSY if is_busy else 2 * EACH if has_queue else EACH)
        uid = BUSY if is_busy else f"user{nth}"
        ways = OF_BUSY if is_busy else WITH_QUEUE if has_queue else (Way.NOW,)
        way = random.choice(ways)
        at = _moment(random, way, times)
        due_at = _due(random, times) if way is Way.SCHEDULE else at
        account_id = f"1784{int(is_busy)}{nth:06}"
        content = _content(random.choice(KINDS), f"Post {number}")
        yield Order(uid, account_id, f"key {number}", way, at, due_at, content)


def _moment(random: Random, way: Way, times: Times) -> datetime:
    """Return when a post is asked for."""
    is_in_burst = way is Way.NOW and random.random() < 1 / 2
    begins = times.dies - BURST if is_in_burst else times.begins
    return begins + (times.dies - begins) * random.random()


def _due(random: Random, times: Times) -> datetime:
    """Return when a post is due: mostly during the outage, and now and then before or after it."""
    earliest, latest = times.dies - timedelta(minutes=1), times.returns + timedelta(minutes=10)
    return times.dies + timedelta(days=1) if random.random() < 1 / 20 else _between(random, earliest, latest)


def _between(random: Random, earliest: datetime, latest: datetime) -> datetime:
    return earliest + (latest - earliest) * random.random()


def _content(kind: str, text: str) -> dict[str, Any]:
    media = "https://media.example"
    if kind == "thread":
        picture: dict[str, Any] = {"imageUrl": f"{media}/cat.jpg"}
        parts = [{"text": f"{text}, part {part}"} for part in (1, 2, 3)]
        return {"thread": [parts[0], parts[1] | picture, parts[2]]}
    files: dict[str, dict[str, Any]] = {
        "text": {},
        "image": {"imageUrl": f"{media}/cat.jpg"},
        "video": {"videoUrl": f"{media}/cat.mp4"},
        "carousel": {"media": [{"imageUrl": f"{media}/{part}.jpg"} for part in range(3)]},
    }
    return {"text": text, **files[kind]}
