"""The values of options: how each is read from JSON, and how it is written into a form for Threads.

Readers are explained in ``base.validation``. The table in ``options`` says which option has which reader and
which writer.

Source: https://developers.facebook.com/docs/threads/posts
"""

import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from threads.base.validation import Wrong, each, is_threads_id, text_of

MAX_BODY_TEXT = 64 * 1024
"""The most characters of a text that are read. A body holds no more, so an error can tell the true size."""

MAX_URL = 2048
"""The most characters of a URL."""
MAX_ALT_TEXT = 1000
MAX_TOPIC = 50
MAX_ATTACHED = 10_000
MAX_SPOILERS = 10
POLL_SIZES = range(2, 5)
MAX_CHOICE = 25
MAX_COUNTRIES = 250
"""There are fewer country codes than this."""

CAROUSEL_SIZES = range(2, 21)

REPLY_CONTROLS = (
    "everyone",
    "accounts_you_follow",
    "mentioned_only",
    "parent_post_author_only",
    "followers_only",
)
STYLES = ("bold", "italic", "highlight", "underline", "strikethrough")
POLL_NAMES = ("option_a", "option_b", "option_c", "option_d")

WHERE_IDS_ARE = (
    "th_posts shows it as id. Of other posts, Threads lists it: GET /me/threads?fields=id,permalink."
)
"""Where to find the media id of a post whose address, short code or postId is known."""

_KNOWN_OF_POSTS = (
    re.compile(r"(?:https?://)?(?:www\.)?threads\.(?:net|com)/.*", re.ASCII | re.IGNORECASE),
    re.compile(r"[A-Za-z0-9_-]{8,16}", re.ASCII),
    re.compile(r"[0-9a-f]{64}", re.ASCII),
)
"""A post's address, its short code, and the ``postId`` of this service."""

_GIF_ID = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)
"""Threads' own limit is not known. Seen: ids of up to 20 characters."""

_GIF_PAGE = re.compile(
    r"(?:https?://)?(?:www\.)?giphy\.com/(?:gifs|stickers|clips|embed)/(?:[^/?#]*-)?([A-Za-z0-9_]+)/?(?:[?#].*)?",
    re.ASCII,
)
"""The address of a GIF's page at GIPHY: the id stands behind the last hyphen."""

_GIF_FILE = re.compile(
    r"(?:https?://)?(?:media[0-9]*|i)\.giphy\.com/(?:media/)?(?:v1\.[^/?#]+/)?([A-Za-z0-9_-]+)[./][^?#]*(?:[?#].*)?",
    re.ASCII,
)
"""The address of a GIF's file: https://media.giphy.com/media/<id>/giphy.gif or https://i.giphy.com/<id>.gif."""

_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_HOST = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_PRIVATE_ENDINGS = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".test", ".invalid")


def is_absent(value: Any) -> bool:
    """Return whether a member counts as not given."""
    return value is None or value is False or value == ""


def any_text(value: Any) -> str:
    """Read a text. Its length is checked later, because it depends on how Threads counts."""
    return text_of(MAX_BODY_TEXT)(value)


def alt_text(value: Any) -> str:
    """Read the description of an image or a video."""
    return text_of(MAX_ALT_TEXT)(value)


def threads_id(value: Any) -> str:
    """Read the id of something at Threads."""
    if not isinstance(value, str) or not is_threads_id(value):
        raise Wrong(f"is {_shown(value)}; it must be an id of Threads, as a text of digits.")
    return value


def media_id(value: Any) -> str:
    """Read the media id of a post. What people know of a post instead is told from a mistake."""
    if isinstance(value, str) and is_threads_id(value):
        return value
    told = f"is {_shown(value)}; it must be the media id of a post, as a text of digits."
    is_known = isinstance(value, str) and any(known.fullmatch(value) for known in _KNOWN_OF_POSTS)
    raise Wrong(f"{told} {WHERE_IDS_ARE}" if is_known else told)


def reply_control(value: Any) -> str:
    """Read who may reply."""
    if value not in REPLY_CONTROLS:
        raise Wrong(f"is {_shown(value)}; it must be one of {', '.join(REPLY_CONTROLS)}.")
    return str(value)


def link(value: Any) -> str:
    """Read the URL of a web page."""
    url = text_of(MAX_URL)(value)
    _check_blanks(url)
    _check_user_info(url)
    if not _is_url(url, ("https", "http")):
        raise Wrong(f"is {_shown(url)}; it must be an absolute http or https URL.")
    return url


def media_url(value: Any) -> str:
    """Read the URL of a file that Threads will fetch."""
    url = text_of(MAX_URL)(value)
    _check_blanks(url)
    _check_user_info(url)
    if not _is_url(url, ("https",)):
        raise Wrong(f"is {_shown(url)}; it must be an absolute https URL: Threads fetches it.")
    if not _is_public(url):
        raise Wrong(f"is {_shown(url)}; its host must be a public name, no address: Threads fetches it.")
    return url


