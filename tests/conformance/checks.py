"""What the service relies on at Threads, as checks: what each assumes, and where the code relies on it.

A check returns what it has seen, in words. If that is not what was assumed, then two things are wrong: a
setting, or a module, of the emulator; and the line of the service that relies on it.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

from tests.conformance.target import NotChecked, Target
from threads.graph.media import LISTED_FIELDS
from threads.graph.oauth import PROFILE_FIELDS
from threads.posts.ledger import CLOCK_ALLOWANCE, SETTLE
from threads.publishing.matching import is_same_text
from threads.publishing.retry_rules import PROCESSING_TIME

ROOT = Path(__file__).parents[2]

ODD_TEXT = (
    "Tea & tides \u2764\ufe0f, one\u200b word, #topic, https://www.example.com/a/long/path/of/a/page?q=1"
)
LOOKS = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0, SETTLE.total_seconds() - 157)
"""Pauses between looks at a list: four minutes in all."""


@dataclass(frozen=True)
class Check:
    """One assumption, and how it is checked."""

    name: str
    assumes: str
    expected: str
    """What is seen if it is true: an answer of ``see``."""
    file: str
    """Where the service relies on it: a module below ``threads/``, and words of the line."""
    words: str
    emulator: str
    """The emulator's setting that is about it, or the module that has to change."""
    see: Callable[[Target], str]

    @property
    def place(self) -> str:
        """The line of ours that must change if it is not true."""
        lines = (ROOT / "threads" / self.file).read_text(encoding="utf-8").splitlines()
        [number] = [number for number, line in enumerate(lines, 1) if self.words in line]
        return f"threads/{self.file}:{number}"


# --- reading ----------------------------------------------------------------------------------------------


def _profile(target: Target) -> str:
    answer = target.call("GET", "/me", fields=",".join(PROFILE_FIELDS))
    missing = [name for name in ("id", "username") if not isinstance(answer.body.get(name), str)]
    return "id and username as texts" if not missing else f"without {', '.join(missing)} ({answer.error})"


def _dead_token(target: Target) -> str:
    return target.call("GET", "/me", token=f"{target.token[:8]}dead", fields="id").error


def _permission(target: Target) -> str:
    if not target.narrow_token:
        raise NotChecked("it needs a second token with threads_basic alone (THREADS_TEST_NARROW_TOKEN)")
    answer = target.call(
        "POST", "/me/threads", token=target.narrow_token, media_type="TEXT", text="Nobody may see this."
    )
    return "taken" if answer.ok else answer.error


def _debug(target: Target) -> str:
    told = target.call("GET", "/debug_token", input_token=target.token).body.get("data", {})
    is_told = told.get("is_valid") is True and "threads_basic" in (told.get("scopes") or [])
    return "valid, with its scopes" if is_told else "without is_valid and scopes"


def _debug_by_app(target: Target) -> str:
    if not target.app_token:
        raise NotChecked("it needs the app's own token (THREADS_TEST_APP_TOKEN)")
    seen = []
    for token in (target.token, "none"):
        told = target.call("GET", "/debug_token", token=target.app_token, input_token=token)
        seen.append(str(told.body["data"].get("is_valid")) if told.ok else told.error)
    return ", ".join(seen)


# --- creating ---------------------------------------------------------------------------------------------


def _counting(target: Target) -> str:
    """Create texts that are too long for one way to count, but not for the others."""
    if target.create("é" * 300).ok:
        return "code_points" if target.create("😀" * 130).ok else "emoji_bytes"
    return "utf8_bytes" if target.create("e" * 500).ok else "less than 500"


def _spoiler_range(target: Target) -> str:
    """Hide what lies behind the text if code points count, but not if UTF-16 units or bytes do."""
    entities = json.dumps([{"entity_type": "SPOILER", "offset": 3, "length": 1}])
    return "taken" if target.create("😀ab", text_entities=entities).ok else "refused"


def _container(target: Target) -> str:
    answer = target.call("GET", f"/{target.container}", fields="status,error_message")
    return str(answer.body.get("status") or answer.error)


