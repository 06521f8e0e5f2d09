"""A text as Threads sees it: how it is counted, its links, and what is left of it when it is cut."""

import random
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import accumulate, pairwise
from pathlib import Path

import pytest
import regex

from threads.base.config import Counting
from threads.posts.text import Unsplittable, count, links, split

BYTES, EMOJI, POINTS = Counting.UTF8_BYTES, Counting.EMOJI_BYTES, Counting.CODE_POINTS
FAMILY = "👩\u200d👩\u200d👧\u200d👦"
FLAG = "🇩🇪"
LINK = "https://a.example/"


def repeated(text: str, length: int) -> str:
    """Return a text of a length, made of another."""
    return (text * length)[:length]


# --- counting -----------------------------------------------------------------------------------------------

COUNTS = [
    ("", 0, 0, 0),
    ("hello\r\n", 7, 7, 7),
    ("é", 2, 1, 1),
    ("e\u0301", 3, 2, 2),
    ("Привет", 12, 6, 6),
    ("漢字", 6, 2, 2),
    ("🦊", 4, 4, 1),
    ("a🦊é", 7, 6, 3),
    (FLAG, 8, 8, 2),
    (FAMILY, 25, 25, 7),
    ("👍🏽", 8, 8, 2),
    ("❤\ufe0f", 6, 6, 2),
    ("1\ufe0f\u20e3", 7, 7, 3),
    ("©", 2, 2, 1),
    ("🏽", 4, 4, 1),
    ("#1*", 3, 3, 3),
    ("é#1", 4, 3, 3),
    ("\ud83d", 3, 1, 1),
]


@pytest.mark.parametrize(("text", "utf8", "emoji", "points"), COUNTS, ids=[ascii(row[0]) for row in COUNTS])
def test_a_text_is_counted_in_three_ways(text: str, utf8: int, emoji: int, points: int) -> None:
    """As bytes, as characters with emoji as bytes, or as characters; bytes unless told otherwise."""
    assert [count(text, way) for way in (BYTES, EMOJI, POINTS)] == [utf8, emoji, points]
    assert count(text) == utf8


def test_the_text_that_production_refused_is_too_long() -> None:
    """498 characters in 504 bytes, which Threads refused, are more than 500."""
    assert count("a" * 495 + "漢字漢") == 504


# --- links --------------------------------------------------------------------------------------------------

LINKS = [
    ("", []),
    ("no link, e.g. example.com", []),
    ("http:// https:// www. http", []),
    ("xhttps://a.example awww.a.example", []),
    ("https://a.example", ["https://a.example"]),
    ("HTTPS://A.EXAMPLE/B", ["HTTPS://A.EXAMPLE/B"]),
    ("www.a.example and www.a.example", ["www.a.example", "www.a.example"]),
    ("https://www.a.example/", ["https://www.a.example/"]),
    ("See https://a.example/b?c=d&e=%20#f.", ["https://a.example/b?c=d&e=%20#f"]),
    ("https://a.example! https://b.example?!.. 'https://c.example', **www.d.example**", None),
    ("https://a.example/-_ https://a.example/b_", ["https://a.example/-_", "https://a.example/b_"]),
    ("https://a.example/b_(c) (https://a.example/d)", ["https://a.example/b_(c)", "https://a.example/d"]),
    ("(see https://a.example/b_(c)).", ["https://a.example/b_(c)"]),
    ("[a](https://a.example/b)c", ["https://a.example/b"]),
    ("https://a.example(", ["https://a.example"]),
    ("https://a.example)https://b.example", ["https://a.example", "https://b.example"]),
    ("<https://a.example>“https://b.example”«www.c.example»", None),
    ("https://web.example/http://a.example/", ["https://web.example/http://a.example/"]),
    ("https://a.example:8443/\nhttps://b.example\u200b", ["https://a.example:8443/", "https://b.example"]),
    ("見てhttps://a.example/b。次", ["https://a.example/b"]),
    ("https://a.example/日本、https://пример.example", ["https://a.example/日本", "https://пример.example"]),
    ("https://hi.example/हिन्दी", ["https://hi.example/हिन्दी"]),
    ("\u202bhttps://a.example\u202c שלום", ["https://a.example"]),
    ("https://a.example👇", ["https://a.example"]),
    ("httpſ://a.example \ud800https://a.example\ud800", ["https://a.example"]),  # noqa: RUF001 - a long s
]


