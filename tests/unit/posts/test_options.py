"""What a post can have: each option's values, its form at Threads, and the rules between options."""

import json
import re
from itertools import combinations
from typing import Any, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from threads.base.config import Counting
from threads.base.errors import InvalidRequest, Problem
from threads.base.validation import Fields, Wrong, parse_object
from threads.posts import option_values, options
from threads.posts.options import ANY, BY_NAME, CAROUSEL, EXCLUSIONS, IMAGE, OPTIONS, SINGLE, TEXT, VIDEO

PICTURE, FILM = "https://cdn.example/a.jpg", "https://cdn.example/b.mp4"
MEDIA = [{"imageUrl": PICTURE, "altText": "A cat"}, {"videoUrl": FILM}]
KINDS: dict[str, dict[str, Any]] = {
    TEXT: {"text": "Hello there"},
    IMAGE: {"text": "Hello there", "imageUrl": PICTURE},
    VIDEO: {"text": "Hello there", "videoUrl": FILM},
    CAROUSEL: {"text": "Hello there", "media": MEDIA},
}
"""The smallest bodies of each kind with a text."""
SET_KIND = {"imageUrl", "videoUrl", "media"}


def read(
    body: dict[str, Any], counting: Counting = Counting.UTF8_BYTES
) -> tuple[dict[str, Any], list[Problem]]:
    """Return the options of a body and everything that is wrong with them."""
    fields = Fields(body)
    return options.read_options(fields, body, counting), fields.problems


def broken(body: dict[str, Any], counting: Counting = Counting.UTF8_BYTES) -> set[tuple[str, str]]:
    """Return field and code of everything that is wrong with a body's options."""
    return {(problem.field, problem.code) for problem in read(body, counting)[1]}


def option_of(field: str) -> str:
    """Return the option that a problem's field is a part of."""
    return re.split(r"[.\[]", field)[0]


def with_option(name: str, value: Any) -> dict[str, Any]:
    """Return a body of a kind that can have the option, with the option."""
    media = {} if name in SET_KIND else KINDS[BY_NAME[name].kinds[0]]
    return {"text": "Hello there", **media, name: value}


# --- each option --------------------------------------------------------------------------------------------


class Row(NamedTuple):
    """What is promised of an option."""

    name: str
    parameter: str
    code: str
    good: list[tuple[Any, str]]
    """Values, and what of each is sent."""
    bad: list[Any]
    kinds: tuple[str, ...] = ANY
    scope: str | None = None


def tagged(text: str) -> list[Any]:
    """Return values that no text option takes."""
    return [5, 0, 1.5, True, [text], {"text": text}]


def attached(**members: Any) -> dict[str, Any]:
    """Return a text attachment of ten characters."""
    return {"plaintext": "0123456789", **members}


def styled(*ranges: tuple[Any, Any], styles: Any = ("bold",)) -> dict[str, Any]:
    """Return a text attachment of ten characters with styles."""
    styling = [{"offset": offset, "length": length, "styles": styles} for offset, length in ranges]
    return attached(styling=[{**one, "styles": [*styles]} for one in styling])


def ranges(*pairs: tuple[Any, Any]) -> list[dict[str, Any]]:
    """Return ranges as JSON has them."""
    return [{"offset": offset, "length": length} for offset, length in pairs]


def carousel(size: int) -> list[dict[str, str]]:
    """Return the media of a carousel."""
    return [{"imageUrl": f"https://cdn.example/{number}.jpg"} for number in range(size)]


BAD_IDS = ["x", "1x", "1.5", "-1", " 1", "1\n", "\u0661", "1" * 33, *tagged("1")]
BAD_FLAGS = ["true", "false", 1, 0, 1.0, [], {}, [True]]
BAD_URLS = [
    "x",
    "ftp://x.example/a",
    "javascript:alert(1)",
    "//x.example/a",
    "https://",
    "https://x.example/a b",
]

