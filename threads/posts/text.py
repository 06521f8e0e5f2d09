"""A post's text as Threads sees it: how long it is, which links are in it, and where a long one may be cut.

Every function takes time in proportion to the length of the text, whatever the text is. ``regex`` knows
Unicode's properties. It is loaded only when a function needs them: a text that fits rarely does.
"""

import re
import string
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import regex
from threads.base.config import Counting

LEAST_FILL = 4
"""A part must be a quarter full before a paragraph or a sentence may end it. So no title stands alone."""

_LINK_START = re.compile(r"(?<![A-Za-z0-9])(?ai:https?://|www\.)(?=\w)")
_LINK_ASCII = frozenset(string.ascii_letters + string.digits + "-._~:/?#[]@!$&'()*+,;=%")
"""The reserved and unreserved characters of RFC 3986."""
_LINK_CATEGORIES = "LMN"
"""Beyond ASCII: letters, marks and numbers. RFC 3987 also allows symbols, but these include emoji."""
_LINK_TRAILING = ".,;:!?'*(["
_OPENING = {")": "(", "]": "["}

_SPACE = r"\t-\r\x1c-\x20\x85\u1680\u2000-\u2006\u2008-\u200b\u2028\u2029\u205f\u3000"
"""Whitespace to cut at. The zero-width space is one, because Thai uses it. No-break spaces are not."""

_PIECE, _IDEOGRAPH, _WORD, _SENTENCE, _LINE, _PARAGRAPH = range(6)
"""How good a place is for a cut, from worst to best."""


class Unsplittable(ValueError):
    """A link, or what the reader sees as one character, is longer than a part may be."""

    def __init__(self, unit: str, size: int) -> None:
        """Take the text that cannot be cut, and how much it counts."""
        super().__init__(f"{size} are needed for what cannot be cut")
        self.unit = unit
        self.size = size


class _Cut(NamedTuple):
    """A place where a part may end."""

    position: int
    total: int
    """How much of the limit the text before it takes up."""
    rank: int


class _Patterns(NamedTuple):
    grapheme: "regex.Pattern[str]"
    emoji: "regex.Pattern[str]"
    cut: "regex.Pattern[str]"


def count(text: str, counting: Counting = Counting.UTF8_BYTES) -> int:
    """Return how much of the limit a text takes up. In bytes, a lone surrogate counts 3."""
    if counting == Counting.CODE_POINTS or text.isascii():
        return len(text)
    if counting == Counting.UTF8_BYTES:
        return len(text.encode("utf-8", "surrogatepass"))
    grapheme, emoji, _ = _patterns()
    return sum(count(one) if emoji.search(one) else len(one) for one in grapheme.findall(text))


def links(text: str) -> list[str]:
    """Return the links in a text, in order and with repetitions.

    A link is ``http://``, ``https://`` or ``www.`` (as in Meta's examples) and what follows, in any script
    (RFC 3987). It ends before a closing bracket that it did not open, and punctuation at its end is not part
    of it. It is not known whether Threads takes anything else for a link, such as "example.com".

    Source: https://developers.facebook.com/docs/threads/create-posts/text-attachments
    """
    return [text[start:end] for start, end in _link_spans(text)]


def split(text: str, limit: int, counting: Counting = Counting.UTF8_BYTES) -> list[str]:
    """Cut a text into parts that take up at most ``limit`` each. Joined, they are the text again.

    A part ends with a paragraph if it can, or else with a line, a sentence or a word, or between ideographs.
    It ends inside a word only if the word is too long for a part. Links and extended grapheme clusters (UAX
    #29) are never cut: emoji, flags, families, letters with their marks, Hangul and Indic syllables.

    Whitespace is kept and counts, also at the beginning and the end of the text. At a cut, it goes to the end
    of the part before. Threads would refuse a part of nothing but whitespace. There is one only if the
    whitespace has no room beside a word. A text that fits is its only part, even if it is empty.

    Raises:
        Unsplittable: a link or a grapheme cluster alone is longer than ``limit``.

    """
    if count(text, counting) <= limit:
        return [text]
    return list(_parts(text, list(_cuts(text, limit, counting)), limit))