@pytest.mark.parametrize(("text", "expected"), LINKS, ids=[ascii(row[0])[:40] for row in LINKS])
def test_links_are_found_as_people_write_them(text: str, expected: list[str] | None) -> None:
    """Punctuation and brackets around a link are not its own; those inside it are. None: as they look."""
    if expected is None:
        expected = regex.findall(r"(?:https://|www\.)\w\.example", text)
    assert links(text) == expected


def test_links_are_told_as_often_as_they_stand_there() -> None:
    """Counting the different ones is left to whoever asks."""
    found = links("www.example.com, www.example.com and www.test.com")
    assert found == ["www.example.com", "www.example.com", "www.test.com"]


# --- cutting, by example ------------------------------------------------------------------------------------

EXAMPLES = [
    ("fits", "Short.", 20, ["Short."]),
    ("empty", "", 20, [""]),
    ("exactly at the limit", "a" * 20, 20, ["a" * 20]),
    ("one over", "aaaaaaaaaaaaaaa bbbb c", 21, ["aaaaaaaaaaaaaaa ", "bbbb c"]),
    (
        "paragraph before sentence",
        "One. Two.\n\nThree. Four. Five.",
        25,
        ["One. Two.\n\n", "Three. Four. Five."],
    ),
    ("line before sentence", "One. Two.\nThree. Four. Five.", 25, ["One. Two.\n", "Three. Four. Five."]),
    ("paragraph before line", "One.\n\nTwo.\nThree. Four", 20, ["One.\n\n", "Two.\nThree. Four"]),
    ("CRLF is one line", "One.\r\n\r\nTwo.\r\nThree. Four", 24, ["One.\r\n\r\n", "Two.\r\nThree. Four"]),
    ("the last paragraph that fits", "A b.\n\nC d.\n\nE f. G", 16, ["A b.\n\nC d.\n\n", "E f. G"]),
    ("sentence before word", "This is it. And this goes on", 20, ["This is it. ", "And this goes on"]),
    ("a quotation's end", '"Is it?" It is so, yes', 18, ['"Is it?" ', "It is so, yes"]),
    ("no end of a sentence", "Birds, e.g. finches, fly", 20, ["Birds, e.g. ", "finches, fly"]),
    ("small letters go on", "One two. So z. b. this and", 20, ["One two. ", "So z. b. this and"]),
    ("word", "hello wonderful world", 18, ["hello wonderful ", "world"]),
    ("several spaces", "hello   wonderful  world", 20, ["hello   wonderful  ", "world"]),
    ("no-break space", "hello tout va\u00a0bien !", 16, ["hello tout ", "va\u00a0bien !"]),
    ("no title by itself", "A\n\nbbbb cccc dddd eeee ffff", 20, ["A\n\nbbbb cccc dddd ", "eeee ffff"]),
    ("a long word", "abcdefghijklmnopqrstuvwxyz", 20, ["abcdefghijklmnopqrst", "uvwxyz"]),
    (
        "a long word after a short one",
        "see abcdefghijklmnopqrstuvwxyz",
        20,
        ["see abcdefghijklmnop", "qrstuvwxyz"],
    ),
    ("no tiny last part", "a" * 21, 20, ["a" * 16, "a" * 5]),
    ("a word that just fits", "see " + "a" * 20, 20, ["see ", "a" * 20]),
    ("whitespace that does not fit", "a" * 20 + " ", 20, ["a" * 16, "aaaa "]),
    ("whitespace around", "  aaaa bbbb cccc  ", 12, ["  aaaa bbbb ", "cccc  "]),
    ("leading whitespace", "\n\n\n\n\n\n\n\naaaa bbbb cccc?", 19, ["\n\n\n\n\n\n\n\naaaa bbbb ", "cccc?"]),
    ("nothing but whitespace", " " * 25, 20, [" " * 20, " " * 5]),
    ("flags", FLAG * 3, 20, [FLAG * 2, FLAG]),
    ("families", FAMILY * 3, 60, [FAMILY * 2, FAMILY]),
    ("skin tones", "👍🏽👍🏿👍🏻", 20, ["👍🏽👍🏿", "👍🏻"]),
    ("combining marks", "a\u0301\u0302" * 5, 18, ["a\u0301\u0302" * 3, "a\u0301\u0302" * 2]),
    ("a mark on a space", "aaaaaaaaaaaaaaa \u0301bbbbb", 17, ["aaaaaaaaaaaaaaa", " \u0301bbbbb"]),
    ("Hangul in jamo", "\u1112\u1161\u11ab" * 3, 20, ["\u1112\u1161\u11ab" * 2, "\u1112\u1161\u11ab"]),
    ("Devanagari", "क्षिक्षिक्षि", 20, ["क्षि"] * 3),
    ("Thai", "กำกำกำกำ", 20, ["กำกำกำ", "กำ"]),
    ("Thai with spaces of no width", "ภาษา\u200bไทย\u200bดี", 27, ["ภาษา\u200b", "ไทย\u200bดี"]),
    ("Chinese sentence", "今天好。明天也好、后天", 24, ["今天好。", "明天也好、后天"]),
    ("Japanese comma", "これは、テストですか", 24, ["これは、", "テストですか"]),
    ("ideographs", "漢字仮名交文", 12, ["漢字仮名", "交文"]),
    ("behind small kana", "カーテンっ日本", 18, ["カーテンっ", "日本"]),
    ("a comma in brackets", "「漢字、」漢字漢字", 20, ["「漢字、」", "漢字漢字"]),
    ("no small kana in front", "あいうえっか", 13, ["あいう", "えっか"]),
    ("closing bracket stays", "「漢字。」漢字漢", 21, ["「漢字。」", "漢字漢"]),
    ("Arabic", "كيف حالك؟ أنا بخير", 26, ["كيف حالك؟ ", "أنا بخير"]),
    ("Hebrew", "שלום עולם טוב", 20, ["שלום עולם ", "טוב"]),
    ("link at the border", "see " + LINK + " now", 20, ["see ", LINK + " ", "now"]),
    ("link of the limit", "a " + LINK + "bc d", 20, ["a ", LINK + "bc", " d"]),
    ("link with a full stop", "Look: www.ab.example. And so", 24, ["Look: www.ab.example. ", "And so"]),
    ("link in brackets", "aaaaa (" + LINK + ") bbb", 22, ["aaaaa ", "(" + LINK + ") ", "bbb"]),
    ("link in Japanese", "see " + LINK + "日本語", 30, ["see ", LINK + "日本語"]),
    ("whitespace before a link", "a" * 20 + " " + LINK + "bc", 20, ["a" * 19, "a ", LINK + "bc"]),
    (
        "lines behind a link",
        LINK + "bc" + "\n" * 6 + "aa bb cc dd ee ff",
        20,
        [LINK + "bc", "\n" * 6 + "aa bb cc dd ", "ee ff"],
    ),
    ("text behind a link", LINK + "日本語", 24, [LINK + "日", "本語"]),
    (
        "lone surrogates",
        "\ud83d\ude00" * 5,
        20,
        ["\ud83d\ude00" * 3, "\ud83d\ude00" * 2],
    ),
]


