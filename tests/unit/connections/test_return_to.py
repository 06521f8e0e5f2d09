"""Where the browser goes afterwards: never to a stranger, in no parser's eyes."""

import json
import random
import shutil
import subprocess
import textwrap
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from threads.base.errors import InvalidReturnTo
from threads.connections.return_to import MAX_LENGTH, ReturnTo, validate_return_to

ORIGINS = ("https://app.example", "https://admin.example:8443", "http://localhost:5000")
OUTCOME = {"threads": "connected", "accountId": "17841405793187218"}

ACCEPTED = {
    "https://app.example": "https://app.example/",
    "https://app.example/": "https://app.example/",
    "https://app.example?x=1": "https://app.example/?x=1",
    "https://app.example#x": "https://app.example/#x",
    "https://app.example/settings?tab=2&q=a%20b#part": "https://app.example/settings?tab=2&q=a%20b#part",
    "https://app.example//evil.example": "https://app.example//evil.example",
    "https://app.example/https://evil.example": "https://app.example/https://evil.example",
    "https://app.example/?next=//evil.example": "https://app.example/?next=//evil.example",
    "https://app.example/@evil.example": "https://app.example/@evil.example",
    "https://app.example/..//evil.example": "https://app.example/..//evil.example",
    "https://admin.example:8443/x": "https://admin.example:8443/x",
    "http://localhost:5000/x": "http://localhost:5000/x",
}

REFUSED = [
    "",
    " ",
    "/",
    "/settings",
    "settings",
    "//evil.example",
    "//app.example",
    "///app.example",
    "https:evil.example",
    "https:/evil.example",
    "https:app.example",
    "https:/app.example",
    "https:///app.example",
    "https://app.example.evil.example",
    "https://app.exampleevil",
    "https://app.example@evil.example",
    "https://app.example:@evil.example",
    "https://app.example:pw@evil.example/",
    "https://app.example%40evil.example",
    "https://app.example%2f@evil.example",
    "https://user@app.example",
    "https://app.example@app.example/",
    "https://evil.example/https://app.example",
    "https://evil.example#https://app.example",
    "https://evil.example?https://app.example",
    "https://app.example\\@evil.example",
    "https://app.example\\.evil.example",
    "https:\\\\app.example",
    "https://app.example/\\evil.example",
    "https://app.example/a\tb",
    "https://app.example/a\nb",
    "https://app.example/\r\nSet-Cookie: x=1",
    "https://app.example\t.evil.example",
    "\thttps://app.example/",
    " https://app.example/",
    "https://app.example/ ",
    "https://app.example/a b",
    "https://app.example/\x00",
    "https://app.example/é",
    "https://app.example/\u2028",
    "https://app.example\uff0fevil.example",
    "https://app\u3002example/",
    "https://аpp.example/",  # noqa: RUF001 - a Cyrillic letter is what is refused
    "https://app.example/\ud800",
    "javascript:alert(1)",
    "javascript://app.example/%0aalert(1)",
    "data:text/html,x",
    "https://app.example:443/",
    "https://app.example:444/",
    "https://app.example:",
    "https://app.example.",
    "https://app.example./",
    "https://APP.example/",
    "HTTPS://app.example/",
    "http://app.example/",
    "https://admin.example/",
    "https://admin.example:84431/",
    "http://localhost:50000/",
    "http://localhost:5000.evil.example/",
    "https://localhost:5000/",
    "ftp://app.example/",
    "blob:https://app.example/x",
    "view-source:https://app.example/",
]


@pytest.mark.parametrize(("url", "expected"), ACCEPTED.items())
def test_pages_of_the_app_are_accepted(url: str, expected: str) -> None:
    """Any page of an allowed origin will do, and stays as it is."""
    assert validate_return_to(url, ORIGINS) == ReturnTo(expected)


@pytest.mark.parametrize("url", REFUSED, ids=ascii)
def test_everything_else_is_refused(url: str) -> None:
    """What does not begin with an allowed origin, or could be read in two ways, is a 400."""
    with pytest.raises(InvalidReturnTo):
        validate_return_to(url, ORIGINS)


def test_nothing_is_accepted_without_origins() -> None:
    """A service that names no origins sends no browser anywhere."""
    with pytest.raises(InvalidReturnTo, match="ALLOWED_ORIGINS"):
        validate_return_to("https://app.example/", ())


def test_the_length_is_limited() -> None:
    """2,000 characters are accepted, one more is not."""
    longest = "https://app.example/".ljust(MAX_LENGTH, "x")
    assert validate_return_to(longest, ORIGINS).url == longest
    with pytest.raises(InvalidReturnTo, match="2001"):
        validate_return_to(longest + "x", ORIGINS)


OUTCOMES = [
    ("https://app.example", "https://app.example/?{}#threads"),
    ("https://app.example?", "https://app.example/?{}#threads"),
    ("https://app.example/a?x=1", "https://app.example/a?x=1&{}#threads"),
    ("https://app.example/a?x=1&x=2&=&y", "https://app.example/a?x=1&x=2&=&y&{}#threads"),
    ("https://app.example/a#part", "https://app.example/a?{}#part"),
    ("https://app.example/a#", "https://app.example/a?{}#threads"),
    ("https://app.example/a?x=1#a?threads=failed", "https://app.example/a?x=1&{}#a?threads=failed"),
    ("https://app.example/?threads=failed&error=x&accountId=1&y=2", "https://app.example/?y=2&{}#threads"),
    ("https://app.example/?threads&threads=a&threadsX=1", "https://app.example/?threadsX=1&{}#threads"),
    ("https://app.example/?%74hreads=failed&account%49d=1&y=2", "https://app.example/?y=2&{}#threads"),
    ("https://app.example/?refused=threads_delete&y=2", "https://app.example/?y=2&{}#threads"),
    ("https://app.example/?q=a+b%26c", "https://app.example/?q=a+b%26c&{}#threads"),
]