ROWS = [
    Row(
        *("text", "text", "invalid_request"),
        good=[("é & ü\n", "é & ü\n"), ("x" * 500, "x" * 500)],
        bad=tagged("a"),
    ),
    Row(
        *("imageUrl", "image_url", "invalid_media_url"),
        good=[(PICTURE, PICTURE), ("https://bücher.example:8443/ü?a=b#c",) * 2],
        bad=[*BAD_URLS, "http://cdn.example/a.jpg", PICTURE.ljust(2049, "a"), *tagged(PICTURE)],
        kinds=(IMAGE,),
    ),
    Row(
        *("videoUrl", "video_url", "invalid_media_url"),
        good=[(FILM, FILM)],
        bad=[*BAD_URLS, "http://cdn.example/a.mp4", FILM.ljust(2049, "a"), *tagged(FILM)],
        kinds=(VIDEO,),
    ),
    Row(
        *("media", "children", "invalid_media"),
        good=[(MEDIA, "7,8"), (carousel(20), "7,8")],
        bad=[
            *([], carousel(1), carousel(21), {"imageUrl": PICTURE}, PICTURE, [PICTURE, FILM], 5, True),
            *([*carousel(1), {}], [*carousel(1), {"altText": "a"}], [*carousel(1), None]),
            [*carousel(1), {"imageUrl": PICTURE, "videoUrl": FILM}],
            [*carousel(1), {"imageUrl": PICTURE, "videoUrl": 0}],
            [*carousel(1), {"imageUrl": "http://cdn.example/a.jpg"}],
            [*carousel(1), {"imageUrl": [PICTURE]}],
            [*carousel(1), {"imageUrl": PICTURE, "altText": "a" * 1001}],
            [*carousel(1), {"imageUrl": PICTURE, "altText": 0}],
            [*carousel(1), {"imageUrl": PICTURE, "text": "a"}],
        ],
        kinds=(CAROUSEL,),
    ),
    Row(
        *("altText", "alt_text", "invalid_alt_text"),
        good=[("A cat", "A cat"), ("🦊" * 1000, "🦊" * 1000)],
        bad=["a" * 1001, *tagged("A cat")],
        kinds=SINGLE,
    ),
    Row(
        *("replyControl", "reply_control", "invalid_reply_control"),
        good=[
            (word, word)
            for word in (
                *("everyone", "accounts_you_follow", "mentioned_only"),
                *("parent_post_author_only", "followers_only"),
            )
        ],
        bad=["nobody", "Everyone", "everyone ", *tagged("everyone")],
    ),
    Row(
        *("replyToId", "reply_to_id", "invalid_post_id"),
        good=[("17900000000000000", "17900000000000000")],
        bad=[17900000000000000, *BAD_IDS],
        scope="threads_manage_replies",
    ),
    Row(
        *("quotePostId", "quote_post_id", "invalid_post_id"),
        good=[("17900000000000000", "17900000000000000"), ("1" * 32, "1" * 32)],
        bad=BAD_IDS,
    ),
    Row(
        *("linkAttachment", "link_attachment", "invalid_link"),
        good=[("https://x.example/?a=b", "https://x.example/?a=b"), ("http://x.example", "http://x.example")],
        bad=[
            *BAD_URLS,
            "https://u:p@x.example/",
            "https://x.example/".ljust(2049, "a"),
            *tagged("https://x"),
        ],
        kinds=(TEXT,),
    ),
    Row(
        *("topicTag", "topic_tag", "invalid_topic_tag"),
        good=[
            *(("cats", "cats"), ("кошки и 🦊", "кошки и 🦊"), ("a" * 50, "a" * 50)),
            *(("#cats", "cats"), (" # cats\n", "cats"), ("##c#", "c#"), ("#" + "a" * 50 + " ", "a" * 50)),
        ],
        bad=["a" * 51, "a.b", "a&b", " ", "\n", "#", "# #", "#" * 101 + "a", *tagged("cats")],
    ),
    Row(
        *("poll", "poll_attachment", "invalid_poll"),
        good=[
            (["Yes", "Nö"], '{"option_a":"Yes","option_b":"Nö"}'),
            (["1", "2", "3"], '{"option_a":"1","option_b":"2","option_c":"3"}'),
            (
                ["1", "2", "3", "🦊" * 25],
                f'{{"option_a":"1","option_b":"2","option_c":"3","option_d":"{"🦊" * 25}"}}',
            ),
        ],
        bad=[
            *(
                [],
                ["a"],
                ["a"] * 5,
                ["a", ""],
                ["a", " "],
                ["a", "b" * 26],
                ["a", 5],
                ["a", None],
                ["a", ["b"]],
            ),
            *("ab", 5, True, {"option_a": "a", "option_b": "b"}, ["a", "b" * 30_000]),
        ],
        kinds=(TEXT,),
    ),
    Row(
        *("gif", "gif_attachment", "invalid_gif"),
        good=[
            ({"id": given}, f'{{"gif_id":"{sent}","provider":"GIPHY"}}')
            for given, sent in (
                ("l0Hl", "l0Hl"),
                ("a-B_9", "a-B_9"),
                ("https://giphy.com/gifs/l0HlBO7eyXzSZkJri", "l0HlBO7eyXzSZkJri"),
                ("https://giphy.com/gifs/cat-love-fun-l0HlBO7eyXzSZkJri?a=b", "l0HlBO7eyXzSZkJri"),
                ("https://www.giphy.com/stickers/a-b-l0Hl/", "l0Hl"),
                ("giphy.com/embed/l0Hl", "l0Hl"),
                ("https://media.giphy.com/media/l0Hl/giphy.gif", "l0Hl"),
                ("https://media3.giphy.com/media/v1.Y2lkPTc5MGI3NjEx/l0Hl/giphy.webp?cid=1", "l0Hl"),
                ("https://i.giphy.com/l0Hl.gif", "l0Hl"),
            )
        ],
        bad=[
            "l0Hl",
            {},
            {"id": ""},
            {"id": 5},
            {"id": None},
            {"id": "x" * 65},
            {"id": "a b"},
            {"id": "l0Hl\n"},
            {"id": "https://gph.is/2abc"},
            {"id": "https://giphy.example/gifs/l0Hl"},
            {"id": "https://giphy.com/"},
            {"id": "x", "a": 1},
            [],
            True,
        ],
        kinds=(TEXT,),
    ),
    Row(
        *("textAttachment", "text_attachment", "invalid_text_attachment"),
        good=[
            ({"plaintext": "é\n"}, '{"plaintext":"é\\n"}'),
            ({"plaintext": "a" * 10_000}, f'{{"plaintext":"{"a" * 10_000}"}}'),
            (attached(link=None, styling=None), '{"plaintext":"0123456789"}'),
            (attached(link=False, styling=""), '{"plaintext":"0123456789"}'),
            (attached(link="", styling=[]), '{"plaintext":"0123456789"}'),
            (
                attached(link="http://x.example/"),
                '{"plaintext":"0123456789","link_attachment_url":"http://x.example/"}',
            ),
            (
                styled((2, 4), styles=("bold", "italic", "highlight", "underline", "strikethrough", "bold")),
                (
                    '{"plaintext":"0123456789","text_with_styling_info":[{"offset":2,"length":4,'
                    '"styling_info":["bold","italic","highlight","underline","strikethrough"]}]}'
                ),
            ),
            (
                styled((5, 5), (0, 5)),
                (
                    '{"plaintext":"0123456789","text_with_styling_info":['
                    '{"offset":5,"length":5,"styling_info":["bold"]},'
                    '{"offset":0,"length":5,"styling_info":["bold"]}]}'
                ),
            ),
        ],
        bad=[
            *(
                "a",
                5,
                True,
                [],
                {},
                {"plaintext": ""},
                {"plaintext": None},
                {"plaintext": 5},
                {"link": "http://x.y"},
            ),
            *({"plaintext": "a" * 10_001}, attached(text="a"), attached(link="x"), attached(link=0)),
            *(
                attached(link=["http://x.example"]),
                attached(styling=0),
                attached(styling={}),
                attached(styling="a"),
            ),
            *(
                attached(styling=["bold"]),
                attached(styling=[{}]),
                attached(styling=[[]]),
                attached(styling=[None]),
            ),
            *(
                styled((0, 11)),
                styled((10, 1)),
                styled((0, 5), (4, 2)),
                styled((4, 2), (0, 5)),
                styled((1, 1)) | {"x": 1},
            ),
            *(
                styled((0, 0)),
                styled((-1, 2)),
                styled((0, -1)),
                styled((0.0, 1)),
                styled((True, 1)),
                styled(("0", 1)),
            ),
            *(styled((0, 1), styles=()), styled((0, 1), styles=("loud",)), styled((0, 1), styles=([],))),
            attached(styling=[{"offset": 0, "length": 1, "styles": "bold"}]),
            attached(styling=[{"offset": 0, "length": 1, "styles": ["bold"], "more": 1}]),
        ],
        kinds=(TEXT,),
    ),
    Row(
        *("spoilers", "text_entities", "invalid_spoilers"),
        good=[
            (ranges((0, 5)), '[{"entity_type":"SPOILER","offset":0,"length":5}]'),
            (
                ranges((6, 5), (0, 6)),
                '[{"entity_type":"SPOILER","offset":6,"length":5},{"entity_type":"SPOILER","offset":0,"length":6}]',
            ),
        ],
        bad=[
            *(
                [],
                ranges(*((number, 1) for number in range(11))),
                ranges((0, 0)),
                ranges((-1, 1)),
                ranges((0, "1")),
            ),
            *(
                ranges((0, 1.0)),
                ranges((0, None)),
                ranges((True, 1)),
                ranges((0, 10**30)),
                ranges((10**4200, 1)),
            ),
            *(
                ranges((0, 12)),
                ranges((11, 1)),
                ranges((0, 5), (4, 1)),
                ranges((4, 1), (0, 5)),
                ranges((0, 1), (0, 1)),
            ),
            *(
                [[0, 1]],
                [None],
                [5],
                ["a"],
                [{}],
                [{"offset": 0}],
                {"offset": 0, "length": 1},
                "0,1",
                5,
                True,
            ),
            [{"offset": 0, "length": 1, "entity_type": "SPOILER"}],
        ],
    ),
    Row(
        *("spoilerMedia", "is_spoiler_media", "invalid_request"),
        good=[(True, "true")],
        bad=BAD_FLAGS,
        kinds=(IMAGE, VIDEO, CAROUSEL),
    ),
    Row(
        *("ghost", "is_ghost_post", "invalid_request"),
        good=[(True, "true")],
        bad=BAD_FLAGS,
        kinds=(TEXT,),
    ),
    Row(
        *("replyApprovals", "enable_reply_approvals", "invalid_request"),
        good=[(True, "true")],
        bad=BAD_FLAGS,
    ),
    Row(
        *("countries", "allowlisted_country_codes", "invalid_countries"),
        good=[(["DE"], "DE"), (["US", "CA", "US"], "US,CA"), (["DE"] * 250, "DE")],
        bad=[
            *(
                [],
                ["de"],
                ["DEU"],
                ["D"],
                [""],
                ["DE\n"],
                ["D,E"],
                ["ÄÖ"],
                [5],
                [None],
                [["DE"]],
                ["DE"] * 251,
            ),
            *("DE", {"DE": 1}, 5, True),
        ],
    ),
    Row(
        *("locationId", "location_id", "invalid_location"),
        good=[("123", "123")],
        bad=BAD_IDS,
        scope="threads_location_tagging",
    ),
    Row(
        *("shareToInstagram", "crossreshare_to_ig", "invalid_request"),
        good=[(True, "true")],
        bad=BAD_FLAGS,
        scope="threads_share_to_instagram",
    ),
]
"""One for each option; the forms are those of https://developers.facebook.com/docs/threads/posts."""