def media(value: Any) -> list[dict[str, str]]:
    """Read the images and videos of a carousel."""
    if not isinstance(value, list) or len(value) not in CAROUSEL_SIZES:
        many = f"{len(value)} were" if isinstance(value, list) else "none was"
        raise Wrong(f"must be a list of {CAROUSEL_SIZES[0]} to {CAROUSEL_SIZES[-1]} media; {many} given.")
    return each(value, _medium)


def _medium(value: Any) -> dict[str, str]:
    given = _members(value, ("imageUrl", "videoUrl", "altText"))
    kinds = [name for name in ("imageUrl", "videoUrl") if not is_absent(given.get(name))]
    if len(kinds) != 1:
        raise Wrong("must have either an imageUrl or a videoUrl.")
    readers = {kinds[0]: media_url} | ({} if is_absent(given.get("altText")) else {"altText": alt_text})
    medium = {}
    for name, read in readers.items():
        try:
            medium[name] = read(given[name])
        except Wrong as wrong:
            raise Wrong(f"{name} {wrong}") from None
    return medium


def topic_tag(value: Any) -> str:
    """Read a topic, without the ``#`` that people write before it, and without blanks around it."""
    topic = any_text(value)
    topic = text_of(MAX_TOPIC)(_bare(topic) if len(topic) <= 2 * MAX_TOPIC else topic)
    if not topic or {".", "&"} & set(topic):
        raise Wrong(f"is {_shown(topic)}; it must be 1 to {MAX_TOPIC} characters without . and &.")
    return topic


def poll(value: Any) -> list[str]:
    """Read the choices of a poll."""
    if not isinstance(value, list) or len(value) not in POLL_SIZES:
        many = f"{len(value)} were" if isinstance(value, list) else "none was"
        raise Wrong(f"must be a list of {POLL_SIZES[0]} to {POLL_SIZES[-1]} choices; {many} given.")
    return each(value, _choice)