@pytest.mark.parametrize(
    ("text", "limit", "parts"), [row[1:] for row in EXAMPLES], ids=[r[0] for r in EXAMPLES]
)
def test_a_text_is_cut_where_a_reader_would(text: str, limit: int, parts: list[str]) -> None:
    """Paragraphs before lines, sentences and words; a word only if it is too long, and never a character."""
    assert "".join(parts) == text, "the example is wrong"
    assert split(text, limit) == parts


def test_the_limit_is_counted_as_told() -> None:
    """Five letters and five foxes are one part or several, as they are counted."""
    text = "é 🦊 " * 5
    assert [len(split(text, 20, way)) for way in (BYTES, EMOJI, POINTS)] == [3, 2, 1]
    assert split(text, 20, POINTS) == split(text, 35, EMOJI) == split(text, 40, BYTES) == [text]


@pytest.mark.parametrize("unit", [LINK + "b" * 3, "www." + "b" * 17, FAMILY, "a" + "\u0301" * 10], ids=ascii)
@pytest.mark.parametrize("around", ["{}", "{} b", "a {}", "a\n\n{}.\n\nb"], ids=ascii)
def test_what_cannot_be_cut_is_told(unit: str, around: str) -> None:
    """A link or a character that is longer than a part is an error that carries it and its size."""
    with pytest.raises(Unsplittable) as refusal:
        split(around.format(unit), 20)
    assert (refusal.value.unit, refusal.value.size) == (unit, count(unit))
    assert unit not in str(refusal.value)
    assert isinstance(refusal.value, ValueError)