GOOD = [(row, value, sent) for row in ROWS for value, sent in row.good]
BAD = [(row, value) for row in ROWS for value in row.bad]


def named(case: object) -> str:
    """Return what a case is called."""
    return case.name if isinstance(case, Row) else ascii(case)[:40]


def test_every_option_is_in_the_table_of_these_tests() -> None:
    """A new option comes with its row, and no two are the same at Threads."""
    assert [row.name for row in ROWS] == [option.name for option in OPTIONS]
    assert len({option.parameter for option in OPTIONS}) == len(OPTIONS)


@pytest.mark.parametrize(("row", "value", "sent"), GOOD, ids=named)
def test_an_option_becomes_the_parameter_that_threads_documents(row: Row, value: Any, sent: str) -> None:
    """An option is sent under Threads' name and in its form, and nothing else of the request changes."""
    body = with_option(row.name, value)
    values, problems = read(body)
    assert problems == []
    without = {name: it for name, it in values.items() if name != row.name}
    expected = {**options.parameters(without, ["7", "8"]), "media_type": options.kind_of(values)}
    assert options.parameters(values, ["7", "8"]) == {**expected, row.parameter: sent}


@pytest.mark.parametrize(("row", "value"), BAD, ids=named)
def test_a_value_that_breaks_its_rule_is_told(row: Row, value: Any) -> None:
    """A value that Threads would not take is told under the option's name, and nothing else is."""
    told = {(option_of(field), code) for field, code in broken(with_option(row.name, value))}
    assert told == {(row.name, row.code)}