def _image(target: Target) -> str:
    if not target.image_url:
        raise NotChecked("it needs the public address of an image (THREADS_TEST_IMAGE)")
    image = target.call("POST", "/me/threads", media_type="IMAGE", image_url=target.image_url).id
    waited = 0.0
    for pause in (1.0, 2.0, 27.0, 60.0, 60.0, 60.0, 60.0):
        target.wait(pause)
        waited += pause
        status = target.call("GET", f"/{image}", fields="status,error_message").body.get("status")
        if status != "IN_PROGRESS":
            return f"{status} in time" if waited <= PROCESSING_TIME.total_seconds() else f"{status} too late"
    return "still IN_PROGRESS"


# --- publishing -------------------------------------------------------------------------------------------


def _publishes_once(target: Target) -> str:
    published = [target.post]
    again = target.publish(target.container)
    if again.ok and again.body.get("id") not in published:
        return "a second post"
    return "no second post"


def _published_status(target: Target) -> str:
    assert target.post
    answer = target.call("GET", f"/{target.container}", fields="status,error_message")
    return str(answer.body.get("status") or answer.error)


def _status_of_a_post(target: Target) -> str:
    answer = target.call("GET", f"/{target.post}", fields="status")
    return str(answer.body.get("status") or answer.error)


def _unknown_container(target: Target) -> str:
    return target.publish(f"{target.container[:-6]}000001").error


def _at_once(target: Target) -> str:
    media_id = target.publish_at_once(ODD_TEXT).id
    answer = target.call("GET", f"/{media_id}", fields="permalink")
    return "a media id" if answer.ok and answer.body.get("permalink") else f"no media id ({answer.error})"


def _quota(target: Target) -> str:
    used = target.quota()
    first = next(used)
    container = target.create("Another check. It is deleted in a minute.").id
    created = next(used)
    target.publish(container)
    published = next(used)
    return f"{created - first} for creating, {published - created} for publishing"


# --- lists ------------------------------------------------------------------------------------------------


def _listing(target: Target) -> str:
    seconds = target.until_listed(target.post, "/me/threads", LOOKS)
    return "in time" if seconds is not None else f"not within {SETTLE}"


def _fields(target: Target) -> str:
    answer = target.call("GET", "/me/threads", fields=",".join(LISTED_FIELDS), limit="1")
    return "all of them" if answer.ok else answer.error


def _order(target: Target) -> str:
    assert target.post
    times = [datetime.fromisoformat(post["timestamp"]) for post in target.listed()]
    return "the newest first" if times == sorted(times, reverse=True) else "another order"


def _since(target: Target) -> str:
    shown = target.call("GET", f"/{target.post}", fields="timestamp").body.get("timestamp", "")
    later = str(int((datetime.fromisoformat(shown) + timedelta(days=1)).timestamp()))
    return "heeded" if not target.listed(since=later) else "not heeded"


def _cursor(target: Target) -> str:
    assert target.post
    paging = target.call("GET", "/me/threads", fields="id", limit="1").body.get("paging", {})
    after = paging.get("cursors", {}).get("after")
    if not after:
        return "no cursor"
    first = target.listed(limit="1")
    rest = target.listed(after=after)
    return "goes on" if first and first[0]["id"] not in [post["id"] for post in rest] else "does not go on"


def _text(target: Target) -> str:
    shown = [post.get("text", "") for post in target.listed() if post["id"] in target.out]
    odd = [text for text in shown if "tides" in text]
    if not odd:
        raise NotChecked("the list does not show the post with the odd text")
    if odd[0] == ODD_TEXT:
        return "as_sent"
    return "changed" if is_same_text(ODD_TEXT, odd[0]) else "in a way that the service does not know"


def _permalink(target: Target) -> str:
    shown = str(target.call("GET", f"/{target.post}", fields="permalink").body.get("permalink"))
    form = re.sub(r"^https?://[^/]+", "", shown)
    return "/@<name>/post/<code>" if re.fullmatch(r"/@[\w.]+/post/[\w-]+/?", form) else form


