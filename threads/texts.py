"""A post's text as Threads sees it: how long it is, which links are in it, and where a long one may be cut.

Every function takes time in proportion to the text, whatever is in it. ``regex``, which knows Unicode's
properties, is loaded by those who need it: a text that fits has no use for it.
"""

import re
import string
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import regex

LEAST_FILL = 4
"""A part is filled to a quarter before a paragraph or a sentence may end it: no title by itself."""

_LINK_START = re.compile(r"(?<![A-Za-z0-9])(?ai:https?://|www\.)(?=\w)")
_LINK_ASCII = frozenset(string.ascii_letters + string.digits + "-._~:/?#[]@!$&'()*+,;=%")
"""Reserved and unreserved in RFC 3986."""
_LINK_CATEGORIES = "LMN"
"""Beyond ASCII: letters, marks and numbers (of RFC 3987, without the symbols, so without emoji)."""
_LINK_TRAILING = ".,;:!?'*(["
_OPENING = {")": "(", "]": "["}

_SPACE = r"\t-\r\x1c-\x20\x85\u1680\u2000-\u2006\u2008-\u200b\u2028\u2029\u205f\u3000"
"""Whitespace to cut at: not the no-break spaces, but the one without width that Thai is written with."""

_PIECE, _IDEOGRAPH, _WORD, _SENTENCE, _LINE, _PARAGRAPH = range(6)
"""How good a place is to cut at, the best last."""


class Counting(StrEnum):
    """What Threads' limit of 500 may mean."""

    UTF8_BYTES = "utf8_bytes"
    """All text counts as UTF-8 (seen in production: 498 characters in 504 bytes were refused)."""
    EMOJI_BYTES = "emoji_bytes"
    """Characters count, but emoji as their UTF-8 bytes: Meta's page, which says no more. Here a character is
    a code point, and an emoji whatever may be shown as one (so © too: to be safe).
    https://developers.facebook.com/docs/threads/posts#limitations"""
    CODE_POINTS = "code_points"


class Unsplittable(ValueError):
    """A link, or what the reader sees as one character, is longer than a part may be."""

    def __init__(self, unit: str, size: int) -> None:
        """Keep what cannot be cut, and how much it counts."""
        super().__init__(f"{size} are needed for what cannot be cut")
        self.unit = unit
        self.size = size


class _Cut(NamedTuple):
    """A place where a part may end."""

    position: int
    total: int
    """What the text before it takes up."""
    rank: int


class _Patterns(NamedTuple):
    grapheme: "regex.Pattern[str]"
    emoji: "regex.Pattern[str]"
    cut: "regex.Pattern[str]"


def count(text: str, counting: Counting = Counting.UTF8_BYTES) -> int:
    """Return how much of the limit a text takes up; a lone surrogate takes the three bytes it would have."""
    if counting == Counting.CODE_POINTS or text.isascii():
        return len(text)
    if counting == Counting.UTF8_BYTES:
        return len(text.encode("utf-8", "surrogatepass"))
    grapheme, emoji, _ = _patterns()
    return sum(count(one) if emoji.search(one) else len(one) for one in grapheme.findall(text))


def links(text: str) -> list[str]:
    """Return the links in a text, in their order and as often as they stand there.

    A link is ``http://``, ``https://`` or ``www.`` (as in Meta's examples) and what follows, in any script
    (RFC 3987), without the punctuation at its end and up to a bracket that it did not open. Whether Threads
    takes anything else for a link ("example.com") is not known.
    Source: https://developers.facebook.com/docs/threads/create-posts/text-attachments
    """
    return [text[start:end] for start, end in _link_spans(text)]


def split(text: str, limit: int, counting: Counting = Counting.UTF8_BYTES) -> list[str]:
    """Cut a text into parts that each take up at most ``limit``, and that joined are the text again.

    A part ends with a paragraph, else a line, a sentence, a word, or between ideographs; inside a word only
    if that is too long for a part. Never cut are links and extended grapheme clusters (UAX #29): emoji,
    flags, families, letters with their marks, Hangul and Indic syllables.

    Whitespace stays, at the end of the part before the cut, and counts; so does what the text begins and ends
    with. Nothing but whitespace, which Threads would not take, is a part only if there is no room for it
    beside a word. A text that fits is its only part, the empty one too.

    Raises:
        Unsplittable: a link or a grapheme cluster alone is longer than ``limit``.

    """
    if count(text, counting) <= limit:
        return [text]
    return list(_parts(text, list(_cuts(text, limit, counting)), limit))


def _parts(text: str, cuts: list[_Cut], limit: int) -> Iterator[str]:
    """Fill the parts in turn. What a part leaves over is looked at again, a few times at most: linear."""
    least, end = limit / LEAST_FILL, cuts[-1].total
    total = attrgetter("total")

    def merit(cut: _Cut) -> tuple[int, bool, int]:
        return cut.rank, end - cut.total >= least, cut.total  # the last part, too, should be worth it

    begun = _Cut(0, 0, _PIECE)
    while end - begun.total > limit:
        fitting = bisect_right(cuts, begun.total + limit, key=total)
        worth = cuts[bisect_left(cuts, begun.total + least, key=total) : fitting]
        cut = max(worth, key=merit) if worth else cuts[fitting - 1]
        yield text[begun.position : cut.position]
        begun = cut
    yield text[begun.position :]