PARTS: list[tuple[dict[str, Any], list[str]]] = [
    (
        {"media": [*carousel(1), {"imageUrl": "http://a.example/"}, *carousel(1), {"altText": "a"}]},
        ["media[1]", "media[3]"],
    ),
    ({"media": [PICTURE, *carousel(1)]}, ["media[0]"]),
    ({"poll": ["a", "", "c", 5]}, ["poll[1]", "poll[3]"]),
    ({"countries": ["DE", "xx"]}, ["countries[1]"]),
    ({"spoilers": [*ranges((0, 1)), {}]}, ["spoilers[1]"]),
    ({"spoilers": ranges((6, 9), (0, 1))}, ["spoilers[0]"]),
    ({"spoilers": ranges((0, 5), (4, 1))}, ["spoilers[1]"]),
    ({"textAttachment": styled((0, 1), (0, 0))}, ["textAttachment.styling[1]"]),
    ({"textAttachment": styled((0, 1), (9, 2))}, ["textAttachment.styling[1]"]),
]


@pytest.mark.parametrize(("body", "fields"), PARTS, ids=range(len(PARTS)))
def test_of_several_things_the_wrong_ones_are_named(body: dict[str, Any], fields: list[str]) -> None:
    """Whoever gives twenty images and two wrong ones learns which two, in the field and in words."""
    _, problems = read({"text": "Hello there", **body})
    assert [problem.field for problem in problems] == fields
    told = InvalidRequest(*problems).message
    assert all(f"{field}: " in told for field in fields)


def test_an_error_names_a_bounded_number_of_things() -> None:
    """A body has room for thousands of wrong entries. The answer does not grow with them."""
    assert len(read({"text": "a", "textAttachment": attached(styling=[{}] * 9_000)})[1]) == 40


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_the_example_of_an_option_is_a_good_one(option: options.Option) -> None:
    """What the documentation shows can be published as it stands."""
    values, problems = read({"text": "Hello there", **with_option(option.name, option.example)})
    assert problems == []
    assert options.parameters(values)[option.parameter] == option.send(
        () if option.name == "media" else values[option.name]
    )


@pytest.mark.parametrize("row", [row for row in ROWS if row.name not in SET_KIND], ids=named)
@pytest.mark.parametrize("kind", ANY)
def test_an_option_is_for_its_kinds_of_posts(row: Row, kind: str) -> None:
    """On another kind of post an option is refused, with both kinds in the message."""
    _, problems = read({**KINDS[kind], row.name: row.good[0][0]})
    if kind in row.kinds:
        assert problems == []
        return
    [problem] = problems
    assert (problem.field, problem.code) == (row.name, "not_for_this_kind")
    assert all(word.lower() in problem.message for word in (kind, *row.kinds))


@pytest.mark.parametrize("row", ROWS, ids=named)
def test_an_option_needs_its_scope(row: Row) -> None:
    """What needs more than the right to publish says which scope, and nothing else does."""
    values, _ = read(with_option(row.name, row.good[0][0]))
    assert options.needed_scopes(values) == ([row.scope] if row.scope else [])


@pytest.mark.parametrize("absent", [None, False, ""], ids=ascii)
@pytest.mark.parametrize("row", ROWS, ids=named)
def test_null_false_and_nothing_are_the_same(row: Row, absent: object) -> None:
    """An option that is null, false or an empty text is not there, on whichever kind of post."""
    rest = {"imageUrl": PICTURE} if row.name == "text" else {"text": "a"}
    assert read({**rest, row.name: absent}) == (rest, [])


