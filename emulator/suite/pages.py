"""Shows the pages of ``docs/`` in a browser: an error of the functions leads to one of them.

Headings have the anchors that GitHub gives them, so that the same links work here and there.
"""

import re
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt

from emulator.suite.paths import ROOT

ERRORS = "docs/errors.md"
"""The page that explains every error."""

_FRAME = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{title}</title>
<link rel="stylesheet" href="/pages.css">
<main>
{body}</main>
</html>
"""


def find(name: str) -> Path | None:
    """Return the page of docs/ with a name, or None if there is none."""
    page = ROOT / "docs" / f"{Path(name).name}.md"
    return page if page.exists() else None


def render(page: Path) -> str:
    """Return a page as HTML."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(page.read_text(encoding="utf-8"))
    title = page.name
    for opening, inline in pairwise(tokens):
        if opening.type == "heading_open":
            opening.attrSet("id", anchor(inline.content))
            title = inline.content if opening.tag == "h1" else title
    return _FRAME.format(title=title, body=markdown.renderer.render(tokens, markdown.options, {}))


def anchor(heading: str) -> str:
    """Return the name that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
