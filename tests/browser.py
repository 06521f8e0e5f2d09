"""Finds a browser for the journeys, or installs one by the ways that there are.

``python -m tests.browser`` installs one if there is none. With ``--check`` it only says, by its status and in
one sentence, whether there is one: `make test` runs everything else first.

1. one that is there: Chromium or Chrome;
2. the one that Playwright has downloaded, or downloads now;
3. the one in the npm package ``@sparticuz/chromium``, which brings its libraries and needs no rights;
4. the system's package, where this may be installed.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

PATIENCE_SECONDS = 600
"""How long one way may take: a download of some 200 MB."""

PACKED = ROOT / "venv" / "browser"
"""Where the npm package's browser is unpacked."""

PACKAGE = "@sparticuz/chromium@153.0.0"

FONTS = (
    '<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">'
    f"<fontconfig><dir>{PACKED / 'tmp' / 'fonts'}</dir><cachedir>{PACKED / 'cache'}</cachedir></fontconfig>"
)
"""Says where its fonts are. The package's own file names folders of AWS Lambda, and a page without fonts ends
the browser."""

UNPACK = """
const { default: chromium } = await import("@sparticuz/chromium");
console.log(await chromium.executablePath());
"""

MISSING = (
    "There is no browser, so the journeys did not run; everything else did."
    " Install Chromium or Chrome, and run `make test` again."
)


if node := shutil.which("node"):
    # Playwright brings one of its own, which lacks a library on a bare system. The suite needs one anyway.
    os.environ.setdefault("PLAYWRIGHT_NODEJS_PATH", node)


class Found(NamedTuple):
    """A browser."""

    path: str
    environment: dict[str, str]
    """What it needs beside the usual variables."""


def find() -> Found | None:
    """Return a browser that is there."""
    if path := next(filter(None, map(shutil.which, NAMES)), None):
        return Found(path, {})
    if path := _downloaded():
        return Found(path, {})
    return _unpacked()


def install() -> Found | None:
    """Return a browser that is there now, whatever had to be done for it."""
    found = find()
    for name, way in WAYS.items():
        if found:
            break
        print(f"Installing a browser for the tests: {name} …", flush=True)  # noqa: T201 - progress
        if way():
            found = find()
    return found


def _downloaded() -> str | None:
    """Return the browser that Playwright has downloaded."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - starts a process

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if Path(path).exists() else None


def _unpacked() -> Found | None:
    path, libraries, fonts = (
        PACKED / "tmp" / "chromium",
        PACKED / "tmp" / "al2023" / "lib",
        PACKED / "fonts.conf",
    )
    if not (path.exists() and fonts.exists()):
        return None
    return Found(str(path), {"LD_LIBRARY_PATH": str(libraries), "FONTCONFIG_FILE": str(fonts)})


def _ran(*command: str | Path, environment: dict[str, str] | None = None) -> bool:
    """Run a command, and return whether it succeeded. What it says is not for people."""
    try:
        done = subprocess.run(  # noqa: S603 - the commands below
            command,
            env={**os.environ, **(environment or {})},
            capture_output=True,
            check=False,
            timeout=PATIENCE_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _from_playwright() -> bool:
    return _ran(sys.executable, "-m", "playwright", "install", "chromium")


def _from_system() -> bool:
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return False
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    packages = ("apt-get", "install", "-y", "--no-install-recommends", "chromium")
    return _ran("apt-get", "update", environment=quiet) and _ran(*packages, environment=quiet)


def _from_npm() -> bool:
    """Install the package, and let it unpack its browser and libraries, as it does on AWS Lambda."""
    (PACKED / "tmp").mkdir(parents=True, exist_ok=True)
    script = PACKED / "unpack.mjs"
    script.write_text(UNPACK, encoding="utf-8")
    (PACKED / "fonts.conf").write_text(FONTS, encoding="utf-8")
    lambda_like = {"TMPDIR": str(PACKED / "tmp"), "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs20.x"}
    return _ran("npm", "install", "--prefix", PACKED, "--ignore-scripts", "--no-audit", PACKAGE) and _ran(
        "node", script, environment=lambda_like
    )


WAYS: dict[str, Callable[[], bool]] = {
    "Playwright's": _from_playwright,
    "one from the npm registry": _from_npm,
    "the system's": _from_system,
}


def main(words: Iterator[str]) -> int:
    """Install a browser, or with ``--check`` only say whether there is one."""
    if "--check" not in words:
        install()
        return 0
    if find():
        return 0
    print(f"✗ {MISSING}")  # noqa: T201 - the answer
    return 1


if __name__ == "__main__":
    sys.exit(main(iter(sys.argv[1:])))
