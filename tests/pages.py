"""Reads Markdown pages: their tables, links, headings, code blocks and shell commands.

Nothing here knows what the pages are about.
"""

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_INLINE_CODE = re.compile(r"`([^`]+)`")
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_PLACEHOLDER = re.compile(r"<(?:your|the) [^<>\n]+>")
_HERE_DOCUMENT = re.compile(r"<<(\w+)\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(?:^|(?<=\s))# .*$", re.MULTILINE)
_ASSIGNMENT = re.compile(r"(\w+)=(.*)", re.DOTALL)
_SEPARATORS = frozenset("();|&\n")
_KEYWORDS = ("do", "done", "{", "}")


class Table(NamedTuple):
    """A table: its head and its rows, cell by cell."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Page:
    """A page as it stands in the repository."""

    path: Path

    @cached_property
    def text(self) -> str:
        """All of it."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def sentences(self) -> str:
        """All of it, however its lines are wrapped."""
        return " ".join(self.text.split())

    @cached_property
    def prose(self) -> str:
        """What is in no code block."""
        return _FENCE.sub("", self.text)

    @cached_property
    def inline_code(self) -> list[str]:
        """What stands in code marks."""
        return [" ".join(code.split()) for code in _INLINE_CODE.findall(self.prose)]

    @cached_property
    def links(self) -> list[str]:
        """Where its links and pictures lead."""
        return _LINK.findall(_INLINE_CODE.sub("", self.prose))

    @cached_property
    def anchors(self) -> set[str]:
        """The names that GitHub gives to its headings."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.MULTILINE)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}

    @cached_property
    def tables(self) -> list[Table]:
        """Its tables, from the first to the last."""
        return list(_tables(self.prose))

    def section(self, title: str) -> str:
        """Return the prose below a heading, up to the next one."""
        [section] = re.findall(
            rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", self.prose, re.MULTILINE | re.DOTALL
        )
        return str(section)

    def table(self, title: str, *, number: int = 0) -> Table:
        """Return a table below a heading, by default the first one."""
        return list(_tables(self.section(title)))[number]

    def blocks(self, language: str) -> list[str]:
        """Return its code blocks in a language."""
        return [text for name, text in _FENCE.findall(self.text) if name == language]


def code_marks(cell: str) -> list[str]:
    """Return what stands in code marks in a table's cell."""
    return _INLINE_CODE.findall(cell)


class Script(NamedTuple):
    """A shell block, taken apart."""

    commands: list[list[str]]
    """The words of each command, variables replaced as far as the script says what they are."""
    assigned: dict[str, str]
    """Variables, by name."""
    defined: set[str]
    """Functions."""
    used: set[str]
    """Variables that it uses and has not assigned before."""


def shell_script(block: str, known: Mapping[str, str] | None = None) -> Script:
    """Take a shell block apart, with the variables that were known before it.

    Not a shell: it knows what occurs on the pages. ``bash -n`` says whether it is one.
    """
    plain = _PLACEHOLDER.sub("placeholder", block)
    variables = dict(known or {})
    script = Script([], variables, set(re.findall(r"^(\w+)\(\)", plain, re.MULTILINE)), set())
    variables |= {name: name for name in re.findall(r"\bfor (\w+) in ", plain)}
    bare = _COMMENT.sub("", _HERE_DOCUMENT.sub(" ", plain)).replace("\\\n", " ")
    for words in _commands(bare):
        command = [_expanded(word, script) for word in words]
        while command and (assignment := _ASSIGNMENT.fullmatch(command[0])):
            variables[assignment[1]] = assignment[2]
            command = command[1:]
        if command and command != ["$"]:
            script.commands.append(command)
    return script


def _tables(text: str) -> Iterator[Table]:
    for is_table, lines in groupby(text.splitlines(), key=lambda line: line.startswith("|")):
        if is_table:
            head, _, *rows = (_cells(line) for line in lines)
            yield Table(head, tuple(rows))


def _cells(line: str) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|"))


def _commands(text: str) -> Iterator[Sequence[str]]:
    """Yield the words of each simple command."""
    lexer = shlex.shlex(text, posix=True, punctuation_chars="();|&<>\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t", True, ""
    words: list[str] = []
    for token in [*lexer, "\n"]:
        if not token or set(token) - _SEPARATORS:
            words.append(token)
            continue
        command = _without_redirections(words)
        while command and command[0] in _KEYWORDS:
            command = command[1:]
        if command and command[0] != "for":
            yield command
        words = []


def _without_redirections(words: Sequence[str]) -> list[str]:
    kept: list[str] = []
    is_target = False
    for word in words:
        if word and not set(word) - set("<>"):
            is_target = True
        elif is_target:
            is_target = False
        else:
            kept.append(word)
    return kept


def _expanded(word: str, script: Script) -> str:
    """Replace variables; those that are not known stay, and are noted."""

    def value(match: re.Match[str]) -> str:
        name = match[1]
        if name not in script.assigned and not name.isdigit():
            script.used.add(name)
        return script.assigned.get(name, match[0])

    return re.sub(r"\$(\w+)", value, word)