@pytest.mark.parametrize(("url", "expected"), OUTCOMES)
def test_the_outcome_joins_the_query(url: str, expected: str) -> None:
    """Query and fragment are kept, an earlier outcome is replaced, and there is always a fragment."""
    result = validate_return_to(url, ORIGINS).with_outcome(OUTCOME)
    assert result == expected.format("threads=connected&accountId=17841405793187218")


def test_the_outcome_is_encoded() -> None:
    """A value cannot break out of its parameter."""
    result = ReturnTo("https://app.example/").with_outcome({"threads": "failed", "error": "a&b=c#d e/é"})
    assert result == "https://app.example/?threads=failed&error=a%26b%3Dc%23d%20e%2F%C3%A9#threads"


HANDLE = "Zx9-_" * 8 + "abc"
WITH_HANDLE = [
    ("https://app.example", "https://app.example/"),
    ("https://app.example?", "https://app.example/"),
    ("https://app.example/a?x=1&x=2&=&y", "https://app.example/a?x=1&x=2&=&y"),
    ("https://app.example/a#part", "https://app.example/a"),
    ("https://app.example/a?x=1#th_link=another?threads=failed", "https://app.example/a?x=1"),
    ("https://app.example/?threads=connected&accountId=1&refused=x&y=2", "https://app.example/?y=2"),
    ("https://app.example/?threads=failed&error=x", "https://app.example/"),
]


@pytest.mark.parametrize(("url", "expected"), WITH_HANDLE)
def test_the_handle_is_the_fragment(url: str, expected: str) -> None:
    """A handle takes the fragment's place, where no server sees it; an earlier outcome leaves the query."""
    assert validate_return_to(url, ORIGINS).with_handle(HANDLE) == f"{expected}#th_link={HANDLE}"


PIECES = [
    *REFUSED,
    *ACCEPTED,
    *ORIGINS,
    *"/\\@:?#%.&;=\t\n\0 [",
    "..",
    "%2f",
    "threads=x",
    "evil.example",
    "é",
]
HOSTILE = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), min_size=1, max_size=4).map("".join)
AFTER_AN_ORIGIN = st.tuples(st.sampled_from(ORIGINS), HOSTILE).map("".join)


@given(HOSTILE | AFTER_AN_ORIGIN)
def test_whatever_comes_is_ours_or_refused(url: str) -> None:
    """No text is accepted whose origin is not an allowed one, and none raises anything else."""
    try:
        accepted = validate_return_to(url, ORIGINS)
    except InvalidReturnTo:
        return
    parts = urlsplit(accepted.with_outcome(OUTCOME))
    assert f"{parts.scheme}://{parts.netloc}" in ORIGINS
    assert parse_qsl(parts.query)[-2:] == list(OUTCOME.items())
    handed = urlsplit(accepted.with_handle(HANDLE))
    assert (f"{handed.scheme}://{handed.netloc}" in ORIGINS, handed.fragment) == (True, f"th_link={HANDLE}")


JUDGE = textwrap.dedent("""
    const lines = require("fs").readFileSync(0, "utf8").trim().split("\\n").map(line => JSON.parse(line))
    console.log(JSON.stringify(lines.map(line => { try {
        const url = new URL(line, "https://base.invalid/")
        return [url.origin, url.username + url.password, url.searchParams.getAll("threads"), url.hash]
    } catch (error) { return ["error", "", [], ""] } })))
""")


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node's WHATWG URL parser")
def test_a_browser_sees_the_same_origin() -> None:
    """By the parser that browsers use, thousands of accepted values and their outcomes stay with the app."""
    dice = random.Random(1)  # noqa: S311 - the same values in each run
    tails = ("".join(dice.choices(PIECES, k=dice.randint(1, 4))) for _ in range(30_000))
    texts = {*REFUSED, *ACCEPTED, *(dice.choice(["", *ORIGINS]) + tail for tail in tails)}
    accepted = [url for text in sorted(texts) if (url := _accepted(text))]
    results = [url.with_outcome(OUTCOME) for url in accepted]
    handed = [url.with_handle(HANDLE) for url in accepted]
    assert len(accepted) > 1000
    lines = "\n".join(json.dumps(text) for text in [*(url.url for url in accepted), *results, *handed])
    judged = subprocess.run(  # noqa: S603 - the script above
        ["node", "-e", JUDGE],  # noqa: S607 - whichever Node is installed
        input=lines.encode(),
        capture_output=True,
        check=True,
    )
    verdicts = json.loads(judged.stdout)
    assert len(verdicts) == 3 * len(accepted)
    assert {origin for origin, *_ in verdicts} <= set(ORIGINS)
    assert {userinfo for _, userinfo, *_ in verdicts} == {""}
    for result, (_, _, outcomes, fragment) in zip(
        results, verdicts[len(accepted) : -len(handed)], strict=True
    ):
        assert outcomes[-1] == "connected", result
        assert len(fragment) > 1, result
    assert {(*outcomes, fragment) for _, _, outcomes, fragment in verdicts[-len(handed) :]} == {
        (f"#th_link={HANDLE}",)
    }


def _accepted(text: str) -> ReturnTo | None:
    try:
        return validate_return_to(text, ORIGINS)
    except InvalidReturnTo:
        return None