def _parts(text: str, cuts: list[_Cut], limit: int) -> Iterator[str]:
    """Yield the parts, filled one after the other.

    A cut that a part does not use is looked at again for the next part, a few times at most. So the time is
    linear.
    """
    least, end = limit / LEAST_FILL, cuts[-1].total
    total = attrgetter("total")

    def merit(cut: _Cut) -> tuple[int, bool, int]:
        return cut.rank, end - cut.total >= least, cut.total  # the last part should not be too short either

    begun = _Cut(0, 0, _PIECE)
    while end - begun.total > limit:
        fitting = bisect_right(cuts, begun.total + limit, key=total)
        worth = cuts[bisect_left(cuts, begun.total + least, key=total) : fitting]
        cut = max(worth, key=merit) if worth else cuts[fitting - 1]
        yield text[begun.position : cut.position]
        begun = cut
    yield text[begun.position :]


def _cuts(text: str, limit: int, counting: Counting) -> Iterator[_Cut]:
    """Yield where a part may end: after a word, and after each piece of a word that is too long."""
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
    """Yield where a word that is too long may be cut: anywhere except before whitespace that has room."""
    begun = word[0]
    for before, behind in pairwise(word):
        has_room = behind.total - begun.total <= limit
        if before != begun and not (has_room and text[before.position : behind.position].isspace()):
            yield before
            begun = before
    is_blank = text[begun.position : word[-1].position].isspace()
    yield word[-1]._replace(rank=_PIECE) if is_blank else word[-1]


def _borders(text: str, limit: int, counting: Counting) -> list[int]:
    """Return where a cut divides neither a link nor a grapheme cluster."""
    borders = {match.end() for match in _patterns().grapheme.finditer(text)}
    # A longer one is probably a link with Chinese or Japanese right after it: keep its ASCII whole.
    fitting = [(start, end) for start, end in _link_spans(text) if count(text[start:end], counting) <= limit]
    for start, end in [*fitting, *_link_spans(text, beyond_ascii="")]:
        borders.difference_update(range(start + 1, end))
    return sorted(borders)


def _ranks(text: str) -> Iterator[tuple[int, int]]:
    """Yield where words, sentences, lines and paragraphs end."""
    for match in _patterns().cut.finditer(text):
        lines = len(f"{match['space'] or ''}.".splitlines())
        # If a lower-case letter follows, the sentence has not ended: "z. B. so" (UAX #29, SB8).
        is_sentence = match["stop"] and not text[match.end() : match.end() + 1].islower()
        if lines > 1:
            yield match.end(), _LINE if lines == 2 else _PARAGRAPH  # noqa: PLR2004 - one and the next
        elif is_sentence:
            yield match.end(), _SENTENCE
        else:
            yield match.end(), _WORD if match.group() else _IDEOGRAPH


@cache
def _patterns() -> _Patterns:
    import regex  # noqa: PLC0415 - takes 13 ms, and mostly long texts need it

    # The last line matches between ideographs (UAX #14), emoji included, but not before small kana and such.
    cut = rf"""
        (?P<stop> [。！？｡]+ \p{{SB=Close}}* ) (?P<space> [{_SPACE}]* )
        | (?P<stop> [\p{{SB=STerm}}\p{{SB=ATerm}}…] \p{{SB=Close}}* )? (?P<space> [{_SPACE}]+ )
        | [、，；：､]+ \p{{SB=Close}}* (?P<space> [{_SPACE}]* )
        | (?<= [\p{{lb=ID}}\p{{lb=CJ}}\p{{lb=NS}}] ) (?= \p{{lb=ID}} )
    """  # noqa: RUF001 - full width is meant
    return _Patterns(
        # The same as \X, which looks back over all flags before a flag: 16,000 of them take it a second.
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
    """Return where the characters of a link end. A closing bracket that it did not open ends it, too."""
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