def test_the_media_of_a_carousel_have_calls_of_their_own() -> None:
    """Each medium is created as an item of a carousel with its description, and without the post's text."""
    values, _ = read(
        {"text": "Hello", "media": [*MEDIA, {"imageUrl": PICTURE, "altText": "", "videoUrl": None}]}
    )
    item = {"is_carousel_item": "true"}
    assert options.child_parameters(values) == [
        {"media_type": "IMAGE", "image_url": PICTURE, "alt_text": "A cat", **item},
        {"media_type": "VIDEO", "video_url": FILM, **item},
        {"media_type": "IMAGE", "image_url": PICTURE, **item},
    ]
    assert options.parameters(values, ["1", "2", "3"]) == {
        "media_type": "CAROUSEL",
        "text": "Hello",
        "children": "1,2,3",
    }
    assert options.child_parameters({"text": "a"}) == []


# --- between options ----------------------------------------------------------------------------------------

EXCLUDED = [
    ("videoUrl", "imageUrl", "too_many_media"),
    ("media", "imageUrl", "too_many_media"),
    ("media", "videoUrl", "too_many_media"),
    ("ghost", "replyToId", "exclude_each_other"),
    ("replyApprovals", "ghost", "exclude_each_other"),
    ("replyApprovals", "replyToId", "exclude_each_other"),
    ("textAttachment", "poll", "exclude_each_other"),
    ("gif", "poll", "exclude_each_other"),
    *(
        ("ghost", other, "exclude_each_other")
        for other in (
            *("replyControl", "quotePostId", "linkAttachment", "topicTag", "poll", "gif"),
            *("textAttachment", "countries", "locationId", "shareToInstagram"),
        )
    ),
]
"""The option that is told, the other one, and the code."""
OTHERS = {"replyToId": "repl"}
"""What a message calls the other one, where that is not its name."""


def examples(*names: str) -> dict[str, Any]:
    """Return a text with these options."""
    return {"text": "Hello there", **{name: BY_NAME[name].example for name in names}}


def test_every_exclusion_is_in_the_table_of_these_tests() -> None:
    """A new exclusion comes with its row."""
    assert [exclusion[:3] for exclusion in EXCLUSIONS] == EXCLUDED


@pytest.mark.parametrize(("name", "other", "code"), EXCLUDED)
def test_what_excludes_each_other_is_told(name: str, other: str, code: str) -> None:
    """Of two options that do not go together one is told, with the other one in its message."""
    _, problems = read(examples(name, other))
    [problem] = problems
    assert (problem.field, problem.code) == (name, code)
    assert OTHERS.get(other, other) in problem.message


@pytest.mark.parametrize(("name", "other", "code"), EXCLUDED)
def test_what_cannot_be_read_excludes_all_the_same(name: str, other: str, code: str) -> None:
    """Two options that do not go together are told even if one of them is wrong by itself."""
    assert (name, code) in broken({**examples(name, other), other: [0]})
    assert (name, code) in broken({**examples(name, other), name: [0]})
    assert broken({**examples(name), other: None}) == set()


def test_everything_else_goes_together() -> None:
    """Any two options of the same kind of post can be had together, unless the table says otherwise."""
    apart = {frozenset((name, other)) for name, other, _ in EXCLUDED}
    for name, other in combinations(BY_NAME, 2):
        common = [kind for kind in ANY if kind in BY_NAME[name].kinds and kind in BY_NAME[other].kinds]
        if common and frozenset((name, other)) not in apart:
            body = {**KINDS[common[0]], **examples(name, other)}
            assert broken(body) == set(), (name, other)


def test_a_post_has_one_card() -> None:
    """A link of the text attachment's own does not stand beside a card; one in its text does."""
    card = {"text": "a", "linkAttachment": "https://a.example/"}
    inner = {"plaintext": "see https://b.example/"}
    assert broken({**card, "textAttachment": inner}) == set()
    beside = {**card, "textAttachment": {**inner, "link": "https://b.example/"}}
    assert broken(beside) == {("linkAttachment", "exclude_each_other")}


def urls(*numbers: int) -> str:
    """Return a text with links."""
    return " ".join(f"https://{number}.example/" for number in numbers)


def link_attached(text: str, link: int | None = None) -> dict[str, Any]:
    """Return a text attachment with links."""
    return {"plaintext": text or "a", **({"link": urls(link)} if link else {})}


LINKS: list[tuple[dict[str, Any], int]] = [
    ({"text": urls(1, 2, 3, 4, 5)}, 5),
    ({"text": urls(1, 2, 3, 4, 5, 6)}, 6),
    ({"text": urls(1, 1, 1, 1, 1, 1, 1)}, 1),
    ({"text": urls(1, 2, 3, 4), "linkAttachment": urls(5)}, 5),
    ({"text": urls(1, 2, 3, 4, 5), "linkAttachment": urls(6)}, 6),
    ({"text": urls(1, 2, 3, 4, 5), "linkAttachment": urls(5)}, 5),
    ({"text": urls(1, 2), "textAttachment": link_attached(urls(3, 4), 5)}, 3),
    ({"text": urls(1, 2, 3, 4, 5), "textAttachment": link_attached("a", 6)}, 6),
    ({"text": urls(1, 2, 3), "textAttachment": link_attached(urls(1, 2, 3), 1)}, 3),
    ({"text": urls(1, 2), "linkAttachment": urls(3), "textAttachment": link_attached(urls(4, 5, 6))}, 3),
    ({"text": "a", "textAttachment": link_attached(urls(*range(7)))}, 0),
    ({"text": "www.1.example www.2.example, www.1.example"}, 2),
    ({"text": " ".join(f"www.{number}.example" for number in range(6))}, 6),
    ({"text": urls(1, 2, 3, 4, 5, 6), "imageUrl": PICTURE}, 6),
]


