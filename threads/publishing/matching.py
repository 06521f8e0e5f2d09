"""Whether a listed post of Threads is one of ours: everything that a list shows of it is compared.

Threads changes texts a little. So what survives these changes is compared: letters without white space and
without what cannot be seen. Nothing that was sent may be missing otherwise, and nothing else may be there.

| shown by a list       | option           | if the post has it not                        |
|-----------------------|------------------|-----------------------------------------------|
| text                  | text             | there is no text                              |
| topic_tag             | topicTag         | there is none, but what follows a ``#``       |
| link_attachment_url   | linkAttachment   | there is none, or the text may have a link    |
| poll_attachment       | poll             | there is none                                 |
| gif_url               | gif              | there is none                                 |
| is_quote_post         | quotePostId      | it is none                                    |
| reply_audience        | replyControl     | any: the account's own setting applies        |
| alt_text              | altText          | any: Threads describes some pictures itself   |
"""

import html
import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from threads.graph.media import LISTED_TYPES, RecentPost
from threads.posts.content import Content
from threads.posts.ledger import CLOCK_ALLOWANCE, Record
from threads.posts.text import links

_DOMAIN = re.compile(r"\w\.\w")
"""What Threads may take for a link although it has no scheme, such as "example.com"."""

_PATH = re.compile(r"\w\.\w+[/?]")
"""Such a link with more than a domain, which Threads may show cut off."""

_CUT_OFF = ("...", "…")
"""How a link ends that is too long to be shown."""

_LISTABLE = frozenset({"text", "thread"})
"""What a post may have if its entry in a list must tell it from every other post."""


def is_told_by_lists(content: Content) -> bool:
    """Return whether a list tells such a post from every other one, so that no other sign of it is needed.

    This is so for a text alone, without links, which Threads may show shortened. It must also have letters,
    or anything else that survives. Whether lists show replies and ghost posts is not known.
    """
    is_plain = _LISTABLE.issuperset(content.values) and not links(content.text)
    return is_plain and not _PATH.search(content.text) and not all(map(_is_changed, content.text))


def search_begins(record: Record) -> datetime:
    """Return the earliest time at which Threads can have published a record's post."""
    return (record.container_at or record.sent_at or record.created_at) - CLOCK_ALLOWANCE


def is_listed_as(listed: RecentPost, content: Content, since: datetime) -> bool:
    """Return whether a listed post may be one that may be out since then: nothing that it shows differs."""
    return (
        listed.published_at >= since.replace(microsecond=0)
        and listed.media_type == LISTED_TYPES[content.media_type]
        and is_same_text(content.text, listed.text)
        and _has_same_extras(content.values, listed)
    )


def is_same_text(sent: str, shown: str) -> bool:
    """Return whether a text may be shown like this: equal, apart from what Threads may change."""
    sent, shown = _unescaped(sent), _unescaped(shown)
    if shown.count("#") > sent.count("#"):
        return False  # Threads leaves a # out, and puts none in
    rest: str | None = _letters(shown)
    for link in links(sent):
        before, _, sent = sent.partition(link)
        rest = _without_link(_address(link), _without(_letters(before), rest))
    return _without(_letters(sent), rest) == ""


def _has_same_extras(sent: Mapping[str, Any], listed: RecentPost) -> bool:
    text = str(sent.get("text", ""))
    topic, link, poll = sent.get("topicTag"), sent.get("linkAttachment"), sent.get("poll")
    return (
        _is_topic(topic, text, listed.topic)
        and _is_link(link, text, listed.link)
        and (listed.has_poll, listed.has_gif) == (poll is not None, "gif" in sent)
        and listed.is_quote == ("quotePostId" in sent)
        and _folded(sent.get("replyControl")) in {None, _folded(listed.audience)}
        and sent.get("altText") in {None, listed.alt_text}
    )


# --- what survives ----------------------------------------------------------------------------------------


def _without(beginning: str, text: str | None) -> str | None:
    """Return the rest of a text that begins like this, and None for another one."""
    return text[len(beginning) :] if text is not None and text.startswith(beginning) else None


def _without_link(address: str, text: str | None) -> str | None:
    """Return the rest of a text that begins with this link: as it is, without its scheme, or cut off."""
    if text is None:
        return None
    text = text.removeprefix("https://").removeprefix("http://").removeprefix("www.")
    if text.startswith(address):
        return text[len(address) :].removeprefix("/")
    for cut in _CUT_OFF:
        shown, found, rest = text.partition(cut)
        if found and address.startswith(shown):
            return rest
    return None


def _unescaped(text: str) -> str:
    while (plain := html.unescape(text)) != text:
        text = plain
    return text


def _letters(text: str) -> str:
    """Return a text without what Threads may change: white space, ``#``, and what cannot be seen."""
    return "".join(it for it in unicodedata.normalize("NFC", text) if not _is_changed(it))


def _is_changed(character: str) -> bool:
    """Return whether it is a ``#``, white space, a format character (zero-width), or a variation selector."""
    if character == "#" or character.isspace() or unicodedata.category(character) == "Cf":
        return True
    return "VARIATION SELECTOR" in unicodedata.name(character, "")


def _is_topic(sent: str | None, text: str, shown: str | None) -> bool:
    """Return whether a topic may be shown: the one that was sent, or what follows a ``#`` of the text.

    Where such a topic ends is up to Threads: a full stop or a bracket may follow it.
    """
    if sent or not shown:
        return _folded(sent) == _folded(shown)
    return any((_folded(it) or "").startswith(_folded(shown) or "") for it in re.findall(r"#([^\s#]+)", text))


def _is_link(sent: str | None, text: str, shown: str | None) -> bool:
    """Return whether a link card may be shown: of the link that was sent, or of one in the text."""
    if sent or not shown:
        return _address(sent or "") == _address(shown or "")
    return bool(links(text) or _DOMAIN.search(text))


def _folded(value: str | None) -> str | None:
    return value and _letters(value).casefold()


def _address(link: str) -> str:
    """Return a link without what differs between two ways to show it."""
    return _letters(re.sub(r"^(?:https?://)?(?:www\.)?", "", link, flags=re.IGNORECASE)).rstrip("/")