# --- cutting, whatever comes --------------------------------------------------------------------------------

PIECES = [
    *(
        "a",
        "word",
        "Sentence.",
        "(",
        ")",
        '."',
        "...",
        "!",
        "-",
        "@name",
        "#東京",
        "xyz" * 14,
        "https://",
        "www.",
    ),
    *(FLAG, FLAG + "🇫", FAMILY, "👍🏽", "❤\ufe0f", "1\ufe0f\u20e3", "\u200d", "\U000e0067", "\x00", "\ud83d"),
    *("e\u0301", "z" + "\u0302" * 9, "\u0301", "\u0600", "\u202e", "שלום", "مرحبا؟", "ภาษาไทย", "กำ"),
    *(
        "\u1112\u1161\u11ab",
        "\u1100",
        "각",
        "한국어",
        "漢字",
        "。",
        "、",
        "「ひらがな」",
        "カー",
        "っ",
        "हिन्दी",
        "क्षि",
        "।",
    ),
]
SPACES = [
    *" " * 12,
    "",
    "",
    "",
    "",
    "",
    "",
    "\n",
    "\n\n",
    "\r\n",
    "\t",
    "  ",
    "\u00a0",
    "\u3000",
    "\u200b",
    "\u2028",
]
URLS = ["https://a.example/b_(c)", "http://b.example/?q=1&r=%20#s-", "www.c.example", LINK + "long/" * 8]
LEADS, TRAILS = (" ", "\n", "(", "「", "、"), ("", " ", ". ", ")", "。", "を見", "\n\n", "👇", FLAG)
LIMITS = [25, 40, 60, 100, 200, 500]


def generated(chance: random.Random) -> tuple[str, list[tuple[int, int]]]:
    """Return a text of many scripts, and where it has links."""
    text, spans = "", []
    for _ in range(chance.choice([5, 10, 20, 40])):
        if chance.random() < 0.08:
            link = chance.choice(URLS)
            text += chance.choice(LEADS)
            spans.append((len(text), len(text) + len(link)))
            text += link + chance.choice(TRAILS)
        text += chance.choice(PIECES) * chance.choice([1, 1, 1, 2, 3]) + chance.choice(SPACES)
    return text, spans


def is_one(part: str) -> bool:
    """Say whether a part is a link (maybe with a mark on it) or a grapheme cluster, but for whitespace."""
    visible = part.strip()
    for link in links(visible)[:1]:
        visible = visible.replace(link, "", 1)
    return len(regex.findall(r"\X", visible)) <= 1


def beside(parts: list[str], index: int) -> list[str]:
    """Return the parts before and behind one."""
    return [*parts[max(index - 1, 0) : index], *parts[index + 1 : index + 2]]


def check(parts: list[str], text: str, spans: list[tuple[int, int]], fits: Callable[[str], bool]) -> None:
    """Hold the parts against the promises."""
    assert "".join(parts) == text
    assert all(map(fits, parts))
    borders = set(accumulate(map(len, parts[:-1])))
    assert borders <= {match.end() for match in regex.finditer(r"\X", text)}, "a cluster is cut"
    assert not [span for span in spans if borders & set(range(span[0] + 1, span[1]))], "a link is cut"
    assert not [a + b for a, b in pairwise(parts) if fits((a + b) * 4)], "two tiny parts"
    blank = [index for index, part in enumerate(parts) if not part.strip()]
    assert all(any(map(is_one, beside(parts, index))) for index in blank), "whitespace alone"