def _choice(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_CHOICE:
        raise Wrong(f"is {_shown(value)}; it must be a choice of 1 to {MAX_CHOICE} characters.")
    return value


def gif(value: Any) -> dict[str, str]:
    """Read the id of a GIF, or its address at GIPHY."""
    given = _members(value, ("id",))
    named = given.get("id")
    if isinstance(named, str) and len(named) <= MAX_URL:
        address = _GIF_PAGE.fullmatch(named) or _GIF_FILE.fullmatch(named)
        named = address[1] if address else named
        if _GIF_ID.fullmatch(named):
            return {"id": named}
    raise Wrong(
        f"has the id {_shown(named)}; it must be the id of a GIF at GIPHY (letters, digits, - and _), or its "
        "address there: https://giphy.com/gifs/<title>-<id>."
    )


def countries(value: Any) -> list[str]:
    """Read country codes. Only their form is checked."""
    if not isinstance(value, list) or not 0 < len(value) <= MAX_COUNTRIES:
        raise Wrong("must be a list of country codes.")
    return list(dict.fromkeys(each(value, _country)))


def _country(value: Any) -> str:
    if not isinstance(value, str) or not _COUNTRY.fullmatch(value):
        raise Wrong(f'is {_shown(value)}; it must be a code like "DE" (ISO 3166-1 alpha-2).')
    return value


def spoilers(value: Any) -> list[dict[str, int]]:
    """Read ranges. Whether they lie within the text is checked together with the text."""
    if not isinstance(value, list) or not 0 < len(value) <= MAX_SPOILERS:
        many = len(value) if isinstance(value, list) else "something else"
        raise Wrong(f"must be a list of 1 to {MAX_SPOILERS} ranges; {many} was given.")
    return each(value, lambda one: _range(_members(one, ("offset", "length"))))


def text_attachment(value: Any) -> dict[str, Any]:
    """Read a long text with its styles."""
    given = _members(value, ("plaintext", "link", "styling"))
    plaintext = text_of(MAX_BODY_TEXT)(given.get("plaintext"))
    if not 0 < len(plaintext) <= MAX_ATTACHED:
        raise Wrong(f"must have a plaintext of 1 to {MAX_ATTACHED} characters; it has {len(plaintext)}.")
    styling = [] if is_absent(given.get("styling")) else given["styling"]
    if not isinstance(styling, list):
        raise Wrong("must have a list as styling.")
    styled = each(styling, _styled, place=".styling")
    check_ranges(styled, len(plaintext), place=".styling")
    attachment: dict[str, Any] = {"plaintext": plaintext}
    if not is_absent(given.get("link")):
        attachment["link"] = link(given["link"])
    return attachment | ({"styling": styled} if styled else {})


def _styled(value: Any) -> dict[str, Any]:
    given = _members(value, ("offset", "length", "styles"))
    styles = given.get("styles")
    if not isinstance(styles, list) or not styles or not all(style in STYLES for style in styles):
        raise Wrong(f"must have styles out of {', '.join(STYLES)}.")
    return {**_range(given), "styles": list(dict.fromkeys(styles))}


def _range(given: Mapping[str, Any]) -> dict[str, int]:
    offset, length = given.get("offset"), given.get("length")
    if type(offset) is not int or type(length) is not int or offset < 0 or length < 1:
        raise Wrong("must have an offset from 0 and a length from 1.")
    if max(offset, length) > MAX_BODY_TEXT:  # a sum with thousands of digits could not be printed
        raise Wrong("ends beyond any text.")
    return {"offset": offset, "length": length}


def _members(value: Any, known: Sequence[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict) or set(value) - set(known):
        raise Wrong(f"must be an object with {', '.join(known)}, and nothing else.")
    return value


def _shown(value: Any) -> str:
    """Return the beginning of a text for a message.

    A value of another type is not shown: if it is deeply nested, it cannot be printed.
    """
    return f"{value!a:.60}" if isinstance(value, str) else "something else"


def check_ranges(ranges: Sequence[Mapping[str, Any]], size: int, *, place: str = "") -> None:
    """Refuse ranges that overlap, or that reach beyond a text of ``size`` characters."""
    end = 0
    for number, one in sorted(enumerate(ranges), key=lambda it: int(it[1]["offset"])):
        if one["offset"] < end:
            raise Wrong(f"overlaps another one, at {one['offset']}.", place=f"{place}[{number}]")
        end = one["offset"] + one["length"]
        if end > size:
            raise Wrong(f"ends at {end}; the text has {size} characters.", place=f"{place}[{number}]")


def _check_blanks(url: str) -> None:
    """Refuse a URL with blanks, and say what to write instead."""
    if url != url.strip():
        raise Wrong(f"is {_shown(url)}; leave the blanks at its ends out.")
    if " " in url:
        raise Wrong(f"is {_shown(url)}; write %20 instead of each space.")


def _bare(topic: str) -> str:
    """Return a topic without ``#`` and blanks before it, and blanks behind it."""
    return re.sub(r"^[\s#]+|\s+$", "", topic)


def _check_user_info(url: str) -> None:
    """Refuse a URL with a user name or password in it. The message does not repeat them."""
    if "@" in url.partition("://")[2].partition("/")[0].partition("?")[0].partition("#")[0]:
        raise Wrong("must have no user name or password in it.")


def _is_url(url: str, schemes: Sequence[str]) -> bool:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return parts.scheme in schemes and bool(host) and url.isprintable() and " " not in url


def _is_public(url: str) -> bool:
    """Return whether the host is a public name: neither an IP address nor a name of a private network."""
    parts = urlsplit(url)
    name = (parts.hostname or "").removesuffix(".")
    if "[" in parts.netloc:
        return False
    try:
        name = name.encode("idna").decode()
        ipaddress.ip_address(name)
    except UnicodeError:
        return False
    except ValueError:
        labels = name.split(".")
        # If the last label is a number, the host is an IP address, also in hexadecimal: 0x7f.0x1.
        is_name = len(labels) > 1 and all(map(_HOST.fullmatch, labels)) and not labels[-1][0].isdigit()
        return is_name and not name.endswith(_PRIVATE_ENDINGS)
    return False


# --- sending ------------------------------------------------------------------------------------------------


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def sent_flag(_value: Any) -> str:
    """Write true."""
    return "true"


def sent_list(entries: Sequence[str]) -> str:
    """Write a list, separated by commas."""
    return ",".join(entries)


def sent_poll(choices: Sequence[str]) -> str:
    """Write ``poll_attachment``."""
    return _json(dict(zip(POLL_NAMES, choices, strict=False)))


def sent_gif(gif: Mapping[str, str]) -> str:
    """Write ``gif_attachment``."""
    return _json({"gif_id": gif["id"], "provider": "GIPHY"})


def sent_spoilers(ranges: Sequence[Mapping[str, int]]) -> str:
    """Write ``text_entities``. It is not known whether Threads counts offsets in characters."""
    return _json([{"entity_type": "SPOILER", **one} for one in ranges])


def sent_text_attachment(attachment: Mapping[str, Any]) -> str:
    """Write ``text_attachment``."""
    sent = {"plaintext": attachment["plaintext"]}
    if "link" in attachment:
        sent["link_attachment_url"] = attachment["link"]
    if "styling" in attachment:
        sent["text_with_styling_info"] = [
            {"offset": one["offset"], "length": one["length"], "styling_info": one["styles"]}
            for one in attachment["styling"]
        ]
    return _json(sent)