@pytest.mark.parametrize(("body", "many"), LINKS, ids=range(len(LINKS)))
def test_different_links_are_counted_wherever_they_stand(body: dict[str, Any], many: int) -> None:
    """A post has at most five different links: in its text, on its card, and the attachment's own one.

    What stands in the attachment's text does not count.
    """
    values, problems = read(body)
    assert len(options.all_links(values)) == many
    assert [(problem.field, problem.code) for problem in problems] == [("text", "too_many_links")] * (
        many > 5
    )
    assert all(f"{many} links; Threads takes 5" in problem.message for problem in problems)


SPOILERS: list[tuple[str, list[dict[str, Any]], bool]] = [
    ("hello", ranges((0, 5)), True),
    ("hello", ranges((4, 1), (0, 4)), True),
    ("hello", ranges((0, 6)), False),
    ("hello", ranges((5, 1)), False),
    ("hello", ranges((0, 3), (2, 1)), False),
    ("🦊🦊", ranges((0, 2)), True),
    ("🦊🦊", ranges((0, 3)), False),
    ("", ranges((0, 1)), False),
    ("0123456789", ranges(*((number, 1) for number in range(10))), True),
]


@pytest.mark.parametrize(("text", "spoilers", "fits"), SPOILERS, ids=range(len(SPOILERS)))
def test_spoilers_lie_within_the_text(text: str, spoilers: list[dict[str, Any]], fits: bool) -> None:  # noqa: FBT001 - a column
    """Ranges count characters, do not overlap, and end with the text, that of an image as well."""
    body = {"text": text, "imageUrl": PICTURE, "spoilers": spoilers}
    told = {(option_of(field), code) for field, code in broken(body)}
    assert told == (set() if fits else {("spoilers", "invalid_spoilers")})


COUNTED = [
    ("é" * 250, set(Counting)),
    ("é" * 251, {Counting.EMOJI_BYTES, Counting.CODE_POINTS}),
    ("é" * 500, {Counting.EMOJI_BYTES, Counting.CODE_POINTS}),
    ("🦊" * 126, {Counting.CODE_POINTS}),
    ("🦊" * 500, {Counting.CODE_POINTS}),
    ("a" * 501, set()),
]


@pytest.mark.parametrize("counting", Counting)
@pytest.mark.parametrize(("text", "fits"), COUNTED, ids=range(len(COUNTED)))
def test_a_text_is_as_long_as_the_service_counts(text: str, fits: set[Counting], counting: Counting) -> None:
    """How a text is counted is a setting, and who is refused is told how."""
    _, problems = read({"text": text}, counting)
    assert bool(problems) is (counting not in fits)
    unit = "bytes" if counting is Counting.UTF8_BYTES else "characters"
    assert all(f" of 500 {unit}" in problem.message for problem in problems)


# --- what is told -------------------------------------------------------------------------------------------

SEVERAL: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
    (
        {"text": "a" * 501, "poll": ["a"], "altText": "x", "replyToId": 5},
        {
            *(("text", "text_too_long"), ("poll", "invalid_poll")),
            *(("altText", "not_for_this_kind"), ("replyToId", "invalid_post_id")),
        },
    ),
    (
        {"text": urls(*range(50))},
        {("text", "text_too_long"), ("text", "too_many_links")},
    ),
    (
        {"text": "a", "ghost": True, "replyApprovals": True, "replyToId": "1"},
        {("ghost", "exclude_each_other"), ("replyApprovals", "exclude_each_other")},
    ),
    (
        {"text": "a", "imageUrl": PICTURE, "ghost": True, "replyToId": "1"},
        {("ghost", "not_for_this_kind"), ("ghost", "exclude_each_other")},
    ),
    (
        {"videoUrl": "y", "imageUrl": "x"},
        {
            *(("imageUrl", "invalid_media_url"), ("videoUrl", "invalid_media_url")),
            ("videoUrl", "too_many_media"),
        },
    ),
    ({"poll": ["a", "b"], "topicTag": "a.b"}, {("text", "empty_post"), ("topicTag", "invalid_topic_tag")}),
    ({"text": 5, "spoilers": ranges((0, 5))}, {("text", "invalid_request")}),
    ({"text": ["a"], "poll": ["a", "b"]}, {("text", "invalid_request")}),
]


@pytest.mark.parametrize(("body", "expected"), SEVERAL, ids=range(len(SEVERAL)))
def test_all_broken_rules_are_told_at_once(body: dict[str, Any], expected: set[tuple[str, str]]) -> None:
    """Whoever breaks several rules learns of all of them, several of one option as well, and of no others."""
    assert broken(body) == expected


def test_two_exclusions_of_one_option_are_two_messages() -> None:
    """An option that stands beside two others that it excludes is told twice."""
    _, problems = read(examples("replyApprovals", "ghost", "replyToId"))
    assert [problem.field for problem in problems] == ["ghost", "replyApprovals", "replyApprovals"]
    assert len({problem.message for problem in problems}) == 3