def test_ten_thousand_texts_are_cut_well() -> None:
    """Every part fits, joined they are the text, and no link and no grapheme cluster is cut."""
    cut = 0
    for seed in range(10_000):
        chance = random.Random(seed)  # noqa: S311 - repeatable
        (text, spans), limit = generated(chance), chance.choice(LIMITS)
        counting = chance.choice(list(Counting))
        try:
            parts = split(text, limit, counting)
            check(parts, text, spans, lambda part: count(part, counting) <= limit)  # noqa: B023 - called here
        except Unsplittable as refusal:
            assert refusal.size > limit  # noqa: PT017 - either outcome is fine
            assert is_one(refusal.unit)  # noqa: PT017 - the same
        except AssertionError as broken:
            pytest.fail(f"seed {seed}, limit {limit}, {counting}: {broken}; {text!a}")
        else:
            cut += len(parts) > 1
    assert cut > 3_000


def test_grapheme_clusters_are_those_of_the_library() -> None:
    """Cutting one by one finds the clusters that it finds, though flags are matched in another way."""
    alphabet = "🇩🇪🇫a\u0301\u200d👩🏽क्ष\u0600각\u1100\u1161\u11a8\r\n1\u20e3กำ\U000e0067"
    for seed in range(3_000):
        text = "".join(random.Random(seed).choices(alphabet, k=12))  # noqa: S311 - repeatable
        clusters: list[str] = regex.findall(r"\X", text)
        limit = max(map(len, clusters))
        assert set(accumulate(map(len, split(text, limit, POINTS)))) <= set(accumulate(map(len, clusters))), (
            seed
        )


# --- time and weight ----------------------------------------------------------------------------------------

ADVERSARIAL = {
    "schemes": "http://" * 9000,
    "www": "www." * 16_000,
    "links and brackets": "http://a)" * 7000,
    "links": "http://a " * 7000,
    "link of full stops": "http://a" + "." * 60_000,
    "link of brackets": "http://a" + "(" * 30_000 + ")" * 30_000,
    "link and ideographs": "http://a" + "漢" * 20_000,
    "brackets": "(" * 60_000,
    "sentence of brackets": "!" + "(" * 60_000,
    "full stops and letters": "a." * 30_000,
    "full stops": "." * 60_000,
    "quotations": '!"(' * 20_000,
    "sentences": ". " * 30_000,
    "letters": "a" * 60_000,
    "spaces": " " * 60_000 + "a",
    "lines": "\n" * 60_000,
    "paragraphs": "a\n\n" * 20_000,
    "no-break spaces": " \u00a0" * 20_000,
    "combining marks": "a" + "\u0301" * 30_000,
    "marks on spaces": "a \u0301" * 16_000,
    "flags": "🇩🇪" * 8000,
    "half flags": "🇩\u0301" * 8000,
    "foxes": "🦊" * 16_000,
    "one family": "👩\u200d" * 9000,
    "ideographs": "漢" * 20_000,
    "full-width stops": "。" * 20_000,
    "Thai": "ก" * 20_000,
    "Indic": "\u094d\u0915" * 10_000,
    "surrogates": "\ud800" * 20_000,
}


@pytest.mark.parametrize("text", ADVERSARIAL.values(), ids=ADVERSARIAL)
def test_64_kib_take_no_time(text: str) -> None:
    """Whatever a body is full of, nothing in it takes more than linear time.

    It takes a tenth of a second of computing, mostly; quadratic time would be a minute or more. The limit is
    far from both, so that a busy machine does not fail it.
    """
    split("a" * 501, 500)  # the library is loaded
    for counting in (BYTES, EMOJI):
        begun = time.process_time()
        links(text)
        count(text, counting)
        try:
            parts = split(text, 500, counting)
        except Unsplittable:
            parts = [text]
        assert time.process_time() - begun < 5
        assert "".join(parts) == text


def test_a_text_that_fits_loads_no_library() -> None:
    """Only long texts, and emoji counted apart, cost a cold start the loading of ``regex``."""
    script = """
import sys
from threads.base.config import Counting
from threads.posts.text import count, links, split
assert (count("🦊"), links("www.a.example"), split("🦊", 500)) == (4, ["www.a.example"], ["🦊"])
assert count("fox", Counting.EMOJI_BYTES) == 3
assert "regex" not in sys.modules
split("a" * 501, 500)
assert "regex" in sys.modules
"""
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", script], cwd=root, check=True)  # noqa: S603 - this interpreter