def _cuts(text: str, limit: int, counting: Counting) -> Iterator[_Cut]:
    """Yield where a part may end: behind a word, and behind each piece of a word that is too long."""
    ranks = {**dict(_ranks(text)), len(text): _WORD}
    leading = len(text) - len(text.lstrip())  # whitespace that goes with the first word
    word = [_Cut(0, 0, _PIECE)]
    for start, end in pairwise([0, *_borders(text, limit, counting)]):
        size = count(text[start:end], counting)
        if size > limit:
            raise Unsplittable(text[start:end], size)
        word.append(_Cut(end, word[-1].total + size, _PIECE))
        if end == len(text) or (end in ranks and end > leading and not text[end].isspace()):
            last = word[-1]._replace(rank=ranks[end])
            fits = last.total - word[0].total <= limit
            yield from [last] if fits else _pieces(text, [*word[:-1], last], limit)
            word = word[-1:]


def _pieces(text: str, word: list[_Cut], limit: int) -> Iterator[_Cut]:
    """Yield where a word that is too long may be cut: anywhere but before whitespace that has room."""
    begun = word[0]
    for before, behind in pairwise(word):
        has_room = behind.total - begun.total <= limit
        if before != begun and not (has_room and text[before.position : behind.position].isspace()):
            yield before
            begun = before
    is_blank = text[begun.position : word[-1].position].isspace()
    yield word[-1]._replace(rank=_PIECE) if is_blank else word[-1]


def _borders(text: str, limit: int, counting: Counting) -> list[int]:
    """Return where a cut harms neither a link nor a grapheme cluster."""
    borders = {match.end() for match in _patterns().grapheme.finditer(text)}
    # What is longer is rather a link with Chinese or Japanese behind it, without a space: its ASCII is kept.
    fitting = [(start, end) for start, end in _link_spans(text) if count(text[start:end], counting) <= limit]
    for start, end in [*fitting, *_link_spans(text, beyond_ascii="")]:
        borders.difference_update(range(start + 1, end))
    return sorted(borders)


def _ranks(text: str) -> Iterator[tuple[int, int]]:
    """Yield where words, sentences, lines and paragraphs end."""
    for match in _patterns().cut.finditer(text):
        lines = len(f"{match['space'] or ''}.".splitlines())
        # What goes on in small letters was no end: "z. B. so" (UAX #29, SB8).
        is_sentence = match["stop"] and not text[match.end() : match.end() + 1].islower()
        if lines > 1:
            yield match.end(), _LINE if lines == 2 else _PARAGRAPH  # noqa: PLR2004 - one and the next
        elif is_sentence:
            yield match.end(), _SENTENCE
        else:
            yield match.end(), _WORD if match.group() else _IDEOGRAPH


@cache
def _patterns() -> _Patterns:
    import regex  # noqa: PLC0415 - 13 ms that only long texts are worth

    # The last line: between ideographs (UAX #14), emoji among them, but not before small kana and the like.
    cut = rf"""
        (?P<stop> [。！？｡]+ \p{{SB=Close}}* ) (?P<space> [{_SPACE}]* )
        | (?P<stop> [\p{{SB=STerm}}\p{{SB=ATerm}}…] \p{{SB=Close}}* )? (?P<space> [{_SPACE}]+ )
        | [、，；：､]+ \p{{SB=Close}}* (?P<space> [{_SPACE}]* )
        | (?<= [\p{{lb=ID}}\p{{lb=CJ}}\p{{lb=NS}}] ) (?= \p{{lb=ID}} )
    """  # noqa: RUF001 - full width is meant
    return _Patterns(
        # What \X matches; but that looks back over all flags before a flag: a second for 16,000 of them.
        grapheme=regex.compile(r"\p{RI}{2}(?![\p{GCB=EX}\p{GCB=ZWJ}\p{GCB=SM}])|\X"),
        emoji=regex.compile(r"[\p{Extended_Pictographic}\p{RI}\p{Emoji_Modifier}\u20E3]"),
        cut=regex.compile(cut, regex.VERBOSE),
    )


def _link_spans(text: str, beyond_ascii: str = _LINK_CATEGORIES) -> Iterator[tuple[int, int]]:
    position = 0
    while found := _LINK_START.search(text, position):
        start, position = found.start(), _link_end(text, found.end(), beyond_ascii)
        yield start, start + len(text[start:position].rstrip(_LINK_TRAILING))


def _link_end(text: str, start: int, beyond_ascii: str) -> int:
    """Return where the characters of a link end, at the latest at a bracket that it did not open."""
    opened = {"(": 0, "[": 0}
    for position in range(start, len(text)):
        character = text[position]
        if character in opened:
            opened[character] += 1
        elif opening := _OPENING.get(character):
            opened[opening] -= 1
            if opened[opening] < 0:
                return position
        elif character not in _LINK_ASCII and unicodedata.category(character)[0] not in beyond_ascii:
            return position
    return len(text)