def _clock(target: Target) -> str:
    answer = target.call("GET", f"/{target.publish_at_once('What time is it?').id}", fields="timestamp")
    if not answer.date:
        return "no Date"
    apart = abs(parsedate_to_datetime(answer.date) - datetime.fromisoformat(answer.body["timestamp"]))
    return "the same" if apart <= CLOCK_ALLOWANCE else f"{apart} apart"


def _replies(target: Target) -> str:
    reply = target.reply
    lists = [path for path in ("/me/threads", "/me/replies") if _shows(target, reply, path)]
    return " and ".join(lists) or "neither list"


def _shows(target: Target, media_id: str, path: str) -> bool:
    return target.until_listed(media_id, path, LOOKS[:3]) is not None


# --- the end ----------------------------------------------------------------------------------------------


def _deletes(target: Target) -> str:
    media_id = target.publish_at_once("This is deleted right away.").id
    first = target.delete(media_id)
    if first.body.get("success") is not True:
        return f"not deleted ({first.error})"
    return f"success, then {target.delete(media_id).error}"


def _refresh(target: Target) -> str:
    if target.save_refreshed is None:
        raise NotChecked("it replaces the token, so it has to be asked for (THREADS_TEST_REFRESHED=<a file>)")
    answer = target.call(
        "GET", "/refresh_access_token", version="", grant_type="th_refresh_token", access_token=target.token
    )
    if not answer.ok:
        raise NotChecked(f"the token cannot be refreshed: it must be a day old ({answer.error})")
    target.save_refreshed(str(answer.body["access_token"]))
    old, target.token = target.token, str(answer.body["access_token"])
    return "works" if target.call("GET", "/me", token=old, fields="id").ok else "is dead"


