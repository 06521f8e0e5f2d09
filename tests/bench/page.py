"""Puts what was measured into docs/performance.md, each part between its two comments."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from emulator.suite.paths import ROOT

PAGE = ROOT / "docs" / "performance.md"
CPUS = Path("/proc/cpuinfo")


def write(part: str, lines: Sequence[str]) -> None:
    """Replace the table of a part."""
    PAGE.write_text(replaced(PAGE.read_text(encoding="utf-8"), part, lines), encoding="utf-8")


def replaced(page: str, part: str, lines: Sequence[str]) -> str:
    """Return a page with other lines between the comments of a part.

    Raises:
        ValueError: the page does not have both of them, once.

    """
    begin, end = f"<!-- make bench ONLY={part} -->\n", f"<!-- end of {part} -->"
    if page.count(begin) != 1 or page.count(end) != 1 or page.index(end) < page.index(begin):
        raise ValueError(f"docs/performance.md has no place for {part}: {begin.strip()} … {end}")
    head, _, rest = page.partition(begin)
    return head + begin + "\n" + "\n".join(lines).strip() + "\n\n" + end + rest.partition(end)[2]


def machine() -> str:
    """Return when and where a part is measured, and how busy the machine was with other things."""
    known = re.search(r"^model name\s*: (.+)$", CPUS.read_text() if CPUS.exists() else "", re.MULTILINE)
    name = known[1] if known else platform.machine()
    today = datetime.now(UTC).date().isoformat()
    return (
        f"{today}, Python {platform.python_version()}, {os.cpu_count()} CPUs ({name}),\n"
        f"load before it: {os.getloadavg()[0]:.1f}."
    )