TOLD: list[tuple[dict[str, Any], str, list[str]]] = [
    ({"text": "a" * 501}, "text", ["counts 501", "of 500"]),
    ({"altText": "a" * 1001, "imageUrl": PICTURE}, "altText", ["1001", "1000"]),
    ({"topicTag": "a" * 51}, "topicTag", ["51", "50"]),
    ({"topicTag": "a.b"}, "topicTag", ["50", ". and &"]),
    ({"poll": ["a"] * 5}, "poll", ["2 to 4", "5 were"]),
    ({"poll": "ab"}, "poll", ["2 to 4", "none was"]),
    ({"poll": ["a", "b" * 26]}, "poll[1]", ["25", "'bbbbbb"]),
    ({"poll": ["a", 5]}, "poll[1]", ["25", "is something else"]),
    ({"countries": ["DE", "xx"]}, "countries[1]", ["3166", "'xx'"]),
    ({"media": carousel(21)}, "media", ["2 to 20", "21 were"]),
    ({"spoilers": ranges(*((number, 1) for number in range(11)))}, "spoilers", ["1 to 10", "11 was"]),
    ({"spoilers": ranges((3, 20))}, "spoilers[0]", ["ends at 23", "has 11"]),
    ({"spoilers": ranges((0, 5), (4, 1))}, "spoilers[1]", ["overlap", "4"]),
    ({"textAttachment": {"plaintext": "a" * 10_001}}, "textAttachment", ["10000", "10001"]),
    ({"textAttachment": styled((9, 2))}, "textAttachment.styling[0]", ["ends at 11", "has 10"]),
    *(
        ({name: known}, name, ["digits", "th_posts", "permalink"])
        for name in ("replyToId", "quotePostId")
        for known in ("https://www.threads.com/@ada/post/DAbc_d-9xyz", "DAbc_d-9xyz", "0f" * 32)
    ),
    ({"locationId": "DAbc_d-9xyz"}, "locationId", ["an id of Threads"]),
    ({"gif": {"id": "https://gph.is/2abc"}}, "gif", ["gph.is", "letters, digits", "giphy.com/gifs/"]),
    ({"imageUrl": "https://cdn.example/a b.jpg"}, "imageUrl", ["a b.jpg", "write %20 instead"]),
    ({"videoUrl": " https://cdn.example/a.mp4"}, "videoUrl", ["blanks at its ends"]),
    ({"linkAttachment": "https://a.example/b c"}, "linkAttachment", ["write %20 instead"]),
    ({"replyControl": "nobody"}, "replyControl", ["everyone", "followers_only"]),
    ({"linkAttachment": "https://x.example/".ljust(2049, "a")}, "linkAttachment", ["2049", "2048"]),
]


@pytest.mark.parametrize(("body", "field", "words"), TOLD, ids=range(len(TOLD)))
def test_a_message_has_what_was_given_and_what_is_allowed(
    body: dict[str, Any], field: str, words: list[str]
) -> None:
    """Who reads a message learns the rule, what was given and the limit, and needs no manual."""
    _, problems = read({"text": "Hello there", **body})
    [problem] = problems
    assert problem.field == field
    assert [word for word in words if word not in problem.message] == []
    assert len(problem.message) < 250


# --- where media lie ----------------------------------------------------------------------------------------

PUBLIC = [
    *("cdn.example", "CDN.Example", "a.b.c.example", "cdn.example.", "cdn.example:443", "cdn.example:8443"),
    *(
        "bücher.example",
        "xn--bcher-kva.example",
        "例え.テスト.example",
        "1.example",
        "0x7f.example",
        "a_b.example",
    ),
    *("10.0.0.1.example", "localhost.example", "local.example", "internal.example", "a-b.example"),
]
PRIVATE = [
    *("localhost", "LOCALHOST", "localhost.", "a.localhost", "cdn", "cdn.", "intranet:8080"),
    *(
        "127.0.0.1",
        "127.1",
        "127.0.0.1.",
        "10.0.0.1",
        "192.168.0.1",
        "169.254.169.254",
        "8.8.8.8",
        "1.2.3.4:443",
    ),
    *("2130706433", "0x7f000001", "0x7f.1", "0x7f.0x1", "0177.0.0.01", "017700000001", "1.2.3.0x4"),
    *("[::1]", "[::]", "[::ffff:127.0.0.1]", "[2001:db8::1]:443", "[fe80::1%25eth0]", "[v1.example]"),
    "\uff11\uff12\uff17.\uff10.\uff10.\uff11",
    "127\u30020\u30020\u30021",
    "\u24db\u24de\u24d2\u24d0\u24db\u24d7\u24de\u24e2\u24e3",
    *("a.local", "a.LOCAL.", "printer.lan", "metadata.google.internal", "a.home.arpa", "a.test", "a.invalid"),
    *("user@cdn.example", "user:pw@cdn.example", "@cdn.example", "cdn.example@10.0.0.1"),
    *("cdn.example:port", "cdn.example:99999", "cdn.example:-1", "cdn.example:443:443"),
    *(
        "a..example",
        ".example",
        "cdn.example..",
        "-a.example",
        "a-.example",
        "a" * 64 + ".example",
        "..",
        ".",
    ),
    *(
        "",
        ":443",
        "cdn.example\\",
        "a b.example",
        "a%2eexample",
        "cdn*.example",
        "\u2100.example",
        "\u00ad.example",
    ),
]


@pytest.mark.parametrize("host", PUBLIC, ids=ascii)
def test_a_file_may_lie_wherever_the_world_can_read_it(host: str) -> None:
    """Any public name will do, in any script and case and with any port; it is sent as it was given."""
    url = f"https://{host}/a.jpg"
    for name, value in (
        ("imageUrl", url),
        ("videoUrl", url),
        ("media", [{"imageUrl": url}, {"videoUrl": url}]),
    ):
        assert read({name: value}) == ({name: value}, [])