CHECKS = (
    Check(
        "clock",
        "The Date of an answer is the clock by which a post's timestamp is made",
        "the same",
        "graph/media.py",
        "def time_ahead",
        "emulator/base/http_server.py",
        _clock,
    ),
    Check(
        "profile",
        "/me tells id and username",
        "id and username as texts",
        "graph/oauth.py",
        "PROFILE_FIELDS = (",
        "emulator/threads_api/fields.py",
        _profile,
    ),
    Check(
        "dead_token",
        "A token that is dead, or none of Threads', gets 190",
        "400: 190",
        "graph/error_codes.py",
        "codes=frozenset({102, 190})",
        "the setting token_error_status",
        _dead_token,
    ),
    Check(
        "permission",
        "A missing permission gets code 10 with a 4xx",
        "403: 10",
        "graph/error_codes.py",
        "codes=frozenset({10, *range(200, 300)})",
        "emulator/threads_api/errors.py",
        _permission,
    ),
    Check(
        "debug_token",
        "A token may debug itself, which tells its scopes",
        "valid, with its scopes",
        "graph/oauth.py",
        '"/debug_token"',
        "emulator/threads_api/graph_tokens.py",
        _debug,
    ),
    Check(
        "debug_by_app",
        "An app's token is told of a token of the app whether it is valid",
        "True, False",
        "base/config.py",
        "def app_token",
        "emulator/threads_api/graph_tokens.py",
        _debug_by_app,
    ),
    Check(
        "text_counts",
        "The limit of 500 counts UTF-8 bytes",
        "utf8_bytes",
        "base/config.py",
        'UTF8_BYTES = "utf8_bytes"',
        "the setting text_counts",
        _counting,
    ),
    Check(
        "spoiler_range",
        "A range behind the text is taken. If it is refused, code points count, as the service assumes",
        "taken",
        "posts/options.py",
        "value.check_ranges(",
        "emulator/threads_api/checks.py",
        _spoiler_range,
    ),
    Check(
        "container_status",
        "A text's container is FINISHED at once",
        "FINISHED",
        "publishing/steps.py",
        "if status is ContainerStatus.FINISHED",
        "emulator/threads_api/outcomes.py",
        _container,
    ),
    Check(
        "image",
        "An image is FINISHED within five minutes",
        "FINISHED in time",
        "publishing/retry_rules.py",
        "PROCESSING_TIME = timedelta",
        "the setting image_seconds",
        _image,
    ),
    Check(
        "publishes_once",
        "A container that is published a second time makes no second post",
        "no second post",
        "publishing/steps.py",
        "def _publish_container",
        "emulator/threads_api/publishing.py",
        _publishes_once,
    ),
    Check(
        "published_status",
        "A published container still has a status, PUBLISHED",
        "PUBLISHED",
        "publishing/steps.py",
        "if status is ContainerStatus.PUBLISHED",
        "the settings published_containers_stay and published_containers_tell",
        _published_status,
    ),
    Check(
        "status_of_a_post",
        "A post's id has no status",
        "400: 100",
        "graph/media.py",
        "Threads answers with an error (code 100)",
        "emulator/threads_api/fields.py",
        _status_of_a_post,
    ),
    Check(
        "unknown_container",
        "An unknown container gets 24 / 4279009",
        "400: 24 / 4279009",
        "graph/error_codes.py",
        "return (seen.code, seen.subcode) == (24, 4279009)",
        "emulator/threads_api/errors.py",
        _unknown_container,
    ),
    Check(
        "one_call",
        "With auto_publish_text, the answer of the create call is the media id",
        "a media id",
        "publishing/steps.py",
        "media.read_created_id, is_written=True",
        "emulator/threads_api/graph.py",
        _at_once,
    ),
    Check(
        "quota",
        "Publishing uses the quota, creating does not",
        "0 for creating, 1 for publishing",
        "graph/media.py",
        "def read_quota",
        "emulator/threads_api/publishing.py",
        _quota,
    ),
    Check(
        "listing",
        f"A new post is listed within {SETTLE.seconds // 60} minutes",
        "in time",
        "posts/ledger.py",
        "SETTLE = timedelta",
        "the setting listing_seconds",
        _listing,
    ),
    Check(
        "listed_fields",
        "A list shows every field by which two posts are told apart",
        "all of them",
        "graph/media.py",
        "LISTED_FIELDS = (",
        "emulator/threads_api/fields.py",
        _fields,
    ),
    Check(
        "order",
        "A list has the newest post first",
        "the newest first",
        "graph/media.py",
        "the newest first. A page has at most 100",
        "emulator/threads_api/publishing.py",
        _order,
    ),
    Check(
        "since",
        "A list heeds since",
        "heeded",
        "graph/media.py",
        '"since": str(int(since.timestamp()))',
        "emulator/threads_api/paging.py",
        _since,
    ),
    Check(
        "cursor",
        "A list goes on behind its cursor",
        "goes on",
        "graph/media.py",
        'after = cursors.get("after")',
        "emulator/threads_api/paging.py",
        _cursor,
    ),
    Check(
        "text",
        "A text comes back as it was sent; if not, only in ways that the service knows",
        "as_sent",
        "publishing/matching.py",
        "def is_same_text",
        "the setting shown_texts",
        _text,
    ),
    Check(
        "permalink",
        "A permalink is /@<name>/post/<code>",
        "/@<name>/post/<code>",
        "graph/media.py",
        "def read_permalink",
        "emulator/threads_api/fields.py",
        _permalink,
    ),
    Check(
        "replies",
        "A reply is in both lists; the service asks both",
        "/me/threads and /me/replies",
        "graph/account_api.py",
        'self._list(since, "/me/replies"',
        "the setting replies_among_threads",
        _replies,
    ),
    Check(
        "deletion",
        "A deletion says success, and a second one that there is no such post",
        "success, then 400: 100 / 33",
        "graph/error_codes.py",
        "(seen.code, seen.subcode) == (100, 33)",
        "emulator/threads_api/errors.py",
        _deletes,
    ),
    Check(
        "refresh",
        "A refresh leaves the old token alive",
        "works",
        "accounts/refresh.py",
        "Threads may refuse the old one from now on",
        "the setting refresh_ends_old_token",
        _refresh,
    ),
)
"""In the order in which they are made: later ones look at what earlier ones have published."""
