"""A Threads in memory: containers, posts and lists by Meta's rules, without HTTP; and its faults.

The rules are those of ``emulator/threads_api``, which serves them over HTTP. Unlike there, an old post of the
account has the same text as the new one, and the clock is behind ours: neither may mislead the ledger.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import cache

from tests.faults.model import World
from tests.faults.virtual_posts import Call, Container, Fate, Post
from tests.faults.wrongs import BY_NAME, MISSING, NOT_PUBLISHABLE, Effect
from threads.graph.error_codes import Step
from threads.graph.protocol import GraphReply, GraphRequest

ANSWERS_IN = timedelta(milliseconds=300)
"""How long a call takes that nothing disturbs."""

A_LITTLE_BEHIND = timedelta(seconds=-4)
"""How far Threads' clock is ahead of Firestore's: less than the allowance for it."""


NONE_FAILS: Mapping[str, Fate] = {}
"""Every file is processed."""


class VirtualThreads:
    """Threads, as one account's token sees it."""

    def __init__(
        self,
        world: World,
        *,
        ready_after: timedelta,
        lag: timedelta,
        lists_all: bool = False,
        failing: Mapping[str, Fate] = NONE_FAILS,
        shown: Callable[[str], str] = str,
        ahead: timedelta | None = None,
        first_id: int = 18_050_206_876_707_111,
    ) -> None:
        """Take how long media is processed, how long a post is missing from lists, and the way of listing.

        With ``lists_all`` a list does not heed ``since`` and begins with the oldest post. ``failing`` is what
        becomes of the first container of a file, by its URL. ``shown`` is what Threads makes of a text. Its
        clock is a little behind, and says so nowhere; or it is ``ahead`` and says so with every answer.
        """
        self.containers: dict[str, Container] = {}
        self.posts: list[Post] = []
        """The posts of this run."""
        self._world = world
        self._ready_after = ready_after
        self._lag = lag
        self._lists_all = lists_all
        self._failing = dict(failing)
        self._shown = shown
        self._ahead, self._tells_time = (A_LITTLE_BEHIND, False) if ahead is None else (ahead, True)
        self.asked_to_create: Callable[[Mapping[str, str]], None] = _unwatched
        """Told of each call that creates, before anything comes of it."""
        self.deadline: Callable[[], datetime] = _no_deadline
        """Returns the deadline of the request that makes a call."""
        self._ids = first_id
        self._old: list[Post] = []
        self._is_hiding = False

    def send(self, request: GraphRequest) -> GraphReply:
        """Answer a call, or do with it what the plan says."""
        world, meant_at, deadline = self._world, self._world.now, self.deadline()
        place = _PLACES[request.step]
        fault = world.at(place)
        call = Call(meant_at, world.now, deadline)
        if request.step is Step.CREATE_CONTAINER:
            self.asked_to_create(request.form or {})
        if fault is None:
            world.pass_time(ANSWERS_IN)
            reply = self._serve(request, call)
        else:
            reply = self._disturbed(request, call, fault)
        if world.trace is not None:
            world.note(f"      {reply.status} {reply.body.decode()[:70]}{reply.failure}")
        world.at(place + ":after")
        return reply

    def add_old_post(self, form: Mapping[str, str], age: timedelta) -> None:
        """Let the account have an older post, which no request of this run has made; of now, one by hand."""
        then = self._world.now - age
        call = Call(then, then, _no_deadline())
        self._old.append(Post(str(len(self._old) + 1), dict(form), then + self._ahead, then, call, then))

    def _disturbed(self, request: GraphRequest, call: Call, fault: str) -> GraphReply:
        world, wrong = self._world, BY_NAME[fault]
        if wrong.fate:
            self._meets(request, wrong.fate, wrong.reason)
        if wrong.effect is Effect.LATE:
            world.later(wrong.delay, lambda: self._serve(request, call))
        world.pass_time(wrong.takes)
        self._is_hiding = wrong.hides
        if wrong.effect is Effect.NOW or wrong.reply is None:
            reply = self._serve(request, call)
        if wrong.forgets:
            self._forget(request)
        return wrong.reply or reply

    def delete_all(self) -> None:
        """Let the owner delete every post of this run that is out."""
        for post in self.posts:
            post.is_deleted = True

    def _forget(self, request: GraphRequest) -> None:
        """Forget a container that is out, and go on showing its post."""
        container = self.containers.get(_container_of(request))
        if container and container.media_id:
            container.is_forgotten = True

    def _meets(self, request: GraphRequest, fate: str, reason: str) -> None:
        container = self.containers.get(_container_of(request))
        if container and not container.media_id:
            container.fate, container.reason = fate, reason

    def _serve(self, request: GraphRequest, call: Call) -> GraphReply:
        form = dict(request.form or {})
        if request.step is Step.CREATE_CONTAINER:
            return self._refusal(form) or _id(self._created(form, call))
        if request.step is Step.READ_CONTAINER:
            return self._status(request.path[1:])
        if request.step is Step.PUBLISH_CONTAINER:
            return self._publish(form["creation_id"], call)
        if request.step is Step.LIST_POSTS:
            return self._list(int(request.query["since"]), replies=request.path == "/me/replies")
        if request.step is Step.DELETE_POST:
            return self._delete(request.path[1:])
        return _QUOTA if request.step is Step.READ_QUOTA else _id("17841400000000000")

    def _refusal(self, form: Mapping[str, str]) -> GraphReply | None:
        """Refuse to answer a post that is not out, and media that are not a carousel's or not finished."""
        answered = form.get("reply_to_id")
        if answered and answered not in {post.id for post in self.posts}:
            return MISSING
        for name in form["children"].split(",") if "children" in form else ():
            child = self.containers.get(name)
            if child is None or child.fate == Fate.VANISHES:
                return MISSING
            if not child.is_child or child.status(self._world.now) != "FINISHED":
                return NOT_PUBLISHABLE
        return None

    def _created(self, form: dict[str, str], call: Call) -> str:
        """Create a container, or publish a text at once."""
        if form.pop("auto_publish_text", ""):
            return self._post(form, call, in_one_call=True).id
        name = self._next_id()
        now = self._world.now
        fate = self._failing.pop(form.get("image_url", ""), "")
        reason = "FAILED_PROCESSING_VIDEO" if fate == Fate.BREAKS else ""
        ready_at = now if form["media_type"] == "TEXT" else now + self._ready_after
        self.containers[name] = Container(name, form, now, ready_at, fate, reason)
        return name

    def _status(self, name: str) -> GraphReply:
        container = self.containers.get(name)
        status = container.status(self._world.now) if container else Fate.VANISHES
        if container is None or status == Fate.VANISHES:
            return MISSING
        return _status(name, status, container.reason if status == Fate.BREAKS else "")

    def _publish(self, name: str, call: Call) -> GraphReply:
        """Publish a container once; whatever is asked of it afterwards, there is no second post."""
        container = self.containers.get(name)
        status = container.status(self._world.now) if container else Fate.VANISHES
        if container is None or status in {"IN_PROGRESS", Fate.VANISHES}:
            return MISSING
        if status != "FINISHED" or container.is_child:
            return NOT_PUBLISHABLE
        container.media_id = self._post(container.form, call, in_one_call=False).id
        return _id(container.media_id)

    def _delete(self, name: str) -> GraphReply:
        for post in self.posts:
            if post.id == name:
                post.is_deleted = True
                return _json({"success": True})
        return MISSING

    def _post(self, form: dict[str, str], call: Call, *, in_one_call: bool) -> Post:
        now = self._world.now
        post = Post(
            self._next_id(),
            form,
            now + self._ahead,
            now + self._lag,
            call,
            now,
            in_one_call=in_one_call,
        )
        self.posts.append(post)
        self._world.note(f"      a post is out: {post.id}")
        return post

    def _list(self, since: int, *, replies: bool) -> GraphReply:
        """List the account's posts, or its replies: neither list has the others."""
        now = self._world.now
        known = [post for post in (*self._old, *self.posts) if bool(post.reply_to) == replies]
        listed = [
            post.as_json(self._shown)
            for post in known
            if post.listed_at <= now
            and not post.is_deleted
            and not (self._is_hiding and post in self.posts)
            and (self._lists_all or post.published_at.timestamp() >= since)
        ]
        if self._is_hiding:
            self._is_hiding = False
            for post in known:
                post.is_hidden = post.is_hidden or post.listed_at <= now
        date = {"date": format_datetime(now + self._ahead, usegmt=True)} if self._tells_time else {}
        return replace(_json({"data": listed if self._lists_all else listed[::-1]}), headers=date)

    def _next_id(self) -> str:
        self._ids += 2
        return str(self._ids)


def _container_of(request: GraphRequest) -> str:
    return (request.form or {}).get("creation_id") or request.path[1:]


def _unwatched(_form: Mapping[str, str]) -> None:
    """Go on."""


def _no_deadline() -> datetime:
    return datetime.max.replace(tzinfo=UTC)


def _json(value: object) -> GraphReply:
    return GraphReply(200, {}, json.dumps(value).encode())


def _id(value: str) -> GraphReply:
    return GraphReply(200, {}, b'{"id": "%s"}' % value.encode())


@cache
def _status(name: str, status: str, reason: str) -> GraphReply:
    return _json({"id": name, "status": status, **({"error_message": reason} if reason else {})})


_PLACES = {step: f"graph:{step}" for step in Step}
_QUOTA = _json({"data": [{"quota_usage": 1, "config": {"quota_total": 250}}]})