@pytest.mark.parametrize("host", PRIVATE, ids=ascii)
def test_a_file_does_not_lie_where_only_we_can_read_it(host: str) -> None:
    """Addresses, however they are written, names of a house's own and hosts with a user are refused."""
    url = f"https://{host}/a.jpg"
    assert broken({"imageUrl": url}) == {("imageUrl", "invalid_media_url")}
    assert broken({"videoUrl": url}) == {("videoUrl", "invalid_media_url")}
    assert broken({"media": [{"imageUrl": PICTURE}, {"videoUrl": url}]}) == {("media[1]", "invalid_media")}


# --- anything at all ----------------------------------------------------------------------------------------

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
NUMBERS = st.integers(-2, 12) | st.sampled_from([2**63, -(10**30), 10**4290]) | st.floats(allow_nan=False)
MEMBERS = st.sampled_from(
    [
        *("offset", "length", "styles", "plaintext", "link", "styling", "id"),
        *("imageUrl", "videoUrl", "altText"),
    ]
)
WORDS = st.sampled_from(
    ["bold", "DE", "everyone", "123", PICTURE, "https://[", "https://a.example:x/", "a.b"]
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(MEMBERS | TEXTS, inner, max_size=4),
    max_leaves=12,
)
RANGES = st.lists(
    st.fixed_dictionaries({"offset": NUMBERS, "length": NUMBERS}, optional={"styles": st.lists(WORDS)}),
    max_size=4,
)
NEARLY = (
    RANGES
    | st.fixed_dictionaries({"plaintext": TEXTS}, optional={"styling": RANGES, "link": WORDS})
    | st.lists(WORDS, max_size=5)
    | st.lists(st.dictionaries(MEMBERS, WORDS, max_size=3), max_size=4)
    | st.fixed_dictionaries({"id": TEXTS})
)
"""Values of the right shape."""


def is_storable(value: Any) -> bool:
    """Say whether Firestore can hold a value: no list directly in a list, numbers of 64 bits, whole texts."""
    if isinstance(value, dict):
        return all(isinstance(name, str) and is_storable(one) for name, one in value.items())
    if isinstance(value, list):
        return all(is_storable(one) and not isinstance(one, list) for one in value)
    if isinstance(value, str):
        return value.encode() is not None
    return isinstance(value, bool) or (type(value) is int and -(2**63) <= value < 2**63)


HUGE = int("9" * 4300)
"""As many digits as JSON may have here; twice as much cannot be written out any more."""


@given(st.dictionaries(st.sampled_from([*BY_NAME]), ANYTHING | NEARLY, max_size=4), st.sampled_from(Counting))
@example({"text": "a", "spoilers": ranges((HUGE, HUGE))}, Counting.UTF8_BYTES)
@example({"text": "a", "textAttachment": styled((HUGE, HUGE))}, Counting.UTF8_BYTES)
@example({"text": "a", "poll": [HUGE, HUGE]}, Counting.UTF8_BYTES)
def test_any_value_is_taken_or_told(body: dict[str, Any], counting: Counting) -> None:
    """Whatever JSON holds, an option has it as a value or a problem; what is taken can be sent and stored."""
    values, problems = read(body, counting)
    told = {option_of(problem.field) for problem in problems}
    for name, given_value in body.items():
        assert name in values or name in told or given_value is None or given_value in (False, "")
    assert all(problem.message.encode() and len(problem.message) < 300 for problem in problems)
    if not problems:
        sent = options.parameters(values, ["7", "8"])
        assert all(isinstance(one, str) and one.encode() for one in sent.values())
        assert is_storable(values)
        assert read(json.loads(json.dumps(values)), counting) == (values, [])


@pytest.mark.parametrize("name", BY_NAME)
@pytest.mark.parametrize("opening", ["[", '{"plaintext":', '[{"offset":', '["a",'])
def test_no_depth_is_too_deep(name: str, opening: str) -> None:
    """However deeply a value is nested, the body or the option is told, and nothing breaks."""
    closing = "".join({"[": "]", "{": "}"}[sign] for sign in reversed(opening) if sign in "[{")
    for depth in (*range(1, 8), *range(900, 1000)):
        raw = f'{{"text": "a", "{name}": {opening * depth}0{closing * depth}}}'
        try:
            body = parse_object(raw.encode())
        except InvalidRequest:
            continue
        assert name in {option_of(field) for field, _ in broken(body)} | (
            {"text"} if name == "text" else set()
        )


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("http://cdn.example/a.jpg", "an absolute https URL"),
        ("cdn.example/a.jpg", "an absolute https URL"),
        ("https://127.0.0.1/a.jpg", "no address"),
        ("https://printer.local/a.jpg", "a public name"),
        ("https://ada:geheim@cdn.example/a.jpg", "no user name or password"),
    ],
)
def test_the_broken_part_of_a_media_url_is_told(url: str, part: str) -> None:
    """A refused media URL says which part of the rule it breaks; a password in it is not shown."""
    with pytest.raises(Wrong) as wrong:
        option_values.media_url(url)
    assert part in str(wrong.value)
    assert "geheim" not in str(wrong.value)
